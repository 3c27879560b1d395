package holdfast.architecture;

import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaField;
import com.tngtech.archunit.core.domain.JavaMethod;
import com.tngtech.archunit.core.domain.JavaModifier;
import java.util.List;
import java.util.Set;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.Lock;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** An open file has one owner: nobody else takes its lock, or gets hold of what that guards. */
class OpenFileRulesTest {
  private static final String ROOM = "holdfast.client.file.";

  /** One object's class, in three parts. */
  private static final Set<String> OWNER =
      Set.of(ROOM + "FileMonitor", ROOM + "SyncedFile", ROOM + "OpenFile");

  /** What they call while they have the lock: pure, and given the image for one call. */
  private static final Set<String> PURE = Set.of(ROOM + "CommitPlanner");

  private static Stream<JavaClass> room() {
    return MainClasses.all().stream().filter(type -> type.getName().startsWith(ROOM));
  }

  private static String outermost(JavaClass type) {
    return type.getName().replaceAll("\\$.*", "");
  }

  @Test
  void onlyTheOpenFileTakesItsLock() {
    List<String> callers =
        MainClasses.all().stream()
            .flatMap(type -> type.getMethodCallsFromSelf().stream())
            .filter(call -> call.getTarget().getName().equals("enter"))
            .filter(call -> OWNER.contains(call.getTargetOwner().getName()))
            .map(call -> outermost(call.getOriginOwner()))
            .distinct()
            .toList();

    assertThat(callers).isNotEmpty().allMatch(OWNER::contains, "is a part of the open file");
  }

  @Test
  void nobodyElseKeepsTheImageOrItsParts() {
    Set<String> guarded =
        Set.of("FileImage", "ContentView", "ImageAttributes", "UploadQueue", "UncommittedRanges");
    List<JavaField> fields =
        room()
            .flatMap(type -> type.getFields().stream())
            .filter(field -> guarded.contains(field.getRawType().getSimpleName()))
            .toList();

    assertThat(fields).isNotEmpty();
    for (JavaField field : fields) {
      String keeper = outermost(field.getOwner());
      boolean isPart = guarded.contains(keeper.substring(ROOM.length()));
      assertThat(isPart || OWNER.contains(keeper) || PURE.contains(keeper))
          .as("%s keeps what the lock guards", field.getFullName())
          .isTrue();
    }
  }

  @Test
  void theImageIsPrivate() {
    List<JavaField> fields =
        room()
            .filter(type -> type.getSimpleName().equals("FileImage"))
            .flatMap(type -> type.getFields().stream())
            .toList();

    assertThat(fields)
        .isNotEmpty()
        .allMatch(field -> field.getModifiers().contains(JavaModifier.PRIVATE));
  }

  @Test
  void noMethodHandsOutTheImageOrTheLockOrTakesALambda() {
    List<JavaMethod> methods =
        room()
            .filter(type -> OWNER.contains(type.getName()))
            .flatMap(type -> type.getMethods().stream())
            .filter(method -> !method.getModifiers().contains(JavaModifier.PRIVATE))
            .filter(method -> !method.getModifiers().contains(JavaModifier.SYNTHETIC))
            .toList();

    assertThat(methods).hasSizeGreaterThan(20);
    for (JavaMethod method : methods) {
      JavaClass result = method.getRawReturnType();
      boolean isOwn = method.getName().equals("enter");
      boolean isGuarded =
          result.isAssignableTo(Lock.class)
              || result.isAssignableTo(Condition.class)
              || result.getName().equals(ROOM + "FileImage")
              || result.getName().startsWith(ROOM + "FileMonitor$Guarded");
      assertThat(isGuarded && !isOwn).as(method.getFullName()).isFalse();
      assertThat(method.getRawParameterTypes())
          .as(method.getFullName())
          .noneMatch(type -> type.getPackageName().equals("java.util.function"))
          .noneMatch(type -> type.isAssignableTo(Runnable.class));
    }
  }
}
