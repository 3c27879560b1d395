/**
 * The language of the namespace: operations, queries, their answers, and the values they carry,
 * with their codecs.
 *
 * <p>Imports {@code util} and {@code model} only. Everything is immutable and safe on every thread.
 * Entry points: {@link holdfast.metadata.op.Operation}, {@link holdfast.metadata.op.Query}.
 * Formats: docs/namespace.md.
 */
package holdfast.metadata.op;
