/*
 * fixed_twin.c: the lowered network in the clear, on 64-bit integers.
 *
 * Sums are taken modulo 2^64 as the private run takes them; every value is then held against the
 * range that the network proves, so a wrong proof shows here and not as a wrong label.
 */
#include <stdlib.h>
#include <string.h>

#include "net/base_mem.h"
#include "nn/fixed.h"
#include "proto/kernel.h"

enum { ROWS = 32 };             /* output positions that are multiplied at a time */

struct twin {
    const struct fixed_model *m;
    enum fixed_rounding rounding;
    unsigned stage;
    uint64_t *patch;            /* ROWS patches */
    uint64_t *packed;           /* a convolution's weights, for gemm_u64 */
    struct fixed_seen *seen;    /* NULL: nobody asks */
    struct err *e;
};

static int out_of_range(const struct twin *t, const char *what, size_t at, unsigned bits)
{
    const struct geometry *g = &t->m->net.stage[t->stage].g;
    size_t p = at / g->oc;
    return err_set(t->e, ERR_INPUT, "fixed-point network: stage %u, row %zu, column %zu, channel "
                   "%zu: the %s leaves the proven range of %u bits", t->stage + 1, p / g->ow,
                   p % g->ow, at % g->oc, what, bits);
}

/* v in [-2^bits, 2^bits). */
static int fits(int64_t v, unsigned bits)
{
    return (v >> bits) == 0 || (v >> bits) == -1;
}

static void see(uint64_t *most, int64_t v)
{
    uint64_t size = v < 0 ? -(uint64_t)v : (uint64_t)v;
    *most = size > *most ? size : *most;
}

static int64_t truncate(const struct twin *t, int64_t v, unsigned shift)
{
    int64_t down = v >> shift;      /* arithmetic: floor */
    uint64_t rest = (uint64_t)v & ((UINT64_C(1) << shift) - 1);
    switch (t->rounding) {
    case FIXED_CEIL:
        return down + (rest != 0);
    case FIXED_NEAREST:
        return down + (int64_t)(rest >> (shift - 1));
    default:
        return down;
    }
}

/* Windows that hang over the edge: rows *from .. *to - 1 of a window at `at` lie inside. */
static void inside(int64_t at, uint32_t k, uint32_t in, uint32_t *from, uint32_t *to)
{
    *from = at < 0 ? (uint32_t)-at : 0;
    *to = at + (int64_t)k > (int64_t)in ? (uint32_t)((int64_t)in - at) : k;
}

struct window {
    int64_t y, x;               /* of its first row and column in the picture */
    uint32_t i0, i1, j0, j1;    /* the part inside */
};

static struct window window_at(const struct geometry *g, size_t p)
{
    struct window w = { .y = (int64_t)(p / g->ow * g->sh) - g->top,
                        .x = (int64_t)(p % g->ow * g->sw) - g->left };
    inside(w.y, g->kh, g->h, &w.i0, &w.i1);
    inside(w.x, g->kw, g->w, &w.j0, &w.j1);
    return w;
}

static const int64_t *pixel(const struct geometry *g, const int64_t *x, const struct window *w,
                            uint32_t i, uint32_t j)
{
    return x + ((size_t)(w->y + i) * g->w + (size_t)(w->x + j)) * g->c;
}

/* y[o] = bias[o] + sum_t row[t] w[t][o] modulo 2^64. */
static void multiply(uint64_t *restrict y, const uint64_t *restrict row, size_t depth,
                     const int64_t *restrict w, const int64_t *restrict bias, size_t oc)
{
    for (size_t o = 0; o < oc; o++)
        y[o] = (uint64_t)bias[o];
    for (size_t t = 0; t < depth; t++)
        for (size_t o = 0; o < oc; o++)
            y[o] += row[t] * (uint64_t)w[t * oc + o];
}

/* A dense layer has one position, for which packing its weights does not pay. */
static int is_packed(const struct stage *s)
{
    return s->kind == STAGE_LINEAR && geometry_positions(&s->g) > 1;
}

/* Sums of products at positions first .. first + n - 1. */
static void run_products(const struct twin *t, uint64_t *y, const int64_t *x, size_t first,
                         size_t n)
{
    const struct stage *s = &t->m->net.stage[t->stage];
    size_t depth = geometry_depth(&s->g), oc = s->g.oc;
    const int64_t *bias = t->m->bias[t->stage];
    geometry_patches(t->patch, depth, &s->g, (const uint64_t *)x, first, n);
    if (!is_packed(s)) {
        multiply(y, t->patch, depth, t->m->weight[t->stage], bias, oc);
        return;
    }
    for (size_t p = 0; p < n; p++)
        memcpy(y + p * oc, bias, oc * sizeof *y);
    gemm_u64(y, oc, t->patch, depth, t->packed, n, depth, oc);
}

/* What becomes of the sum of products at place k of the output. */
static int settle(const struct twin *t, int64_t *v, size_t k)
{
    const struct stage *s = &t->m->net.stage[t->stage];
    if (t->seen != NULL)
        see(&t->seen->product[t->stage], *v);
    if (!fits(*v, s->product_bits))
        return out_of_range(t, "sum of products", k, s->product_bits);
    *v = truncate(t, *v, s->shift);
    if (t->seen != NULL)
        see(&t->seen->value[t->stage], *v);
    if (!fits(*v, s->width - 1u))
        return out_of_range(t, "value", k, s->width);
    if (s->relu && *v < 0)
        *v = 0;
    return 0;
}

static int run_linear(const struct twin *t, int64_t *y, const int64_t *x)
{
    const struct geometry *g = &t->m->net.stage[t->stage].g;
    size_t positions = geometry_positions(g), depth = geometry_depth(g), oc = g->oc;
    int code = 0;
    if (is_packed(&t->m->net.stage[t->stage]))
        gemm_pack(t->packed, (const uint64_t *)t->m->weight[t->stage], oc, depth, oc);
    for (size_t p = 0; code == 0 && p < positions; p += ROWS) {
        size_t n = positions - p < ROWS ? positions - p : ROWS;
        run_products(t, (uint64_t *)y + p * oc, x, p, n);
        for (size_t k = p * oc; code == 0 && k < (p + n) * oc; k++)
            code = settle(t, &y[k], k);
    }
    return code;
}

/* One output of a pool. Maxima are taken by differences, so these are held against the width. */
static int pool_value(const struct twin *t, int64_t *y, const int64_t *x, size_t p, size_t c)
{
    const struct stage *s = &t->m->net.stage[t->stage];
    const struct geometry *g = &s->g;
    struct window w = window_at(g, p);
    int64_t low = INT64_MAX, high = INT64_MIN, sum = 0;
    for (uint32_t i = w.i0; i < w.i1; i++)
        for (uint32_t j = w.j0; j < w.j1; j++) {
            int64_t v = pixel(g, x, &w, i, j)[c];
            low = v < low ? v : low;
            high = v > high ? v : high;
            sum = (int64_t)((uint64_t)sum + (uint64_t)v);
        }
    *y = s->kind == STAGE_SUMPOOL ? sum : high;
    if (t->seen != NULL)
        see(&t->seen->value[t->stage], *y);
    if (!fits(*y, s->width - 1u))
        return out_of_range(t, "value", p * g->oc + c, s->width);
    int64_t gap = (int64_t)((uint64_t)high - (uint64_t)low);
    if (s->kind == STAGE_MAXPOOL && (!fits(gap, s->width - 1u) || !fits(-gap, s->width - 1u)))
        return out_of_range(t, "difference", p * g->oc + c, s->width);
    return 0;
}

static int run_pool(const struct twin *t, int64_t *y, const int64_t *x)
{
    const struct geometry *g = &t->m->net.stage[t->stage].g;
    int code = 0;
    for (size_t p = 0; code == 0 && p < geometry_positions(g); p++)
        for (size_t c = 0; code == 0 && c < g->oc; c++)
            code = pool_value(t, &y[p * g->oc + c], x, p, c);
    return code;
}

static int run_relu(const struct twin *t, int64_t *y, const int64_t *x)
{
    const struct stage *s = &t->m->net.stage[t->stage];
    for (size_t k = 0; k < geometry_out(&s->g); k++) {
        if (t->seen != NULL)
            see(&t->seen->value[t->stage], x[k]);
        if (!fits(x[k], s->width - 1u))
            return out_of_range(t, "value", k, s->width);
        y[k] = x[k] < 0 ? 0 : x[k];
    }
    return 0;
}

static int run_stage(const struct twin *t, int64_t *y, const int64_t *x)
{
    switch (t->m->net.stage[t->stage].kind) {
    case STAGE_LINEAR:
        return run_linear(t, y, x);
    case STAGE_RELU:
        return run_relu(t, y, x);
    default:
        return run_pool(t, y, x);
    }
}

/* Words of the patches, and of packed weights, that any stage needs. */
static void most_words(const struct fixed_net *net, size_t *patch, size_t *packed)
{
    *patch = *packed = 1;
    for (unsigned i = 0; i < net->nstage; i++) {
        const struct stage *s = &net->stage[i];
        size_t depth = geometry_depth(&s->g), rows = geometry_positions(&s->g);
        rows = rows < ROWS ? rows : ROWS;
        if (s->kind == STAGE_LINEAR && rows * depth > *patch)
            *patch = rows * depth;
        if (is_packed(s) && gemm_packed_words(depth, s->g.oc) > *packed)
            *packed = gemm_packed_words(depth, s->g.oc);
    }
}

static int frame_check(const struct fixed_net *net, const int64_t *frame, struct err *e)
{
    for (size_t k = 0; k < geometry_in(&net->stage[0].g); k++)
        if (frame[k] < 0 || frame[k] > INT64_C(1) << net->frac)
            return err_set(e, ERR_INPUT, "fixed-point network: pixel value %zu of the frame is "
                           "not between 0 and 1", k + 1);
    return 0;
}

/* Wiped before it is freed: it came from the owner's pixels. NULL is legal. */
static void give_back(void *block, size_t bytes)
{
    if (block != NULL)
        wipe(block, bytes);
    free(block);
}

static int twin_run(const struct fixed_model *m, enum fixed_rounding r, const int64_t *frame,
                    int64_t *out, int64_t *act[FIXED_STAGES], struct fixed_seen *seen,
                    struct err *e)
{
    struct twin t = { .m = m, .rounding = r, .seen = seen, .e = e };
    size_t patch, packed;
    int64_t *y[FIXED_STAGES] = { NULL };
    int code = frame_check(&m->net, frame, e);
    most_words(&m->net, &patch, &packed);
    if (code == 0 && ((t.patch = mem_new(patch, sizeof *t.patch)) == NULL ||
                      (t.packed = mem_new(packed, sizeof *t.packed)) == NULL))
        code = err_set(e, ERR_FAILED, "no memory for the fixed-point twin");

    const int64_t *x = frame;
    for (t.stage = 0; code == 0 && t.stage < m->net.nstage; t.stage++) {
        y[t.stage] = calloc(geometry_out(&m->net.stage[t.stage].g), sizeof **y);
        if (y[t.stage] == NULL)
            code = err_set(e, ERR_FAILED, "no memory for the fixed-point twin");
        else
            code = run_stage(&t, y[t.stage], x);
        x = y[t.stage];
    }
    if (code == 0)
        memcpy(out, x, m->net.nclass * sizeof *out);
    for (unsigned i = 0; i < m->net.nstage; i++) {
        if (code == 0 && act != NULL)
            act[i] = y[i];
        else
            give_back(y[i], geometry_out(&m->net.stage[i].g) * sizeof **y);
    }
    if (t.patch != NULL)
        wipe(t.patch, patch * sizeof *t.patch);
    if (t.packed != NULL)
        wipe(t.packed, packed * sizeof *t.packed);
    mem_free(t.patch);
    mem_free(t.packed);
    return code;
}

int fixed_twin(const struct fixed_model *m, enum fixed_rounding r, const int64_t *frame,
               int64_t *out, int64_t *act[FIXED_STAGES], struct err *e)
{
    return twin_run(m, r, frame, out, act, NULL, e);
}

int fixed_twin_watch(const struct fixed_model *m, enum fixed_rounding r, const int64_t *frame,
                     int64_t *out, struct fixed_seen *seen, struct err *e)
{
    return twin_run(m, r, frame, out, NULL, seen, e);
}
