/*
 * backprop_st.h: the memory of backprop.h, and its layers. For nn/backprop*.c only.
 *
 * Shapes: x and dx are n x in, y and dy are n x out values of the layer, sample by sample; dx is
 * overwritten, NULL where nobody wants it. Gradients of parameters are added.
 */
#ifndef OB_NN_BACKPROP_ST_H
#define OB_NN_BACKPROP_ST_H

#include "nn/backprop.h"

struct backprop {
    const struct model *m;
    const struct blas *blas;
    unsigned lot;
    unsigned first;                     /* the first layer that has parameters */
    unsigned last;                      /* the layer whose output are the logits */
    float *memory;
    size_t count;
    float *input;
    float *y[NETWORK_LAYERS];           /* lot x out; ReLU, dropout, flatten work in place */
    float *d[2];                        /* derivatives by activations, in turns */
    float *patches;                     /* for convolutions */
    size_t rows;                        /* rows of patches that are wanted at a time */
    float *keep[NETWORK_LAYERS];        /* dropout: factors */
    float *stat[NETWORK_LAYERS];        /* batch normalisation: mean, variance of the lot */
    uint32_t *winner[NETWORK_LAYERS];   /* max pool: which input won */
};

void linear_forward(struct backprop *bp, unsigned i, float *y, const float *x, unsigned n);
void linear_backward(struct backprop *bp, unsigned i, float *dx, const float *dy, const float *x,
                     unsigned n, float *dw, float *db);

/* Floats of backprop.patches that layer i wants. */
size_t linear_scratch(const struct layer *l);

void pool_forward(const struct layer *l, float *y, const float *x, unsigned n, uint32_t *winner);
void pool_backward(const struct layer *l, float *dx, const float *dy, unsigned n,
                   const uint32_t *winner);

/* p: gamma, beta, mean, variance. stat: the lot's, or NULL to use the model's. */
void norm_forward(const struct layer *l, const float *p, float *y, const float *x, unsigned n,
                  float *stat);
void norm_backward(const struct layer *l, const float *p, float *dx, const float *dy,
                   const float *x, unsigned n, const float *stat, double scale, float *dp);

#endif
