/*
 * fp61.h: arithmetic modulo a prime p of 61 bits that is chosen at run time.
 *
 * An element a is held as a R mod p with R = 2^64 (P. Montgomery, 1985), always below p. A sum of
 * up to 56 products of elements fits 128 bits and is reduced once. Nothing branches on an element.
 */
#ifndef OB_PROTO_FP61_H
#define OB_PROTO_FP61_H

#include <stddef.h>
#include <stdint.h>

struct fp61 {
    uint64_t p;
    uint64_t inverse;           /* -1/p mod 2^64 */
    uint64_t power[5];          /* R^i mod p */
};

enum { FP61_SUM = 56 };         /* products in an unreduced sum */

/* p is odd, 2^60 < p < 2^61; that it is prime is the caller's to know. */
void fp61_init(struct fp61 *f, uint64_t p);

/* Is the odd 2^60 < p < 2^61 a prime? Deterministic: the first twelve primes are bases enough
 * below 3.1 10^23 (Sorenson, Webster 2015). p is public. */
int fp61_is_prime(uint64_t p);

/* a - m if that is not negative, else a; 2 m > a, and m < 2^63. */
static inline uint64_t fp61_less(uint64_t a, uint64_t m)
{
    uint64_t d = a - m;
    return d + (m & (0 - (d >> 63)));
}

/* t / R mod p for t < 7 p R: as t + (something) p is a multiple of R. */
static inline uint64_t fp61_reduce(const struct fp61 *f, unsigned __int128 t)
{
    uint64_t m = (uint64_t)t * f->inverse;
    uint64_t v = (uint64_t)((t + (unsigned __int128)m * f->p) >> 64);
    return fp61_less(fp61_less(fp61_less(v, 4 * f->p), 2 * f->p), f->p);
}

/* The same for t < p R, as for one product. */
static inline uint64_t fp61_reduce_one(const struct fp61 *f, unsigned __int128 t)
{
    uint64_t m = (uint64_t)t * f->inverse;
    return fp61_less((uint64_t)((t + (unsigned __int128)m * f->p) >> 64), f->p);
}

static inline uint64_t fp61_mul(const struct fp61 *f, uint64_t a, uint64_t b)
{
    return fp61_reduce_one(f, (unsigned __int128)a * b);
}

static inline uint64_t fp61_add(const struct fp61 *f, uint64_t a, uint64_t b)
{
    return fp61_less(a + b, f->p);
}

static inline uint64_t fp61_sub(const struct fp61 *f, uint64_t a, uint64_t b)
{
    uint64_t d = a - b;
    return d + (f->p & (0 - (d >> 63)));
}

/* Any 64-bit word as an element. */
static inline uint64_t fp61_from_word(const struct fp61 *f, uint64_t word)
{
    return fp61_mul(f, word, f->power[2]);
}

/* 128 random bits as an element, uniform but for 2^-64. */
static inline uint64_t fp61_from_random(const struct fp61 *f, const uint64_t random[static 2])
{
    return fp61_reduce(f, (unsigned __int128)(random[1] >> 3) << 64 | random[0]);
}

/* As gf64_points and gf64_bind (gf64.h), k <= 4. */
void fp61_points(const struct fp61 *f, uint64_t *h, const uint64_t *u, const uint64_t *w, size_t m,
                 unsigned k);
void fp61_bind(const struct fp61 *f, uint64_t *u, size_t m, unsigned k, const uint64_t *eq);

#endif
