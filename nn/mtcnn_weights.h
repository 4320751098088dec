/*
 * mtcnn_weights.h: the weights of the three networks, from either of two kinds of file.
 *
 * The published packaging is an LZ4 frame around a joblib pickle of float32 arrays (joblib.h); the
 * project's own is plain: 8 bytes "MTCNNW01", u32 count, and per array u8 name length, name, u8
 * dimensions, u32 each, float32 values, all little-endian. Both hold the arrays of each layer in
 * order: kernel, biases, slopes. Shapes are checked against mtcnn_layers; values must be finite.
 */
#ifndef OB_NN_MTCNN_WEIGHTS_H
#define OB_NN_MTCNN_WEIGHTS_H

#include <stddef.h>
#include <stdint.h>

#include "net/base_err.h"

enum { MTCNN_P, MTCNN_R, MTCNN_O, MTCNN_NETS };
enum { MTCNN_LAYERS = 9, MTCNN_TENSORS = 24 };

/* Convolution [kh][kw][cin][cout], or dense [cin][cout] when kh is 0. */
struct mtcnn_layer {
    const char *name, *slopes;      /* slopes: name of the PReLU behind it, or NULL */
    unsigned kh, kw, cin, cout;
};

/* The layers of a network, ended by a NULL name. The last ones without slopes are its heads. */
extern const struct mtcnn_layer mtcnn_layers[MTCNN_NETS][MTCNN_LAYERS];

/* "pnet", "rnet", "onet". */
extern const char *const mtcnn_net_name[MTCNN_NETS];

struct mtcnn_weights {
    unsigned n;                         /* arrays */
    const float *tensor[MTCNN_TENSORS]; /* into data */
    float *data;                        /* owned; mtcnn_weights_fini */
    size_t count;                       /* floats */
};

/* Reads either kind; tells them apart by their first bytes. ERR_INPUT names the place. */
int mtcnn_weights_parse(struct mtcnn_weights *w, unsigned net, const uint8_t *p, size_t n,
    const char *name, struct err *e);
void mtcnn_weights_fini(struct mtcnn_weights *w);

/* The plain file: malloc'd (mem_free), *n bytes; NULL without memory. */
uint8_t *mtcnn_weights_bytes(const struct mtcnn_weights *w, unsigned net, size_t *n);

#endif
