/*
 * conv_row_impl.h: the kernel in vectors that the compiler maps to the machine; included once for
 * each machine, with CONV_KERNEL (its name) and CONV_PIXELS (pixels in registers) defined.
 */
#include <string.h>

#include "nn/conv_row.h"

/* Half a block of channels, read from anywhere. */
typedef float half_block __attribute__((vector_size(CONV_BLOCK / 2 * sizeof(float)), may_alias,
    aligned(sizeof(float))));

/* Bias, slope, and only the channels that there are. */
static inline void finish(const struct conv_row *r, const float *sum, unsigned pixel,
    unsigned first)
{
    unsigned n = r->cout - first < CONV_BLOCK ? r->cout - first : CONV_BLOCK;
    float *out = r->out + (size_t)pixel * r->cout + first;
    for (unsigned c = 0; c < n; c++) {
        float v = sum[c] + r->bias[first + c];
        out[c] = r->alpha != NULL && v < 0 ? v * r->alpha[first + c] : v;
    }
}

/* `pixels` (a constant where this is inlined) output pixels, one block of channels. */
static inline __attribute__((always_inline)) void block(const struct conv_row *r,
    unsigned pixel, unsigned first, const unsigned pixels)
{
    half_block sum[CONV_PIXELS][2];
    const float *w = r->weight + (size_t)first * r->runs * r->length;
    memset(sum, 0, sizeof sum);
    for (unsigned run = 0; run < r->runs; run++) {
        const float *in = r->in + pixel * r->step + run * r->pitch;
        for (unsigned k = 0; k < r->length; k++, w += CONV_BLOCK) {
            const half_block *at = (const half_block *)w;
            half_block low = at[0], high = at[1];
#pragma GCC unroll 8
            for (unsigned p = 0; p < pixels; p++) {
                float x = in[p * r->step + k];
                sum[p][0] += x * low;
                sum[p][1] += x * high;
            }
        }
    }
    for (unsigned p = 0; p < pixels; p++) {
        float flat[CONV_BLOCK];
        memcpy(flat, sum[p], sizeof flat);
        finish(r, flat, pixel + p, first);
    }
}

void CONV_KERNEL(const struct conv_row *r)
{
    for (unsigned first = 0; first < r->cout; first += CONV_BLOCK) {
        unsigned p = 0;
        for (; p + CONV_PIXELS <= r->n; p += CONV_PIXELS)
            block(r, p, first, CONV_PIXELS);
        for (; p + 2 <= r->n; p += 2)
            block(r, p, first, 2);
        for (; p < r->n; p++)
            block(r, p, first, 1);
    }
}
