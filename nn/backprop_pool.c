/*
 * backprop_pool.c: average and max pools, forward and backward. With padding `same`, the mean is
 * over what lies inside the picture.
 */
#include <math.h>
#include <string.h>

#include "nn/backprop_st.h"

struct span {
    uint32_t from, to;          /* of the picture's rows or columns that the window covers */
};

static struct span span_of(uint32_t out, uint32_t stride, uint32_t before, uint32_t k, uint32_t in)
{
    int64_t at = (int64_t)out * stride - before, end = at + k;
    return (struct span){ at < 0 ? 0 : (uint32_t)at, end > in ? in : (uint32_t)end };
}

static void mean_forward(const struct geometry *g, float *restrict y, const float *restrict x,
                         struct span r, struct span q)
{
    const size_t c = g->c;
    const float share = 1.0f / ((float)(r.to - r.from) * (float)(q.to - q.from));
    memset(y, 0, c * sizeof *y);
    for (uint32_t i = r.from; i < r.to; i++)
        for (uint32_t j = q.from; j < q.to; j++) {
            const float *v = x + ((size_t)i * g->w + j) * c;
            for (size_t k = 0; k < c; k++)
                y[k] += v[k];
        }
    for (size_t k = 0; k < c; k++)
        y[k] *= share;
}

static void mean_backward(const struct geometry *g, float *restrict dx, const float *restrict dy,
                          struct span r, struct span q)
{
    const size_t c = g->c;
    const float share = 1.0f / ((float)(r.to - r.from) * (float)(q.to - q.from));
    for (uint32_t i = r.from; i < r.to; i++)
        for (uint32_t j = q.from; j < q.to; j++) {
            float *v = dx + ((size_t)i * g->w + j) * c;
            for (size_t k = 0; k < c; k++)
                v[k] += share * dy[k];
        }
}

/* The first of equal values wins. */
static void max_forward(const struct geometry *g, float *y, uint32_t *winner, const float *x,
                        struct span r, struct span q)
{
    for (size_t k = 0; k < g->c; k++) {
        winner[k] = (uint32_t)(((size_t)r.from * g->w + q.from) * g->c + k);
        for (uint32_t i = r.from; i < r.to; i++)
            for (uint32_t j = q.from; j < q.to; j++) {
                size_t at = ((size_t)i * g->w + j) * g->c + k;
                if (x[at] > x[winner[k]])
                    winner[k] = (uint32_t)at;
            }
        y[k] = x[winner[k]];
    }
}

void pool_forward(const struct layer *l, float *y, const float *x, unsigned n, uint32_t *winner)
{
    const struct geometry *g = &l->g;
    for (unsigned s = 0; s < n; s++, x += geometry_in(g))
        for (uint32_t a = 0; a < g->oh; a++)
            for (uint32_t b = 0; b < g->ow; b++, y += g->oc) {
                struct span r = span_of(a, g->sh, g->top, g->kh, g->h);
                struct span q = span_of(b, g->sw, g->left, g->kw, g->w);
                if (l->kind == LAYER_AVGPOOL) {
                    mean_forward(g, y, x, r, q);
                } else {
                    max_forward(g, y, winner, x, r, q);
                    winner += g->oc;
                }
            }
}

void pool_backward(const struct layer *l, float *dx, const float *dy, unsigned n,
                   const uint32_t *winner)
{
    const struct geometry *g = &l->g;
    memset(dx, 0, n * geometry_in(g) * sizeof *dx);
    for (unsigned s = 0; s < n; s++, dx += geometry_in(g))
        for (uint32_t a = 0; a < g->oh; a++)
            for (uint32_t b = 0; b < g->ow; b++, dy += g->oc) {
                if (l->kind == LAYER_AVGPOOL) {
                    mean_backward(g, dx, dy, span_of(a, g->sh, g->top, g->kh, g->h),
                                  span_of(b, g->sw, g->left, g->kw, g->w));
                    continue;
                }
                for (size_t k = 0; k < g->oc; k++)
                    dx[winner[k]] += dy[k];
                winner += g->oc;
            }
}
