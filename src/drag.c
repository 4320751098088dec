#include "src/drag.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { TURN_NS = 1000000 };     /* how long it runs at a time */

static int tell(int target, int number)
{
    return (int)syscall(SYS_pidfd_send_signal, target, number, NULL, 0);
}

static void pause_ns(long ns)
{
    struct timespec t = { .tv_nsec = ns };
    nanosleep(&t, NULL);
}

static void drag_loop(int target, unsigned times, pid_t parent)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    signal(SIGINT, SIG_IGN);    /* the parent decides */
    while (getppid() == parent && tell(target, SIGSTOP) == 0) {
        pause_ns((long)(times - 1) * TURN_NS);
        if (tell(target, SIGCONT) != 0)
            break;
        pause_ns(TURN_NS);
    }
    _exit(0);
}

int drag_start(struct drag *d, pid_t pid, unsigned times, struct err *e)
{
    pid_t parent = getpid();
    d->target = (int)syscall(SYS_pidfd_open, pid, 0);   /* closed on exec */
    if (d->target < 0)
        return err_set(e, ERR_FAILED, "a party cannot be slowed: %s", strerror(errno));
    d->pid = fork();
    if (d->pid == 0)
        drag_loop(d->target, times, parent);
    if (d->pid > 0)
        return 0;
    d->pid = 0;
    close(d->target);
    return err_set(e, ERR_FAILED, "a party cannot be slowed: %s", strerror(errno));
}

void drag_end(struct drag *d)
{
    if (d->pid == 0)
        return;
    kill(d->pid, SIGKILL);
    waitpid(d->pid, NULL, 0);
    tell(d->target, SIGCONT);
    close(d->target);
    *d = (struct drag){ 0 };
}
