/*
 * bob.c: the owner of a model: shares it and its frame selections with every party.
 *
 *   MODEL to all; when all have said MODEL_OK, the tensors in order, a few under way at a time;
 *   when all are MODEL_READY with the digest of what Bob sent, MODEL_USE to all: so a model that
 *   did not reach everybody is used by nobody.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/rand.h>

#include "src/role.h"
#include "src/wire.h"

enum bob_state { BOB_CONNECT, BOB_OFFERED, BOB_SENDING, BOB_USING, BOB_DONE };

enum { UNDER_WAY = 4, PATIENCE = 60 };

struct bob {
    struct host *host;
    struct bob_conf conf;
    unsigned n;
    enum bob_state state;
    uint64_t id;
    struct arena *arena;
    struct tensor tensor[WIRE_TENSORS];
    unsigned ntensor, next;
    unsigned up, said;                      /* parties, as bits; said: in this state */
    unsigned acked[LINK_PARTIES];           /* tensors */
    struct wire_model offer;
    uint8_t *net;                           /* fixed_net_write */
    uint8_t digest[WIRE_DIGEST];
    uint64_t wire;                          /* bytes of all links when the timer last fired */
    struct timer timer;
};

static unsigned everybody(const struct bob *b)
{
    return (1u << b->n) - 1;
}

static double patience(const struct bob *b)
{
    return b->conf.timeout > 0 ? b->conf.timeout : PATIENCE;
}

static void still_alive(struct bob *b)
{
    b->host->ops->arm(b->host, &b->timer, (uint64_t)(patience(b) * 1e9));
}

static void finish(struct bob *b, const struct err *e, unsigned except)
{
    if (b->state == BOB_DONE)
        return;
    int offered = b->state != BOB_CONNECT;
    b->state = BOB_DONE;
    b->host->ops->disarm(b->host, &b->timer);
    for (unsigned i = 0; i < b->n; i++)
        if (e->code != 0 && offered && i != except && (b->up & 1u << i) != 0)
            wire_send_fault(b->host, b->arena, i, WIRE_ABORT, b->id, e);
    b->conf.done(b->conf.ctx, e);
}

/* ---- sending ---- */

static int send_to_all(struct bob *b, uint8_t type, struct err *e)
{
    for (unsigned i = 0; i < b->n; i++)
        if (wire_send(b->host, i, type, b->id, NULL, 0) != 0)
            return err_set(e, ERR_PEER, "lost party %u", i);
    return 0;
}

static int offer(struct bob *b, struct err *e)
{
    unsigned length = WIRE_DIGEST;
    for (unsigned i = 0; i < b->n; i++) {
        size_t n;
        uint8_t *data = wire_model_pack(b->arena, &b->offer, &n);
        if (data == NULL ||
            !EVP_Digest(data, n, b->digest, &length, EVP_sha256(), NULL))
            return err_set(e, ERR_FAILED, "out of memory, or the network is too large to describe");
        if (wire_send(b->host, i, WIRE_MODEL, b->id, data, n) != 0)
            return err_set(e, ERR_PEER, "lost party %u", i);
    }
    b->state = BOB_OFFERED;
    return 0;
}

/* The plain words of a tensor; signed integers are ring elements as they stand. */
static const uint64_t *tensor_words(const struct bob *b, const struct tensor *t)
{
    if (t->kind == TENSOR_WEIGHT)
        return (const uint64_t *)b->conf.model->weight[t->index];
    if (t->kind == TENSOR_BIAS)
        return (const uint64_t *)b->conf.model->bias[t->index];
    return b->conf.selection[t->index].rows;
}

static int send_tensor(struct bob *b, struct err *e)
{
    const struct protocol *proto = b->conf.proto;
    const struct tensor *t = &b->tensor[b->next];
    uint8_t *out[LINK_PARTIES] = { 0 };
    int code = 0;
    size_t bytes[LINK_PARTIES];
    for (unsigned i = 0; i < b->n && code == 0; i++) {
        bytes[i] = client_bytes(proto, OWNER_MODEL, t->n, t->turns, i);
        if ((out[i] = arena_take(b->arena, bytes[i])) == NULL)
            code = err_set(e, ERR_FAILED, "out of memory for the model's shares");
    }
    if (code == 0)
        code = client_split(proto, OWNER_MODEL, out, tensor_words(b, t), t->n, t->turns, e);
    for (unsigned i = 0; i < b->n && code == 0; i++) {
        struct message m = { .type = WIRE_TENSOR, .job = b->id, .stream = b->next,
                             .n = bytes[i], .data = out[i] };
        out[i] = NULL;
        if (b->host->ops->send(b->host, i, m) != 0)
            code = err_set(e, ERR_PEER, "lost party %u", i);
    }
    for (unsigned i = 0; i < b->n; i++)
        arena_give(out[i]);
    b->next++;
    return code;
}

/* Keeps a few tensors under way to the slowest party. */
static int pump(struct bob *b, struct err *e)
{
    unsigned least = b->acked[0];
    for (unsigned i = 1; i < b->n; i++)
        least = b->acked[i] < least ? b->acked[i] : least;
    if (b->conf.progress != NULL)
        b->conf.progress(b->conf.ctx, (double)least / b->ntensor);
    while (b->next < b->ntensor && b->next - least < UNDER_WAY)
        if (send_tensor(b, e) != 0)
            return e->code;
    return 0;
}

/* ---- answers ---- */

static int not_due(unsigned from, const struct message *m, struct err *e)
{
    return err_set(e, ERR_ABORT, "party %u sent %s when that was not due", from,
                   wire_type_name(m->type));
}

/* Notes an answer that each party gives once in this state; 1 when it was the last, 0 when others
 * are missing, -1 when it is not due. */
static int noted(struct bob *b, unsigned from, enum bob_state state)
{
    if (b->state != state || (b->said & 1u << from) != 0)
        return -1;
    b->said |= 1u << from;
    if (b->said != everybody(b))
        return 0;
    b->said = 0;
    return 1;
}

static int take_ok(struct bob *b, unsigned from, const struct message *m, struct err *e)
{
    int last = noted(b, from, BOB_OFFERED);
    if (last < 0)
        return not_due(from, m, e);
    if (last == 0)
        return 0;
    b->state = BOB_SENDING;
    return pump(b, e);
}

static int take_tensor_done(struct bob *b, unsigned from, const struct message *m, struct err *e)
{
    if (b->state != BOB_SENDING || b->acked[from] >= b->next)
        return not_due(from, m, e);
    b->acked[from]++;
    return pump(b, e);
}

static int take_ready(struct bob *b, unsigned from, const struct message *m, struct err *e)
{
    int last = b->acked[from] == b->ntensor ? noted(b, from, BOB_SENDING) : -1;
    if (last < 0)
        return not_due(from, m, e);
    if (memcmp(m->data, b->digest, WIRE_DIGEST) != 0)
        return err_set(e, ERR_ABORT, "party %u received another model than was sent", from);
    if (last == 0)
        return 0;
    b->state = BOB_USING;
    return send_to_all(b, WIRE_MODEL_USE, e);
}

static int take_done(struct bob *b, unsigned from, const struct message *m, struct err *e)
{
    int last = noted(b, from, BOB_USING);
    if (last < 0)
        return not_due(from, m, e);
    if (last > 0)
        finish(b, &(const struct err){ .code = 0 }, NO_VALUE);
    return 0;
}

static int take_fault(struct bob *b, unsigned from, const struct message *m, struct err *e)
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

static int take(struct bob *b, unsigned from, const struct message *m, struct err *e)
{
    if (wire_allowed(m, WIRE_TO_CLIENT, e) != 0)
        return e->code;
    switch (m->type) {
    case WIRE_MODEL_OK:
        return take_ok(b, from, m, e);
    case WIRE_TENSOR_DONE:
        return take_tensor_done(b, from, m, e);
    case WIRE_MODEL_READY:
        return take_ready(b, from, m, e);
    case WIRE_MODEL_DONE:
        return take_done(b, from, m, e);
    case WIRE_REFUSE:
    case WIRE_ABORT:
        return take_fault(b, from, m, e);
    default:
        return not_due(from, m, e);
    }
}

/* ---- the host's upcalls ---- */

static void bob_up(void *ctx, unsigned node, const struct node_info *info)
{
    (void)info;
    struct bob *b = ctx;
    struct err e = { 0 };
    if (node >= b->n || b->state != BOB_CONNECT)
        return;
    b->up |= 1u << node;
    if (b->up == everybody(b) && offer(b, &e) != 0)
        finish(b, &e, NO_VALUE);
}

static void bob_down(void *ctx, unsigned node, const struct err *why)
{
    struct bob *b = ctx;
    struct err e;
    if (node >= b->n)
        return;
    b->up &= ~(1u << node);
    wire_lost(&e, node, why);
    finish(b, &e, node);
}

static uint8_t *bob_room(void *ctx, unsigned node, const struct message *head, struct err *why)
{
    struct bob *b = ctx;
    if (wire_allowed(head, WIRE_TO_CLIENT, why) != 0)
        return NULL;
    if (wire_is_bulk(head->type)) {
        err_set(why, ERR_ABORT, "party %u sent a message %s to the owner of a model", node,
                wire_type_name(head->type));
        return NULL;
    }
    uint8_t *block = arena_take(b->arena, head->n);
    if (block == NULL)
        err_set(why, ERR_FAILED, "out of memory");
    return block;
}

static void bob_message(void *ctx, unsigned node, struct message m)
{
    struct bob *b = ctx;
    struct err e = { 0 };
    if (node < b->n && b->state != BOB_DONE && m.job == b->id) {
        still_alive(b);
        if (take(b, node, &m, &e) != 0)
            finish(b, &e, NO_VALUE);
    }
    arena_give(m.data);
}

static void bob_drained(void *ctx, unsigned node)
{
    (void)ctx;
    (void)node;
}

static void timeout(struct timer *t)
{
    struct bob *b = (struct bob *)(void *)((char *)t - offsetof(struct bob, timer));
    unsigned missing = everybody(b) & ~(b->state == BOB_CONNECT ? b->up : b->said);
    struct err e;
    uint64_t wire = 0;
    for (unsigned i = 0; i < b->n; i++)
        wire += b->host->ops->wire(b->host, i);
    if (wire != b->wire && b->state != BOB_CONNECT) {   /* slow, but not silent */
        b->wire = wire;
        still_alive(b);
        return;
    }
    for (unsigned i = 0; b->state == BOB_SENDING && i < b->n; i++)
        if (b->acked[i] == b->next && b->next < b->ntensor)
            missing &= ~(1u << i);
    err_set(&e, ERR_PEER, "party %d has not answered for %g s", __builtin_ffs((int)missing) - 1,
            patience(b));
    finish(b, &e, NO_VALUE);
}

static const struct host_events bob_events = {
    .up = bob_up, .down = bob_down, .room = bob_room, .message = bob_message,
    .drained = bob_drained
};

/* ---- beginning and end ---- */

static int selections_check(const struct bob_conf *c, struct err *e)
{
    if (c->nselection == 0 || c->nselection > WIRE_SELECTIONS)
        return err_set(e, ERR_USAGE, "a model needs 1 to %d frame selections", WIRE_SELECTIONS);
    for (unsigned i = 0; i < c->nselection; i++) {
        size_t n = (size_t)c->selection[i].frames * c->selection[i].selected;
        for (unsigned k = 0; k < i; k++)
            if (c->selection[k].frames == c->selection[i].frames)
                return err_set(e, ERR_INPUT, "two selections for clips of %u frames",
                               c->selection[i].frames);
        for (size_t k = 0; k < n; k++)
            if (c->selection[i].rows[k] > 1)
                return err_set(e, ERR_INPUT, "selection for %u frames, row %zu, column %zu: an "
                               "entry is neither 0 nor 1", c->selection[i].frames,
                               k / c->selection[i].frames, k % c->selection[i].frames);
    }
    return 0;
}

static int offer_make(struct bob *b, struct err *e)
{
    size_t n = 0, most = 0;
    struct wire_model *o = &b->offer;
    snprintf(o->name, sizeof o->name, "%s", b->conf.model_name);
    snprintf(o->protocol, sizeof o->protocol, "%s", b->conf.proto->name);
    o->reveal = b->conf.reveal_scores != 0;
    o->nselection = (uint16_t)b->conf.nselection;
    for (unsigned i = 0; i < o->nselection; i++)
        o->selection[i] = (struct wire_selection){ b->conf.selection[i].frames,
                                                   b->conf.selection[i].selected };
    b->net = fixed_net_write(&b->conf.model->net, &n);
    o->net = b->net;
    o->nnet = (uint32_t)n;
    b->ntensor = wire_tensors(b->tensor, b->conf.proto, &b->conf.model->net, o->nselection,
                              o->selection);
    if (b->ntensor == 0)
        return err_set(e, ERR_INPUT, "a layer or selection of the model is empty or too large");
    for (unsigned i = 0; i < b->ntensor; i++)
        most = b->tensor[i].n > most ? b->tensor[i].n : most;
    size_t limit = 1 << 22;
    for (unsigned i = 0; i < b->n; i++)
        limit += (UNDER_WAY + 1) * (client_bytes(b->conf.proto, OWNER_MODEL, most,
                                                 protocol_turns(b->conf.proto), i) * 5 / 4);
    b->arena = arena_new(limit);
    if (b->net == NULL || b->arena == NULL)
        return err_set(e, ERR_FAILED, "out of memory");
    if (RAND_bytes(o->version, sizeof o->version) != 1 ||
        RAND_bytes((uint8_t *)&b->id, sizeof b->id) != 1)
        return err_set(e, ERR_FAILED, "no random bytes from OpenSSL");
    return 0;
}

struct bob *bob_new(struct host *h, const struct bob_conf *conf, struct err *e)
{
    if (strlen(conf->model_name) >= WIRE_NAME || conf->model_name[0] == '\0') {
        err_set(e, ERR_USAGE, "a model's name has 1 to %d characters", WIRE_NAME - 1);
        return NULL;
    }
    if (selections_check(conf, e) != 0)
        return NULL;
    struct bob *b = mem_new(1, sizeof *b);
    if (b == NULL) {
        err_set(e, ERR_FAILED, "out of memory");
        return NULL;
    }
    b->host = h;
    b->conf = *conf;
    b->n = conf->proto->parties;
    b->timer.fire = timeout;
    if (offer_make(b, e) != 0) {
        bob_free(b);
        return NULL;
    }
    h->events = &bob_events;
    h->ctx = b;
    still_alive(b);
    return b;
}

void bob_free(struct bob *b)
{
    if (b == NULL)
        return;
    arena_free(b->arena);
    free(b->net);
    mem_free(b);
}
