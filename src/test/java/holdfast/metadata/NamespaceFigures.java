package holdfast.metadata;

import holdfast.metadata.op.Answer;
import holdfast.metadata.op.Content;
import holdfast.metadata.op.DirectoryEntry;
import holdfast.metadata.op.EntryName;
import holdfast.metadata.op.Extent;
import holdfast.metadata.op.FileType;
import holdfast.metadata.op.Operation;
import holdfast.metadata.op.Query;
import holdfast.metadata.op.RequestId;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;

/**
 * Measures the namespace: heap a file, operations a second of processor time, snapshot and load. A
 * main program: arguments are the number of files and operations in a batch.
 */
final class NamespaceFigures {
  private static final int FILES_PER_DIRECTORY = 1_000;
  private static final ThreadMXBean THREADS = ManagementFactory.getThreadMXBean();

  private NamespaceFigures() {}

  public static void main(String[] args) {
    int fileCount = args.length > 0 ? Integer.parseInt(args[0]) : 1_000_000;
    int batch = args.length > 1 ? Integer.parseInt(args[1]) : 1;
    var random = new Random(1);
    System.out.println(measure(random, fileCount, batch));
  }

  /** Runs it; the text tells the figures. */
  static String measure(Random random, int fileCount, int batch) {
    var out = new StringBuilder();
    var client = Samples.client(random);
    var namespace = Namespace.empty(77, Samples.sealId(random), 0755, 0, 0, 0);
    long sequence = 0;
    long parent = 1;
    long heapBefore = usedBytes();
    long start = now();
    long applyNs = 0;
    int done = 0;
    var editor = namespace.edit();
    editor.beginSession(client);
    while (done < fileCount) {
      if (done % FILES_PER_DIRECTORY == 0) {
        var result =
            editor.apply(
                new RequestId(client, ++sequence, sequence - 1),
                create(random, 1, FileType.DIRECTORY, sequence));
        parent = result.orThrow().attributes().inode();
      }
      List<Operation> operations = new ArrayList<>();
      for (int i = 0; i < batch && done + i < fileCount; i++) {
        operations.add(create(random, parent, FileType.FILE, sequence));
      }
      long from = now();
      for (Operation operation : operations) {
        editor.apply(new RequestId(client, ++sequence, Math.max(0, sequence - 8)), operation);
      }
      namespace = editor.namespace();
      applyNs += now() - from;
      done += operations.size();
    }
    out.append(
        String.format(
            "create: %,d a second (%d ms in all, batches of %d)%n",
            fileCount * 1_000L / Math.max(1, applyNs / 1_000_000),
            (now() - start) / 1_000_000,
            batch));
    editor = null;
    long heapBytes = usedBytes() - heapBefore;
    out.append(String.format("heap: %d bytes a file%n", heapBytes / fileCount));
    measureQueries(random, namespace, out);
    measureSnapshot(namespace, out);
    return out.toString();
  }

  private static void measureQueries(Random random, Namespace namespace, StringBuilder out) {
    var listing = (Answer.Listing) namespace.query(new Query.ReadDirectory(1, 0, 100));
    long parent = listing.entries().get(0).attributes().inode();
    var files = (Answer.Listing) namespace.query(new Query.ReadDirectory(parent, 0, 500));
    long from = now();
    int count = 0;
    for (int round = 0; round < 200; round++) {
      for (DirectoryEntry entry : files.entries()) {
        count +=
            namespace.query(new Query.Lookup(parent, entry.name())) instanceof Answer.Entry ? 1 : 0;
      }
    }
    out.append(String.format("lookup: %,d a second%n", count * 1_000_000_000L / (now() - from)));
    from = now();
    int entries = 0;
    for (DirectoryEntry directory : listing.entries()) {
      long inode = directory.attributes().inode();
      var page = (Answer.Listing) namespace.query(new Query.ReadDirectory(inode, 0, 1_000));
      entries += page.entries().size();
    }
    out.append(
        String.format(
            "listing: %,d entries a second%n", entries * 1_000_000_000L / (now() - from)));
  }

  private static void measureSnapshot(Namespace namespace, StringBuilder out) {
    long from = now();
    var pieces = new ArrayList<byte[]>();
    long sizeBytes = 0;
    var cursor = namespace.snapshot();
    while (cursor.hasNext()) {
      byte[] piece = cursor.next();
      sizeBytes += piece.length;
      pieces.add(piece);
    }
    out.append(
        String.format(
            "snapshot: %d MB written in %d ms", sizeBytes >> 20, (now() - from) / 1_000_000));
    from = now();
    var loader = new NamespaceLoader();
    pieces.forEach(loader::add);
    var loaded = loader.finish();
    out.append(String.format(", loaded in %d ms", (now() - from) / 1_000_000));
    from = now();
    byte[] digest = loaded.digest();
    out.append(
        String.format(
            ", digest of %d bytes in %d ms%n", digest.length, (now() - from) / 1_000_000));
  }

  private static Operation create(Random random, long parent, FileType type, long timeNs) {
    byte[] sealed = new byte[48];
    random.nextBytes(sealed);
    var extent = new Extent(0, 4_096, Samples.chunk(random), Samples.salt(random), 1, 0);
    var content = new Content(1, 4_096, Samples.tag(random), timeNs, 1, List.of(extent));
    return new Operation.Create(
        parent,
        new EntryName(sealed),
        Samples.tag(random),
        Samples.sealId(random),
        type,
        0644,
        1_000,
        1_000,
        0,
        Optional.empty(),
        true,
        1_700_000_000_000_000_000L + timeNs,
        type == FileType.FILE ? Optional.of(content) : Optional.empty());
  }

  /** Processor time of this thread: what other programs do meanwhile does not count. */
  private static long now() {
    return THREADS.getCurrentThreadCpuTime();
  }

  private static long usedBytes() {
    for (int i = 0; i < 3; i++) {
      System.gc();
    }
    var runtime = Runtime.getRuntime();
    return runtime.totalMemory() - runtime.freeMemory();
  }
}
