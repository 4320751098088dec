/*
 * desk.h: a host for three engines on one desk, for tests of the engine: every arithmetic step,
 * every report of one and every message is a move, and the test (or a seed) chooses which comes
 * next. Links keep their order. With threads, arithmetic runs on two real ones meanwhile.
 *
 * What this is not: a network. Nothing is late or lost unless the test asks for it.
 */
#ifndef OB_TESTS_DESK_H
#define OB_TESTS_DESK_H

#include <pthread.h>

#include "tests/check.h"

#include "proto/cost.h"
#include "proto/engine_st.h"
#include "proto/protocol.h"

enum { DESK_PARTIES = 3, DESK_INPUTS = 8, DESK_THREADS = 2, DESK_HIGH = 1 << 20 };

struct desk_mail {
    struct message m;
    struct desk_mail *next;
};

struct desk_list {
    struct work *first, *last;
};

struct desk_party {
    struct host host;               /* first */
    struct desk *desk;
    unsigned self;
    struct keys keys;
    struct arena *arena;
    size_t limit;
    struct engine *engine;
    struct engine_stats stats;
    uint64_t *input[DESK_INPUTS];
    struct desk_list todo, done;
    unsigned outstanding;           /* works given and not reported */
    unsigned given_full;            /* works given while a link was full */
    int started, told, free_when_told, full;
    struct err err;
};

struct desk {
    struct program *program;
    const struct tails *tails;      /* may be NULL */
    struct desk_party party[DESK_PARTIES];
    struct desk_mail *mail[DESK_PARTIES][DESK_PARTIES], *sent;      /* from, to; all, in order */
    uint32_t input_value[DESK_INPUTS];
    unsigned inputs, unbound;       /* unbound: that the test binds itself, as bits */
    int threads, stop, keep_mail, cut;      /* cut: messages of this party vanish (-1: none) */
    void (*span)(void *ctx, const struct engine_span *span);
    void (*released)(void *ctx, uint32_t value);
    uint64_t clock, random;
    pthread_t thread[DESK_THREADS];
    pthread_mutex_t lock;
    pthread_cond_t wanted, finished;
};

static inline void desk_push(struct desk_list *l, struct work *w)
{
    w->next = NULL;
    *(l->first == NULL ? &l->first : &l->last->next) = w;
    l->last = w;
}

static inline struct work *desk_pop(struct desk_list *l)
{
    struct work *w = l->first;
    if (w != NULL)
        l->first = w->next;
    return w;
}

/* ---- what engines call ---- */

static inline int desk_send(struct host *h, unsigned node, struct message m)
{
    struct desk_party *p = (struct desk_party *)h;
    struct desk_mail *mail = calloc(1, sizeof *mail), **at = &p->desk->mail[p->self][node];
    CHECK_EQ(p->told, 0);
    mail->m = m;
    mail->m.data = malloc(m.n);     /* exactly as long: a read beyond it is seen */
    memcpy(mail->m.data, m.data, m.n);
    arena_give(m.data);
    if ((int)p->self == p->desk->cut) {
        free(mail->m.data);
        free(mail);
        return 0;
    }
    while (*at != NULL)
        at = &(*at)->next;
    *at = mail;
    return 0;
}

static inline size_t desk_queued(struct host *h, unsigned node)
{
    struct desk_party *p = (struct desk_party *)h;
    return p->full && node == (p->self + 1) % DESK_PARTIES ? DESK_HIGH + 1 : DESK_HIGH;
}

static inline uint64_t desk_now(struct host *h)
{
    return ++((struct desk_party *)h)->desk->clock;
}

/* Does a step that is given out send to the party that a full link leads to? */
static inline int desk_sends(const struct desk_party *p, const struct work *w)
{
    const struct run *r = (const struct run *)((const char *)w - offsetof(struct run, work));
    return gate_bytes(p->desk->program->proto, r->step.gate, r->step.number, p->self,
                      (p->self + 1) % DESK_PARTIES) > 0;
}

static inline void desk_work(struct host *h, struct work *w)
{
    struct desk_party *p = (struct desk_party *)h;
    CHECK(!p->told);
    if (p->full) {
        CHECK(!desk_sends(p, w));
        p->given_full++;
    }
    p->outstanding++;
    pthread_mutex_lock(&p->desk->lock);
    desk_push(&p->todo, w);
    pthread_cond_signal(&p->desk->wanted);
    pthread_mutex_unlock(&p->desk->lock);
}

static const struct host_ops desk_ops = { .send = desk_send, .queued = desk_queued,
                                          .now = desk_now, .work = desk_work };

static inline void desk_told(void *ctx, const struct err *e)
{
    struct desk_party *p = ctx;
    CHECK_EQ(p->told, 0);
    CHECK(p->engine != NULL);
    p->told = 1;
    p->err = *e;
    engine_stats(p->engine, &p->stats);
    if (p->free_when_told) {
        engine_free(p->engine);
        p->engine = NULL;
    }
}

/* ---- threads ---- */

static inline struct work *desk_any(struct desk *d, struct desk_party **of)
{
    for (unsigned i = 0; i < DESK_PARTIES; i++)
        if ((*of = &d->party[i])->todo.first != NULL)
            return desk_pop(&d->party[i].todo);
    return NULL;
}

static inline void *desk_thread(void *arg)
{
    struct desk *d = arg;
    pthread_mutex_lock(&d->lock);
    while (!d->stop) {
        struct desk_party *of;
        struct work *w = desk_any(d, &of);
        if (w == NULL) {
            pthread_cond_wait(&d->wanted, &d->lock);
            continue;
        }
        pthread_mutex_unlock(&d->lock);
        w->run(w);
        pthread_mutex_lock(&d->lock);
        desk_push(&of->done, w);
        pthread_cond_signal(&d->finished);
    }
    pthread_mutex_unlock(&d->lock);
    return NULL;
}

/* ---- setting up ---- */

/* The clear words of an external share, shared out for all parties. */
static inline void desk_input(struct desk *d, uint32_t value, const uint64_t *words)
{
    const struct protocol *proto = d->program->proto;
    const struct value *v = &d->program->value[value];
    uint8_t *piece[LINK_PARTIES];
    struct err e;
    for (unsigned p = 0; p < DESK_PARTIES; p++)
        piece[p] = malloc(proto->input[OWNER_CLIP].bytes(v->n, p));
    CHECK_EQ(proto->input[OWNER_CLIP].split(piece, words, v->n, &e), 0);
    for (unsigned p = 0; p < DESK_PARTIES; p++) {
        d->party[p].input[d->inputs] = malloc(v->words * 8);
        proto->input[OWNER_CLIP].join(d->party[p].input[d->inputs], piece[p], v->n, p);
        free(piece[p]);
    }
    d->input_value[d->inputs++] = value;
}

static inline struct engine_conf desk_conf(struct desk *d, unsigned p)
{
    return (struct engine_conf){ .host = &d->party[p].host, .program = d->program, .tails = d->tails,
                                 .keys = &d->party[p].keys, .arena = d->party[p].arena,
                                 .self = p, .type = 7, .job = 11, .high_mark = DESK_HIGH,
                                 .ctx = &d->party[p], .done = desk_told, .span = d->span,
                                 .released = d->released };
}

static inline void desk_keys(struct desk_party *p)
{
    struct keys_seed s = { .self = p->self, .parties = DESK_PARTIES, .job = 11 };
    struct err e;
    for (unsigned k = 0; k < DESK_PARTIES; k++)
        s.secret[k][0] = (uint8_t)(p->self + k);
    CHECK_EQ(keys_init(&p->keys, &s, &e), 0);
}

/* Engines that have not started. */
static inline void desk_open(struct desk *d, uint64_t seed, int threads)
{
    struct err e = { 0 };
    d->random = seed;
    d->threads = threads;
    pthread_mutex_init(&d->lock, NULL);
    pthread_cond_init(&d->wanted, NULL);
    pthread_cond_init(&d->finished, NULL);
    for (unsigned i = 0; i < DESK_PARTIES; i++) {
        struct desk_party *p = &d->party[i];
        p->desk = d;
        p->self = i;
        p->host.ops = &desk_ops;
        p->host.workers = DESK_THREADS;
        p->arena = arena_new(p->limit);
        desk_keys(p);
        struct engine_conf conf = desk_conf(d, i);
        p->engine = engine_new(&conf, &e);
        for (unsigned k = 0; k < d->inputs; k++)
            if (!d->program->value[d->input_value[k]].late && (d->unbound & 1u << k) == 0)
                engine_bind(p->engine, d->input_value[k], p->input[k]);
    }
    for (int i = 0; threads && i < DESK_THREADS; i++)
        pthread_create(&d->thread[i], NULL, desk_thread, d);
}

static inline void desk_start(struct desk *d, unsigned p)
{
    d->party[p].started = 1;
    engine_start(d->party[p].engine);
}

/* ---- moves ---- */

/* Runs the oldest step that a party has been given (not with threads). */
static inline int desk_run_one(struct desk_party *p)
{
    struct work *w = p->desk->threads ? NULL : desk_pop(&p->todo);
    if (w == NULL)
        return 0;
    w->started = ++p->desk->clock;
    w->run(w);
    w->ended = ++p->desk->clock;
    desk_push(&p->done, w);
    return 1;
}

static inline int desk_report_one(struct desk_party *p)
{
    pthread_mutex_lock(&p->desk->lock);
    struct work *w = desk_pop(&p->done);
    pthread_mutex_unlock(&p->desk->lock);
    if (w == NULL)
        return 0;
    p->outstanding--;
    w->done(w);
    return 1;
}

/* Hands a message over as a host does; 0 if the engine refused it. */
static inline int desk_hand(struct desk_party *p, unsigned from, struct message m, struct err *why)
{
    uint8_t *room = engine_room(p->engine, from, &m, why);
    if (room == NULL)
        return 0;
    memcpy(room, m.data, m.n);
    m.data = room;
    if (p->engine != NULL)
        engine_message(p->engine, from, m);
    else
        arena_give(room);
    return 1;
}

static inline int desk_deliver_one(struct desk *d, unsigned from, unsigned to)
{
    struct desk_mail *mail = d->mail[from][to], **at = &d->sent;
    struct err why = { 0 };
    if (mail == NULL)
        return 0;
    d->mail[from][to] = mail->next;
    mail->next = NULL;
    if (d->party[to].engine != NULL && !desk_hand(&d->party[to], from, mail->m, &why))
        CHECK_EQ(why.code, ERR_FAILED);
    if (d->keep_mail && to == 0) {
        mail->m.type = (uint8_t)from;
        while (*at != NULL)
            at = &(*at)->next;
        *at = mail;
        return 1;
    }
    free(mail->m.data);
    free(mail);
    return 1;
}

/* One move by lot among those that can be made; 0 if there is none. */
static inline int desk_move(struct desk *d)
{
    unsigned first = (unsigned)(check_random(&d->random) % 12);
    for (unsigned k = 0; k < 12; k++) {
        unsigned what = (first + k) % 12, a = what % 3, b = what / 3;
        if (b == 0 ? desk_run_one(&d->party[a]) : b == 1 ? desk_report_one(&d->party[a])
            : desk_deliver_one(d, a, (a + b - 1) % 3))
            return 1;
    }
    if (d->party[0].outstanding + d->party[1].outstanding + d->party[2].outstanding == 0)
        return 0;
    pthread_mutex_lock(&d->lock);
    while (d->party[0].done.first == NULL && d->party[1].done.first == NULL &&
           d->party[2].done.first == NULL)
        pthread_cond_wait(&d->finished, &d->lock);
    pthread_mutex_unlock(&d->lock);
    return 1;
}

static inline void desk_run(struct desk *d)
{
    for (unsigned i = 0; i < DESK_PARTIES; i++)
        if (!d->party[i].started && d->party[i].engine != NULL)
            desk_start(d, i);
    while (desk_move(d))
        ;
}

static inline void desk_drop(struct desk_mail **list)
{
    for (struct desk_mail *m = *list, *next; m != NULL; m = next) {
        next = m->next;
        free(m->m.data);
        free(m);
    }
    *list = NULL;
}

static inline void desk_free_engine(struct desk *d, unsigned p)
{
    engine_free(d->party[p].engine);
    d->party[p].engine = NULL;
}

/* Frees engines, drains what they left, and holds that their arenas have everything back. */
static inline void desk_close(struct desk *d)
{
    for (unsigned i = 0; i < DESK_PARTIES; i++)
        desk_free_engine(d, i);
    while (desk_move(d))
        ;
    pthread_mutex_lock(&d->lock);
    d->stop = 1;
    pthread_cond_broadcast(&d->wanted);
    pthread_mutex_unlock(&d->lock);
    for (int i = 0; d->threads && i < DESK_THREADS; i++)
        pthread_join(d->thread[i], NULL);
    desk_drop(&d->sent);
    for (unsigned i = 0; i < DESK_PARTIES; i++) {
        CHECK_EQ(arena_used(d->party[i].arena), 0);
        arena_free(d->party[i].arena);
        keys_fini(&d->party[i].keys);
        for (unsigned k = 0; k < d->inputs; k++)
            free(d->party[i].input[k]);
    }
    pthread_mutex_destroy(&d->lock);
    pthread_cond_destroy(&d->wanted);
    pthread_cond_destroy(&d->finished);
}

/* A kept value in the clear; 0 if the pieces fit together. */
static inline int desk_output(struct desk *d, uint32_t value, uint64_t *out)
{
    const struct protocol *proto = d->program->proto;
    const struct value *v = &d->program->value[value];
    const uint64_t *piece[LINK_PARTIES] = { NULL };
    struct err e;
    for (unsigned p = 0; p < DESK_PARTIES; p++)
        piece[p] = engine_value(d->party[p].engine, value);
    return proto->output_join(out, piece, value_stride(proto, (enum value_kind)v->kind, v->n),
                              (enum value_kind)v->kind, &e);
}

#endif
