#include "nn/float.h"

#include <math.h>
#include <string.h>

#include "net/base_mem.h"
#include "nn/scores.h"

enum { TILE = 4 };      /* output positions that share one pass over the kernel */

struct evaluator {
    const struct model *m;
    float *memory;                          /* all activations, and the padded input */
    size_t count;
    float *layer[NETWORK_LAYERS];
    float *patches;                         /* TILE rows of the largest patch */
};

struct evaluator *evaluator_new(const struct model *m)
{
    struct evaluator *en = mem_new(1, sizeof *en);
    if (en == NULL)
        return NULL;
    size_t depth = 0;
    for (unsigned i = 0; i < m->net.nlayer; i++) {
        const struct geometry *g = &m->net.layer[i].g;
        en->count += geometry_out(g);
        if (geometry_depth(g) > depth)
            depth = geometry_depth(g);
    }
    en->count += TILE * depth;
    en->m = m;
    en->memory = mem_new(en->count, sizeof(float));
    if (en->memory == NULL) {
        evaluator_free(en);
        return NULL;
    }
    float *p = en->memory;
    for (unsigned i = 0; i < m->net.nlayer; i++) {
        en->layer[i] = p;
        p += geometry_out(&m->net.layer[i].g);
    }
    en->patches = p;
    return en;
}

void evaluator_free(struct evaluator *en)
{
    if (en == NULL)
        return;
    if (en->memory != NULL)
        wipe(en->memory, en->count * sizeof(float));
    mem_free(en->memory);
    mem_free(en);
}

/* The part of a window that starts at `at` (relative to the picture, may be negative) and lies
 * inside: window rows *from .. *to - 1. */
static void window_inside(int64_t at, uint32_t k, uint32_t in, uint32_t *from, uint32_t *to)
{
    *from = at < 0 ? (uint32_t)-at : 0;
    *to = at + (int64_t)k > (int64_t)in ? (uint32_t)((int64_t)in - at) : k;
}

/* row[t] = entry t of the patch of output position p, zero outside the picture. */
static void patch_fill(float *row, const struct geometry *g, const float *x, size_t p)
{
    int64_t y0 = (int64_t)(p / g->ow * g->sh) - g->top;
    int64_t x0 = (int64_t)(p % g->ow * g->sw) - g->left;
    uint32_t i0, i1, j0, j1;
    window_inside(y0, g->kh, g->h, &i0, &i1);
    window_inside(x0, g->kw, g->w, &j0, &j1);
    size_t run = (size_t)(j1 - j0) * g->c;
    if (i1 - i0 < g->kh || j1 - j0 < g->kw)
        memset(row, 0, geometry_depth(g) * sizeof *row);
    for (uint32_t i = i0; i < i1; i++)
        memcpy(row + ((size_t)i * g->kw + j0) * g->c,
               x + ((size_t)(y0 + i) * g->w + (size_t)(x0 + j0)) * g->c, run * sizeof *row);
}

/* y[r][o] += sum_t rows[r][t] w[t][o] for TILE rows. y does not overlap the others. */
static void tile_multiply(float *restrict y, const float *restrict rows, size_t depth,
                          const float *restrict w, size_t oc)
{
    const float *r0 = rows, *r1 = r0 + depth, *r2 = r1 + depth, *r3 = r2 + depth;
    float *y0 = y, *y1 = y0 + oc, *y2 = y1 + oc, *y3 = y2 + oc;
    for (size_t t = 0; t < depth; t++) {
        const float a = r0[t], b = r1[t], c = r2[t], d = r3[t];
        const float *v = w + t * oc;
        for (size_t o = 0; o < oc; o++) {
            y0[o] += a * v[o];
            y1[o] += b * v[o];
            y2[o] += c * v[o];
            y3[o] += d * v[o];
        }
    }
}

static void row_multiply(float *restrict y, const float *restrict row, size_t depth,
                         const float *restrict w, size_t oc)
{
    for (size_t t = 0; t < depth; t++)
        for (size_t o = 0; o < oc; o++)
            y[o] += row[t] * w[t * oc + o];
}

static void run_linear(struct evaluator *en, unsigned i, float *y, const float *x)
{
    const struct geometry *g = &en->m->net.layer[i].g;
    size_t positions = geometry_positions(g), depth = geometry_depth(g), oc = g->oc;
    const float *w = en->m->weight[i], *b = en->m->bias[i];
    for (size_t p = 0; p < positions; p++)
        for (size_t o = 0; o < oc; o++)
            y[p * oc + o] = b != NULL ? b[o] : 0;
    for (size_t p = 0; p < positions; p += TILE) {
        size_t rows = positions - p < TILE ? positions - p : TILE;
        for (size_t r = 0; r < rows; r++)
            patch_fill(en->patches + r * depth, g, x, p + r);
        if (rows == TILE) {
            tile_multiply(y + p * oc, en->patches, depth, w, oc);
            continue;
        }
        for (size_t r = 0; r < rows; r++)
            row_multiply(y + (p + r) * oc, en->patches + r * depth, depth, w, oc);
    }
}

/* One output position of a pool: the mean or the maximum of what lies inside the picture. */
static void pool_position(float *y, const struct geometry *g, const float *x, size_t p, int max)
{
    int64_t y0 = (int64_t)(p / g->ow * g->sh) - g->top;
    int64_t x0 = (int64_t)(p % g->ow * g->sw) - g->left;
    uint32_t i0, i1, j0, j1;
    window_inside(y0, g->kh, g->h, &i0, &i1);
    window_inside(x0, g->kw, g->w, &j0, &j1);
    for (size_t k = 0; k < g->c; k++)
        y[k] = max ? -INFINITY : 0;
    for (uint32_t i = i0; i < i1; i++)
        for (uint32_t j = j0; j < j1; j++) {
            const float *v = x + ((size_t)(y0 + i) * g->w + (size_t)(x0 + j)) * g->c;
            for (size_t k = 0; k < g->c; k++)
                y[k] = !max ? y[k] + v[k] : v[k] > y[k] ? v[k] : y[k];
        }
    float count = (float)(i1 - i0) * (float)(j1 - j0);
    for (size_t k = 0; !max && k < g->c; k++)
        y[k] /= count;
}

static void run_batchnorm(const struct layer *l, const float *p, float *y, const float *x)
{
    size_t c = l->g.c;
    const float *gamma = p, *beta = p + c, *mean = p + 2 * c, *variance = p + 3 * c;
    for (size_t k = 0; k < geometry_out(&l->g); k++) {
        size_t o = k % c;
        y[k] = gamma[o] * (x[k] - mean[o]) / sqrtf(variance[o] + l->epsilon) + beta[o];
    }
}

static void run_softmax(const struct layer *l, float *y, const float *x)
{
    double u[NETWORK_CLASSES] = { 0 };
    size_t n = geometry_out(&l->g);
    for (size_t k = 0; k < n; k++)
        u[k] = (double)x[k];
    if (l->kind == LAYER_EXACT_SOFTMAX)
        softmax_exact(u, u, n);
    else
        softmax_approx(u, u, n);
    for (size_t k = 0; k < n; k++)
        y[k] = (float)u[k];
}

static void run_layer(struct evaluator *en, unsigned i, const float *x)
{
    const struct layer *l = &en->m->net.layer[i];
    const struct geometry *g = &l->g;
    float *y = en->layer[i];
    switch (l->kind) {
    case LAYER_CONV:
    case LAYER_DENSE:
        run_linear(en, i, y, x);
        break;
    case LAYER_AVGPOOL:
    case LAYER_MAXPOOL:
        for (size_t p = 0; p < geometry_positions(g); p++)
            pool_position(y + p * g->oc, g, x, p, l->kind == LAYER_MAXPOOL);
        break;
    case LAYER_RELU:
        for (size_t k = 0; k < geometry_out(g); k++)
            y[k] = x[k] > 0 ? x[k] : 0;
        break;
    case LAYER_BATCHNORM:
        run_batchnorm(l, en->m->weight[i], y, x);
        break;
    case LAYER_EXACT_SOFTMAX:
    case LAYER_APPROX_SOFTMAX:
        run_softmax(l, y, x);
        break;
    default:            /* flatten, dropout */
        memcpy(y, x, geometry_out(g) * sizeof *y);
    }
}

void evaluator_run(struct evaluator *en, const float *frame)
{
    const float *x = frame;
    for (unsigned i = 0; i < en->m->net.nlayer; i++) {
        run_layer(en, i, x);
        x = en->layer[i];
    }
}

const float *evaluator_layer(const struct evaluator *en, unsigned i)
{
    return en->layer[i];
}

const float *evaluator_logits(const struct evaluator *en)
{
    const struct network *net = &en->m->net;
    unsigned last = net->nlayer - 1;
    int softmax = net->layer[last].kind == LAYER_EXACT_SOFTMAX ||
                  net->layer[last].kind == LAYER_APPROX_SOFTMAX;
    return en->layer[softmax ? last - 1 : last];
}

int model_run(const struct model *m, const float *frame, float *logits, struct err *e)
{
    struct evaluator *en = evaluator_new(m);
    if (en == NULL)
        return err_set(e, ERR_FAILED, "no memory to evaluate the network");
    evaluator_run(en, frame);
    memcpy(logits, evaluator_logits(en), m->net.nclass * sizeof *logits);
    evaluator_free(en);
    return 0;
}
