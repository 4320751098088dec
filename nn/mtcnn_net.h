/*
 * mtcnn_net.h: the three networks, run: layers on the kernel of conv_row.h, the heads as one layer.
 *
 * Tensors are [row][column][channel]. Activations live in scratch memory of the network.
 */
#ifndef OB_NN_MTCNN_NET_H
#define OB_NN_MTCNN_NET_H

#include "nn/mtcnn_weights.h"

struct mtcnn_net;

enum {
    MTCNN_BATCH = 32,           /* patches of R-Net and O-Net that are run together */
    MTCNN_CELL = 6,             /* what P-Net and R-Net say: 4 offsets, 2 logits (no face, face) */
    MTCNN_FACE = 16             /* O-Net: 4 offsets, 10 landmarks, 2 logits */
};

/* NULL without memory. w may go afterwards. */
struct mtcnn_net *mtcnn_net_new(const struct mtcnn_weights *w, unsigned net, struct err *e);
void mtcnn_net_free(struct mtcnn_net *net);

/* P-Net's output size for a level of h x w; 0 when the level is too small. */
unsigned mtcnn_cells(unsigned edge);

/* P-Net over a level (h w 3 floats): each row of cells goes to `row` as soon as it is there, with
 * mtcnn_cells(w) * MTCNN_CELL floats. Stops when row gives something else than 0, and
 * gives that. */
int mtcnn_run_p(struct mtcnn_net *net, const float *level, unsigned h, unsigned w,
    int (*row)(void *ctx, unsigned y, const float *cells), void *ctx, struct err *e);

/* R-Net or O-Net over n <= MTCNN_BATCH patches (24 or 48 pixels square, 3 floats each): n times
 * MTCNN_CELL or MTCNN_FACE floats, owned by the network until its next run. */
const float *mtcnn_run_patches(struct mtcnn_net *net, const float *patches, unsigned n);

/* The edge of a patch. */
unsigned mtcnn_patch_edge(unsigned net);

/* Largest value under a k x k window that moves by 2. same: windows may hang over, as little at the
 * top and left as at the bottom and right or one less; else only windows that lie inside. out has
 * mtcnn_pooled(h) x mtcnn_pooled(w) x c floats. */
void mtcnn_pool(float *out, const float *in, unsigned h, unsigned w, unsigned c, unsigned k,
    int same);
unsigned mtcnn_pooled(unsigned edge, unsigned k, int same);

#endif
