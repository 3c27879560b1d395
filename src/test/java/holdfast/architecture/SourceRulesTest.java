package holdfast.architecture;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Function;
import org.junit.jupiter.api.Test;

class SourceRulesTest {

  private static final List<SourceFile> MAIN = SourceFile.allBelow(Path.of("src", "main", "java"));
  private static final List<SourceFile> TEST = SourceFile.allBelow(Path.of("src", "test", "java"));

  @Test
  void filesAndMethodsAndLinesAreShort() {
    assertThat(broken(MAIN, SourceRules::tooLongFiles)).isEmpty();
    assertThat(broken(MAIN, SourceRules::tooLongMethods)).isEmpty();
    assertThat(broken(MAIN, SourceRules::tooLongLines)).isEmpty();
    assertThat(broken(TEST, SourceRules::tooLongLines)).isEmpty();
  }

  @Test
  void noWorkIsPostponedInTheSources() {
    assertThat(broken(MAIN, SourceRules::postponedWork)).isEmpty();
    assertThat(broken(TEST, SourceRules::postponedWork)).isEmpty();
  }

  @Test
  void nothingLocksAMonitor() {
    assertThat(broken(MAIN, SourceRules::monitors)).isEmpty();
  }

  @Test
  void noExceptionIsSwallowed() {
    assertThat(broken(MAIN, SourceRules::swallowedExceptions)).isEmpty();
  }

  @Test
  void everyTypeSaysInASentenceWhatItIs() {
    assertThat(broken(MAIN, SourceRules::undocumentedTypes)).isEmpty();
  }

  @Test
  void everyPackageSaysWhatItOwns() throws IOException {
    Set<String> without = new TreeSet<>();
    for (SourceFile file : MAIN) {
      Path folder = Path.of(file.name()).getParent();
      if (!file.name().endsWith("module-info.java")
          && !Files.exists(folder.resolve("package-info.java"))) {
        without.add(folder.toString());
      }
    }

    assertThat(without).isEmpty();
  }

  @Test
  void theRulesFindAnOffender() {
    String longMethod =
        "class A {\n  void m() {\n"
            + "    m();\n".repeat(SourceRules.METHOD_LINES_MAX)
            + "  }\n}\n";

    assertThat(SourceRules.tooLongMethods(source(longMethod))).hasSize(1);
    assertThat(SourceRules.tooLongFiles(source("\n".repeat(SourceRules.FILE_LINES_MAX + 1))))
        .hasSize(1);
    assertThat(SourceRules.tooLongLines(source("// " + "x".repeat(SourceRules.LINE_LENGTH_MAX))))
        .hasSize(1);
    assertThat(SourceRules.postponedWork(source("// " + "TO" + "DO later"))).hasSize(1);
    assertThat(SourceRules.postponedWork(source("@Dis" + "abled class A {}"))).hasSize(1);
    assertThat(SourceRules.monitors(source("class A { void m() { synchronized (this) {} } }")))
        .hasSize(1);
    assertThat(SourceRules.monitors(source("class A { synchronized void m() {} }"))).hasSize(1);
    assertThat(SourceRules.undocumentedTypes(source("class A {}"))).hasSize(1);
  }

  @Test
  void onlyCatchesThatTellNobodyAreSwallowed() {
    assertThat(caught("catch (Exception e) { return; }")).hasSize(1);
    assertThat(caught("catch (IllegalStateException | RuntimeException e) {}")).hasSize(1);
    assertThat(caught("catch (Throwable e) { giveUp(); }")).hasSize(1);

    assertThat(caught("catch (IllegalStateException e) { return; }")).isEmpty();
    assertThat(caught("catch (Exception e) { throw new Error(e); }")).isEmpty();
    assertThat(caught("catch (Throwable e) { LOG.log(ERROR, e); }")).isEmpty();
    assertThat(caught("catch (Exception e) { answer.completeExceptionally(e); }")).isEmpty();
  }

  private static List<String> caught(String handler) {
    String text = "class A { void m() { try { m(); } " + handler + " } }";
    return SourceRules.swallowedExceptions(source(text));
  }

  private static SourceFile source(String text) {
    return SourceFile.of("A.java", text);
  }

  private static List<String> broken(
      List<SourceFile> files, Function<SourceFile, List<String>> rule) {
    List<String> found = new ArrayList<>();
    files.forEach(file -> found.addAll(rule.apply(file)));
    return found;
  }
}
