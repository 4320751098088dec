/*
 * field.h: the two fields that proofs fold over, under one set of names: GF(2^64) for statements
 * about bits (p = 0), the integers modulo a prime for statements about words.
 */
#ifndef OB_PROTO_FIELD_H
#define OB_PROTO_FIELD_H

#include "proto/fp61.h"
#include "proto/gf64.h"
#include "proto/prf.h"

struct field {
    struct fp61 prime;          /* prime.p = 0: GF(2^64) */
};

static inline int field_is_binary(const struct field *f)
{
    return f->prime.p == 0;
}

static inline uint64_t field_one(const struct field *f)
{
    return field_is_binary(f) ? 1 : f->prime.power[1];
}

static inline uint64_t field_mul(const struct field *f, uint64_t a, uint64_t b)
{
    return field_is_binary(f) ? gf64_mul(a, b) : fp61_mul(&f->prime, a, b);
}

static inline uint64_t field_add(const struct field *f, uint64_t a, uint64_t b)
{
    return field_is_binary(f) ? a ^ b : fp61_add(&f->prime, a, b);
}

static inline uint64_t field_sub(const struct field *f, uint64_t a, uint64_t b)
{
    return field_is_binary(f) ? a ^ b : fp61_sub(&f->prime, a, b);
}

/* Is every word that came from another party an element? */
int field_holds(const struct field *f, const uint64_t *a, size_t n);

/* n uniform elements from F(key; gate, use), from `block` on: 16 bytes each at most. */
void field_draw(const struct field *f, const struct prf *key, uint32_t gate, uint32_t use,
                uint64_t block, uint64_t *out, size_t n);

#endif
