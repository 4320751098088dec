/*
 * text.h: decimal numbers separated by white space, as the published inputs hold them.
 *
 * Works on bytes in memory, in any locale, and never reads past the end. Values are within one
 * unit in the last place of a double; those with at most 15 digits are exact.
 */
#ifndef OB_NN_TEXT_H
#define OB_NN_TEXT_H

#include <stddef.h>
#include <stdint.h>

#include "net/base_err.h"

struct text {
    const char *p, *end;
    const char *begin;
    const char *token;      /* where the last number began */
    const char *name;       /* of the file, for messages */
};

void text_init(struct text *t, const uint8_t *p, size_t n, const char *name);

/* The next number in *v and 1 in *got; 0 in *got at the end. ERR_INPUT, with line and column,
 * for anything that is not a finite decimal number. */
int text_next(struct text *t, double *v, int *got, struct err *e);

/* ERR_INPUT with "name:line:column: " before the message; the place is that of the last number. */
int text_refuse(const struct text *t, struct err *e, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* The same for value number `index` (from 0), which is looked for from the beginning. */
int text_refuse_at(const struct text *t, size_t index, struct err *e, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* All numbers as 32-bit floats in a malloc'd block (mem_free), *count of them. A number that a
 * float cannot hold is refused. */
int text_floats(float **values, size_t *count, const uint8_t *p, size_t n, const char *name,
                struct err *e);

/* Whether the bytes look like such a text: the first 4,096 are digits, signs, points, exponents
 * and white space only, and there is a digit. */
int text_likely(const uint8_t *p, size_t n);

#endif
