#include "src/errand.h"

#include <string.h>

#include <openssl/rand.h>

int errand_not_due(unsigned from, const struct message *m, struct err *e)
{
    return err_set(e, ERR_ABORT, "party %u sent %s when that was not due", from,
                   wire_type_name(m->type));
}

int errand_name_check(const char *name, struct err *e)
{
    if (strlen(name) >= WIRE_NAME || name[0] == '\0')
        return err_set(e, ERR_USAGE, "a model's name has 1 to %d characters", WIRE_NAME - 1);
    return 0;
}

/* ---- sending ---- */

static int lost(unsigned party, struct err *e)
{
    return err_set(e, ERR_PEER, "lost party %u", party);
}

int errand_tell(struct errand *x, uint8_t type, struct err *e)
{
    for (unsigned i = 0; i < x->n; i++)
        if (wire_send(x->host, i, type, x->id, NULL, 0) != 0)
            return lost(i, e);
    return 0;
}

static int draw_id(struct errand *x, struct err *e)
{
    if (RAND_bytes((uint8_t *)&x->id, sizeof x->id) != 1)
        return err_set(e, ERR_FAILED, "no random bytes from OpenSSL");
    return 0;
}

int errand_ask(struct errand *x, const struct wire_ask *ask, struct err *e)
{
    for (unsigned i = 0; i < x->n; i++) {
        arena_give(x->terms[i]);
        x->terms[i] = NULL;
    }
    if (draw_id(x, e) != 0)
        return e->code;
    for (unsigned i = 0; i < x->n; i++) {
        size_t n;
        uint8_t *data = wire_ask_pack(x->arena, ask, &n);
        if (data == NULL)
            return err_set(e, ERR_FAILED, "out of memory");
        if (wire_send(x->host, i, WIRE_ASK, x->id, data, n) != 0)
            return lost(i, e);
    }
    return 0;
}

/* ---- what parties say ---- */

int errand_said(struct errand *x, unsigned from)
{
    if ((x->said & 1u << from) != 0)
        return -1;
    x->said |= 1u << from;
    return x->said == errand_all(x);
}

int errand_terms(struct errand *x, unsigned from, struct message *m)
{
    if (x->terms[from] != NULL || m->n == 0)
        return -1;
    x->terms[from] = m->data;
    x->nterms[from] = m->n;
    m->data = NULL;
    for (unsigned i = 0; i < x->n; i++)
        if (x->terms[i] == NULL)
            return 0;
    return 1;
}

unsigned errand_odd_terms(const struct errand *x)
{
    for (unsigned i = 1; i < x->n; i++)
        if (x->nterms[i] != x->nterms[0] || memcmp(x->terms[i], x->terms[0], x->nterms[0]) != 0)
            return i;
    return 0;
}

static int take_fault(struct errand *x, unsigned from, const struct message *m, struct err *e)
{
    struct wire_fault f;
    struct err why;
    if (wire_fault_parse(&f, m->data, m->n, e) != 0)
        return e->code;
    err_set(&why, f.code, "party %u %s: %s", from, m->type == WIRE_REFUSE ? "refused" : "gave up",
            f.text);
    errand_end(x, &why, from);
    return 0;
}

/* ---- the host's upcalls ---- */

static void on_up(void *ctx, unsigned node, const struct node_info *info)
{
    (void)info;
    struct errand *x = ctx;
    struct err e = { 0 };
    if (node >= x->n || x->begun || x->over)
        return;
    x->up |= 1u << node;
    if (x->ops->linked != NULL)
        x->ops->linked(x);
    if (x->up != errand_all(x))
        return;
    x->begun = 1;
    if (x->ops->begin(x, &e) != 0)
        errand_end(x, &e, NO_VALUE);
}

static void on_down(void *ctx, unsigned node, const struct err *why)
{
    struct errand *x = ctx;
    struct err e;
    if (node >= x->n)
        return;
    x->up &= ~(1u << node);
    wire_lost(&e, node, why);
    errand_end(x, &e, node);
}

static uint8_t *on_room(void *ctx, unsigned node, const struct message *head, struct err *why)
{
    struct errand *x = ctx;
    uint8_t *block;
    why->code = 0;
    if (wire_allowed(head, WIRE_TO_CLIENT, why) != 0)
        return NULL;
    if (!wire_is_bulk(head->type)) {
        block = arena_take(x->arena, head->n);
    } else if (x->ops->bulk != NULL) {
        block = x->ops->bulk(x, node, head, why);
    } else {
        errand_not_due(node, head, why);
        return NULL;
    }
    if (block == NULL && why->code == 0)
        err_set(why, ERR_FAILED, "out of memory");
    return block;
}

static int take(struct errand *x, unsigned from, struct message *m, struct err *e)
{
    if (wire_allowed(m, WIRE_TO_CLIENT, e) != 0)
        return e->code;
    if (m->type == WIRE_REFUSE || m->type == WIRE_ABORT)
        return take_fault(x, from, m, e);
    return x->ops->take(x, from, m, e);
}

static void on_message(void *ctx, unsigned node, struct message m)
{
    struct errand *x = ctx;
    struct err e = { 0 };
    if (node < x->n && !x->over && m.job == x->id && take(x, node, &m, &e) != 0)
        errand_end(x, &e, NO_VALUE);
    arena_give(m.data);
}

static void on_drained(void *ctx, unsigned node)
{
    (void)ctx;
    (void)node;
}

static const struct host_events events = {
    .up = on_up, .down = on_down, .room = on_room, .message = on_message, .drained = on_drained
};

/* ---- beginning and end ---- */

static void on_time(struct timer *t)
{
    struct errand *x = (struct errand *)(void *)((char *)t - offsetof(struct errand, timer));
    struct err why = { 0 };
    uint64_t moved = 0;
    for (unsigned i = 0; i < x->n; i++)
        moved += x->host->ops->moved(x->host, i);
    if (x->begun && moved != x->moved) {
        x->moved = moved;
        errand_wait(x, x->patience);
        return;
    }
    x->ops->late(x, &why);
    errand_end(x, &why, NO_VALUE);
}

void errand_wait(struct errand *x, double seconds)
{
    x->patience = seconds;
    x->host->ops->arm(x->host, &x->timer, (uint64_t)(seconds * 1e9));
}

void errand_end(struct errand *x, const struct err *why, unsigned except)
{
    if (x->over)
        return;
    x->over = 1;
    x->host->ops->disarm(x->host, &x->timer);
    for (unsigned i = 0; i < x->n; i++)
        if (why->code != 0 && x->begun && i != except && (x->up & 1u << i) != 0)
            wire_send_fault(x->host, x->arena, i, WIRE_ABORT, x->id, why);
    x->ops->ended(x, why);
}

int errand_open(struct errand *x, struct host *h, const struct errand_ops *ops, unsigned parties,
                size_t limit, struct err *e)
{
    *x = (struct errand){ .ops = ops, .host = h, .n = parties, .timer = { .fire = on_time } };
    if ((x->arena = arena_new(limit)) == NULL)
        return err_set(e, ERR_FAILED, "out of memory");
    if (draw_id(x, e) != 0)
        return e->code;
    h->events = &events;
    h->ctx = x;
    return 0;
}

void errand_close(struct errand *x)
{
    arena_free(x->arena);
}
