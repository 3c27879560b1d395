package holdfast.process;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.FieldSource;

/**
 * A round or two each of {@code jlink/power}, {@code damage}, {@code restarts} and {@code links},
 * made short: what they find, docs/testing.md says. {@code -Dholdfast.faults=LINE} runs another
 * line of options.
 */
@Tag("process")
@Timeout(value = 900, unit = TimeUnit.SECONDS, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class FaultsProcessTest {
  private static final Duration COMMAND_MAX = Duration.ofMinutes(12);

  /** How long a busy machine may take to start several peers. */
  private static final String PATIENT = " --writes-within 40";

  /**
   * What holds, a few lines of it: what the build has time for. Not run here are five peers, the
   * other scenarios of {@code power --help}, the other kinds and variants of {@code damage}, the
   * moments of {@code restarts} with a snapshot, and the other events of {@code links};
   * docs/testing.md names the commands.
   */
  static final List<String> HOLDS =
      List.of(
          "power|--short|--peers|3|--scenario|one",
          "power|--short|--peers|2|--scenario|all at once",
          "power|--short|--peers|3|--scenario|all at once",
          "damage|--short|--variant|alone|--kind|format|--rounds|1",
          "damage|--short|--variant|alone|--kind|log|--rounds|2",
          "restarts|--files|1000|--moment|no leader yet|--rounds|1",
          "links|--peers|3|--event|mount sees one peer only|--call-within|40");

  @RegisterExtension final Pools pools = new Pools();

  @Test
  @Execution(ExecutionMode.CONCURRENT)
  void theHarnessFindsWhatIsPlantedAndNothingElse() throws Exception {
    Script result = python(pools.empty(), List.of("-B", "-m", "unittest", "faults.selftest"));

    assertThat(result.err()).contains("OK");
    assertThat(result.awaitExit(COMMAND_MAX)).isZero();
  }

  @ParameterizedTest
  @Execution(ExecutionMode.CONCURRENT)
  @FieldSource("HOLDS")
  void nothingAcknowledgedIsLost(String line) throws Exception {
    assumeTrue("root".equals(System.getProperty("user.name")), "needs mount namespaces");
    var words = new ArrayList<>(List.of(System.getProperty("holdfast.faults", line).split("\\|")));
    Pool pool = pools.empty();
    var command = new ArrayList<>(List.of("-B", "-m", "faults." + words.removeFirst()));
    command.addAll(List.of("--rounds", "1", "--fresh", "--work", pool.work().toString()));
    command.addAll(words);
    if (command.contains("faults.power")) {
      command.addAll(List.of(PATIENT.strip().split(" ")));
    }

    Script result = python(pool, command);

    System.out.println(result.out());
    assertThat(result.awaitExit(COMMAND_MAX)).as(result.out() + result.err()).isZero();
    assertThat(result.out()).contains(": ok;");
  }

  /** Runs python to its end. */
  private static Script python(Pool pool, List<String> arguments) throws IOException {
    try (var python = new Python(pool)) {
      Script script =
          python
              .with("PYTHONPATH", Path.of("src", "test", "python").toAbsolutePath())
              .with("HOLDFAST_IMAGE", Path.of(Pool.program()).getParent().getParent())
              .startWith("faults", arguments.toArray());
      script.awaitExit(COMMAND_MAX);
      return script;
    }
  }
}
