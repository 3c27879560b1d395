package holdfast.app;

/** The version of this build, as the command line and the handshake tell it. */
final class Version {

  /** Kept equal to the version in {@code pom.xml} by a test. */
  static final String CURRENT = "0.1.0-SNAPSHOT";

  private Version() {}
}
