/*
 * keras.h: the architecture of a Keras model, from the JSON that Keras writes (`to_json`, or the
 * attribute model_config of a saved model), whatever the version.
 *
 * Sequential models, and functional ones whose layers form a chain. Known layers: InputLayer,
 * Conv2D, AveragePooling2D, MaxPooling2D, GlobalAveragePooling2D, GlobalMaxPooling2D, Dense,
 * Flatten, Dropout, SpatialDropout2D, Activation (linear, relu, softmax), ReLU, Softmax,
 * BatchNormalization. Anything else is refused by name: nothing is approximated silently.
 */
#ifndef OB_NN_KERAS_H
#define OB_NN_KERAS_H

#include "nn/network.h"

/* Fills in and finishes *net. ERR_INPUT names the layer, or the line of broken JSON. */
int keras_parse(struct network *net, const uint8_t *p, size_t n, const char *name, struct err *e);

/* The same way back: a Sequential model whose JSON keras_parse reads as this network (an
 * approximate softmax becomes an exact one: Keras has no other). malloc'd (free); NULL without
 * memory. */
char *keras_write(const struct network *net);

#endif
