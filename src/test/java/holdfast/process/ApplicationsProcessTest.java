package holdfast.process;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;

/** Programs that people use do on a mount what they do on a local disk, and find no fault in it. */
@Tag("process")
@Timeout(value = 180, unit = TimeUnit.SECONDS, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class ApplicationsProcessTest {
  private static final int SAVES = 150;
  private static final int READERS = 2;
  private static final Duration DATABASE_MAX = Duration.ofSeconds(120);
  private static final long FIO_BYTES = Long.getLong("holdfast.fioBytes", 64L << 20);

  /** Every file's kind, mode, owners, time to the nanosecond, names, target, size and content. */
  private static final String MANIFEST =
      """
      manifest() {
        (
          cd "$1"
          find . -type d -printf '%P %y %m %U %G %T@\\n' \\
            -o -printf '%P %y %m %U %G %T@ %n %s %l\\n' | sort
          find . -type f -print0 | sort -z | xargs -0 sha256sum
        )
      }
      """;

  @RegisterExtension static final SharedPool SHARED = new SharedPool();

  private static Bash script() {
    return new Bash(SHARED.pool())
        .with("WORK", SHARED.pool().work())
        .with("ONE", SHARED.one())
        .with("TWO", SHARED.two());
  }

  @Test
  void gitClonesCommitsPacksAndFindsItsRepositoryWhole() throws Exception {
    Bash.need("git", "git");
    Bash script = script();
    script.run(
        "make a repository on the local disk",
        """
        git init -q -b main "$WORK/origin"
        cd "$WORK/origin"
        for commit in 1 2 3 4 5; do
          for file in $(seq 1 60); do
            mkdir -p folder$((file % 7))/sub$((file % 3))
            seq $((commit * file)) $((commit * file + 200)) \\
              >folder$((file % 7))/sub$((file % 3))/file-$commit-$file
          done
          echo "$commit" >changed
          git add -A
          git commit -q -m "commit $commit"
        done
        ln -s folder1/sub1/file-1-1 link
        printf '#!/bin/sh\\necho ran\\n' >program
        chmod 755 program
        head -c 3000000 /dev/urandom >binary
        git add -A
        git commit -q -m links
        git checkout -q -b side HEAD~2
        echo side >changed
        git commit -q -a -m side
        git checkout -q main
        """);

    script.run(
        "clone and check",
        """
        cd "$ONE"
        git clone -q --no-local "$WORK/origin" clone
        cd clone
        git fsck --strict --full
        test -z "$(git status --porcelain)"
        test "$(git rev-parse HEAD)" = "$(git -C "$WORK/origin" rev-parse main)"
        diff -r --no-dereference --exclude .git "$WORK/origin" .
        test "$(./program)" = ran
        git checkout -q -b side origin/side
        test "$(cat changed)" = side
        git checkout -q main
        test -z "$(git status --porcelain)"
        """);
    script.run(
        "commit and merge on the mount",
        """
        cd "$ONE/clone"
        git mv folder2 moved
        git commit -q -m moved
        git merge -q -X ours -m merged side
        for commit in $(seq 1 10); do
          echo $commit >>log
          git add log
          git commit -q -m $commit
        done
        git tag -a -m tagged v1
        """);
    script.run(
        "pack",
        """
        cd "$ONE/clone"
        git gc -q --prune=now
        git fsck --strict --full
        test -z "$(git status --porcelain)"
        test "$(git count-objects)" = "0 objects, 0 kilobytes"
        """);

    String history = "git log --format='%H %s' | cat; git rev-parse v1; git write-tree";
    String wanted = script.run("log", "cd \"$ONE/clone\"; " + history);
    script.run(
        "on the other mount",
        """
        cd "$TWO/clone"
        git fsck --strict --full
        test -z "$(git status --porcelain)"
        git clone -q . "$WORK/git-back"
        git -C "$WORK/git-back" fsck --strict --full
        """);
    assertThat(script.run("log", "cd \"$TWO/clone\"; " + history)).isEqualTo(wanted);
    assertThat(wanted.lines().count()).isGreaterThan(18);
  }

  @Test
  void makeBuildsALibraryAndAProgramAndThenOnlyWhatChanged() throws Exception {
    Bash.need("gcc", "gcc");
    Bash.need("make", "make");
    Bash.need("ar", "binutils");
    assertThat(Path.of("/usr/include/stdio.h")).as("of Debian's package libc6-dev").exists();
    Bash script = script();
    script.run(
        "write sources",
        """
        mkdir "$ONE/project"
        cd "$ONE/project"
        for part in $(seq 1 20); do
          printf '#include "all.h"\\nint part%d(int x) { return x + %d; }\\n' $part $part \\
            >part$part.c
          printf 'int part%d(int x);\\n' $part >>all.h
        done
        {
          printf '#include <stdio.h>\\n#include "all.h"\\nint main(void) {\\n  int x = 0;\\n'
          for part in $(seq 1 20); do printf '  x = part%d(x);\\n' $part; done
          printf '  printf("%%d\\\\n", x);\\n  return 0;\\n}\\n'
        } >main.c
        {
          printf 'PARTS := $(patsubst %%.c,%%.o,$(wildcard part*.c))\\n'
          printf 'CFLAGS := -O1 -g -MMD\\n'
          printf 'program: main.o libparts.a\\n\\t$(CC) -o $@ main.o -L. -lparts\\n'
          printf 'libparts.a: $(PARTS)\\n\\trm -f $@\\n\\tar rcs $@ $(PARTS)\\n'
          printf '%%.o: %%.c\\n\\t$(CC) $(CFLAGS) -c -o $@ $<\\n'
          printf 'clean:\\n\\trm -f *.o *.d *.a program\\n'
          printf '%s\\n' '-include $(wildcard *.d)'
        } >Makefile
        """);

    String build = "make -j2 -C \"$ONE/project\"";
    assertThat(script.run("build", build).lines().filter(line -> line.contains(" -c ")).count())
        .isEqualTo(21);
    assertThat(script.run("run", "\"$ONE/project/program\"")).isEqualTo("210\n");
    assertThat(script.run("build again", build)).contains("'program' is up to date");

    script.run("change a source", "sed -i 's/x + 7/x + 1007/' \"$ONE/project/part7.c\"");
    String third = script.run("build what changed", build);
    assertThat(third.lines().filter(line -> line.contains(" -c ")))
        .singleElement()
        .asString()
        .contains("part7.c");
    assertThat(script.run("run on the other mount", "\"$TWO/project/program\""))
        .isEqualTo("1210\n");
    assertThat(script.run("build on the other mount", "make -C \"$TWO/project\""))
        .contains("'program' is up to date");
    script.run("clean", "cd \"$ONE/project\"; make clean; test $(ls | wc -l) = 23");
  }

  /** Makes {@code $WORK/$1}: all that tar and rsync know to keep. */
  private static final String MAKE_TREE =
      """
      make_tree() {
        mkdir "$1"
        cd "$1"
        mkdir -p deep/er/est empty locked public
        for file in $(seq 1 40); do
          head -c $((file * file * 97)) /dev/urandom >deep/file$file
          chown $((1000 + file)):$((2000 + file)) deep/file$file
          chmod $((file % 8))$((file % 7 + 1))$((file % 5)) deep/file$file
        done
        : >empty-file
        printf 'set-id' >set-id
        chown 4242:4343 set-id
        chmod 6755 set-id
        printf 'text' >"name with blanks and é€"
        chown 70000:3000000000 "name with blanks and é€"
        printf 'linked' >linked
        ln linked deep/er/linked-too
        ln linked deep/er/est/linked-three
        ln -s ../deep/file1 deep/link
        ln -s /nowhere/at/all dangling
        chown -h 77:88 dangling
        mkfifo pipe
        head -c 300000 /dev/urandom >sparse
        truncate -s 20000000 sparse
        printf 'end' >>sparse
        chown 5:6 locked empty
        chmod 1777 public
        chmod 0700 locked
        chmod 2750 empty
        find . -depth -exec touch -h -d '2001-02-03 04:05:06.123456789 UTC' {} +
        touch -d '1931-01-01 00:00:00.000000001 UTC' empty-file
        touch -h -d '2100-12-31 23:59:59.999999999 UTC' dangling
      }
      """;

  @Test
  void tarBringsATreeThereAndBackUnchanged() throws Exception {
    Bash.need("tar", "tar");
    Bash.need("setfattr", "attr");
    Bash script = script();
    String there =
        script.run(
            "there and back",
            MANIFEST
                + MAKE_TREE
                + """
                make_tree "$WORK/tree"
                cd "$WORK"
                tar -c --format=pax --numeric-owner --sparse -f there.tar tree
                mkdir "$ONE/tar"
                tar -xp --numeric-owner -f there.tar -C "$ONE/tar"
                manifest tree >wanted
                manifest "$ONE/tar/tree" >found
                diff wanted found
                manifest "$TWO/tar/tree" >found
                diff wanted found
                tar -d --numeric-owner -f there.tar -C "$TWO/tar"

                tar -c --format=pax --numeric-owner --sparse -C "$ONE/tar" \\
                  -f "$ONE/tar/back.tar" tree
                test $(stat -c %s "$ONE/tar/back.tar") -lt 4000000
                mkdir tar-back
                tar -xp --numeric-owner -f "$TWO/tar/back.tar" -C tar-back
                manifest tar-back/tree >found
                diff wanted found

                setfattr -n user.kept -v "by tar" "$ONE/tar/tree/deep/file7"
                mkdir "$TWO/tar/again"
                tar -c --xattrs -C "$ONE/tar" tree | tar -xp --xattrs -C "$TWO/tar/again"
                cd "$ONE/tar/again/tree"
                getfattr -n user.kept --only-values deep/file7
                echo
                stat -c '%b %h' "$TWO/tar/tree/sparse" "$TWO/tar/tree/linked"
                grep -c . "$WORK/wanted"
                """);

    List<String> lines = there.lines().toList();
    assertThat(lines).hasSize(4);
    assertThat(lines.get(0)).isEqualTo("by tar");
    long sparseBlocks = Long.parseLong(lines.get(1).split(" ")[0]);
    assertThat(sparseBlocks * 512).isBetween(300_000L, 1_000_000L);
    assertThat(lines.get(2)).endsWith(" 3");
    assertThat(Long.parseLong(lines.get(3))).isGreaterThan(90);
  }

  @Test
  void rsyncCopiesOnceAndThenFindsNothingToDo() throws Exception {
    Bash.need("rsync", "rsync");
    Bash.need("setfattr", "attr");
    Bash script = script();
    script.run("make a tree", MAKE_TREE + "make_tree \"$WORK/rsync-tree\"");
    String sync = "rsync -aHAX --checksum --delete --itemize-changes ";

    String first = script.run("there", sync + "\"$WORK/rsync-tree/\" \"$ONE/rsync/\"");
    assertThat(first.lines().count()).isGreaterThan(50);
    assertThat(script.run("again", sync + "\"$WORK/rsync-tree/\" \"$ONE/rsync/\"")).isEmpty();
    script.run(
        "set attributes",
        """
        cd "$ONE/rsync"
        setfattr -n user.short -v value deep/file3
        setfattr -n user.long -v "$(seq 1 3000)" deep/file4
        setfattr -n user.folder -v "of a folder" deep
        setfattr -n trusted.kept -v trusted empty-file
        """);
    script.run("from mount to mount", sync + "-S \"$ONE/rsync/\" \"$TWO/rsync-2/\"");
    String again = sync + "\"$TWO/rsync/\" \"$ONE/rsync-2/\"";
    assertThat(script.run("nothing to do the other way", again)).isEmpty();
    script.run(
        "the same",
        MANIFEST
            + """
            manifest "$WORK/rsync-tree" >"$WORK/wanted-rsync"
            manifest "$ONE/rsync-2" >"$WORK/found-rsync"
            diff "$WORK/wanted-rsync" "$WORK/found-rsync"
            dump() { (cd "$1"; find . -print0 | sort -z | xargs -0 getfattr -h -d -m -); }
            dump "$ONE/rsync" >"$WORK/wanted-rsync"
            dump "$ONE/rsync-2" >"$WORK/found-rsync"
            test "$(grep -c -E '^(user|trusted)[.]' "$WORK/wanted-rsync")" = 4
            diff "$WORK/wanted-rsync" "$WORK/found-rsync"
            """);

    script.run(
        "change a little",
        """
        cd "$TWO/rsync"
        rm deep/file9
        mkdir new
        echo more >>deep/file10
        setfattr -x user.folder deep
        """);
    String changes = script.run("only what changed", again).replaceAll("(?m)^\\S+ +", "");
    assertThat(changes.lines())
        .containsExactlyInAnyOrder("./", "deep/", "deep/file10", "deep/file9", "new/");
    assertThat(script.run("nothing more", again)).isEmpty();
  }

  @Test
  void anEditorsSaveIsSeenAtOnceAndNeverInPartByTheOtherMount() throws Exception {
    Path folder = Files.createDirectory(SHARED.one().resolve("editor"));
    Path other = SHARED.two().resolve("editor/text");
    save(folder, 0);
    var isDone = new AtomicBoolean();
    var reads = new AtomicInteger();
    var failures = new ConcurrentLinkedQueue<Throwable>();
    var readers = new ArrayList<Thread>();
    for (int i = 0; i < READERS; i++) {
      Thread reader = new Thread(() -> readUntil(isDone, other, reads, failures));
      readers.add(reader);
      reader.start();
    }

    try {
      for (int round = 1; round <= SAVES && failures.isEmpty(); round++) {
        save(folder, round);
        assertThat(roundOf(Files.readString(other))).isEqualTo(round);
      }
    } finally {
      isDone.set(true);
      for (Thread reader : readers) {
        reader.join(20_000);
      }
    }

    assertThat(failures).isEmpty();
    assertThat(reads).hasValueGreaterThan(SAVES);
    assertThat(SHARED.two().resolve("editor").toFile().list()).containsExactly("text");
  }

  private static void readUntil(
      AtomicBoolean isDone, Path file, AtomicInteger reads, ConcurrentLinkedQueue<Throwable> out) {
    int last = 0;
    try {
      while (!isDone.get()) {
        int round = roundOf(Files.readString(file));
        if (round < last) {
          throw new AssertionError(
              "read " + file + ": expected=" + last + " or more, was=" + round);
        }
        last = round;
        reads.incrementAndGet();
      }
    } catch (IOException | RuntimeException | AssertionError e) {
      out.add(e);
    }
  }

  /** A text of another length each time that tells of itself whether it is whole. */
  private static String text(int round) {
    String line = "round " + round + "\n";
    return line.repeat(1 + round * 37 % 5_000) + "end\n";
  }

  private static int roundOf(String text) {
    int lineEnd = text.indexOf('\n');
    if (!text.startsWith("round ") || lineEnd < 0) {
      throw new AssertionError("read text: expected=a whole one, was=" + text.length() + " bytes");
    }
    int round = Integer.parseInt(text.substring("round ".length(), lineEnd));
    if (!text.equals(text(round))) {
      throw new AssertionError(
          "read text of round "
              + round
              + ": expected="
              + text(round).length()
              + " bytes, was="
              + text.length());
    }
    return round;
  }

  /** Writes beside it, forces it to disk, puts it in the old one's place. */
  private static void save(Path folder, int round) {
    String temporary = folder.resolve(".text.tmp").toString();
    byte[] bytes = text(round).getBytes(StandardCharsets.US_ASCII);
    int flags = Posix.O_WRONLY | Posix.O_CREAT | Posix.O_EXCL;
    int fd = (int) Posix.open(temporary, flags, 0644);
    assertThat(Posix.describe(Posix.write(fd, bytes))).isEqualTo("" + bytes.length);
    assertThat(Posix.describe(Posix.fsync(fd))).isEqualTo("0");
    assertThat(Posix.describe(Posix.close(fd))).isEqualTo("0");
    String target = folder.resolve("text").toString();
    assertThat(Posix.describe(Posix.rename(temporary, target))).isEqualTo("0");
  }

  @Test
  void fioReadsBackWhatItWroteAtRandom() throws Exception {
    Bash.need("fio", "fio");
    Bash script = script().with("BYTES", FIO_BYTES).with("MAPPED", FIO_BYTES / 8);
    String fio =
        """
        job() {
          folder=$1
          shift
          fio --name=job --directory="$folder" --rw=randwrite --verify=crc32c --verify_fatal=1 \\
            --randseed=42 --fallocate=none --output-format=terse "$@"
        }
        """;

    script.run(
        "random writes",
        fio
            + """
            mkdir "$ONE/fio"
            cd "$WORK"
            job "$ONE/fio" --filename=plain --ioengine=psync --bsrange=4k-64k --size=$BYTES \\
              --fsync=200 --do_verify=1
            job "$TWO/fio" --filename=plain --ioengine=psync --bsrange=4k-64k --size=$BYTES \\
              --verify_only
            """);
    script.run(
        "random writes through a map",
        fio
            + """
            cd "$WORK"
            job "$ONE/fio" --filename=mapped --ioengine=mmap --bs=4k --size=$MAPPED --do_verify=1
            job "$TWO/fio" --filename=mapped --ioengine=psync --bs=4k --size=$MAPPED --verify_only
            """);

    assertThat(SHARED.two().resolve("fio/plain")).hasSize(FIO_BYTES);
    assertThat(SHARED.two().resolve("fio/mapped")).hasSize(FIO_BYTES / 8);
  }

  @Test
  void sqliteKeepsADatabaseWholeInEveryKindOfJournal() throws Exception {
    Files.createDirectory(SHARED.one().resolve("sqlite"));
    for (String journal : List.of("delete", "truncate", "persist", "wal")) {
      String printed;
      try (var python = new Python(SHARED.pool())) {
        printed =
            python
                .with("JOURNAL", journal)
                .with("ONE", SHARED.one())
                .with("TWO", SHARED.two())
                .run("database-" + journal, DATABASE_MAX, DATABASE);
      }
      assertThat(printed).isEqualTo("ok ok\n");
    }
    assertThat(SHARED.two().resolve("sqlite").toFile().list())
        .containsExactlyInAnyOrder(
            "delete.db",
            "truncate.db",
            "truncate.db-journal",
            "persist.db",
            "persist.db-journal",
            "wal.db");
  }

  /** Transactions, a third of them taken back; read by the other mount when it is closed here. */
  private static final String DATABASE =
      """
      import os, sqlite3
      journal = os.environ['JOURNAL']
      name = '/sqlite/' + journal + '.db'
      db = sqlite3.connect(os.environ['ONE'] + name, isolation_level=None)
      assert db.execute('PRAGMA journal_mode = ' + journal).fetchone()[0] == journal
      def work(db):
          db.execute('PRAGMA cache_size = 20')
          db.execute('CREATE TABLE t (id INTEGER PRIMARY KEY, round INT, data BLOB)')
          db.execute('CREATE INDEX by_data ON t (data)')
          for round in range(30):
              db.execute('BEGIN')
              for i in range(10):
                  data = bytes((round * 7 + i * 31 + k) % 256 for k in range(2000))
                  db.execute('INSERT INTO t (round, data) VALUES (?, ?)', (round, data))
              db.execute('DELETE FROM t WHERE round = ? AND id % 4 = 0', (round - 1,))
              db.execute('ROLLBACK' if round % 3 == 2 else 'COMMIT')
          db.execute('DELETE FROM t WHERE id > 150')
          db.execute('VACUUM')
          return db.execute('SELECT id, round, data FROM t').fetchall()
      rows = work(db)
      assert len(rows) > 100 and rows == work(sqlite3.connect(':memory:', isolation_level=None))
      first = db.execute('PRAGMA integrity_check').fetchone()[0]
      db.close()
      db = sqlite3.connect(os.environ['TWO'] + name, isolation_level=None)
      assert db.execute('SELECT id, round, data FROM t').fetchall() == rows
      print(first, db.execute('PRAGMA integrity_check').fetchone()[0])
      db.close()
      """;
}
