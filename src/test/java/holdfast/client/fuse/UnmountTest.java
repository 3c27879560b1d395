package holdfast.client.fuse;

import static org.assertj.core.api.Assertions.assertThat;

import holdfast.model.ErrorCode;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What the unmounting programs say becomes an error that says what to do. */
class UnmountTest {
  private static final Path PLACE = Path.of("/nowhere/mnt");

  @ParameterizedTest
  @ValueSource(
      strings = {
        "umount: /nowhere/mnt: must be superuser to unmount.",
        "/bin/fusermount3: failed to unmount /nowhere/mnt: Operation not permitted",
        "/bin/fusermount3: entry for /nowhere/mnt not found in /etc/mtab",
        "/bin/fusermount3: could not determine username"
      })
  void aMountOfAnotherUserIsNotPermittedWhateverTheProgramCallsIt(String output) {
    var error = Unmount.failure(PLACE, output);

    assertThat(error.code()).isEqualTo(ErrorCode.NOT_PERMITTED);
    assertThat(error)
        .hasMessage(
            "unmount /nowhere/mnt: expected=the user who mounted it or root, was=" + output);
  }

  @Test
  void whatIsUnknownIsReportedAsItIs() {
    var error = Unmount.failure(PLACE, "first line\nsecond line");

    assertThat(error.code()).isEqualTo(ErrorCode.INVALID);
    assertThat(error)
        .hasMessage("unmount /nowhere/mnt: expected=success, was=first line second line");
  }
}
