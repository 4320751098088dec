/*
 * test_rlwe.c: transforms and encryption against plain arithmetic modulo 2^64.
 */
#include "tests/check.h"

#include <math.h>

#include "net/base_mem.h"
#include "proto/ntt.h"
#include "proto/rlwe.h"

enum { N = RLWE_N };

static uint64_t *words(size_t n)
{
    uint64_t *p = mem_new(n, sizeof *p);
    if (p == NULL)
        exit(99);
    return p;
}

static int is_prime(uint64_t p)
{
    for (uint64_t d = 3; d < 2100000; d += 2)
        if (p % d == 0)
            return 0;
    return 1;
}

static void primes_are_primes(void)
{
    double bits = 0;
    for (int k = 0; k < RLWE_PRIMES; k++) {
        CHECK(is_prime(ntt_prime[k]) && ntt_prime[k] % (2 * N) == 1);
        bits += log2((double)ntt_prime[k]);
    }
    CHECK(bits < 204 && bits > 203.9);
}

/* Coefficient c of x y modulo X^N + 1 and p. */
static uint64_t coefficient_mod(const uint64_t *x, const uint64_t *y, unsigned c, uint64_t p)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < N; i++) {
        unsigned j = (c + N - i) % N;
        uint64_t v = (uint64_t)((unsigned __int128)x[i] * y[j] % p);
        sum = (sum + (i <= c ? v : p - v)) % p;
    }
    return sum;
}

static void transforms_multiply(void)
{
    uint64_t *tables = words(RLWE_TABLES), *x = words(N), *y = words(N), *z = words(N);
    uint64_t random = 5;
    rlwe_tables(tables);
    for (unsigned k = 0; k < RLWE_PRIMES; k++) {
        uint64_t p = ntt_prime[k];
        for (unsigned i = 0; i < N; i++) {
            x[i] = i < 3 ? p - 1 : check_random(&random) % p;
            y[i] = i % 7 == 0 ? p - 1 : check_random(&random) % p;
        }
        uint64_t want[4];
        for (unsigned i = 0; i < 4; i++)
            want[i] = coefficient_mod(x, y, i * (N - 1) / 3, p);
        memcpy(z, x, N * sizeof *z);
        ntt_forward(z, k, tables);
        ntt_inverse(z, k, tables);
        CHECK(memcmp(z, x, N * sizeof *z) == 0);
        ntt_forward(x, k, tables);
        ntt_forward(y, k, tables);
        for (unsigned i = 0; i < N; i++)
            z[i] = (uint64_t)((unsigned __int128)x[i] * y[i] % p);
        ntt_inverse(z, k, tables);
        for (unsigned i = 0; i < 4; i++)
            CHECK(z[i * (N - 1) / 3] == want[i]);
    }
    mem_free(tables);
    mem_free(x);
    mem_free(y);
    mem_free(z);
}

/* One key owner and one who answers. */
struct pair {
    uint64_t *tables, *secret, *public, *scratch;
    struct prf own, other;
    uint64_t block;
};

static void pair_make(struct pair *p)
{
    static const uint8_t key[2][PRF_KEY] = { { 1 }, { 2 } }, seed[RLWE_SEED] = { 3 };
    uint8_t *message = mem_new(RLWE_CIPHER_BYTES, 1);
    *p = (struct pair){ words(RLWE_TABLES), words(RLWE_POLY), words(RLWE_CIPHER),
                        words(RLWE_SCRATCH), .block = RLWE_DRAW };
    prf_init(&p->own, key[0]);
    prf_init(&p->other, key[1]);
    rlwe_tables(p->tables);
    struct rlwe_source s = { &p->own, 1, 1, 0 };
    rlwe_keygen(p->secret, message, p->tables, seed, &s, p->scratch);
    rlwe_load(p->public, message, seed, p->tables);
    mem_free(message);
}

static void pair_free(struct pair *p)
{
    mem_free(p->tables);
    mem_free(p->secret);
    mem_free(p->public);
    mem_free(p->scratch);
    prf_fini(&p->own);
    prf_fini(&p->other);
}

static void add_product(struct pair *p, uint64_t *sum, const uint64_t *m, const uint64_t *w)
{
    uint64_t *cipher = words(RLWE_CIPHER), *weight = words(RLWE_POLY);
    uint8_t *message = mem_new(RLWE_CIPHER_BYTES, 1);
    struct rlwe_source s = { &p->own, 2, 1, p->block };
    p->block += RLWE_DRAW;
    rlwe_encrypt(message, m, p->secret, p->tables, &s, p->scratch);
    rlwe_load(cipher, message, NULL, p->tables);
    rlwe_plain(weight, w, p->tables);
    rlwe_multiply(sum, cipher, weight);
    mem_free(cipher);
    mem_free(weight);
    mem_free(message);
}

static uint64_t coefficient(const uint64_t *x, const uint64_t *y, unsigned c)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < N; i++) {
        uint64_t v = x[i] * y[(c + N - i) % N];
        sum += i <= c ? v : 0 - v;
    }
    return sum;
}

/* Sums of products with the largest operands, and random ones: exact, with a margin of 3 bits. */
static void sums_of_products(void)
{
    enum { USEFUL = 600, TERMS = 6 };
    struct pair p;
    pair_make(&p);
    uint64_t random = 9, *m = words(N), *w = words(N), *sum = words(RLWE_SUM), r[USEFUL],
             got[USEFUL], want[USEFUL] = { 0 };
    uint32_t at[USEFUL];
    for (unsigned i = 0; i < USEFUL; i++) {
        at[i] = i * (N - 1) / (USEFUL - 1);
        r[i] = check_random(&random);
    }
    for (int t = 0; t < TERMS; t++) {
        for (unsigned i = 0; i < N; i++) {
            m[i] = t == 0 ? (uint64_t)1 << 63 : t == 1 ? ~(uint64_t)0 : check_random(&random);
            w[i] = t == 0 ? (uint64_t)1 << 63 : t == 1 ? ((uint64_t)1 << 63) - 1
                                                        : check_random(&random);
        }
        add_product(&p, sum, m, w);
        for (unsigned i = 0; i < USEFUL; i++)
            want[i] += coefficient(m, w, at[i]);
    }
    uint8_t *message = mem_new(rlwe_answer_bytes(USEFUL), 1);
    struct rlwe_source s = { &p.other, 3, 1, 0 };
    rlwe_answer(message, sum, p.public, at, r, USEFUL, p.tables, &s, p.scratch);
    uint64_t margin = rlwe_decrypt(got, message, at, USEFUL, p.secret, p.tables, p.scratch);
    unsigned wrong = 0;
    for (unsigned i = 0; i < USEFUL; i++)
        wrong += got[i] != want[i] - r[i];
    CHECK_EQ(wrong, 0);
    double bits = -log2(1 - (double)margin / (1 << 20));
    printf("# margin %.2f bits\n", bits);
    CHECK(bits >= 3);
    mem_free(message);
    mem_free(m);
    mem_free(w);
    mem_free(sum);
    pair_free(&p);
}

int main(void)
{
    CASE(primes_are_primes);
    CASE(transforms_multiply);
    CASE(sums_of_products);
    return check_done();
}
