/*
 * geometry.c: patches of an activation. The work is copying; what is copied depends on the shape
 * only.
 */
#include "proto/geometry.h"

#include <string.h>

/* The part of the window [at, at + size) that lies in [0, limit): *from .. *to, relative to at. */
static void window_clip(int64_t at, int64_t size, int64_t limit, size_t *from, size_t *to)
{
    int64_t first = at < 0 ? -at : 0, last = limit - at;
    if (last > size)
        last = size;
    if (first > size)
        first = size;
    *from = (size_t)first;
    *to = last < first ? (size_t)first : (size_t)last;
}

/* Short runs, of a few channels, are not worth the call of memcpy. */
static inline void words_copy(uint64_t *to, const uint64_t *from, size_t n)
{
    if (n > 16) {
        memcpy(to, from, n * sizeof *to);
        return;
    }
    for (; n >= 4; n -= 4, to += 4, from += 4)
        memcpy(to, from, 4 * sizeof *to);
    if (n & 2) {
        memcpy(to, from, 2 * sizeof *to);
        to += 2;
        from += 2;
    }
    if (n & 1)
        *to = *from;
}

/* Words first .. last of a run of n are at x + first; the others are zero. */
static void run_copy(uint64_t *run, const uint64_t *x, size_t first, size_t last, size_t n)
{
    memset(run, 0, first * sizeof *run);
    if (last > first)
        memcpy(run + first, x, (last - first) * sizeof *run);
    memset(run + last, 0, (n - last) * sizeof *run);
}

/* The patch whose window starts at (y, x) of the input, which may lie outside. */
static void patch_copy(uint64_t *row, const struct geometry *g, const uint64_t *in, int64_t y,
                       int64_t x)
{
    size_t top, bottom, left, right, run = (size_t)g->kw * g->c, pitch = (size_t)g->w * g->c;
    window_clip(y, g->kh, g->h, &top, &bottom);
    window_clip(x, g->kw, g->w, &left, &right);
    if (left == right)
        top = bottom = g->kh;

    if (top > 0)
        memset(row, 0, top * run * sizeof *row);
    for (size_t i = top; i < bottom; i++) {
        const uint64_t *from = in + (size_t)(y + (int64_t)i) * pitch
                                  + (size_t)(x + (int64_t)left) * g->c;
        if (right - left == g->kw)
            words_copy(row + i * run, from, run);
        else
            run_copy(row + i * run, from, left * g->c, right * g->c, run);
    }
    if (bottom < g->kh)
        memset(row + bottom * run, 0, (g->kh - bottom) * run * sizeof *row);
}

/* Are the patches, one after the other, the input itself? Dense layers and 1 x 1 windows are. */
static int geometry_is_identity(const struct geometry *g)
{
    return g->kh == 1 && g->kw == 1 && g->sh == 1 && g->sw == 1 && g->top == 0 && g->left == 0 &&
           g->ow == g->w && g->oh <= g->h;
}

void geometry_patches(uint64_t *rows, size_t stride, const struct geometry *g, const uint64_t *x,
                      size_t first, size_t count)
{
    if (count == 0)
        return;
    if (geometry_is_identity(g) && stride == g->c) {
        memcpy(rows, x + first * g->c, count * g->c * sizeof *rows);
        return;
    }
    size_t oy = first / g->ow, ox = first % g->ow;
    for (size_t p = 0; p < count; p++) {
        patch_copy(rows + p * stride, g, x, (int64_t)oy * g->sh - g->top,
                   (int64_t)ox * g->sw - g->left);
        if (++ox == g->ow) {
            ox = 0;
            oy++;
        }
    }
}
