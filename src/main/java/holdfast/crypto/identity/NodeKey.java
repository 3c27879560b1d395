package holdfast.crypto.identity;

import holdfast.crypto.BrokenRuntime;
import holdfast.crypto.Hashes;
import holdfast.crypto.NodePublicKey;
import holdfast.crypto.Rsa;
import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import holdfast.model.NodeId;
import holdfast.model.PoolId;
import holdfast.model.ProtocolException;
import holdfast.model.StorageException;
import holdfast.util.ByteWriter;
import holdfast.util.Sha256;
import java.lang.System.Logger.Level;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.KeyPairGenerator;
import java.security.SecureRandom;
import java.security.interfaces.RSAPrivateCrtKey;
import java.security.spec.PKCS8EncodedKeySpec;
import java.security.spec.RSAKeyGenParameterSpec;
import java.security.spec.RSAPublicKeySpec;
import java.util.Arrays;
import java.util.Base64;
import java.util.HexFormat;
import java.util.Optional;

/**
 * A node's RSA-3072 key pair and its file. In a file it is PKCS#8 in PEM ("BEGIN PRIVATE KEY"),
 * mode 0600, of which there are two ({@link TwoCopies}). Immutable, any thread.
 */
public final class NodeKey {
  /** Name of a node's key file in its directory. */
  public static final String FILE_NAME = "node.key";

  private static final System.Logger LOG = System.getLogger(NodeKey.class.getName());
  private static final int FILE_BYTES_MAX = 16_384;
  private static final String BEGIN = "-----BEGIN PRIVATE KEY-----";
  private static final String END = "-----END PRIVATE KEY-----";
  private static final int LINE_CHARS = 64;
  private static final String POOL_LINE = "pool ";
  private static final String CHECK_CONTEXT = "holdfast/1 key check";

  private final RSAPrivateCrtKey key;
  private final NodePublicKey publicKey;

  private NodeKey(RSAPrivateCrtKey key, NodePublicKey publicKey) {
    this.key = key;
    this.publicKey = publicKey;
  }

  /** Makes a new key pair: takes 0.1 to 1 s of processor time. */
  public static NodeKey generate(SecureRandom random) {
    try {
      var generator = KeyPairGenerator.getInstance("RSA");
      var form = new RSAKeyGenParameterSpec(Rsa.MODULUS_BITS, RSAKeyGenParameterSpec.F4);
      generator.initialize(form, random);
      return ofPkcs8(generator.generateKeyPair().getPrivate().getEncoded());
    } catch (GeneralSecurityException e) {
      throw BrokenRuntime.during("RSA key generation", e);
    }
  }

  /** A peer's key, and the pool that its directory's data is of. */
  private record OfPool(PoolId pool, NodeKey key) {}

  /**
   * The key in {@code directory}/node.key or its copy, whichever is whole; the other is written
   * again. Made there (durably) if there is none. The caller makes sure that no other process does
   * the same at once.
   *
   * @param pool the pool of the home that will certify the key
   * @param mayCreate false where what is in the directory belongs to a key
   * @throws StorageException if the files can't be read or written, are open to other users, none
   *     holds a key that signs what it verifies, it is of another pool, or there is none and none
   *     may be made
   */
  public static NodeKey loadOrCreate(
      Path directory, PoolId pool, boolean mayCreate, SecureRandom random) {
    var file = directory.resolve(FILE_NAME);
    var files = ofPoolFiles(file, random);
    var loaded = files.loadAndMend().map(TwoCopies.Loaded::value);
    if (loaded.isPresent() && loaded.get().pool().equals(pool)) {
      return loaded.get().key();
    }
    if (loaded.isPresent()) {
      throw refused(
          "a key of the home's pool " + pool,
          "one of pool " + loaded.get().pool(),
          file,
          "this directory's data is of that pool: set HOLDFAST_HOME to its home, or copy home.key"
              + " and pool from another machine of yours, or from a backup");
    }
    if (!mayCreate) {
      throw refused(
          "the key that this directory's data belongs to",
          "neither it nor node.key.copy",
          file,
          files.remedy());
    }
    var made = generate(random);
    save(made, file, pool, random);
    return made;
  }

  /** Writes a peer's key file and its copy, durably. */
  static void save(NodeKey key, Path file, PoolId pool, SecureRandom random) {
    String line = POOL_LINE + HexFormat.of().formatHex(pool.toBytes()) + "\n";
    byte[] content = new ByteWriter().raw(Hashes.ascii(line)).raw(key.pem()).toBytes();
    ofPoolFiles(file, random).write(1, content);
  }

  private static StorageException refused(String expected, String was, Path file, String remedy) {
    return new StorageException(
        ErrorCode.STORE_FAILED,
        "load node.key: expected=%s, was=%s, path=%s; %s".formatted(expected, was, file, remedy));
  }

  private static TwoCopies<OfPool> ofPoolFiles(Path file, SecureRandom random) {
    return new TwoCopies<>(
        file,
        FILE_BYTES_MAX,
        (content, one) -> {
          var text = new String(content, StandardCharsets.US_ASCII);
          int end = text.indexOf('\n');
          if (!text.startsWith(POOL_LINE) || end != POOL_LINE.length() + 2 * PoolId.BYTES) {
            throw corrupt(one, "no line 'pool ID' before it", null);
          }
          byte[] id = HexFormat.of().parseHex(text, POOL_LINE.length(), end);
          return new OfPool(PoolId.of(id), sound(content, one, random));
        },
        "restore it from a backup of this directory; without one give this peer an empty directory:"
            + " it joins as a new one and gets its copies from the others. If no other peer is left"
            + " keep this directory as it is");
  }

  /** The key in a file and its copy; a key counts only if it verifies what it signs. */
  static TwoCopies<NodeKey> files(Path file, String remedy, SecureRandom random) {
    return new TwoCopies<>(
        file, FILE_BYTES_MAX, (content, one) -> sound(content, one, random), remedy);
  }

  private static NodeKey sound(byte[] content, Path file, SecureRandom random) {
    var key = parse(new String(content, StandardCharsets.US_ASCII), file);
    if (!key.verifiesWhatItSigns(Sha256.of(content), random)) {
      throw corrupt(file, "one that doesn't verify what it signs", null);
    }
    return key;
  }

  /** Parses a key file's text; {@code file} is for messages. */
  public static NodeKey parse(String text, Path file) {
    int begin = text.indexOf(BEGIN);
    int end = text.indexOf(END);
    if (begin < 0 || end < begin) {
      throw corrupt(file, "no PEM block 'PRIVATE KEY'", null);
    }
    try {
      byte[] der = Base64.getMimeDecoder().decode(text.substring(begin + BEGIN.length(), end));
      return ofPkcs8(der);
    } catch (IllegalArgumentException | GeneralSecurityException | ProtocolException e) {
      throw corrupt(file, e.getMessage(), e);
    }
  }

  /** PKCS#8 in PEM. */
  byte[] pem() {
    var encoder = Base64.getMimeEncoder(LINE_CHARS, new byte[] {'\n'});
    String text = BEGIN + "\n" + encoder.encodeToString(key.getEncoded()) + "\n" + END + "\n";
    return text.getBytes(StandardCharsets.US_ASCII);
  }

  private boolean verifiesWhatItSigns(byte[] hash, SecureRandom random) {
    try {
      return publicKey.verifies(CHECK_CONTEXT, hash, sign(CHECK_CONTEXT, hash, random));
    } catch (HoldfastException e) {
      // The platform looks at what it has signed, too.
      LOG.log(Level.WARNING, "check node key: {0}", e.getMessage());
      return false;
    }
  }

  /** The node id. */
  public NodeId id() {
    return publicKey.id();
  }

  /** The public half. */
  public NodePublicKey publicKey() {
    return publicKey;
  }

  /** Signs a 32-byte hash for one context: 384 bytes. Milliseconds of processor time. */
  public byte[] sign(String context, byte[] hash, SecureRandom random) {
    return Rsa.sign(key, context, hash, random);
  }

  /** Opens what was encrypted to this key. Milliseconds of processor time. */
  public Optional<byte[]> decrypt(byte[] sealed) {
    return Rsa.decrypt(key, sealed);
  }

  /** The node id; never the key. */
  @Override
  public String toString() {
    return "node key " + id();
  }

  private static NodeKey ofPkcs8(byte[] der) throws GeneralSecurityException {
    var factory = KeyFactory.getInstance("RSA");
    if (!(factory.generatePrivate(new PKCS8EncodedKeySpec(der)) instanceof RSAPrivateCrtKey key)) {
      throw new ProtocolException(
          ErrorCode.MALFORMED, "parse node key: expected=RSA with its primes, was=without");
    }
    var numbers = new RSAPublicKeySpec(key.getModulus(), key.getPublicExponent());
    var publicKey = NodePublicKey.of(factory.generatePublic(numbers).getEncoded());
    Arrays.fill(der, (byte) 0);
    return new NodeKey(key, publicKey);
  }

  private static StorageException corrupt(Path file, String was, Throwable cause) {
    return new StorageException(
        ErrorCode.STORE_FAILED,
        "load node key: expected=an RSA-3072 key in PKCS#8 PEM, was=" + was + ", path=" + file,
        cause);
  }
}
