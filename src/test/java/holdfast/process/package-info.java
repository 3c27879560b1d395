/**
 * Tests that start the processes of the linked image, mount, and kill them.
 *
 * <p>Each class is tagged {@code process}: {@code mvn -Pprocess test} runs these and only these,
 * after {@code jlink/build}. The system property {@code holdfast.image} is the image's folder.
 */
package holdfast.process;
