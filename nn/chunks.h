/*
 * chunks.h: whether a clip comes as a whole, or in chunks of so many frames, of which the first are
 * computed on while the later ones are still being filmed.
 *
 * Each row of the frame selection then belongs to one chunk and picks one of its frames. How many
 * rows a chunk has is public; which frames they pick is not. The rows come in the order of the
 * chunks. A chunk without rows is not shared at all; the last one, which may be shorter, is filled
 * up with zeros.
 */
#ifndef OB_NN_CHUNKS_H
#define OB_NN_CHUNKS_H

#include <stdint.h>

#include "net/base_err.h"

enum { CHUNKS_MAX = 256 };

struct chunks {
    uint32_t each;              /* frames of a chunk */
    uint16_t n;                 /* chunks; 0: the clip comes as a whole */
    uint16_t rows[CHUNKS_MAX];  /* that each has */
};

extern const struct chunks chunks_whole;     /* the clip comes as a whole */

/* ERR_INPUT unless these cut a clip of so many frames, of which so many are selected. */
int chunks_check(const struct chunks *c, uint32_t frames, uint32_t selected, struct err *e);

/* For clips of so many frames in chunks of `each` (or of all); the rows are not set. ERR_USAGE when
 * that makes more than CHUNKS_MAX. */
int chunks_cut(struct chunks *c, uint32_t frames, uint32_t each, struct err *e);

/* The first chunk from i on that has rows; chunks_count when none has. */
unsigned chunks_next(const struct chunks *c, unsigned i);

static inline unsigned chunks_count(const struct chunks *c)
{
    return c->n > 0 ? c->n : 1;
}

/* Frames of a chunk, of a clip of so many, as it is shared. */
static inline uint32_t chunks_frames(const struct chunks *c, uint32_t frames)
{
    return c->n > 0 ? c->each : frames;
}

static inline uint32_t chunks_rows(const struct chunks *c, unsigned i, uint32_t selected)
{
    return c->n > 0 ? c->rows[i] : selected;
}

#endif
