package holdfast.architecture;

import com.tngtech.archunit.core.domain.AccessTarget;
import com.tngtech.archunit.core.domain.Dependency;
import com.tngtech.archunit.core.domain.JavaAccess;
import com.tngtech.archunit.core.domain.JavaClass;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Predicate;

/**
 * Something the program's classes must not use, except in a few places.
 *
 * @param what what is banned, for the message
 * @param instead what to use instead, and so why
 * @param exceptIn packages (short name) or classes (short name with a capital) that may use it
 * @param access finds uses of members; matches nothing if only types are banned
 * @param type finds uses of types by their full name; matches nothing if only members are banned
 */
record Ban(
    String what,
    String instead,
    Set<String> exceptIn,
    Predicate<AccessTarget> access,
    Predicate<String> type) {

  /**
   * Bans members: methods, constructors ({@code <init>}) or fields of {@code owner} or its
   * subclasses.
   */
  static Ban members(
      String what, String instead, Set<String> exceptIn, Class<?> owner, String... names) {
    Set<String> banned = Set.of(names);
    return new Ban(
        what,
        instead,
        exceptIn,
        target ->
            banned.stream().anyMatch(name -> matches(name, target.getName()))
                && target.getOwner().isAssignableTo(owner),
        ignored -> false);
  }

  /** Bans every type whose full name starts with one of {@code prefixes}. */
  static Ban types(String what, String instead, Set<String> exceptIn, String... prefixes) {
    return new Ban(
        what,
        instead,
        exceptIn,
        ignored -> false,
        name -> Set.of(prefixes).stream().anyMatch(name::startsWith));
  }

  private static boolean matches(String pattern, String name) {
    return pattern.endsWith("*")
        ? name.startsWith(pattern.substring(0, pattern.length() - 1))
        : name.equals(pattern);
  }

  /** One line for each use of what is banned in classes that are not excepted. */
  Set<String> violationsIn(Iterable<JavaClass> types) {
    Set<String> found = new TreeSet<>();
    for (JavaClass user : types) {
      if (isExcepted(user)) {
        continue;
      }
      for (JavaAccess<?> use : user.getAccessesFromSelf()) {
        if (access.test(use.getTarget())) {
          found.add(describe(use.getDescription()));
        }
      }
      for (Dependency use : user.getDirectDependenciesFromSelf()) {
        if (type.test(use.getTargetClass().getBaseComponentType().getName())) {
          found.add(describe(use.getDescription()));
        }
      }
    }
    return found;
  }

  private boolean isExcepted(JavaClass user) {
    String packageName = user.getPackageName().replaceFirst("^holdfast\\.", "");
    String outermost = user.getName().replaceFirst("^holdfast\\.", "").replaceFirst("\\$.*", "");
    return exceptIn.contains(packageName) || exceptIn.contains(outermost);
  }

  private String describe(String use) {
    return "%s is banned except in %s; use %s: %s"
        .formatted(what, new TreeSet<>(exceptIn), instead, use);
  }

  @Override
  public String toString() {
    return what;
  }
}
