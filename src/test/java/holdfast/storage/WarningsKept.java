package holdfast.storage;

import java.util.logging.Handler;
import java.util.logging.Level;
import java.util.logging.LogRecord;
import java.util.logging.Logger;

/** Keeps what a class logs as warning or worse while a test runs, and prints nothing. */
final class WarningsKept {
  private final Logger logger;
  private final StringBuilder text = new StringBuilder();
  private final Handler handler =
      new Handler() {
        @Override
        public void publish(LogRecord logged) {
          if (logged.getLevel().intValue() >= Level.WARNING.intValue()) {
            text.append(logged.getMessage()).append('\n');
          }
        }

        @Override
        public void flush() {}

        @Override
        public void close() {}
      };

  private Level levelBefore;

  WarningsKept(Class<?> source) {
    logger = Logger.getLogger(source.getName());
  }

  void start() {
    levelBefore = logger.getLevel();
    logger.setLevel(Level.ALL);
    logger.setUseParentHandlers(false);
    logger.addHandler(handler);
  }

  void stop() {
    logger.removeHandler(handler);
    logger.setUseParentHandlers(true);
    logger.setLevel(levelBefore);
  }

  void clear() {
    text.setLength(0);
  }

  /** The lines since it was cleared. */
  String text() {
    return text.toString();
  }
}
