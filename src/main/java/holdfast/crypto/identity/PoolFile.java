package holdfast.crypto.identity;

import holdfast.crypto.CipherSuite;
import holdfast.crypto.DataKey;
import holdfast.crypto.Hashes;
import holdfast.crypto.NodePublicKey;
import holdfast.crypto.PoolSecret;
import holdfast.model.ErrorCode;
import holdfast.model.NodeId;
import holdfast.model.PoolId;
import holdfast.model.ProtocolException;
import holdfast.model.StorageException;
import holdfast.util.ByteReader;
import holdfast.util.ByteWriter;
import holdfast.util.Invariants;
import holdfast.util.Sha256;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/**
 * The file {@code pool} of a home, as a value and its codec (docs/disk-format-home.md): what the
 * home knows of its pool. Immutable, any thread; {@link HoldfastHome} reads and replaces the file.
 *
 * @param root public key of the home that created the pool
 * @param random 32 bytes that make the pool id unique
 * @param madeHere true if this home created the pool
 * @param suite what the pool's chunks are sealed with
 * @param secrets live pool secrets, newest first, 1 to 16
 * @param members who belongs to the pool
 * @param dataKeys newest first; empty on a home that runs peers only
 * @param founder the peer that founds the pool's log, once it is known
 */
public record PoolFile(
    NodePublicKey root,
    byte[] random,
    boolean madeHere,
    CipherSuite suite,
    List<PoolSecret> secrets,
    MemberList members,
    List<DataKey> dataKeys,
    Optional<NodeId> founder) {
  /** Name of the file in the home. */
  public static final String FILE_NAME = "pool";

  /** Format version written, and newest one read. */
  public static final int FORMAT_VERSION = 1;

  /** Data keys at most. */
  public static final int DATA_KEYS_MAX = 64;

  private static final byte[] MAGIC = Hashes.ascii("HFPL");
  private static final int RANDOM_BYTES = 32;
  private static final int FILE_BYTES_MAX = 1 << 20;
  private static final int FIXED_BYTES = 10;

  /** Checks the bounds. */
  public PoolFile {
    Invariants.check(random.length == RANDOM_BYTES, "pool random of %s bytes", random.length);
    Invariants.check(dataKeys.size() <= DATA_KEYS_MAX, "%s data keys", dataKeys.size());
    secrets = PoolSecret.checked(secrets);
    dataKeys = List.copyOf(dataKeys);
  }

  /** A new pool of this home: fresh randomness, secret and data key. */
  public static PoolFile create(NodePublicKey root, CipherSuite suite, SecureRandom source) {
    byte[] random = new byte[RANDOM_BYTES];
    source.nextBytes(random);
    byte[] secret = new byte[PoolSecret.BYTES];
    source.nextBytes(secret);
    var secrets = List.of(new PoolSecret(poolId(root, random), 1, secret));
    DataKey.erase(secret);
    var keys = List.of(DataKey.generate(source));
    var members = MemberList.ofRoot(root);
    return new PoolFile(root, random, true, suite, secrets, members, keys, Optional.empty());
  }

  /** H("holdfast/1 pool", root key, random). */
  public PoolId id() {
    return poolId(root, random);
  }

  /** The newest secret: handshakes are begun with it. */
  public PoolSecret newestSecret() {
    return secrets.get(0);
  }

  /** The key new things are sealed with; empty on a home that runs peers only. */
  public Optional<DataKey> dataKey() {
    return dataKeys.stream().findFirst();
  }

  /** The key with this id. */
  public Optional<DataKey> dataKey(long id) {
    return dataKeys.stream().filter(key -> key.id() == id).findFirst();
  }

  /** The same with the founder set. */
  PoolFile withFounder(NodeId id) {
    return new PoolFile(root, random, madeHere, suite, secrets, members, dataKeys, Optional.of(id));
  }

  /** The file's bytes. */
  byte[] encode() {
    var body = new ByteWriter().v(root.encoded()).raw(random).bool(madeHere).u8(suite.wire());
    body.u16(secrets.size());
    secrets.forEach(secret -> body.u32(secret.epoch()).raw(secret.secret()));
    body.blob(members.encode());
    body.u16(dataKeys.size());
    dataKeys.forEach(key -> body.raw(key.toBytes()));
    body.bool(founder.isPresent());
    founder.ifPresent(id -> id.write(body));
    var out = new ByteWriter().raw(MAGIC).u16(FORMAT_VERSION).blob(body.toBytes());
    return out.raw(Sha256.of(out.toBytes())).toBytes();
  }

  /**
   * The file in a home and its copy: too new, corrupt and open to others are three different
   * errors.
   */
  static TwoCopies<PoolFile> files(Path directory) {
    return new TwoCopies<>(
        directory.resolve(FILE_NAME),
        FILE_BYTES_MAX,
        PoolFile::decode,
        "copy pool from another machine of yours in this pool, or from a backup; without its data"
            + " keys nobody can read the pool's files");
  }

  /** Decodes a file's bytes; {@code file} is for messages. */
  static PoolFile decode(byte[] bytes, Path file) {
    if (bytes.length < FIXED_BYTES || !Arrays.equals(Arrays.copyOf(bytes, 4), MAGIC)) {
      throw corrupt(file, "no pool file", null);
    }
    int version = new ByteReader(bytes, 4, 2).u16();
    if (version > FORMAT_VERSION) {
      throw new StorageException(
          ErrorCode.UNSUPPORTED,
          "load pool file: expected=format 1, was="
              + version
              + " (written by a newer holdfast: update this one), path="
              + file);
    }
    int signedBytes = bytes.length - Hashes.BYTES;
    boolean digestFits =
        signedBytes >= FIXED_BYTES
            && Hashes.equal(
                Sha256.of(Arrays.copyOf(bytes, signedBytes)),
                Arrays.copyOfRange(bytes, signedBytes, bytes.length));
    if (!digestFits || version == 0) {
      throw corrupt(file, "bytes that don't fit their checksum", null);
    }
    try {
      var in = new ByteReader(bytes, 6, signedBytes - 6);
      byte[] body = in.blob(FILE_BYTES_MAX);
      in.end();
      return decodeBody(body);
    } catch (ByteReader.Malformed | ProtocolException | Invariants.Violation e) {
      throw corrupt(file, e.getMessage(), e);
    }
  }

  private static PoolFile decodeBody(byte[] body) {
    var in = new ByteReader(body);
    var root = NodePublicKey.of(in.v(NodePublicKey.BYTES));
    byte[] random = in.raw(RANDOM_BYTES);
    boolean madeHere = in.bool();
    int suiteNumber = in.u8();
    var suite =
        CipherSuite.ofWire(suiteNumber)
            .orElseThrow(() -> new ByteReader.Malformed("read suite: was=" + suiteNumber));
    var secrets = new ArrayList<PoolSecret>();
    int secretCount = counted(in, PoolSecret.EPOCHS_MAX);
    for (int i = 0; i < secretCount; i++) {
      int epoch = in.u32();
      secrets.add(new PoolSecret(poolId(root, random), epoch, in.raw(PoolSecret.BYTES)));
    }
    var memberBytes = new ByteReader(in.blob(FILE_BYTES_MAX));
    var members = MemberList.read(memberBytes);
    memberBytes.end();
    var dataKeys = new ArrayList<DataKey>();
    int keyCount = counted(in, DATA_KEYS_MAX);
    for (int i = 0; i < keyCount; i++) {
      dataKeys.add(DataKey.of(in.raw(DataKey.BYTES)));
    }
    var founder = in.bool() ? Optional.of(NodeId.read(in)) : Optional.<NodeId>empty();
    in.end();
    return new PoolFile(root, random, madeHere, suite, secrets, members, dataKeys, founder);
  }

  private static int counted(ByteReader in, int max) {
    int count = in.u16();
    if (count > max) {
      throw new ByteReader.Malformed("read count: expected=0 to " + max + ", was=" + count);
    }
    return count;
  }

  private static PoolId poolId(NodePublicKey root, byte[] random) {
    return PoolId.of(Sha256.of(Hashes.ascii("holdfast/1 pool"), root.encoded(), random));
  }

  private static StorageException corrupt(Path file, String was, Throwable cause) {
    return new StorageException(
        ErrorCode.STORE_FAILED,
        "load pool file: expected=a whole pool file, was=" + was + ", path=" + file,
        cause);
  }

  /** Pool id and sizes; no secret. */
  @Override
  public String toString() {
    return "pool " + id() + " homes=" + members.homes().size() + " keys=" + dataKeys.size();
  }
}
