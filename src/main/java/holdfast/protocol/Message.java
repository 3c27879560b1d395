package holdfast.protocol;

/** The payload of a control frame: a request, its reply, or a notice that wants none. */
public sealed interface Message permits Request, Reply, Notice {}
