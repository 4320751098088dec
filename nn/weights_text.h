/*
 * weights_text.h: the published text of the model owner (`Input-P1-0`), read and written.
 *
 * First the n x N selection matrix, then the parameters, once or n times over (the published
 * program reads them once per selected frame); or the parameters alone. Copies that differ are
 * refused.
 */
#ifndef OB_NN_WEIGHTS_TEXT_H
#define OB_NN_WEIGHTS_TEXT_H

#include "nn/model.h"
#include "nn/selection.h"

/* A model of `net`, and the selection if there is one (else s->rows = 0). frames is the number of
 * frames of the clip, or 0 where it is not known: then the numbers of rows and columns are those
 * for which the matrix picks every K-th frame, or every row is one-hot. Both are empty on
 * failure. ERR_INPUT names line and column. */
int weights_text_parse(struct model *m, struct selection *s, const struct network *net,
                       const uint8_t *p, size_t n, const char *name, uint32_t frames,
                       struct err *e);

/* Writes the selection (unless NULL or empty) and `copies` times the parameters, so that they
 * read back as the same floats. A malloc'd block (free), *n bytes; NULL without memory. */
char *weights_text_write(const struct model *m, const struct selection *s, unsigned copies,
                         size_t *n);

#endif
