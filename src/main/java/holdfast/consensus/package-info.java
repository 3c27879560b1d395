/**
 * Raft as a pure, single-threaded state machine: {@link holdfast.consensus.RaftCore#step} takes an
 * event and returns effects.
 *
 * <p>Imports only {@code util} and {@code model}: no thread, clock, file or socket. One thread at a
 * time calls a core; values (messages, entries, configurations) are immutable and safe anywhere.
 *
 * <p>Sections cited as "dissertation" are of Ongaro's <i>Consensus: Bridging Theory and
 * Practice</i>, 2014.
 *
 * <p>What the driver owes the core:
 *
 * <ol>
 *   <li>One thread calls {@code step}; {@code nowMs} is read from a monotonic clock that counts
 *       suspended time, immediately before the call, whenever the event itself arose. {@code Tick}
 *       at least every {@code heartbeatMs / 3}.
 *   <li>Effects are carried out in the order given. Effects of one step come before those of the
 *       next.
 *   <li>Writes (PersistHardState, AppendEntries, ResetLog) go to one disk thread, first in, first
 *       out; several may be in flight. PersistDone(ticket) covers all lower tickets. Hard state is
 *       forced before PersistDone. Entries are in the operating system's hands before PersistDone,
 *       and forced within a second and on ForceLog; then LogForced(index, term) names the last
 *       entry that the force covered.
 *   <li>A Send may go at once: the core itself defers what has to wait for a write. Messages to one
 *       endpoint should keep their order; losing or doubling them is harmless.
 *   <li>A write or force that fails is never tried again: PersistFailed, and nothing more of this
 *       core is sent, Sends not yet handed to a session included. The node comes back only with a
 *       new incarnation, as an empty or caught-up follower.
 *   <li>Receive only what came over a session authenticated as {@code header.from().node()}, and
 *       decode it with {@code RaftMessageCodec}.
 *   <li>An incarnation is used again only if nothing the node ever wrote to its log can be missing:
 *       same boot of the operating system, or a mark of a clean shutdown after a force; no failed
 *       write; no bad record but a torn last one. Else the next higher number, made durable before
 *       it is used. {@code InitialState} is what the store holds, forced before it is handed over.
 *   <li>Commit is applied in order. A proposal accepted at (index, term) has succeeded when the
 *       entry committed at that index has that term, failed when it has another; while neither is
 *       known its outcome is open, also after leadership was lost.
 *   <li>ReadReady(id, index) answers from a state that has applied {@code index}.
 *   <li>SnapshotWanted: at leisure take {@code core.snapshotMeta(appliedIndex)} with a reference to
 *       the state, write and force it off the loop, then SnapshotTaken. Earlier snapshots stay
 *       readable while {@code core.oldestSnapshotInUse()} is at or below their index. It is asked
 *       for once: what could not be written the driver tries again by itself. Only CompactLog and
 *       ResetLog remove entries from the log store, and ResetLog only after the snapshot it names
 *       is durable.
 *   <li>StoreSnapshotChunk pieces come one at a time, each answered before the next. The snapshot
 *       is whole, verified, decoded and forced before SnapshotReceived; InstallSnapshot then swaps
 *       the state's reference, and the applied index becomes the snapshot's.
 *   <li>After start: every ReadSnapshot is answered once, with bytes or unavailable.
 *   <li>The leader's driver calls {@code VoterPolicy.next} regularly and feeds what it says as
 *       ChangeMembership.
 * </ol>
 */
package holdfast.consensus;
