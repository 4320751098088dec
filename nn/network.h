/*
 * network.h: the public description of a network: its layers in order, and their shapes.
 *
 * Any sequence of the kinds below on any input size. A caller fills in the input size and the
 * layers (network_add), then network_finish infers every shape, checks that the layers fit
 * together, and counts the parameters. Activations are [row][column][channel]; flattening
 * therefore changes the shape only. Weights are not here: see model.h.
 */
#ifndef OB_NN_NETWORK_H
#define OB_NN_NETWORK_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "net/base_err.h"
#include "nn/fixed.h"
#include "proto/geometry.h"

enum {
    NETWORK_LAYERS = 128,
    NETWORK_CLASSES = FIXED_CLASSES,
    NETWORK_NAME = 48,                  /* bytes of a layer's name with its final zero */
    NETWORK_SIDE = 1 << 15,             /* largest height, width, window or stride */
    NETWORK_VALUES = 1 << 26,           /* most values in one activation */
    NETWORK_WEIGHTS = 1 << 28           /* most parameters in all */
};

enum layer_kind {
    LAYER_CONV = 1,
    LAYER_AVGPOOL,          /* with padding `same`: the mean of what lies inside the picture */
    LAYER_MAXPOOL,
    LAYER_DENSE,            /* over the last axis, as in Keras: on a picture, a 1x1 convolution */
    LAYER_RELU,
    LAYER_FLATTEN,
    LAYER_BATCHNORM,        /* over the last axis */
    LAYER_DROPOUT,          /* does nothing outside training */
    LAYER_EXACT_SOFTMAX,    /* either softmax: the last layer only */
    LAYER_APPROX_SOFTMAX,   /* r_i / sum r, r = ReLU(u) */
    LAYER_KINDS
};

struct layer {
    uint8_t kind;               /* enum layer_kind */
    uint8_t same;               /* convolution, pools: padding `same` instead of `valid` */
    uint8_t bias;               /* convolution, dense: there is a bias */
    uint32_t kh, kw;            /* convolution, pools: window; pools: 0 x 0 is the whole picture */
    uint32_t sh, sw;            /* convolution, pools: stride */
    uint32_t units;             /* convolution, dense: output channels */
    float epsilon;              /* batch normalisation: added to the variance */
    float rate;                 /* dropout: for training */
    char name[NETWORK_NAME];    /* for messages; network_finish fills in an empty one */

    /* Filled in by network_finish. */
    struct geometry g;          /* input and output shape, also of layers without a window */
    size_t nweight;             /* kernel; batch normalisation: gamma, beta, mean, variance */
    size_t nbias;
};

struct network {
    uint32_t h, w, c;           /* input; values in [0, 1] */
    uint32_t nlayer, nclass;
    struct layer layer[NETWORK_LAYERS];
    char class_name[NETWORK_CLASSES][FIXED_NAME];   /* empty ones are filled in */
    size_t nparameter;          /* of all layers */
};

/* An empty network on inputs of h x w x c. */
void network_init(struct network *net, uint32_t h, uint32_t w, uint32_t c);

/* Appends a layer; ERR_INPUT when there are too many. A stride of 0 is taken as 1. */
int network_add(struct network *net, struct layer layer, struct err *e);

/* Infers shapes, checks everything, fills in the derived members, names and classes. ERR_INPUT
 * names the layer that does not fit. */
int network_finish(struct network *net, struct err *e);

/* The network of the published system, finished. */
void network_default(struct network *net);

/* Whether both have the same input and layers (names and dropout rates apart). */
int network_equal(const struct network *a, const struct network *b);

/* Makes a name one that can be shown and written anywhere: what is not UTF-8, and control
 * characters, become question marks. network_finish does so with all names. */
void network_name_clean(char *name);

/* Names the classes of a finished network: exactly as many as there are, with commas between. -1
 * when they are not, or one is empty or too long. */
int network_classes(struct network *net, const char *text);

/* A name for every layer, all different, for files that need that: a layer's own; one without
 * weights that shares its name gets numbers behind it; "layer1", .. for all if that is not
 * enough. */
void network_titles(char title[static NETWORK_LAYERS][NETWORK_NAME], const struct network *net);

/* "conv", "average pool", ... */
const char *layer_kind_name(unsigned kind);

/* Multiply-accumulates and ReLUs of one frame in one finished layer. The final softmax counts
 * its own ReLUs when it is the approximate one. */
size_t layer_macs(const struct layer *layer);
size_t layer_relus(const struct layer *layer);

/* One row per layer: kind, window, stride, output shape, parameters, multiplications, ReLUs; then
 * the sums. */
void network_print(const struct network *net, FILE *out);

#endif
