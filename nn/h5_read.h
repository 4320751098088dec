/*
 * h5_read.h: the few things that are needed of the HDF5 library, with every size checked first.
 *
 * Only what lies inside the file is reached: soft and external links, external and virtual
 * storage are not followed.
 */
#ifndef OB_NN_H5_READ_H
#define OB_NN_H5_READ_H

#include <hdf5.h>
#include <stddef.h>
#include <stdint.h>

enum { H5_STRINGS = 4096, H5_BYTES = 1 << 24, H5_RANK = 4 };

/* Strings of an attribute; owned. */
struct h5_strings {
    size_t n;
    char **text;
};

void h5_strings_fini(struct h5_strings *s);

/* A read-only file from an image in memory (copied), or negative. */
hid_t h5_open(const uint8_t *p, size_t n);

/* A group or dataset by a path of hard links under `at`; negative when it is not there. */
hid_t h5_object(hid_t at, const char *path, H5I_type_t type);

/* Whether there is such an attribute. */
int h5_has(hid_t at, const char *attribute);

/* The strings of an attribute, one or many, of fixed or variable length. 0, or -1 when absent,
 * too large or no strings. */
int h5_strings(struct h5_strings *s, hid_t at, const char *attribute);

/* The shape of a dataset of floating point numbers that are stored in the file: its rank, or -1
 * for anything else. */
int h5_shape(hid_t dataset, hsize_t shape[H5_RANK]);

/* All numbers of such a dataset as floats; 0 or -1. The caller has checked the shape. */
int h5_floats(float *out, hid_t dataset);

#endif
