package holdfast.architecture;

import java.util.HashMap;
import java.util.Map;
import java.util.Set;

/**
 * The classes of a room that other rooms may use: what isn't here is the room's own, even where it
 * has to be public for tests or for a signature. The one table of it.
 */
final class EntryPoints {
  private static final Map<String, Set<String>> OF_ROOM = new HashMap<>();

  static {
    room(
        "client.file",
        "FileHandle",
        "FileIo",
        "FileLayer",
        "FileStatus",
        "KeySealing",
        "LinkState",
        "OpenFile",
        "OpenFileTable",
        "Ranges",
        "Sealing",
        "WritePipeline");
    room(
        "client.kernel",
        "CacheLease",
        "GrantTable",
        "InFlightChanges",
        "InodeTable",
        "PageInvalidations");
    room(
        "client.names",
        "AttributeOperations",
        "DirectoryListings",
        "FileCloser",
        "FileXattrs",
        "LockManager",
        "LockWaits",
        "NameOperations",
        "OrphanPins",
        "SealedNamespace",
        "StatMapper");
    room(
        "client.pool",
        "ChangedAttributes",
        "ChangedDirectories",
        "Deadline",
        "Deadlines",
        "FreeSpace",
        "LostContent",
        "Patience",
        "PoolService",
        "RemotePoolService",
        "SaveFailure",
        "SavedContents",
        "UnknownOutcomes");
    room("network.discovery", "Beacon", "DiscoveryOptions");
    room(
        "peer.chunk",
        "ChunkForce",
        "ChunkRequests",
        "MissingChunks",
        "OwnForce",
        "OwnLoss",
        "OwnedPartitions",
        "Repair",
        "Settling");
    room("peer.member", "JoinState", "Joining", "Leaving", "PeerMonitor", "Runs");
    room("peer.session", "LeaseManager", "NamespaceRequests", "SessionReaper");
    room(
        "peer.state",
        "Absence",
        "Command",
        "Leadership",
        "LogRunner",
        "PoolState",
        "RaftDriver",
        "StateMachine");
    room(
        "peer.view",
        "Heartbeats",
        "PeerConfig",
        "PeerFault",
        "PeerListener",
        "PeerPorts",
        "Replies");
    room(
        "storage",
        "ChunkStore",
        "DiskLog",
        "DiskVault",
        "LogLoss",
        "Machine",
        "MachineMark",
        "NioDisk",
        "StorageDirectory",
        "StorageSpace");
  }

  private EntryPoints() {}

  private static void room(String name, String... types) {
    OF_ROOM.put("holdfast." + name, Set.of(types));
  }

  /** The simple names of the outermost classes that others may use, by package. */
  static Map<String, Set<String>> all() {
    return Map.copyOf(OF_ROOM);
  }
}
