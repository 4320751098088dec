/*
 * direct.h: linear maps by their definitions, one output at a time.
 */
#ifndef OB_TESTS_DIRECT_H
#define OB_TESTS_DIRECT_H

#include "proto/geometry.h"

/* Output (y, x, o) of a frame. */
static inline uint64_t direct_output(const struct geometry *g, const uint64_t *in,
                                     const uint64_t *w, uint32_t y, uint32_t x, uint32_t o)
{
    uint64_t sum = 0;
    for (uint32_t a = 0; a < g->kh; a++)
        for (uint32_t b = 0; b < g->kw; b++) {
            int64_t i = (int64_t)y * g->sh + a - g->top, j = (int64_t)x * g->sw + b - g->left;
            if (i < 0 || j < 0 || i >= g->h || j >= g->w)
                continue;
            for (uint32_t c = 0; c < g->c; c++)
                sum += in[((size_t)i * g->w + (size_t)j) * g->c + c] *
                       w[(((size_t)a * g->kw + b) * g->c + c) * g->oc + o];
        }
    return sum;
}

/* All results: of so many frames of a layer, or (frames 0) of a selection, as pack_plan has it. */
static inline void direct_map(uint64_t *z, const struct geometry *g, uint32_t frames,
                              const uint64_t *in, const uint64_t *w)
{
    for (uint32_t f = 0; f < frames; f++)
        for (size_t i = 0; i < geometry_out(g); i++)
            *z++ = direct_output(g, in + f * geometry_in(g), w, (uint32_t)(i / g->oc / g->ow),
                                 (uint32_t)(i / g->oc % g->ow), (uint32_t)(i % g->oc));
    for (uint32_t r = 0; frames == 0 && r < g->oh; r++)
        for (uint32_t pixel = 0; pixel < g->oc; pixel++, z++) {
            *z = 0;
            for (uint32_t f = 0; f < g->c; f++)
                *z += w[r * g->c + f] * in[f * g->oc + pixel];
        }
}

#endif
