package holdfast.network;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import holdfast.model.NetworkException;
import holdfast.util.NamedThreads;
import holdfast.util.SystemClocks;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class RsaQueueTest {
  private static final long PATIENT_NS = TimeUnit.MINUTES.toNanos(5);

  private final AtomicReference<Throwable> uncaught = new AtomicReference<>();
  private final NamedThreads threads =
      new NamedThreads((thread, e) -> uncaught.compareAndSet(null, e));
  private final RsaQueue queue = new RsaQueue(threads);
  private final Semaphore turns = new Semaphore(0);
  private final List<String> done = new CopyOnWriteArrayList<>();

  @AfterEach
  void close() {
    queue.close();
    turns.release(10_000);
    assertThat(uncaught.get()).isNull();
  }

  @Test
  void aJobIsDoneAndWhatItThrowsIsThrownWhereItIsWaitedFor() throws Exception {
    assertThat(queue.run(1, () -> new byte[] {7}, patient(), at -> {})).containsExactly(7);

    assertThatThrownBy(
            () ->
                queue.run(
                    1,
                    () -> {
                      throw new NetworkException(ErrorCode.REFUSED, "no");
                    },
                    patient(),
                    at -> {}))
        .isInstanceOf(NetworkException.class)
        .hasMessage("no");
    assertThat(queue.run(1, () -> new byte[] {8}, patient(), at -> {})).containsExactly(8);
  }

  @Test
  void anAddressWithManyJobsDelaysAnothersByOne() throws Exception {
    var jobs = new ArrayList<CompletableFuture<byte[]>>();
    for (int i = 0; i < 10; i++) {
      jobs.add(queued(1, "a" + i));
    }
    jobs.add(queued(2, "b"));

    turns.release(jobs.size());
    for (var job : jobs) {
      job.get();
    }

    assertThat(done).startsWith("a0", "a1", "b", "a2").hasSize(11);
  }

  @Test
  void beyondTheBoundTheNewestOfTheAddressWithMostIsRefused() throws Exception {
    var running = queued(1, "running");
    var ofMany = new ArrayList<CompletableFuture<byte[]>>();
    for (int i = 0; i < RsaQueue.WAITING_MAX; i++) {
      ofMany.add(queued(1, "a" + i));
    }

    var other = started(2, "b", queue.waitingCount());

    assertThatThrownBy(ofMany.getLast()::join)
        .isInstanceOf(CompletionException.class)
        .cause()
        .isInstanceOfSatisfying(
            HoldfastException.class, why -> assertThat(why.code()).isEqualTo(ErrorCode.BUSY));
    turns.release(2 + RsaQueue.WAITING_MAX);
    running.get();
    other.get();
    for (var job : ofMany.subList(0, ofMany.size() - 1)) {
      job.get();
    }
    assertThat(done).startsWith("running", "a0", "b").doesNotContain("a127");
  }

  @Test
  void aPlaceThatFallsIsToldAndAwaitedLongerThanTheSilence() throws Exception {
    var others = new ArrayList<CompletableFuture<byte[]>>();
    for (int source = 1; source <= 2 + 2 * Silence.LOOKS; source++) {
      others.add(queued(source, "other"));
    }
    var told = new ArrayList<Integer>();
    var silence = new Silence(SystemClocks.monotonic(), TimeUnit.SECONDS.toNanos(2));
    threads.startVirtual(
        "first turn",
        () -> {
          awaitWaiting(others.size());
          turns.release();
        });

    // Each other job ends only when the place before it was told: once a look.
    byte[] made =
        queue.run(
            1,
            () -> new byte[1],
            silence,
            at -> {
              told.add(at);
              turns.release();
            });

    assertThat(made).hasSize(1);
    assertThat(told).hasSizeGreaterThan(Silence.LOOKS);
    assertThat(told).isSortedAccordingTo((left, right) -> right - left).doesNotHaveDuplicates();
    turns.release(others.size());
    for (var other : others) {
      other.get();
    }
  }

  @Test
  void aPlaceThatNeverFallsIsGivenUpAfterTheSilence() throws Exception {
    queued(1, "for ever");
    var told = new ArrayList<Integer>();
    var silence = new Silence(SystemClocks.monotonic(), TimeUnit.MILLISECONDS.toNanos(100));

    assertThatThrownBy(() -> queue.run(2, () -> new byte[1], silence, told::add))
        .isInstanceOf(IOException.class)
        .hasMessage(
            "accept session: expected=a place that goes down within 100 ms, was=1 all the time");
    assertThat(told).isEmpty();
    assertThat(queue.waitingCount()).isZero();
  }

  @Test
  void whoIsGoneCostsNothing() throws Exception {
    var first = queued(1, "first");
    var second = queued(2, "second");
    var isTold = new CompletableFuture<Integer>();
    var gone =
        CompletableFuture.runAsync(
            () -> {
              try {
                queue.run(
                    3,
                    () -> {
                      done.add("gone");
                      return new byte[0];
                    },
                    new Silence(SystemClocks.monotonic(), TimeUnit.SECONDS.toNanos(5)),
                    at -> {
                      isTold.complete(at);
                      throw new IOException("reset by peer");
                    });
              } catch (IOException e) {
                throw new CompletionException(e);
              }
            },
            body -> threads.startVirtual("gone", body));
    awaitWaiting(2);

    turns.release();
    assertThat(isTold.get()).isEqualTo(1);
    assertThatThrownBy(gone::join).hasMessageContaining("reset by peer");
    assertThat(queue.waitingCount()).isZero();
    turns.release();
    first.get();
    second.get();

    assertThat(queue.run(1, () -> new byte[1], patient(), at -> {})).hasSize(1);
    assertThat(done).containsExactly("first", "second");
  }

  @Test
  void whoWaitsWhenTheNodeStopsIsTold() throws Exception {
    queued(1, "running");
    var waiting = queued(2, "waiting");

    queue.close();

    assertThatThrownBy(waiting::join)
        .cause()
        .isInstanceOfSatisfying(
            HoldfastException.class,
            why -> assertThat(why.code()).isEqualTo(ErrorCode.SHUTTING_DOWN));
    assertThatThrownBy(() -> queue.run(1, () -> new byte[0], patient(), at -> {}))
        .hasMessageContaining("this node stops");
  }

  private static Silence patient() {
    return new Silence(SystemClocks.monotonic(), PATIENT_NS);
  }

  /** A job that ends when it gets a turn; queued behind all before. The first one runs already. */
  private CompletableFuture<byte[]> queued(long source, String name) throws Exception {
    boolean isFirst = !isBusy;
    isBusy = true;
    return started(source, name, isFirst ? -1 : queue.waitingCount() + 1);
  }

  private boolean isBusy;

  private CompletableFuture<byte[]> started(long source, String name, int waitingThen)
      throws Exception {
    var isRunning = new CompletableFuture<Void>();
    var job = new CompletableFuture<byte[]>();
    threads.startVirtual(
        name,
        () -> {
          try {
            byte[] made =
                queue.run(
                    source,
                    () -> {
                      isRunning.complete(null);
                      turns.acquireUninterruptibly();
                      done.add(name);
                      return new byte[0];
                    },
                    patient(),
                    at -> {});
            job.complete(made);
          } catch (IOException | HoldfastException e) {
            job.completeExceptionally(e);
          }
        });
    if (waitingThen < 0) {
      isRunning.get();
    } else {
      awaitWaiting(waitingThen);
    }
    return job;
  }

  private void awaitWaiting(int count) {
    while (queue.waitingCount() != count) {
      LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(1));
    }
  }
}
