package holdfast.peer;

import holdfast.consensus.RandomSource;
import holdfast.peer.port.ChunkVault;
import holdfast.peer.port.Loop;
import holdfast.peer.port.MachineMemory;
import holdfast.peer.port.OperationLog;
import holdfast.peer.port.Transport;

/** What a peer needs from outside. All of it belongs to this peer alone. */
public record PeerPorts(
    Loop loop,
    Transport transport,
    ChunkVault vault,
    OperationLog log,
    MachineMemory memory,
    RandomSource random) {}
