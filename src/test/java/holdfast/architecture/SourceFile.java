package holdfast.architecture;

import com.sun.source.tree.CompilationUnitTree;
import com.sun.source.tree.LineMap;
import com.sun.source.tree.Tree;
import com.sun.source.util.JavacTask;
import com.sun.source.util.SourcePositions;
import com.sun.source.util.Trees;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;
import javax.tools.JavaCompiler;
import javax.tools.SimpleJavaFileObject;
import javax.tools.ToolProvider;

/**
 * A Java source, parsed but not compiled.
 *
 * @param name where it stands, from the project's top
 * @param text its content
 * @param tree what the parser made of it
 * @param positions where in the text the parts of {@code tree} are
 */
record SourceFile(String name, String text, CompilationUnitTree tree, SourcePositions positions) {

  /** Every Java file below {@code folder}, in the order of their names. */
  static List<SourceFile> allBelow(Path folder) {
    try (Stream<Path> files = Files.walk(folder)) {
      List<Text> sources = new ArrayList<>();
      for (Path file : files.filter(path -> path.toString().endsWith(".java")).sorted().toList()) {
        sources.add(new Text(file.toString(), Files.readString(file)));
      }
      return parse(sources);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** One file that exists only in memory. */
  static SourceFile of(String name, String text) {
    return parse(List.of(new Text(name, text))).get(0);
  }

  private static List<SourceFile> parse(List<Text> sources) {
    JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
    var task = (JavacTask) compiler.getTask(null, null, null, List.of("-proc:none"), null, sources);
    SourcePositions positions = Trees.instance(task).getSourcePositions();
    List<SourceFile> parsed = new ArrayList<>();
    try {
      for (CompilationUnitTree tree : task.parse()) {
        // The compiler keeps the order, and wraps the objects it was given.
        Text source = sources.get(parsed.size());
        parsed.add(new SourceFile(source.path, source.text, tree, positions));
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return parsed;
  }

  /** The lines from the first to the last of {@code part}, both counted. */
  int lineCountOf(Tree part) {
    return (int)
        (lineOf(positions.getEndPosition(tree, part))
            - lineOf(positions.getStartPosition(tree, part))
            + 1);
  }

  /** {@code name:line} of {@code part}. */
  String placeOf(Tree part) {
    return String.format(
        Locale.ROOT, "%s:%d", name, lineOf(positions.getStartPosition(tree, part)));
  }

  private long lineOf(long position) {
    LineMap lines = tree.getLineMap();
    return lines.getLineNumber(position);
  }

  private static final class Text extends SimpleJavaFileObject {

    private final String path;
    private final String text;

    Text(String path, String text) {
      super(URI.create("string:///" + path.replace('\\', '/')), Kind.SOURCE);
      this.path = path;
      this.text = text;
    }

    @Override
    public CharSequence getCharContent(boolean isIgnoringErrors) {
      return text;
    }
  }
}
