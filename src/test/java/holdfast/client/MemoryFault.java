package holdfast.client;

/** Bugs that tests plant in a pool in memory, or by it in a client, to prove that they are seen. */
enum MemoryFault {
  /** As if an fsync forgot a chunk: the force of chunks is answered, and nothing is on disk. */
  FORCE_NO_CHUNKS,
  /** As if an fsync reported a loss where there is none: now and then a force of the log fails. */
  TELL_WITHOUT_LOSS
}
