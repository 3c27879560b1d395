package holdfast.metadata.tree;

import static org.assertj.core.api.Assertions.assertThat;

import holdfast.util.ByteWriter;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.junit.jupiter.api.Test;

final class PackedTreeTest {
  private static TreeMap<byte[], byte[]> model() {
    return new TreeMap<>(Arrays::compareUnsigned);
  }

  private static byte[] randomKey(Random random, int keySpace) {
    // Few leading bytes and many lengths: prefixes of each other, and neighbours.
    byte[] key = new byte[1 + random.nextInt(random.nextInt(10) == 0 ? 40 : 6)];
    for (int i = 0; i < key.length; i++) {
      key[i] = (byte) random.nextInt(keySpace);
    }
    return key;
  }

  private static byte[] randomValue(Random random) {
    int kind = random.nextInt(100);
    byte[] value =
        new byte[random.nextInt(kind == 0 ? Leaf.VALUE_MAX_BYTES : kind < 10 ? 900 : 90)];
    random.nextBytes(value);
    return value;
  }

  private static void assertSame(PackedTree tree, TreeMap<byte[], byte[]> model) {
    var cursor = tree.seek(new byte[] {0});
    for (Map.Entry<byte[], byte[]> record : model.entrySet()) {
      assertThat(cursor.isValid()).isTrue();
      assertThat(cursor.key()).isEqualTo(record.getKey());
      assertThat(cursor.value()).isEqualTo(record.getValue());
      cursor.next();
    }
    assertThat(cursor.isValid()).isFalse();
  }

  @Property(tries = 60)
  void treeIsASortedMapAndOldTreesStayAsTheyWere(@ForAll long seed) {
    var random = new Random(seed);
    int keySpace = 2 + random.nextInt(200);
    var model = model();
    var oldTrees = new ArrayList<PackedTree>();
    var oldModels = new ArrayList<TreeMap<byte[], byte[]>>();
    var editor = PackedTree.EMPTY.edit();

    for (int phase = 0; phase < 6; phase++) {
      int removePercent = random.nextInt(100);
      for (int step = 0; step < 700; step++) {
        byte[] key = randomKey(random, keySpace);
        if (random.nextInt(100) < removePercent) {
          var existing = random.nextBoolean() ? model.ceilingKey(key) : null;
          editor.remove(existing == null ? key : existing);
          model.remove(existing == null ? key : existing);
        } else {
          byte[] value = randomValue(random);
          editor.put(key, value);
          model.put(key, value);
        }
      }
      oldTrees.add(editor.tree());
      oldModels.add(new TreeMap<>(model));
    }

    for (int i = 0; i < oldTrees.size(); i++) {
      assertSame(oldTrees.get(i), oldModels.get(i));
      assertWellFormed(oldTrees.get(i).root());
    }
    assertSearches(oldTrees.get(5), model, random, keySpace);
  }

  private static void assertSearches(
      PackedTree tree, TreeMap<byte[], byte[]> model, Random random, int keySpace) {
    for (int i = 0; i < 500; i++) {
      byte[] key = randomKey(random, keySpace);
      assertThat(tree.get(key)).isEqualTo(model.get(key));
      var ceiling = tree.seek(key);
      assertThat(ceiling.isValid() ? ceiling.key() : null).isEqualTo(model.ceilingKey(key));
      var floor = tree.floor(key);
      assertThat(floor.isValid() ? floor.key() : null).isEqualTo(model.floorKey(key));
      if (floor.isValid()) {
        floor.next();
        assertThat(floor.isValid() ? floor.key() : null).isEqualTo(model.higherKey(key));
      }
    }
  }

  private static int assertWellFormed(Object node) {
    if (node instanceof byte[] leaf) {
      assertThat(Leaf.count(leaf) <= 1 || leaf.length <= Leaf.MAX_BYTES).isTrue();
      return 1;
    }
    var inner = (Inner) node;
    assertThat(inner.count).isBetween(1, Inner.CHILDREN_MAX);
    int depth = assertWellFormed(inner.children[0]);
    for (int i = 1; i < inner.count; i++) {
      assertThat(assertWellFormed(inner.children[i])).isEqualTo(depth);
      assertThat(i == 1 || Arrays.compareUnsigned(inner.separators[i - 1], inner.separators[i]) < 0)
          .isTrue();
    }
    return depth + 1;
  }

  @Property(tries = 40)
  void builderMakesTheTreeThatAnEditorMakes(@ForAll long seed) {
    var random = new Random(seed);
    var model = model();
    int count = random.nextInt(5_000);
    for (int i = 0; i < count; i++) {
      model.put(randomKey(random, 200), randomValue(random));
    }

    var builder = new PackedTree.Builder();
    model.forEach(builder::add);
    var tree = builder.build();

    assertSame(tree, model);
    assertWellFormed(tree.root());
    assertSearches(tree, model, random, 200);
  }

  private static byte[] key(long number) {
    return new ByteWriter(9).u8(1).u64(number).toBytes();
  }

  @Test
  void risingKeysLeaveFullLeavesBehind() {
    var editor = PackedTree.EMPTY.edit();
    int bytes = 0;
    for (int i = 0; i < 20_000; i++) {
      byte[] key = key(i);
      editor.put(key, new byte[50]);
      bytes += key.length + 50;
    }

    int leafCount = leaves(editor.tree().root()).size();

    assertThat(leafCount * Leaf.MAX_BYTES).isLessThan(bytes * 115 / 100);
  }

  @Test
  void removingEverythingLeavesTheEmptyLeaf() {
    var editor = PackedTree.EMPTY.edit();
    for (int i = 0; i < 20_000; i++) {
      editor.put(key(i * 7919L % 20_000), new byte[60]);
    }
    for (int i = 0; i < 20_000; i++) {
      editor.remove(key(i * 104_729L % 20_000));
    }

    assertThat(editor.root()).isEqualTo(Leaf.EMPTY);
  }

  @Test
  void removingMostRecordsJoinsTheirLeaves() {
    var editor = PackedTree.EMPTY.edit();
    for (int i = 0; i < 20_000; i++) {
      editor.put(key(i), new byte[60]);
    }
    for (int i = 0; i < 20_000; i++) {
      if (i % 20 != 0) {
        editor.remove(key(i));
      }
    }

    assertThat(leaves(editor.tree().root())).hasSizeLessThan(1_000 * 75 * 5 / Leaf.MAX_BYTES);
  }

  private static List<byte[]> leaves(Object node) {
    if (node instanceof byte[] leaf) {
      return List.of(leaf);
    }
    var inner = (Inner) node;
    var leaves = new ArrayList<byte[]>();
    for (int i = 0; i < inner.count; i++) {
      leaves.addAll(leaves(inner.children[i]));
    }
    return leaves;
  }
}
