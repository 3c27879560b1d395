package holdfast.process;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;

/**
 * A directory with many names and a file of 1 TiB, by two mounts. {@code -Dholdfast.entries=100000}
 * makes the directory as large as that.
 */
@Tag("process")
@Timeout(value = 1_800, unit = TimeUnit.SECONDS, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class LargeProcessTest {
  private static final int ENTRIES = Integer.getInteger("holdfast.entries", 20_000);
  private static final Duration CREATE_MAX = Duration.ofSeconds(1_200);
  private static final Duration SCRIPT_MAX = Duration.ofSeconds(120);
  private static final int LISTINGS = 6;

  /** Names of a range, dealt out by turns; a thread for each turn that is this process's. */
  private static final String CREATOR =
      """
      import os, sys, threading
      folder, begin, end, turns, *own = sys.argv[1], *map(int, sys.argv[2:])
      failures = []
      def create(turn):
          try:
              for number in range(begin + turn, end, turns):
                  os.mknod('%s/entry-%06d' % (folder, number))
          except OSError as e:
              failures.append(e)
      threads = [threading.Thread(target=create, args=(turn,)) for turn in own]
      for thread in threads: thread.start()
      for thread in threads: thread.join()
      if failures: sys.exit(str(failures))
      """;

  /** Makes and removes other names, and removes each tenth, until it is told to end. */
  private static final String CHANGER =
      """
      import os, sys
      folder, own, count, end = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
      made, number = [], 0
      removable = iter(range(own * 10, count, 20))
      while not os.path.exists(end):
          made.append('%s/other-%d-%d' % (folder, own, number))
          os.mknod(made[-1])
          number += 1
          if len(made) > 20:
              os.unlink(made.pop(number % 20))
          if number % 3 == 0:
              gone = next(removable, None)
              if gone is not None: os.unlink('%s/entry-%06d' % (folder, gone))
      print(number)
      """;

  /**
   * Lists again and again. All names but each tenth stay: each must be there once. A position that
   * telldir gave must lead to the same name afterwards, in this stream and in another.
   */
  private static final String LISTER =
      """
      import ctypes, random, sys
      folder, count, rounds = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
      class Entry(ctypes.Structure):
          _fields_ = [('ino', ctypes.c_uint64), ('off', ctypes.c_int64),
                      ('length', ctypes.c_uint16), ('kind', ctypes.c_uint8),
                      ('name', ctypes.c_char * 256)]
      c = ctypes.CDLL('libc.so.6', use_errno=True)
      c.opendir.restype = ctypes.c_void_p
      c.readdir.restype = ctypes.POINTER(Entry)
      c.telldir.restype = ctypes.c_long
      c.readdir.argtypes = c.telldir.argtypes = c.closedir.argtypes = [ctypes.c_void_p]
      c.seekdir.argtypes = [ctypes.c_void_p, ctypes.c_long]
      def opened():
          stream = c.opendir(folder.encode())
          if not stream: sys.exit('opendir: errno %d' % ctypes.get_errno())
          return stream
      def next_name(stream):
          ctypes.set_errno(0)
          entry = c.readdir(stream)
          if not entry and ctypes.get_errno(): sys.exit('readdir: errno %d' % ctypes.get_errno())
          return entry.contents.name.decode() if entry else None
      stays = {'entry-%06d' % n for n in range(count) if n % 10} | {'.', '..'}
      known = stays | {'entry-%06d' % n for n in range(0, count, 10)}
      def staying(stream):
          name = next_name(stream)
          while name is not None and name not in stays: name = next_name(stream)
          return name
      rand = random.Random(7)
      for round in range(rounds):
          stream = opened()
          names, marks, unmarked = [], [], []
          while True:
              at = c.telldir(stream)
              name = next_name(stream)
              if name is None: break
              names.append(name)
              if rand.randrange(count // 40) == 0: unmarked.append(at)
              if name in stays:
                  marks += [(place, name) for place in unmarked]
                  unmarked = []
          if len(names) != len(set(names)):
              sys.exit('listed twice: %s' % sorted(n for n in set(names) if names.count(n) > 1)[:9])
          if not stays <= set(names): sys.exit('missing: %s' % sorted(stays - set(names))[:9])
          strange = [n for n in names if n not in known and not n.startswith('other-')]
          if strange: sys.exit('strange: %s' % strange[:9])
          if not marks: sys.exit('no marks')
          other = opened()
          for place, name in rand.sample(marks, len(marks)):
              for each in (stream, other):
                  c.seekdir(each, place)
                  found = staying(each)
                  if found != name: sys.exit('at %d: expected %s, was %s' % (place, name, found))
          c.closedir(stream)
          c.closedir(other)
      """;

  private static final String SPARSE =
      """
      import errno, os, sys
      path, what = sys.argv[1:]
      TIB = 1 << 40
      spots = {0: b'begin', (4 << 30) - 6: b'across 4 GiB', (1 << 39) + 77: b'in the middle',
               TIB - 3: b'end'}
      def expect(what, expected, was):
          if expected != was: sys.exit('%s: expected %r, was %r' % (what, expected, was))
      def check(fd, spots, size, blocks):
          expect('size', size, os.fstat(fd).st_size)
          if not 0 < os.fstat(fd).st_blocks <= blocks:
              sys.exit('blocks: at most %d, was %d' % (blocks, os.fstat(fd).st_blocks))
          for at, text in spots.items():
              expect('at %d' % at, text, os.pread(fd, len(text), at))
              before = max(0, at - 5000)
              around = os.pread(fd, 10_000, before)
              wanted = (bytes(at - before) + text).ljust(min(10_000, size - before), b'\\0')
              expect('around %d' % at, wanted, around)
          for at in (1 << 20, 5 << 30, (1 << 39) - (1 << 20), TIB - (1 << 20)):
              expect('hole at %d' % at, bytes(1 << 17), os.pread(fd, 1 << 17, at))
          expect('end', size, os.lseek(fd, 0, os.SEEK_END))
          expect('behind the end', b'', os.pread(fd, 10, size))
          # As the kernel does for file systems that don't say: one piece of data, then a hole.
          expect('data', 5 << 30, os.lseek(fd, 5 << 30, os.SEEK_DATA))
          expect('hole', size, os.lseek(fd, 5 << 30, os.SEEK_HOLE))
          try:
              sys.exit('data at the end: was %d' % os.lseek(fd, size, os.SEEK_DATA))
          except OSError as e:
              expect('data at the end', errno.ENXIO, e.errno)
      fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
      if what == 'write':
          os.ftruncate(fd, TIB)
          expect('blocks of nothing', 0, os.fstat(fd).st_blocks)
          for at, text in spots.items(): expect('write', len(text), os.pwrite(fd, text, at))
          check(fd, spots, TIB, 5 * 128)  # unsaved: blocks of 64 KiB
          os.fsync(fd)
      elif what == 'grow':
          check(fd, spots, TIB, 4)
          os.pwrite(fd, b'far', (1 << 50) + 1)
      else:
          check(fd, spots | {(1 << 50) + 1: b'far'}, (1 << 50) + 4, 5)
          os.ftruncate(fd, (4 << 30))
          os.ftruncate(fd, TIB)
          os.fsync(fd)
          expect('cut', b'across' + bytes(20), os.pread(fd, 26, (4 << 30) - 6))
          expect('cut off', bytes(20), os.pread(fd, 20, TIB - 20))
          expect('blocks', 1, os.fstat(fd).st_blocks)
      os.close(fd)
      """;

  @RegisterExtension final Pools pools = new Pools();

  @Test
  void manyNamesAreListedRightWhileOthersComeAndGo() throws Exception {
    Pool pool = pools.start(1);
    List<Path> mounts = List.of(pool.mount("one"), pool.mount("two"));
    Files.createDirectory(mounts.get(0).resolve("d"));
    long startNs = System.nanoTime();
    // On each mount two threads wait for the directory's lock in turn; the mounts for each other
    // with the last quarter, since every name of one is recalled from the other.
    int quarter = ENTRIES / 4;
    Path first = mounts.get(0).resolve("d");
    try (var creators = new Python(pool)) {
      creators.run("creator", CREATE_MAX, CREATOR, first, 0, 3 * quarter, 2, 0, 1);
      for (int i = 0; i < 2; i++) {
        Path folder = mounts.get(i).resolve("d");
        creators.start("creator" + i, CREATOR, folder, 3 * quarter, ENTRIES, 4, i, i + 2);
      }
      creators.awaitAll(CREATE_MAX);
    }
    long createdMs = (System.nanoTime() - startNs) / 1_000_000;

    Path end = pool.work().resolve("end");
    try (var changers = new Python(pool);
        var listers = new Python(pool)) {
      var changing = new ArrayList<Script>();
      for (int i = 0; i < 2; i++) {
        Path folder = mounts.get(i).resolve("d");
        changing.add(changers.start("changer" + i, CHANGER, folder, i, ENTRIES, end));
        listers.start("lister" + i, LISTER, folder, ENTRIES, LISTINGS);
      }
      listers.awaitAll(SCRIPT_MAX);
      Files.createFile(end);
      changers.awaitAll(SCRIPT_MAX);
      for (Script changer : changing) {
        assertThat(Integer.parseInt(changer.out().strip())).isPositive();
      }
      System.out.println(
          ENTRIES
              + " names made in "
              + createdMs
              + " ms, changes while they were listed: "
              + changing.stream().map(changer -> changer.out().strip()).toList());
    }

    List<String> left = names(mounts.get(0));
    assertThat(names(mounts.get(1))).isEqualTo(left);
    assertThat(left).doesNotHaveDuplicates();
    for (Path mount : mounts) {
      pool.umount(mount);
    }
  }

  private static List<String> names(Path mount) {
    var names = new ArrayList<>(List.of(mount.resolve("d").toFile().list()));
    names.sort(null);
    return names;
  }

  @Test
  void aFileOfATebibyteIsMostlyHole() throws Exception {
    Pool pool = pools.start(1);
    Path one = pool.mount("one");
    Path two = pool.mount("two");
    try (var python = new Python(pool)) {
      python.run("write", SCRIPT_MAX, SPARSE, one.resolve("sparse"), "write");
      python.run("grow", SCRIPT_MAX, SPARSE, two.resolve("sparse"), "grow");
      python.run("cut", SCRIPT_MAX, SPARSE, one.resolve("sparse"), "cut");
    }
    pool.umount(one);
    pool.umount(two);
  }
}
