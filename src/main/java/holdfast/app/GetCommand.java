package holdfast.app;

import holdfast.client.FileAttributes;
import holdfast.client.OpenFlags;
import holdfast.client.PoolFileSystem;
import holdfast.client.PooledFileSystem;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** {@code holdfast get}: a file of the pool to a local file, or to standard output. */
@Command(
    name = "get",
    description = "Copies a file of the pool to a local file; - is standard output.",
    mixinStandardHelpOptions = true)
final class GetCommand extends FileCommand {
  @Parameters(index = "0", paramLabel = "PATH", description = "The file in the pool.")
  String source;

  @Parameters(
      index = "1",
      arity = "0..1",
      paramLabel = "FILE",
      description = "Where to (default: its name, here).")
  String target;

  @Override
  void run(PooledFileSystem files, PrintWriter out) throws IOException {
    PoolPath path = PoolPath.parse(source);
    FileAttributes found = path.find(files);
    if (found.type() != FileAttributes.REGULAR) {
      throw new UsageException("get " + path + ": expected=a regular file");
    }
    if ("-".equals(target)) {
      copy(files, found.inode(), System.out);
      System.out.flush();
      return;
    }
    Path local = Path.of(target == null ? path.last() : target);
    if (Files.isDirectory(local)) {
      local = local.resolve(path.last());
    }
    try (OutputStream file = Files.newOutputStream(local)) {
      copy(files, found.inode(), file);
    }
  }

  private static void copy(PooledFileSystem files, long inode, OutputStream to) throws IOException {
    long handle = files.open(inode, OpenFlags.READ_ONLY).handle();
    try {
      byte[] buffer = new byte[PoolFileSystem.TRANSFER_BYTES_MAX];
      long offset = 0;
      while (true) {
        int count = files.read(handle, offset, buffer, 0, buffer.length);
        if (count == 0) {
          return;
        }
        to.write(buffer, 0, count);
        offset += count;
      }
    } finally {
      files.release(handle);
    }
  }
}
