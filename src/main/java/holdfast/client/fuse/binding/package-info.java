/**
 * The shapes of the C functions and callbacks that the mount binds, and nothing else. The package
 * is exported, and all in it is public, because classes that jnr-ffi generates at run time (in no
 * module) implement and call these interfaces; they are for nobody else.
 *
 * <p>Imports nothing of ours.
 */
package holdfast.client.fuse.binding;
