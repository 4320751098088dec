/*
 * alice.c: the owner of a clip: asks all parties for their terms, shares the clip if the terms
 * agree, and joins the pieces of the label.
 *
 *   CONNECT -> ASKED -> SENT
 *
 * Nothing of the clip leaves before all parties have given the same terms to the byte. It goes as a
 * whole or in chunks, as the terms say: a few are under way at a time, and a chunk goes as soon as
 * its frames are there. Alice believes no single party: pieces that do not fit together are an error
 * (ERR_ABORT).
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "src/errand.h"

enum alice_state { ALICE_CONNECT, ALICE_ASKED, ALICE_SENT };

enum {
    TERMS_LIMIT = 1 << 20,      /* of all control messages at a time, beside the big ones */
    UNDER_WAY = 4               /* chunks; parties take as many (PARTY_AHEAD) */
};

struct alice {
    struct errand x;
    struct alice_conf conf;
    enum alice_state state;
    struct wire_terms agreed;
    struct fixed_net net;
    unsigned bits;                  /* of the label */
    unsigned chunk;                 /* the next to be shared; the number of chunks: none */
    unsigned sent, acked[LINK_PARTIES];     /* chunks */
    double *frames;                 /* of the next chunk, where they come one by one */
    uint32_t have;                  /* frames of the clip, likewise */
    int wanted, sharing;            /* a frame is; share_all runs */
    uint8_t *label[LINK_PARTIES], *scores[LINK_PARTIES];
    unsigned label_room, scores_room;
    uint64_t sent_at, shared_at;
    struct alice_result result;
};

static size_t pixels(const struct alice *a)
{
    return (size_t)a->conf.frames * a->conf.h * a->conf.w * a->conf.c;
}

static void progress(const struct alice *a, const char *phase, double part)
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
    progress(a, "terms", 0);
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
                       "have to agree on version and window", i);
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

static size_t frame_size(const struct alice *a)
{
    return (size_t)a->conf.h * a->conf.w * a->conf.c;
}

/* Are the values of this frame in [0, 1]? */
static int frame_check(const struct alice_conf *c, const double *frame, uint32_t number,
                       struct err *e)
{
    size_t n = (size_t)c->h * c->w * c->c;
    for (size_t i = 0; i < n; i++)
        if (!(frame[i] >= 0 && frame[i] <= 1))
            return err_set(e, ERR_INPUT, "frame %u of the clip, value %zu: %g is not in [0, 1]",
                           number, i, frame[i]);
    return 0;
}

static unsigned chunk_count(const struct alice *a)
{
    return chunks_count(&a->agreed.chunks);
}

/* Frames of a chunk as they are shared, and those that the clip has of it. */
static uint32_t chunk_frames(const struct alice *a)
{
    return chunks_frames(&a->agreed.chunks, a->conf.frames);
}

static uint32_t chunk_filled(const struct alice *a, unsigned chunk)
{
    uint32_t each = chunk_frames(a), left = a->conf.frames - chunk * each;
    return left < each ? left : each;
}

/* Shares so many frames, filled up with zeros to a chunk, with everybody. */
static int share(struct alice *a, const double *frames, uint32_t filled, struct err *e)
{
    const struct protocol *proto = a->conf.proto;
    uint8_t *out[LINK_PARTIES] = { 0 };
    size_t n = chunk_frames(a) * frame_size(a);
    int code = 0;
    uint64_t *x = mem_new(n, sizeof *x);
    for (unsigned i = 0; i < a->x.n && x != NULL; i++)
        if ((out[i] = arena_take(a->x.arena, client_bytes(proto, OWNER_CLIP, n, 1, i))) == NULL)
            code = ERR_FAILED;
    if (x == NULL || code != 0) {
        code = err_set(e, ERR_FAILED, "out of memory for the clip's shares");
        goto out;
    }
    fixed_encode(x, frames, filled * frame_size(a), a->net.frac);
    code = client_split(proto, OWNER_CLIP, out, x, n, 1, e);
    for (unsigned i = 0; i < a->x.n && code == 0; i++) {
        struct message m = { .type = WIRE_INPUT, .job = a->x.id, .stream = a->chunk,
                             .n = client_bytes(proto, OWNER_CLIP, n, 1, i), .data = out[i] };
        a->result.input_bytes += m.n;
        if (a->x.host->ops->send(a->x.host, i, m) != 0)
            code = err_set(e, ERR_PEER, "lost party %u", i);
        out[i] = NULL;
    }
out:
    for (unsigned i = 0; i < a->x.n; i++)
        arena_give(out[i]);
    if (x != NULL)
        wipe(x, n * sizeof *x);
    mem_free(x);
    return code;
}

/* The frames of the next chunk, or NULL: they are not all there, and the next one is wanted. */
static const double *chunk_ready(struct alice *a)
{
    uint32_t first = a->chunk * chunk_frames(a), end = first + chunk_filled(a, a->chunk);
    if (a->conf.video != NULL)
        return a->conf.video + first * frame_size(a);
    while (a->have < end && !a->wanted && !a->x.over) {
        a->wanted = 1;
        a->conf.want(a->conf.ctx);
    }
    return a->have >= end ? a->frames : NULL;
}

/* Chunks that all parties have. */
static unsigned chunks_arrived(const struct alice *a)
{
    unsigned least = a->acked[0];
    for (unsigned i = 1; i < a->x.n; i++)
        least = a->acked[i] < least ? a->acked[i] : least;
    return least;
}

/* Shares what is there of the clip, as far as the parties take it. */
static int share_all(struct alice *a, struct err *e)
{
    const double *frames;
    int code = 0;
    a->sharing = 1;
    while (code == 0 && !a->x.over && a->chunk < chunk_count(a) &&
           a->sent - chunks_arrived(a) < UNDER_WAY && (frames = chunk_ready(a)) != NULL) {
        code = share(a, frames, chunk_filled(a, a->chunk), e);
        a->chunk = chunks_next(&a->agreed.chunks, a->chunk + 1);
        a->sent++;
        if (chunk_count(a) > 1)
            progress(a, "input", (double)a->chunk / chunk_count(a));
    }
    a->sharing = 0;
    return code;
}

/* Does the frame that comes belong to the chunk that is shared next? Others are not shared. */
static int frame_counts(const struct alice *a)
{
    return a->have >= a->chunk * chunk_frames(a);
}

void alice_frame(struct alice *a, const double *frame, const struct err *why)
{
    struct err e = { 0 };
    if (!a->wanted || a->x.over)
        return;
    a->wanted = 0;
    if (frame == NULL) {
        errand_end(&a->x, why, NO_VALUE);
        return;
    }
    if (frame_check(&a->conf, frame, a->have, &e) == 0 && frame_counts(a))
        memcpy(a->frames + (a->have - a->chunk * chunk_frames(a)) * frame_size(a), frame,
               frame_size(a) * sizeof *frame);
    a->have++;
    if (a->conf.timeout > 0)
        errand_wait(&a->x, a->conf.timeout);
    if (e.code != 0 || (!a->sharing && share_all(a, &e) != 0))
        errand_end(&a->x, &e, NO_VALUE);
}

/* The terms are agreed: the first chunk is next. */
static int share_begin(struct alice *a, struct err *e)
{
    a->state = ALICE_SENT;
    a->sent_at = a->x.host->ops->now(a->x.host);
    a->chunk = chunks_next(&a->agreed.chunks, 0);
    if (a->conf.video == NULL &&
        (a->frames = mem_new(chunk_frames(a) * frame_size(a), sizeof *a->frames)) == NULL)
        return err_set(e, ERR_FAILED, "out of memory for a chunk of the clip");
    progress(a, "input", 0);
    return share_all(a, e);
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
    return share_begin(a, e);
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
    progress(a, "label", 1);
    errand_end(&a->x, &(const struct err){ .code = 0 }, NO_VALUE);
    return 0;
}

/* Do all parties have all of the clip? */
static int has_input(const struct alice *a)
{
    return a->state == ALICE_SENT && a->chunk == chunk_count(a) && chunks_arrived(a) == a->sent;
}

static int take_input_done(struct alice *a, unsigned from, const struct message *m, struct err *e)
{
    if (a->state != ALICE_SENT || a->acked[from] >= a->sent)
        return errand_not_due(from, m, e);
    a->acked[from]++;
    if (has_input(a)) {
        a->shared_at = a->x.host->ops->now(a->x.host);
        progress(a, "compute", 0);
    }
    return share_all(a, e);
}

/* Party 0 tells how far it is: for people's eyes, nothing depends on it. */
static int take_progress(struct alice *a, unsigned from, const struct message *m, struct err *e)
{
    struct wire_progress w;
    if (a->state != ALICE_SENT || from != 0)
        return errand_not_due(from, m, e);
    if (wire_progress_parse(&w, m->data, m->n, e) != 0)
        return err_prefix(e, "party %u", from);
    if (a->conf.progress == NULL || !has_input(a))
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
    if (!has_input(a))
        return err_set(e, ERR_ABORT, "a label came before all parties had the clip");
    return conclude(a, e);
}

/* ---- the errand ---- */

static void on_linked(struct errand *x)
{
    progress((const struct alice *)x, "connect", (double)__builtin_popcount(x->up) / x->n);
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
        return take_input_done(a, from, m, e);
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
        what = !has_input(a) ? "the clip did not arrive" : "no label";
        for (unsigned i = 0; i < a->x.n; i++)
            missing &= ~(a->label[i] != NULL || (!has_input(a) && a->acked[i] == a->sent)
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
        if (frame_check(c, c->video + i * frame, i, e) != 0)
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
    if (a->frames != NULL)
        wipe(a->frames, chunk_frames(a) * frame_size(a) * sizeof *a->frames);
    mem_free(a->frames);
    wipe(a, sizeof *a);
    mem_free(a);
}
