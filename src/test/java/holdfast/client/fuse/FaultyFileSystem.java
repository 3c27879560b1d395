package holdfast.client.fuse;

import holdfast.client.api.PoolFileSystem;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.LinkedBlockingQueue;

/** A file system whose methods, by name, can be made to throw or to block. */
final class FaultyFileSystem {
  /** Runs before the real method; what it throws is thrown. */
  @FunctionalInterface
  interface Fault {
    void run() throws Throwable;
  }

  final Map<String, Fault> faults = new ConcurrentHashMap<>();

  /** The names of the methods that returned, in order. */
  final BlockingQueue<String> finished = new LinkedBlockingQueue<>();

  final PoolFileSystem files;

  FaultyFileSystem(PoolFileSystem real) {
    files =
        (PoolFileSystem)
            Proxy.newProxyInstance(
                PoolFileSystem.class.getClassLoader(),
                new Class<?>[] {PoolFileSystem.class},
                (proxy, method, arguments) -> {
                  Fault fault = faults.get(method.getName());
                  if (fault != null) {
                    fault.run();
                  }
                  try {
                    return method.invoke(real, arguments);
                  } catch (InvocationTargetException e) {
                    throw e.getCause();
                  } finally {
                    finished.add(method.getName());
                  }
                });
  }
}
