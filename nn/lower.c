#include "nn/lower.h"

#include <math.h>
#include <string.h>

#include "net/base_mem.h"
#include "nn/fixed_range.h"
#include "nn/quantise.h"

enum { DIAGONAL_MOST = 4096 };      /* channels of an inserted diagonal stage */

/* The network so far. The float value of element k of the current activation is
 * scale[k] * (value of the last stage) + offset[k]. */
struct lowering {
    const struct model *m;
    struct fixed_net net;
    double *w[FIXED_STAGES], *b[FIXED_STAGES];
    double *scale, *offset;
    uint32_t rows, cols, c;         /* shape of the current activation */
    int nonnegative;            /* the last stage's values are */
    unsigned layer;             /* for messages */
    struct err *e;
};

static size_t count(const struct lowering *l)
{
    return (size_t)l->rows * l->cols * l->c;
}

static int no_memory(const struct lowering *l)
{
    return err_set(l->e, ERR_FAILED, "no memory to lower the model to fixed point");
}

static int refuse(const struct lowering *l, const char *what)
{
    const struct layer *at = &l->m->net.layer[l->layer];
    return err_set(l->e, ERR_INPUT, "layer %u (%s %s): %s", l->layer + 1,
                   layer_kind_name(at->kind), at->name, what);
}

/* Scale 1 and offset 0 for every element of the current shape. */
static int pending_reset(struct lowering *l)
{
    mem_free(l->scale);
    mem_free(l->offset);
    l->scale = mem_new(count(l), sizeof *l->scale);
    l->offset = mem_new(count(l), sizeof *l->offset);
    if (l->scale == NULL || l->offset == NULL)
        return no_memory(l);
    for (size_t k = 0; k < count(l); k++)
        l->scale[k] = 1;
    return 0;
}

static int same(double a, double b)
{
    return !(a < b) && !(a > b);
}

static int pending_plain(const struct lowering *l)
{
    for (size_t k = 0; k < count(l); k++)
        if (!same(l->scale[k], 1) || !same(l->offset[k], 0))
            return 0;
    return 1;
}

static int pending_per_channel(const struct lowering *l)
{
    for (size_t k = l->c; k < count(l); k++)
        if (!same(l->scale[k], l->scale[k % l->c]) || !same(l->offset[k], l->offset[k % l->c]))
            return 0;
    return 1;
}

static int pending_offset(const struct lowering *l)
{
    for (size_t k = 0; k < count(l); k++)
        if (!same(l->offset[k], 0))
            return 1;
    return 0;
}

static int pending_positive(const struct lowering *l)
{
    for (size_t k = 0; k < count(l); k++)
        if (!(l->scale[k] > 0))
            return 0;
    return 1;
}

static int stage_add(struct lowering *l, struct stage s)
{
    if (l->net.nstage >= FIXED_STAGES)
        return err_set(l->e, ERR_INPUT, "the network needs more than %d fixed-point stages",
                       FIXED_STAGES);
    l->net.stage[l->net.nstage++] = s;
    l->rows = s.g.oh;
    l->cols = s.g.ow;
    l->c = s.g.oc;
    return 0;
}

/* The last stage if it is a linear one that nothing was applied to yet, else NULL. */
static struct stage *open_linear(struct lowering *l)
{
    struct stage *s = l->net.nstage > 0 ? &l->net.stage[l->net.nstage - 1] : NULL;
    return s != NULL && s->kind == STAGE_LINEAR && !s->relu ? s : NULL;
}

/* W (s x + t) + b = (W s) x + (W t + b), with what is pending on the input. */
static void kernel_absorb(const struct lowering *l, const struct geometry *g, double *w,
                          double *b)
{
    for (size_t t = 0; t < geometry_depth(g); t++) {
        double scale = l->scale[t % g->c], offset = l->offset[t % g->c];
        for (size_t o = 0; o < g->oc; o++) {
            b[o] += w[t * g->oc + o] * offset;
            w[t * g->oc + o] *= scale;
        }
    }
}

/* Adds a linear stage; takes w and b, also on failure. */
static int linear_add(struct lowering *l, const struct geometry *g, double *w, double *b)
{
    unsigned i = l->net.nstage;
    int code = 0;
    if (w == NULL || b == NULL)
        code = no_memory(l);
    else
        kernel_absorb(l, g, w, b);
    if (code == 0)
        code = stage_add(l, (struct stage){ .kind = STAGE_LINEAR, .g = *g });
    if (code != 0) {
        mem_free(w);
        mem_free(b);
        return code;
    }
    l->w[i] = w;
    l->b[i] = b;
    l->nonnegative = 0;
    return pending_reset(l);
}

/* A diagonal 1x1 stage that carries out what is pending. */
static int diagonal_add(struct lowering *l)
{
    if (l->rows * l->cols > 1 && !pending_per_channel(l))
        return refuse(l, "the average pool with padding `same` before it has no constant factor; "
                      "use padding `valid`, or let a dense layer follow");
    if (l->c > DIAGONAL_MOST)
        return refuse(l, "it needs a linear layer directly before or behind it");
    struct geometry g = { .h = l->rows, .w = l->cols, .c = l->c, .kh = 1, .kw = 1, .sh = 1, .sw = 1,
                          .oh = l->rows, .ow = l->cols, .oc = l->c };
    double *w = mem_new((size_t)l->c * l->c, sizeof *w), *b = mem_new(l->c, sizeof *b);
    for (size_t k = 0; w != NULL && k < l->c; k++)
        w[k * l->c + k] = 1;
    return linear_add(l, &g, w, b);
}

static int lower_linear(struct lowering *l, const struct layer *layer)
{
    const struct geometry *g = &layer->g;
    if ((l->rows * l->cols > 1 && !pending_per_channel(l)) ||
        (window_overhangs(g) && pending_offset(l))) {
        int code = diagonal_add(l);
        if (code != 0)
            return code;
    }
    const float *weight = l->m->weight[l->layer], *bias = l->m->bias[l->layer];
    double *w = mem_new(layer->nweight, sizeof *w), *b = mem_new(g->oc, sizeof *b);
    for (size_t k = 0; w != NULL && k < layer->nweight; k++)
        w[k] = (double)weight[k];
    for (size_t k = 0; b != NULL && bias != NULL && k < g->oc; k++)
        b[k] = (double)bias[k];
    return linear_add(l, g, w, b);
}

/* Pixels of the window of output position p that lie inside the picture. */
static double windocolspixels(const struct geometry *g, size_t p)
{
    int64_t y = (int64_t)(p / g->ow * g->sh) - g->top, x = (int64_t)(p % g->ow * g->sw) - g->left;
    int64_t y1 = y + g->kh < g->h ? y + g->kh : g->h, x1 = x + g->kw < g->w ? x + g->kw : g->w;
    return (double)(y1 - (y > 0 ? y : 0)) * (double)(x1 - (x > 0 ? x : 0));
}

static int lower_pool(struct lowering *l, const struct layer *layer)
{
    int max = layer->kind == LAYER_MAXPOOL, code = 0;
    if (!pending_per_channel(l) || (max && !pending_positive(l)))
        code = diagonal_add(l);
    double *scale = l->scale, *offset = l->offset;
    l->scale = l->offset = NULL;
    uint32_t c = l->c;
    if (code == 0)
        code = stage_add(l, (struct stage){ .kind = max ? STAGE_MAXPOOL : STAGE_SUMPOOL,
                                            .g = layer->g });
    if (code == 0)
        code = pending_reset(l);
    for (size_t k = 0; code == 0 && k < count(l); k++) {
        l->scale[k] = scale[k % c] / (max ? 1 : windocolspixels(&layer->g, k / c));
        l->offset[k] = offset[k % c];
    }
    mem_free(scale);
    mem_free(offset);
    return code;
}

static int lower_relu(struct lowering *l)
{
    int code = 0;
    if (!pending_positive(l) || pending_offset(l))
        code = diagonal_add(l);
    struct stage *s = open_linear(l);
    if (code == 0 && s != NULL) {
        s->relu = 1;
    } else if (code == 0 && !l->nonnegative) {
        struct geometry g = { .h = l->rows, .w = l->cols, .c = l->c, .kh = 1, .kw = 1, .sh = 1,
                              .sw = 1, .oh = l->rows, .ow = l->cols, .oc = l->c };
        code = stage_add(l, (struct stage){ .kind = STAGE_RELU, .g = g });
    }
    l->nonnegative = 1;
    return code;
}

static int lower_batchnorm(struct lowering *l, const struct layer *layer)
{
    size_t c = layer->g.c;
    const float *p = l->m->weight[l->layer];
    struct stage *s = open_linear(l);
    unsigned last = l->net.nstage - 1u;
    int back = s != NULL && s->g.oc == c && pending_plain(l);
    for (size_t o = 0; o < c; o++) {
        double a = (double)p[o] / sqrt((double)p[3 * c + o] + (double)layer->epsilon);
        double t = (double)p[c + o] - (double)p[2 * c + o] * a;
        if (back) {
            for (size_t k = 0; k < geometry_depth(&s->g); k++)
                l->w[last][k * c + o] *= a;
            l->b[last][o] = l->b[last][o] * a + t;
            continue;
        }
        for (size_t k = o; k < count(l); k += c) {
            l->scale[k] *= a;
            l->offset[k] = l->offset[k] * a + t;
        }
    }
    return 0;
}

static int lower_layer(struct lowering *l)
{
    const struct layer *layer = &l->m->net.layer[l->layer];
    switch (layer->kind) {
    case LAYER_CONV:
    case LAYER_DENSE:
        return lower_linear(l, layer);
    case LAYER_AVGPOOL:
    case LAYER_MAXPOOL:
        return lower_pool(l, layer);
    case LAYER_RELU:
        return lower_relu(l);
    case LAYER_BATCHNORM:
        return lower_batchnorm(l, layer);
    case LAYER_FLATTEN:
        l->c = layer->g.oc;
        l->rows = l->cols = 1;
        return 0;
    case LAYER_EXACT_SOFTMAX:
    case LAYER_APPROX_SOFTMAX:
        l->net.softmax = 1;
        return 0;
    default:
        return 0;       /* dropout */
    }
}

/* The last stage must be linear and without a ReLU; the softmax brings its own. */
static int lower_end(struct lowering *l)
{
    struct stage *s = l->net.nstage > 0 ? &l->net.stage[l->net.nstage - 1] : NULL;
    l->layer = l->m->net.nlayer - 1;
    if (s != NULL && s->kind == STAGE_LINEAR && pending_plain(l) && (!s->relu || l->net.softmax)) {
        s->relu = 0;
        return 0;
    }
    return diagonal_add(l);
}

static void lowering_fini(struct lowering *l)
{
    for (unsigned i = 0; i < l->net.nstage; i++) {
        const struct geometry *g = &l->net.stage[i].g;
        if (l->w[i] != NULL)
            wipe(l->w[i], geometry_depth(g) * g->oc * sizeof(double));
        if (l->b[i] != NULL)
            wipe(l->b[i], g->oc * sizeof(double));
        mem_free(l->w[i]);
        mem_free(l->b[i]);
    }
    mem_free(l->scale);
    mem_free(l->offset);
}

int fixed_lower(struct fixed_model *out, const struct model *m, unsigned frac, struct err *e)
{
    memset(out, 0, sizeof *out);
    if (frac < 8 || frac > 16)
        return err_set(e, ERR_USAGE, "%u fraction bits are not possible; choose 8 to 16", frac);
    struct lowering *l = mem_new(1, sizeof *l);
    if (l == NULL)
        return err_set(e, ERR_FAILED, "no memory to lower the model to fixed point");
    *l = (struct lowering){ .m = m, .rows = m->net.h, .cols = m->net.w, .c = m->net.c,
                            .nonnegative = 1, .e = e };
    l->net.frac = (uint8_t)frac;
    l->net.nclass = (uint16_t)m->net.nclass;
    memcpy(l->net.class_name, m->net.class_name, sizeof l->net.class_name);

    int code = pending_reset(l);
    for (l->layer = 0; code == 0 && l->layer < m->net.nlayer; l->layer++)
        code = lower_layer(l);
    if (code == 0)
        code = lower_end(l);
    if (code == 0) {
        out->net = l->net;
        code = quantise(out, l->w, l->b, e);
    }
    lowering_fini(l);
    mem_free(l);
    if (code != 0)
        fixed_model_fini(out);
    return code;
}
