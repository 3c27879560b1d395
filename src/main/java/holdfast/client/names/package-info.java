/**
 * Names, attributes and locks: what programs see of the namespace and change about it, with names
 * sealed and opened.
 *
 * <p>Blocks with deadlines; any thread but the loop. Imports the rooms of the client below it.
 * Entry points: {@link holdfast.client.names.Names}, {@link holdfast.client.names.Inodes}, {@link
 * holdfast.client.names.Xattrs}, {@link holdfast.client.names.LockCalls}.
 */
package holdfast.client.names;
