/*
 * party_weights.c: a job's model at a party: tensors are agreed on, and go to the engine as they
 * are here, at once when the model is whole, else one by one as Bob's shares arrive.
 *
 * Two parties agree on a model in JOB: each says its mark of all of it, or none (zeros) while some
 * of it is not here. Where both have said one, and it is the same, they are done. Else the two tell
 * each other their marks of every tensor that the job reads (HELD), where the adversary is
 * malicious, once all have said JOB. So every two parties know by what the two have said themselves
 * how they agree, and no third can make them differ. A tensor goes to the engine when it is here
 * and every peer has agreed on it, either way.
 */
#include "src/party_st.h"

#include <stdio.h>
#include <string.h>

int weights_new(struct job *j, struct err *e)
{
    j->weight = mem_new(j->model->nholding, sizeof *j->weight);
    return j->weight != NULL ? 0 :
           err_set(e, ERR_FAILED, "party %u is out of memory", j->party->conf.self);
}

/* Does the job read this tensor? Not the selections for clips of other lengths. */
static int is_read(const struct job *j, unsigned i)
{
    const struct tensor *t = &j->model->holding[i].is;
    return t->kind != TENSOR_SELECTION || t->index == j->selection;
}

/* The first tensor that the job reads and that is not here; the number of tensors: all are. */
static unsigned awaited(const struct job *j)
{
    const struct model *m = j->model;
    unsigned i = 0;
    while (i < m->nholding && (m->holding[i].state == HOLDING_HERE || !is_read(j, i)))
        i++;
    return i;
}

int weights_here(const struct job *j)
{
    return awaited(j) == j->model->nholding;
}

/* ---- agreement ---- */

void weights_mark(const struct job *j, unsigned peer, uint8_t mark[static CLIENT_MARK])
{
    if (j->whole)
        memcpy(mark, j->model->mark[peer], CLIENT_MARK);
    else
        memset(mark, 0, CLIENT_MARK);
}

/* Do the two agree tensor by tensor? Known when both have said JOB. */
static int by_tensor(const struct job *j, unsigned peer)
{
    static const uint8_t none[CLIENT_MARK];
    return !j->whole || memcmp(j->meet[peer].model, none, CLIENT_MARK) == 0;
}

static int differ(const struct job *j, unsigned peer, struct err *e)
{
    return err_set(e, ERR_ABORT, "%s gave party %u and party %u shares of different models (or one "
                   "of the two parties cheats)", j->model->giver, j->party->conf.self, peer);
}

int weights_met(const struct job *j, unsigned peer, struct err *e)
{
    if (!by_tensor(j, peer) && memcmp(j->meet[peer].model, j->model->mark[peer], CLIENT_MARK) != 0)
        return differ(j, peer, e);
    return 0;
}

int weights_peer(struct job *j, unsigned from, const struct wire_mark *m, struct err *e)
{
    if ((j->party->conf.proto->flags & PROTOCOL_MALICIOUS) == 0 || j->state < JOB_READY ||
        (j->met & 1u << from) == 0 || !by_tensor(j, from) || m->number >= j->model->nholding ||
        !is_read(j, m->number) || (j->weight[m->number].met & 1u << from) != 0)
        return err_set(e, ERR_ABORT, "a message HELD (%u) that is not due", m->number);
    struct weight *w = &j->weight[m->number];
    w->met |= 1u << from;
    memcpy(w->theirs[from], m->mark, CLIENT_MARK);
    weights_give(j);
    return 0;
}

/* Tells a peer of a tensor that is here. */
static int tell(struct job *j, unsigned i, unsigned peer, struct err *e)
{
    struct party *p = j->party;
    struct wire_mark m = { .number = i };
    size_t n;
    memcpy(m.mark, j->model->holding[i].mark[peer], CLIENT_MARK);
    j->weight[i].told |= 1u << peer;
    uint8_t *data = wire_mark_pack(p->control, &m, &n);
    if (data == NULL)
        return err_set(e, ERR_FAILED, "party %u is out of memory", p->conf.self);
    return wire_send(p->host, peer, WIRE_HELD, j->id, data, n) == 0 ? 0 :
           err_set(e, ERR_PEER, "lost party %u", peer);
}

/* Peers who still owe their marks of a tensor that is here, as bits; or an error. */
static int owed(struct job *j, unsigned i, unsigned *peers, struct err *e)
{
    const struct party *p = j->party;
    struct weight *w = &j->weight[i];
    *peers = 0;
    if ((p->conf.proto->flags & PROTOCOL_MALICIOUS) == 0)
        return 0;
    for (unsigned k = 0; k < p->n; k++) {
        if (k == p->conf.self || !by_tensor(j, k))
            continue;
        if ((w->told & 1u << k) == 0 && tell(j, i, k, e) != 0)
            return e->code;
        if ((w->met & 1u << k) == 0)
            *peers |= 1u << k;
        else if (memcmp(w->theirs[k], j->model->holding[i].mark[k], CLIENT_MARK) != 0)
            return differ(j, k, e);
    }
    return 0;
}

/* ---- to the engine ---- */

/* Binds words of the model, if they are as long as the program thinks. */
static int bind(struct job *j, uint32_t value, const uint64_t *words, size_t n, struct err *e)
{
    if (value == NO_VALUE)
        return 0;
    if (j->compiled.program->value[value].words != n)
        return err_set(e, ERR_FAILED, "an input of the plan has %zu words, the party holds %zu",
                       j->compiled.program->value[value].words, n);
    engine_bind(j->engine, value, words);
    return 0;
}

/* A tensor as the program reads it in each turn. */
static int bind_tensor(struct job *j, const struct holding *h, struct err *e)
{
    const struct protocol *proto = j->party->conf.proto;
    const struct compiled *c = &j->compiled;
    const struct tensor *t = &h->is;
    size_t n = t->kind == TENSOR_WEIGHT ? proto->weight_words(&t->g)
                                        : value_words(proto, VALUE_SHARE, t->n);
    for (unsigned i = 0; i < t->turns; i++) {
        uint32_t value = t->kind == TENSOR_SELECTION ? c->selection :
                         t->kind == TENSOR_WEIGHT ? c->turn[i].weight[t->index]
                                                  : c->turn[i].bias[t->index];
        if (bind(j, value, model_words(h, i), n, e) != 0)
            return e->code;
    }
    return 0;
}

void weights_give(struct job *j)
{
    struct err e;
    for (unsigned i = 0; i < j->model->nholding && j->state == JOB_RUN; i++) {
        const struct holding *h = &j->model->holding[i];
        unsigned peers;
        if (h->state != HOLDING_HERE || !is_read(j, i) || j->weight[i].given)
            continue;
        int code = owed(j, i, &peers, &e);
        if (code == 0 && peers == 0) {
            j->weight[i].given = 1;
            code = bind_tensor(j, h, &e);
        }
        if (code != 0)
            job_end(j, &e, NO_VALUE);
    }
}

/* ---- waiting ---- */

int weights_waits(const struct job *j, char *text, size_t n)
{
    const struct model *m = j->model;
    unsigned i = awaited(j), parties = j->party->n;
    if (i < m->nholding) {
        snprintf(text, n, "tensor %u of model %s from %s", i, m->is.name, m->giver);
        return 1;
    }
    for (i = 0; i < m->nholding; i++)
        for (unsigned k = 0; k < parties && is_read(j, i) && !j->weight[i].given; k++)
            if (k != j->party->conf.self && by_tensor(j, k) &&
                (j->weight[i].met & 1u << k) == 0) {
                snprintf(text, n, "party %u, which does not hold tensor %u of model %s yet", k, i,
                         m->is.name);
                return 1;
            }
    return 0;
}
