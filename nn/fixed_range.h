/*
 * fixed_range.h: what values a lowered network can reach, proven by interval arithmetic.
 *
 * One interval per channel, over the weights as they are after quantisation, for every frame whose
 * pixels lie in [0, 1]. A truncation may give floor - 1, floor or floor + 1: that covers every
 * form that the protocols use. The sign of each weight picks the end of the interval that it can
 * pull, so inputs known to be non-negative count once only.
 *
 * Widths and product bits come out exact here. What is published is rounded up (range_round), so
 * that it tells less about the weights: widths to 16, 18, 20, 22, 24, 28, 32, 36, 40, 44 or 48,
 * product bits to a multiple of 4; both at most what the stage's truncation allows.
 */
#ifndef OB_NN_FIXED_RANGE_H
#define OB_NN_FIXED_RANGE_H

#include "nn/fixed.h"

struct range {
    size_t n;               /* channels */
    int64_t *low, *high;    /* owned */
};

/* The range of the input: every channel in [0, 2^frac]. ERR_FAILED without memory. */
int range_pixels(struct range *r, size_t channels, unsigned frac, struct err *e);
void range_fini(struct range *r);

/* Whether some window reaches over an edge of the picture. */
int window_overhangs(const struct geometry *g);

/* The range of a stage's output from that of its input; sets s->width and s->product_bits, exact.
 * weight and bias are those of a linear stage, else NULL. ERR_INPUT when a sum of products can
 * reach 2^61, or a value 2^60; `out` is then empty. */
int range_stage(struct range *out, const struct range *in, struct stage *s, const int64_t *weight,
                const int64_t *bias, struct err *e);

/* Rounds a proven stage up to the published lists. ERR_INPUT when its width does not fit what its
 * shift leaves (width <= 61 - shift). */
int range_round(struct stage *s, struct err *e);

#endif
