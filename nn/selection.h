/*
 * selection.h: which frames are classified: the rows of the selection matrix B, each one-hot.
 *
 * It is the model owner's secret, like the weights. In memory a row is the number of its frame.
 */
#ifndef OB_NN_SELECTION_H
#define OB_NN_SELECTION_H

#include <stddef.h>
#include <stdint.h>

#include "net/base_err.h"
#include "nn/chunks.h"

enum { SELECTION_FRAMES = 1 << 20 };

struct selection {
    uint32_t frames;        /* N, columns of B */
    uint32_t rows;          /* n, 0: none */
    uint32_t *frame;        /* of each row; owned */
};

void selection_fini(struct selection *s);

/* "every:K": K in 1 .. 1,048,576. ERR_USAGE for a text that begins so and is wrong; *k = 0 for
 * a text that does not begin so (the name of a file). */
int selection_option(const char *text, uint32_t *k, struct err *e);

/* Row i picks frame K i, for n = ceil(N / K) rows. */
int selection_every(struct selection *s, uint32_t k, uint32_t frames, struct err *e);

/* From the n x N values of B, row-major: each 0 or 1 and one 1 in each row. In a refusal,
 * *bad (may be NULL) is the index of the first wrong value. */
int selection_rows(struct selection *s, const float *b, uint32_t rows, uint32_t frames,
                   const char *name, size_t *bad, struct err *e);

/* A text of n x N values 0 or 1; N is known, n is what the number of values implies. */
int selection_parse(struct selection *s, const uint8_t *p, size_t n, const char *name,
                    uint32_t frames, struct err *e);

/* Sorts the rows by their frames (scores are summed, so their order says nothing) and counts those
 * of each chunk of `each` frames; 0: the clip comes as a whole. ERR_USAGE as chunks_cut. */
int selection_chunks(struct chunks *c, struct selection *s, uint32_t each, struct err *e);

/* B as integers 0 and 1, rows x chunks_frames: of a row only the part in its chunk. */
void selection_matrix(uint64_t *b, const struct selection *s, const struct chunks *c);

#endif
