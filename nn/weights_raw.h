/*
 * weights_raw.h: parameters as little-endian 32-bit floats, in the order of model.h, and nothing
 * else.
 */
#ifndef OB_NN_WEIGHTS_RAW_H
#define OB_NN_WEIGHTS_RAW_H

#include "nn/model.h"

/* A model of `net` with the parameters in p. ERR_INPUT for a wrong number of bytes, or for a value
 * that is not finite. The model is empty on failure. */
int weights_raw_parse(struct model *m, const struct network *net, const uint8_t *p, size_t n,
                      const char *name, struct err *e);

#endif
