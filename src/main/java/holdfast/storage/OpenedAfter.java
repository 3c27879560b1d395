package holdfast.storage;

/**
 * The way the last run on a storage directory ended, and so what may be missing of what it wrote.
 */
enum OpenedAfter {
  /** There was none: the directory is new. */
  FRESH,
  /** It ended cleanly: nothing is missing. */
  CLEAN,
  /** The process died, the machine ran on: what was written is there, forced or not. */
  PROCESS_CRASH,
  /** The machine went down, or nothing is known: what wasn't forced may be missing. */
  SYSTEM_CRASH
}
