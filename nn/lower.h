/*
 * lower.h: from a float model to the fixed-point model of fixed.h, with proven ranges.
 *
 * - Average pools become sum pools; 1/(kh kw) goes into the next linear stage.
 * - Batch normalisation goes into the linear stage right before it, else into the next one.
 * - A ReLU is merged into the linear stage right before it; flattening and dropout vanish.
 * - A final softmax, exact or approximate, becomes net.softmax.
 * - Where no linear stage can take a factor or an offset, and behind a network that does not end
 *   in a linear stage, a diagonal 1x1 stage is inserted.
 *
 * Each linear stage's shift is chosen so that the largest weight has about 13 bits, or 10 where
 * the ranges leave no room for more: rounding then costs every weight at most 2^-10 of the
 * largest one. Shifts stay at 16 or below except for a stage whose weights are all tiny.
 *
 * A model whose ranges do not fit is refused: nothing is ever clamped.
 */
#ifndef OB_NN_LOWER_H
#define OB_NN_LOWER_H

#include "nn/model.h"

enum { LOWER_FRAC = 14 };       /* the default; 8 to 16 are possible */

/* `out` is the caller's to fini; empty on failure. ERR_INPUT names the layer or stage that does
 * not fit, and what to do. */
int fixed_lower(struct fixed_model *out, const struct model *m, unsigned frac, struct err *e);

/* Proves the ranges of a fixed model anew: sets width and product_bits of every stage from its
 * weights, shifts and shapes. */
int fixed_prove(struct fixed_model *m, struct err *e);

#endif
