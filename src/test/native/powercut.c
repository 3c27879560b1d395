/*
 * Preloaded under a peer so that a power cut can be acted out afterwards, without a device of its
 * own:
 *
 *   LD_PRELOAD=powercut.so POWERCUT_DIR=DIR POWERCUT_ROOTS=ROOT[:ROOT...] holdfast peer ...
 *
 * Below each ROOT (real paths, on the file system of DIR) it notes in DIR/journal what would be
 * lost with the power, and saves what would come back. src/test/python/faults/powercut.py plays the
 * cut after kill -9. One line each, numbers in decimal, T names the call:
 *
 *   W T ino at bytes size old saved   is about to write; SIZE was the file's, SAVED bytes of what
 * is overwritten lie in DIR/old at OLD T T ino to size old saved         is about to set the size,
 * or opens with O_TRUNC B T ino / E T / N T errno         begins to force a file; has; could not D
 * T path / E T / N T errno        likewise a directory C T path ino                      made a
 * file                    M T path      made a directory L T path ino                      made a
 * link                    Y T path      is about to remove one R T from to ino replaced saved    is
 * about to rename; what REPLACED is lies in DIR/saved/SAVED, 0 if none U T path ino saved is about
 * to unlink, likewise X T                               call T failed: it changed nothing ? what
 * something the cut can't act out: a round with such a line is void
 *
 * What is noted before the call may not have happened when the process was killed there; undoing it
 * then changes nothing. Changes of one file are made one at a time (a lock per inode), so what a
 * line before a B says has been done when the force begins, and only that is counted as forced.
 *
 * DIR/rules, read again when it changes: lines "OP PART NUMBER", the first whose PART is in the
 * path counts. OP write, read, sync: NUMBER is the errno to fail with; slow-write, slow-read,
 * slow-sync: milliseconds to wait before.
 *
 * Build: cc -shared -fPIC -O2 -Wall -Wextra -Werror -o powercut.so powercut.c -ldl -lpthread
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define PATH_BYTES 1024
#define LINE_BYTES (2 * PATH_BYTES + 256)
#define ROOTS_MAX 8
#define RULES_MAX 32
#define INODES_MAX 65536 /* a power of two */
#define FILE_LOCKS 64
#define PIECE_BYTES 65536
#define RULES_EVERY_MS 50

typedef unsigned long long number; /* as printf knows it */

static int (*real_open)(const char *, int, ...), (*real_openat)(int, const char *, int, ...);
static int (*real_fsync)(int), (*real_fdatasync)(int), (*real_ftruncate)(int, off_t);
static int (*real_truncate)(const char *, off_t), (*real_syncfs)(int);
static int (*real_msync)(void *, size_t, int);
static ssize_t (*real_write)(int, const void *, size_t),
    (*real_writev)(int, const struct iovec *, int);
static ssize_t (*real_pwrite)(int, const void *, size_t, off_t),
    (*real_pread)(int, void *, size_t, off_t);
static ssize_t (*real_pwritev)(int, const struct iovec *, int, off_t);
static ssize_t (*real_read)(int, void *, size_t);
static ssize_t (*real_sendfile)(int, int, off_t *, size_t);
static ssize_t (*real_copy)(int, off_t *, int, off_t *, size_t, unsigned);
static int (*real_fallocate)(int, int, off_t, off_t), (*real_posix_fallocate)(int, off_t, off_t);
static int (*real_renameat2)(int, const char *, int, const char *, unsigned);
static int (*real_unlinkat)(int, const char *, int), (*real_mkdirat)(int, const char *, mode_t);
static int (*real_linkat)(int, const char *, int, const char *, int);
static int (*real_symlinkat)(const char *, int, const char *);
static void *(*real_mmap)(void *, size_t, int, int, int, off_t);

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_mutex_t names = PTHREAD_MUTEX_INITIALIZER, rules_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t files[FILE_LOCKS];
static char directory[PATH_BYTES], roots[ROOTS_MAX][PATH_BYTES];
static int root_count, journal_fd = -1, old_fd = -1;
static _Atomic uint64_t call_count, old_end, saved_count, inodes[INODES_MAX];
static dev_t device;

struct rule {
  char op[16], part[128];
  int number;
};
static struct rule rules[RULES_MAX];
static _Atomic int rule_count;
static _Atomic int64_t rules_looked_ms;
static struct timespec rules_changed;

/* ---- the journal ---- */

static void die(const char *what) {
  dprintf(2, "powercut: %s: %s\n", what, strerror(errno));
  _exit(99); /* a journal with holes would pass faults */
}

__attribute__((format(printf, 1, 2))) static void note(const char *format, ...) {
  char line[LINE_BYTES];
  va_list arguments;
  va_start(arguments, format);
  int n = vsnprintf(line, sizeof line, format, arguments);
  va_end(arguments);
  if (n < 0 || n >= (int) sizeof line) die("line too long");
  if (real_write(journal_fd, line, n) != n) die("write journal");
}

static uint64_t next_call(void) {
  /* Unique over the processes of one journal: a process id doesn't come back within a round. */
  return ((uint64_t) getpid() << 40) + atomic_fetch_add(&call_count, 1);
}

static void start(void) {
  real_open = dlsym(RTLD_NEXT, "open64");
  real_openat = dlsym(RTLD_NEXT, "openat64");
  real_fsync = dlsym(RTLD_NEXT, "fsync");
  real_fdatasync = dlsym(RTLD_NEXT, "fdatasync");
  real_ftruncate = dlsym(RTLD_NEXT, "ftruncate64");
  real_truncate = dlsym(RTLD_NEXT, "truncate64");
  real_syncfs = dlsym(RTLD_NEXT, "syncfs");
  real_msync = dlsym(RTLD_NEXT, "msync");
  real_write = dlsym(RTLD_NEXT, "write");
  real_writev = dlsym(RTLD_NEXT, "writev");
  real_pwrite = dlsym(RTLD_NEXT, "pwrite64");
  real_pwritev = dlsym(RTLD_NEXT, "pwritev64");
  real_pread = dlsym(RTLD_NEXT, "pread64");
  real_read = dlsym(RTLD_NEXT, "read");
  real_sendfile = dlsym(RTLD_NEXT, "sendfile64");
  real_copy = dlsym(RTLD_NEXT, "copy_file_range");
  real_fallocate = dlsym(RTLD_NEXT, "fallocate64");
  real_posix_fallocate = dlsym(RTLD_NEXT, "posix_fallocate64");
  real_renameat2 = dlsym(RTLD_NEXT, "renameat2");
  real_unlinkat = dlsym(RTLD_NEXT, "unlinkat");
  real_mkdirat = dlsym(RTLD_NEXT, "mkdirat");
  real_linkat = dlsym(RTLD_NEXT, "linkat");
  real_symlinkat = dlsym(RTLD_NEXT, "symlinkat");
  real_mmap = dlsym(RTLD_NEXT, "mmap64");
  for (int i = 0; i < FILE_LOCKS; i++) pthread_mutex_init(&files[i], NULL);
  const char *dir = getenv("POWERCUT_DIR"), *list = getenv("POWERCUT_ROOTS");
  if (!dir || !list) return;
  char name[PATH_BYTES + 16];
  struct stat st;
  snprintf(directory, sizeof directory, "%s", dir);
  if (stat(dir, &st)) die(dir);
  device = st.st_dev;
  snprintf(name, sizeof name, "%s/journal", dir);
  journal_fd = real_open(name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  snprintf(name, sizeof name, "%s/old", dir);
  old_fd = real_open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  if (journal_fd < 0 || old_fd < 0 || fstat(old_fd, &st)) die("open journal");
  atomic_store(&old_end, st.st_size);
  snprintf(name, sizeof name, "%s/saved", dir);
  if (real_mkdirat(AT_FDCWD, name, 0700) && errno != EEXIST) die(name);
  char copy[ROOTS_MAX * PATH_BYTES], *rest = copy, *root;
  snprintf(copy, sizeof copy, "%s", list);
  while ((root = strsep(&rest, ":")) && root_count < ROOTS_MAX)
    snprintf(roots[root_count++], PATH_BYTES, "%s", root);
}

static int ready(void) { /* whether anything is to be noted */
  pthread_once(&once, start);
  return journal_fd >= 0;
}

__attribute__((constructor)) static void constructor(void) { ready(); }

/* ---- what is looked at ---- */

static int absolute(int at, const char *path, char *out) { /* 0 if it lies below a root */
  if (!path) return -1;
  if (path[0] == '/') {
    if (snprintf(out, PATH_BYTES, "%s", path) >= PATH_BYTES) return -1;
  } else {
    char link[64], base[PATH_BYTES];
    if (at == AT_FDCWD) snprintf(link, sizeof link, "/proc/self/cwd");
    else snprintf(link, sizeof link, "/proc/self/fd/%d", at);
    ssize_t n = readlink(link, base, sizeof base - 1);
    if (n < 0) return -1;
    base[n] = 0;
    if (snprintf(out, PATH_BYTES, "%s/%s", base, path) >= PATH_BYTES) return -1;
  }
  for (int i = 0; i < root_count; i++) {
    size_t n = strlen(roots[i]);
    if (!strncmp(out, roots[i], n) && (out[n] == '/' || !out[n])) return 0;
  }
  return -1;
}

static void track(uint64_t ino) {
  for (uint64_t i = ino * 0x9E3779B97F4A7C15u >> 48, tries = 0; tries < INODES_MAX; i++, tries++) {
    uint64_t none = 0, there = atomic_load(&inodes[i % INODES_MAX]);
    if (there == ino ||
        (!there && atomic_compare_exchange_strong(&inodes[i % INODES_MAX], &none, ino)))
      return;
    if (none == ino) return;
  }
  die("too many files");
}

static int is_tracked(uint64_t ino) {
  for (uint64_t i = ino * 0x9E3779B97F4A7C15u >> 48, tries = 0; tries < INODES_MAX; i++, tries++) {
    uint64_t there = atomic_load(&inodes[i % INODES_MAX]);
    if (there == ino) return 1;
    if (!there) return 0;
  }
  return 0;
}

static pthread_mutex_t *lock_of(uint64_t ino) { return &files[ino % FILE_LOCKS]; }

static int file_of(int fd, struct stat *st) { /* whether it is a file of ours */
  int saved = errno,
      is = !fstat(fd, st) && S_ISREG(st->st_mode) && st->st_dev == device && is_tracked(st->st_ino);
  errno = saved;
  return is;
}

/* ---- rules ---- */

static int64_t now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
  return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void read_rules(void) {
  int64_t looked = atomic_load(&rules_looked_ms), now = now_ms();
  if (now - looked < RULES_EVERY_MS ||
      !atomic_compare_exchange_strong(&rules_looked_ms, &looked, now))
    return;
  char name[PATH_BYTES + 16];
  struct stat st;
  snprintf(name, sizeof name, "%s/rules", directory);
  if (stat(name, &st)) {
    atomic_store(&rule_count, 0);
    return;
  }
  if (st.st_mtim.tv_sec == rules_changed.tv_sec && st.st_mtim.tv_nsec == rules_changed.tv_nsec)
    return;
  FILE *file = fopen(name, "re");
  if (!file) return;
  pthread_mutex_lock(&rules_lock);
  int n = 0;
  while (n < RULES_MAX &&
         fscanf(file, "%15s %127s %d", rules[n].op, rules[n].part, &rules[n].number) == 3)
    n++;
  atomic_store(&rule_count, n);
  rules_changed = st.st_mtim;
  pthread_mutex_unlock(&rules_lock);
  fclose(file);
}

static int rule(const char *slow, const char *op, const char *path) {
  int found = 0;
  pthread_mutex_lock(&rules_lock);
  for (int i = 0; i < rule_count; i++)
    if (!strncmp(rules[i].op, slow, strlen(slow)) && !strcmp(rules[i].op + strlen(slow), op) &&
        strstr(path, rules[i].part)) {
      found = rules[i].number;
      break;
    }
  pthread_mutex_unlock(&rules_lock);
  return found;
}

static int fails(const char *op, int fd) { /* waits, or sets errno, as a rule says */
  int saved = errno, n;
  read_rules();
  if (!atomic_load(&rule_count)) {
    errno = saved;
    return 0;
  }
  char link[64], path[PATH_BYTES], below[PATH_BYTES];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  if ((n = readlink(link, path, sizeof path - 1)) < 0) {
    errno = saved;
    return 0;
  }
  path[n] = 0;
  if (absolute(AT_FDCWD, path, below)) {
    errno = saved;
    return 0;
  }
  int ms = rule("slow-", op, path);
  if (ms) usleep(ms * 1000);
  n = rule("", op, path);
  errno = n ? n : saved;
  return n;
}

/* ---- bytes ---- */

static uint64_t save_old(int fd, off_t at, off_t bytes) { /* where in DIR/old */
  uint64_t old = atomic_fetch_add(&old_end, bytes);
  char piece[PIECE_BYTES];
  for (off_t done = 0; done < bytes;) {
    size_t want = bytes - done < PIECE_BYTES ? bytes - done : PIECE_BYTES;
    ssize_t n = real_pread(fd, piece, want, at + done);
    if (n < 0) die("read what is overwritten");
    if (n == 0) {
      memset(piece, 0, want);
      n = want;
    }
    if (real_pwrite(old_fd, piece, n, old + done) != n) die("save what is overwritten");
    done += n;
  }
  return old;
}

/* Old bytes are read through a descriptor of our own: the caller's may be write-only. */
static uint64_t save_old_of(int fd, off_t at, off_t bytes) {
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  int reader = real_open(link, O_RDONLY | O_CLOEXEC);
  if (reader < 0) die("open what is overwritten");
  uint64_t old = save_old(reader, at, bytes);
  close(reader);
  return old;
}

struct change {
  int is_ours;
  struct stat st;
};

/* Takes the file's lock if it is ours; st is then as it is before the call. */
static void begin(struct change *change, int fd) {
  change->is_ours = file_of(fd, &change->st);
  if (!change->is_ours) return;
  pthread_mutex_lock(lock_of(change->st.st_ino));
  if (fstat(fd, &change->st)) die("fstat");
}

static void end(struct change *change) {
  int saved = errno;
  if (change->is_ours) pthread_mutex_unlock(lock_of(change->st.st_ino));
  errno = saved;
}

static void note_write(struct change *change, int fd, off_t at, size_t bytes) {
  int saved = errno;
  off_t size = change->st.st_size, over = at < size ? size - at : 0;
  if (over > (off_t) bytes) over = bytes;
  uint64_t old = over ? save_old_of(fd, at, over) : 0;
  note("W %llu %llu %lld %zu %lld %llu %lld\n", (number) next_call(), (number) change->st.st_ino,
       (long long) at, bytes, (long long) size, (number) old, (long long) over);
  errno = saved;
}

static void note_size(struct change *change, int fd, off_t to) {
  int saved = errno;
  off_t size = change->st.st_size, over = to < size ? size - to : 0;
  uint64_t old = over ? save_old_of(fd, to, over) : 0;
  note("T %llu %llu %lld %lld %llu %lld\n", (number) next_call(), (number) change->st.st_ino,
       (long long) to, (long long) size, (number) old, (long long) over);
  errno = saved;
}

static off_t position(int fd, struct change *change) {
  return fcntl(fd, F_GETFL) & O_APPEND ? change->st.st_size : lseek(fd, 0, SEEK_CUR);
}

static size_t total(const struct iovec *v, int n) {
  size_t bytes = 0;
  for (int i = 0; i < n; i++) bytes += v[i].iov_len;
  return bytes;
}

#define WRITING(fd, at, bytes, call)    \
  if (!ready()) return call;            \
  struct change change;                 \
  begin(&change, fd);                   \
  ssize_t result = -1;                  \
  if (!change.is_ours) result = call;   \
  else if (!fails("write", fd)) {       \
    note_write(&change, fd, at, bytes); \
    result = call;                      \
  }                                     \
  end(&change);                         \
  return result

ssize_t write(int fd, const void *p, size_t n) {
  WRITING(fd, position(fd, &change), n, real_write(fd, p, n));
}
ssize_t writev(int fd, const struct iovec *v, int n) {
  WRITING(fd, position(fd, &change), total(v, n), real_writev(fd, v, n));
}
ssize_t pwrite64(int fd, const void *p, size_t n, off_t at) {
  WRITING(fd, at, n, real_pwrite(fd, p, n, at));
}
ssize_t pwrite(int fd, const void *p, size_t n, off_t at) { return pwrite64(fd, p, n, at); }
ssize_t pwritev64(int fd, const struct iovec *v, int n, off_t at) {
  WRITING(fd, at, total(v, n), real_pwritev(fd, v, n, at));
}
ssize_t pwritev(int fd, const struct iovec *v, int n, off_t at) { return pwritev64(fd, v, n, at); }

ssize_t pread64(int fd, void *p, size_t n, off_t at) {
  struct stat st;
  return ready() && file_of(fd, &st) && fails("read", fd) ? -1 : real_pread(fd, p, n, at);
}
ssize_t pread(int fd, void *p, size_t n, off_t at) { return pread64(fd, p, n, at); }
ssize_t read(int fd, void *p, size_t n) {
  struct stat st;
  return ready() && file_of(fd, &st) && fails("read", fd) ? -1 : real_read(fd, p, n);
}

int ftruncate64(int fd, off_t to) {
  if (!ready()) return real_ftruncate(fd, to);
  struct change change;
  begin(&change, fd);
  int result = -1;
  if (!change.is_ours) result = real_ftruncate(fd, to);
  else if (!fails("write", fd)) {
    note_size(&change, fd, to);
    result = real_ftruncate(fd, to);
  }
  end(&change);
  return result;
}
int ftruncate(int fd, off_t to) { return ftruncate64(fd, to); }

/* ---- forces ---- */

static int forcing(int fd, int (*real)(int)) {
  if (!ready()) return real(fd);
  struct stat st;
  uint64_t call = 0;
  if (file_of(fd, &st)) {
    pthread_mutex_lock(lock_of(st.st_ino));
    call = next_call();
    note("B %llu %llu\n", (number) call, (number) st.st_ino);
    pthread_mutex_unlock(lock_of(st.st_ino));
  } else if (!fstat(fd, &st) && S_ISDIR(st.st_mode)) {
    char link[64], path[PATH_BYTES], below[PATH_BYTES];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof path - 1);
    path[n < 0 ? 0 : n] = 0;
    if (n > 0 && !absolute(AT_FDCWD, path, below)) {
      pthread_mutex_lock(&names);
      call = next_call();
      note("D %llu %s\n", (number) call, path);
      pthread_mutex_unlock(&names);
    }
  }
  int result = call && fails("sync", fd) ? -1 : real(fd), saved = errno;
  if (call && !result) note("E %llu\n", (number) call);
  else if (call) note("N %llu %d\n", (number) call, saved);
  errno = saved;
  return result;
}

int fsync(int fd) { return forcing(fd, real_fsync); }
int fdatasync(int fd) { return forcing(fd, real_fdatasync); }

/* ---- names ---- */

static int opening(int at, const char *path, int flags, mode_t mode) {
  char below[PATH_BYTES];
  if (!ready() || absolute(at, path, below)) return real_openat(at, path, flags, mode);
  if (flags & (O_SYNC | O_DSYNC)) note("? O_SYNC %s\n", below);
  if (!(flags & (O_CREAT | O_TRUNC))) {
    int fd = real_openat(at, path, flags, mode);
    struct stat st;
    if (fd >= 0 && !fstat(fd, &st) && S_ISREG(st.st_mode)) track(st.st_ino);
    return fd;
  }
  pthread_mutex_lock(&names);
  struct stat st;
  int was_there = !fstatat(at, path, &st, AT_SYMLINK_NOFOLLOW);
  /* Cut by a call of its own, so that what is cut can be saved. */
  int fd = real_openat(at, path, flags & ~O_TRUNC, mode), saved = errno;
  if (fd >= 0 && !fstat(fd, &st) && S_ISREG(st.st_mode)) {
    track(st.st_ino);
    if (!was_there) note("C %llu %s %llu\n", (number) next_call(), below, (number) st.st_ino);
  }
  pthread_mutex_unlock(&names);
  if (fd >= 0 && flags & O_TRUNC && ftruncate64(fd, 0)) {
    saved = errno;
    close(fd);
    fd = -1;
  }
  errno = saved;
  return fd;
}

#define MODE                           \
  mode_t mode = 0;                     \
  if (flags & (O_CREAT | O_TMPFILE)) { \
    va_list arguments;                 \
    va_start(arguments, flags);        \
    mode = va_arg(arguments, mode_t);  \
    va_end(arguments);                 \
  }

int open64(const char *path, int flags, ...) { MODE return opening(AT_FDCWD, path, flags, mode); }
int open(const char *path, int flags, ...) { MODE return opening(AT_FDCWD, path, flags, mode); }
int openat64(int at, const char *path, int flags, ...) {
  MODE return opening(at, path, flags, mode);
}
int openat(int at, const char *path, int flags, ...) { MODE return opening(at, path, flags, mode); }
int creat64(const char *path, mode_t mode) {
  return opening(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode);
}
int creat(const char *path, mode_t mode) { return creat64(path, mode); }

static uint64_t keep(const char *path) { /* a second name for what is about to lose its own */
  char name[PATH_BYTES + 64];
  uint64_t saved = ((uint64_t) getpid() << 32) + atomic_fetch_add(&saved_count, 1) + 1;
  snprintf(name, sizeof name, "%s/saved/%llu", directory, (number) saved);
  if (real_linkat(AT_FDCWD, path, AT_FDCWD, name, 0)) die("keep a removed file");
  return saved;
}

static int renaming(int from_at, const char *from, int to_at, const char *to, unsigned flags) {
  char source[PATH_BYTES], target[PATH_BYTES];
  if (!ready()) return real_renameat2(from_at, from, to_at, to, flags);
  int is_from = !absolute(from_at, from, source), is_to = !absolute(to_at, to, target);
  if (!is_from && !is_to) return real_renameat2(from_at, from, to_at, to, flags);
  if (!is_from || !is_to || flags) note("? rename %s %s %u\n", from, to, flags);
  pthread_mutex_lock(&names);
  struct stat moved, replaced;
  uint64_t call = next_call(), saved = 0, replaced_ino = 0;
  int is_there = !lstat(source, &moved) && !S_ISDIR(moved.st_mode);
  if (is_there) {
    if (!lstat(target, &replaced) && replaced.st_ino != moved.st_ino) {
      replaced_ino = replaced.st_ino;
      saved = keep(target);
    }
    note("R %llu %s %s %llu %llu %llu\n", (number) call, source, target, (number) moved.st_ino,
         (number) replaced_ino, (number) saved);
  } else {
    note("? rename of no file %s\n", source);
  }
  int result = real_renameat2(from_at, from, to_at, to, flags), error = errno;
  if (result) note("X %llu\n", (number) call);
  pthread_mutex_unlock(&names);
  errno = error;
  return result;
}

int rename(const char *from, const char *to) { return renaming(AT_FDCWD, from, AT_FDCWD, to, 0); }
int renameat(int a, const char *from, int b, const char *to) { return renaming(a, from, b, to, 0); }
int renameat2(int a, const char *from, int b, const char *to, unsigned flags) {
  return renaming(a, from, b, to, flags);
}

static int removing(int at, const char *path, int flags) {
  char below[PATH_BYTES];
  struct stat st;
  if (!ready() || absolute(at, path, below)) return real_unlinkat(at, path, flags);
  pthread_mutex_lock(&names);
  uint64_t call = next_call();
  if (flags & AT_REMOVEDIR) note("Y %llu %s\n", (number) call, below);
  else if (!lstat(below, &st))
    note("U %llu %s %llu %llu\n", (number) call, below, (number) st.st_ino, (number) keep(below));
  int result = real_unlinkat(at, path, flags), error = errno;
  if (result) note("X %llu\n", (number) call);
  pthread_mutex_unlock(&names);
  errno = error;
  return result;
}

int unlink(const char *path) { return removing(AT_FDCWD, path, 0); }
int rmdir(const char *path) { return removing(AT_FDCWD, path, AT_REMOVEDIR); }
int unlinkat(int at, const char *path, int flags) { return removing(at, path, flags); }
int remove(const char *path) {
  struct stat st;
  return removing(AT_FDCWD, path, !lstat(path, &st) && S_ISDIR(st.st_mode) ? AT_REMOVEDIR : 0);
}

int mkdirat(int at, const char *path, mode_t mode) {
  char below[PATH_BYTES];
  if (!ready() || absolute(at, path, below)) return real_mkdirat(at, path, mode);
  pthread_mutex_lock(&names);
  int result = real_mkdirat(at, path, mode), error = errno;
  if (!result) note("M %llu %s\n", (number) next_call(), below);
  pthread_mutex_unlock(&names);
  errno = error;
  return result;
}
int mkdir(const char *path, mode_t mode) { return mkdirat(AT_FDCWD, path, mode); }

int linkat(int a, const char *from, int b, const char *to, int flags) {
  char below[PATH_BYTES];
  struct stat st;
  if (!ready() || absolute(b, to, below)) return real_linkat(a, from, b, to, flags);
  pthread_mutex_lock(&names);
  int result = real_linkat(a, from, b, to, flags), error = errno;
  if (!result && !lstat(below, &st))
    note("L %llu %s %llu\n", (number) next_call(), below, (number) st.st_ino);
  pthread_mutex_unlock(&names);
  errno = error;
  return result;
}
int link(const char *from, const char *to) { return linkat(AT_FDCWD, from, AT_FDCWD, to, 0); }

/* ---- what the cut can't act out ---- */

static void unknown(const char *what, int fd) {
  struct stat st;
  if (ready() && file_of(fd, &st)) note("? %s of inode %llu\n", what, (number) st.st_ino);
}

int symlinkat(const char *to, int at, const char *path) {
  char below[PATH_BYTES];
  if (ready() && !absolute(at, path, below)) note("? symlink %s\n", below);
  return real_symlinkat(to, at, path);
}
int symlink(const char *to, const char *path) { return symlinkat(to, AT_FDCWD, path); }

int truncate64(const char *path, off_t to) {
  char below[PATH_BYTES];
  if (ready() && !absolute(AT_FDCWD, path, below)) note("? truncate %s\n", below);
  return real_truncate(path, to);
}
int truncate(const char *path, off_t to) { return truncate64(path, to); }

void *mmap64(void *where, size_t bytes, int protection, int flags, int fd, off_t at) {
  if (fd >= 0 && protection & PROT_WRITE && flags & MAP_SHARED) unknown("writable map", fd);
  else ready();
  return real_mmap(where, bytes, protection, flags, fd, at);
}
void *mmap(void *where, size_t bytes, int protection, int flags, int fd, off_t at) {
  return mmap64(where, bytes, protection, flags, fd, at);
}

ssize_t sendfile64(int to, int from, off_t *at, size_t bytes) {
  unknown("sendfile", to);
  return real_sendfile(to, from, at, bytes);
}
ssize_t sendfile(int to, int from, off_t *at, size_t bytes) {
  return sendfile64(to, from, at, bytes);
}
ssize_t copy_file_range(int from, off_t *from_at, int to, off_t *to_at, size_t bytes,
                        unsigned flags) {
  unknown("copy_file_range", to);
  return real_copy(from, from_at, to, to_at, bytes, flags);
}
int fallocate64(int fd, int mode, off_t at, off_t bytes) {
  unknown("fallocate", fd);
  return real_fallocate(fd, mode, at, bytes);
}
int fallocate(int fd, int mode, off_t at, off_t bytes) { return fallocate64(fd, mode, at, bytes); }
int posix_fallocate64(int fd, off_t at, off_t bytes) {
  unknown("posix_fallocate", fd);
  return real_posix_fallocate(fd, at, bytes);
}
int posix_fallocate(int fd, off_t at, off_t bytes) { return posix_fallocate64(fd, at, bytes); }

/* These force more than is asked for here; not to count it is the worse case, and right. */
int syncfs(int fd) {
  ready();
  return real_syncfs(fd);
}
int msync(void *where, size_t bytes, int flags) {
  ready();
  return real_msync(where, bytes, flags);
}
