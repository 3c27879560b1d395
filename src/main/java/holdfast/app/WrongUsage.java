package holdfast.app;

import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import picocli.CommandLine;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.UnmatchedArgumentException;

/** What is wrong with a command line that can't be parsed, and what was probably meant. */
final class WrongUsage {
  /** A name is near if it takes one change for so many of its characters. */
  private static final int CHARACTERS_PER_CHANGE = 3;

  private WrongUsage() {}

  /**
   * What to print. A misspelt command comes before its options, which the program hasn't got; a
   * misspelt option before one that is missing because of it.
   */
  static String words(ParameterException failure, List<String> typed) {
    CommandLine command = failure.getCommandLine();
    Collection<String> commands = command.getSubcommands().keySet();
    Optional<String> subcommand = firstWordFor(command, typed);
    if (!commands.isEmpty() && subcommand.isPresent() && !commands.contains(subcommand.get())) {
      return named("unknown command", subcommand.get(), commands);
    }
    Optional<String> option = unknownOption(command, typed);
    if (option.isPresent()) {
      return named("unknown option", option.get(), command.getCommandSpec().optionsMap().keySet());
    }
    if (failure instanceof UnmatchedArgumentException unmatched
        && !unmatched.getUnmatched().isEmpty()) {
      return "one argument too many: " + unmatched.getUnmatched().get(0);
    }
    return failure.getMessage();
  }

  /** The first word behind the command's own that isn't an option. */
  private static Optional<String> firstWordFor(CommandLine command, List<String> typed) {
    int depth = 0;
    for (CommandLine at = command.getParent(); at != null; at = at.getParent()) {
      depth++;
    }
    return typed.stream().filter(word -> !word.startsWith("-")).skip(depth).findFirst();
  }

  /** The first word that looks like an option of this command and is none. */
  private static Optional<String> unknownOption(CommandLine command, List<String> typed) {
    var known = new ArrayList<String>();
    for (CommandLine at = command; at != null; at = at.getParent()) {
      known.addAll(at.getCommandSpec().optionsMap().keySet());
    }
    return typed.stream()
        .takeWhile(word -> !word.equals("--"))
        .filter(word -> word.matches("--?[A-Za-z].*"))
        .map(word -> word.replaceFirst("=.*", ""))
        .filter(word -> !known.contains(word))
        .findFirst();
  }

  private static String named(String what, String name, Collection<String> known) {
    return what
        + ": "
        + name
        + nearest(name, known).map(meant -> "; did you mean " + meant + "?").orElse("");
  }

  /** The known name that is most like this one, if any is like it. */
  static Optional<String> nearest(String name, Collection<String> known) {
    String nearest = null;
    int changesMin = Integer.MAX_VALUE;
    for (String candidate : known) {
      boolean isBegun = name.length() > 1 && candidate.startsWith(name);
      int changes = isBegun ? 1 : changes(name, candidate);
      int changesMax = Math.max(name.length(), candidate.length()) / CHARACTERS_PER_CHANGE;
      if (changes < changesMin && (isBegun || changes <= changesMax)) {
        changesMin = changes;
        nearest = candidate;
      }
    }
    return Optional.ofNullable(nearest);
  }

  /** How many characters have to be put in, left out, changed, or swapped with the next. */
  static int changes(String from, String to) {
    var rows = new int[from.length() + 1][to.length() + 1];
    for (int i = 0; i <= from.length(); i++) {
      for (int j = 0; j <= to.length(); j++) {
        if (i == 0 || j == 0) {
          rows[i][j] = i + j;
          continue;
        }
        int other = from.charAt(i - 1) == to.charAt(j - 1) ? 0 : 1;
        int least = Math.min(rows[i - 1][j], rows[i][j - 1]) + 1;
        least = Math.min(least, rows[i - 1][j - 1] + other);
        if (i > 1
            && j > 1
            && from.charAt(i - 1) == to.charAt(j - 2)
            && from.charAt(i - 2) == to.charAt(j - 1)) {
          least = Math.min(least, rows[i - 2][j - 2] + 1);
        }
        rows[i][j] = least;
      }
    }
    return rows[from.length()][to.length()];
  }
}
