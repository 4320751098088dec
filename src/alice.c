/*
 * alice.c: the owner of a clip: asks all parties for their terms, shares the clip if the terms
 * agree, and joins the pieces of the label.
 *
 *   CONNECT -> ASKED -> SENT
 *
 * Nothing of the clip leaves before all parties have given the same terms to the byte. It goes as a
 * whole or in chunks, as the terms say: a few are under way at a time, and a chunk goes as soon as
 * its frames are there. Alice believes no single party: pieces that do not fit together are an
 * error (ERR_ABORT).
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "src/alice_st.h"

enum { TERMS_LIMIT = 1 << 20 };     /* of all control messages at a time, beside the big ones */

static size_t pixels(const struct alice *a)
{
    return (size_t)a->conf.frames * a->conf.h * a->conf.w * a->conf.c;
}

void alice_tell(const struct alice *a, const char *phase, double part)
{
    if (a->conf.progress != NULL)
        a->conf.progress(a->conf.ctx, &(struct alice_progress){ .phase = phase, .part = part });
}

/* ---- asking ---- */

static int ask(struct alice *a, struct err *e)
{
    struct wire_ask m = { .frames = a->conf.frames, .h = a->conf.h, .w = a->conf.w,
                          .c = a->conf.c, .reveal = a->conf.reveal_scores != 0 };
    snprintf(m.model, sizeof m.model, "%s", a->conf.model_name);
    snprintf(m.protocol, sizeof m.protocol, "%s", a->conf.proto->name);
    a->state = ALICE_ASKED;
    alice_tell(a, "terms", 0);
    return errand_ask(&a->x, &m, e);
}

/* ---- terms ---- */

/* Why the terms of party i are not those of party 0. */
static int terms_differ(struct alice *a, unsigned i, struct err *e)
{
    struct wire_terms t;
    if (wire_terms_parse(&t, a->x.terms[i], a->x.nterms[i], e) != 0)
        return err_prefix(e, "party %u", i);
    if (memcmp(t.version, a->agreed.version, sizeof t.version) != 0)
        return err_set(e, ERR_PEER, "party 0 and party %u hold different versions of model %s: is "
                       "it being replaced? Try again, or have it provided again", i,
                       a->conf.model_name);
    if (memcmp(t.digest, a->agreed.digest, sizeof t.digest) != 0)
        return err_set(e, ERR_ABORT, "party 0 and party %u run different plans: their operators "
                       "have to agree on the version", i);
    return err_set(e, ERR_ABORT, "party 0 and party %u give different terms", i);
}

static int terms_check(struct alice *a, struct err *e)
{
    const struct wire_terms *t = &a->agreed;
    unsigned odd = errand_odd_terms(&a->x);
    if (wire_terms_parse(&a->agreed, a->x.terms[0], a->x.nterms[0], e) != 0)
        return err_prefix(e, "party 0");
    if (odd != 0)
        return terms_differ(a, odd, e);
    if (t->parties != a->x.n || t->reveal != (a->conf.reveal_scores != 0) || t->selected == 0 ||
        chunks_check(&t->chunks, a->conf.frames, t->selected, NULL) != 0)
        return err_set(e, ERR_ABORT, "the parties' terms are not what was asked for");
    if (fixed_net_read(&a->net, t->net, t->nnet, e) != 0)
        return err_prefix(e, "the parties' network");
    const struct geometry *g = &a->net.stage[0].g;
    if (g->h != a->conf.h || g->w != a->conf.w || g->c != a->conf.c)
        return err_set(e, ERR_INPUT, "the model takes frames of %u x %u x %u", g->h, g->w, g->c);
    while (1u << a->bits < a->net.nclass)
        a->bits++;
    return 0;
}

static int take_terms(struct alice *a, unsigned from, struct message *m, struct err *e)
{
    int last = a->state == ALICE_ASKED ? errand_terms(&a->x, from, m) : -1;
    if (last < 0)
        return errand_not_due(from, m, e);
    if (last == 0)
        return 0;
    if (terms_check(a, e) != 0)
        return e->code;
    return alice_share(a, e);
}

/* ---- the label ---- */

static size_t label_bytes(const struct alice *a)
{
    return value_piece(a->conf.proto, VALUE_BITS, a->bits) * 8;
}

static size_t scores_bytes(const struct alice *a)
{
    return value_piece(a->conf.proto, VALUE_SHARE, a->net.nclass) * 8;
}

static int join_scores(struct alice *a, struct err *e)
{
    uint64_t x[FIXED_CLASSES];
    const uint64_t *piece[LINK_PARTIES];
    for (unsigned i = 0; i < a->x.n; i++)
        piece[i] = (const uint64_t *)(const void *)a->scores[i];
    if (a->conf.proto->output_join(x, piece, a->net.nclass, VALUE_SHARE, e) != 0)
        return err_prefix(e, "the scores");
    for (unsigned i = 0; i < a->net.nclass; i++)
        a->result.scores[i] = ldexp((double)(int64_t)x[i], -COMPILE_SCORE_BITS);
    a->result.have_scores = 1;
    wipe(x, sizeof x);
    return 0;
}

static int join_label(struct alice *a, struct err *e)
{
    uint64_t x[1] = { 0 };
    const uint64_t *piece[LINK_PARTIES];
    for (unsigned i = 0; i < a->x.n; i++)
        piece[i] = (const uint64_t *)(const void *)a->label[i];
    if (a->conf.proto->output_join(x, piece, value_stride(a->conf.proto, VALUE_BITS, a->bits),
                                   VALUE_BITS, e) != 0)
        return err_prefix(e, "the label");
    uint64_t label = x[0] & ((UINT64_C(1) << a->bits) - 1);
    wipe(x, sizeof x);
    if (label >= a->net.nclass)
        return err_set(e, ERR_ABORT, "the parties' pieces give none of the %u classes: a party "
                       "broke the protocol", a->net.nclass);
    a->result.label = (unsigned)label;
    return 0;
}

static int conclude(struct alice *a, struct err *e)
{
    struct alice_result *r = &a->result;
    uint64_t now = a->x.host->ops->now(a->x.host);
    if ((a->agreed.reveal && join_scores(a, e) != 0) || join_label(a, e) != 0)
        return e->code;
    snprintf(r->class_name, sizeof r->class_name, "%.*s", FIXED_NAME - 1,
             a->net.class_name[r->label]);
    r->nclass = a->net.nclass;
    r->frames = a->conf.frames;
    r->selected = a->agreed.selected;
    r->seconds_input = (double)(a->shared_at - a->sent_at) / 1e9;
    r->seconds_total = (double)(now - a->shared_at) / 1e9;
    r->planned_rounds = a->agreed.rounds;
    memcpy(r->planned_bytes, a->agreed.sent, sizeof r->planned_bytes);
    alice_tell(a, "label", 1);
    errand_end(&a->x, &(const struct err){ .code = 0 }, NO_VALUE);
    return 0;
}

/* Party 0 tells how far it is: for people's eyes, nothing depends on it. */
static int take_progress(struct alice *a, unsigned from, const struct message *m, struct err *e)
{
    struct wire_progress w;
    if (a->state != ALICE_SENT || from != 0)
        return errand_not_due(from, m, e);
    if (wire_progress_parse(&w, m->data, m->n, e) != 0)
        return err_prefix(e, "party %u", from);
    if (a->conf.progress == NULL || !alice_shared(a))
        return 0;
    struct alice_progress p = { .phase = "compute", .part = (double)w.done / w.gates,
                                .has_frame = w.layer < LAYER_ARGMAX &&
                                             w.frame < a->agreed.selected,
                                .frame = w.frame, .selected = a->agreed.selected,
                                .rounds = w.rounds, .bytes = w.sent };
    compile_layer_name(&a->net, w.layer, p.layer, sizeof p.layer);
    a->conf.progress(a->conf.ctx, &p);
    return 0;
}

static int take_piece(struct alice *a, unsigned from, struct message *m, struct err *e)
{
    uint8_t **place = m->type == WIRE_LABEL ? a->label : a->scores;
    unsigned room = m->type == WIRE_LABEL ? a->label_room : a->scores_room;
    if ((room & 1u << from) == 0 || place[from] != NULL || m->n == 0)
        return err_set(e, ERR_ABORT, "party %u sent a piece that is not due", from);
    place[from] = m->data;
    m->data = NULL;
    for (unsigned i = 0; i < a->x.n; i++)
        if (a->label[i] == NULL || (a->agreed.reveal && a->scores[i] == NULL))
            return 0;
    if (!alice_shared(a))
        return err_set(e, ERR_ABORT, "a label came before all parties had the clip and the model");
    return conclude(a, e);
}

/* ---- the errand ---- */

static void on_linked(struct errand *x)
{
    alice_tell((const struct alice *)x, "connect", (double)__builtin_popcount(x->up) / x->n);
}

static int on_begin(struct errand *x, struct err *e)
{
    return ask((struct alice *)x, e);
}

static uint8_t *on_bulk(struct errand *x, unsigned from, const struct message *head,
                        struct err *why)
{
    struct alice *a = (struct alice *)x;
    unsigned *asked = head->type == WIRE_LABEL ? &a->label_room : &a->scores_room;
    size_t n = head->type == WIRE_LABEL ? label_bytes(a) : scores_bytes(a);
    if (a->state != ALICE_SENT || (*asked & 1u << from) != 0 || head->n != n ||
        (head->type == WIRE_SCORES && !a->agreed.reveal)) {
        err_set(why, ERR_ABORT, "party %u sent a message %s of %zu bytes that is not due", from,
                wire_type_name(head->type), head->n);
        return NULL;
    }
    *asked |= 1u << from;
    return arena_take(a->x.arena, n);
}

static int on_take(struct errand *x, unsigned from, struct message *m, struct err *e)
{
    struct alice *a = (struct alice *)x;
    switch (m->type) {
    case WIRE_TERMS:
        return take_terms(a, from, m, e);
    case WIRE_INPUT_DONE:
        return alice_input_done(a, from, m, e);
    case WIRE_PROGRESS:
        return take_progress(a, from, m, e);
    case WIRE_SCORES:
    case WIRE_LABEL:
        return take_piece(a, from, m, e);
    default:
        return errand_not_due(from, m, e);
    }
}

static void on_late(struct errand *x, struct err *why)
{
    const struct alice *a = (const struct alice *)x;
    unsigned missing = errand_all(x) & ~(a->state == ALICE_CONNECT ? a->x.up : 0);
    const char *what = "no link";
    if (a->state == ALICE_ASKED) {
        what = "no terms (its queue may be long)";
        for (unsigned i = 0; i < a->x.n; i++)
            missing &= ~(a->x.terms[i] != NULL ? 1u << i : 0);
    } else if (a->state == ALICE_SENT) {
        what = !alice_shared(a) ? "no word that the clip and the model are there" : "no label";
        for (unsigned i = 0; i < a->x.n; i++)
            missing &= ~(a->label[i] != NULL || (!alice_shared(a) && a->acked[i] == a->sent)
                             ? 1u << i : 0);
    }
    if (missing == 0)
        err_set(why, ERR_INPUT, "gave up after %g s: frame %u of the clip did not come",
                a->conf.timeout, a->have);
    else
        err_set(why, ERR_PEER, "gave up after %g s: %s from party %d", a->conf.timeout, what,
                __builtin_ffs((int)missing) - 1);
}

static void on_ended(struct errand *x, const struct err *why)
{
    struct alice *a = (struct alice *)x;
    a->conf.done(a->conf.ctx, why, why->code == 0 ? &a->result : NULL);
}

static const struct errand_ops ops = {
    .linked = on_linked, .begin = on_begin, .take = on_take, .bulk = on_bulk, .late = on_late,
    .ended = on_ended
};

/* ---- beginning and end ---- */

static int conf_check(const struct alice_conf *c, struct err *e)
{
    uint64_t frame = (uint64_t)c->h * c->w, n;
    if (errand_name_check(c->model_name, e) != 0)
        return e->code;
    if (__builtin_mul_overflow(frame, c->c, &frame) ||
        __builtin_mul_overflow(frame, c->frames, &n) || n == 0 || n > LINK_MESSAGE_MAX / 16)
        return err_set(e, ERR_INPUT, "a clip of %u frames of %u x %u x %u is empty or too long",
                       c->frames, c->h, c->w, c->c);
    if (c->video == NULL)
        return 0;
    for (uint32_t i = 0; i < c->frames; i++)
        if (alice_frame_check(c, c->video + i * frame, i, e) != 0)
            return e->code;
    return 0;
}

struct alice *alice_new(struct host *h, const struct alice_conf *conf, struct err *e)
{
    if (conf_check(conf, e) != 0)
        return NULL;
    struct alice *a = mem_new(1, sizeof *a);
    if (a == NULL) {
        err_set(e, ERR_FAILED, "out of memory");
        return NULL;
    }
    a->conf = *conf;
    size_t limit = TERMS_LIMIT;
    for (unsigned i = 0; i < conf->proto->parties; i++)
        limit += 2 * client_bytes(conf->proto, OWNER_CLIP, pixels(a), 1, i);
    if (errand_open(&a->x, h, &ops, conf->proto->parties, limit, e) != 0) {
        alice_free(a);
        return NULL;
    }
    if (conf->timeout > 0)
        errand_wait(&a->x, conf->timeout);
    return a;
}

void alice_free(struct alice *a)
{
    if (a == NULL)
        return;
    errand_close(&a->x);
    alice_clip_free(a);
    wipe(a, sizeof *a);
    mem_free(a);
}
