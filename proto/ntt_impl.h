/*
 * ntt_impl.h: what one implementation of the transform brings. Private to ntt*.c.
 */
#ifndef OB_PROTO_NTT_IMPL_H
#define OB_PROTO_NTT_IMPL_H

#include <stddef.h>
#include <stdint.h>

#include "proto/ntt.h"

struct ntt_impl {
    const char *name;
    void (*forward)(const struct ntt *t, double *x);
    void (*backward)(const struct ntt *t, double *x);
    void (*multiply_add)(const struct ntt *t, double *z, const double *x, const double *y,
                         size_t n);
    void (*add_words)(const struct ntt *t, double *z, const uint64_t *x, double c, double c32,
                      size_t n);                                        /* c32: c 2^32 */
    void (*drop)(const struct ntt *t, double *z, const double *y, double c, size_t n);
    void (*centre)(const struct ntt *t, double *z, size_t n);
    void (*words)(const struct ntt *t, uint64_t *z, const double *x, size_t n);
};

extern const struct ntt_impl ntt_avx2;      /* AVX2 and FMA, four lanes */

#endif
