/*
 * weights_h5.h: Keras weights from HDF5: what `save_weights` and `save` write.
 *
 * Three layouts: groups listed by the attribute layer_names at the root (weights only), the same
 * under /model_weights (a full model, with its architecture in the attribute model_config), and
 * /layers/NAME/vars/K of newer versions. Groups are taken in order and matched to the layers of
 * the network that have parameters; shapes must agree exactly.
 */
#ifndef OB_NN_WEIGHTS_H5_H
#define OB_NN_WEIGHTS_H5_H

#include "nn/model.h"

/* Whether the bytes begin like an HDF5 file. */
int weights_h5_likely(const uint8_t *p, size_t n);

/* The model. Its network is that of model_config when the file has it, else *beside. ERR_INPUT
 * names the layer and what was expected; the model is empty on failure. */
int weights_h5_parse(struct model *m, const struct network *beside, const uint8_t *p, size_t n,
                     const char *name, struct err *e);

#endif
