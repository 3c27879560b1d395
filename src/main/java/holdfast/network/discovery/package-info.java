/**
 * Discovery by UDP: asks for peers, answers who asks, and judges what is heard. docs/discovery.md
 * is its specification.
 *
 * <p>Entry point: {@link holdfast.network.discovery.Beacon}. Imports the limits of {@code network}
 * on strangers. Each socket has a thread; what is heard is delivered on the node's loop.
 */
package holdfast.network.discovery;
