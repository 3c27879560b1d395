package holdfast.process;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

@Tag("process")
class VersionProcessTest {

  @Test
  void theLinkedImagePrintsItsVersionAndNothingElse() throws IOException, InterruptedException {
    Path program = Path.of(System.getProperty("holdfast.image"), "bin", "holdfast");

    var process =
        new ProcessBuilder(program.toString(), "version").redirectErrorStream(true).start();
    String output =
        new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();

    assertThat(process.waitFor()).isZero();
    assertThat(output).matches("holdfast \\d+\\.\\d+\\.\\d+(-SNAPSHOT)?");
  }
}
