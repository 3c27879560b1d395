package holdfast.consensus;

import holdfast.util.ByteReader;
import holdfast.util.ByteWriter;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * The members of a log: voters decide, followers only receive it. Both lists are sorted; an
 * endpoint stands in one of them at most, a node once in each at most (an old incarnation may still
 * be a voter while the new one already follows).
 */
public record Configuration(List<Endpoint> voters, List<Endpoint> followers) {
  /** Most voters. */
  public static final int VOTERS_MAX = 5;

  /** Most non-voting followers. */
  public static final int FOLLOWERS_MAX = 1_000;

  /** Nobody: what a log holds before its first entry. */
  public static final Configuration EMPTY = new Configuration(List.of(), List.of());

  /** Refuses too many members and doubles as malformed; sorts both lists. */
  public Configuration {
    voters = voters.stream().sorted().toList();
    followers = followers.stream().sorted().toList();
    if (voters.size() > VOTERS_MAX || followers.size() > FOLLOWERS_MAX) {
      throw new ByteReader.Malformed(
          "read configuration: expected=at most 5 voters and 1000 followers, was="
              + voters.size()
              + " and "
              + followers.size());
    }
    if (hasDouble(voters)
        || hasDouble(followers)
        || followers.stream().anyMatch(voters::contains)) {
      throw new ByteReader.Malformed(
          "read configuration: expected=each member once, was=" + voters + " and " + followers);
    }
  }

  private static boolean hasDouble(List<Endpoint> members) {
    Set<Object> nodes = new HashSet<>();
    return !members.stream().allMatch(member -> nodes.add(member.node()));
  }

  /** Reads what {@link #write} wrote. */
  public static Configuration read(ByteReader in) {
    List<Endpoint> voters = readList(in, VOTERS_MAX);
    return new Configuration(voters, readList(in, FOLLOWERS_MAX));
  }

  /** Reads exactly these bytes. */
  public static Configuration of(byte[] bytes) {
    var in = new ByteReader(bytes);
    var configuration = read(in);
    in.end();
    return configuration;
  }

  private static List<Endpoint> readList(ByteReader in, int maxCount) {
    int count = in.count(maxCount);
    List<Endpoint> members = new ArrayList<>(count);
    for (int i = 0; i < count; i++) {
      members.add(Endpoint.read(in));
    }
    return members;
  }

  /** Appends both lists, each as a u32 count and its endpoints. */
  public void write(ByteWriter out) {
    out.u32(voters.size());
    voters.forEach(voter -> voter.write(out));
    out.u32(followers.size());
    followers.forEach(follower -> follower.write(out));
  }

  /** The encoded form, at most 40,248 bytes. */
  public byte[] toBytes() {
    var out = new ByteWriter(8 + Endpoint.BYTES * (voters.size() + followers.size()));
    write(out);
    return out.toBytes();
  }

  /** The same members with this one among the voters, in another's place if there is no room. */
  Configuration ledBy(Endpoint leader) {
    if (isVoter(leader)) {
      return this;
    }
    List<Endpoint> newVoters = new ArrayList<>(voters);
    List<Endpoint> newFollowers = new ArrayList<>(followers);
    newFollowers.remove(leader);
    if (newVoters.size() == VOTERS_MAX) {
      newFollowers.add(newVoters.removeLast());
    }
    newVoters.add(leader);
    return new Configuration(newVoters, newFollowers);
  }

  /** Whether this endpoint (this very incarnation) votes. */
  public boolean isVoter(Endpoint endpoint) {
    return voters.contains(endpoint);
  }

  /** Whether this endpoint gets the log, with or without a vote. */
  public boolean isMember(Endpoint endpoint) {
    return isVoter(endpoint) || followers.contains(endpoint);
  }

  /** How many voters decide: more than half. */
  public int quorum() {
    return voters.size() / 2 + 1;
  }

  /** Voters, then followers. */
  public List<Endpoint> members() {
    List<Endpoint> all = new ArrayList<>(voters);
    all.addAll(followers);
    return all;
  }
}
