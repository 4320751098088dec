/*
 * test_prove_rates.c: how often a cheating prover gets through, where that can be counted.
 *
 * The equations of fold.h, fold_bits.c and fold_words.c once more, over fields of 256 and 251
 * elements, words of 8 bits and primes of 10 bits, played against provers that do their best. What
 * passes must be as often as the derivation says, and not above the bound. Shortcuts that the
 * design does not take are played too, to see that they would show here: powers of one weight, and
 * dummies whose product P may choose late.
 */
#include "tests/check.h"

#include <inttypes.h>
#include <math.h>

enum { TRIALS = 1 << 16, MOST = 64, FIRST = 2, TAKE = 2 };

static uint64_t state = 31337;

/* ---- small fields ---- */

static unsigned modulus;        /* 0: GF(2^8) = GF(2)[x] / (x^8 + x^4 + x^3 + x + 1) */

static unsigned elements(void)
{
    return modulus == 0 ? 256 : modulus;
}

static unsigned mul(unsigned a, unsigned b)
{
    unsigned product = 0;
    if (modulus != 0)
        return a * b % modulus;
    for (unsigned i = 0; i < 8; i++) {
        product ^= (b >> i & 1) * a;
        a = a << 1 ^ (a >> 7) * 0x11b;
    }
    return product;
}

static unsigned add(unsigned a, unsigned b)
{
    return modulus == 0 ? a ^ b : (a + b) % modulus;
}

static unsigned sub(unsigned a, unsigned b)
{
    return modulus == 0 ? a ^ b : (a + modulus - b) % modulus;
}

static unsigned inverse(unsigned a)
{
    unsigned result = 1;
    for (unsigned e = elements() - 2; e > 0; e >>= 1, a = mul(a, a))
        if (e & 1)
            result = mul(result, a);
    return result;
}

static unsigned random_element(void)
{
    return (unsigned)(check_random(&state) % elements());
}

/* ---- a fold, its statement false by `error` ---- */

struct game {
    unsigned u[MOST], w[MOST], n;
    unsigned claim;             /* true value + error */
    unsigned weight[1 << FIRST];
};

static unsigned product_of(const struct game *g)
{
    unsigned sum = 0;
    for (unsigned i = 0; i < g->n; i++)
        sum = add(sum, mul(g->u[i], g->w[i]));
    return sum;
}

/* u and w at r: 2^k blocks. */
static void bind(struct game *g, const unsigned *r, unsigned k)
{
    unsigned m = (g->n + (1u << k) - 1) >> k, next[2][MOST] = { { 0 } };
    for (unsigned b = 0; b < 1u << k; b++) {
        unsigned e = 1;
        for (unsigned j = 0; j < k; j++)
            e = mul(e, b >> j & 1 ? r[j] : sub(1, r[j]));
        for (unsigned i = 0; i < m && b * m + i < g->n; i++) {
            next[0][i] = add(next[0][i], mul(e, g->u[b * m + i]));
            next[1][i] = add(next[1][i], mul(e, g->w[b * m + i]));
        }
    }
    memcpy(g->u, next[0], sizeof g->u);
    memcpy(g->w, next[1], sizeof g->w);
    g->n = m;
}

/* The best that P can do to a variable: a polynomial of degree 2 with two roots. */
struct roots {
    unsigned a, b;
};

static unsigned roots_at(const struct roots *q, unsigned x)
{
    return mul(sub(x, q->a), sub(x, q->b));
}

/* What P adds to H: scale times the product over the variables, so that the sum over the corners,
 * weighted, is `error`. Its value at r. */
static unsigned patch_at(const unsigned *weight, unsigned error, const unsigned *r, unsigned k)
{
    struct roots q[FIRST + TAKE];
    unsigned sum, value = 1;
    do {
        for (unsigned j = 0; j < k; j++) {      /* two different roots, no corners */
            q[j].a = 2 + (unsigned)(check_random(&state) % (elements() - 2));
            q[j].b = 2 + (unsigned)(check_random(&state) % (elements() - 2));
            while (q[j].b == q[j].a)
                q[j].b = 2 + (unsigned)(check_random(&state) % (elements() - 2));
        }
        sum = 0;
        for (unsigned b = 0; b < 1u << k; b++) {
            unsigned term = weight == NULL ? 1 : weight[b];
            for (unsigned j = 0; j < k; j++)
                term = mul(term, roots_at(&q[j], b >> j & 1));
            sum = add(sum, term);
        }
    } while (sum == 0);
    for (unsigned j = 0; j < k; j++)
        value = mul(value, roots_at(&q[j], r[j]));
    return mul(mul(error, inverse(sum)), value);
}

/* What an honest P's H with a claim that is off by `error` comes to: the corner 0 takes it all. */
static unsigned plain_at(unsigned error, const unsigned *r, unsigned k)
{
    for (unsigned j = 0; j < k; j++)
        error = mul(error, sub(1, r[j]));
    return error;
}

/* Plays all levels; does a statement that is false by `error` pass? The true part of each level is
 * carried along in u and w: the claim is always their product plus what is left of the error. */
static int fold_passes(struct game *g, unsigned error, int best, unsigned *variables)
{
    *variables = 0;
    for (unsigned level = 0; g->n > 1; level++) {
        unsigned r[TAKE], k = g->n > 2 ? TAKE : 1;
        for (unsigned j = 0; j < k; j++)
            r[j] = random_element();
        if (error != 0)
            error = best ? patch_at(NULL, error, r, k) : plain_at(error, r, k);
        bind(g, r, k);
        g->claim = add(product_of(g), error);
        *variables += k;
    }
    return mul(g->u[0], g->w[0]) == g->claim;
}

/* sigma: standard deviations of `hits` from what is expected. */
static double sigma(unsigned hits, double expected)
{
    double mean = expected * TRIALS;
    return (hits - mean) / sqrt(mean * (1 - expected));
}

static void folds_of(unsigned m, int best)
{
    unsigned hits = 0, variables = 0;
    modulus = m;
    for (int trial = 0; trial < TRIALS; trial++) {
        struct game g = { .n = 18 };
        for (unsigned i = 0; i < g.n; i++) {
            g.u[i] = random_element();
            g.w[i] = random_element();
        }
        unsigned error = 1 + (unsigned)(check_random(&state) % (elements() - 1));
        hits += (unsigned)fold_passes(&g, error, best, &variables);
    }
    double q = elements(), each = (best ? 2 : 1) / q;
    double expected = 1 - pow(1 - each, variables), bound = 2 * variables / q;
    printf("# %u elements, %s P: %.4f pass, expected %.4f (%.1f sigma), bound %.4f\n", elements(),
           best ? "best" : "plain", (double)hits / TRIALS, expected, sigma(hits, expected), bound);
    CHECK(fabs(sigma(hits, expected)) < 5);
    CHECK(hits <= (bound + 5 * sqrt(bound / TRIALS)) * TRIALS);
}

static void folds_fail_as_often_as_derived(void)
{
    folds_of(0, 0);
    folds_of(0, 1);
    folds_of(251, 0);
    folds_of(251, 1);
}

/* ---- the weights of statements about bits ---- */

enum { COLUMNS = 24, BLOCKS = 4 };

/* Errors: words of 8 positions as elements. independent: rho_c and D_b as they are drawn; else the
 * powers of one element. */
static int batch_passes(const unsigned *e, int independent)
{
    unsigned sum = 0, one = random_element(), power = 1, d[BLOCKS] = { 1 };
    for (unsigned b = 1; b < BLOCKS; b++)
        d[b] = random_element();
    for (unsigned c = 0; c < COLUMNS; c++) {
        unsigned inner = 0;
        for (unsigned b = 0; b < BLOCKS; b++)
            inner = add(inner, mul(d[b], e[b * COLUMNS + c]));
        sum = add(sum, mul(independent ? random_element() : power, inner));
        power = mul(power, one);
    }
    return sum == 0;
}

/* Errors in block 0 that are the coefficients of a polynomial with 23 roots. */
static void errors_with_roots(unsigned *e)
{
    memset(e, 0, BLOCKS * COLUMNS * sizeof *e);
    e[0] = 1;
    for (unsigned root = 1; root < COLUMNS; root++)
        for (unsigned c = COLUMNS; c-- > 0;)
            e[c] = add(c > 0 ? e[c - 1] : 0, mul(root, e[c]));
}

static void weights_are_independent(void)
{
    unsigned hits[3] = { 0 }, e[BLOCKS * COLUMNS], one[BLOCKS * COLUMNS] = { 0 };
    modulus = 0;
    errors_with_roots(e);
    one[2 * COLUMNS + 5] = 1;
    for (int trial = 0; trial < TRIALS; trial++) {
        hits[0] += (unsigned)batch_passes(e, 1);
        hits[1] += (unsigned)batch_passes(e, 0);
        hits[2] += (unsigned)batch_passes(one, 1);
    }
    printf("# weights: %.4f pass (1/256), one error %.4f (2/256), powers of one %.4f (23/256)\n",
           (double)hits[0] / TRIALS, (double)hits[2] / TRIALS, (double)hits[1] / TRIALS);
    CHECK(fabs(sigma(hits[0], 1 / 256.0)) < 5);
    CHECK(fabs(sigma(hits[2], 1 - 255.0 * 255 / 65536)) < 5);
    CHECK(fabs(sigma(hits[1], 23 / 256.0)) < 5);
}

/* ---- dummies ---- */

/* A P that knows the weights before it fixes what its dummies multiply to makes up for any error.
 * zero: they are (.., d, 0) and (.., 0, e) to the verifiers, whatever P puts there. */
static int late_dummy_passes(int zero)
{
    struct game g = { .n = 18 };
    unsigned variables, error = 1 + (unsigned)(check_random(&state) % (elements() - 1));
    for (unsigned i = 0; i < g.n; i++) {
        g.u[i] = random_element();
        g.w[i] = random_element();
    }
    g.u[17] = g.w[16] = 0;
    if (zero)   /* P's polynomials are those of its own vectors: off by its own product's */
        return fold_passes(&g, error, 0, &variables);
    g.u[17] = 1;
    g.w[17] = error;
    return fold_passes(&g, 0, 0, &variables);
}

static void late_dummies_do_not_help(void)
{
    unsigned hits[2] = { 0 };
    modulus = 0;
    for (int trial = 0; trial < TRIALS; trial++) {
        hits[0] += (unsigned)late_dummy_passes(1);
        hits[1] += (unsigned)late_dummy_passes(0);
    }
    printf("# late dummy: %.4f pass; if its product counted, %.4f would\n",
           (double)hits[0] / TRIALS, (double)hits[1] / TRIALS);
    CHECK(hits[0] < TRIALS / 20);
    CHECK(hits[1] == TRIALS);
}

/* ---- integers and a prime ---- */

enum { SUBSETS = 5, STATEMENTS = 6 };

static int is_prime(unsigned n)
{
    for (unsigned d = 2; d * d <= n; d++)
        if (n % d == 0)
            return 0;
    return n > 1;
}

static unsigned random_prime(void)
{
    for (;;) {
        unsigned p = 512 + (unsigned)(check_random(&state) % 512);
        if (is_prime(p))
            return p;
    }
}

/* Words of 8 bits; P's claims are off by e[g] mod 2^8. For each subset the integer D_j = sum over g
 * of beta_gj e[g] - 2^8 q_j, and P, who knows beta, makes it a multiple of three primes if it
 * cannot be 0. p and theta follow. */
static int words_pass(const int64_t *e)
{
    static const int64_t three = (int64_t)521 * 757 * 1021;
    int64_t d[SUBSETS];
    for (unsigned j = 0; j < SUBSETS; j++) {
        int64_t sum = 0, multiple = 0;
        for (unsigned g = 0; g < STATEMENTS; g++)
            sum += check_random(&state) & 1 ? e[g] : 0;
        while (((sum - multiple) & 255) != 0)
            multiple += three;
        int64_t q = (sum - multiple) / 256;
        d[j] = sum - 256 * q;
    }
    int64_t p = random_prime(), total = 0;
    for (unsigned j = 0; j < SUBSETS; j++)
        total = (total + d[j] % p * (int64_t)(check_random(&state) % (uint64_t)p)) % p;
    return total == 0;
}

static void primes_fail_as_often_as_derived(void)
{
    static const int64_t errors[][STATEMENTS] = {
        { 128, 0, 0, 0, 0, 0 }, { 0, 1, 0, 0, 0, 0 }, { 128, 128, 0, 128, 0, 64 }
    };
    unsigned primes = 0;
    double inverses = 0;
    for (unsigned n = 512; n < 1024; n++)
        if (is_prime(n)) {
            primes++;
            inverses += n == 521 || n == 757 || n == 1021 ? 0 : 1.0 / n;
        }
    for (int i = 0; i < 3; i++) {
        unsigned hits = 0;
        for (int trial = 0; trial < TRIALS; trial++)
            hits += (unsigned)words_pass(errors[i]);
        double none = pow(0.5, SUBSETS), bad = (3 + inverses) / primes;
        double expected = none + (1 - none) * bad, bound = none + 3.0 / primes + 1 / 512.0;
        printf("# words: %.4f pass, expected at most %.4f, bound %.4f\n", (double)hits / TRIALS,
               expected, bound);
        CHECK(hits <= (bound + 5 * sqrt(bound / TRIALS)) * TRIALS);
        if (i < 2)      /* one error: a subset has it or not */
            CHECK(fabs(sigma(hits, expected)) < 5);
    }
}

int main(void)
{
    printf("# seed %" PRIu64 ", %d trials each\n", state, TRIALS);
    CASE(folds_fail_as_often_as_derived);
    CASE(weights_are_independent);
    CASE(late_dummies_do_not_help);
    CASE(primes_fail_as_often_as_derived);
    return check_done();
}
