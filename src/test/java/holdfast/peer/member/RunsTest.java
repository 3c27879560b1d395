package holdfast.peer.member;

import static org.junit.jupiter.api.Assertions.assertEquals;

import holdfast.consensus.RaftConfig;
import holdfast.model.HoldfastException;
import holdfast.model.HostPort;
import holdfast.model.InstanceId;
import holdfast.model.LogId;
import holdfast.model.NodeId;
import holdfast.model.PoolId;
import holdfast.peer.state.Leadership;
import holdfast.peer.view.PeerConfig;
import holdfast.peer.view.PeerListener;
import holdfast.peer.view.PeerPorts;
import holdfast.placement.PoolSettings;
import holdfast.port.MachineMemory;
import holdfast.protocol.Notice;
import holdfast.protocol.RunMark;
import holdfast.sim.SimLoop;
import holdfast.sim.SimNetwork;
import holdfast.sim.SimStore;
import holdfast.sim.SimWorld;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/** What a peer says of its own run, and when it judges its folder. */
class RunsTest {
  private static final NodeId SELF = new NodeId(1, 0, 0, 0);
  private static final InstanceId OWN = new InstanceId(1, 1);
  private static final InstanceId OTHER = new InstanceId(1, 2);

  private final SimWorld world = new SimWorld(1);
  private final Runs runs = runs(5);

  /** The numbers under which this folder was to be marked as older. */
  private final List<Long> marked = new ArrayList<>();

  private boolean isBusy;
  private int keptAside;
  private int toldCount;

  private Runs runs(int number) {
    var loop = new SimLoop(world, "p");
    SimStore store = SimStore.inMemory(world, 1 << 20);
    for (int i = 1; i < number; i++) {
      store.open(loop);
    }
    SimStore.Ports disk = store.open(loop);
    var address = new HostPort("10.0.0.1", 8000);
    var config =
        new PeerConfig(
            SELF,
            OWN,
            new PoolId(1, 2, 3, 4),
            address,
            "host",
            "",
            1,
            Optional.empty(),
            List.of(),
            new PoolSettings(3, 2, 60_000, 86_400_000, true),
            0,
            0,
            0,
            RaftConfig.DEFAULT);
    var ports =
        new PeerPorts(
            loop,
            new SimNetwork(world).open(loop, SELF, true, OWN, address, 0),
            disk.vault(),
            disk.log(),
            memory(),
            new SplittableRandom(1)::nextInt);
    return new Runs(config, ports, listener(), new Leadership(config, ports), owner());
  }

  private static MachineMemory memory() {
    return new MachineMemory() {
      @Override
      public byte[] atStart() {
        return new byte[0];
      }

      @Override
      public void keep(byte[] mark) {}
    };
  }

  private static PeerListener listener() {
    return new PeerListener() {
      @Override
      public void onNote(String text) {}

      @Override
      public void onStopped(HoldfastException why) {}
    };
  }

  private Runs.Owner owner() {
    return new Runs.Owner() {
      @Override
      public boolean isBusy() {
        return isBusy;
      }

      @Override
      public boolean isDamaged() {
        return !marked.isEmpty();
      }

      @Override
      public void onMark() {
        toldCount++;
      }

      @Override
      public void onKeptAside(int count) {
        keptAside = count;
      }

      @Override
      public void onOlder(RunMark beyond, long ownRun, String why) {
        marked.add(ownRun);
      }

      @Override
      public void onFailure(HoldfastException why) {
        throw why;
      }
    };
  }

  private void tell(long run) {
    var mark = new RunMark(run, OTHER, LogId.NONE, 0, 0);
    runs.onReport(new Notice.KnownRuns(List.of(new Notice.KnownRun(SELF, mark, 0))));
  }

  @Test
  void whatALaterWitnessKnowsIsJudgedToo() {
    runs.start();
    tell(5);
    runs.onRun(6);

    tell(9);

    assertEquals(List.of(6L, 10L), marked);
    tell(9);
    tell(8);
    assertEquals(2, marked.size(), "that isn't news");
  }

  @Test
  void whatIsToldWhileALossIsBeingMarkedIsJudgedAfterwards() {
    runs.start();
    tell(5);
    isBusy = true;
    tell(9);
    assertEquals(1, marked.size());

    isBusy = false;
    world.run(2 * SimWorld.S);

    assertEquals(List.of(6L, 10L), marked);
  }

  @Test
  void aNewNumberIsToldOnlyWhenItIsOnDisk() {
    runs.start();
    runs.onPromised();

    tell(7);

    assertEquals(List.of(8L), marked);
    assertEquals(5, runs.mark().run(), "it is about to be written");
    runs.onRun(8);
    assertEquals(8, runs.mark().run());
  }

  @Test
  void theFirstPromiseUnderANewNumberComesAfterIt() {
    runs.start();
    runs.onPromised();
    tell(7);
    runs.onRun(8);
    int before = toldCount;

    runs.onPromised();
    runs.onPromised();

    assertEquals(before + 1, toldCount);
  }

  private void tell(long run, int asideLogs) {
    var mark = new RunMark(run, OTHER, LogId.NONE, 0, 0);
    runs.onReport(new Notice.KnownRuns(List.of(new Notice.KnownRun(SELF, mark, asideLogs))));
  }

  @Test
  void onlyWhatALaterRunOfThisFolderKeptAsideIsMissingHere() {
    runs.start();

    tell(4, 3);
    assertEquals(0, keptAside, "this folder is of a later run");

    tell(6, 2);
    assertEquals(2, keptAside);
    tell(7, 1);
    assertEquals(1, keptAside, "the latest counts");
  }

  /** It loads its snapshot meanwhile; who hears of it then may pass it on, and never hear more. */
  @Test
  void nothingIsSaidOfARunBeforeItsFolderIsJudged() {
    isBusy = true;
    assertEquals(0, runs.mark().run());
    tell(9);
    assertEquals(0, runs.mark().run());

    isBusy = false;
    runs.start();

    assertEquals(List.of(10L), marked);
    assertEquals(0, runs.mark().run());
  }

  @Test
  void aRunThatIsNotOlderIsToldAsSoonAsThatIsKnown() {
    assertEquals(0, runs.mark().run());

    runs.start();

    assertEquals(5, runs.mark().run());
    assertEquals(1, toldCount);
  }
}
