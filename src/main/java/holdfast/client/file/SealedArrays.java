package holdfast.client.file;

import holdfast.metadata.op.ExtentMap;

/** Arrays that chunks are sealed into: those of full chunks are used again. Any thread. */
final class SealedArrays {
  /** Kept for reuse: as many as unsaved data can be chunks. */
  private static final int KEPT_MAX = (int) (WriteBack.UNSAVED_MAX_BYTES / ExtentMap.WINDOW_BYTES);

  private final Sealing sealing;
  private final BufferPool full;

  SealedArrays(Sealing sealing) {
    this.sealing = sealing;
    this.full = new BufferPool(sealing.sealedBytes(ExtentMap.WINDOW_BYTES), KEPT_MAX);
  }

  /** An array of exactly the sealed size of so much plaintext. */
  byte[] take(int plainBytes) {
    int sealedBytes = sealing.sealedBytes(plainBytes);
    return sealedBytes == full.arrayBytes() ? full.take() : new byte[sealedBytes];
  }

  /** Nobody sends the array any more. Once for each {@link #take}. */
  void giveBack(byte[] sealed) {
    if (sealed.length == full.arrayBytes()) {
      full.giveBack(sealed);
    }
  }
}
