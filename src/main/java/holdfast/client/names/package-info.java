/**
 * Names, attributes and locks: what programs see of the namespace and change about it, with names
 * sealed and opened.
 *
 * <p>Blocks with deadlines; any thread but the loop. Imports the rooms of the client below it.
 * Entry points: {@link holdfast.client.names.NameOperations}, {@link
 * holdfast.client.names.AttributeOperations}, {@link holdfast.client.names.FileXattrs}, {@link
 * holdfast.client.names.LockManager}.
 */
package holdfast.client.names;
