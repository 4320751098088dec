/*
 * wan_line.c: the line of the network in a box: one loop over the nodes' interfaces.
 *
 * Every packet that an interface gives goes into the queue of its way, with the time at which it
 * is due at the other end; what is due is written there. A queue is a list in the order of arrival,
 * and due times in it never go down, so only the heads are looked at. A packet that is held back
 * stands in a queue of its own, which the others overtake.
 */
#include "src/wan_st.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/virtio_net.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    PACKET_MOST = 65536 + 256,
    HEADER = sizeof(struct virtio_net_hdr),
    AHEAD_NS = 500000,          /* how far a link may be booked before its interface waits */
    HELD = WAN_NODES            /* the queues of packets that are held back stand behind */
};

struct packet {
    struct packet *next;
    uint64_t due;
    size_t n;
    uint8_t data[];
};

struct queue {
    struct packet *first, **last;
    uint64_t due;               /* of the last that came */
};

struct line {
    const struct wan_conf *conf;
    const int *tun;
    struct wan_shared *shared;
    struct queue queue[WAN_NODES][2 * WAN_NODES];
    uint64_t free_at[WAN_NODES];        /* when a node's link is free again for what it sends, */
    uint64_t in_free[WAN_NODES];        /* and for what it receives */
    uint64_t random, now;
    uint8_t room[PACKET_MOST];
};

/* How long so many bytes occupy a node's link. */
static uint64_t span_of(const struct line *l, unsigned node, size_t size, int in)
{
    double mbit = in && l->conf->mbit_in[node] > 0 ? l->conf->mbit_in[node] : l->conf->mbit[node];
    return mbit > 0 ? (uint64_t)((double)size * 8e3 / mbit) : 0;
}

static uint64_t clock_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* Uniform in [0, 1): xorshift64*. */
static double chance(struct line *l)
{
    l->random ^= l->random >> 12;
    l->random ^= l->random << 25;
    l->random ^= l->random >> 27;
    return (double)(l->random * 0x2545f4914f6cdd1du >> 11) * 0x1p-53;
}

/* The node that an IPv4 packet goes to, or -1. */
static int packet_to(const struct line *l, const uint8_t *data, size_t n)
{
    if (n < HEADER + 20 || data[HEADER] >> 4 != 4)
        return -1;
    unsigned node = data[HEADER + 19] - 1u;
    return node < l->conf->nodes ? (int)node : -1;
}

/* Bytes on the wire: a packet that is cut later has headers for every segment. */
static size_t packet_size(const uint8_t *data, size_t n)
{
    struct virtio_net_hdr h;
    memcpy(&h, data, sizeof h);
    size_t size = n - HEADER, body = h.hdr_len > 0 && h.hdr_len < size ? size - h.hdr_len : size;
    size_t segments = h.gso_size > 0 ? (body + h.gso_size - 1) / h.gso_size : 1;
    return size + (segments - 1) * h.hdr_len;
}

/* A packet that begins to be sent at `start` is there when both links have had the time for it: its
 * first bit comes after the delay. */
static int queue_put(struct line *l, unsigned from, unsigned to, size_t n, size_t size,
                     uint64_t start)
{
    int held = l->conf->reorder > 0 && chance(l) < l->conf->reorder;
    struct queue *q = &l->queue[from][to + (held ? HELD : 0)];
    double delay = l->conf->delay_ms[from][to] * (held ? 2 : 1);
    if (l->conf->jitter_ms > 0)
        delay += chance(l) * l->conf->jitter_ms;
    struct packet *p = malloc(sizeof *p + n);
    if (p == NULL)
        return -1;
    uint64_t head = start + (uint64_t)(delay * 1e6), tail = head + span_of(l, from, size, 0);
    if (l->in_free[to] < head)
        l->in_free[to] = head;
    l->in_free[to] += span_of(l, to, size, 1);
    p->next = NULL;
    p->due = l->in_free[to] > tail ? l->in_free[to] : tail;
    if (p->due < q->due)
        p->due = q->due;
    q->due = p->due;
    p->n = n;
    memcpy(p->data, l->room, n);
    if (q->first == NULL)
        q->last = &q->first;
    *q->last = p;
    q->last = &p->next;
    return 0;
}

/* The packet in l->room goes off: 0, or -1 if it is lost. */
static int depart(struct line *l, unsigned from, size_t n, size_t size)
{
    int to = packet_to(l, l->room, n);
    uint64_t start = l->free_at[from] > l->now ? l->free_at[from] : l->now;
    l->free_at[from] = start + span_of(l, from, size, 0);
    if (to < 0)
        return 0;                       /* nobody's: neighbour discovery and the like */
    if (l->conf->loss > 0 && chance(l) < l->conf->loss)
        return -1;
    return queue_put(l, from, (unsigned)to, n, size, start);
}

/* Takes one packet from a node: 1, or 0 when there is none. */
static int take(struct line *l, unsigned from)
{
    ssize_t n = read(l->tun[from], l->room, sizeof l->room);
    if (n <= 0)
        return 0;
    size_t size = packet_size(l->room, (size_t)n);
    if (depart(l, from, (size_t)n, size) != 0)
        atomic_fetch_add(&l->shared->lost, 1);
    else
        atomic_fetch_add(&l->shared->bytes, size);
    return 1;
}

static int may_take(const struct line *l, unsigned from)
{
    return l->free_at[from] <= l->now + AHEAD_NS;
}

static void count_late(struct line *l, uint64_t ns)
{
    unsigned i = 0;
    while (i + 1 < WAN_LATE && ns >= (uint64_t)1000 << i)
        i++;
    atomic_fetch_add(&l->shared->late[i], 1);
    atomic_fetch_add(&l->shared->packets, 1);
}

/* When a node's link that stands still now goes on; 0 if none of the two does. */
static uint64_t stall_end(const struct line *l, unsigned from, unsigned to)
{
    const struct wan_conf *c = l->conf;
    if (c->stall_ms == 0 || (from != c->stall_node && to != c->stall_node))
        return 0;
    uint64_t every = (uint64_t)(c->stall_every_ms * 1e6), into = l->now % every;
    uint64_t span = (uint64_t)(c->stall_ms * 1e6);
    return into < span ? l->now - into + span : 0;
}

/* Delivers what is due on one way; gives the time of the next, or UINT64_MAX. */
static uint64_t deliver(struct line *l, unsigned from, unsigned to, struct queue *q)
{
    if (atomic_load(&l->shared->stalled[from][to]))
        return UINT64_MAX;
    uint64_t still = q->first != NULL ? stall_end(l, from, to) : 0;
    if (still != 0)
        return still;
    while (q->first != NULL && q->first->due <= l->now) {
        struct packet *p = q->first;
        if (write(l->tun[to], p->data, p->n) < 0 && errno == EAGAIN)
            return l->now + 20000;
        count_late(l, l->now - p->due);
        q->first = p->next;
        free(p);
    }
    return q->first == NULL ? UINT64_MAX : q->first->due;
}

/* Everything that is due now; the time at which something will be. */
static uint64_t deliver_all(struct line *l)
{
    uint64_t next = UINT64_MAX;
    for (unsigned from = 0; from < l->conf->nodes; from++)
        for (unsigned k = 0; k < 2 * WAN_NODES; k++) {
            if (l->queue[from][k].first == NULL)
                continue;
            uint64_t t = deliver(l, from, k % WAN_NODES, &l->queue[from][k]);
            next = t < next ? t : next;
        }
    return next;
}

/* Waits until something is due, or comes from a node whose link is not booked out. */
static void wait_for(struct line *l, uint64_t next)
{
    struct pollfd fds[WAN_NODES];
    for (unsigned i = 0; i < l->conf->nodes; i++) {
        fds[i] = (struct pollfd){ .fd = may_take(l, i) ? l->tun[i] : -1, .events = POLLIN };
        if (fds[i].fd < 0 && l->free_at[i] - AHEAD_NS < next)
            next = l->free_at[i] - AHEAD_NS;
    }
    uint64_t most = l->now + 5000000;   /* a stall ends without a packet */
    next = next > most ? most : next;
    uint64_t ns = next > l->now ? next - l->now : 0;
    struct timespec t = { .tv_sec = 0, .tv_nsec = (long)ns };
    ppoll(fds, l->conf->nodes, &t, NULL);
}

int wan_line(const struct wan_conf *conf, const int *tun, struct wan_shared *shared)
{
    enum { BURST = 16 };
    struct line *l = calloc(1, sizeof *l);
    if (l == NULL)
        return ERR_FAILED;
    l->conf = conf;
    l->tun = tun;
    l->shared = shared;
    l->random = conf->seed * 2 + 1;
    for (;;) {
        l->now = clock_ns();
        uint64_t next = deliver_all(l);
        int any = 0;
        for (unsigned i = 0; i < conf->nodes; i++)
            for (int k = 0; k < BURST && may_take(l, i) && take(l, i); k++)
                any = 1;
        if (!any)
            wait_for(l, next);
    }
}
