/*
 * model.h: a network with its weights, as 32-bit floats.
 *
 * All parameters lie in one block in the order of the published text: for each layer its weights
 * and then its biases. Convolution kernels are [kh][kw][c_in][c_out], dense kernels
 * [d_in][d_out]; batch normalisation is gamma, beta, mean, variance. Weights are the model
 * owner's secret: they are wiped when the model goes.
 */
#ifndef OB_NN_MODEL_H
#define OB_NN_MODEL_H

#include "nn/network.h"

struct model {
    struct network net;
    float *data;                            /* net.nparameter floats; owned */
    float *weight[NETWORK_LAYERS];          /* into data; NULL where the layer has none */
    float *bias[NETWORK_LAYERS];
};

/* A model of the finished network with all parameters zero. ERR_FAILED without memory, and then
 * the model is empty and model_fini is legal. */
int model_init(struct model *m, const struct network *net, struct err *e);

/* Wipes and frees the weights; legal on a zeroed model and twice. */
void model_fini(struct model *m);

/* Refuses a parameter that is not finite, and a variance that is not positive, by its index in
 * the block; `name` is the file's. */
int model_check(const struct model *m, const char *name, struct err *e);

#endif
