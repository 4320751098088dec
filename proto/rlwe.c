#include "proto/rlwe.h"

#include <string.h>

#include "net/base_mem.h"
#include "proto/ntt.h"

enum { N = RLWE_N, K = RLWE_PRIMES };

static const unsigned bits_of[K] = { 42, 42, 40, 40, 40 };

void rlwe_tables(uint64_t tables[static RLWE_TABLES])
{
    ntt_tables(tables);
}

/* ---- words modulo a prime ---- */

/* Constants of a prime: all public. */
struct modulus {
    uint64_t p, one;                        /* floor(2^64 / p) */
    uint64_t wide, wide_q;                  /* 2^64 */
    uint64_t half;                          /* 2^63 */
    uint64_t scale, scale_q, scale_half;    /* 2^-64; its product with 2^63 */
};

static struct modulus modulus_of(unsigned k)
{
    uint64_t p = ntt_prime[k];
    struct modulus m = { .p = p, .one = factor_quotient(1, p) };
    m.wide = power(2, 64, p);
    m.wide_q = factor_quotient(m.wide, p);
    m.half = power(2, 63, p);
    m.scale = power(m.wide, p - 2, p);
    m.scale_q = factor_quotient(m.scale, p);
    m.scale_half = times(m.half, m.scale, m.scale_q, p);
    return m;
}

static uint64_t word_mod(uint64_t x, const struct modulus *m)
{
    return times(x, 1, m->one, m->p);
}

static uint64_t wide_mod(uint64_t low, uint64_t high, const struct modulus *m)
{
    return plus(word_mod(low, m), times(high, m->wide, m->wide_q, m->p), m->p);
}

/* The centred value of a word: x as a number in [-2^63, 2^63). */
static uint64_t centred_mod(uint64_t x, const struct modulus *m)
{
    return minus(word_mod(x + ((uint64_t)1 << 63), m), m->half, m->p);
}

/* q modulo 2^64. */
static uint64_t q_word(void)
{
    uint64_t q = 1;
    for (unsigned k = 0; k < K; k++)
        q *= ntt_prime[k];
    return q;
}

/* round(q x / t) modulo p. */
static uint64_t encoded(uint64_t x, uint64_t q, const struct modulus *m)
{
    uint64_t u = times(q * x + ((uint64_t)1 << 63), m->scale, m->scale_q, m->p);
    return minus(m->scale_half, u, m->p);
}

/* ---- bits ---- */

/* n values of so many bits; n * bits is a multiple of 8, or the last byte is filled with zeros. */
static void bits_put(uint8_t *out, const uint64_t *x, size_t n, unsigned bits)
{
    uint64_t held = 0;
    unsigned have = 0;
    for (size_t i = 0; i < n; i++) {
        unsigned __int128 all = (unsigned __int128)x[i] << have | held;
        for (have += bits; have >= 8; have -= 8, all >>= 8)
            *out++ = (uint8_t)all;
        held = (uint64_t)all;
    }
    if (have > 0)
        *out = (uint8_t)held;
}

static void bits_get(uint64_t *x, const uint8_t *in, size_t n, unsigned bits)
{
    unsigned __int128 held = 0;
    unsigned have = 0;
    for (size_t i = 0; i < n; i++) {
        for (; have < bits; have += 8)
            held |= (unsigned __int128)*in++ << have;
        x[i] = (uint64_t)held & (((uint64_t)1 << bits) - 1);
        held >>= bits;
        have -= bits;
    }
}

static size_t bits_bytes(size_t n, unsigned bits)
{
    return (n * bits + 7) / 8;
}

/* ---- drawing ---- */

/* The a part that a seed stands for, transformed: uniform but for 2^-86. */
static void expand(uint64_t *a, const uint8_t seed[static RLWE_SEED])
{
    uint64_t pair[256];
    for (unsigned k = 0; k < K; k++) {
        struct modulus m = modulus_of(k);
        for (size_t i = 0; i < N; i += 128) {
            prf_expand(seed, 2 * (k * (size_t)N + i), pair, 256);
            for (unsigned j = 0; j < 128; j++)
                a[k * (size_t)N + i + j] = wide_mod(pair[2 * j], pair[2 * j + 1], &m);
        }
    }
}

/* N small numbers, as residues of all primes: ternary, or centred binomial of 21 bits each side. */
static void draw_small(uint64_t *x, int ternary, const struct rlwe_source *s, uint64_t block)
{
    uint64_t words[256];
    for (size_t i = 0; i < N; i += 256) {
        prf_fill(s->own, s->gate, s->use, s->block + block + i / 2, words, sizeof words);
        for (unsigned j = 0; j < 256; j++) {
            uint64_t w = words[j], mask = ((uint64_t)1 << 21) - 1;
            int64_t v = ternary ? (int64_t)high_word(w, 3) - 1
                                : __builtin_popcountll(w & mask) -
                                  __builtin_popcountll(w >> 21 & mask);
            for (unsigned k = 0; k < K; k++)
                x[k * (size_t)N + i + j] = (uint64_t)v + (ntt_prime[k] & (uint64_t)(v >> 63));
        }
    }
    wipe(words, sizeof words);
}

/* ---- polynomials ---- */

static void forward(uint64_t *x, const uint64_t *tables, unsigned primes)
{
    for (unsigned k = 0; k < primes; k++)
        ntt_forward(x + k * (size_t)N, k, tables);
}

static void inverse(uint64_t *x, const uint64_t *tables, unsigned primes)
{
    for (unsigned k = 0; k < primes; k++)
        ntt_inverse(x + k * (size_t)N, k, tables);
}

/* z = x y, or z += x y, word by word, transformed. */
static void pointwise(uint64_t *z, const uint64_t *x, const uint64_t *y, unsigned primes, int add)
{
    for (unsigned k = 0; k < primes; k++) {
        struct modulus m = modulus_of(k);
        for (size_t i = k * (size_t)N; i < (k + 1) * (size_t)N; i++) {
            unsigned __int128 v = (unsigned __int128)x[i] * y[i];
            uint64_t w = wide_mod((uint64_t)v, (uint64_t)(v >> 64), &m);
            z[i] = add ? plus(z[i], w, m.p) : w;
        }
    }
}

/* b = -a s + e, as coefficients; a comes in transformed and is used up. */
static void zero_cipher(uint64_t *b, const uint64_t *a, const uint64_t *secret,
                        const uint64_t *tables, const struct rlwe_source *s, uint64_t block,
                        uint64_t *noise)
{
    pointwise(b, a, secret, K, 0);
    inverse(b, tables, K);
    draw_small(noise, 0, s, block);
    for (unsigned k = 0; k < K; k++)
        for (size_t i = k * (size_t)N; i < (k + 1) * (size_t)N; i++)
            b[i] = minus(noise[i], b[i], ntt_prime[k]);
}

static uint8_t *poly_put(uint8_t *out, const uint64_t *x)
{
    for (unsigned k = 0; k < K; k++) {
        bits_put(out, x + k * (size_t)N, N, bits_of[k]);
        out += bits_bytes(N, bits_of[k]);
    }
    return out;
}

void rlwe_keygen(uint64_t *secret, uint8_t *public, const uint64_t *tables,
                 const uint8_t seed[static RLWE_SEED], const struct rlwe_source *source,
                 uint64_t *scratch)
{
    uint64_t *a = scratch, *b = scratch + RLWE_POLY, *noise = scratch + 2 * (size_t)RLWE_POLY;
    draw_small(secret, 1, source, 0);
    forward(secret, tables, K);
    expand(a, seed);
    zero_cipher(b, a, secret, tables, source, N, noise);
    memcpy(public, seed, RLWE_SEED);
    poly_put(public + RLWE_SEED, b);
}

void rlwe_encrypt(uint8_t *message, const uint64_t *m, const uint64_t *secret,
                  const uint64_t *tables, const struct rlwe_source *source, uint64_t *scratch)
{
    uint64_t *a = scratch, *b = scratch + RLWE_POLY, *noise = scratch + 2 * (size_t)RLWE_POLY;
    uint64_t q = q_word();
    prf_fill(source->own, source->gate, source->use, source->block, message, RLWE_SEED);
    expand(a, message);
    zero_cipher(b, a, secret, tables, source, N, noise);
    for (unsigned k = 0; k < K; k++) {
        struct modulus mod = modulus_of(k);
        for (unsigned i = 0; i < N; i++)
            b[k * (size_t)N + i] = plus(b[k * (size_t)N + i], encoded(m[i], q, &mod), mod.p);
    }
    poly_put(message + RLWE_SEED, b);
}

void rlwe_load(uint64_t *cipher, const uint8_t *message, const uint8_t *seed,
               const uint64_t *tables)
{
    const uint8_t *in = message + RLWE_SEED;
    for (unsigned k = 0; k < K; k++) {
        struct modulus m = modulus_of(k);
        uint64_t *b = cipher + k * (size_t)N;
        bits_get(b, in, N, bits_of[k]);
        in += bits_bytes(N, bits_of[k]);
        for (unsigned i = 0; i < N; i++)    /* a dishonest sender's may be too large */
            b[i] = word_mod(b[i], &m);
    }
    forward(cipher, tables, K);
    expand(cipher + RLWE_POLY, seed != NULL ? seed : message);
}

void rlwe_plain(uint64_t *weight, const uint64_t *w, const uint64_t *tables)
{
    for (unsigned k = 0; k < K; k++) {
        struct modulus m = modulus_of(k);
        for (unsigned i = 0; i < N; i++)
            weight[k * (size_t)N + i] = centred_mod(w[i], &m);
    }
    forward(weight, tables, K);
}

void rlwe_multiply(uint64_t *sum, const uint64_t *cipher, const uint64_t *weight)
{
    for (unsigned part = 0; part < 2; part++)
        for (size_t i = 0; i < RLWE_POLY; i++) {
            size_t at = part * (size_t)RLWE_POLY + i;
            unsigned __int128 v;
            memcpy(&v, sum + 2 * at, sizeof v);
            v += (unsigned __int128)cipher[at] * weight[i];
            memcpy(sum + 2 * at, &v, sizeof v);
        }
}

/* ---- answers ---- */

/* The sum's residues, in place. */
static void sum_reduce(uint64_t *sum)
{
    for (unsigned part = 0; part < 2; part++)
        for (unsigned k = 0; k < K; k++) {
            struct modulus m = modulus_of(k);
            for (size_t i = 0; i < N; i++) {
                size_t at = (part * (size_t)K + k) * N + i;
                sum[at] = wide_mod(sum[2 * at], sum[2 * at + 1], &m);
            }
        }
}

/* Adds a fresh encryption of zero; the parts become coefficients. */
static void add_zero(uint64_t *sum, const uint64_t *public, const uint64_t *tables,
                     const struct rlwe_source *s, uint64_t *scratch)
{
    uint64_t *u = scratch, *noise = scratch + RLWE_POLY;
    draw_small(u, 1, s, 0);
    forward(u, tables, K);
    for (unsigned part = 0; part < 2; part++) {
        uint64_t *x = sum + part * (size_t)RLWE_POLY;
        pointwise(x, public + part * (size_t)RLWE_POLY, u, K, 1);
        inverse(x, tables, K);
        draw_small(noise, 0, s, (part + 1) * (uint64_t)N / 2);
        for (unsigned k = 0; k < K; k++)
            for (size_t i = k * (size_t)N; i < (k + 1) * (size_t)N; i++)
                x[i] = plus(x[i], noise[i], ntt_prime[k]);
    }
}

/* Subtracts the encoded masks and adds integers uniform in [-2^F, 2^F) where the results are. */
static void add_flood(uint64_t *b, const uint32_t *at, const uint64_t *r, size_t n,
                      const struct rlwe_source *s)
{
    uint64_t q = q_word(), draw[4];
    struct modulus m[K];
    uint64_t top[K], top_q[K], least[K];
    for (unsigned k = 0; k < K; k++) {
        m[k] = modulus_of(k);
        top[k] = times(m[k].wide, m[k].wide, m[k].wide_q, m[k].p);
        top_q[k] = factor_quotient(top[k], m[k].p);
        least[k] = power(2, RLWE_FLOOD, m[k].p);
    }
    for (size_t i = 0; i < n; i++) {
        prf_fill(s->own, s->gate, s->use, s->block + 3 * (uint64_t)N / 2 + 2 * i, draw,
                 sizeof draw);
        draw[2] &= ((uint64_t)1 << (RLWE_FLOOD + 1 - 128)) - 1;
        for (unsigned k = 0; k < K; k++) {
            uint64_t *x = b + k * (size_t)N + at[i];
            uint64_t v = plus(wide_mod(draw[0], draw[1], &m[k]),
                              times(draw[2], top[k], top_q[k], m[k].p), m[k].p);
            v = minus(v, least[k], m[k].p);
            *x = plus(*x, minus(v, encoded(r[i], q, &m[k]), m[k].p), m[k].p);
        }
    }
    wipe(draw, sizeof draw);
}

/* round(x / p_last) of residues modulo the first `primes` primes, p_last the last of them. */
static void drop_prime(uint64_t *x, unsigned primes)
{
    unsigned last = primes - 1;
    uint64_t p = ntt_prime[last], half = (p - 1) / 2;
    for (unsigned k = 0; k < last; k++) {
        struct modulus m = modulus_of(k);
        uint64_t by = power(p % m.p, m.p - 2, m.p), by_q = factor_quotient(by, m.p);
        for (size_t i = 0; i < N; i++) {
            uint64_t t = plus(x[last * (size_t)N + i], half, p);
            uint64_t *y = x + k * (size_t)N + i;
            *y = times(minus(plus(*y, half, m.p), word_mod(t, &m), m.p), by, by_q, m.p);
        }
    }
}

size_t rlwe_answer_bytes(size_t n)
{
    return RLWE_KEPT * (bits_bytes(N, 42) + bits_bytes(n, 42));
}

void rlwe_answer(uint8_t *message, uint64_t *sum, const uint64_t *public, const uint32_t *at,
                 const uint64_t *r, size_t n, const uint64_t *tables,
                 const struct rlwe_source *source, uint64_t *scratch)
{
    sum_reduce(sum);
    add_zero(sum, public, tables, source, scratch);
    add_flood(sum, at, r, n, source);
    for (unsigned primes = K; primes > RLWE_KEPT; primes--) {
        drop_prime(sum, primes);
        drop_prime(sum + RLWE_POLY, primes);
    }
    for (unsigned k = 0; k < RLWE_KEPT; k++) {
        bits_put(message, sum + RLWE_POLY + k * (size_t)N, N, 42);
        message += bits_bytes(N, 42);
        for (size_t i = 0; i < n; i++)
            scratch[i] = sum[k * (size_t)N + at[i]];
        bits_put(message, scratch, n, 42);
        message += bits_bytes(n, 42);
    }
}

/* ---- results ---- */

/* floor(2^64 y / p) modulo 2^64, and floor(2^31 rest / p): y < p < 2^42. */
static uint64_t divided(uint64_t y, uint64_t p, uint64_t inverse105, uint64_t inverse63,
                        uint64_t *fraction)
{
    unsigned __int128 v = (unsigned __int128)y * inverse105;
    uint64_t quotient = (uint64_t)(v >> 41), rest = 0 - quotient * p;
    for (int i = 0; i < 4; i++) {           /* the estimate is at most 4 too small */
        uint64_t more = (uint64_t)(((int64_t)(p - 1 - rest)) >> 63) & 1;
        quotient += more;
        rest -= p & -more;
    }
    *fraction = rest * inverse63 >> 32;
    return quotient;
}

uint64_t rlwe_decrypt(uint64_t *m, const uint8_t *message, const uint32_t *at, size_t n,
                      const uint64_t *secret, const uint64_t *tables, uint64_t *scratch)
{
    uint64_t *a = scratch, *b = scratch + RLWE_POLY;
    int64_t margin = (int64_t)1 << 20;
    for (unsigned k = 0; k < RLWE_KEPT; k++) {
        bits_get(a + k * (size_t)N, message, N, 42);
        message += bits_bytes(N, 42);
        bits_get(b + k * (size_t)N, message, n, 42);
        message += bits_bytes(n, 42);
    }
    forward(a, tables, RLWE_KEPT);
    pointwise(a, a, secret, RLWE_KEPT, 0);
    inverse(a, tables, RLWE_KEPT);
    uint64_t inverse105[RLWE_KEPT], inverse63[RLWE_KEPT], other[RLWE_KEPT], other_q[RLWE_KEPT];
    for (unsigned k = 0; k < RLWE_KEPT; k++) {
        uint64_t p = ntt_prime[k];
        inverse105[k] = (uint64_t)(((unsigned __int128)1 << 105) / p);
        inverse63[k] = ((uint64_t)1 << 63) / p;
        other[k] = power(ntt_prime[1 - k] % p, p - 2, p);
        other_q[k] = factor_quotient(other[k], p);
    }
    for (size_t i = 0; i < n; i++) {
        uint64_t sum = 0, fraction = 0;
        for (unsigned k = 0; k < RLWE_KEPT; k++) {
            uint64_t p = ntt_prime[k], f;
            uint64_t x = plus(b[k * (size_t)N + i], a[k * (size_t)N + at[i]], p);
            sum += divided(times(x, other[k], other_q[k], p), p, inverse105[k], inverse63[k], &f);
            fraction += f;
        }
        fraction += (uint64_t)1 << 30;              /* to nearest; units of 2^-31 */
        m[i] = sum + (fraction >> 31);
        int64_t off = (int64_t)(fraction & (((uint64_t)1 << 31) - 1)) - ((int64_t)1 << 30);
        int64_t far = (((int64_t)1 << 30) - ((off ^ off >> 63) - (off >> 63))) >> 10;
        margin += (far - margin) & (far - margin) >> 63;    /* the smaller one, without a branch */
    }
    return (uint64_t)margin;
}
