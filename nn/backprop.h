/*
 * backprop.h: one network, forward and backward over a lot of samples: the loss and its gradient.
 *
 * A backprop holds the memory for one lot and borrows the model, whose weights it reads at every
 * run. One per thread. Convolutions are matrix products over patches (im2col) by the BLAS.
 *
 * Training evaluates a final softmax of either kind as the exact one: the loss is the cross
 * entropy of exact softmax. Batch normalisation takes the statistics of the lot while training, and
 * the model's own otherwise.
 */
#ifndef OB_NN_BACKPROP_H
#define OB_NN_BACKPROP_H

#include "nn/blas.h"
#include "nn/chance.h"
#include "nn/model.h"

struct backprop;

/* Memory for lots of up to `lot` samples. NULL with *e filled (ERR_FAILED without memory). Model
 * and BLAS must outlive it. */
struct backprop *backprop_new(const struct model *m, const struct blas *blas, unsigned lot,
                              struct err *e);
void backprop_free(struct backprop *bp);

/* Where the samples go: lot x h x w x c floats. A forward run may overwrite them. */
float *backprop_input(struct backprop *bp);

/* Evaluates n samples. dropout is the stream of this lot's dropout, NULL outside training. */
void backprop_forward(struct backprop *bp, unsigned n, const struct chance *dropout);

/* What goes into the softmax: n x nclass floats, of the last forward run. */
const float *backprop_logits(const struct backprop *bp);

/* The sum over the n samples of the cross entropy with targets (1 - smoothing) [label] +
 * smoothing / nclass. *right, unless NULL, grows by the number of samples whose label has the
 * largest logit. */
double backprop_loss(const struct backprop *bp, unsigned n, const uint8_t *label,
                     double smoothing, size_t *right);

/* After forward with dropout given: grad[k] += scale times the derivative of that sum by parameter
 * k (nparameter floats, in the model's order). In place of the derivatives by mean and variance of
 * a batch normalisation, which have none, stand scale n times the statistics of the lot. */
void backprop_backward(struct backprop *bp, unsigned n, const uint8_t *label, double smoothing,
                       double scale, float *grad);

/* For tests: the factors (0 or 1 / (1 - rate)) of dropout layer i in the last forward run. */
const float *backprop_dropout(const struct backprop *bp, unsigned i);

#endif
