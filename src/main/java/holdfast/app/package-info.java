/**
 * Owns the command line, the configuration record, the composition root and the shutdown order.
 *
 * <p>May import every other package; nothing imports it. It is the only package that writes to
 * standard output, and it creates the threads that outlive a call. Entry point: {@code Main}.
 */
package holdfast.app;
