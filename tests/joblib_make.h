/*
 * joblib_make.h: what joblib writes for a list of float32 arrays, byte for byte, for tests.
 */
#ifndef OB_TESTS_JOBLIB_MAKE_H
#define OB_TESTS_JOBLIB_MAKE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct joblib_out {
    uint8_t *p;                 /* room enough */
    size_t n;
    unsigned arrays;
};

static inline void joblib_put(struct joblib_out *o, const void *p, size_t n)
{
    memcpy(o->p + o->n, p, n);
    o->n += n;
}

#define JOBLIB_PUT(o, literal) joblib_put(o, literal, sizeof(literal) - 1)

static inline void joblib_shape(struct joblib_out *o, const uint32_t *dim, unsigned dims)
{
    if (dims > 3)
        JOBLIB_PUT(o, "(");
    for (unsigned k = 0; k < dims; k++) {
        uint8_t small[2] = { 'K', (uint8_t)dim[k] };
        uint8_t large[3] = { 'M', (uint8_t)dim[k], (uint8_t)(dim[k] >> 8) };
        if (dim[k] < 256)
            joblib_put(o, small, 2);
        else
            joblib_put(o, large, 3);
    }
    uint8_t tuple = dims > 3 ? 't' : (uint8_t)(0x84 + dims);
    joblib_put(o, &tuple, 1);
}

/* One array; the first brings the names, the others refer to them. */
static inline void joblib_array(struct joblib_out *o, const uint32_t *dim, unsigned dims,
    const float *values)
{
    size_t count = 1;
    if (o->arrays++ == 0) {
        JOBLIB_PUT(o, "\x80\x04\x95\xdb\0\0\0\0\0\0\0]\x94(\x8c\x13joblib.numpy_pickle\x94\x8c\x11"
            "NumpyArrayWrapper\x94\x93\x94)\x81\x94}\x94(\x8c\x08subclass\x94\x8c\x05numpy\x94\x8c"
            "\x07ndarray\x94\x93\x94\x8c\x05shape\x94");
        joblib_shape(o, dim, dims);
        JOBLIB_PUT(o, "\x94\x8c\x05order\x94\x8c\x01" "C\x94\x8c\x05" "dtype\x94h\x07\x8c\x05"
            "dtype\x94\x93\x94\x8c\x02" "f4\x94\x89\x88\x87\x94R\x94(K\x03\x8c\x01<\x94NNNJ\xff\xff"
            "\xff\xffJ\xff\xff\xff\xffK\0t\x94" "b\x8c\nallow_mmap\x94\x88\x8c\x1bnumpy_array_"
            "alignment_bytes\x94K\x10ub");
    } else {
        JOBLIB_PUT(o, "\x95#\0\0\0\0\0\0\0h\x03)\x81\x94}\x94(h\x06h\th\n");
        joblib_shape(o, dim, dims);
        JOBLIB_PUT(o, "\x94h\x0ch\rh\x0eh\x13h\x16\x88h\x17K\x10ub");
    }
    uint8_t pad = (uint8_t)(15 - o->n % 16);
    joblib_put(o, &pad, 1);
    memset(o->p + o->n, 0xff, pad);
    o->n += pad;
    for (unsigned k = 0; k < dims; k++)
        count *= dim[k];
    joblib_put(o, values, count * sizeof *values);
}

static inline void joblib_end(struct joblib_out *o)
{
    JOBLIB_PUT(o, "e.");
}

#endif
