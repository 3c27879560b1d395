package holdfast.architecture;

import static org.assertj.core.api.Assertions.assertThat;

import holdfast.model.ErrorCode;
import jnr.ffi.LibraryLoader;
import org.junit.jupiter.api.Test;

class ModuleTest {

  public interface LibC {
    int getpid();
  }

  @Test
  void testsRunInsideTheNamedModule() {
    assertThat(ErrorCode.class.getModule().getName()).isEqualTo("holdfast");
    assertThat(LibraryLoader.class.getModule().getName()).isEqualTo("holdfast.jnr");
  }

  @Test
  void nativeCallsWorkFromTheMergedModule() {
    int pid = LibraryLoader.create(LibC.class).load("c").getpid();

    assertThat((long) pid).isEqualTo(ProcessHandle.current().pid());
  }
}
