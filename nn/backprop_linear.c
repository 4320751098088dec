/*
 * backprop_linear.c: convolutions and dense layers, forward and backward.
 *
 * With P the patches of some samples (one row for each output position), W the kernel and Y the
 * output:  Y = P W + b,  dW = P^T dY,  db = the column sums of dY,  dP = dY W^T, whose rows are
 * added back where the patches were taken from. A dense layer's patches are its input itself.
 */
#include <string.h>

#include "nn/backprop_st.h"

enum { ROWS = 512 };        /* rows of patches in one product, unless one sample has more */

/* The patches are the input as it lies: no copy is needed. */
static int is_plain(const struct geometry *g)
{
    return g->kh == 1 && g->kw == 1 && g->sh == 1 && g->sw == 1;
}

/* Samples that go into one product. */
static unsigned group_of(const struct geometry *g, unsigned n)
{
    size_t fit = ROWS / geometry_positions(g);
    return is_plain(g) || fit >= n ? n : fit < 1 ? 1 : (unsigned)fit;
}

size_t linear_scratch(const struct layer *l)
{
    const struct geometry *g = &l->g;
    size_t fit = ROWS / geometry_positions(g), one = geometry_positions(g) * geometry_depth(g);
    return is_plain(g) ? 0 : (fit < 1 ? 1 : fit) * one;
}

/* The part of a window that starts at `at` and lies inside: from .. to - 1 (none: from = to). */
static void window_inside(int64_t at, uint32_t k, uint32_t in, uint32_t *from, uint32_t *to)
{
    *from = at < 0 ? (uint32_t)-at : 0;
    *to = at + (int64_t)k > (int64_t)in ? (uint32_t)((int64_t)in - at) : k;
}

struct window {
    int64_t y, x;               /* of its corner in the picture; may be negative */
    uint32_t i0, i1, j0, j1;    /* the part inside */
};

static struct window window_at(const struct geometry *g, uint32_t row, uint32_t column)
{
    struct window w = { .y = (int64_t)row * g->sh - g->top,
                        .x = (int64_t)column * g->sw - g->left };
    window_inside(w.y, g->kh, g->h, &w.i0, &w.i1);
    window_inside(w.x, g->kw, g->w, &w.j0, &w.j1);
    return w;
}

static inline void copy_run(float *restrict to, const float *restrict from, size_t n)
{
    for (size_t k = 0; k < n; k++)
        to[k] = from[k];
}

static inline void add_run(float *restrict to, const float *restrict from, size_t n)
{
    for (size_t k = 0; k < n; k++)
        to[k] += from[k];
}

/* All patches of one sample, row by row of the kernel. */
static void patches_take(float *rows, const struct geometry *g, const float *x)
{
    size_t depth = geometry_depth(g);
    for (uint32_t a = 0; a < g->oh; a++)
        for (uint32_t b = 0; b < g->ow; b++, rows += depth) {
            struct window w = window_at(g, a, b);
            size_t run = (size_t)(w.j1 - w.j0) * g->c;
            if (w.i1 - w.i0 < g->kh || w.j1 - w.j0 < g->kw)
                memset(rows, 0, depth * sizeof *rows);
            for (uint32_t i = w.i0; i < w.i1; i++)
                copy_run(rows + ((size_t)i * g->kw + w.j0) * g->c,
                         x + ((size_t)(w.y + i) * g->w + (size_t)(w.x + w.j0)) * g->c, run);
        }
}

/* The reverse: adds all rows back into the zeroed dx. */
static void patches_give(float *dx, const struct geometry *g, const float *rows)
{
    size_t depth = geometry_depth(g);
    memset(dx, 0, geometry_in(g) * sizeof *dx);
    for (uint32_t a = 0; a < g->oh; a++)
        for (uint32_t b = 0; b < g->ow; b++, rows += depth) {
            struct window w = window_at(g, a, b);
            size_t run = (size_t)(w.j1 - w.j0) * g->c;
            for (uint32_t i = w.i0; i < w.i1; i++)
                add_run(dx + ((size_t)(w.y + i) * g->w + (size_t)(w.x + w.j0)) * g->c,
                        rows + ((size_t)i * g->kw + w.j0) * g->c, run);
        }
}

static const float *patches_of(struct backprop *bp, const struct geometry *g, const float *x,
                               unsigned n)
{
    if (is_plain(g))
        return x;
    size_t one = geometry_positions(g) * geometry_depth(g);
    for (unsigned s = 0; s < n; s++)
        patches_take(bp->patches + s * one, g, x + s * geometry_in(g));
    return bp->patches;
}

static void bias_fill(float *y, const float *bias, size_t rows, size_t c)
{
    if (bias == NULL)
        memset(y, 0, rows * c * sizeof *y);
    else
        for (size_t r = 0; r < rows; r++)
            copy_run(y + r * c, bias, c);
}

void linear_forward(struct backprop *bp, unsigned i, float *y, const float *x, unsigned n)
{
    const struct geometry *g = &bp->m->net.layer[i].g;
    for (unsigned s = 0, group; s < n; s += group) {
        group = group_of(g, n - s);
        float *out = y + s * geometry_out(g);
        size_t rows = group * geometry_positions(g);
        const float *p = patches_of(bp, g, x + s * geometry_in(g), group);
        bias_fill(out, bp->m->bias[i], rows, g->oc);
        blas_add(bp->blas, out, p, bp->m->weight[i], rows, g->oc, geometry_depth(g));
    }
}

/* dx of a group of samples; overwrites the patches. */
static void input_backward(struct backprop *bp, const struct geometry *g, const float *w,
                           float *dx, const float *dy, unsigned n)
{
    size_t rows = n * geometry_positions(g), depth = geometry_depth(g);
    float *dp = is_plain(g) ? dx : bp->patches;
    blas_set_ty(bp->blas, dp, dy, w, rows, depth, g->oc);
    if (dp == dx)
        return;
    for (unsigned s = 0; s < n; s++)
        patches_give(dx + s * geometry_in(g), g, dp + s * geometry_positions(g) * depth);
}

void linear_backward(struct backprop *bp, unsigned i, float *dx, const float *dy, const float *x,
                     unsigned n, float *dw, float *db)
{
    const struct geometry *g = &bp->m->net.layer[i].g;
    for (unsigned s = 0, group; s < n; s += group) {
        group = group_of(g, n - s);
        const float *d = dy + s * geometry_out(g);
        size_t rows = group * geometry_positions(g);
        const float *p = patches_of(bp, g, x + s * geometry_in(g), group);
        blas_add_tx(bp->blas, dw, p, d, geometry_depth(g), g->oc, rows);
        for (size_t r = 0; r < rows && db != NULL; r++)
            add_run(db, d + r * g->oc, g->oc);
        if (dx != NULL)
            input_backward(bp, g, bp->m->weight[i], dx + s * geometry_in(g), d, group);
    }
}
