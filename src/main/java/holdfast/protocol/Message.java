package holdfast.protocol;

/** What one control frame carries: a request, its reply, or a notice that wants none. */
public sealed interface Message permits Request, Reply, Notice {}
