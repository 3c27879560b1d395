/**
 * Where chunks belong: the pool map, the owner table and how it changes, stand-ins and readers.
 *
 * <p>Imports {@code util} and {@code model} only; no file, socket, thread, clock or random source.
 * Everything is immutable and safe on every thread, every function pure and the same on every
 * machine. Entry point: {@link holdfast.placement.PoolMap}.
 */
package holdfast.placement;
