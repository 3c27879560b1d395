package holdfast.placement;

import holdfast.model.ChunkId;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Computes how many partitions each peer should own: in proportion to its capacity, as far as
 * distinct owners in distinct failure domains allow.
 */
final class Quotas {
  private static final int BISECTIONS = 200;

  private Quotas() {}

  /**
   * Quotas that add up to {@code copies} times the number of partitions.
   *
   * @param domains the failure domain of each peer, 0 to {@code domainCount} - 1
   * @param held partitions each peer owns already: who has more gets the odd ones
   * @param copies at most the number of peers
   */
  static int[] of(long[] capacities, int[] domains, int domainCount, int[] held, int copies) {
    int partitions = ChunkId.PARTITION_COUNT;
    double[] weights = new double[domainCount];
    int[] peerCounts = new int[domainCount];
    int[] heldByDomain = new int[domainCount];
    for (int i = 0; i < capacities.length; i++) {
      weights[domains[i]] += Math.max(1, capacities[i]);
      peerCounts[domains[i]]++;
      heldByDomain[domains[i]] += held[i];
    }
    boolean hasDomainForEach = domainCount >= copies;
    int[] min = new int[domainCount];
    int[] max = new int[domainCount];
    for (int d = 0; d < domainCount; d++) {
      min[d] = hasDomainForEach ? 0 : partitions;
      int perPartition = hasDomainForEach ? 1 : copies - domainCount + 1;
      max[d] = partitions * Math.min(peerCounts[d], perPartition);
    }
    int[] domainQuotas = share(weights, min, max, heldByDomain, copies * partitions);
    int[] quotas = new int[capacities.length];
    for (int d = 0; d < domainCount; d++) {
      int domain = d;
      int[] members =
          IntStream.range(0, capacities.length).filter(i -> domains[i] == domain).toArray();
      double[] memberWeights =
          IntStream.of(members).mapToDouble(i -> Math.max(1, capacities[i])).toArray();
      int[] memberHeld = IntStream.of(members).map(i -> held[i]).toArray();
      int[] memberMax = IntStream.of(members).map(i -> partitions).toArray();
      int[] memberQuotas =
          share(memberWeights, new int[members.length], memberMax, memberHeld, domainQuotas[d]);
      for (int i = 0; i < members.length; i++) {
        quotas[members[i]] = memberQuotas[i];
      }
    }
    return quotas;
  }

  /** Splits {@code total} by weight within each one's bounds; the bounds' sums must allow it. */
  private static int[] share(double[] weights, int[] min, int[] max, int[] held, int total) {
    double low = 0;
    double high = 1;
    while (sum(weights, min, max, high) < total && high < Double.MAX_VALUE / 4) {
      high *= 2;
    }
    for (int i = 0; i < BISECTIONS; i++) {
      double middle = (low + high) / 2;
      if (sum(weights, min, max, middle) < total) {
        low = middle;
      } else {
        high = middle;
      }
    }
    int[] shares = new int[weights.length];
    double[] fractions = new double[weights.length];
    int left = total;
    for (int i = 0; i < weights.length; i++) {
      double exact = clamp(weights[i] * high, min[i], max[i]);
      shares[i] = (int) Math.floor(exact);
      fractions[i] = exact - shares[i];
      left -= shares[i];
    }
    for (int i : oddOnesOrder(shares, fractions, held)) {
      if (left > 0 && shares[i] < max[i]) {
        shares[i]++;
        left--;
      }
    }
    return shares;
  }

  /** Who holds more than its share first, so that rounding moves nothing; then by remainder. */
  private static List<Integer> oddOnesOrder(int[] shares, double[] fractions, int[] held) {
    var order = new ArrayList<Integer>();
    for (int i = 0; i < shares.length; i++) {
      order.add(i);
    }
    order.sort(
        Comparator.<Integer>comparingInt(i -> fractions[i] > 0 && held[i] > shares[i] ? 0 : 1)
            .thenComparingDouble(i -> -fractions[i]));
    return order;
  }

  private static double sum(double[] weights, int[] min, int[] max, double factor) {
    double sum = 0;
    for (int i = 0; i < weights.length; i++) {
      sum += clamp(weights[i] * factor, min[i], max[i]);
    }
    return sum;
  }

  private static double clamp(double value, int min, int max) {
    return Math.max(min, Math.min(max, value));
  }
}
