/**
 * Small tools without policy: byte cursors, clocks, invariant checks, byte sizes, named threads.
 *
 * <p>Imports no other package of ours. Everything here is usable by a stranger's project.
 */
package holdfast.util;
