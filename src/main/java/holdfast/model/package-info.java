/**
 * The shared vocabulary: identifiers, error codes and the exceptions that carry them.
 *
 * <p>Imports only {@code holdfast.util}. Values, immutable, safe on every thread.
 */
package holdfast.model;
