/*
 * joblib.h: a strict little reader of what joblib writes for a list of float32 arrays.
 *
 * A pickle is a program for a stack machine. This one knows the two dozen instructions that such a
 * file needs, builds nothing but numbers, names and tuples, calls nothing, and takes an array's
 * bytes from behind the BUILD of its NumpyArrayWrapper, as joblib leaves them. Everything else is
 * refused with the position.
 */
#ifndef OB_NN_JOBLIB_H
#define OB_NN_JOBLIB_H

#include <stddef.h>
#include <stdint.h>

#include "net/base_err.h"

enum { JOBLIB_DIMS = 4, JOBLIB_ARRAYS = 64 };

struct joblib_array {
    unsigned dims;
    uint32_t dim[JOBLIB_DIMS];
    size_t at, count;           /* byte offset of the values in the file; how many floats */
};

struct joblib {
    unsigned n;
    struct joblib_array array[JOBLIB_ARRAYS];
};

/* The arrays of a list, in order; values are little-endian floats at p + at (unaligned). */
int joblib_parse(struct joblib *j, const uint8_t *p, size_t n, const char *name, struct err *e);

/* Unpacks an LZ4 frame of at most `most` bytes of content: malloc'd (mem_free), *got bytes. NULL
 * with *e filled. */
uint8_t *lz4_unpack(const uint8_t *p, size_t n, size_t most, size_t *got, const char *name,
    struct err *e);
int lz4_likely(const uint8_t *p, size_t n);

#endif
