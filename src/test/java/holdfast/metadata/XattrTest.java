package holdfast.metadata;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import holdfast.metadata.op.Answer;
import holdfast.metadata.op.Attributes;
import holdfast.metadata.op.FileType;
import holdfast.metadata.op.Operation;
import holdfast.metadata.op.OperationResult;
import holdfast.metadata.op.Query;
import holdfast.metadata.op.RequestId;
import holdfast.metadata.op.Tag;
import holdfast.metadata.op.XattrMode;
import holdfast.metadata.op.XattrName;
import holdfast.metadata.op.XattrValue;
import holdfast.metadata.tree.Leaf;
import holdfast.model.ClientId;
import holdfast.model.ErrorCode;
import holdfast.util.ByteReader;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Extended attributes in the namespace; that they follow the model: {@link NamespaceModelTest}. */
final class XattrTest {
  private static final long ROOT = Attributes.ROOT_INODE;

  private final Random random = new Random(7);
  private final ClientId client = Samples.client(random);
  private Namespace namespace = withSession();
  private long sequence;

  private Namespace withSession() {
    var editor = Namespace.empty(5, Samples.sealId(random), 0755, 1, 2, 1_000).edit();
    editor.beginSession(client);
    return editor.namespace();
  }

  private OperationResult apply(Operation operation) {
    sequence++;
    var applied = namespace.apply(new RequestId(client, sequence, sequence), operation);
    namespace = applied.namespace();
    return applied.result();
  }

  private OperationResult set(long inode, XattrName name, int blocks, XattrMode mode) {
    return apply(new Operation.SetXattr(inode, name, value(blocks), mode, 5_000));
  }

  private static XattrValue value(int blocks) {
    byte[] sealed = new byte[16 + 32 * blocks];
    new Random(blocks).nextBytes(sealed);
    return new XattrValue(sealed);
  }

  private static XattrName name(int number) {
    return Samples.xattrName(100 + number);
  }

  private static ErrorCode code(OperationResult result) {
    return ((OperationResult.Failed) result).code();
  }

  private Attributes attributes(long inode) {
    return ((Answer.Inode) namespace.query(new Query.GetAttributes(inode))).attributes();
  }

  private long makeFile(int number) {
    var made =
        apply(
            new Operation.Create(
                ROOT,
                Samples.name(number),
                Tag.ZERO,
                Samples.sealId(random),
                FileType.FILE,
                0644,
                1,
                2,
                0,
                Optional.empty(),
                true,
                2_000,
                Optional.empty()));
    return made.orThrow().attributes().inode();
  }

  @Test
  void settingAndRemovingChangesCountAndCtimeButNotTheVersion() {
    long file = makeFile(1);

    var set = set(file, name(1), 1, XattrMode.CREATE).orThrow().attributes();
    var removed = apply(new Operation.RemoveXattr(file, name(1), 6_000)).orThrow().attributes();

    assertThat(set.xattrCount()).isEqualTo(1);
    assertThat(set.ctimeNs()).isEqualTo(5_000);
    assertThat(set.mtimeNs()).isEqualTo(2_000);
    assertThat(set.version()).isZero();
    assertThat(removed.xattrCount()).isZero();
    assertThat(removed.ctimeNs()).isEqualTo(6_000);
  }

  @Test
  void refusalsComeInTheOrderOfLinuxAndLeaveNothingBehind() {
    long file = makeFile(1);
    set(file, name(1), 1, XattrMode.SET);
    var before = attributes(file);

    assertThat(code(set(4_711, name(1), 1, XattrMode.CREATE))).isEqualTo(ErrorCode.NOT_FOUND);
    assertThat(code(set(file, name(1), 1, XattrMode.CREATE))).isEqualTo(ErrorCode.EXISTS);
    assertThat(code(set(file, name(2), 1, XattrMode.REPLACE))).isEqualTo(ErrorCode.NO_DATA);
    assertThat(code(apply(new Operation.RemoveXattr(file, name(2), 9))))
        .isEqualTo(ErrorCode.NO_DATA);
    assertThat(attributes(file)).isEqualTo(before);
  }

  @Test
  void aRetriedCreateGivesTheFirstAnswer() {
    long file = makeFile(1);
    var operation = new Operation.SetXattr(file, name(1), value(3), XattrMode.CREATE, 5_000);
    var requestId = new RequestId(client, 50, 50);

    var first = namespace.apply(requestId, operation);
    var again = first.namespace().apply(requestId, operation);

    assertThat(first.result()).isInstanceOf(OperationResult.Done.class);
    assertThat(again.result()).isEqualTo(first.result());
    assertThat(again.isRepeat()).isTrue();
  }

  @Test
  void namesEndWhereAListingWouldBeTooLongAndValuesWhereAnInodeHasEnough() {
    long file = makeFile(1);
    int names = 0;
    while (set(file, name(names), 1, XattrMode.SET) instanceof OperationResult.Done) {
      names++;
    }
    assertThat(names).isEqualTo(XattrStep.LIST_MAX_BYTES / name(0).listBytes()).isEqualTo(1_985);
    assertThat(code(set(file, name(names), 1, XattrMode.SET))).isEqualTo(ErrorCode.NO_SPACE);
    assertThat(set(file, name(0), 40, XattrMode.SET)).isInstanceOf(OperationResult.Done.class);

    long other = makeFile(2);
    int longest = (XattrValue.MAX_BYTES - 16) / 32;
    int values = 0;
    while (set(other, name(values), longest, XattrMode.SET) instanceof OperationResult.Done) {
      values++;
    }
    assertThat(values).isEqualTo(15);
    assertThat(code(set(other, name(15), longest, XattrMode.SET))).isEqualTo(ErrorCode.NO_SPACE);
    assertThat(set(other, name(0), longest, XattrMode.SET))
        .as("replacing takes no more room")
        .isInstanceOf(OperationResult.Done.class);
    assertThat(namespace.query(new Query.GetXattr(other, name(14))))
        .isEqualTo(new Answer.Xattr(attributes(other), Optional.of(value(longest))));
  }

  @Test
  void theyGoWithTheirInode() {
    int before = records().size();
    long file = makeFile(1);
    int withFile = records().size();
    set(file, name(1), 3, XattrMode.SET);
    set(file, name(2), 2_000, XattrMode.SET);
    assertThat(records()).hasSizeGreaterThan(withFile + 2);

    apply(new Operation.Unlink(ROOT, Samples.name(1), 9_000));

    assertThat(records()).hasSize(before);
    assertThat(namespace.query(new Query.ListXattrs(file))).isInstanceOf(Answer.Failed.class);
  }

  @Test
  void aSnapshotWhoseAttributesDontFitTheirInodeIsRefused() {
    long file = makeFile(1);
    set(file, name(1), 3, XattrMode.SET);
    set(file, name(2), 600, XattrMode.SET);
    var keys = List.of(Keys.XATTR, Keys.XATTR_PART);

    for (int kind : keys) {
      var load = new XattrLoad();
      boolean isLeftOut = false;
      String refused = null;
      try {
        for (Record record : records()) {
          if (record.key()[0] == kind && !isLeftOut) {
            isLeftOut = true;
          } else if (record.key()[0] == Keys.INODE) {
            load.onInode(Inode.unpack(Keys.u64(record.key(), 1), record.value()));
          } else if (record.key()[0] == Keys.XATTR) {
            load.onXattr(Xattr.unpack(record.key(), record.value()));
          } else if (record.key()[0] == Keys.XATTR_PART) {
            load.onPart(record.key(), record.value());
          }
        }
      } catch (ByteReader.Malformed e) {
        refused = e.getMessage();
      }
      assertThat(isLeftOut).isTrue();
      assertThat(refused != null || !load.isWhole()).as("without one of kind %s", kind).isTrue();
    }
    var load = new XattrLoad();
    byte[] part = Keys.xattrPart(file, 1 << 20, 0);
    assertThatThrownBy(() -> load.onPart(part, new byte[16]))
        .isInstanceOf(ByteReader.Malformed.class)
        .hasMessageStartingWith("load xattr value: expected=the next part of one");
  }

  private record Record(byte[] key, byte[] value) {}

  private List<Record> records() {
    var records = new ArrayList<Record>();
    namespace
        .snapshot()
        .forEachRemaining(
            piece -> {
              var in = new ByteReader(piece);
              if (in.u8() == SnapshotCursor.RECORDS) {
                while (in.remaining() > 0) {
                  var record = new Record(in.v(64), in.v(Leaf.VALUE_MAX_BYTES));
                  if (record.key()[0] != Keys.CLIENT && record.key()[0] != Keys.RESULT) {
                    records.add(record);
                  }
                }
              }
            });
    return records;
  }
}
