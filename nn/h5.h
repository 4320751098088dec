/*
 * h5.h: reads HDF5 files in memory, as far as Keras uses the format.
 *
 * Groups (by symbol table or by links in the header), attributes that are strings, and arrays of
 * floating point numbers in one piece: what h5py writes unless told otherwise. Not read: chunks and
 * compression, storage outside the file, soft and external links, and the dense storage of large
 * groups in files made for the latest version only.
 *
 * It is written for files from anywhere: every offset is checked before it is followed, and all
 * work is bounded. (The HDF5 library crashes or hangs on some damaged files.)
 */
#ifndef OB_NN_H5_H
#define OB_NN_H5_H

#include <stddef.h>
#include <stdint.h>

enum { H5_RANK = 4, H5_STRINGS = 4096, H5_TEXT = 1 << 24 };

struct h5 {
    const uint8_t *p;       /* borrowed */
    size_t n;
    uint64_t base;          /* what addresses count from */
    uint64_t root;          /* object header of the root group */
    uint64_t work;          /* bytes of structure looked at so far; there is a limit */
};

/* Strings of an attribute; owned. */
struct h5_strings {
    size_t n;
    char **text;
};

/* An array of numbers inside the file. */
struct h5_array {
    int rank;
    uint64_t shape[H5_RANK];
    const uint8_t *data;    /* borrowed */
    size_t count;
    uint8_t size;           /* of a number: 2, 4 or 8 bytes, IEEE */
    uint8_t big_endian;
};

void h5_strings_fini(struct h5_strings *s);

/* 0, or -1 when the bytes are no whole HDF5 file of a known kind. */
int h5_open(struct h5 *f, const uint8_t *p, size_t n);

/* The object at a path of hard links under the group `at`; 0, or -1 when it is not there. */
int h5_find(struct h5 *f, uint64_t at, const char *path, uint64_t *object);

/* Whether the object has this attribute (in its header). */
int h5_has(struct h5 *f, uint64_t object, const char *attribute);

/* The strings of an attribute, one or many, of fixed or variable length; an empty list of any
 * type is no strings. 0, or -1 when absent, damaged, too large, not strings, or without memory. */
int h5_strings(struct h5_strings *s, struct h5 *f, uint64_t object, const char *attribute);

/* A dataset's numbers; NULL, or what stands in the way. */
const char *h5_array(struct h5_array *a, struct h5 *f, uint64_t object);

/* All of them as floats, rounded to nearest. */
void h5_floats(float *out, const struct h5_array *a);

/* For h5_value.c: calls visit for each message of an object's header, until one gives non-zero,
 * which comes back; 0 at the end, -1 when the header is damaged. */
int h5_messages(struct h5 *f, uint64_t object,
                int (*visit)(void *arg, unsigned type, const uint8_t *p, size_t n), void *arg);

/* For h5_value.c: n bytes at an address, or NULL when they are not all inside the file. */
const uint8_t *h5_at(struct h5 *f, uint64_t address, uint64_t n);

/* For h5_value.c: the same for structure, which counts as work; NULL also when it was too much. */
const uint8_t *h5_walk(struct h5 *f, uint64_t address, uint64_t n);

#endif
