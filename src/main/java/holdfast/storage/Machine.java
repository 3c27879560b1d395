package holdfast.storage;

import holdfast.util.Invariants;

/**
 * Identifies the machine a peer runs on, and its boot: what was written in this boot survives the
 * process.
 *
 * @param bootId its boot id, 1 to 36 ASCII characters, another after every boot
 * @param machineId what stays the same over its boots, at most 36 ASCII characters; empty: unknown
 */
public record Machine(String bootId, String machineId) {
  /** Checks the lengths. */
  public Machine {
    Invariants.check(
        !bootId.isEmpty() && bootId.length() <= DirectoryFormat.BOOT_ID_BYTES,
        "boot id has 1 to 36 characters, was=%s",
        bootId);
    Invariants.check(
        machineId.length() <= DirectoryFormat.BOOT_ID_BYTES,
        "machine id has at most 36 characters, was=%s",
        machineId);
  }
}
