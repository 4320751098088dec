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

#include "src/errand.h"

enum bob_state { BOB_CONNECT, BOB_OFFERED, BOB_SENDING, BOB_USING };

enum { UNDER_WAY = 4, PATIENCE = 60 };

struct bob {
    struct errand x;
    struct bob_conf conf;
    enum bob_state state;
    struct tensor tensor[WIRE_TENSORS];
    unsigned ntensor, next;
    unsigned acked[LINK_PARTIES];           /* tensors */
    struct wire_model offer;
    uint8_t *net;                           /* fixed_net_write */
    uint8_t digest[WIRE_DIGEST];
};

static double patience(const struct bob *b)
{
    return b->conf.timeout > 0 ? b->conf.timeout : PATIENCE;
}

/* ---- sending ---- */

static int offer(struct bob *b, struct err *e)
{
    unsigned length = WIRE_DIGEST;
    for (unsigned i = 0; i < b->x.n; i++) {
        size_t n;
        uint8_t *data = wire_model_pack(b->x.arena, &b->offer, &n);
        if (data == NULL ||
            !EVP_Digest(data, n, b->digest, &length, EVP_sha256(), NULL))
            return err_set(e, ERR_FAILED, "out of memory, or the network is too large to describe");
        if (wire_send(b->x.host, i, WIRE_MODEL, b->x.id, data, n) != 0)
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
    for (unsigned i = 0; i < b->x.n && code == 0; i++) {
        bytes[i] = client_bytes(proto, OWNER_MODEL, t->n, t->turns, i);
        if ((out[i] = arena_take(b->x.arena, bytes[i])) == NULL)
            code = err_set(e, ERR_FAILED, "out of memory for the model's shares");
    }
    if (code == 0)
        code = client_split(proto, OWNER_MODEL, out, tensor_words(b, t), t->n, t->turns, e);
    for (unsigned i = 0; i < b->x.n && code == 0; i++) {
        struct message m = { .type = WIRE_TENSOR, .job = b->x.id, .stream = b->next,
                             .n = bytes[i], .data = out[i] };
        out[i] = NULL;
        if (b->x.host->ops->send(b->x.host, i, m) != 0)
            code = err_set(e, ERR_PEER, "lost party %u", i);
    }
    for (unsigned i = 0; i < b->x.n; i++)
        arena_give(out[i]);
    b->next++;
    return code;
}

/* Keeps a few tensors under way to the slowest party. */
static int pump(struct bob *b, struct err *e)
{
    unsigned least = b->acked[0];
    for (unsigned i = 1; i < b->x.n; i++)
        least = b->acked[i] < least ? b->acked[i] : least;
    if (b->conf.progress != NULL)
        b->conf.progress(b->conf.ctx, (double)least / b->ntensor);
    while (b->next < b->ntensor && b->next - least < UNDER_WAY)
        if (send_tensor(b, e) != 0)
            return e->code;
    return 0;
}

/* ---- answers ---- */

/* Notes an answer that each party gives once in this state, as errand_said; the last ends it. */
static int noted(struct bob *b, unsigned from, enum bob_state state)
{
    int last = b->state == state ? errand_said(&b->x, from) : -1;
    if (last > 0)
        b->x.said = 0;
    return last;
}

static int take_ok(struct bob *b, unsigned from, const struct message *m, struct err *e)
{
    int last = noted(b, from, BOB_OFFERED);
    if (last < 0)
        return errand_not_due(from, m, e);
    if (last == 0)
        return 0;
    b->state = BOB_SENDING;
    if (b->conf.taken != NULL)
        b->conf.taken(b->conf.ctx);
    return pump(b, e);
}

static int take_tensor_done(struct bob *b, unsigned from, const struct message *m, struct err *e)
{
    if (b->state != BOB_SENDING || b->acked[from] >= b->next)
        return errand_not_due(from, m, e);
    b->acked[from]++;
    return pump(b, e);
}

static int take_ready(struct bob *b, unsigned from, const struct message *m, struct err *e)
{
    int last = b->acked[from] == b->ntensor ? noted(b, from, BOB_SENDING) : -1;
    if (last < 0)
        return errand_not_due(from, m, e);
    if (memcmp(m->data, b->digest, WIRE_DIGEST) != 0)
        return err_set(e, ERR_ABORT, "party %u received another model than was sent", from);
    if (last == 0)
        return 0;
    b->state = BOB_USING;
    return errand_tell(&b->x, WIRE_MODEL_USE, e);
}

static int take_done(struct bob *b, unsigned from, const struct message *m, struct err *e)
{
    int last = noted(b, from, BOB_USING);
    if (last < 0)
        return errand_not_due(from, m, e);
    if (last > 0)
        errand_end(&b->x, &(const struct err){ .code = 0 }, NO_VALUE);
    return 0;
}

/* ---- the errand ---- */

static int on_begin(struct errand *x, struct err *e)
{
    return offer((struct bob *)x, e);
}

static int on_take(struct errand *x, unsigned from, struct message *m, struct err *e)
{
    struct bob *b = (struct bob *)x;
    errand_wait(x, patience(b));
    switch (m->type) {
    case WIRE_MODEL_OK:
        return take_ok(b, from, m, e);
    case WIRE_TENSOR_DONE:
        return take_tensor_done(b, from, m, e);
    case WIRE_MODEL_READY:
        return take_ready(b, from, m, e);
    case WIRE_MODEL_DONE:
        return take_done(b, from, m, e);
    default:
        return errand_not_due(from, m, e);
    }
}

static void on_late(struct errand *x, struct err *why)
{
    struct bob *b = (struct bob *)x;
    unsigned missing = errand_all(x) & ~(b->state == BOB_CONNECT ? x->up : x->said);
    for (unsigned i = 0; b->state == BOB_SENDING && i < x->n; i++)
        if (b->acked[i] == b->next && b->next < b->ntensor)
            missing &= ~(1u << i);
    err_set(why, ERR_PEER, "party %d has not answered for %g s", __builtin_ffs((int)missing) - 1,
            patience(b));
}

static void on_ended(struct errand *x, const struct err *why)
{
    struct bob *b = (struct bob *)x;
    b->conf.done(b->conf.ctx, why);
}

static const struct errand_ops ops = {
    .begin = on_begin, .take = on_take, .late = on_late, .ended = on_ended
};

/* ---- beginning and end ---- */

static int selections_check(const struct bob_conf *c, struct err *e)
{
    if (c->nselection == 0 || c->nselection > WIRE_SELECTIONS)
        return err_set(e, ERR_USAGE, "a model needs 1 to %d frame selections", WIRE_SELECTIONS);
    for (unsigned i = 0; i < c->nselection; i++) {
        uint32_t width = chunks_frames(&c->selection[i].chunks, c->selection[i].frames);
        size_t n = (size_t)width * c->selection[i].selected;
        if (chunks_check(&c->selection[i].chunks, c->selection[i].frames,
                         c->selection[i].selected, e) != 0)
            return e->code;
        for (unsigned k = 0; k < i; k++)
            if (c->selection[k].frames == c->selection[i].frames)
                return err_set(e, ERR_INPUT, "two selections for clips of %u frames",
                               c->selection[i].frames);
        for (size_t k = 0; k < n; k++)
            if (c->selection[i].rows[k] > 1)
                return err_set(e, ERR_INPUT, "selection for %u frames, row %zu, column %zu: an "
                               "entry is neither 0 nor 1", c->selection[i].frames,
                               k / width, k % width);
    }
    return 0;
}

/* limit: memory that messages need. */
static int offer_make(struct bob *b, size_t *limit, struct err *e)
{
    size_t n = 0, most = 0;
    struct wire_model *o = &b->offer;
    snprintf(o->name, sizeof o->name, "%s", b->conf.model_name);
    snprintf(o->protocol, sizeof o->protocol, "%s", b->conf.proto->name);
    o->reveal = b->conf.reveal_scores != 0;
    o->nselection = (uint16_t)b->conf.nselection;
    for (unsigned i = 0; i < o->nselection; i++)
        o->selection[i] = (struct wire_selection){ b->conf.selection[i].frames,
                                                   b->conf.selection[i].selected,
                                                   b->conf.selection[i].chunks };
    b->net = fixed_net_write(&b->conf.model->net, &n);
    o->net = b->net;
    o->nnet = (uint32_t)n;
    b->ntensor = wire_tensors(b->tensor, b->conf.proto, &b->conf.model->net, o->nselection,
                              o->selection);
    if (b->ntensor == 0)
        return err_set(e, ERR_INPUT, "a layer or selection of the model is empty or too large");
    for (unsigned i = 0; i < b->ntensor; i++)
        most = b->tensor[i].n > most ? b->tensor[i].n : most;
    *limit = 1 << 22;
    for (unsigned i = 0; i < b->conf.proto->parties; i++)
        *limit += (UNDER_WAY + 1) * (client_bytes(b->conf.proto, OWNER_MODEL, most,
                                                 protocol_turns(b->conf.proto), i) * 5 / 4);
    if (b->net == NULL)
        return err_set(e, ERR_FAILED, "out of memory");
    if (RAND_bytes(o->version, sizeof o->version) != 1)
        return err_set(e, ERR_FAILED, "no random bytes from OpenSSL");
    return 0;
}

struct bob *bob_new(struct host *h, const struct bob_conf *conf, struct err *e)
{
    size_t limit = 0;
    if (errand_name_check(conf->model_name, e) != 0 || selections_check(conf, e) != 0)
        return NULL;
    struct bob *b = mem_new(1, sizeof *b);
    if (b == NULL) {
        err_set(e, ERR_FAILED, "out of memory");
        return NULL;
    }
    b->conf = *conf;
    if (offer_make(b, &limit, e) != 0 ||
        errand_open(&b->x, h, &ops, conf->proto->parties, limit, e) != 0) {
        bob_free(b);
        return NULL;
    }
    errand_wait(&b->x, patience(b));
    return b;
}

void bob_free(struct bob *b)
{
    if (b == NULL)
        return;
    errand_close(&b->x);
    free(b->net);
    mem_free(b);
}
