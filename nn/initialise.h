/*
 * initialise.h: the weights with which training from nothing begins.
 */
#ifndef OB_NN_INITIALISE_H
#define OB_NN_INITIALISE_H

#include "nn/model.h"

/* Kernels uniform in +-sqrt(6 / n): n is the inputs of an output where a ReLU follows (He et
 * al. 2015), else these and the outputs of an input together (Glorot and Bengio 2010). Biases 0;
 * batch normalisation 1, 0, 0, 1. The same weights for the same seed. */
void model_initialise(struct model *m, uint64_t seed);

#endif
