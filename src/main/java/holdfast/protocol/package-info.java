/**
 * The messages nodes exchange, their codec and limits: the code's copy of docs/protocol.md.
 *
 * <p>Pure: imports no socket, thread or clock. Values, immutable.
 */
package holdfast.protocol;
