/*
 * weights_safetensors.h: models as safetensors, read and written.
 *
 * A file is a u64 length, a JSON header of so many bytes that names every tensor with its type,
 * shape and place, and the tensors themselves (https://github.com/huggingface/safetensors). Read:
 * F16, BF16, F32, F64. Everything is checked before it is used: places must cover the data
 * exactly, as the format demands.
 *
 * A tensor is called GROUP.KIND or GROUP/KIND. Kinds that are known, and their layout:
 *
 *     kernel                      [kh][kw][c_in][c_out], [d_in][d_out]: as in Keras
 *     weight                      [c_out][c_in][kh][kw], [d_out][d_in]: as in PyTorch
 *     bias, beta
 *     gamma, scale, weight        of a batch normalisation
 *     moving_mean, running_mean, moving_variance, running_var;  num_batches_tracked is left out
 *
 * Groups belong to layers by name where the file has one for each of the network's layers (the
 * whole name, or its last part: "net.conv1" is "conv1"). Otherwise each layer with parameters, in
 * order, takes the first group of its kind that is left, groups being ordered by name with numbers
 * as numbers. Every group must be used, and all shapes agree. What PyTorch calls `weight` or
 * `running_..` behind a flattened picture counts its inputs by channel first, as it flattens.
 *
 * The architecture is the one in the header's __metadata__ (`architecture`: Keras JSON; `classes`:
 * their names with commas; `softmax`: `approximate` for the one Keras does not have), else the
 * caller's.
 */
#ifndef OB_NN_WEIGHTS_SAFETENSORS_H
#define OB_NN_WEIGHTS_SAFETENSORS_H

#include "nn/model.h"

/* Whether the bytes begin like such a file; whether it seems to bring its architecture. */
int weights_safetensors_likely(const uint8_t *p, size_t n);
int weights_safetensors_described(const uint8_t *p, size_t n);

/* The model; *beside is its network where the file does not tell. ERR_INPUT names the tensor and
 * what was expected; the model is empty on failure. */
int weights_safetensors_parse(struct model *m, const struct network *beside, const uint8_t *p,
                              size_t n, const char *name, struct err *e);

/* The file as a block (mem_free after wiping *n bytes), or NULL without memory. Tensors are F32 in
 * Keras's layout, called after their layers (network_titles). A comma in the name of a class
 * becomes a semicolon. */
uint8_t *weights_safetensors_bytes(const struct model *m, size_t *n);

#endif
