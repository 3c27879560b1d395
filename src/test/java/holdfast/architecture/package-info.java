/**
 * Tests that hold the rules of the code itself: which package may import which, what is banned and
 * what to use instead, how long files and methods may be.
 *
 * <p>Every rule comes with a test that shows it finds an offender.
 */
package holdfast.architecture;
