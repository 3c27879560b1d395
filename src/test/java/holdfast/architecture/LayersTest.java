package holdfast.architecture;

import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.Dependency;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.domain.JavaModifier;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class LayersTest {

  @Test
  void packagesImportOnlyWhatTheTableAllows() {
    Set<String> wrong = new TreeSet<>();

    for (JavaClass type : MainClasses.all()) {
      for (Dependency dependency : type.getDirectDependenciesFromSelf()) {
        JavaClass target = dependency.getTargetClass().getBaseComponentType();
        if (MainClasses.isOurs(target)
            && !Layers.mayUse(type.getPackageName(), target.getPackageName())) {
          wrong.add(
              "%s uses %s; %s"
                  .formatted(
                      type.getName(), target.getName(), Layers.describe(type.getPackageName())));
        }
      }
    }

    assertThat(wrong).isEmpty();
  }

  @Test
  void everyPackageIsInTheTable() {
    JavaClasses types = MainClasses.all();

    assertThat(types.stream().map(JavaClass::getPackageName).distinct())
        .allMatch(Layers::isKnown, "is in Layers, which says what it may import");
  }

  @Test
  void aClassThatNobodyExtendsIsFinal() {
    Stream<JavaClass> open =
        MainClasses.all().stream()
            .filter(type -> !type.isInterface() && !type.isEnum() && !type.isAnonymousClass())
            .filter(type -> !type.isNestedClass() || !type.getSimpleName().isEmpty())
            .filter(type -> !type.getModifiers().contains(JavaModifier.FINAL))
            .filter(type -> !type.getModifiers().contains(JavaModifier.ABSTRACT))
            .filter(type -> !type.getSimpleName().equals("package-info"))
            .filter(type -> type.getSubclasses().isEmpty());

    assertThat(open).isEmpty();
  }

  @Test
  void theTableForbidsWhatItIsThereToForbid() {
    assertThat(Layers.mayUse("holdfast.app", "holdfast.client.fuse")).isTrue();
    assertThat(Layers.mayUse("holdfast.network", "holdfast.crypto.handshake")).isTrue();
    assertThat(Layers.mayUse("holdfast.client.names", "holdfast.client.file")).isTrue();

    assertThat(Layers.mayUse("holdfast.util", "holdfast.model")).isFalse();
    assertThat(Layers.mayUse("holdfast.metadata", "holdfast.consensus")).isFalse();
    assertThat(Layers.mayUse("holdfast.peer", "holdfast.crypto")).isFalse();
    assertThat(Layers.mayUse("holdfast.peer", "holdfast.storage")).isFalse();
    assertThat(Layers.mayUse("holdfast.client", "holdfast.client.fuse")).isFalse();
    assertThat(Layers.mayUse("holdfast.client.file", "holdfast.client.names")).isFalse();
    assertThat(Layers.mayUse("holdfast.client.kernel", "holdfast.client.file")).isFalse();
    assertThat(Layers.mayUse("holdfast.peer.view", "holdfast.peer.state")).isFalse();
    assertThat(Layers.mayUse("holdfast.protocol", "holdfast.metadata")).isFalse();
    assertThat(Layers.mayUse("holdfast.client.fuse", "holdfast.protocol")).isFalse();
    assertThat(Layers.isKnown("holdfast.misc")).isFalse();
  }
}
