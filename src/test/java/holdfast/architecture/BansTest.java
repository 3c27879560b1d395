package holdfast.architecture;

import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import java.time.Clock;
import java.time.Instant;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.Executors;
import java.util.concurrent.ThreadLocalRandom;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class BansTest {

  private static final Set<String> CLOCKS = Set.of("util.SystemClocks");
  private static final Set<String> THREADS = Set.of("util.NamedThreads", "app");
  private static final Set<String> RANDOM =
      Set.of("app", "crypto", "crypto.handshake", "crypto.identity", "crypto.seal");
  private static final Set<String> JNR = Set.of("client.fuse", "client.fuse.binding");
  private static final Set<String> PURE =
      Set.of(
          "metadata",
          "metadata.op",
          "metadata.tree",
          "placement",
          "consensus",
          "protocol",
          "peer",
          "peer.view",
          "peer.state",
          "peer.chunk",
          "peer.member",
          "peer.session",
          "port");

  private static final List<Ban> BANS =
      List.of(
          Ban.members("System.nanoTime", "MonotonicClock", CLOCKS, System.class, "nanoTime"),
          Ban.members(
              "System.currentTimeMillis", "WallClock", CLOCKS, System.class, "currentTimeMillis"),
          Ban.members("Instant.now", "WallClock", CLOCKS, Instant.class, "now"),
          Ban.members("Clock.system…", "WallClock", CLOCKS, Clock.class, "system*"),
          Ban.members(
              "making or sleeping threads",
              "a timer of the loop, or NamedThreads",
              THREADS,
              Thread.class,
              "sleep",
              "<init>",
              "ofVirtual",
              "ofPlatform",
              "startVirtualThread"),
          Ban.members("Executors.new…", "NamedThreads", THREADS, Executors.class, "new*"),
          Ban.members("new Random", "an injected source", RANDOM, Random.class, "<init>"),
          Ban.members("Math.random", "an injected source", RANDOM, Math.class, "random"),
          Ban.members("UUID.randomUUID", "an injected source", RANDOM, UUID.class, "randomUUID"),
          Ban.members(
              "ThreadLocalRandom",
              "an injected source",
              RANDOM,
              ThreadLocalRandom.class,
              "current"),
          Ban.members("System.out", "System.Logger", Set.of("app"), System.class, "out", "err"),
          Ban.members(
              "printStackTrace",
              "System.Logger",
              Set.of("app"),
              Throwable.class,
              "printStackTrace"),
          Ban.members("Class.forName", "an explicit table", Set.of(), Class.class, "forName"),
          Ban.types(
              "Java serialization",
              "an explicit codec",
              Set.of(),
              "java.io.ObjectInputStream",
              "java.io.ObjectOutputStream"),
          Ban.types("jnr", "the client's file system", JNR, "jnr.", "ru.serce.", "com.kenai."),
          Ban.types("Bouncy Castle", "holdfast.crypto", Set.of("crypto"), "org.bouncycastle."),
          Ban.types("picocli", "plain parameters", Set.of("app"), "picocli."),
          Ban.types("Jackson", "a record of holdfast.status", Set.of("app", "status"), "com.fast"));

  /** In the pure packages nothing reaches outside the process or waits. */
  private static final List<Ban> PURE_BANS =
      List.of(
          Ban.types("sockets", "a port", Set.of(), "java.net."),
          Ban.types("channels", "a port", Set.of(), "java.nio.channels."),
          Ban.types("files", "a port", Set.of(), "java.nio.file.", "java.io.File"),
          new Ban(
              "threads",
              "the single writer's loop",
              Set.of(),
              ignored -> false,
              name -> name.equals("java.lang.Thread") || name.startsWith("java.lang.Thread$")));

  static List<Ban> bans() {
    return BANS;
  }

  static List<Ban> pureBans() {
    return PURE_BANS;
  }

  static List<Ban> allBans() {
    return Stream.concat(BANS.stream(), PURE_BANS.stream()).toList();
  }

  @ParameterizedTest
  @MethodSource("bans")
  void nobodyUsesWhatIsBanned(Ban ban) {
    assertThat(ban.violationsIn(MainClasses.all())).isEmpty();
  }

  @ParameterizedTest
  @MethodSource("pureBans")
  void purePackagesReachNothingOutside(Ban ban) {
    List<JavaClass> pure =
        MainClasses.all().stream()
            .filter(type -> PURE.contains(type.getPackageName().replaceFirst("holdfast\\.", "")))
            .toList();

    assertThat(ban.violationsIn(pure)).isEmpty();
  }

  @ParameterizedTest
  @MethodSource("allBans")
  void everyBanFindsAnOffender(Ban ban) {
    JavaClasses offender = new ClassFileImporter().importClasses(Offender.class);

    assertThat(ban.violationsIn(offender)).isNotEmpty();
  }
}
