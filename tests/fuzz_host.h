/*
 * fuzz_host.h: a host for one role under attack. Everybody else is the input: it chooses who
 * connects, what arrives (whole or in two steps), when workers and timers run, and when payloads
 * that were sent leave the host.
 *
 * What this is not: a network (sim.h). There is one node, and nobody answers.
 */
#ifndef OB_TESTS_FUZZ_HOST_H
#define OB_TESTS_FUZZ_HOST_H

#include "fuzz.h"
#include "src/wire.h"

enum { FH_NODES = 20, FH_TIMERS = 4, FH_KEPT = 64, FH_SENT = 64 };

/* What the role has sent, without its payload. */
struct fh_sent {
    unsigned to;
    struct message head;
    uint8_t digest[WIRE_DIGEST];    /* of TERMS and MODEL_READY */
};

struct fuzz_host {
    struct host host;               /* first */
    uint64_t now, wire;
    struct fh_timer {
        struct timer *timer;
        uint64_t at;
    } timer[FH_TIMERS];
    struct work *todo;              /* the last that came is done first */
    uint8_t *kept[FH_KEPT];         /* payloads that have not left */
    unsigned nkept;
    struct fh_sent sent[FH_SENT];   /* the latest, as a ring */
    unsigned nsent;
    struct node_info info[FH_NODES];
    uint8_t up[FH_NODES], dropped[FH_NODES];
    struct message coming[FH_NODES];    /* announced, with a place, and not there yet */
};

static inline struct fuzz_host *fh_of(struct host *h)
{
    return (struct fuzz_host *)(void *)h;
}

static inline void fh_leave(struct fuzz_host *f)
{
    while (f->nkept > 0) {
        arena_unpin(f->kept[--f->nkept]);
        arena_give(f->kept[f->nkept]);
    }
}

static inline int fh_send(struct host *h, unsigned node, struct message m)
{
    struct fuzz_host *f = fh_of(h);
    FUZZ_NEED(node < FH_NODES && (m.n == 0) == (m.data == NULL) && m.n <= LINK_MESSAGE_MAX);
    if (!f->up[node] || f->dropped[node]) {
        arena_give(m.data);
        return ERR_PEER;
    }
    struct fh_sent *s = &f->sent[f->nsent++ % FH_SENT];
    *s = (struct fh_sent){ .to = node, .head = m };
    s->head.data = NULL;
    struct wire_terms t;
    if (m.type == WIRE_TERMS && wire_terms_parse(&t, m.data, m.n, NULL) == 0)
        memcpy(s->digest, t.digest, WIRE_DIGEST);
    if (m.type == WIRE_MODEL_READY && m.n == WIRE_DIGEST)
        memcpy(s->digest, m.data, WIRE_DIGEST);
    if (f->nkept == FH_KEPT)
        fh_leave(f);
    arena_pin(m.data);
    if (m.data != NULL)
        f->kept[f->nkept++] = m.data;
    return 0;
}

static inline size_t fh_queued(struct host *h, unsigned node)
{
    (void)node;
    return fh_of(h)->nkept;
}

static inline void fh_drop(struct host *h, unsigned node, const char *why)
{
    FUZZ_NEED(node < FH_NODES && why[0] != '\0');
    fh_of(h)->dropped[node] = 1;
}

static inline uint64_t fh_now(struct host *h)
{
    return fh_of(h)->now;
}

static inline void fh_disarm(struct host *h, struct timer *t)
{
    struct fuzz_host *f = fh_of(h);
    for (unsigned i = 0; i < FH_TIMERS; i++)
        if (f->timer[i].timer == t)
            f->timer[i].timer = NULL;
}

static inline void fh_arm(struct host *h, struct timer *t, uint64_t after)
{
    struct fuzz_host *f = fh_of(h);
    unsigned i = 0;
    fh_disarm(h, t);
    while (i < FH_TIMERS && f->timer[i].timer != NULL)
        i++;
    FUZZ_NEED(i < FH_TIMERS);
    f->timer[i] = (struct fh_timer){ t, f->now + after };
}

static inline void fh_work(struct host *h, struct work *w)
{
    w->next = fh_of(h)->todo;
    fh_of(h)->todo = w;
}

static inline uint64_t fh_wire(struct host *h, unsigned node)
{
    (void)node;
    return fh_of(h)->wire;
}

static const struct host_ops fh_ops = {
    .send = fh_send, .queued = fh_queued, .drop = fh_drop, .now = fh_now, .arm = fh_arm,
    .disarm = fh_disarm, .work = fh_work, .wire = fh_wire
};

static inline void fh_init(struct fuzz_host *f)
{
    *f = (struct fuzz_host){ .host = { .ops = &fh_ops, .workers = 1 }, .now = 1 };
}

/* ---- what happens to the role ---- */

static inline void fh_down(struct fuzz_host *f, unsigned node)
{
    struct err why;
    if (!f->up[node])
        return;
    err_set(&why, ERR_PEER, "lost");
    f->up[node] = f->dropped[node] = 0;
    if (f->coming[node].data != NULL) {
        arena_unpin(f->coming[node].data);
        arena_give(f->coming[node].data);
        f->coming[node].data = NULL;
    }
    f->host.events->down(f->host.ctx, node, &why);
}

/* Links that the role has dropped end. */
static inline void fh_settle(struct fuzz_host *f)
{
    for (unsigned i = 0; i < FH_NODES; i++)
        if (f->dropped[i])
            fh_down(f, i);
}

static inline void fh_up(struct fuzz_host *f, unsigned node)
{
    if (f->up[node])
        return;
    f->up[node] = 1;
    snprintf(f->info[node].name, sizeof f->info[node].name, "node %u", node);
    memset(f->info[node].secret, (int)node, LINK_SECRET);
    f->host.events->up(f->host.ctx, node, &f->info[node]);
    fh_settle(f);
}

static inline void fh_work_run(struct fuzz_host *f)
{
    struct work *w = f->todo;
    if (w == NULL)
        return;
    f->todo = w->next;
    w->run(w);
    w->done(w);
    fh_settle(f);
}

static inline void fh_pass(struct fuzz_host *f, uint64_t ns)
{
    f->now += ns;
    for (unsigned i = 0; i < FH_TIMERS; i++)
        if (f->timer[i].timer != NULL && f->timer[i].at <= f->now) {
            struct timer *t = f->timer[i].timer;
            f->timer[i].timer = NULL;
            t->fire(t);
        }
    fh_settle(f);
}

/* The announced message is there. */
static inline void fh_finish(struct fuzz_host *f, unsigned node)
{
    struct message m = f->coming[node];
    if (m.data == NULL)
        return;
    f->coming[node].data = NULL;
    arena_unpin(m.data);
    f->host.events->message(f->host.ctx, node, m);
    fh_settle(f);
}

/* Announces a message whose payload is p, repeated to head.n bytes. */
static inline void fh_announce(struct fuzz_host *f, unsigned node, struct message head,
                               const uint8_t *p, size_t n)
{
    struct err why = { 0 };
    fh_finish(f, node);
    if (!f->up[node])
        return;
    f->wire += 24 + head.n;
    head.data = NULL;
    if (head.n > 0) {
        head.data = f->host.events->room(f->host.ctx, node, &head, &why);
        if (head.data == NULL) {
            FUZZ_NEED(why.code != 0 && why.text[0] != '\0');
            f->dropped[node] = 1;
            fh_settle(f);
            return;
        }
        for (size_t i = 0; i < head.n; i++)
            head.data[i] = n > 0 ? p[i % n] : 0;
        arena_pin(head.data);
        f->coming[node] = head;
    } else
        f->host.events->message(f->host.ctx, node, head);
    fh_settle(f);
}

static inline void fh_deliver(struct fuzz_host *f, unsigned node, struct message head,
                              const uint8_t *p, size_t n)
{
    fh_announce(f, node, head, p, n);
    fh_finish(f, node);
}

/* The latest message of a type that the role has sent, or NULL. */
static inline const struct fh_sent *fh_latest(const struct fuzz_host *f, uint8_t type)
{
    unsigned n = f->nsent < FH_SENT ? f->nsent : FH_SENT;
    for (unsigned i = 1; i <= n; i++)
        if (f->sent[(f->nsent - i) % FH_SENT].head.type == type)
            return &f->sent[(f->nsent - i) % FH_SENT];
    return NULL;
}

/* ---- a small network for all sides ---- */

static inline void fh_net(struct fixed_net *net)
{
    *net = (struct fixed_net){ .frac = 12, .softmax = 1, .nstage = 2, .nclass = 3 };
    net->stage[0] = (struct stage){
        .kind = STAGE_LINEAR, .relu = 1, .shift = 8, .width = 24, .product_bits = 40,
        .g = { .h = 4, .w = 4, .c = 1, .kh = 3, .kw = 3, .sh = 1, .sw = 1, .oh = 2, .ow = 2,
               .oc = 2 } };
    net->stage[1] = (struct stage){ .kind = STAGE_LINEAR, .shift = 8, .width = 28,
                                    .product_bits = 44, .g = geometry_dense(1, 8, 3) };
    for (unsigned i = 0; i < net->nclass; i++)
        snprintf(net->class_name[i], FIXED_NAME, "class %u", i);
}

#endif
