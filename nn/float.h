/*
 * float.h: the network evaluated in the clear, in 32-bit floats.
 *
 * An evaluator holds the memory for one frame and keeps every layer's output until the next frame,
 * so that a reader can look inside. It borrows the model and reads the weights at every run: a
 * training loop may change them in between. One per thread; they share a model freely.
 */
#ifndef OB_NN_FLOAT_H
#define OB_NN_FLOAT_H

#include "nn/model.h"

struct evaluator;

/* NULL without memory. The model must outlive it. */
struct evaluator *evaluator_new(const struct model *m);
void evaluator_free(struct evaluator *en);

/* Evaluates one frame (h w c floats). */
void evaluator_run(struct evaluator *en, const float *frame);

/* The output of layer i for the last frame, geometry_out(&net.layer[i].g) floats. */
const float *evaluator_layer(const struct evaluator *en, unsigned i);

/* What goes into the final softmax (or comes out of the last layer when there is none): nclass
 * floats. scores.h makes scores of them. */
const float *evaluator_logits(const struct evaluator *en);

/* One frame without keeping an evaluator: logits receives nclass floats. ERR_FAILED without
 * memory. */
int model_run(const struct model *m, const float *frame, float *logits, struct err *e);

#endif
