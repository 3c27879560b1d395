package holdfast.architecture;

import com.sun.source.tree.CatchTree;
import com.sun.source.tree.ClassTree;
import com.sun.source.tree.IdentifierTree;
import com.sun.source.tree.MethodTree;
import com.sun.source.tree.SynchronizedTree;
import com.sun.source.tree.ThrowTree;
import com.sun.source.util.TreeScanner;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.lang.model.element.Modifier;

/** The rules that only the source shows. Each returns one line for each place that breaks it. */
final class SourceRules {

  static final int FILE_LINES_MAX = 500;
  static final int METHOD_LINES_MAX = 70;
  static final int LINE_LENGTH_MAX = 100;

  /** In two parts, so that this file may itself be searched for them. */
  private static final Pattern POSTPONED =
      Pattern.compile("\\b(" + "TO" + "DO|FIX" + "ME|XX" + "X)\\b|@" + "Disabled\\b");

  private static final Set<String> BROAD =
      Set.of("Exception", "Throwable", "RuntimeException", "Error");

  private SourceRules() {}

  static List<String> tooLongFiles(SourceFile file) {
    long lineCount = file.text().lines().count();
    return lineCount <= FILE_LINES_MAX
        ? List.of()
        : List.of("%s: %d lines, at most %d".formatted(file.name(), lineCount, FILE_LINES_MAX));
  }

  static List<String> tooLongLines(SourceFile file) {
    List<String> found = new ArrayList<>();
    List<String> lines = file.text().lines().toList();
    for (int i = 0; i < lines.size(); i++) {
      String line = lines.get(i);
      int length = line.codePointCount(0, line.length());
      // What cannot be broken: an import, or an address in a comment.
      if (length > LINE_LENGTH_MAX && !line.startsWith("import ") && !line.contains("https://")) {
        found.add(
            place(file, i) + ": %d characters, at most %d".formatted(length, LINE_LENGTH_MAX));
      }
    }
    return found;
  }

  static List<String> postponedWork(SourceFile file) {
    List<String> found = new ArrayList<>();
    List<String> lines = file.text().lines().toList();
    for (int i = 0; i < lines.size(); i++) {
      Matcher word = POSTPONED.matcher(lines.get(i));
      if (word.find()) {
        found.add(place(file, i) + ": " + word.group() + "; do it, or leave it out and say so");
      }
    }
    return found;
  }

  static List<String> tooLongMethods(SourceFile file) {
    List<String> found = new ArrayList<>();
    new TreeScanner<Void, Void>() {
      @Override
      public Void visitMethod(MethodTree method, Void unused) {
        int lineCount = method.getBody() == null ? 0 : file.lineCountOf(method);
        if (lineCount > METHOD_LINES_MAX) {
          found.add(
              String.format(
                  Locale.ROOT,
                  "%s: method %s has %d lines, at most %d",
                  file.placeOf(method),
                  method.getName(),
                  lineCount,
                  METHOD_LINES_MAX));
        }
        return super.visitMethod(method, unused);
      }
    }.scan(file.tree(), null);
    return found;
  }

  static List<String> monitors(SourceFile file) {
    List<String> found = new ArrayList<>();
    new TreeScanner<Void, Void>() {
      @Override
      public Void visitSynchronized(SynchronizedTree block, Void unused) {
        found.add(file.placeOf(block) + ": synchronized; use ReentrantLock or a single writer");
        return super.visitSynchronized(block, unused);
      }

      @Override
      public Void visitMethod(MethodTree method, Void unused) {
        if (method.getModifiers().getFlags().contains(Modifier.SYNCHRONIZED)) {
          found.add(file.placeOf(method) + ": synchronized; use ReentrantLock or a single writer");
        }
        return super.visitMethod(method, unused);
      }
    }.scan(file.tree(), null);
    return found;
  }

  /** Catches of everything that neither throw nor do anything with what they caught. */
  static List<String> swallowedExceptions(SourceFile file) {
    List<String> found = new ArrayList<>();
    new TreeScanner<Void, Void>() {
      @Override
      public Void visitCatch(CatchTree handler, Void unused) {
        String[] types = handler.getParameter().getType().toString().split("\\s*\\|\\s*");
        if (Arrays.stream(types).anyMatch(BROAD::contains) && !throwsOrPassesOn(handler)) {
          found.add(
              file.placeOf(handler)
                  + ": catches "
                  + String.join("|", types)
                  + " and neither throws nor passes it on or logs it; catch what can happen");
        }
        return super.visitCatch(handler, unused);
      }
    }.scan(file.tree(), null);
    return found;
  }

  private static boolean throwsOrPassesOn(CatchTree handler) {
    var exception = handler.getParameter().getName();
    Boolean found =
        new TreeScanner<Boolean, Void>() {
          @Override
          public Boolean visitThrow(ThrowTree statement, Void unused) {
            return true;
          }

          @Override
          public Boolean visitIdentifier(IdentifierTree name, Void unused) {
            return name.getName().contentEquals(exception);
          }

          @Override
          public Boolean reduce(Boolean first, Boolean second) {
            return Boolean.TRUE.equals(first) || Boolean.TRUE.equals(second);
          }
        }.scan(handler.getBlock(), null);
    return Boolean.TRUE.equals(found);
  }

  /** Top-level types without a documentation comment. */
  static List<String> undocumentedTypes(SourceFile file) {
    List<String> found = new ArrayList<>();
    for (var type : file.tree().getTypeDecls()) {
      if (type instanceof ClassTree declared) {
        int start = (int) file.positions().getStartPosition(file.tree(), declared);
        if (!file.text().substring(0, start).stripTrailing().endsWith("*/")) {
          found.add(file.placeOf(declared) + ": " + declared.getSimpleName() + " has no sentence");
        }
      }
    }
    return found;
  }

  private static String place(SourceFile file, int lineIndex) {
    return file.name() + ":" + (lineIndex + 1);
  }
}
