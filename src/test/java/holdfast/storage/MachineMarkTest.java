package holdfast.storage;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import holdfast.model.NodeId;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Optional;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MachineMarkTest {
  private static final NodeId PEER = new NodeId(1, 2, 3, 4);
  private static final byte[] MARK = {1, 2, 3};

  @TempDir Path folder;
  private final Deque<Runnable> tasks = new ArrayDeque<>();

  private MachineMark open(Path where, NodeId peer) {
    return MachineMark.open(Optional.of(where), peer, tasks::add);
  }

  private void runTasks() {
    while (!tasks.isEmpty()) {
      tasks.remove().run();
    }
  }

  @Test
  void whatWasKeptLastIsFoundByTheNextProcessOfThisPeerOnly() {
    Path run = folder.resolve("run/holdfast");
    MachineMark first = open(run, PEER);
    assertEquals(0, first.atStart().length);

    first.keep(new byte[] {9});
    first.keep(MARK);
    assertEquals(1, tasks.size(), "what wasn't written yet is replaced");
    runTasks();

    assertArrayEquals(MARK, open(run, PEER).atStart());
    assertEquals(0, open(run, new NodeId(1, 2, 3, 5)).atStart().length);
    first.keep(new byte[] {9});
    runTasks();
    assertArrayEquals(new byte[] {9}, open(run, PEER).atStart());
  }

  @Test
  void whatADiskThatIsBusyRefusesIsNotInTheWayOfTheNext() {
    var isBusy = new AtomicBoolean(true);
    var mark =
        MachineMark.open(
            Optional.of(folder),
            PEER,
            task -> {
              if (isBusy.get()) {
                throw new RejectedExecutionException("full");
              }
              tasks.add(task);
            });
    mark.keep(new byte[] {9});
    isBusy.set(false);
    mark.keep(MARK);
    runTasks();

    assertArrayEquals(MARK, open(folder, PEER).atStart());
  }

  @Test
  void whatIsDamagedIsForgotten() throws Exception {
    open(folder, PEER).keep(MARK);
    runTasks();
    Path file = folder.resolve(PEER + ".mark");
    byte[] bytes = Files.readAllBytes(file);
    bytes[bytes.length / 2] ^= 1;
    Files.write(file, bytes);

    assertEquals(0, open(folder, PEER).atStart().length);
  }

  @Test
  void withoutAFolderNothingIsKeptAndThePeerGoesOn() throws Exception {
    Path taken = Files.writeString(folder.resolve("taken"), "a file");

    for (MachineMark mark :
        new MachineMark[] {
          open(taken, PEER), MachineMark.open(Optional.empty(), PEER, tasks::add)
        }) {
      mark.keep(MARK);
      assertEquals(0, mark.atStart().length);
      assertEquals(0, tasks.size());
    }
  }
}
