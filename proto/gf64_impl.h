/*
 * gf64_impl.h: what one implementation of GF(2^64) brings. Private to gf64*.c.
 */
#ifndef OB_PROTO_GF64_IMPL_H
#define OB_PROTO_GF64_IMPL_H

#include <stddef.h>
#include <stdint.h>

/* Which corners make bit plane k: four corners of group g at a time, as a number of four bits. */
struct gf64_map {
    uint8_t sum[64][16];
};

struct gf64_impl {
    const char *name;
    uint64_t (*mul)(uint64_t a, uint64_t b);
    uint64_t (*dot)(const uint64_t *a, const uint64_t *b, size_t n);
    void (*points)(uint64_t *h, const uint64_t *u, const uint64_t *w, size_t m, unsigned k);
    void (*bind)(uint64_t *u, size_t m, unsigned k, const uint64_t *eq);
    void (*bit_points)(uint64_t *h, const uint64_t *u, const uint64_t *w, size_t terms,
                       size_t columns, size_t first, size_t count, const uint64_t *rho,
                       void *work);
    void (*bit_bind)(uint64_t *u, size_t terms, size_t columns, size_t first, size_t count,
                     const struct gf64_map *map, const uint64_t *rho);
};

extern const struct gf64_impl gf64_portable;    /* integer products of spread bits */
extern const struct gf64_impl gf64_clmul;       /* PCLMULQDQ and AVX2 */

#endif
