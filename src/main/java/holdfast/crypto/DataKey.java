package holdfast.crypto;

import holdfast.util.ByteReader;
import holdfast.util.Invariants;
import java.security.SecureRandom;
import java.util.Arrays;

/**
 * The key that contents and names of a pool are sealed with, as the keys derived from it; itself it
 * never encrypts. Only client homes hold it. Immutable, any thread; {@link #toString} shows the id
 * only.
 */
public final class DataKey {
  /** Size in bytes. */
  public static final int BYTES = 32;

  private final byte[] key;
  private final long id;
  private final byte[] chunkKey;
  private final byte[] metaKey;
  private final byte[] extentKey;
  private final byte[] nameKey;

  private DataKey(byte[] key) {
    Invariants.check(key.length == BYTES, "data key has %s bytes, not 32", key.length);
    this.key = key;
    id = new ByteReader(Hashes.expand(key, "key id")).u64();
    chunkKey = Hashes.expand(key, "chunk");
    metaKey = Hashes.expand(key, "meta");
    extentKey = Hashes.expand(key, "ext");
    nameKey = Hashes.expand(key, "name", AesSiv.KEY_BYTES);
  }

  /** The key with these {@value #BYTES} bytes. */
  public static DataKey of(byte[] key) {
    return new DataKey(key.clone());
  }

  /** A new random key. One whose id is 0 (which means "no key" on the wire) is drawn again. */
  public static DataKey generate(SecureRandom random) {
    byte[] drawn = new byte[BYTES];
    random.nextBytes(drawn);
    var made = new DataKey(drawn);
    return made.id != 0 ? made : generate(random);
  }

  /** The key's id, public: tells keys apart, tells nothing of the key. */
  public long id() {
    return id;
  }

  /** The {@value #BYTES} bytes themselves: for the pool file and the recovery phrase only. */
  public byte[] toBytes() {
    return key.clone();
  }

  /** Kchunk. Not a copy: callers don't change it. */
  public byte[] chunkKey() {
    return chunkKey;
  }

  /** Kmeta. Not a copy: callers don't change it. */
  public byte[] metaKey() {
    return metaKey;
  }

  /** Kext. Not a copy: callers don't change it. */
  public byte[] extentKey() {
    return extentKey;
  }

  /** Kname, 64 bytes. Not a copy: callers don't change it. */
  public byte[] nameKey() {
    return nameKey;
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof DataKey that && Hashes.equal(key, that.key);
  }

  @Override
  public int hashCode() {
    return Long.hashCode(id);
  }

  @Override
  public String toString() {
    return String.format("data key %016x", id);
  }

  /** Wipes the caller's copy of key bytes. */
  public static void erase(byte[] bytes) {
    Arrays.fill(bytes, (byte) 0);
  }
}
