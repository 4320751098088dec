/*
 * pack.h: which polynomials a private linear map multiplies.
 *
 * The outputs of a picture are cut in tiles of th tw positions (the last ones may hang over the
 * edge), each with the H W = ((th - 1) sh + kh) ((tw - 1) sw + kw) inputs that it reads: tiles
 * overlap, padding and what lies beyond an edge are zeros. A tile of a frame is a picture of its
 * own; all tiles of all frames share the weights. A block of F tiles, C channels and O filters has
 * F C O H W <= N coefficients. The input and the weights go to
 *
 *     x[f, ch, i, j]        at  f C H W + ch H W + i W + j
 *     w[o, ch, a, b]        at  o F C H W + (C - 1 - ch) H W + (kh - 1 - a) W + (kw - 1 - b)
 *
 * so that in their product modulo X^N + 1 the output (f, o, y, x) stands at
 *
 *     o F C H W + f C H W + (C - 1) H W + (y sh + kh - 1) W + (x sw + kw - 1)
 *
 * summed over the channels of the block (Cheetah, section 3.1; tiles and frames besides). No other
 * term gets there: it would be off by less than W in columns, H in rows and C in channels, so that
 * no such differences add up to zero but zeros; and what wraps around X^N = -1 ends below the first
 * output, for a product's degree is at most N - 1 + (C - 1) H W + (kh - 1) W + (kw - 1). Blocks of
 * channels are added up by homomorphism. A frame selection is a 1 x 1 convolution whose pixels are
 * those of a frame, whose channels are the clip's frames and whose filters are the rows of the
 * matrix.
 *
 * Sizes of tiles and blocks minimise bytes of both messages, with products weighed in, over all
 * sizes that are the least for their number of tiles or blocks. Both ends get the same plan: it is
 * a function of the shape alone, in integers.
 */
#ifndef OB_PROTO_PACK_H
#define OB_PROTO_PACK_H

#include <stddef.h>
#include <stdint.h>

#include "proto/geometry.h"

/* Blocks of channels at most: so many products are added up (RLWE_PRODUCTS). */
enum { PACK_SUM = 256 };

/* How elements are addressed: index = sum of coordinates times strides. */
struct pack_layout {
    size_t frame, y, x, channel;                    /* the masked operand */
    size_t w_channel, w_filter, w_y, w_x;           /* the held one */
    size_t out_frame, out_y, out_x, out_filter;
};

struct pack {
    unsigned n;                             /* coefficients of a polynomial */
    uint32_t frames, channels, filters;     /* in all */
    uint32_t in_h, in_w, top, left;         /* a picture, and the padding before it */
    uint32_t kh, kw, sh, sw, oh, ow;
    uint32_t th, tw, ny, nx;                /* outputs of a tile; tiles of a picture */
    uint32_t h, w;                          /* inputs of a tile */
    uint32_t f, c, o;                       /* of a block: tiles, channels, filters */
    uint32_t nf, nc, no;                    /* blocks */
    struct pack_layout at;
};

/* A layer for so many frames, whose operands lie as geometry.h says, frame after frame; or (frames
 * 0) the selection g = geometry_dense(rows, frames of the clip, pixels) with the clip as the masked
 * operand. -1: a window does not fit. */
int pack_plan(struct pack *p, const struct geometry *g, uint32_t frames, unsigned n);

static inline size_t pack_inputs(const struct pack *p)
{
    return (size_t)p->nf * p->nc;
}

static inline size_t pack_answers(const struct pack *p)
{
    return (size_t)p->nf * p->no;
}

/* What the plan minimises: bytes of both messages but for the results', and some for products. */
uint64_t pack_cost(const struct pack *p);

/* Elements of the operands and of the result. */
size_t pack_masked(const struct pack *p);
size_t pack_results(const struct pack *p);

/* Pairs of an input and a weight polynomial that are multiplied. */
static inline size_t pack_products(const struct pack *p)
{
    return (size_t)p->nf * p->nc * p->no;
}

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
