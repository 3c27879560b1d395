package holdfast.peer.view;

import holdfast.consensus.RandomSource;
import holdfast.port.ChunkVault;
import holdfast.port.Loop;
import holdfast.port.MachineMemory;
import holdfast.port.OperationLog;
import holdfast.port.Transport;

/**
 * The ports of one peer, in one record so that a simulator replaces them together. All of it
 * belongs to this peer alone.
 */
public record PeerPorts(
    Loop loop,
    Transport transport,
    ChunkVault vault,
    OperationLog log,
    MachineMemory memory,
    RandomSource random) {}
