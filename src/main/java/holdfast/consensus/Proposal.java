package holdfast.consensus;

/**
 * A command for the log. {@code id} is the driver's own and comes back in {@link
 * Effect.ProposalAccepted} or {@link Effect.ProposalRejected}. {@code force}: force the log up to
 * this entry on a majority as soon as possible (an fsync waits for it).
 */
public record Proposal(long id, byte[] payload, boolean force) {}
