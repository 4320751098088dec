/*
 * prepare.c: the owner of a model has correlated randomness made for it beforehand.
 *
 *   CONNECT -> ASKED -> RUNNING -> ASKED -> .. -> DONE
 *
 * One job an item: ASK to all, and BEGIN when all have given the same terms; the item is there when
 * all have said PREPARED for the same number. The owner gives nothing and learns nothing: the
 * randomness stays with the parties.
 */
#include <stdio.h>
#include <string.h>

#include <openssl/rand.h>

#include "src/role.h"
#include "src/wire.h"

enum state { CONNECT, ASKED, RUNNING, DONE };

enum { CONTROL_LIMIT = 1 << 20, PATIENCE = 60 };

struct prepare {
    struct host *host;
    struct prepare_conf conf;
    unsigned n;                         /* parties */
    enum state state;
    uint64_t id;
    struct arena *arena;
    unsigned up, said;                  /* parties, as bits; said: in this state */
    uint8_t *terms[LINK_PARTIES];
    size_t nterms[LINK_PARTIES];
    uint64_t serial, began;
    struct prepare_result result;
    struct timer timer;
};

static unsigned everybody(const struct prepare *b)
{
    return (1u << b->n) - 1;
}

static void still_alive(struct prepare *b)
{
    double patience = b->conf.timeout > 0 ? b->conf.timeout : PATIENCE;
    b->host->ops->arm(b->host, &b->timer, (uint64_t)(patience * 1e9));
}

static void progress(const struct prepare *b, double part)
{
    if (b->conf.progress != NULL)
        b->conf.progress(b->conf.ctx, b->result.items, part);
}

/* The end, once: everybody but `except` is told of an error. */
static void finish(struct prepare *b, const struct err *e, unsigned except)
{
    if (b->state == DONE)
        return;
    int asked = b->state != CONNECT;
    b->state = DONE;
    b->host->ops->disarm(b->host, &b->timer);
    for (unsigned i = 0; i < b->n; i++)
        if (e->code != 0 && asked && i != except && (b->up & 1u << i) != 0)
            wire_send_fault(b->host, b->arena, i, WIRE_ABORT, b->id, e);
    b->result.seconds = (double)(b->host->ops->now(b->host) - b->began) / 1e9;
    b->conf.done(b->conf.ctx, e, &b->result);
}

static int lost(unsigned i, struct err *e)
{
    return err_set(e, ERR_PEER, "lost party %u", i);
}

static int not_due(unsigned from, const struct message *m, struct err *e)
{
    return err_set(e, ERR_ABORT, "party %u sent %s when that was not due", from,
                   wire_type_name(m->type));
}

/* ---- one item ---- */

static void terms_drop(struct prepare *b)
{
    for (unsigned i = 0; i < b->n; i++) {
        arena_give(b->terms[i]);
        b->terms[i] = NULL;
    }
}

static int ask(struct prepare *b, struct err *e)
{
    struct wire_ask m = { .frames = b->conf.frames, .prepare = 1 };
    snprintf(m.model, sizeof m.model, "%s", b->conf.model_name);
    snprintf(m.protocol, sizeof m.protocol, "%s", b->conf.proto->name);
    terms_drop(b);
    b->state = ASKED;
    if (RAND_bytes((uint8_t *)&b->id, sizeof b->id) != 1)
        return err_set(e, ERR_FAILED, "no random bytes from OpenSSL");
    for (unsigned i = 0; i < b->n; i++) {
        size_t n;
        uint8_t *data = wire_ask_pack(b->arena, &m, &n);
        if (data == NULL)
            return err_set(e, ERR_FAILED, "out of memory");
        if (wire_send(b->host, i, WIRE_ASK, b->id, data, n) != 0)
            return lost(i, e);
    }
    progress(b, 0);
    return 0;
}

static int begin(struct prepare *b, struct err *e)
{
    struct wire_terms t;
    if (wire_terms_parse(&t, b->terms[0], b->nterms[0], e) != 0)
        return err_prefix(e, "party 0");
    for (unsigned i = 1; i < b->n; i++)
        if (b->nterms[i] != b->nterms[0] || memcmp(b->terms[i], b->terms[0], b->nterms[0]) != 0)
            return err_set(e, ERR_PEER, "party 0 and party %u give different terms: is the model "
                           "being replaced, or do their versions or windows differ?", i);
    b->result.selected = t.selected;
    b->result.rounds = t.rounds;
    memcpy(b->result.bytes, t.sent, sizeof b->result.bytes);
    b->state = RUNNING;
    b->said = 0;
    for (unsigned i = 0; i < b->n; i++)
        if (wire_send(b->host, i, WIRE_BEGIN, b->id, NULL, 0) != 0)
            return lost(i, e);
    return 0;
}

static int take_terms(struct prepare *b, unsigned from, struct message *m, struct err *e)
{
    if (b->state != ASKED || b->terms[from] != NULL || m->n == 0)
        return not_due(from, m, e);
    b->terms[from] = m->data;
    b->nterms[from] = m->n;
    m->data = NULL;
    for (unsigned i = 0; i < b->n; i++)
        if (b->terms[i] == NULL)
            return 0;
    return begin(b, e);
}

static int take_prepared(struct prepare *b, unsigned from, const struct message *m, struct err *e)
{
    struct wire_prepared is;
    if (b->state != RUNNING || (b->said & 1u << from) != 0)
        return not_due(from, m, e);
    if (wire_prepared_parse(&is, m->data, m->n, e) != 0)
        return err_prefix(e, "party %u", from);
    if (b->said != 0 && is.serial != b->serial)
        return err_set(e, ERR_ABORT, "party %u has stored an item under another number", from);
    b->serial = is.serial;
    b->result.stored[from] += is.bytes;
    b->said |= 1u << from;
    if (b->said != everybody(b))
        return 0;
    if (++b->result.items < b->conf.count)
        return ask(b, e);
    finish(b, &(const struct err){ .code = 0 }, NO_VALUE);
    return 0;
}

static int take_progress(struct prepare *b, unsigned from, const struct message *m, struct err *e)
{
    struct wire_progress w;
    if (b->state != RUNNING || from != 0)
        return not_due(from, m, e);
    if (wire_progress_parse(&w, m->data, m->n, e) != 0)
        return err_prefix(e, "party %u", from);
    progress(b, (double)w.done / w.gates);
    return 0;
}

static int take_fault(struct prepare *b, unsigned from, const struct message *m, struct err *e)
{
    struct wire_fault f;
    struct err why;
    if (wire_fault_parse(&f, m->data, m->n, e) != 0)
        return e->code;
    err_set(&why, f.code, "party %u %s: %s", from, m->type == WIRE_REFUSE ? "refused" : "gave up",
            f.text);
    finish(b, &why, from);
    return 0;
}

static int take(struct prepare *b, unsigned from, struct message *m, struct err *e)
{
    if (wire_allowed(m, WIRE_TO_CLIENT, e) != 0)
        return e->code;
    switch (m->type) {
    case WIRE_TERMS:
        return take_terms(b, from, m, e);
    case WIRE_PROGRESS:
        return take_progress(b, from, m, e);
    case WIRE_PREPARED:
        return take_prepared(b, from, m, e);
    case WIRE_REFUSE:
    case WIRE_ABORT:
        return take_fault(b, from, m, e);
    default:
        return not_due(from, m, e);
    }
}

/* ---- the host's upcalls ---- */

static void on_up(void *ctx, unsigned node, const struct node_info *info)
{
    (void)info;
    struct prepare *b = ctx;
    struct err e = { 0 };
    if (node >= b->n || b->state != CONNECT)
        return;
    b->up |= 1u << node;
    if (b->up != everybody(b))
        return;
    b->began = b->host->ops->now(b->host);
    if (ask(b, &e) != 0)
        finish(b, &e, NO_VALUE);
}

static void on_down(void *ctx, unsigned node, const struct err *why)
{
    struct prepare *b = ctx;
    struct err e;
    if (node >= b->n)
        return;
    b->up &= ~(1u << node);
    wire_lost(&e, node, why);
    finish(b, &e, node);
}

static uint8_t *on_room(void *ctx, unsigned node, const struct message *head, struct err *why)
{
    struct prepare *b = ctx;
    if (wire_allowed(head, WIRE_TO_CLIENT, why) != 0)
        return NULL;
    if (wire_is_bulk(head->type)) {
        not_due(node, head, why);
        return NULL;
    }
    uint8_t *block = arena_take(b->arena, head->n);
    if (block == NULL)
        err_set(why, ERR_FAILED, "out of memory");
    return block;
}

static void on_message(void *ctx, unsigned node, struct message m)
{
    struct prepare *b = ctx;
    struct err e = { 0 };
    if (node < b->n && b->state != DONE && m.job == b->id) {
        still_alive(b);
        if (take(b, node, &m, &e) != 0)
            finish(b, &e, NO_VALUE);
    }
    arena_give(m.data);
}

static void on_drained(void *ctx, unsigned node)
{
    (void)ctx;
    (void)node;
}

static void timeout(struct timer *t)
{
    struct prepare *b = (struct prepare *)(void *)((char *)t - offsetof(struct prepare, timer));
    unsigned here = b->state == CONNECT ? b->up : b->said;
    struct err e;
    for (unsigned i = 0; b->state == ASKED && i < b->n; i++)
        here = (here & ~(1u << i)) | (unsigned)(b->terms[i] != NULL) << i;
    err_set(&e, ERR_PEER, "party %d has not answered for %g s",
            __builtin_ffs((int)(everybody(b) & ~here)) - 1,
            b->conf.timeout > 0 ? b->conf.timeout : PATIENCE);
    finish(b, &e, NO_VALUE);
}

static const struct host_events events = {
    .up = on_up, .down = on_down, .room = on_room, .message = on_message, .drained = on_drained
};

/* ---- beginning and end ---- */

struct prepare *prepare_new(struct host *h, const struct prepare_conf *conf, struct err *e)
{
    if (strlen(conf->model_name) >= WIRE_NAME || conf->model_name[0] == '\0') {
        err_set(e, ERR_USAGE, "a model's name has 1 to %d characters", WIRE_NAME - 1);
        return NULL;
    }
    struct prepare *b = mem_new(1, sizeof *b);
    if (b == NULL || (b->arena = arena_new(CONTROL_LIMIT)) == NULL) {
        prepare_free(b);
        err_set(e, ERR_FAILED, "out of memory");
        return NULL;
    }
    b->host = h;
    b->conf = *conf;
    b->n = conf->proto->parties;
    b->timer.fire = timeout;
    h->events = &events;
    h->ctx = b;
    b->began = h->ops->now(h);
    still_alive(b);
    return b;
}

void prepare_free(struct prepare *b)
{
    if (b == NULL)
        return;
    arena_free(b->arena);
    mem_free(b);
}
