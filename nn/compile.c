#include "nn/compile.h"

#include <stdio.h>
#include <string.h>

#include "proto/compose.h"

enum { WINDOW = 16, WINDOW_MOST = 1024, GROUP_MOST = 32 };
enum { GROUP = 8, SLICE = 32768 };      /* unless the protocol says */

/* What is carried along while a program is put together. */
struct compiler {
    struct compiled *c;
    struct program *p;
    const struct fixed_net *net;
    const struct compile_options *o;
    const struct chunks *chunks;
    uint32_t logits;        /* SHARE: selected x classes, of all frames */
    uint32_t token[WINDOW_MOST];    /* of the last frames: complete when one is nearly through */
    uint32_t window, group;
    uint32_t selection;     /* what gates read of c->selection and c->turn: */
    struct compiled_weights read[LINK_PARTIES];
    /* The chunk at hand, as gates read it: */
    uint32_t chunk_first, chunk_end;    /* rows of the selection that are its own */
    uint32_t video, video_deal;         /* and what was dealt for it */
    uint32_t chunk_selection;           /* its rows */
    uint32_t deal[FIXED_STAGES];    /* for the linear stages of the group at hand */
    uint32_t place;                 /* of the frame at hand within its group */
};

static unsigned bits_for(uint64_t n)
{
    unsigned bits = 0;
    while (bits < 63 && ((uint64_t)1 << bits) < n)
        bits++;
    return bits;
}

/* ---- outside values ---- */

static void externals_of(struct compiler *k, struct compiled_weights *in)
{
    for (unsigned i = 0; i < FIXED_STAGES; i++) {
        in->weight[i] = in->bias[i] = k->c->stage_value[i] = NO_VALUE;
        if (i >= k->net->nstage || k->net->stage[i].kind != STAGE_LINEAR)
            continue;
        in->weight[i] = program_external_weight(k->p, &k->net->stage[i].g);
        in->bias[i] = program_external(k->p, VALUE_SHARE, k->net->stage[i].g.oc);
    }
}

static void externals(struct compiler *k)
{
    struct compiled *c = k->c;
    const struct stage *first = &k->net->stage[0];
    c->turns = protocol_turns(k->p->proto);
    c->video_shape = geometry_dense(1, chunks_frames(k->chunks, k->o->frames),
                                    (uint32_t)geometry_in(&first->g));
    c->nvideo = chunks_count(k->chunks);
    for (unsigned i = 0; i < c->nvideo; i++) {
        c->video[i] = NO_VALUE;
        if (chunks_rows(k->chunks, i, k->o->selected) == 0)
            continue;
        c->video[i] = program_external_weight(k->p, &c->video_shape);
        program_late(k->p, c->video[i]);
    }
    c->selection = program_external(k->p, VALUE_SHARE, (size_t)k->o->selected * c->video_shape.c);
    for (unsigned t = 0; t < c->turns; t++) {
        k->p->turn = (uint8_t)t;
        externals_of(k, &c->turn[t]);
    }
    k->p->turn = 0;
}

/* Sharings that come from outside become such as gates read; weights are read as they are. */
static void authenticate(struct compiler *k)
{
    k->p->layer = LAYER_SELECT;
    k->selection = gate_auth(k->p, k->c->selection);
    for (unsigned t = 0; t < k->c->turns; t++) {
        struct compiled_weights *in = &k->read[t];
        *in = k->c->turn[t];
        k->p->turn = (uint8_t)t;
        for (unsigned i = 0; i < k->net->nstage; i++)
            if (in->bias[i] != NO_VALUE)
                in->bias[i] = gate_auth(k->p, in->bias[i]);
    }
    k->p->turn = 0;
}

/* The selection's rows of the chunk at hand, of which it needs no gate where they are all. */
static uint32_t rows_of_chunk(struct compiler *k)
{
    uint32_t each = k->c->video_shape.c, n = (k->chunk_end - k->chunk_first) * each;
    if (k->chunk_end - k->chunk_first == k->o->selected)
        return k->selection;
    struct map *m = map_new(k->p, n, k->o->selected * each, n);
    for (uint32_t i = 0; i < n; i++)
        map_term(m, i, k->chunk_first * each + i, 1);
    return gate_affine(k->p, k->selection, NO_VALUE, m);
}

/* The chunk that row f of the selection picks from, and which rows are its own. */
static unsigned chunk_of(const struct compiler *k, uint32_t f, uint32_t *first, uint32_t *end)
{
    unsigned i = 0;
    *first = 0;
    *end = chunks_rows(k->chunks, 0, k->o->selected);
    while (f >= *end) {
        *first = *end;
        *end += chunks_rows(k->chunks, ++i, k->o->selected);
    }
    return i;
}

static struct geometry chunk_geometry(const struct compiler *k)
{
    return geometry_dense(k->chunk_end - k->chunk_first, k->c->video_shape.c,
                          k->c->video_shape.oc);
}

/* The chunk of row f is at hand: one operand of all of its rows. */
static void chunk_begin(struct compiler *k, uint32_t f)
{
    if (f < k->chunk_end)
        return;
    unsigned chunk = chunk_of(k, f, &k->chunk_first, &k->chunk_end);
    struct geometry g = chunk_geometry(k);
    uint8_t turn = k->p->turn;
    k->p->turn = 0;
    k->video_deal = gate_deal_selection(k->p, &g, k->selection, f);
    k->video = gate_mask(k->p, k->c->video[chunk], k->video_deal, 0);
    k->chunk_selection = rows_of_chunk(k);
    k->p->turn = turn;
}

/* What the program's turn reads. */
static const struct compiled_weights *weights(const struct compiler *k)
{
    return &k->read[k->p->turn % k->c->turns];
}

/* ---- stages ---- */

/* One slice of a linear stage, closed by what the stage ends with, into `out` from `first` on. */
static void linear_close(struct compiler *k, const struct stage *s, int relu, uint32_t z,
                         uint32_t out, uint32_t first)
{
    if (relu && s->shift > 0)
        gate_relu_into(k->p, z, s->shift, s->width, out, first);
    else if (relu)
        gate_relu_into(k->p, gate_reshare(k->p, z), 0, s->width, out, first);
    else if (s->shift > 0)
        gate_trunc_into(k->p, z, s->shift, out, first);
    else
        gate_reshare_into(k->p, z, out, first);
}

static size_t slice_of(const struct compiler *k)
{
    size_t own = k->p->proto->slice;
    return k->o->slice != 0 ? k->o->slice : own != 0 ? own : SLICE;
}

/* A linear stage in slices, which take turns (unless sharings belong to turns: then only frames
 * do); gives the last slice's product, which says that the stage is nearly through. */
static uint32_t linear_stage(struct compiler *k, unsigned i, int relu, uint32_t x, uint32_t out,
                             uint32_t first)
{
    const struct stage *s = &k->net->stage[i];
    size_t positions = geometry_positions(&s->g), size = slice_of(k);
    size_t slices = (geometry_out(&s->g) + size - 1) / size;
    slices = slices > positions ? positions : slices;
    uint32_t z = NO_VALUE;
    uint8_t turn = k->p->turn;
    x = gate_mask(k->p, x, k->deal[i], k->place);
    for (size_t j = 0; j < slices; j++) {
        size_t from = positions * j / slices, to = positions * (j + 1) / slices;
        if (k->c->turns == 1)
            k->p->turn = (uint8_t)((turn + j) % k->p->proto->parties);
        z = gate_linear_dealt(k->p, &s->g, x, weights(k)->weight[i], weights(k)->bias[i],
                              (uint32_t)from, (uint32_t)(to - from), k->deal[i], k->place);
        linear_close(k, s, relu, z, out, first + (uint32_t)(from * s->g.oc));
    }
    k->p->turn = turn;
    return z;
}

static uint32_t stage(struct compiler *k, unsigned i, uint32_t x)
{
    const struct stage *s = &k->net->stage[i];
    uint32_t out;
    switch (s->kind) {
    case STAGE_LINEAR:
        out = program_value(k->p, VALUE_SHARE, geometry_out(&s->g));
        linear_stage(k, i, s->relu, x, out, 0);
        return out;
    case STAGE_SUMPOOL:
        return gate_sumpool(k->p, &s->g, x);
    case STAGE_MAXPOOL:
        return compose_maxpool(k->p, &s->g, x, s->width);
    default:
        return gate_relu(k->p, x, 0, s->width);
    }
}

/* ---- frames ---- */

/* x, whose turn is 0, as a value of the program's turn. */
static uint32_t to_turn(struct compiler *k, uint32_t x, size_t n)
{
    if (k->c->turns == 1 || k->p->turn == 0)
        return x;
    uint32_t out = program_value(k->p, VALUE_SHARE, n);
    gate_turn_into(k->p, x, out, 0);
    return out;
}

static uint32_t select_frame(struct compiler *k, uint32_t f)
{
    struct geometry g = chunk_geometry(k);
    uint8_t turn = k->p->turn;
    if (k->c->turns > 1)
        k->p->turn = 0;
    uint32_t x = gate_reshare(k->p, gate_linear_dealt(k->p, &g, k->chunk_selection, k->video,
                                                      NO_VALUE, f - k->chunk_first, 1,
                                                      k->video_deal, 0));
    k->p->turn = turn;
    return to_turn(k, x, g.oc);
}

/* The last stage writes a frame's row of the logits, whose turn is 0. */
static uint32_t logits(struct compiler *k, uint32_t x, uint32_t f)
{
    unsigned last = k->net->nstage - 1u;
    uint32_t n = k->net->nclass;
    if (k->c->turns == 1 || k->p->turn == 0)
        return linear_stage(k, last, k->net->softmax, x, k->logits, f * n);
    uint32_t own = program_value(k->p, VALUE_SHARE, n);
    uint32_t z = linear_stage(k, last, k->net->softmax, x, own, 0);
    k->p->turn = 0;
    gate_turn_into(k->p, own, k->logits, f * n);
    return z;
}

/* New gates are of this frame. */
static void frame_begin(struct compiler *k, uint32_t f, unsigned layer)
{
    k->p->frame = (uint16_t)f;
    k->p->turn = (uint8_t)(f % k->p->proto->parties);
    k->p->layer = (uint16_t)layer;
}

/* One stage of frame first + j. */
static void frame_stage(struct compiler *k, uint32_t f, unsigned i, uint32_t *x)
{
    frame_begin(k, f, i);
    if (i + 1u == k->net->nstage) {
        k->token[f % k->window] = logits(k, *x, f);
        *x = k->logits;
    } else {
        *x = stage(k, i, *x);
    }
    if (f == 0)
        k->c->stage_value[i] = *x;
}

/* What was sent so far can be proved from here on. */
static void stage_end(struct compiler *k, uint32_t f)
{
    frame_begin(k, f, LAYER_VERIFY);
    k->p->turn = 0;
    program_stage(k->p);
}

/*
 * A group of frames, stage by stage. Numbers are priorities, so they decide what overlaps: the
 * first stages have most of the bytes, the later ones most of the rounds. Frame by frame, the last
 * one would begin its rounds when nearly all bytes have gone; stage by stage, all frames fill the
 * links with the first stages together and share the waits of the later ones. A stage's deal comes
 * right before it, and so is made in the waits of the stages before. What proves a group comes
 * behind it, so that it fills the waits as well, and the frames that wait for a place in the window
 * wait for these proofs: so the window bounds their memory, too. Proofs of a stage wait for all of
 * its frames, so where there are any, a group has frames of one chunk alone: the last chunk of a
 * clip finds the proofs of the others done, and no chunk is kept for want of later ones.
 */
static void frames(struct compiler *k, uint32_t first, uint32_t n)
{
    uint32_t x[GROUP_MOST];
    k->p->deal_after = first >= k->window ? k->token[first % k->window] : NO_VALUE;
    for (uint32_t j = 0, f = first; j < n; j++, f++) {
        frame_begin(k, f, LAYER_SELECT);
        chunk_begin(k, f);
        k->p->after = f >= k->window ? k->token[f % k->window] : NO_VALUE;
        x[j] = select_frame(k, f);
        k->p->after = NO_VALUE;
    }
    stage_end(k, first);
    for (unsigned i = 0; i < k->net->nstage; i++) {
        frame_begin(k, first, i);
        if (k->net->stage[i].kind == STAGE_LINEAR)
            k->deal[i] = gate_deal_linear(k->p, &k->net->stage[i].g, k->read[0].weight[i], n);
        for (uint32_t j = 0; j < n; j++) {
            k->place = j;
            frame_stage(k, first + j, i, &x[j]);
        }
        stage_end(k, first);
    }
    uint32_t settled = program_settle(k->p);
    for (uint32_t f = first; f < first + n && settled != NO_VALUE; f++)
        k->token[f % k->window] = settled;
}

/* ---- scores and label ---- */

/* Sums over the frames, element by element. */
static uint32_t sum_frames(struct compiler *k, uint32_t x, int64_t factor)
{
    uint32_t n = k->o->selected, classes = k->net->nclass;
    struct map *m = map_new(k->p, classes, n * classes, (size_t)n * classes);
    for (uint32_t i = 0; i < classes; i++)
        for (uint32_t f = 0; f < n; f++)
            map_term(m, i, f * classes + i, factor);
    return gate_affine(k->p, x, NO_VALUE, m);
}

static void finish(struct compiler *k)
{
    const struct stage *last = &k->net->stage[k->net->nstage - 1];
    unsigned sum_bits = bits_for(k->o->selected) + 2;
    uint32_t scores;
    unsigned width;
    k->p->frame = 0;
    k->p->turn = 0;
    if (k->net->softmax) {
        k->p->layer = LAYER_SOFTMAX;
        scores = sum_frames(k, compose_shares(k->p, k->logits, k->o->selected, k->net->nclass,
                                              last->width + bits_for(k->net->nclass),
                                              COMPILE_SCORE_BITS), 1);
        width = COMPILE_SCORE_BITS + sum_bits;
    } else {
        scores = sum_frames(k, k->logits, (int64_t)1 << (COMPILE_SCORE_BITS - k->net->frac));
        width = last->width + COMPILE_SCORE_BITS - k->net->frac + sum_bits;
    }
    stage_end(k, 0);
    k->p->layer = LAYER_ARGMAX;
    k->c->label = compose_argmax(k->p, scores, width);
    program_keep(k->p, k->c->label);
    k->c->scores = k->o->reveal_scores ? scores : NO_VALUE;
    if (k->o->reveal_scores)
        program_keep(k->p, scores);
    k->p->layer = LAYER_VERIFY;
    program_close(k->p);
}

/* Of the group that begins with frame f: as few groups as may be, of like length. */
static uint32_t group_size(const struct compiler *k, uint32_t f)
{
    uint32_t first = 0, end = k->o->selected;
    if (k->p->proto->settle != NULL)
        chunk_of(k, f, &first, &end);
    uint32_t groups = (end - first + k->group - 1) / k->group;
    uint32_t n = (end - first + groups - 1) / groups;
    return end - f < n ? end - f : n;
}

static int options_check(const struct fixed_net *net, const struct compile_options *o,
                         struct err *e)
{
    const struct stage *last = &net->stage[net->nstage - 1];
    if (o->frames == 0 || o->selected == 0 || o->selected > o->frames || o->frames > 65535)
        return err_set(e, ERR_INPUT, "%u of %u frames selected: need 1 to 65535 frames and no more"
                       " selected than there are", o->selected, o->frames);
    if (net->nstage == 0 || net->nstage > FIXED_STAGES || last->kind != STAGE_LINEAR ||
        net->nclass < 2 || net->frac > COMPILE_SCORE_BITS)
        return err_set(e, ERR_INPUT, "the network must end with a dense layer of at least two"
                       " classes and have at most %d fraction bits", COMPILE_SCORE_BITS);
    return 0;
}

int compile(struct compiled *c, const struct protocol *proto, const struct fixed_net *net,
            const struct compile_options *o, struct err *e)
{
    struct compiler k = { .c = c, .net = net, .o = o };
    memset(c, 0, sizeof *c);
    k.chunks = o->chunks != NULL ? o->chunks : &chunks_whole;
    int code = options_check(net, o, e);
    if (code == 0)
        code = chunks_check(k.chunks, o->frames, o->selected, e);
    if (code != 0)
        return code;
    k.p = c->program = program_new(proto);
    if (k.p == NULL)
        return err_set(e, ERR_FAILED, "out of memory while planning");
    k.window = o->window == 0 ? WINDOW : o->window > WINDOW_MOST ? WINDOW_MOST : o->window;
    k.group = o->group != 0 ? o->group : proto->group != 0 ? proto->group : GROUP;
    k.group = k.group < GROUP_MOST ? k.group : GROUP_MOST;
    k.group = k.group < k.window ? k.group : k.window;
    externals(&k);
    authenticate(&k);
    k.logits = program_value(k.p, VALUE_SHARE, (size_t)o->selected * net->nclass);
    for (uint32_t f = 0, n; f < o->selected; f += n) {
        n = group_size(&k, f);
        frames(&k, f, n);
    }
    finish(&k);
    code = program_check(k.p, e);
    if (code != 0)
        compiled_fini(c);
    return code;
}

void compiled_fini(struct compiled *c)
{
    program_free(c->program);
    c->program = NULL;
}

void compile_layer_name(const struct fixed_net *net, unsigned layer, char *text, size_t n)
{
    static const char *const kinds[] = { [STAGE_SUMPOOL] = "sum pool", [STAGE_MAXPOOL] = "max pool",
                                         [STAGE_RELU] = "relu" };
    if (layer == LAYER_SELECT)
        snprintf(text, n, "select");
    else if (layer == LAYER_SOFTMAX)
        snprintf(text, n, "softmax");
    else if (layer == LAYER_ARGMAX)
        snprintf(text, n, "argmax");
    else if (layer == LAYER_VERIFY)
        snprintf(text, n, "verify");
    else if (layer >= net->nstage)
        snprintf(text, n, "layer %u", layer);
    else {
        const struct stage *s = &net->stage[layer];
        if (s->kind != STAGE_LINEAR)
            snprintf(text, n, "%s %ux%u", kinds[s->kind], s->g.kh, s->g.kw);
        else if (s->g.h == 1 && s->g.w == 1)
            snprintf(text, n, "dense %u", s->g.oc);
        else
            snprintf(text, n, "conv %ux%u %u", s->g.kh, s->g.kw, s->g.oc);
    }
}
