package holdfast.port;

/**
 * The port to what this machine remembers of a peer until it goes down, outside of the peer's
 * folder: by it a folder that is rolled back under a running machine (a volume's snapshot, a
 * backup) is detected without anybody else. Loop thread.
 */
public interface MachineMemory {
  /** Most bytes that are kept. */
  int BYTES_MAX = 256;

  /** What was kept when this process began; empty if nothing was, or it can't be read. */
  byte[] atStart();

  /**
   * Takes the place of what was kept before, whole or not at all, a moment later. Where that fails
   * it is logged, and the peer goes on: others remember it too.
   */
  void keep(byte[] mark);
}
