package holdfast.architecture;

import com.fasterxml.jackson.core.JsonFactory;
import java.io.IOException;
import java.io.InputStream;
import java.io.ObjectInputStream;
import java.net.Socket;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Instant;
import java.util.Random;
import java.util.UUID;
import java.util.concurrent.Executors;
import java.util.concurrent.ThreadLocalRandom;
import jnr.ffi.Pointer;
import org.bouncycastle.crypto.macs.CMac;
import picocli.CommandLine;

/** Does everything that is banned, so that each ban is seen to find it. Never runs. */
final class Offender {

  Pointer pointer;
  CMac mac;
  CommandLine commandLine;
  JsonFactory json;
  Socket socket;

  private Offender() {}

  Object time() {
    return System.nanoTime()
        + System.currentTimeMillis()
        + Instant.now().toString()
        + Clock.systemUTC();
  }

  Object chance() {
    return new Random().nextInt()
        + Math.random()
        + ThreadLocalRandom.current().nextInt()
        + ""
        + UUID.randomUUID();
  }

  void threads() throws InterruptedException {
    Thread.sleep(1);
    new Thread(() -> {}).start();
    Executors.newCachedThreadPool().shutdown();
  }

  void output(Exception e) {
    System.out.println(e);
    e.printStackTrace();
  }

  Object reflection(InputStream in) throws IOException, ClassNotFoundException {
    return Class.forName(new ObjectInputStream(in).readObject().toString());
  }

  Object files() throws IOException {
    return FileChannel.open(Path.of("x"));
  }
}
