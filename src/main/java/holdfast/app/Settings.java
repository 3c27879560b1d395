package holdfast.app;

import java.io.IOException;
import java.io.Reader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Map;
import java.util.Properties;
import picocli.CommandLine;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.OptionSpec;

/**
 * Supplies defaults of options: {@code $HOLDFAST_STORAGE_DIR} for {@code --storage-dir}, then
 * {@code storage-dir} in {@code $HOLDFAST_HOME/holdfast.properties}. What is on the command line
 * wins.
 */
final class Settings implements CommandLine.IDefaultValueProvider {
  /** Name of the file in the home. */
  static final String FILE_NAME = "holdfast.properties";

  private static final String ENVIRONMENT_PREFIX = "HOLDFAST_";

  private final Map<String, String> environment;
  private final Properties properties;

  /** Reads the file in this home, if there is one; wrong usage if it can't be read. */
  Settings(Map<String, String> environment, Path home) {
    this.environment = Map.copyOf(environment);
    this.properties = new Properties();
    Path file = home.resolve(FILE_NAME);
    if (Files.exists(file)) {
      try (Reader reader = Files.newBufferedReader(file)) {
        properties.load(reader);
      } catch (IOException | IllegalArgumentException e) {
        throw new UsageException(
            "read settings: expected=NAME=VALUE lines, was=" + e.getMessage() + ", file=" + file);
      }
    }
  }

  @Override
  public String defaultValue(ArgSpec argument) {
    if (!(argument instanceof OptionSpec option)
        || option.usageHelp()
        || option.versionHelp()
        || !option.longestName().startsWith("--")) {
      return null;
    }
    String name = option.longestName().substring(2);
    String variable = ENVIRONMENT_PREFIX + name.toUpperCase(Locale.ROOT).replace('-', '_');
    String fromEnvironment = environment.get(variable);
    return fromEnvironment != null ? fromEnvironment : properties.getProperty(name);
  }
}
