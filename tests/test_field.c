/*
 * test_field.c: the two fields of proofs and their loops, against plain arithmetic: bit by bit for
 * GF(2^64), by remainders of 128 bits and by OpenSSL's primes for F_p.
 */
#include "tests/check.h"

#include <inttypes.h>

#include <openssl/bn.h>

#include "proto/field.h"
#include "proto/fold.h"

static uint64_t state = 4242;
static const char *const isas[] = { "clmul", "portable" };

/* ---- plain twins ---- */

static uint64_t slow_mul(uint64_t a, uint64_t b)
{
    uint64_t product = 0;
    for (int i = 63; i >= 0; i--) {
        product = product << 1 ^ (product >> 63 ? 0x1b : 0);
        product ^= b >> i & 1 ? a : 0;
    }
    return product;
}

/* The value of the multilinear polynomial with these corners at a point of {0, 1, oo}^k. */
static uint64_t corner_sum(const struct field *f, const uint64_t *corner, unsigned k,
                           unsigned point)
{
    if (k == 0)
        return corner[0];
    unsigned third = 1;
    for (unsigned i = 1; i < k; i++)
        third *= 3;
    unsigned digit = point / third, rest = point % third, half = 1u << (k - 1);
    uint64_t low = corner_sum(f, corner, k - 1, rest);
    if (digit == 0)
        return low;
    uint64_t high = corner_sum(f, corner + half, k - 1, rest);
    return digit == 1 ? high : field_sub(f, high, low);
}

/* The product in either field; that of F_p has a test of its own. */
static uint64_t plain_mul(const struct field *f, uint64_t a, uint64_t b)
{
    return f->prime.p == 0 ? slow_mul(a, b) : fp61_mul(&f->prime, a, b);
}

static void random_fill(const struct field *f, uint64_t *a, size_t n)
{
    for (size_t i = 0; i < n; i++)
        a[i] = f->prime.p == 0 ? check_random(&state) : check_random(&state) % f->prime.p;
}

/* ---- cases ---- */

static void products_of_bits(void)
{
    static const uint64_t edge[] = { 0, 1, 2, 0x1b, (uint64_t)1 << 63, UINT64_MAX,
                                     0x1084210842108421, 0x8000000080000001 };
    for (int v = 0; v < 2; v++) {
        if (gf64_force(isas[v]) != 0)
            continue;
        CHECK(strcmp(gf64_isa(), isas[v]) == 0);
        for (int i = 0; i < 8; i++)
            for (int j = 0; j < 8; j++)
                CHECK(gf64_mul(edge[i], edge[j]) == slow_mul(edge[i], edge[j]));
        for (int i = 0; i < 2000; i++) {
            uint64_t a = check_random(&state), b = check_random(&state);
            CHECK(gf64_mul(a, b) == slow_mul(a, b));
        }
        for (int b = 0; b < 64; b++)
            for (int c = 0; c < 64; c++)
                CHECK(gf64_mul((uint64_t)1 << b, (uint64_t)1 << c) ==
                      slow_mul((uint64_t)1 << b, (uint64_t)1 << c));
        uint64_t a[100], b[100], sum = 0;
        for (int i = 0; i < 100; i++) {
            a[i] = check_random(&state);
            b[i] = check_random(&state);
            sum ^= slow_mul(a[i], b[i]);
        }
        CHECK(gf64_dot(a, b, 100) == sum);
    }
    gf64_force(NULL);
}

static void known_answers(void)
{
    /* x^64 = x^4 + x^3 + x + 1; the inverse of x; (x + 1)^2^64 = x + 1 */
    CHECK(gf64_mul((uint64_t)1 << 63, 2) == 0x1b);
    CHECK(gf64_mul(0x800000000000000d, 2) == 1);
    uint64_t a = 3;
    for (int i = 0; i < 64; i++)
        a = gf64_mul(a, a);
    CHECK(a == 3);
}

static void prime_arithmetic(void)
{
    for (int i = 0; i < 300; i++) {
        uint64_t p = (uint64_t)1 << 60 | check_random(&state) >> 4 | 1;
        if (i == 0)
            p = ((uint64_t)1 << 61) - 1;
        if (i == 1)
            p = ((uint64_t)1 << 60) + 33;
        struct fp61 f;
        fp61_init(&f, p);
        for (int t = 0; t < 50; t++) {
            uint64_t a = check_random(&state) % p, b = check_random(&state) % p;
            uint64_t word = t == 0 ? UINT64_MAX : check_random(&state);
            if (t == 1)
                a = b = p - 1;
            unsigned __int128 ab = (unsigned __int128)a * b % p;
            uint64_t product = fp61_mul(&f, a, b);      /* product R = a b */
            CHECK(product < p);
            CHECK((unsigned __int128)product * f.power[1] % p == ab);
            CHECK(fp61_add(&f, a, b) == (a + b) % p);
            CHECK(fp61_sub(&f, a, b) == (a + (p - b)) % p);
            CHECK(fp61_mul(&f, fp61_from_word(&f, word), 1) == word % p);
            unsigned __int128 most = (unsigned __int128)(p - 1) * (p - 1) * FP61_SUM;
            CHECK((unsigned __int128)fp61_reduce(&f, most) * f.power[1] % p == most % p);
        }
    }
}

static void primes(void)
{
    BN_CTX *ctx = BN_CTX_new();
    BIGNUM *bn = BN_new();
    unsigned found = 0;
    for (int i = 0; i < 3000; i++) {
        uint64_t p = (uint64_t)1 << 60 | check_random(&state) >> 4 | 1;
        BN_set_word(bn, p);
        int prime = BN_check_prime(bn, ctx, NULL);
        CHECK_EQ(fp61_is_prime(p), prime);
        found += prime == 1;
    }
    CHECK(found > 80 && found < 220);       /* 3000 / 21 */
    /* a product of two primes near each other, and a prime of Mersenne */
    CHECK(!fp61_is_prime((uint64_t)1073741827 * 1073741831));
    CHECK(fp61_is_prime(((uint64_t)1 << 61) - 1));
    BN_free(bn);
    BN_CTX_free(ctx);
}

/* Points and bind of both fields, against the definition. */
static void loops_of(const struct field *f)
{
    enum { MOST = 16 * 70 };
    uint64_t u[MOST], w[MOST], h[81], eq[16], cu[16], cw[16];
    static const size_t sizes[] = { 1, 2, 3, 4, 5, 7, 56, 57, 61, 70 };
    for (int s = 0; s < 10; s++)
        for (unsigned k = 1; k <= 4; k++) {
            size_t m = sizes[s];
            random_fill(f, u, m << k);
            random_fill(f, w, m << k);
            random_fill(f, eq, 16);
            if (f->prime.p == 0)
                gf64_points(h, u, w, m, k);
            else
                fp61_points(&f->prime, h, u, w, m, k);
            unsigned points = fold_points_of(k);
            for (unsigned p = 0; p < points; p++) {
                uint64_t sum = 0;
                for (size_t i = 0; i < m; i++) {
                    for (unsigned b = 0; b < 1u << k; b++) {
                        cu[b] = u[b * m + i];
                        cw[b] = w[b * m + i];
                    }
                    sum = field_add(f, sum, plain_mul(f, corner_sum(f, cu, k, p),
                                                           corner_sum(f, cw, k, p)));
                }
                CHECK(h[p] == sum);
            }
            uint64_t bound[70];
            for (size_t i = 0; i < m; i++) {
                bound[i] = 0;
                for (unsigned b = 0; b < 1u << k; b++)
                    bound[i] = field_add(f, bound[i], plain_mul(f, u[b * m + i], eq[b]));
            }
            if (f->prime.p == 0)
                gf64_bind(u, m, k, eq);
            else
                fp61_bind(&f->prime, u, m, k, eq);
            CHECK(memcmp(u, bound, m * sizeof *u) == 0);
        }
}

static void loops(void)
{
    struct field f = { 0 };
    for (int v = 0; v < 2; v++)
        if (gf64_force(isas[v]) == 0)
            loops_of(&f);
    gf64_force(NULL);
    fp61_init(&f.prime, ((uint64_t)1 << 61) - 1);
    loops_of(&f);
    fp61_init(&f.prime, ((uint64_t)1 << 60) + 33);
    loops_of(&f);
}

/* A column's corners as elements: bit j of the 64 words of column c. */
static void column_corners(uint64_t corner[64], const uint64_t *row, size_t columns, size_t c,
                           unsigned j)
{
    for (size_t b = 0; b < 64; b++)
        corner[b] = row[b * columns + c] >> j & 1;
}

static void bit_loops_of(size_t terms, size_t columns, size_t first, size_t count)
{
    const struct field f = { 0 };
    size_t n = terms * columns * 64;
    uint64_t *u = malloc(n * 8), *w = malloc(n * 8), *bound = malloc(n * 8), *work;
    uint64_t rho[512], h[729] = { 0 }, eq[64], a[64], b[64];
    work = aligned_alloc(64, (GF64_WORK + 63) / 64 * 64);
    random_fill(&f, u, n), random_fill(&f, w, n), random_fill(&f, rho, count);
    random_fill(&f, eq, 64);
    memcpy(bound, w, n * 8);
    for (size_t t = 0; t < terms; t++)
        for (size_t c = first; c < first + count; c++) {
            uint64_t weight = rho[c - first];
            for (unsigned j = 0; j < 64; j++, weight = slow_mul(weight, 2)) {
                column_corners(b, w + t * columns * 64, columns, c, j);
                uint64_t sum = 0;
                for (unsigned i = 0; i < 64; i++)
                    sum ^= b[i] ? eq[i] : 0;
                bound[t * columns * 64 + j * columns + c] = slow_mul(sum, weight);
            }
        }
    gf64_bit_points(h, u, w, terms, columns, first, count, rho, work);
    for (int some = 0; some < 25; some++) {
        unsigned p = (unsigned)(check_random(&state) % 729);
        uint64_t sum = 0;
        for (size_t t = 0; t < terms; t++)
            for (size_t c = first; c < first + count; c++) {
                uint64_t weight = rho[c - first];
                for (unsigned j = 0; j < 64; j++, weight = slow_mul(weight, 2)) {
                    column_corners(a, u + t * columns * 64, columns, c, j);
                    column_corners(b, w + t * columns * 64, columns, c, j);
                    if (corner_sum(&f, a, 6, p) & corner_sum(&f, b, 6, p))
                        sum ^= weight;
                }
            }
        CHECK(h[p] == sum);
    }
    gf64_bit_bind(w, terms, columns, first, count, eq, rho);
    CHECK(memcmp(w, bound, n * 8) == 0);
    free(u), free(w), free(bound), free(work);
}

static void bit_loops(void)
{
    for (int v = 0; v < 2; v++) {
        if (gf64_force(isas[v]) != 0)
            continue;
        bit_loops_of(1, 1, 0, 1);
        bit_loops_of(2, 4, 0, 4);
        bit_loops_of(3, 7, 0, 7);
        bit_loops_of(2, 11, 2, 6);
    }
    gf64_force(NULL);
}

static void held(void)
{
    struct field f = { 0 };
    uint64_t a[] = { 0, 5, UINT64_MAX };
    CHECK(field_holds(&f, a, 3));
    fp61_init(&f.prime, ((uint64_t)1 << 61) - 1);
    CHECK(field_holds(&f, a, 2));
    CHECK(!field_holds(&f, a, 3));
    a[2] = f.prime.p - 1;
    CHECK(field_holds(&f, a, 3));
    a[2] = f.prime.p;
    CHECK(!field_holds(&f, a, 3));
}

int main(void)
{
    printf("# seed %" PRIu64 "\n", state);
    CASE(known_answers);
    CASE(products_of_bits);
    CASE(prime_arithmetic);
    CASE(primes);
    CASE(loops);
    CASE(bit_loops);
    CASE(held);
    return check_done();
}
