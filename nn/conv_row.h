/*
 * conv_row.h: the inner loop of the face detector's networks: a row of output pixels.
 *
 * Tensors are [row][column][channel]. Under a kernel, an output pixel sees `runs` rows of `length`
 * consecutive floats, so neither a convolution nor a dense layer needs its input copied: a dense
 * layer is one run, its "pixels" are the samples of a batch.
 */
#ifndef OB_NN_CONV_ROW_H
#define OB_NN_CONV_ROW_H

#include <stddef.h>

enum { CONV_BLOCK = 16 };       /* output channels that are computed together */

struct conv_row {
    const float *in;            /* pixel p, run r, float k: in[p step + r pitch + k] */
    size_t step, pitch;
    unsigned n;                 /* output pixels */
    unsigned runs, length;
    const float *weight;        /* [block][runs * length][CONV_BLOCK], the last block padded */
    const float *bias;          /* cout */
    const float *alpha;         /* cout slopes for negative values (PReLU), or NULL: linear */
    unsigned cout;
    float *out;                 /* [n][cout] */
};

/* Chooses the kernel for this processor. Sums are taken run by run in single precision; kernels
 * differ in rounding only. */
void conv_row(const struct conv_row *r);

/* The kernels themselves, for tests; conv_row_avx2 only where conv_row_has_avx2(). */
void conv_row_portable(const struct conv_row *r);
void conv_row_avx2(const struct conv_row *r);
int conv_row_has_avx2(void);

/* Brings weights [k][cout] into blocks; `to` has conv_blocks(cout) * k * CONV_BLOCK floats. */
void conv_pack(float *to, const float *from, size_t k, unsigned cout);
unsigned conv_blocks(unsigned cout);

#endif
