import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Pattern;
import java.util.spi.ToolProvider;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import java.util.zip.ZipOutputStream;

/**
 * Fills the module path: merges the jnr jars into one named module, {@code holdfast.jnr}, and
 * copies the other jars the program runs with, which are modules already, beside it.
 *
 * <p>jnr-fuse and jnr-ffi share packages, and none of the jnr jars is a module: neither javac nor
 * jlink takes them as they are. The build runs this program, before it compiles anything, as {@code
 * java jlink/JnrModule.java OUTPUT CLASSPATH}. Nothing happens if OUTPUT was made from the same
 * jars.
 */
final class JnrModule {

  private static final String MODULE = "holdfast.jnr";

  private static final Pattern MERGED = Pattern.compile("(jnr|jffi)-.+\\.jar");
  private static final int MERGED_COUNT = 8;

  /** The native libraries that are shipped; those of other systems are left out. */
  private static final List<String> SYSTEMS = List.of("x86_64-Linux", "aarch64-Linux");

  /** Open, because jnr-ffi looks at its own members by reflection from classes it generates. */
  private static final String DESCRIPTOR =
      """
      open module holdfast.jnr {
        requires java.logging;
        requires jdk.unsupported;
        requires org.objectweb.asm;
        requires org.objectweb.asm.commons;
        requires org.objectweb.asm.tree;
        requires org.objectweb.asm.tree.analysis;
        requires org.objectweb.asm.util;

        exports com.kenai.jffi;
        exports jnr.constants.platform;
        exports jnr.ffi;
        exports jnr.ffi.annotations;
        exports jnr.ffi.byref;
        exports jnr.ffi.mapper;
        exports jnr.ffi.provider;
        exports jnr.ffi.types;
        exports jnr.posix;
        exports ru.serce.jnrfuse;
        exports ru.serce.jnrfuse.flags;
        exports ru.serce.jnrfuse.struct;
      }
      """;

  private JnrModule() {}

  public static void main(String[] args) throws IOException {
    if (args.length != 2) {
      throw new IllegalArgumentException("usage: JnrModule OUTPUT CLASSPATH");
    }
    Path output = Path.of(args[0]);
    List<Path> jars = jarsOf(args[1]);
    List<Path> merged = jars.stream().filter(JnrModule::isMerged).toList();
    if (merged.size() != MERGED_COUNT) {
      throw new IllegalStateException(
          "select jnr jars: expected=" + MERGED_COUNT + ", was=" + merged);
    }
    Path stamp = output.resolve("made-from.txt");
    String madeFrom = DESCRIPTOR + SYSTEMS + "\n" + describe(jars);
    if (Files.exists(stamp) && Files.readString(stamp).equals(madeFrom)) {
      return;
    }

    deleteTree(output);
    Path classes = Files.createDirectories(output.resolve("classes"));
    for (Path jar : merged) {
      unpack(jar, classes);
    }
    for (Path jar : jars) {
      if (!isMerged(jar)) {
        Files.copy(jar, output.resolve(jar.getFileName()));
      }
    }
    compileDescriptor(classes, output);
    pack(classes, output.resolve(MODULE + ".jar"));
    deleteTree(classes);
    Files.writeString(stamp, madeFrom);
  }

  private static List<Path> jarsOf(String classPath) {
    return Arrays.stream(classPath.split(File.pathSeparator))
        .filter(element -> element.endsWith(".jar"))
        .map(Path::of)
        .sorted()
        .toList();
  }

  private static boolean isMerged(Path jar) {
    return MERGED.matcher(jar.getFileName().toString()).matches();
  }

  private static String describe(List<Path> jars) throws IOException {
    var lines = new StringBuilder();
    for (Path jar : jars) {
      lines.append(jar.getFileName()).append(' ').append(Files.size(jar)).append('\n');
    }
    return lines.toString();
  }

  private static void unpack(Path jar, Path folder) throws IOException {
    try (var zip = new ZipFile(jar.toFile())) {
      for (ZipEntry entry : (Iterable<ZipEntry>) zip.stream().map(ZipEntry.class::cast)::iterator) {
        if (!entry.isDirectory() && isShipped(entry.getName())) {
          Path file = folder.resolve(entry.getName()).normalize();
          if (!file.startsWith(folder) || Files.exists(file)) {
            throw new IllegalStateException("merge jars: two have entry=" + entry + ", jar=" + jar);
          }
          Files.createDirectories(file.getParent());
          try (InputStream in = zip.getInputStream(entry)) {
            Files.copy(in, file);
          }
        }
      }
    }
  }

  private static boolean isShipped(String name) {
    if (name.startsWith("jni/")) {
      return SYSTEMS.stream().anyMatch(system -> name.startsWith("jni/" + system + "/"));
    }
    return !name.startsWith("META-INF/");
  }

  private static void compileDescriptor(Path classes, Path modulePath) throws IOException {
    Path source = classes.resolve("module-info.java");
    Files.writeString(source, DESCRIPTOR);
    int exit =
        ToolProvider.findFirst("javac")
            .orElseThrow()
            .run(
                System.out,
                System.err,
                "--release",
                "21",
                "-d",
                classes.toString(),
                "--module-path",
                modulePath.toString(),
                "--patch-module",
                MODULE + "=" + classes,
                source.toString());
    Files.delete(source);
    if (exit != 0) {
      throw new IllegalStateException("compile module-info of " + MODULE + ": exit=" + exit);
    }
  }

  /**
   * Writes entries in name order with one fixed time, so that the same jars give the same bytes.
   */
  private static void pack(Path classes, Path jar) throws IOException {
    Map<String, Path> entries = new TreeMap<>();
    try (Stream<Path> files = Files.walk(classes)) {
      files
          .filter(Files::isRegularFile)
          .forEach(file -> entries.put(classes.relativize(file).toString(), file));
    }
    Path part = jar.resolveSibling(jar.getFileName() + ".part");
    try (OutputStream out = Files.newOutputStream(part);
        var zip = new ZipOutputStream(out)) {
      for (Map.Entry<String, Path> file : entries.entrySet()) {
        var entry = new ZipEntry(file.getKey().replace('\\', '/'));
        entry.setTimeLocal(java.time.LocalDateTime.of(2000, 1, 1, 0, 0));
        zip.putNextEntry(entry);
        Files.copy(file.getValue(), zip);
        zip.closeEntry();
      }
    }
    Files.move(part, jar, StandardCopyOption.ATOMIC_MOVE);
  }

  private static void deleteTree(Path folder) throws IOException {
    if (!Files.exists(folder)) {
      return;
    }
    List<Path> all;
    try (Stream<Path> files = Files.walk(folder)) {
      all = new ArrayList<>(files.toList());
    }
    for (Path file : all.reversed()) {
      Files.delete(file);
    }
  }
}
