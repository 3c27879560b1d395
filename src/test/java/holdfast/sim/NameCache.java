package holdfast.sim;

import holdfast.client.pool.PoolService;
import holdfast.metadata.op.EntryName;
import holdfast.metadata.op.Invalidation;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;

/**
 * What a client knows of names without asking again, by the rules of a mount: kept while it has a
 * lease, dropped before another's change is confirmed, which takes its time. On the client's loop.
 */
final class NameCache implements PoolService.Watcher {
  /** Kept of a lease for giving up what relies on it, as a mount does. */
  private static final long TAKING_BACK_NS = 500 * SimWorld.MS;

  /** Longest time between hearing of a change and confirming it: beyond it the lease runs out. */
  private static final long CONFIRM_MAX_NS = 600 * SimWorld.MS;

  private final SimClient client;
  private final SplittableRandom random;
  private final Map<EntryName, Known> known = new HashMap<>();
  private final Map<EntryName, Long> newsOf = new HashMap<>();
  private long news;
  private long allNews;
  private long trustedUntilNs = Long.MIN_VALUE;

  /** An answer that was kept; inode 0: there is no such name. */
  record Known(long inode) {}

  NameCache(SimClient client, SplittableRandom random) {
    this.client = client;
    this.random = random;
  }

  /** Before a question: what has changed since isn't kept. */
  long ticket() {
    return news;
  }

  void keep(long ticket, String name, long inode) {
    EntryName entry = SimClient.entry(name);
    if (allNews <= ticket && newsOf.getOrDefault(entry, 0L) <= ticket && isTrusted()) {
      known.put(entry, new Known(inode));
    } else {
      known.remove(entry); // what was asked again takes the place of what was known
    }
  }

  private boolean isTrusted() {
    return client.loop().nowNs() < trustedUntilNs;
  }

  /** Null if it has to be asked. */
  Known orNull(String name) {
    return isTrusted() ? known.get(SimClient.entry(name)) : null;
  }

  /** This client changes the name itself, and isn't told of that. */
  void change(String name) {
    drop(SimClient.entry(name));
  }

  private void drop(EntryName entry) {
    news++;
    newsOf.put(entry, news);
    known.remove(entry);
  }

  private void dropAll() {
    news++;
    allNews = news;
    known.clear();
  }

  @Override
  public void onChanges(boolean all, List<Invalidation> changes, Runnable confirm) {
    if (all) {
      dropAll();
    }
    // A slow one goes on using what it knows: the author waits for it, or for its lease.
    long delayNs = random.nextInt(3) == 0 ? random.nextLong(CONFIRM_MAX_NS) : 0;
    client
        .loop()
        .postAfter(
            delayNs,
            "confirm",
            () -> {
              for (Invalidation change : changes) {
                if (change instanceof Invalidation.OfEntry of) {
                  drop(of.name());
                }
              }
              confirm.run();
            });
    // Whoever asked before must not keep the old answer though it is confirmed later.
    news++;
    for (Invalidation change : changes) {
      if (change instanceof Invalidation.OfEntry of) {
        newsOf.put(of.name(), news);
      }
    }
  }

  @Override
  public void onLease(long reliedUntilNs, long untilNs) {
    trustedUntilNs = untilNs - TAKING_BACK_NS;
  }

  @Override
  public void onLeaseEnding() {
    dropAll();
    trustedUntilNs = Long.MIN_VALUE;
  }

  @Override
  public void onOutcomeUnknown() {
    dropAll();
    trustedUntilNs = Long.MIN_VALUE;
  }

  @Override
  public void onSessionLost() {
    dropAll();
    trustedUntilNs = Long.MIN_VALUE;
  }
}
