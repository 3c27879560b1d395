/**
 * What people and programs read of a pool's state: the text and the JSON of {@code holdfast
 * status}.
 *
 * <p>Pure but for the writers it is given. Entry points: {@link holdfast.status.StatusText} and
 * {@link holdfast.status.StatusJson}.
 */
package holdfast.status;
