package holdfast.consensus;

/**
 * A snapshot of what a leader knows about a member, for its driver. {@code silentMs}: since
 * anything was heard from it in this term; counted from the election if nothing was. {@code
 * caughtUp}: {@link MembershipChange.Promote} would be taken. Indices: acknowledged as written,
 * acknowledged as forced.
 */
public record MemberStatus(
    Endpoint endpoint,
    boolean isVoter,
    long matchIndex,
    long forcedIndex,
    long silentMs,
    boolean caughtUp) {}
