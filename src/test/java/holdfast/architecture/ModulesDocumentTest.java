package holdfast.architecture;

import static org.assertj.core.api.Assertions.assertThat;

import holdfast.model.ErrorCode;
import java.io.IOException;
import java.lang.module.ModuleDescriptor;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

class ModulesDocumentTest {

  private static final Pattern RUNTIME_DEPENDENCY =
      Pattern.compile("<artifactId>([^<]+)</artifactId>\\s*<version>\\$\\{[^<]+</version>\\s*</");

  @Test
  void everyLineOfTheModuleDescriptorIsExplained() throws IOException {
    String document = Files.readString(Path.of("docs", "modules.md"));
    ModuleDescriptor module = ErrorCode.class.getModule().getDescriptor();

    assertThat(module.requires())
        .map(ModuleDescriptor.Requires::name)
        .allSatisfy(name -> assertThat(document).contains("\n| `" + name + "` |"));
    assertThat(module.exports())
        .map(ModuleDescriptor.Exports::source)
        .allSatisfy(name -> assertThat(document).contains("\n| exports `" + name + "` |"));
    assertThat(module.opens())
        .map(ModuleDescriptor.Opens::source)
        .allSatisfy(name -> assertThat(document).contains("\n| opens `" + name + "` |"));
  }

  @Test
  void everyRuntimeDependencyIsExplainedAndItsLicenceGiven() throws IOException {
    String document = Files.readString(Path.of("docs", "modules.md"));
    String notice = Files.readString(Path.of("NOTICE"));
    String pom = Files.readString(Path.of("pom.xml"));

    List<String> names =
        RUNTIME_DEPENDENCY.matcher(pom).results().map(result -> result.group(1)).toList();

    assertThat(names).contains("jnr-fuse", "picocli");
    assertThat(names).allSatisfy(name -> assertThat(document).contains(name));
    assertThat(names)
        .map(name -> name.replace("-jdk18on", ""))
        .allSatisfy(name -> assertThat(notice).contains(name));
  }
}
