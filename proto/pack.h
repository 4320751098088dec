/*
 * pack.h: which polynomials a private linear map multiplies.
 *
 * A block of F frames, C channels and O filters on pictures of H W pixels (with their padding) has
 * F C O H W <= N coefficients. The input and the weights go to
 *
 *     x[f, ch, i, j]        at  f C H W + ch H W + i W + j
 *     w[o, ch, a, b]        at  o F C H W + (C - 1 - ch) H W + (kh - 1 - a) W + (kw - 1 - b)
 *
 * so that in their product modulo X^N + 1 the output (f, o, y, x) stands at
 *
 *     o F C H W + f C H W + (C - 1) H W + (y sh + kh - 1) W + (x sw + kw - 1)
 *
 * summed over the channels of the block (Cheetah, section 3.1; frames besides). Blocks of channels
 * are added up by homomorphism. A frame selection is a 1 x 1 convolution whose pixels are those of
 * a frame, whose channels are the clip's frames and whose filters are the rows of the matrix.
 *
 * Block sizes minimise bytes of both messages, with products weighed in.
 */
#ifndef OB_PROTO_PACK_H
#define OB_PROTO_PACK_H

#include <stddef.h>
#include <stdint.h>

#include "proto/geometry.h"

/* How elements are addressed: index = sum of coordinates times strides. */
struct pack_layout {
    size_t frame, y, x, channel;                    /* the masked operand */
    size_t w_channel, w_filter, w_y, w_x;           /* the held one */
    size_t out_frame, out_y, out_x, out_filter;
};

struct pack {
    unsigned n;                             /* coefficients of a polynomial */
    uint32_t frames, channels, filters;     /* in all */
    uint32_t h, w, top, left;               /* pictures with padding; where the input begins */
    uint32_t in_h, in_w, kh, kw, sh, sw, oh, ow;
    uint32_t f, c, o;                       /* of a block */
    uint32_t nf, nc, no;                    /* blocks */
    struct pack_layout at;
};

/* A layer for so many frames, whose operands lie as geometry.h says, frame after frame; or (frames
 * 0) the selection g = geometry_dense(rows, frames of the clip, pixels) with the clip as the masked
 * operand. -1: a picture does not fit. */
int pack_plan(struct pack *p, const struct geometry *g, uint32_t frames, unsigned n);

static inline size_t pack_inputs(const struct pack *p)
{
    return (size_t)p->nf * p->nc;
}

static inline size_t pack_answers(const struct pack *p)
{
    return (size_t)p->nf * p->no;
}

/* Elements of the operands and of the result. */
size_t pack_masked(const struct pack *p);
size_t pack_results(const struct pack *p);

/* Polynomials: input block (f, c) of the masked operand x; weights of block (o, c). */
void pack_input(uint64_t *poly, const struct pack *p, uint32_t f, uint32_t c, const uint64_t *x);
void pack_weight(uint64_t *poly, const struct pack *p, uint32_t o, uint32_t c, const uint64_t *w);

/* Of answer (f, o): the coefficients that are results and which results they are; returns how many.
 * Room for pack.n each. */
size_t pack_useful(const struct pack *p, uint32_t f, uint32_t o, uint32_t *coefficient,
                   uint32_t *result);

/* The same number alone. */
size_t pack_useful_count(const struct pack *p, uint32_t f, uint32_t o);

#endif
