package holdfast.metadata;

import static org.assertj.core.api.Assertions.assertThat;

import holdfast.metadata.op.Answer;
import holdfast.metadata.op.Attributes;
import holdfast.metadata.op.FileLock;
import holdfast.metadata.op.FileType;
import holdfast.metadata.op.LockFamily;
import holdfast.metadata.op.LockMode;
import holdfast.metadata.op.Operation;
import holdfast.metadata.op.Query;
import holdfast.metadata.op.Tag;
import holdfast.metadata.op.XattrMode;
import holdfast.metadata.op.XattrName;
import holdfast.metadata.op.XattrValue;
import holdfast.model.ClientId;
import holdfast.model.SealId;
import holdfast.util.ByteWriter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** docs/namespace.md says what the code does, and the golden file what its bytes are. */
final class NamespaceDocumentTest {
  private static final Path DOCUMENT = Path.of("docs", "namespace.md");
  private static final Path GOLDEN = Path.of("src/test/resources/golden/1/namespace.txt");
  private static final Pattern KIND = Pattern.compile("\\| (\\d+) ([a-z ]+) \\|.*");
  private static final Pattern TAG = Pattern.compile("\\| `(\\w+)` \\| (\\d+) \\|.*");
  private static final Pattern FIELD = Pattern.compile("\\| (\\d+) \\| [a-z][a-z ,]+ \\|");

  private static final ClientId CLIENT = new ClientId(8, 9);
  private static final FileLock LOCK =
      new FileLock(LockFamily.RECORD, LockMode.EXCLUSIVE, 4, 5, 6, 7);
  private static final Attributes ATTRIBUTES =
      new Attributes(
          2,
          new SealId(3, 4),
          FileType.FILE,
          0644,
          5,
          6,
          7,
          8,
          9,
          10,
          11,
          12,
          13,
          14,
          new Tag(15, 16),
          17);
  private static final XattrName NAME = new XattrName(counted(48));
  private static final XattrValue VALUE = new XattrValue(counted(80));

  private static byte[] counted(int lengthBytes) {
    byte[] bytes = new byte[lengthBytes];
    for (int i = 0; i < lengthBytes; i++) {
      bytes[i] = (byte) i;
    }
    return bytes;
  }

  private static List<String> section(String heading) throws IOException {
    var lines = Files.readAllLines(DOCUMENT);
    int from = lines.indexOf("## " + heading) + 1;
    int to = from;
    while (to < lines.size() && !lines.get(to).startsWith("## ")) {
      to++;
    }
    return lines.subList(from, to);
  }

  @Test
  void kindsOfRecordsAreThoseOfTheKeys() throws IOException {
    var documented = new TreeMap<Integer, String>();
    for (String line : section("State")) {
      var row = KIND.matcher(line);
      if (row.matches()) {
        documented.put(Integer.valueOf(row.group(1)), row.group(2));
      }
    }

    assertThat(documented)
        .containsEntry(Keys.INODE, "inode")
        .containsEntry(Keys.ENTRY, "entry")
        .containsEntry(Keys.EXTENT, "extent")
        .containsEntry(Keys.CHUNK, "chunk")
        .containsEntry(Keys.CLIENT, "client")
        .containsEntry(Keys.RESULT, "result")
        .containsEntry(Keys.TARGET, "target")
        .containsEntry(Keys.ORPHAN, "orphan")
        .containsEntry(Keys.PIN, "pin")
        .containsEntry(Keys.XATTR, "xattr")
        .containsEntry(Keys.XATTR_PART, "xattr part")
        .containsEntry(Keys.KEPT, "kept")
        .containsEntry(Keys.KEPT_AT, "kept at")
        .containsEntry(Keys.REVERTED, "reverted");
  }

  @Test
  void tagsAndSizesAreThoseInTheCode() throws IOException {
    var documented = new ArrayList<String>();
    int attributesBytes = 0;
    for (String line : section("Bytes")) {
      var tag = TAG.matcher(line);
      if (tag.matches()) {
        documented.add(tag.group(1) + " " + tag.group(2));
      }
      var field = FIELD.matcher(line);
      attributesBytes += field.matches() ? Integer.parseInt(field.group(1)) : 0;
    }
    var coded = new ArrayList<String>();
    samples().values().stream()
        .filter(sample -> !(sample instanceof Attributes))
        .forEach(
            sample -> {
              String named = sample.getClass().getSimpleName() + " " + bytes(sample)[0];
              if (!coded.contains(named)) {
                coded.add(named);
              }
            });

    assertThat(documented).containsAll(coded);
    assertThat(attributesBytes).isEqualTo(Attributes.BYTES);
    assertThat(bytes(ATTRIBUTES)).hasSize(Attributes.BYTES);
    assertThat(section("Bytes")).anyMatch(line -> line.contains("are " + Attributes.BYTES + " b"));
  }

  private static Map<String, Object> samples() {
    var samples = new LinkedHashMap<String, Object>();
    samples.put("attributes", ATTRIBUTES);
    samples.put("set-xattr", new Operation.SetXattr(2, NAME, VALUE, XattrMode.REPLACE, 3));
    samples.put("remove-xattr", new Operation.RemoveXattr(2, NAME, 3));
    samples.put("get-xattr", new Query.GetXattr(2, NAME));
    samples.put("list-xattrs", new Query.ListXattrs(2));
    samples.put("xattr", new Answer.Xattr(ATTRIBUTES, Optional.of(VALUE)));
    samples.put("no-xattr", new Answer.Xattr(ATTRIBUTES, Optional.empty()));
    samples.put("xattr-names", new Answer.XattrNames(ATTRIBUTES, List.of(NAME)));
    samples.put("set-lock", new Operation.SetLock(2, LOCK, 3));
    samples.put("get-lock", new Query.GetLock(2, CLIENT, LOCK));
    samples.put("lock", new Answer.Lock(Optional.of(new Answer.Lock.Granted(CLIENT, LOCK))));
    samples.put("no-lock", new Answer.Lock(Optional.empty()));
    return samples;
  }

  private static byte[] bytes(Object sample) {
    return switch (sample) {
      case Operation operation -> operation.toBytes();
      case Query query -> query.toBytes();
      case Answer answer -> answer.toBytes();
      case Attributes attributes -> {
        var out = new ByteWriter(Attributes.BYTES);
        attributes.write(out);
        yield out.toBytes();
      }
      default -> throw new AssertionError("no bytes of " + sample);
    };
  }

  /** The file is written only where none is there, and never over one. */
  @Test
  void bytesAreThePublishedOnes() throws IOException {
    var text = new StringBuilder();
    samples().forEach((name, sample) -> text.append(name + " " + hex(bytes(sample)) + "\n"));
    var inode = new Inode(2, FileType.FIFO, new SealId(3, 4));
    var shortOne = Xattr.of(2, 5 << Keys.COOKIE_SEQUENCE_BITS, NAME, VALUE);
    inode.countXattr(shortOne, 1);
    text.append("record-inode " + hex(inode.pack()) + "\n");
    text.append("key-xattr " + hex(shortOne.key()) + "\n");
    text.append("record-xattr " + hex(shortOne.pack()) + "\n");
    var longValue = new XattrValue(counted(Xattr.INLINE_MAX_BYTES + 32));
    text.append("record-xattr-long " + hex(Xattr.of(2, 6, NAME, longValue).pack()) + "\n");
    text.append("key-xattr-part " + hex(Keys.xattrPart(2, shortOne.cookie(), 4)) + "\n");
    var granted = new Locks.Granted(CLIENT, LOCK);
    text.append("key-lock " + hex(granted.key(2)) + "\n");
    text.append("record-lock " + hex(granted.pack()) + "\n");
    if (System.getProperty("golden.new") != null && !Files.exists(GOLDEN)) {
      Files.writeString(GOLDEN, text);
    }

    assertThat(text.toString()).isEqualTo(Files.readString(GOLDEN));
  }

  private static String hex(byte[] bytes) {
    return HexFormat.of().formatHex(bytes);
  }
}
