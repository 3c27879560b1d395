package holdfast.network;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashSet;

/**
 * A bounded number of places for connections in one stage of their handshake, in all and for each
 * source. Where one is needed and none is free, the oldest that has shown least makes room: of the
 * source itself where that has too many, else of the one that has most. Guarded by its gate's lock.
 */
final class HandshakePlaces {
  private final int placesMax;
  private final int perSourceMax;

  /** The oldest first. */
  private final LinkedHashSet<StrangerGate.Place> places = new LinkedHashSet<>();

  HandshakePlaces(int placesMax, int perSourceMax) {
    this.placesMax = placesMax;
    this.perSourceMax = perSourceMax;
  }

  /** True when one more of this source would be too many. */
  boolean isFull(long source) {
    return places.size() >= placesMax || countOf(source) >= perSourceMax;
  }

  /** Who makes room for one more of this source; null when everybody there may stay. */
  StrangerGate.Place oldestToGo(long source) {
    boolean isOwn = countOf(source) >= perSourceMax;
    var candidates = new ArrayList<StrangerGate.Place>();
    var bySource = new HashMap<Long, Integer>();
    int most = 0;
    for (StrangerGate.Place place : places) {
      if ((!isOwn || place.source() == source) && place.mayHaveToGo()) {
        candidates.add(place);
        most = Math.max(most, bySource.merge(place.source(), 1, Integer::sum));
      }
    }
    for (StrangerGate.Place place : candidates) {
      if (bySource.get(place.source()) == most) {
        return place;
      }
    }
    return null;
  }

  void add(StrangerGate.Place place) {
    places.add(place);
  }

  void remove(StrangerGate.Place place) {
    places.remove(place);
  }

  int count() {
    return places.size();
  }

  /** How many of the same source came before this one and still wait to be answered. */
  int unansweredBefore(StrangerGate.Place place) {
    int count = 0;
    for (StrangerGate.Place each : places) {
      if (each == place) {
        break;
      }
      count += each.source() == place.source() && !each.isAnswered() ? 1 : 0;
    }
    return count;
  }

  private int countOf(long source) {
    int count = 0;
    for (StrangerGate.Place place : places) {
      count += place.source() == source ? 1 : 0;
    }
    return count;
  }
}
