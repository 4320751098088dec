/*
 * quantise.h: rounds the kernels of a lowered network, with a shift and proven ranges per stage.
 */
#ifndef OB_NN_QUANTISE_H
#define OB_NN_QUANTISE_H

#include "nn/fixed.h"

/* m->net has its stages and frac; w[i] and b[i] are the kernel and bias of linear stage i. Fills in
 * weights, biases, shifts, widths and product bits, rounded up to the published lists. ERR_INPUT
 * names the stage whose ranges do not fit; what was allocated is left to fixed_model_fini. */
int quantise(struct fixed_model *m, double *const *w, double *const *b, struct err *e);

#endif
