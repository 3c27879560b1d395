package holdfast.process;

/**
 * How a command ended.
 *
 * @param exit exit code
 */
record Result(int exit, String out, String err, long elapsedMs) {

  /** Fails unless the command did what it should. */
  Result expectDone(String what) {
    if (exit != 0) {
      throw new AssertionError(
          what + ": expected=exit 0, was=" + exit + ", out=" + out + ", err=" + err);
    }
    return this;
  }

  /** The only line on standard error; fails if there are more or none. */
  String onlyErrorLine() {
    var lines = err.lines().toList();
    if (lines.size() != 1) {
      throw new AssertionError("expected=one line on stderr, was=" + lines.size() + ":\n" + err);
    }
    return lines.get(0);
  }
}
