/*
 * optimise.h: from gradients to steps: the rules, and the learning rate over time.
 *
 *     sgd     g += decay w;  v = momentum v + g;  w -= rate (g + momentum v)        (Nesterov)
 *     adam    w -= rate decay w;  m = b1 m + (1 - b1) g;  v = b2 v + (1 - b2) g^2;
 *             w -= rate (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + epsilon)         (AdamW)
 *
 * as Sutskever et al. (2013) and Loshchilov and Hutter (2019) give them, with momentum = b1. Only
 * kernels decay: biases and batch normalisation do not. Mean and variance of a batch normalisation
 * have no gradient; they follow the batches' own.
 */
#ifndef OB_NN_OPTIMISE_H
#define OB_NN_OPTIMISE_H

#include <stddef.h>

#include "nn/model.h"

enum optimise_rule { OPTIMISE_SGD, OPTIMISE_ADAM, OPTIMISE_RULES };
enum optimise_schedule { SCHEDULE_CONSTANT, SCHEDULE_STEP, SCHEDULE_COSINE, SCHEDULES };

struct optimise {
    unsigned rule, schedule;        /* the enums above */
    double rate;                    /* at its height */
    double momentum;                /* adam: b1 */
    double second, epsilon;         /* adam: b2, and what keeps the division finite */
    double decay;                   /* per step, of kernels */
    double cap;                     /* of kernels, see optimise_cap; 0: none */
    double warmup;                  /* epochs of linear rise from 0 */
    double step_epochs, step_factor;    /* SCHEDULE_STEP: times the factor after so many epochs */
    double epochs;                  /* SCHEDULE_COSINE: where it arrives at 0 */
};

extern const char *const optimise_rule_name[OPTIMISE_RULES];
extern const char *const optimise_schedule_name[SCHEDULES];

/* The learning rate at a time in epochs; of a step, the time at its middle. */
double optimise_rate(const struct optimise *o, double epoch);

/* Blocks of nparameter floats that the rule keeps: 1 or 2. */
unsigned optimise_blocks(const struct optimise *o);

/* Step number t (from 1) for parameters from .. to - 1 of the model: grad is the mean gradient of
 * the batch, state the blocks, one after the other. */
void optimise_step(const struct optimise *o, struct model *m, float *state, const float *grad,
                   double rate, double t, size_t from, size_t to);

/* Holds the kernels of convolutions and dense layers small, channel by channel: where the sum of
 * the magnitudes that lead to an output exceeds cap sqrt(1.5 n), n being their number, all of them
 * are scaled down to it. sqrt(1.5 n) is the mean where training from nothing begins
 * (initialise.h). The ranges that fixed point can prove are products of these sums. A layer right
 * before a batch normalisation is left alone: that undoes any scale. For part `part` of `parts` of
 * each layer's outputs; sum has room for the widest layer's. */
void optimise_cap(const struct optimise *o, struct model *m, float *sum, unsigned part,
                  unsigned parts);

#endif
