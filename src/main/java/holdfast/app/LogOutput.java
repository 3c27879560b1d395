package holdfast.app;

import java.io.PrintStream;
import java.time.Instant;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import java.util.logging.Formatter;
import java.util.logging.Handler;
import java.util.logging.Level;
import java.util.logging.LogRecord;
import java.util.logging.Logger;

/** Writes the log to stderr, one line an event; stack traces only when asked for. */
final class LogOutput {
  private static final DateTimeFormatter TIME =
      DateTimeFormatter.ofPattern("HH:mm:ss.SSS").withZone(ZoneId.systemDefault());

  /** Loggers are collected when nobody holds them, and their level with them. */
  private static final Logger OURS = Logger.getLogger("holdfast");

  private LogOutput() {}

  /** Sends what is at least this grave to {@code err}. */
  static void start(PrintStream err, boolean isVerbose, boolean isQuiet) {
    Logger root = Logger.getLogger("");
    for (Handler handler : root.getHandlers()) {
      root.removeHandler(handler);
    }
    Level level = isVerbose ? Level.FINE : isQuiet ? Level.SEVERE : Level.INFO;
    OURS.setLevel(level);
    root.setLevel(isVerbose ? Level.INFO : Level.WARNING);
    var formatter = new Lines(isVerbose);
    root.addHandler(
        new Handler() {
          @Override
          public void publish(LogRecord event) {
            err.print(formatter.format(event));
          }

          @Override
          public void flush() {
            err.flush();
          }

          @Override
          public void close() {}
        });
  }

  private static final class Lines extends Formatter {
    private final boolean showsTraces;

    Lines(boolean showsTraces) {
      this.showsTraces = showsTraces;
    }

    @Override
    public String format(LogRecord event) {
      var line = new StringBuilder();
      line.append(TIME.format(Instant.ofEpochMilli(event.getMillis())));
      line.append(' ').append(word(event.getLevel())).append(' ');
      line.append(formatMessage(event));
      Throwable thrown = event.getThrown();
      if (thrown != null && showsTraces) {
        var text = new java.io.StringWriter();
        thrown.printStackTrace(new java.io.PrintWriter(text, true));
        line.append('\n').append(text.toString().stripTrailing());
      } else if (thrown != null) {
        line.append(": ").append(thrown);
      }
      return line.append('\n').toString();
    }

    private static String word(Level level) {
      if (level.intValue() >= Level.SEVERE.intValue()) {
        return "error";
      }
      if (level.intValue() >= Level.WARNING.intValue()) {
        return "warn ";
      }
      return level.intValue() >= Level.INFO.intValue() ? "info " : "debug";
    }
  }
}
