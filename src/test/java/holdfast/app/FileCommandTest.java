package holdfast.app;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import holdfast.client.ClientFileSystem;
import holdfast.client.MemoryPool;
import holdfast.client.api.PoolFileSystem;
import holdfast.model.ErrorCode;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What the commands without a mount say of paths that lead nowhere: a shell's words. */
class FileCommandTest {
  private static final long ROOT = PoolFileSystem.ROOT_INODE;

  @TempDir Path folder;
  private final MemoryPool memory = new MemoryPool();
  private final ClientFileSystem files = memory.mount();

  @AfterEach
  void close() {
    memory.close();
  }

  private CommandFailure failureOf(FileCommand command) {
    return catchThrowableOfType(
        CommandFailure.class, () -> command.run(files, new PrintWriter(new StringWriter())));
  }

  private static ListCommand ls(String path) {
    var command = new ListCommand();
    command.path = path;
    return command;
  }

  private static RemoveCommand rm(String path) {
    var command = new RemoveCommand();
    command.paths = List.of(path);
    return command;
  }

  private GetCommand get(String path) {
    var command = new GetCommand();
    command.source = path;
    command.target = folder.toString();
    return command;
  }

  private PutCommand put(Path local, String path) {
    var command = new PutCommand();
    command.source = local.toString();
    command.target = path;
    return command;
  }

  @ParameterizedTest
  @ValueSource(strings = {"none", "/none", "none/below/it", "/folder/none"})
  void whatIsMissingIsToldAsItWasTyped(String path) throws Exception {
    files.makeDirectory(MemoryPool.ROOT, ROOT, "folder".getBytes(UTF_8), 0755);
    Path local = Files.createFile(folder.resolve("local"));

    assertThat(failureOf(ls(path))).hasMessage("ls " + path + ": no such file or directory");
    assertThat(failureOf(rm(path))).hasMessage("rm " + path + ": no such file or directory");
    assertThat(failureOf(get(path))).hasMessage("get " + path + ": no such file or directory");
    assertThat(failureOf(put(local, "none/" + path + "/a")))
        .hasMessage("put none/" + path + "/a: no such file or directory");
  }

  @Test
  void otherFailuresAreToldBesideWhatWasTyped() throws Exception {
    Path local = Files.createFile(folder.resolve("local"));
    var toFile = put(local, "file");
    toFile.run(files, new PrintWriter(new StringWriter()));
    String longName = "n".repeat(300);

    assertThat(failureOf(ls("file/a"))).hasMessage("ls file/a: not a directory");
    assertThat(failureOf(get("file/a"))).hasMessage("get file/a: not a directory");
    assertThat(failureOf(ls(longName))).hasMessage("ls " + longName + ": file name too long");
    files.makeDirectory(MemoryPool.ROOT, ROOT, "folder".getBytes(UTF_8), 0755);
    assertThat(failureOf(rm("folder"))).hasMessage("rm folder: is a directory; use -r");
  }

  @Test
  void theCauseIsKeptForTheLog() {
    CommandFailure failure = failureOf(ls("none"));

    assertThat(failure.code()).isEqualTo(ErrorCode.NOT_FOUND);
    assertThat(failure).hasCauseInstanceOf(holdfast.model.HoldfastException.class);
  }
}
