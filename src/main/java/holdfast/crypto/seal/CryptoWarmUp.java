package holdfast.crypto.seal;

import holdfast.crypto.EnginePool;
import holdfast.crypto.Fernet;
import holdfast.crypto.FernetEngine;
import holdfast.crypto.GcmEngine;
import holdfast.util.Invariants;
import holdfast.util.Sha256;
import java.util.Arrays;
import javax.crypto.spec.SecretKeySpec;

/**
 * Runs the bulk ciphers in small messages until the compiler has replaced them by the processor's
 * own instructions: large messages alone are too few calls for that, and stay 10 to 100 times
 * slower for a long time. Any thread; a process that seals or opens much runs it once at start,
 * beside other work.
 */
public final class CryptoWarmUp {
  /** Enough on every JDK from 21 on; see docs/sealing.md for what it brings. */
  public static final int ROUND_COUNT = 1_500;

  /** Several pieces and a rest: both the middle and the end of a bulk message must be warm. */
  private static final int MESSAGE_BYTES = 4 * EnginePool.PIECE_BYTES + 100;

  private CryptoWarmUp() {}

  /** Warms up both suites and SHA-256. */
  public static void run() {
    run(ROUND_COUNT);
  }

  static void run(int roundCount) {
    byte[] plain = new byte[MESSAGE_BYTES];
    byte[] sealed = new byte[Fernet.tokenBytes(MESSAGE_BYTES)];
    byte[] opened = new byte[MESSAGE_BYTES + 16];
    var fernet = FernetEngine.acquire();
    var gcm = GcmEngine.acquire();
    var digest = new Sha256();
    byte[] key = new byte[Fernet.KEY_BYTES];
    byte[] iv = new byte[FernetEngine.IV_BYTES];
    for (int i = 0; i < roundCount; i++) {
      iv[0] = (byte) i;
      int tokenBytes = fernet.encrypt(key, 0, iv, plain, 0, MESSAGE_BYTES, sealed, 0);
      int plainBytes = fernet.decrypt(key, sealed, 0, tokenBytes, opened, 0);
      Invariants.check(plainBytes == MESSAGE_BYTES, "warm-up opened %s bytes", plainBytes);
      // GCM refuses a key and nonce twice in a row, so the nonce counts.
      byte[] nonce = ChunkKeys.gcmNonce(i);
      var gcmKey = new SecretKeySpec(key, "AES");
      int size = gcm.seal(gcmKey, nonce, iv, plain, 0, MESSAGE_BYTES, sealed, 0);
      gcm.open(gcmKey, nonce, iv, sealed, 0, size, opened, 0);
      digest.update(sealed, 0, size);
    }
    Arrays.fill(sealed, (byte) 0);
    fernet.release();
    gcm.release();
  }
}
