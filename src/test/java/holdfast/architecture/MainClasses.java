package holdfast.architecture;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import java.nio.file.Path;

/** The compiled classes of the program, without those of the tests. Imported once. */
final class MainClasses {

  private static final JavaClasses ALL =
      new ClassFileImporter().importPath(Path.of("target", "classes"));

  private MainClasses() {}

  static JavaClasses all() {
    return ALL;
  }

  static boolean isOurs(JavaClass type) {
    return type.getPackageName().startsWith("holdfast.");
  }
}
