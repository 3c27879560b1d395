/**
 * Who a node and a pool are: node keys, certificates, members, the home and its pool file.
 *
 * <p>Imports {@code crypto}. Files are touched here by {@link
 * holdfast.crypto.identity.HoldfastHome} and the classes it calls, nowhere else in {@code crypto}.
 * Entry point: {@link holdfast.crypto.identity.HoldfastHome}. Formats: docs/disk-format-home.md.
 */
package holdfast.crypto.identity;
