/*
 * prepare.c: the owner of a model has correlated randomness made for it beforehand.
 *
 *   CONNECT -> ASKED -> RUNNING -> ASKED -> ..
 *
 * One job an item: ASK to all, and BEGIN when all have given the same terms; the item is there when
 * all have said PREPARED for the same number. The owner gives nothing and learns nothing: the
 * randomness stays with the parties.
 */
#include <stdio.h>
#include <string.h>

#include "src/errand.h"

enum state { CONNECT, ASKED, RUNNING };

enum { CONTROL_LIMIT = 1 << 20, PATIENCE = 60 };

struct prepare {
    struct errand x;
    struct prepare_conf conf;
    enum state state;
    uint64_t serial, began;
    struct prepare_result result;
};

static double patience(const struct prepare *b)
{
    return b->conf.timeout > 0 ? b->conf.timeout : PATIENCE;
}

static void progress(const struct prepare *b, double part)
{
    if (b->conf.progress != NULL)
        b->conf.progress(b->conf.ctx, b->result.items, part);
}

/* ---- one item ---- */

static int ask(struct prepare *b, struct err *e)
{
    struct wire_ask m = { .frames = b->conf.frames, .prepare = 1 };
    snprintf(m.model, sizeof m.model, "%s", b->conf.model_name);
    snprintf(m.protocol, sizeof m.protocol, "%s", b->conf.proto->name);
    b->state = ASKED;
    progress(b, 0);
    return errand_ask(&b->x, &m, e);
}

static int begin(struct prepare *b, struct err *e)
{
    struct wire_terms t;
    unsigned odd = errand_odd_terms(&b->x);
    if (wire_terms_parse(&t, b->x.terms[0], b->x.nterms[0], e) != 0)
        return err_prefix(e, "party 0");
    if (odd != 0)
        return err_set(e, ERR_PEER, "party 0 and party %u give different terms: is the model "
                       "being replaced, or do their versions differ?", odd);
    b->result.selected = t.selected;
    b->result.rounds = t.rounds;
    memcpy(b->result.bytes, t.sent, sizeof b->result.bytes);
    b->state = RUNNING;
    b->x.said = 0;
    return errand_tell(&b->x, WIRE_BEGIN, e);
}

static int take_terms(struct prepare *b, unsigned from, struct message *m, struct err *e)
{
    int last = b->state == ASKED ? errand_terms(&b->x, from, m) : -1;
    if (last < 0)
        return errand_not_due(from, m, e);
    return last > 0 ? begin(b, e) : 0;
}

static int take_prepared(struct prepare *b, unsigned from, const struct message *m, struct err *e)
{
    struct wire_prepared is;
    unsigned said = b->x.said;
    int last = b->state == RUNNING ? errand_said(&b->x, from) : -1;
    if (last < 0)
        return errand_not_due(from, m, e);
    if (wire_prepared_parse(&is, m->data, m->n, e) != 0)
        return err_prefix(e, "party %u", from);
    if (said != 0 && is.serial != b->serial)
        return err_set(e, ERR_ABORT, "party %u has stored an item under another number", from);
    b->serial = is.serial;
    b->result.stored[from] += is.bytes;
    if (last == 0)
        return 0;
    if (++b->result.items < b->conf.count)
        return ask(b, e);
    errand_end(&b->x, &(const struct err){ .code = 0 }, NO_VALUE);
    return 0;
}

static int take_progress(struct prepare *b, unsigned from, const struct message *m, struct err *e)
{
    struct wire_progress w;
    if (b->state != RUNNING || from != 0)
        return errand_not_due(from, m, e);
    if (wire_progress_parse(&w, m->data, m->n, e) != 0)
        return err_prefix(e, "party %u", from);
    progress(b, (double)w.done / w.gates);
    return 0;
}

/* ---- the errand ---- */

static int on_begin(struct errand *x, struct err *e)
{
    struct prepare *b = (struct prepare *)x;
    b->began = x->host->ops->now(x->host);
    return ask(b, e);
}

static int on_take(struct errand *x, unsigned from, struct message *m, struct err *e)
{
    struct prepare *b = (struct prepare *)x;
    errand_wait(x, patience(b));
    switch (m->type) {
    case WIRE_TERMS:
        return take_terms(b, from, m, e);
    case WIRE_PROGRESS:
        return take_progress(b, from, m, e);
    case WIRE_PREPARED:
        return take_prepared(b, from, m, e);
    default:
        return errand_not_due(from, m, e);
    }
}

static void on_late(struct errand *x, struct err *why)
{
    const struct prepare *b = (const struct prepare *)x;
    unsigned here = b->state == CONNECT ? x->up : x->said;
    for (unsigned i = 0; b->state == ASKED && i < x->n; i++)
        here = (here & ~(1u << i)) | (unsigned)(x->terms[i] != NULL) << i;
    err_set(why, ERR_PEER, "party %d has not answered for %g s",
            __builtin_ffs((int)(errand_all(x) & ~here)) - 1, patience(b));
}

static void on_ended(struct errand *x, const struct err *why)
{
    struct prepare *b = (struct prepare *)x;
    b->result.seconds = (double)(x->host->ops->now(x->host) - b->began) / 1e9;
    b->conf.done(b->conf.ctx, why, &b->result);
}

static const struct errand_ops ops = {
    .begin = on_begin, .take = on_take, .late = on_late, .ended = on_ended
};

/* ---- beginning and end ---- */

struct prepare *prepare_new(struct host *h, const struct prepare_conf *conf, struct err *e)
{
    if (errand_name_check(conf->model_name, e) != 0)
        return NULL;
    struct prepare *b = mem_new(1, sizeof *b);
    if (b == NULL) {
        err_set(e, ERR_FAILED, "out of memory");
        return NULL;
    }
    b->conf = *conf;
    if (errand_open(&b->x, h, &ops, conf->proto->parties, CONTROL_LIMIT, e) != 0) {
        prepare_free(b);
        return NULL;
    }
    b->began = h->ops->now(h);
    errand_wait(&b->x, patience(b));
    return b;
}

void prepare_free(struct prepare *b)
{
    if (b == NULL)
        return;
    errand_close(&b->x);
    mem_free(b);
}
