package holdfast.app;

import holdfast.client.Caller;
import holdfast.client.CreatedFile;
import holdfast.client.FileAttributes;
import holdfast.client.OpenFlags;
import holdfast.client.PoolFileSystem;
import holdfast.client.PooledFileSystem;
import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** {@code holdfast put}: a local file, or standard input, to a file of the pool. */
@Command(
    name = "put",
    description = "Copies a local file to the pool; - is standard input.",
    mixinStandardHelpOptions = true)
final class PutCommand extends FileCommand {
  private static final int MODE = 0644;

  @Parameters(index = "0", paramLabel = "FILE", description = "The local file.")
  String source;

  @Parameters(index = "1", paramLabel = "PATH", description = "Where to in the pool.")
  String target;

  @Override
  void run(PooledFileSystem files, PrintWriter out) throws IOException {
    boolean isStdin = source.equals("-");
    Path local = Path.of(source);
    if (!isStdin && !Files.isRegularFile(local)) {
      throw new UsageException("put " + source + ": expected=a local file that can be read");
    }
    PoolPath path = PoolPath.parse(target);
    if (path.isRoot() || isDirectory(files, path)) {
      if (isStdin) {
        throw new UsageException("put -: expected=a file's path, was=the directory " + path);
      }
      path = path.child(local.getFileName().toString());
    }
    try (InputStream from = isStdin ? System.in : Files.newInputStream(local)) {
      copy(files, from, path);
    }
  }

  private static boolean isDirectory(PooledFileSystem files, PoolPath path) {
    try {
      return path.find(files).isDirectory();
    } catch (HoldfastException e) {
      if (e.code() == ErrorCode.NOT_FOUND) {
        return false;
      }
      throw e;
    }
  }

  private static void copy(PooledFileSystem files, InputStream from, PoolPath path)
      throws IOException {
    FileAttributes parent = path.parent().find(files);
    Ids ids = Ids.ofThisProcess();
    var caller = new Caller(ids.uid(), ids.gid(), (int) ProcessHandle.current().pid(), 0);
    CreatedFile created =
        files.create(
            caller,
            parent.inode(),
            PoolPath.bytes(path.last()),
            MODE,
            OpenFlags.WRITE_ONLY | OpenFlags.TRUNCATE);
    try {
      byte[] buffer = new byte[PoolFileSystem.TRANSFER_BYTES_MAX];
      long offset = 0;
      for (int count = from.read(buffer); count >= 0; count = from.read(buffer)) {
        offset += files.write(created.handle(), offset, buffer, 0, count);
      }
      files.flush(created.handle());
    } finally {
      files.release(created.handle());
    }
  }
}
