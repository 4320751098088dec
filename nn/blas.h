/*
 * blas.h: the matrix product of the BLAS, for training and evaluation in the clear.
 *
 * The library is opened when it is first needed, because loading it costs a tenth of a second and
 * starts threads: a party must not pay for that. Its own threads stay off; whoever wants several
 * cores calls it from several threads (crew.h), so results do not depend on how it divides work.
 */
#ifndef OB_NN_BLAS_H
#define OB_NN_BLAS_H

#include <stddef.h>

#include "net/base_err.h"

struct blas {
    void *library;
    void *sgemm;            /* cblas_sgemm */
};

/* ERR_FAILED, with the package to install, when the library is not there. */
int blas_open(struct blas *b, struct err *e);

/* Legal on a zeroed struct and twice. */
void blas_close(struct blas *b);

/* Row-major products that add to z, an m x n matrix:
 *     blas_add     z += x y         x is m x k, y is k x n
 *     blas_add_tx  z += x^T y       x is k x m, y is k x n
 * and one that overwrites it:
 *     blas_set_ty  z  = x y^T       x is m x k, y is n x k */
void blas_add(const struct blas *b, float *z, const float *x, const float *y, size_t m, size_t n,
              size_t k);
void blas_add_tx(const struct blas *b, float *z, const float *x, const float *y, size_t m,
                 size_t n, size_t k);
void blas_set_ty(const struct blas *b, float *z, const float *x, const float *y, size_t m,
                 size_t n, size_t k);

#endif
