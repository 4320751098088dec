/*
 * sim_world.h: a simulated network for tests, whose nodes write down what happens to them.
 */
#ifndef OB_TESTS_SIM_WORLD_H
#define OB_TESTS_SIM_WORLD_H

#include "check.h"
#include "net/sim.h"

enum { LOG = 4096, SEED = 2024 };

struct world;

struct arrival {
    uint64_t time;
    unsigned from;
    struct message m;               /* data is NULL */
    uint8_t first, last;            /* bytes of the payload */
};

/* A node of a test: it writes down what happens to it. */
struct role {
    struct world *w;
    struct host *h;
    struct arena *arena;
    unsigned number;
    unsigned ups, downs, drains, n;
    uint64_t up_at, down_at, drained_at;
    unsigned down_of;
    struct err why;
    uint8_t secret[SIM_NODES][LINK_SECRET];
    char peer_name[SIM_NODES][64];
    int refuse;                     /* room says no */
    int drop_in_message, stop_in_message;
    struct arrival log[LOG];
};

struct world {
    struct sim *s;
    struct role *role[SIM_NODES];
    uint64_t hash;                  /* of everything that arrived, with its times */
    unsigned seen;
    int verdict;                    /* of tamper */
    unsigned tampered;
    uint64_t random;
};

static inline void on_up(void *ctx, unsigned node, const struct node_info *info)
{
    struct role *r = ctx;
    r->ups++;
    r->up_at = sim_now(r->w->s);
    memcpy(r->secret[node], info->secret, LINK_SECRET);
    memcpy(r->peer_name[node], info->name, sizeof info->name);
}

static inline void on_down(void *ctx, unsigned node, const struct err *why)
{
    struct role *r = ctx;
    r->downs++;
    r->down_at = sim_now(r->w->s);
    r->down_of = node;
    r->why = *why;
}

static inline uint8_t *on_room(void *ctx, unsigned node, const struct message *head,
                               struct err *why)
{
    struct role *r = ctx;
    if (r->refuse) {
        err_set(why, ERR_ABORT, "node %u sent %zu bytes that nobody expects", node, head->n);
        return NULL;
    }
    return arena_take(r->arena, head->n);
}

static inline void on_message(void *ctx, unsigned node, struct message m)
{
    struct role *r = ctx;
    CHECK(r->n < LOG);
    struct arrival *a = &r->log[r->n++ % LOG];
    *a = (struct arrival){ .time = sim_now(r->w->s), .from = node, .m = m };
    if (m.n > 0) {
        a->first = m.data[0];
        a->last = m.data[m.n - 1];
    }
    a->m.data = NULL;
    arena_give(m.data);
    if (r->stop_in_message)
        sim_stop(r->w->s);
    if (r->drop_in_message)
        r->h->ops->drop(r->h, node, "I have had enough");
}

static inline void on_drained(void *ctx, unsigned node)
{
    struct role *r = ctx;
    r->drains++;
    r->drained_at = sim_now(r->w->s);
    (void)node;
}

static const struct host_events events = {
    .up = on_up, .down = on_down, .room = on_room, .message = on_message, .drained = on_drained
};

static inline void mix(uint64_t *hash, uint64_t v)
{
    *hash = (*hash ^ v) * 0x100000001b3u;
    *hash ^= *hash >> 29;
}

static inline void on_see(void *ctx, unsigned from, unsigned to, const struct message *m,
                          uint64_t now)
{
    struct world *w = ctx;
    w->seen++;
    mix(&w->hash, from * 32 + to);
    mix(&w->hash, now);
    mix(&w->hash, m->stream);
    mix(&w->hash, m->seq);
    for (size_t i = 0; i < m->n; i++)
        mix(&w->hash, m->data[i]);
}

static inline int on_tamper(void *ctx, unsigned from, unsigned to, struct message *m, uint64_t now)
{
    struct world *w = ctx;
    (void)now;
    if (from != 0 || to != 1 || w->verdict < 0)
        return 0;
    w->tampered++;
    if (w->verdict == 0 && m->n > 0)
        m->data[0] ^= 0x80;
    if (w->verdict == 3) {          /* another block of another length */
        arena_give(m->data);
        m->n = 3;
        m->data = arena_take(w->role[0]->arena, 3);
        memcpy(m->data, "new", 3);
        return 0;
    }
    return w->verdict;
}

static inline struct role *role_add(struct world *w, unsigned number, const char *name)
{
    struct err e = { .code = 0 };
    struct role *r = calloc(1, sizeof *r);
    CHECK(r != NULL);
    r->w = w;
    r->number = number;
    r->arena = arena_new(0);
    r->h = sim_node(w->s, number, name, &e);
    CHECK(r->h != NULL && r->arena != NULL);
    r->h->events = &events;
    r->h->ctx = r;
    w->role[number] = r;
    return r;
}

static inline struct world *world_new(struct sim_options o, unsigned parties)
{
    static const char *const names[] = { "party 0", "party 1", "party 2", "party 3" };
    struct err e;
    struct world *w = calloc(1, sizeof *w);
    CHECK(w != NULL);
    w->verdict = -1;
    w->random = o.seed;
    o.ctx = w;
    o.see = on_see;
    o.tamper = on_tamper;
    w->s = sim_new(&o, &e);
    CHECK(w->s != NULL);
    for (unsigned i = 0; i < parties; i++)
        role_add(w, i, names[i]);
    return w;
}

static inline void role_free(struct role *r)
{
    if (r == NULL)
        return;
    arena_free(r->arena);
    free(r);
}

static inline void world_free(struct world *w)
{
    sim_free(w->s);
    for (unsigned i = 0; i < SIM_NODES; i++)
        role_free(w->role[i]);
    free(w);
}

/* Runs until nothing is left. */
static inline void world_run(struct world *w)
{
    sim_run(w->s, 0, 0);
}

static inline int say(struct role *r, unsigned to, uint32_t stream, uint32_t seq, size_t n)
{
    uint8_t *data = n > 0 ? arena_take(r->arena, n) : NULL;
    if (n > 0) {
        memset(data, (int)(stream * 16 + seq), n);
        data[n - 1] = (uint8_t)~data[0];
    }
    return r->h->ops->send(r->h, to, (struct message){
        .type = 1, .depth = 7, .job = 5, .stream = stream, .seq = seq, .n = n, .data = data });
}

#endif
