#include "src/process.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

void process_harden(void)
{
    setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
#ifndef __SANITIZE_ADDRESS__    /* the leak checker has to look into the process */
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
#endif
}

void process_notify(const char *state)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un to = { .sun_family = AF_UNIX };
    if (path == NULL || (path[0] != '/' && path[0] != '@') || strlen(path) >= sizeof to.sun_path)
        return;
    memcpy(to.sun_path, path, strlen(path));
    if (path[0] == '@')
        to.sun_path[0] = '\0';
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    socklen_t n = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
    if (sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&to, n) < 0)
        fprintf(stderr, "obscura: the service manager at %s cannot be told: %s\n", path,
                strerror(errno));
    close(fd);
}

double process_cpu_seconds(void)
{
    struct rusage r;
    getrusage(RUSAGE_SELF, &r);
    return (double)r.ru_utime.tv_sec + (double)r.ru_utime.tv_usec * 1e-6 +
           (double)r.ru_stime.tv_sec + (double)r.ru_stime.tv_usec * 1e-6;
}

void process_starved_begin(struct starved *s)
{
    DIR *tasks = opendir("/proc/self/task");
    struct dirent *d;
    char path[300];
    s->n = 0;
    while (tasks != NULL && s->n < STARVED_THREADS && (d = readdir(tasks)) != NULL) {
        snprintf(path, sizeof path, "/proc/self/task/%s/schedstat", d->d_name);
        int fd = d->d_name[0] == '.' ? -1 : open(path, O_RDONLY | O_CLOEXEC);
        if (fd >= 0)
            s->fd[s->n++] = fd;
    }
    if (tasks != NULL)
        closedir(tasks);
}

uint64_t process_starved_ns(const struct starved *s)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < s->n; i++) {
        char text[80];      /* ns on a processor, ns in line for one, times */
        ssize_t n = pread(s->fd[i], text, sizeof text - 1, 0);
        text[n > 0 ? n : 0] = '\0';
        const char *second = strchr(text, ' ');
        sum += second != NULL ? strtoull(second, NULL, 10) : 0;
    }
    return sum;
}

void process_starved_end(struct starved *s)
{
    while (s->n > 0)
        close(s->fd[--s->n]);
}

uint64_t process_peak_bytes(void)
{
    struct rusage r;
    getrusage(RUSAGE_SELF, &r);
    return (uint64_t)r.ru_maxrss * 1024;
}

/* In the child, after fork: only calls that are safe there. */
static void become(char *const argv[], const int out[2], const int err[2], int keep_fd, int space,
                   pid_t parent)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(ERR_FAILED);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    int null = open("/dev/null", O_RDONLY);
    if (space >= 0 && setns(space, CLONE_NEWNET) != 0)
        _exit(ERR_FAILED);
    if (null < 0 || dup2(null, 0) < 0 || dup2(out[1], 1) < 0 || dup2(err[1], 2) < 0 ||
        (keep_fd >= 0 && fcntl(keep_fd, F_SETFD, 0) != 0))
        _exit(ERR_FAILED);
    execv("/proc/self/exe", argv);
    _exit(ERR_FAILED);
}

int child_start(struct child *c, const char *name, char *const argv[], int keep_fd, int space,
                struct err *e)
{
    int out[2] = { -1, -1 }, err[2] = { -1, -1 };
    *c = (struct child){ .name = name, .pipe = { { .fd = -1 }, { .fd = -1 } } };
    pid_t parent = getpid();
    if (pipe2(out, O_CLOEXEC) != 0 || pipe2(err, O_CLOEXEC) != 0)
        goto failed;
    fflush(NULL);
    c->pid = fork();
    if (c->pid == 0)
        become(argv, out, err, keep_fd, space, parent);
    if (c->pid < 0)
        goto failed;
    close(out[1]);
    close(err[1]);
    fcntl(out[0], F_SETFL, O_NONBLOCK);
    fcntl(err[0], F_SETFL, O_NONBLOCK);
    c->pipe[0].fd = out[0];
    c->pipe[1].fd = err[0];
    return 0;

failed:
    err_set(e, ERR_FAILED, "%s cannot be started: %s", name, strerror(errno));
    c->pid = 0;
    for (int i = 0; i < 2; i++) {
        if (out[i] >= 0)
            close(out[i]);
        if (err[i] >= 0)
            close(err[i]);
    }
    return ERR_FAILED;
}

static void cut_lines(struct child_pipe *p, int which, child_line_fn *line, void *ctx)
{
    size_t start = 0;
    for (size_t i = 0; i < p->n; i++) {
        if (p->line[i] != '\n' && p->line[i] != '\r')
            continue;
        int progress = p->line[i] == '\r';
        p->line[i] = '\0';
        if (i > start)
            line(ctx, which, progress, p->line + start);
        start = i + 1;
    }
    p->n -= start;
    memmove(p->line, p->line + start, p->n);
    if (p->n == sizeof p->line - 1)     /* no line of ours is that long */
        p->n = 0;
}

void child_read(struct child *c, int which, child_line_fn *line, void *ctx)
{
    struct child_pipe *p = &c->pipe[which];
    while (p->fd >= 0) {
        ssize_t n = read(p->fd, p->line + p->n, sizeof p->line - 1 - p->n);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (n <= 0) {
            close(p->fd);
            p->fd = -1;
            return;
        }
        p->n += (size_t)n;
        cut_lines(p, which, line, ctx);
    }
}

int child_reap(struct child *c)
{
    if (c->pid > 0 && waitpid(c->pid, &c->status, WNOHANG) == c->pid) {
        c->pid = 0;
        c->ended = 1;
    }
    return c->ended;
}

void child_kill(const struct child *c, int number)
{
    if (c->pid > 0)
        kill(c->pid, number);
}

void child_fini(struct child *c)
{
    for (int i = 0; i < 2; i++) {
        if (c->pipe[i].fd >= 0)
            close(c->pipe[i].fd);
        c->pipe[i].fd = -1;
    }
}

int child_verdict(const struct child *c, char *text, size_t n)
{
    if (WIFSIGNALED(c->status)) {
        snprintf(text, n, "%s was ended by signal %d (%s)", c->name, WTERMSIG(c->status),
                 strsignal(WTERMSIG(c->status)));
        return ERR_PEER;
    }
    int code = WEXITSTATUS(c->status);
    snprintf(text, n, "%s ended with status %d", c->name, code);
    return code <= ERR_PEER ? code : ERR_FAILED;
}
