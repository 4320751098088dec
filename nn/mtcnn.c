#include "nn/mtcnn.h"

#include <math.h>
#include <string.h>

#include "net/base_mem.h"
#include "nn/mtcnn_net.h"
#include "nn/mtcnn_scale.h"

#define PYRAMID 0.709               /* from a level to the next */
#define FACE_LEAST 20.0             /* edge of the smallest face that is looked for, in pixels */

enum { FIELD = 12, STRIDE = 2 };    /* of P-Net */

/* Better ones than these are never lost; a picture made to have more costs no more time. */
enum { PROPOSALS_MOST = 10000 };

static const struct {
    double score, overlap;
    enum boxes_measure measure;
} rule[MTCNN_NETS] = {
    { 0.6, 0.7, BOXES_UNION }, { 0.7, 0.7, BOXES_UNION }, { 0.8, 0.7, BOXES_SMALLER },
};

struct mtcnn {
    struct detector base;
    struct mtcnn_net *net[MTCNN_NETS];
    struct boxes stage[MTCNN_NETS];
    float *patches;                 /* of a batch */
    float *level;                   /* of the pyramid */
    size_t room;                    /* floats in level */
};

static struct mtcnn *of(struct detector *d)
{
    return (struct mtcnn *)(void *)d;
}

unsigned mtcnn_scales(double scale[static MTCNN_LEVELS], uint32_t w, uint32_t h)
{
    double least = w < h ? w : h;
    double n = rint(-(log(least / FIELD) / log(PYRAMID) + 1));
    unsigned k = 0;
    for (; k < MTCNN_LEVELS && k < n; k++)
        scale[k] = FIELD / FACE_LEAST * pow(PYRAMID, k);
    return k;
}

static double probability(const float logit[static 2])
{
    return 1 / (1 + exp((double)logit[0] - logit[1]));
}

static int sane(const struct box *b)
{
    return isfinite(b->x1) && isfinite(b->y1) && isfinite(b->x2) && isfinite(b->y2)
        && b->x2 > b->x1 && b->y2 > b->y1;
}

/* ---- P-Net ---- */

struct gather {
    struct boxes *to;
    unsigned columns;
    double scale;
    struct err *e;
};

static int take_row(void *ctx, unsigned y, const float *cells)
{
    struct gather *g = ctx;
    for (unsigned x = 0; x < g->columns; x++, cells += MTCNN_CELL) {
        double p = probability(cells + 4);
        if (!(p > rule[MTCNN_P].score))
            continue;
        const double span = FIELD - 1, s = g->scale;
        double left = STRIDE * x + 1, top = STRIDE * y + 1;
        struct box b = {
            .x1 = (left + cells[0] * span) / s, .y1 = (top + cells[1] * span) / s,
            .x2 = (left + span + cells[2] * span) / s, .y2 = (top + span + cells[3] * span) / s,
            .score = p
        };
        if (sane(&b) && boxes_add(g->to, &b, g->e) != 0)
            return g->e->code;
    }
    return 0;
}

static int level_room(struct mtcnn *m, size_t floats, struct err *e)
{
    if (floats <= m->room)
        return 0;
    mem_free(m->level);
    m->level = mem_new(floats, sizeof *m->level);
    m->room = m->level != NULL ? floats : 0;
    return m->level != NULL ? 0 : err_set(e, ERR_FAILED, "no memory for a level of the picture");
}

static int propose_level(struct mtcnn *m, const struct picture *p, double scale, struct err *e)
{
    uint32_t w = (uint32_t)(p->w * scale), h = (uint32_t)(p->h * scale);
    struct boxes found = { 0 };
    struct gather g = { .to = &found, .columns = mtcnn_cells(w), .scale = scale, .e = e };
    size_t floats = (size_t)w * h * 3;
    if (mtcnn_cells(w) == 0 || mtcnn_cells(h) == 0)
        return 0;
    if (level_room(m, floats + (size_t)p->w * 3, e) != 0)
        return e->code;
    mtcnn_shrink(m->level, w, h, p, m->level + floats);
    int code = mtcnn_run_p(m->net[MTCNN_P], m->level, h, w, take_row, &g, e);
    if (code == 0)
        code = boxes_sort(&found, PROPOSALS_MOST, e);
    if (code == 0)
        code = boxes_suppress(&found, 0.5, BOXES_UNION, e);
    for (size_t k = 0; k < found.n && code == 0; k++)
        code = boxes_add(&m->stage[MTCNN_P], &found.box[k], e);
    boxes_fini(&found);
    return code;
}

static int finish_stage(struct boxes *b, unsigned stage, struct err *e)
{
    if (boxes_sort(b, PROPOSALS_MOST, e) != 0
        || boxes_suppress(b, rule[stage].overlap, rule[stage].measure, e) != 0)
        return e->code;
    if (stage != MTCNN_O)
        boxes_square(b);
    return 0;
}

static int propose(struct mtcnn *m, const struct picture *p, struct err *e)
{
    double scale[MTCNN_LEVELS];
    unsigned n = mtcnn_scales(scale, p->w, p->h);
    m->stage[MTCNN_P].n = 0;
    for (unsigned k = 0; k < n; k++)
        if (propose_level(m, p, scale[k], e) != 0)
            return e->code;
    return finish_stage(&m->stage[MTCNN_P], MTCNN_P, e);
}

/* ---- R-Net and O-Net ---- */

/* The square box that a patch was cut from, and what the network said of it. */
static struct box refined(const struct box *from, const float *said, unsigned stage)
{
    double w = from->x2 - from->x1 + 1, h = from->y2 - from->y1 + 1;
    struct box b = {
        .x1 = from->x1 + said[0] * w, .y1 = from->y1 + said[1] * h,
        .x2 = from->x2 + said[2] * w, .y2 = from->y2 + said[3] * h
    };
    b.score = probability(said + (stage == MTCNN_R ? 4 : 14));
    for (unsigned k = 0; stage == MTCNN_O && k < FACE_MARKS; k++) {
        b.mark[k] = w * said[4 + k] + from->x1 - 1;
        b.mark[5 + k] = h * said[4 + 5 + k] + from->y1 - 1;
    }
    return b;
}

static int refine_batch(struct mtcnn *m, const struct picture *p, unsigned stage, size_t first,
    unsigned n, struct err *e)
{
    const struct box *from = m->stage[stage - 1].box + first;
    unsigned edge = mtcnn_patch_edge(stage);
    for (unsigned k = 0; k < n; k++)
        mtcnn_patch(m->patches + (size_t)k * edge * edge * 3, edge, p, from[k].x1, from[k].y1,
            from[k].x2, from[k].y2);
    const float *said = mtcnn_run_patches(m->net[stage], m->patches, n);
    for (unsigned k = 0; k < n; k++, said += stage == MTCNN_R ? MTCNN_CELL : MTCNN_FACE) {
        struct box b = refined(&from[k], said, stage);
        if (b.score > rule[stage].score && sane(&b) && boxes_add(&m->stage[stage], &b, e) != 0)
            return e->code;
    }
    return 0;
}

static int refine(struct mtcnn *m, const struct picture *p, unsigned stage, struct err *e)
{
    size_t n = m->stage[stage - 1].n;
    m->stage[stage].n = 0;
    for (size_t k = 0; k < n; k += MTCNN_BATCH) {
        unsigned batch = n - k < MTCNN_BATCH ? (unsigned)(n - k) : MTCNN_BATCH;
        if (refine_batch(m, p, stage, k, batch, e) != 0)
            return e->code;
    }
    return finish_stage(&m->stage[stage], stage, e);
}

/* ---- the detector ---- */

static double clip(double v, double most)
{
    return v < 0 ? 0 : v > most ? most : v;
}

static void give(struct faces *out, const struct boxes *b, const struct picture *p)
{
    out->n = 0;
    for (size_t k = 0; k < b->n && out->n < FACES_MAX; k++) {
        const struct box *x = &b->box[k];
        struct face f = {
            .x1 = clip(x->x1, p->w - 1), .y1 = clip(x->y1, p->h - 1),
            .x2 = clip(x->x2, p->w - 1), .y2 = clip(x->y2, p->h - 1),
            .confidence = x->score, .marks = FACE_MARKS
        };
        for (unsigned i = 0; i < FACE_MARKS; i++) {
            f.mark[i][0] = x->mark[i];
            f.mark[i][1] = x->mark[5 + i];
            if (!isfinite(f.mark[i][0]) || !isfinite(f.mark[i][1]))
                f.marks = 0;
        }
        out->face[out->n++] = f;
    }
}

static int run(struct detector *d, const struct picture *p, struct faces *out, struct err *e)
{
    struct mtcnn *m = of(d);
    if (propose(m, p, e) != 0 || refine(m, p, MTCNN_R, e) != 0 || refine(m, p, MTCNN_O, e) != 0)
        return e->code;
    give(out, &m->stage[MTCNN_O], p);
    return 0;
}

static void closing(struct detector *d)
{
    struct mtcnn *m = of(d);
    for (unsigned i = 0; i < MTCNN_NETS; i++) {
        mtcnn_net_free(m->net[i]);
        boxes_fini(&m->stage[i]);
    }
    if (m->level != NULL)
        wipe(m->level, m->room * sizeof *m->level);
    mem_free(m->level);
    mem_free(m->patches);
    mem_free(m);
}

static const struct detector_ops ops = { .name = "mtcnn", .run = run, .close = closing };

struct detector *mtcnn_open(const struct mtcnn_weights w[static MTCNN_NETS], struct err *e)
{
    struct mtcnn *m = mem_new(1, sizeof *m);
    int bad = m == NULL;
    if (!bad) {
        m->base.ops = &ops;
        m->patches = mem_new((size_t)MTCNN_BATCH * 48 * 48 * 3, sizeof *m->patches);
        bad = m->patches == NULL;
    }
    if (bad)
        err_set(e, ERR_FAILED, "no memory for a face detector");
    for (unsigned i = 0; i < MTCNN_NETS && !bad; i++) {
        m->net[i] = mtcnn_net_new(&w[i], i, e);
        bad = m->net[i] == NULL;
    }
    if (!bad)
        return &m->base;
    if (m != NULL)
        closing(&m->base);
    return NULL;
}

const struct boxes *mtcnn_stage(const struct detector *d, unsigned stage)
{
    return &((const struct mtcnn *)(const void *)d)->stage[stage];
}
