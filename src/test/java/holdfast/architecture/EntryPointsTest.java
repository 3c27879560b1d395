package holdfast.architecture;

import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.Dependency;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaModifier;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

/** Rooms are used through their entry points, and few of their classes are public. */
class EntryPointsTest {
  /** Of all outermost classes. */
  private static final double PUBLIC_MAX = 0.52;

  private static Map<String, Set<String>> used() {
    Map<String, Set<String>> used = new TreeMap<>();
    for (JavaClass type : MainClasses.all()) {
      for (Dependency dependency : type.getDirectDependenciesFromSelf()) {
        JavaClass target = dependency.getTargetClass().getBaseComponentType();
        String room = target.getPackageName();
        if (EntryPoints.all().containsKey(room) && !room.equals(type.getPackageName())) {
          String name = target.getName().substring(room.length() + 1).replaceAll("\\$.*", "");
          used.computeIfAbsent(room, key -> new TreeSet<>()).add(name);
        }
      }
    }
    return used;
  }

  @Test
  void otherRoomsUseTheEntryPointsAndEachOfThemIsUsed() {
    assertThat(used()).isEqualTo(EntryPoints.all());
  }

  @Test
  void aboutHalfOfTheClassesArePublicAtMost() {
    long all = 0;
    long open = 0;
    for (JavaClass type : MainClasses.all()) {
      if (type.isTopLevelClass() && !type.getSimpleName().equals("package-info")) {
        all++;
        open += type.getModifiers().contains(JavaModifier.PUBLIC) ? 1 : 0;
      }
    }

    assertThat(all).isGreaterThan(400);
    assertThat((double) open / all).as("%d of %d", open, all).isLessThan(PUBLIC_MAX);
  }
}
