#include "src/wan_st.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

struct wan {
    struct wan_conf conf;
    int home;                           /* the namespace that this process came from */
    int space[WAN_NODES], tun[WAN_NODES];
    char address[WAN_NODES][24];
    struct wan_shared *shared;
    pid_t line;
};

/* ---- one node ---- */

static int setting_write(const char *path, const char *value, struct err *e)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    ssize_t n = (ssize_t)strlen(value);
    int good = fd >= 0 && write(fd, value, (size_t)n) == n;
    if (fd >= 0)
        close(fd);
    return good ? 0 : err_set(e, ERR_FAILED, "%s: %s", path, strerror(errno));
}

/* Most memory of a connection that sends: four times what is under way when the node's link is
 * full, so that both ways can be, and half a megabyte that waits. A TUN device takes packets out of
 * TCP's account as soon as they are in its queue, so without this bound a connection that meets no
 * loss puts all of its window there: at 100 Mbit/s we saw round trips of 3.6 s. */
static double send_room(const struct wan_conf *c, unsigned node)
{
    double rtt = 0;
    for (unsigned i = 0; i < c->nodes; i++)
        if (c->delay_ms[node][i] + c->delay_ms[i][node] > rtt)
            rtt = c->delay_ms[node][i] + c->delay_ms[i][node];
    double room = 4 * rtt * 1e-3 * c->mbit[node] * 1e6 / 8 + (512 << 10);
    return c->mbit[node] == 0 || room > 64 << 20 ? 64 << 20 : room < 1 << 20 ? 1 << 20 : room;
}

/* Large windows, so that one connection fills 1 Gbit/s at some hundred ms; no slow start after
 * a pause, of which a computation in rounds has many; and no more of a connection before the link
 * than it sends in 2 ms, as before a card that reports what has gone. Plain: windows and slow start
 * of Linux's own choice. */
static int tune(const struct wan_conf *c, unsigned node, struct err *e)
{
    char bytes[24], send[48] = "4096 16384 4194304";
    int plain = c->plain;
    const char *receive = plain ? "4096 131072 6291456" : "4096 1048576 67108864";
    double mbit = c->mbit[node], most = mbit * 1e6 / 8 * 0.002;
    if (!plain)
        snprintf(send, sizeof send, "4096 1048576 %.0f", send_room(c, node));
    snprintf(bytes, sizeof bytes, "%.0f", mbit == 0 || most > 1 << 20 ? 1 << 20
             : most < 1 << 15 ? 1 << 15 : most);
    if (setting_write("/proc/sys/net/ipv4/tcp_rmem", receive, e) != 0 ||
        setting_write("/proc/sys/net/ipv4/tcp_wmem", send, e) != 0 ||
        setting_write("/proc/sys/net/ipv4/tcp_slow_start_after_idle", plain ? "1" : "0", e) != 0)
        return e->code;
    return setting_write("/proc/sys/net/ipv4/tcp_limit_output_bytes", bytes, e);
}

static int interface_up(int s, const char *name, const char *address, struct err *e)
{
    struct ifreq r = { 0 };
    struct sockaddr_in *a = (struct sockaddr_in *)(void *)&r.ifr_addr;
    snprintf(r.ifr_name, sizeof r.ifr_name, "%s", name);
    if (address != NULL) {
        a->sin_family = AF_INET;
        inet_pton(AF_INET, address, &a->sin_addr);
        if (ioctl(s, SIOCSIFADDR, &r) != 0)
            goto failed;
        inet_pton(AF_INET, "255.255.255.0", &a->sin_addr);
        if (ioctl(s, SIOCSIFNETMASK, &r) != 0)
            goto failed;
        r.ifr_qlen = 10000;
        if (ioctl(s, SIOCSIFTXQLEN, &r) != 0)
            goto failed;
    }
    if (ioctl(s, SIOCGIFFLAGS, &r) != 0)
        goto failed;
    r.ifr_flags |= IFF_UP;
    if (ioctl(s, SIOCSIFFLAGS, &r) == 0)
        return 0;
failed:
    return err_set(e, ERR_FAILED, "the interface %s cannot be set up: %s", name, strerror(errno));
}

/* An interface in the namespace where this thread is. Where packets are to be lost or overtake each
 * other, the kernel cuts them before they come to the line. */
static int interface_open(struct wan *w, unsigned i, struct err *e)
{
    struct ifreq r = { .ifr_name = "wan", .ifr_flags = IFF_TUN | IFF_NO_PI | IFF_VNET_HDR };
    unsigned offload = w->conf.loss > 0 || w->conf.reorder > 0 ? 0 : TUN_F_CSUM | TUN_F_TSO4;
    int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    w->tun[i] = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
    if (s < 0 || w->tun[i] < 0 || ioctl(w->tun[i], TUNSETIFF, &r) != 0 ||
        ioctl(w->tun[i], TUNSETOFFLOAD, offload) != 0)
        err_set(e, ERR_FAILED, "/dev/net/tun: %s: an emulated network needs it, and root",
                strerror(errno));
    else if (interface_up(s, "lo", NULL, e) == 0)
        interface_up(s, "wan", w->address[i], e);
    if (s >= 0)
        close(s);
    return e->code;
}

static int node_make(struct wan *w, unsigned i, struct err *e)
{
    snprintf(w->address[i], sizeof w->address[i], "10.77.0.%u", i + 1);
    if (unshare(CLONE_NEWNET) != 0)
        return err_set(e, ERR_FAILED, "no network namespace can be made (%s): an emulated network"
                       " needs root", strerror(errno));
    w->space[i] = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
    if (w->space[i] < 0)
        return err_set(e, ERR_FAILED, "/proc/thread-self/ns/net: %s", strerror(errno));
    return tune(&w->conf, i, e) != 0 ? e->code : interface_open(w, i, e);
}

/* ---- the line's process ---- */

static void line_process(const struct wan *w, pid_t parent)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    prctl(PR_SET_TIMERSLACK, 1);
    if (getppid() != parent)
        _exit(0);
    signal(SIGINT, SIG_IGN);    /* the parent decides */
    struct sched_param p = { .sched_priority = 10 };
    sched_setscheduler(0, SCHED_FIFO, &p);      /* without it, the statistics show the difference */
    _exit(wan_line(&w->conf, w->tun, w->shared));
}

static int line_start(struct wan *w, struct err *e)
{
    pid_t parent = getpid();
    fflush(NULL);
    w->line = fork();
    if (w->line < 0)
        return err_set(e, ERR_FAILED, "the line cannot be started: %s", strerror(errno));
    if (w->line == 0)
        line_process(w, parent);
    return 0;
}

/* ---- all of it ---- */

static int conf_check(const struct wan_conf *c, struct err *e)
{
    int good = c->nodes >= 2 && c->nodes <= WAN_NODES && c->jitter_ms >= 0 && c->loss >= 0 &&
               c->loss < 1 && c->reorder >= 0 && c->reorder < 1;
    for (unsigned i = 0; i < c->nodes && good; i++)
        for (unsigned j = 0; j < c->nodes; j++)
            good &= c->delay_ms[i][j] >= 0 && c->delay_ms[i][j] <= 10000 && c->mbit[i] >= 0 &&
                    c->mbit_in[i] >= 0;
    good &= c->stall_ms >= 0 && (c->stall_ms == 0 || c->stall_ms < c->stall_every_ms);
    return good ? 0 : err_set(e, ERR_USAGE, "an emulated network has 2 to %d nodes, delays up to "
                              "10 s, shares under 1, and stalls that end before the next",
                              WAN_NODES);
}

void wan_uniform(struct wan_conf *conf, unsigned nodes, double rtt_ms, double mbit)
{
    *conf = (struct wan_conf){ .nodes = nodes, .seed = 1 };
    for (unsigned i = 0; i < nodes && i < WAN_NODES; i++) {
        for (unsigned j = 0; j < nodes && j < WAN_NODES; j++)
            conf->delay_ms[i][j] = i == j ? 0 : rtt_ms / 2;
        conf->mbit[i] = mbit;
    }
}

struct wan *wan_open(const struct wan_conf *conf, struct err *e)
{
    struct wan *w = calloc(1, sizeof *w);
    e->code = 0;
    if (w == NULL) {
        err_set(e, ERR_FAILED, "out of memory");
        return NULL;
    }
    w->conf = *conf;
    for (int i = 0; i < WAN_NODES; i++)
        w->space[i] = w->tun[i] = -1;
    w->home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
    w->shared = mmap(NULL, sizeof *w->shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
                     -1, 0);
    if (w->home < 0 || w->shared == MAP_FAILED) {
        w->shared = NULL;
        err_set(e, ERR_FAILED, "an emulated network: %s", strerror(errno));
    } else {
        conf_check(conf, e);
    }
    for (unsigned i = 0; i < conf->nodes && e->code == 0; i++)
        node_make(w, i, e);
    if (w->home >= 0 && wan_leave(w) != 0 && e->code == 0)
        err_set(e, ERR_FAILED, "no way back from a namespace: %s", strerror(errno));
    if (e->code == 0)
        line_start(w, e);
    if (e->code == 0)
        return w;
    wan_close(w);
    return NULL;
}

void wan_close(struct wan *w)
{
    if (w == NULL)
        return;
    if (w->line > 0) {
        kill(w->line, SIGKILL);
        waitpid(w->line, NULL, 0);
    }
    for (int i = 0; i < WAN_NODES; i++) {
        if (w->space[i] >= 0)
            close(w->space[i]);
        if (w->tun[i] >= 0)
            close(w->tun[i]);
    }
    if (w->home >= 0)
        close(w->home);
    if (w->shared != NULL)
        munmap(w->shared, sizeof *w->shared);
    free(w);
}

const char *wan_address(const struct wan *w, unsigned node)
{
    return w->address[node];
}

int wan_namespace(const struct wan *w, unsigned node)
{
    return w->space[node];
}

int wan_enter(const struct wan *w, unsigned node)
{
    return setns(w->space[node], CLONE_NEWNET);
}

int wan_leave(const struct wan *w)
{
    return setns(w->home, CLONE_NEWNET);
}

void wan_stall(struct wan *w, unsigned from, unsigned to, int on)
{
    atomic_store(&w->shared->stalled[from][to], (uint8_t)(on != 0));
}

void wan_stats(const struct wan *w, struct wan_stats *s)
{
    s->packets = atomic_load(&w->shared->packets);
    s->bytes = atomic_load(&w->shared->bytes);
    s->lost = atomic_load(&w->shared->lost);
    for (int i = 0; i < WAN_LATE; i++)
        s->late[i] = atomic_load(&w->shared->late[i]);
}
