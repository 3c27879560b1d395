package holdfast.crypto.seal;

import holdfast.crypto.AesSiv;
import holdfast.crypto.DataKey;
import holdfast.crypto.Hashes;
import holdfast.model.ErrorCode;
import holdfast.model.HoldfastException;
import holdfast.model.SealId;
import holdfast.util.ByteReader;
import holdfast.util.ByteWriter;
import java.util.Arrays;
import java.util.Optional;

/**
 * Seals names, symlink targets and extended attributes with AES-SIV: the same name in the same
 * directory always gives the same bytes, so that peers can look it up without reading it.
 * Thread-safe.
 *
 * <p>What is sealed is padded to a multiple of 32 bytes. Everything unsealed is checked again:
 * peers can't open, but another client with the key may have sealed nonsense.
 */
public final class NameSealer {
  /** A name's or attribute name's plaintext, at most. */
  public static final int NAME_BYTES_MAX = 255;

  /** A sealed name or attribute name, at most. */
  public static final int SEALED_NAME_BYTES_MAX = 272;

  /** A symlink target's plaintext, at most. */
  public static final int TARGET_BYTES_MAX = 4_095;

  /** A sealed symlink target, at most. */
  public static final int SEALED_TARGET_BYTES_MAX = 4_112;

  /** An attribute value's plaintext, at most; 0 is allowed. */
  public static final int VALUE_BYTES_MAX = 65_536;

  /** A sealed attribute value, at most. */
  public static final int SEALED_VALUE_BYTES_MAX = 65_584;

  private static final int PAD_BYTES = 32;
  private static final byte[] NAME = Hashes.ascii("holdfast/1 name");
  private static final byte[] TARGET = Hashes.ascii("holdfast/1 symlink");
  private static final byte[] ATTRIBUTE_NAME = Hashes.ascii("holdfast/1 xattr name");
  private static final byte[] ATTRIBUTE_VALUE = Hashes.ascii("holdfast/1 xattr value");

  private final AesSiv siv;

  /** A sealer under this key. */
  public NameSealer(DataKey key) {
    siv = new AesSiv(key.nameKey());
  }

  /**
   * Seals a name for the directory with this seal id: 48 to 272 bytes.
   *
   * @throws HoldfastException NAME_TOO_LONG above 255 bytes; INVALID if empty, "." or "..", or if
   *     it contains '/' or NUL
   */
  public byte[] sealName(SealId directory, byte[] name) {
    checkLength(name, NAME_BYTES_MAX);
    if (!isName(name)) {
      throw invalid("a name without '/' and NUL, not '.' or '..'", name.length);
    }
    return siv.seal(padded(name), associated(NAME, directory));
  }

  /**
   * Opens a sealed name.
   *
   * @throws HoldfastException SEAL_BROKEN if it wasn't sealed for this directory and key, or what
   *     was sealed is no name
   */
  public byte[] openName(SealId directory, byte[] sealed) {
    byte[] name = unpadded(open(sealed, SEALED_NAME_BYTES_MAX, associated(NAME, directory)));
    if (name.length > NAME_BYTES_MAX || !isName(name)) {
      throw broken("a name without '/' and NUL, not '.' or '..'", sealed.length);
    }
    return name;
  }

  /** Seals the target of the symlink with this seal id: 1 to 4,095 bytes without NUL. */
  public byte[] sealTarget(SealId symlink, byte[] target) {
    checkLength(target, TARGET_BYTES_MAX);
    checkNoNul(target);
    return siv.seal(padded(target), associated(TARGET, symlink));
  }

  /** Opens a sealed symlink target; SEAL_BROKEN if it isn't this symlink's. */
  public byte[] openTarget(SealId symlink, byte[] sealed) {
    byte[] target = unpadded(open(sealed, SEALED_TARGET_BYTES_MAX, associated(TARGET, symlink)));
    if (target.length > TARGET_BYTES_MAX || hasNul(target)) {
      throw broken("a symlink target of 4095 bytes at most", sealed.length);
    }
    return target;
  }

  /** Seals the name of an attribute of this inode: 1 to 255 bytes without NUL. */
  public byte[] sealAttributeName(SealId inode, byte[] name) {
    checkLength(name, NAME_BYTES_MAX);
    checkNoNul(name);
    return siv.seal(padded(name), associated(ATTRIBUTE_NAME, inode));
  }

  /** Opens a sealed attribute name; SEAL_BROKEN if it isn't this inode's. */
  public byte[] openAttributeName(SealId inode, byte[] sealed) {
    byte[] name = unpadded(open(sealed, SEALED_NAME_BYTES_MAX, associated(ATTRIBUTE_NAME, inode)));
    if (name.length > NAME_BYTES_MAX || hasNul(name)) {
      throw broken("an attribute name of 255 bytes at most", sealed.length);
    }
    return name;
  }

  /** Seals the value of the attribute with this sealed name: 0 to 65,536 bytes of any kind. */
  public byte[] sealAttributeValue(SealId inode, byte[] sealedName, byte[] value) {
    if (value.length > VALUE_BYTES_MAX) {
      throw new HoldfastException(
          ErrorCode.ARGUMENT_TOO_LARGE,
          "seal attribute value: expected=at most 65536 bytes, was=" + value.length);
    }
    byte[] plain = padded(new ByteWriter(4 + value.length).blob(value).toBytes());
    return siv.seal(plain, associated(ATTRIBUTE_VALUE, inode), sealedName);
  }

  /** Opens a sealed attribute value; SEAL_BROKEN if it isn't this attribute's. */
  public byte[] openAttributeValue(SealId inode, byte[] sealedName, byte[] sealed) {
    byte[] plain =
        open(sealed, SEALED_VALUE_BYTES_MAX, associated(ATTRIBUTE_VALUE, inode), sealedName);
    try {
      var in = new ByteReader(plain);
      byte[] value = in.blob(VALUE_BYTES_MAX);
      byte[] padding = in.raw(in.remaining());
      if (padding.length < PAD_BYTES && Arrays.equals(padding, new byte[padding.length])) {
        return value;
      }
    } catch (ByteReader.Malformed e) {
      throw broken("a length and as many bytes", sealed.length);
    }
    throw broken("zero padding to a multiple of 32", sealed.length);
  }

  private byte[] open(byte[] sealed, int maxBytes, byte[]... associated) {
    boolean sizeFits =
        sealed.length >= AesSiv.SIV_BYTES + PAD_BYTES
            && sealed.length <= maxBytes
            && (sealed.length - AesSiv.SIV_BYTES) % PAD_BYTES == 0;
    var plain = sizeFits ? siv.open(sealed, associated) : Optional.<byte[]>empty();
    return plain.orElseThrow(() -> broken("sealed for this place under this key", sealed.length));
  }

  private static byte[] padded(byte[] plain) {
    int paddedBytes = (plain.length + PAD_BYTES - 1) / PAD_BYTES * PAD_BYTES;
    return Arrays.copyOf(plain, paddedBytes);
  }

  /** Without its zeros at the end; 32 and more of them are none that {@link #padded} makes. */
  private static byte[] unpadded(byte[] padded) {
    int end = padded.length;
    while (end > 0 && padded[end - 1] == 0) {
      end--;
    }
    if (padded.length - end >= PAD_BYTES) {
      throw broken("zero padding of less than 32 bytes", padded.length);
    }
    return Arrays.copyOf(padded, end);
  }

  private static boolean isName(byte[] name) {
    boolean dots = name[0] == '.' && (name.length == 1 || name.length == 2 && name[1] == '.');
    for (byte value : name) {
      if (value == '/') {
        return false;
      }
    }
    return !dots && !hasNul(name);
  }

  private static boolean hasNul(byte[] bytes) {
    for (byte value : bytes) {
      if (value == 0) {
        return true;
      }
    }
    return false;
  }

  private static void checkNoNul(byte[] bytes) {
    if (hasNul(bytes)) {
      throw invalid("no NUL byte", bytes.length);
    }
  }

  private static void checkLength(byte[] plain, int maxBytes) {
    if (plain.length == 0) {
      throw invalid("1 to " + maxBytes + " bytes", 0);
    }
    if (plain.length > maxBytes) {
      throw new HoldfastException(
          ErrorCode.NAME_TOO_LONG,
          "seal name: expected=at most " + maxBytes + " bytes, was=" + plain.length);
    }
  }

  private static byte[] associated(byte[] kind, SealId id) {
    return new ByteWriter(kind.length + SealId.BYTES).raw(kind).raw(id.toBytes()).toBytes();
  }

  private static HoldfastException invalid(String expected, int lengthBytes) {
    return new HoldfastException(
        ErrorCode.INVALID,
        "seal name: expected=" + expected + ", was=another of " + lengthBytes + " bytes");
  }

  private static HoldfastException broken(String expected, int lengthBytes) {
    return new HoldfastException(
        ErrorCode.SEAL_BROKEN,
        "open sealed name: expected=" + expected + ", was=another of " + lengthBytes + " bytes");
  }
}
