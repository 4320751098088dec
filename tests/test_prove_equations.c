/*
 * test_prove_equations.c: every message of a proof, recomputed from the keys and the statements by
 * the equations as they stand in the headers: products bit by bit, integers by OpenSSL, polynomials
 * point by point. Nothing of the code under test is used but the PRF.
 */
#include "tests/prove_world.h"

#include <inttypes.h>

#include <openssl/bn.h>

/* ---- fields ---- */

static uint64_t prime;          /* 0: GF(2^64) */

static uint64_t mul(uint64_t a, uint64_t b)
{
    uint64_t product = 0;
    if (prime != 0)
        return (uint64_t)((unsigned __int128)a * b % prime);
    for (int i = 63; i >= 0; i--) {
        product = product << 1 ^ (product >> 63 ? 0x1b : 0);
        product ^= b >> i & 1 ? a : 0;
    }
    return product;
}

static uint64_t add(uint64_t a, uint64_t b)
{
    return prime != 0 ? (uint64_t)(((unsigned __int128)a + b) % prime) : a ^ b;
}

static uint64_t sub(uint64_t a, uint64_t b)
{
    return prime != 0 ? (uint64_t)(((unsigned __int128)a + prime - b) % prime) : a ^ b;
}

/* a / 2^64 mod prime: halved 64 times. */
static uint64_t unscaled(uint64_t a, unsigned times)
{
    for (unsigned i = 0; prime != 0 && i < 64 * times; i++)
        a = a & 1 ? (a >> 1) + (prime >> 1) + 1 : a >> 1;
    return a;
}

/* An element of a message, and one of the PRF: 8 bytes, or 125 bits of 16. */
static uint64_t element(const uint8_t *p)
{
    uint64_t a;
    memcpy(&a, p, 8);
    return unscaled(a, 1);
}

static uint64_t drawn(const struct prf *key, uint32_t gate, uint32_t use, uint64_t block, size_t i,
                      unsigned scale)
{
    uint64_t two[2];
    prf_again(key, gate, use, block + (prime != 0 ? i : i / 2), two, 16);
    if (prime == 0)
        return two[i % 2];
    unsigned __int128 t = (unsigned __int128)(two[1] >> 3) << 64 | two[0];
    return unscaled((uint64_t)(t % prime), scale);
}

/* ---- polynomials ---- */

static unsigned digit(unsigned point, unsigned j)
{
    while (j-- > 0)
        point /= 3;
    return point % 3;
}

static unsigned power3(unsigned k)
{
    return k == 0 ? 1 : 3 * power3(k - 1);
}

/* The multilinear polynomial of these corners at a point: the sum of the corners that agree with
 * the point where it is finite, signed by the zeros where it is not. */
static uint64_t at_point(const uint64_t *corner, unsigned k, unsigned point)
{
    uint64_t sum = 0;
    for (unsigned b = 0; b < 1u << k; b++) {
        unsigned agree = 1, zeros = 0;
        for (unsigned j = 0; j < k; j++) {
            unsigned d = digit(point, j);
            agree &= d == 2 || d == (b >> j & 1);
            zeros += d == 2 && (b >> j & 1) == 0;
        }
        if (agree)
            sum = zeros % 2 ? sub(sum, corner[b]) : add(sum, corner[b]);
    }
    return sum;
}

static uint64_t eq(unsigned b, const uint64_t *r, unsigned k)
{
    uint64_t product = 1;
    for (unsigned j = 0; j < k; j++)
        product = mul(product, b >> j & 1 ? r[j] : sub(1, r[j]));
    return product;
}

/* The polynomial with these values on the points, at r. */
static uint64_t interpolated(const uint64_t *h, const uint64_t *r, unsigned k)
{
    uint64_t sum = 0;
    for (unsigned p = 0; p < power3(k); p++) {
        uint64_t term = h[p];
        for (unsigned j = 0; j < k; j++)
            term = mul(term, digit(p, j) == 0 ? sub(1, r[j]) : digit(p, j) == 1 ? r[j]
                             : mul(r[j], sub(r[j], 1)));
        sum = add(sum, term);
    }
    return sum;
}

/* ---- one proof ---- */

struct twin {
    const struct prove_world *w;
    const struct prf *left_key, *right_key, *verifiers;     /* P LEFT, P RIGHT, LEFT RIGHT */
    struct prf weights;
    uint64_t *u, *w_;
    size_t n;
    uint64_t claim[2];          /* LEFT's, RIGHT's */
    uint64_t weight[64];        /* D_b */
};

static const uint8_t *message(const struct prove_world *w, unsigned step, unsigned from,
                              unsigned to)
{
    const struct gate *g = &w->program->gate[0];
    return w->step.message[step][gate_party(w->program->proto, g, from)]
                                [gate_party(w->program->proto, g, to)];
}

static void twin_open(struct twin *t, const struct prove_world *w)
{
    const struct gate *g = &w->program->gate[0];
    unsigned seat[3];
    uint8_t coins[32];
    for (unsigned r = 0; r < 3; r++)
        seat[r] = gate_party(w->program->proto, g, r);
    memset(t, 0, sizeof *t);
    t->w = w;
    t->left_key = &w->keys[seat[0]].pair[seat[2]];
    t->right_key = &w->keys[seat[0]].pair[seat[1]];
    t->verifiers = &w->keys[seat[1]].pair[seat[2]];
    prf_again(t->verifiers, 0, USE_COINS, 0, coins, 32);
    CHECK(memcmp(message(w, 0, PROVE_RIGHT, PROVE_PROVER), coins, 32) == 0);
    prf_init(&t->weights, coins + 16);
    t->u = calloc(1 << 20, 8);
    t->w_ = calloc(1 << 20, 8);
}

static void twin_close(struct twin *t)
{
    prf_fini(&t->weights);
    free(t->u), free(t->w_);
}

/* One level: P's message at `said` against H, RIGHT's answer against the PRF, and on. step: of P's
 * message. use: of shares, of challenges. values: H on all points. */
static void level_check(struct twin *t, unsigned level, unsigned k, const uint8_t *said,
                        const uint8_t *answered, const uint32_t use[2], const uint64_t *values,
                        const uint64_t *weight, uint64_t *r)
{
    static uint64_t share[2][729];
    for (unsigned p = 1; p < power3(k); p++) {
        share[0][p] = drawn(t->left_key, 0, use[0], (uint64_t)level << 16, p - 1, 2);
        share[1][p] = element(said + (p - 1) * 8);
        CHECK(add(share[0][p], share[1][p]) == values[p]);
    }
    for (unsigned j = 0; j < k; j++) {
        r[j] = drawn(t->verifiers, 0, use[1], (uint64_t)level << 16, j, 2);
        CHECK(element(answered + j * 8) == r[j]);
    }
    for (int v = 0; v < 2; v++) {
        share[v][0] = t->claim[v];
        for (unsigned b = 1; b < 1u << k; b++) {
            unsigned p = 0;
            for (unsigned j = 0; j < k; j++)
                p += (b >> j & 1) * power3(j);
            share[v][0] = sub(share[v][0], mul(weight == NULL ? 1 : weight[b], share[v][p]));
        }
        t->claim[v] = interpolated(share[v], r, k);
    }
}

/* H of the vectors, cut into 2^k blocks of m. */
static void values_of(const struct twin *t, size_t m, unsigned k, uint64_t *values)
{
    uint64_t a[16], b[16];
    for (unsigned p = 0; p < power3(k); p++) {
        values[p] = 0;
        for (size_t i = 0; i < m; i++) {
            for (unsigned c = 0; c < 1u << k; c++) {
                a[c] = t->u[c * m + i];
                b[c] = t->w_[c * m + i];
            }
            values[p] = add(values[p], mul(at_point(a, k, p), at_point(b, k, p)));
        }
    }
}

static void vectors_bind(struct twin *t, size_t m, unsigned k, const uint64_t *r)
{
    for (size_t i = 0; i < m; i++) {
        uint64_t a = 0, b = 0;
        for (unsigned c = 0; c < 1u << k; c++) {
            a = add(a, mul(eq(c, r, k), t->u[c * m + i]));
            b = add(b, mul(eq(c, r, k), t->w_[c * m + i]));
        }
        t->u[i] = a;
        t->w_[i] = b;
    }
    memset(t->u + m, 0, ((m << k) - m) * 8);
    memset(t->w_ + m, 0, ((m << k) - m) * 8);
    t->n = m;
}

/* The levels after the first, and what LEFT opens. */
static void tail_check(struct twin *t, const uint32_t use[3])
{
    static uint64_t values[81];
    unsigned v = 0;
    uint64_t r[4];
    t->u[t->n] = drawn(t->left_key, 0, use[2], 0, 0, 2);
    t->w_[t->n + 1] = drawn(t->right_key, 0, use[2], 0, 0, 2);
    t->n += 2;
    while ((size_t)1 << v < t->n)
        v++;
    for (unsigned level = 1; v > 0; level++) {
        unsigned k = v % 4 == 0 ? 4 : v % 4;
        if (level == 1 && v > 4 && k > 2)
            k = 2;
        size_t m = (t->n + (1u << k) - 1) >> k;
        values_of(t, m, k, values);
        level_check(t, level, k, message(t->w, 1 + 2 * level, PROVE_PROVER, PROVE_RIGHT),
                    message(t->w, 2 + 2 * level, PROVE_RIGHT, PROVE_PROVER), use, values, NULL, r);
        vectors_bind(t, m, k, r);
        v -= k;
    }
    const uint8_t *open = message(t->w, t->w->step.steps - 2, PROVE_LEFT, PROVE_RIGHT);
    CHECK(element(open) == t->u[0]);
    CHECK(element(open + 8) == t->claim[0]);
    CHECK(mul(t->u[0], t->w_[0]) == add(t->claim[0], t->claim[1]));
}

/* ---- bits ---- */

static size_t columns_of(const struct prove_run *run)
{
    return (run->words + 63u) / 64;
}

static uint64_t bit_at(const uint64_t *row, const struct prove_run *run, size_t b, size_t c,
                       unsigned j)
{
    size_t s = b * columns_of(run) + c;
    return s < run->words ? row[s] >> j & 1 : 0;
}

static uint64_t column_weight(const struct twin *t, unsigned i, size_t c, unsigned j)
{
    uint64_t rho = drawn(&t->weights, i, WEIGHT_COLUMN, 0, c, 0);
    return mul(rho, (uint64_t)1 << j);
}

/* Calls for every column (t, c, j) of every run, in the order of the vectors. */
static void bits_first(struct twin *t, uint64_t *values, const uint64_t *r)
{
    uint64_t a[64], b[64];
    const struct prove_world *w = t->w;
    size_t at = 0;
    for (unsigned i = 0; i < w->count; i++)
        for (size_t k = 0; k < w->run[i].terms * columns_of(&w->run[i]) * 64; k++, at++) {
            const struct prove_run *run = &w->run[i];
            size_t c = k % columns_of(run), term = k / (columns_of(run) * 64);
            unsigned j = (unsigned)(k / columns_of(run) % 64);
            uint64_t weight = column_weight(t, i, c, j);
            for (size_t block = 0; block < 64; block++) {
                a[block] = bit_at(w->left[i] + term * run->words, run, block, c, j);
                b[block] = bit_at(w->right[i] + term * run->words, run, block, c, j);
            }
            for (unsigned p = 0; r == NULL && p < 729; p++)
                values[p] = add(values[p], at_point(a, 6, p) & at_point(b, 6, p) ? weight : 0);
            for (unsigned block = 0; r != NULL && block < 64; block++) {
                uint64_t e = eq(block, r, 6);
                t->u[at] ^= a[block] ? e : 0;
                t->w_[at] ^= b[block] ? mul(e, weight) : 0;
            }
        }
    t->n = at;
}

static void bits_claims_sum(struct twin *t)
{
    for (int v = 0; v < 2; v++)
        for (unsigned i = 0; i < t->w->count; i++)
            for (size_t s = 0; s < t->w->run[i].words; s++) {
                size_t columns = columns_of(&t->w->run[i]);
                uint64_t rho = column_weight(t, i, s % columns, 0);
                uint64_t weight = mul(rho, t->weight[s / columns]);
                t->claim[v] ^= mul(weight, t->w->claim[v][i][s]);
            }
}

static void bits_follow_the_equations(void)
{
    static const struct prove_run runs[] = { { PROVE_BITS, 2, 1 }, { PROVE_BITS, 1, 67 } };
    static const uint32_t use[] = { USE_SHARE_BITS, USE_R_BITS, USE_DUMMY_BITS };
    static uint64_t values[729];
    struct prove_world w;
    struct twin t;
    uint64_t r[6];
    prime = 0;
    world_make(&w, runs, 2, 31);
    world_run(&w);
    CHECK(w.step.err.code == 0);
    twin_open(&t, &w);
    for (unsigned b = 0; b < 64; b++)
        t.weight[b] = b == 0 ? 1 : drawn(&t.weights, 0, WEIGHT_BLOCK, 0, b, 0);
    bits_claims_sum(&t);
    bits_first(&t, values, NULL);
    level_check(&t, 0, 6, message(&w, 1, PROVE_PROVER, PROVE_RIGHT),
                message(&w, 2, PROVE_RIGHT, PROVE_PROVER), use, values, t.weight, r);
    bits_first(&t, values, r);
    tail_check(&t, use);
    twin_close(&t);
    world_free(&w);
}

/* ---- words ---- */

static uint64_t subset_of(const struct twin *t, unsigned i, size_t g, unsigned j)
{
    uint64_t word[64];
    prf_again(&t->weights, i, WEIGHT_SUBSET, g / 64 * 32, word, 512);
    return word[j] >> g % 64 & 1;
}

static BIGNUM *big(const uint8_t *p, int n)
{
    return BN_lebin2bn(p, n, NULL);
}

static void big_word(BIGNUM *sum, uint64_t a, uint64_t b, int negative, BN_CTX *ctx)
{
    BIGNUM *x = big((const uint8_t *)&a, 8), *y = big((const uint8_t *)&b, 8);
    BN_mul(x, x, y, ctx);
    if (negative)
        BN_sub(sum, sum, x);
    else
        BN_add(sum, sum, x);
    BN_free(x), BN_free(y);
}

/* 2^64 times the shares of quotient j, less 2^159, is the integer identity number j. */
static void quotient_check(const struct twin *t, unsigned j, BN_CTX *ctx)
{
    const struct prove_world *w = t->w;
    uint8_t left[20 * 64];
    BIGNUM *sum = BN_new(), *q, *offset = BN_new();
    BN_zero(sum);
    for (unsigned i = 0; i < w->count; i++)
        for (size_t g = 0; g < w->run[i].words; g++) {
            if (!subset_of(t, i, g, j))
                continue;
            for (size_t k = 0; k < w->run[i].terms; k++)
                big_word(sum, w->left[i][k * w->run[i].words + g],
                         w->right[i][k * w->run[i].words + g], 0, ctx);
            big_word(sum, w->claim[0][i][g], 1, 1, ctx);
            big_word(sum, w->claim[1][i][g], 1, 1, ctx);
        }
    prf_again(t->left_key, 0, USE_QUOTIENT, 0, left, sizeof left);
    left[20 * j + 19] &= 0x7f;
    q = big(left + 20 * j, 20);
    BIGNUM *right = big(message(w, 1, PROVE_PROVER, PROVE_RIGHT) + 20 * j, 20);
    BN_add(q, q, right);
    BN_set_bit(offset, 159);
    BN_sub(q, q, offset);
    BN_lshift(q, q, 64);
    CHECK(BN_cmp(q, sum) == 0);
    BN_free(sum), BN_free(q), BN_free(offset), BN_free(right);
}

static uint64_t big_mod(const uint8_t *p, int n)
{
    uint64_t a = 0;
    while (n-- > 0)
        a = (uint64_t)(((unsigned __int128)a << 8 | p[n]) % prime);
    return a;
}

/* Claims: theta_g claim_g and 2^64 theta_j q_j. */
static void words_claims_sum(struct twin *t, const uint64_t theta[64])
{
    const uint8_t *right = message(t->w, 1, PROVE_PROVER, PROVE_RIGHT);
    uint8_t left[20 * 64], offset[20] = { 0 };
    uint64_t scale = (uint64_t)(((unsigned __int128)1 << 64) % prime);
    offset[19] = 0x80;
    prf_again(t->left_key, 0, USE_QUOTIENT, 0, left, sizeof left);
    for (unsigned j = 0; j < 64; j++) {
        left[20 * j + 19] &= 0x7f;
        uint64_t factor = mul(scale, theta[j]);
        uint64_t q = sub(big_mod(right + 20 * j, 20), big_mod(offset, 20));
        t->claim[0] = add(t->claim[0], mul(factor, big_mod(left + 20 * j, 20)));
        t->claim[1] = add(t->claim[1], mul(factor, q));
    }
}

static void words_follow_the_equations(void)
{
    static const struct prove_run runs[] = { { PROVE_WORDS, 2, 70 }, { PROVE_WORDS, 5, 3 } };
    static const uint32_t use[] = { USE_SHARE_WORDS, USE_R_WORDS, USE_DUMMY_WORDS };
    struct prove_world w;
    struct twin t;
    struct prf seed;
    uint64_t theta[64];
    BN_CTX *ctx = BN_CTX_new();
    prime = 0;
    world_make(&w, runs, 2, 32);
    world_run(&w);
    CHECK(w.step.err.code == 0);
    twin_open(&t, &w);
    for (unsigned j = 0; j < 64; j++)
        quotient_check(&t, j, ctx);
    const uint8_t *answer = message(&w, 2, PROVE_RIGHT, PROVE_PROVER);
    memcpy(&prime, answer, 8);
    BIGNUM *p = big(answer, 8);
    CHECK_EQ(BN_num_bits(p), 61);
    CHECK_EQ(BN_check_prime(p, ctx, NULL), 1);
    prf_init(&seed, answer + 8);
    for (unsigned j = 0; j < 64; j++)
        theta[j] = drawn(&seed, 0, USE_THETA, 0, j, 4);     /* held as theta R^3 */
    words_claims_sum(&t, theta);
    for (unsigned i = 0; i < w.count; i++)
        for (size_t k = 0; k < run_terms(&w.run[i]); k++, t.n++) {
            size_t g = k % w.run[i].words;
            uint64_t weight = 0;
            for (unsigned j = 0; j < 64; j++)
                weight = add(weight, subset_of(&t, i, g, j) ? theta[j] : 0);
            t.u[t.n] = w.left[i][k] % prime;
            t.w_[t.n] = mul(w.right[i][k] % prime, weight);
            for (int v = 0; v < 2 && k < w.run[i].words; v++)
                t.claim[v] = add(t.claim[v], mul(w.claim[v][i][g] % prime, weight));
        }
    tail_check(&t, use);
    prf_fini(&seed);
    twin_close(&t);
    world_free(&w);
    BN_free(p);
    BN_CTX_free(ctx);
}

int main(void)
{
    CASE(bits_follow_the_equations);
    CASE(words_follow_the_equations);
    return check_done();
}
