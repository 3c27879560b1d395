package holdfast.peer.view;

import holdfast.consensus.RandomSource;
import holdfast.port.ChunkVault;
import holdfast.port.Loop;
import holdfast.port.MachineMemory;
import holdfast.port.OperationLog;
import holdfast.port.Transport;

/** What a peer needs from outside. All of it belongs to this peer alone. */
public record PeerPorts(
    Loop loop,
    Transport transport,
    ChunkVault vault,
    OperationLog log,
    MachineMemory memory,
    RandomSource random) {}
