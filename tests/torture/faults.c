/* Preloaded into one process: counts its calls that change some folders, and harms it at one.
 *
 * FAULT_ROOTS  prefixes of paths, separated by ':'; nothing else is counted
 * FAULT_ONLY   the name of a call; others are not counted
 * FAULT_LOG    a file that gets a line for each counted call
 * FAULT_AT     the number of the call to harm, counted from 1; 0: none
 * FAULT_DO     kill: end before the call; tear: write half of it, then end
 *              once: let this call fail; from: let this call and all later ones fail
 * FAULT_ERRNO  with which error
 *
 * A child process is left alone: the variables are taken away before main() begins.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static char roots[PATH_MAX], action[16], only[32];
static int at, failure, journal = -1;
static pid_t owner;
static int count;

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static const char *taken(const char *name) {
    const char *value = getenv(name);
    return value ? value : "";
}

__attribute__((constructor)) static void begin(void) {
    if (!getenv("FAULT_ROOTS")) return;
    snprintf(roots, sizeof roots, "%s", taken("FAULT_ROOTS"));
    snprintf(action, sizeof action, "%s", taken("FAULT_DO"));
    snprintf(only, sizeof only, "%s", taken("FAULT_ONLY"));
    at = atoi(taken("FAULT_AT"));
    failure = atoi(taken("FAULT_ERRNO"));
    if (*taken("FAULT_LOG"))
        journal = syscall(SYS_openat, AT_FDCWD, taken("FAULT_LOG"),
                          O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0644);
    owner = getpid();
    const char *names[] = {"LD_PRELOAD", "FAULT_ROOTS", "FAULT_ONLY", "FAULT_LOG",
                           "FAULT_AT",   "FAULT_DO",    "FAULT_ERRNO"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) unsetenv(names[i]);
}

static int is_below_a_root(const char *path) {
    for (const char *root = roots; *root;) {
        size_t length = strcspn(root, ":");
        if (length && !strncmp(path, root, length)) return 1;
        root += length + (root[length] == ':');
    }
    return 0;
}

static void of_descriptor(int fd, char *path) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = syscall(SYS_readlinkat, AT_FDCWD, link, path, PATH_MAX - 1);
    path[length > 0 ? length : 0] = 0;
}

static void of_name(int folder, const char *name, char *path) {
    char base[PATH_MAX] = "";
    if (name[0] != '/') {
        if (folder == AT_FDCWD) syscall(SYS_getcwd, base, sizeof base);
        else of_descriptor(folder, base);
    }
    snprintf(path, PATH_MAX, "%.2000s%s%.2000s", base, *base ? "/" : "", name);
}

static void end(void) {
    syscall(SYS_kill, getpid(), SIGKILL);
    for (;;) pause();
}

enum { GO_ON, FAIL, TEAR };

/* Count a call; says what to do with it. */
static int reached(const char *call, const char *path) {
    if (getpid() != owner || !is_below_a_root(path)) return GO_ON;
    if (*only && strcmp(only, call)) return GO_ON;
    int number = __atomic_add_fetch(&count, 1, __ATOMIC_SEQ_CST);
    if (journal >= 0) {
        char line[PATH_MAX + 64];
        int length = snprintf(line, sizeof line, "%d %s %s\n", number, call, path);
        syscall(SYS_write, journal, line, length);
    }
    if (!at || number < at) return GO_ON;
    if (!strcmp(action, "from") || (!strcmp(action, "once") && number == at)) {
        errno = failure;
        return FAIL;
    }
    if (number != at) return GO_ON;
    if (!strcmp(action, "tear")) return TEAR;
    if (!strcmp(action, "kill")) end();
    return GO_ON;
}

static int on_descriptor(const char *call, int fd) {
    char path[PATH_MAX];
    if (!owner) return GO_ON;
    of_descriptor(fd, path);
    return reached(call, path);
}

static int on_name(const char *call, int folder, const char *name) {
    char path[PATH_MAX];
    if (!owner || !name) return GO_ON;
    of_name(folder, name, path);
    return reached(call, path);
}

/* What frees room is no victim of a full disk, but may meet an I/O error. */
static int on_removal(const char *call, int folder, const char *name) {
    if (failure == ENOSPC) return GO_ON;
    return on_name(call, folder, name);
}

ssize_t write(int fd, const void *data, size_t size) {
    int what = on_descriptor("write", fd);
    if (what == FAIL) return -1;
    if (what == TEAR) syscall(SYS_write, fd, data, size / 2), end();
    return REAL(write)(fd, data, size);
}

ssize_t pwrite64(int fd, const void *data, size_t size, off64_t place) {
    int what = on_descriptor("pwrite", fd);
    if (what == FAIL) return -1;
    if (what == TEAR) syscall(SYS_pwrite64, fd, data, size / 2, place), end();
    return REAL(pwrite64)(fd, data, size, place);
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t place) {
    return pwrite64(fd, data, size, place);
}

ssize_t writev(int fd, const struct iovec *parts, int number) {
    return on_descriptor("writev", fd) == FAIL ? -1 : REAL(writev)(fd, parts, number);
}

ssize_t sendfile64(int to, int from, off64_t *place, size_t size) {
    int what = on_descriptor("sendfile", to);
    if (what == FAIL) return -1;
    if (what == TEAR) {
        struct stat64 source;
        fstat64(from, &source);
        REAL(sendfile64)(to, from, place, source.st_size / 2);
        end();
    }
    return REAL(sendfile64)(to, from, place, size);
}

ssize_t sendfile(int to, int from, off_t *place, size_t size) {
    return sendfile64(to, from, place, size);
}

ssize_t copy_file_range(int from, off64_t *there, int to, off64_t *here, size_t size, unsigned flags) {
    if (on_descriptor("copy_file_range", to) == FAIL) return -1;
    return REAL(copy_file_range)(from, there, to, here, size, flags);
}

#define ON_DESCRIPTOR(name)                                          \
    int name(int fd) {                                               \
        return on_descriptor(#name, fd) == FAIL ? -1 : REAL(name)(fd); \
    }
ON_DESCRIPTOR(fsync)
ON_DESCRIPTOR(fdatasync)
ON_DESCRIPTOR(syncfs)

int ftruncate64(int fd, off64_t size) {
    return on_descriptor("ftruncate", fd) == FAIL ? -1 : REAL(ftruncate64)(fd, size);
}

int ftruncate(int fd, off_t size) { return ftruncate64(fd, size); }

#define OPEN(name)                                                                    \
    int name(const char *path, int flags, ...) {                                      \
        va_list rest;                                                                 \
        va_start(rest, flags);                                                        \
        mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;       \
        va_end(rest);                                                                 \
        if (flags & O_CREAT && on_name("open", AT_FDCWD, path) == FAIL) return -1;    \
        return REAL(name)(path, flags, mode);                                         \
    }
OPEN(open)
OPEN(open64)

#define OPENAT(name)                                                                  \
    int name(int folder, const char *path, int flags, ...) {                          \
        va_list rest;                                                                 \
        va_start(rest, flags);                                                        \
        mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;       \
        va_end(rest);                                                                 \
        if (flags & O_CREAT && on_name("open", folder, path) == FAIL) return -1;      \
        return REAL(name)(folder, path, flags, mode);                                 \
    }
OPENAT(openat)
OPENAT(openat64)

int rename(const char *from, const char *to) {
    return on_name("rename", AT_FDCWD, to) == FAIL ? -1 : REAL(rename)(from, to);
}

int renameat(int here, const char *from, int there, const char *to) {
    return on_name("rename", there, to) == FAIL ? -1 : REAL(renameat)(here, from, there, to);
}

int link(const char *from, const char *to) {
    return on_name("link", AT_FDCWD, to) == FAIL ? -1 : REAL(link)(from, to);
}

int mkdir(const char *path, mode_t mode) {
    return on_name("mkdir", AT_FDCWD, path) == FAIL ? -1 : REAL(mkdir)(path, mode);
}

int mkdirat(int folder, const char *path, mode_t mode) {
    return on_name("mkdir", folder, path) == FAIL ? -1 : REAL(mkdirat)(folder, path, mode);
}

int rmdir(const char *path) {
    return on_removal("rmdir", AT_FDCWD, path) == FAIL ? -1 : REAL(rmdir)(path);
}

int unlink(const char *path) {
    return on_removal("unlink", AT_FDCWD, path) == FAIL ? -1 : REAL(unlink)(path);
}

int unlinkat(int folder, const char *path, int flags) {
    return on_removal("unlink", folder, path) == FAIL ? -1 : REAL(unlinkat)(folder, path, flags);
}
