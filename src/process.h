/*
 * process.h: this process among others: its hardening, its service manager, its children.
 */
#ifndef OB_SRC_PROCESS_H
#define OB_SRC_PROCESS_H

#include <stdint.h>
#include <sys/types.h>

#include "net/base_err.h"

/* No core dumps and no tracing by others of the same user: memory holds secrets. */
void process_harden(void);

/* Tells the service manager, if there is one ("READY=1", "STOPPING=1"). */
void process_notify(const char *state);

/* CPU seconds (user and system) used by this process so far, and its largest resident size. */
double process_cpu_seconds(void);
uint64_t process_peak_bytes(void);

/* How long the threads that there were at the beginning have stood in line for a processor, all
 * together: the first few of them, the main thread among them. 0 where the kernel does not tell. */
enum { STARVED_THREADS = 9 };

struct starved {
    int fd[STARVED_THREADS];
    unsigned n;
};

void process_starved_begin(struct starved *s);
uint64_t process_starved_ns(const struct starved *s);
void process_starved_end(struct starved *s);

enum { CHILD_LINE = 4096 };

/* A line of text from a child, without its end. `progress` when it ended with a carriage return. */
typedef void child_line_fn(void *ctx, int to_stderr, int progress, const char *line);

struct child_pipe {
    int fd;                     /* -1: closed */
    size_t n;
    char line[CHILD_LINE];
};

/* A child process that runs this same program with other arguments. */
struct child {
    const char *name;           /* for messages: "party 1" */
    pid_t pid;                  /* 0: not started, or gone and reaped */
    int ended, status;          /* status as of waitpid */
    struct child_pipe pipe[2];  /* stdout, stderr */
};

/* Starts it, in a network namespace of its own (-1: this one); it dies with its parent. keep_fd (-1:
 * none) stays open in it. */
int child_start(struct child *c, const char *name, char *const argv[], int keep_fd, int space,
                struct err *e);

/* Reads what has come on one of the pipes and hands out whole lines; closes it at its end. */
void child_read(struct child *c, int which, child_line_fn *line, void *ctx);

/* Reaps the child if it has ended: 1 if it has. */
int child_reap(struct child *c);

void child_kill(const struct child *c, int number);     /* legal when it is gone */
void child_fini(struct child *c);                       /* closes pipes; it is reaped already */

/* How it ended in words, and the exit status that the parent should have because of it. */
int child_verdict(const struct child *c, char *text, size_t n);

#endif
