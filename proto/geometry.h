/*
 * geometry.h: the shape of a bilinear map: a convolution, of which a matrix product is the case of
 * one pixel.
 *
 * Activations are [row][column][channel] (channel innermost), kernels [kh][kw][c_in][c_out], both
 * in C order, so a kernel is a row-major (kh kw c_in) x c_out matrix and a patch of the input is a
 * row of kh contiguous runs of kw c_in words.
 */
#ifndef OB_PROTO_GEOMETRY_H
#define OB_PROTO_GEOMETRY_H

#include <stddef.h>
#include <stdint.h>

struct geometry {
    uint32_t h, w, c;               /* input */
    uint32_t kh, kw;                /* window */
    uint32_t sh, sw;                /* stride */
    uint32_t top, left;             /* zero padding before the first row and column */
    uint32_t oh, ow, oc;            /* output; with padding below and right as oh, ow imply */
};

static inline size_t geometry_in(const struct geometry *g)
{
    return (size_t)g->h * g->w * g->c;
}

static inline size_t geometry_positions(const struct geometry *g)
{
    return (size_t)g->oh * g->ow;
}

static inline size_t geometry_out(const struct geometry *g)
{
    return geometry_positions(g) * g->oc;
}

/* Length of the inner product: rows of the kernel matrix. */
static inline size_t geometry_depth(const struct geometry *g)
{
    return (size_t)g->kh * g->kw * g->c;
}

/* Rows of `words` words, one for each of so many positions, that are worked on at a time: as many
 * as fit the cache. */
static inline size_t geometry_block(size_t words, size_t positions)
{
    size_t rows = 32768 / words + 1;
    return rows < positions ? rows : positions;
}

/* rows[(p - first) * stride + t] = entry t of the patch of output position p, for positions
 * first .. first + count - 1; zero where the window hangs over the edge. stride >= depth. */
void geometry_patches(uint64_t *rows, size_t stride, const struct geometry *g, const uint64_t *x,
                      size_t first, size_t count);

/* The dense layer of `in` inputs and `out` outputs for `rows` independent rows. */
static inline struct geometry geometry_dense(uint32_t rows, uint32_t in, uint32_t out)
{
    return (struct geometry){ .h = rows, .w = 1, .c = in, .kh = 1, .kw = 1, .sh = 1, .sw = 1,
                              .oh = rows, .ow = 1, .oc = out };
}

#endif
