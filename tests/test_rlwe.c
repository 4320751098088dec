/*
 * test_rlwe.c: products of encrypted polynomials against plain arithmetic modulo 2^64.
 * `test_rlwe SEED ROUNDS` repeats a run, with more rounds for the least margin: 10,000 take half a
 * minute.
 */
#include "tests/check.h"

#include <math.h>

#include "net/base_mem.h"
#include "proto/rlwe_impl.h"

static uint64_t seed = 20261126;
static unsigned rounds = 40;

static uint64_t *words(size_t n)
{
    uint64_t *p = mem_new(n, sizeof *p);
    if (p == NULL)
        exit(99);
    return p;
}

static uint8_t *bytes(size_t n)
{
    uint8_t *p = mem_new(n + 1, 1);
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
        CHECK(is_prime(rlwe_prime[k].p) && rlwe_prime[k].p % (2 * N) == 1);
        bits += log2((double)rlwe_prime[k].p);
    }
    CHECK(bits < 204 && bits > 203.9);
}

/* One key owner and one who answers. */
struct pair {
    uint64_t *tables, *secret, *public, *scratch;
    struct prf own, other;
    uint64_t block;
};

static void pair_make(struct pair *p)
{
    static const uint8_t key[2][PRF_KEY] = { { 1 }, { 2 } }, agreed[RLWE_SEED] = { 3 };
    uint8_t *message = bytes(RLWE_CIPHER_BYTES);
    *p = (struct pair){ words(RLWE_TABLES), words(RLWE_POLY), words(RLWE_CIPHER),
                        words(RLWE_SCRATCH), .block = RLWE_DRAW };
    prf_init(&p->own, key[0]);
    prf_init(&p->other, key[1]);
    rlwe_tables(p->tables);
    struct rlwe_source s = { &p->own, 1, 1, 0 };
    rlwe_keygen(p->secret, message, p->tables, agreed, &s, p->scratch);
    rlwe_load(p->public, message, agreed, p->tables);
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

/* sum += Enc(m) w. */
static void add_product(struct pair *p, uint64_t *sum, const uint64_t *m, const uint64_t *w)
{
    uint64_t *cipher = words(RLWE_CIPHER), *weight = words(RLWE_POLY);
    uint8_t *message = bytes(RLWE_CIPHER_BYTES);
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

/* ---- results ---- */

/* Answers to `sum` for coefficients spread over the polynomial, with random masks. */
struct answer {
    uint64_t r[N], got[N];
    uint32_t at[N];
    uint8_t *message;
    double margin;          /* in bits */
};

static void answer_make(struct answer *a, struct pair *p, uint64_t *sum, const uint64_t *public,
                        size_t n, uint64_t *random)
{
    struct rlwe_source s = { &p->other, 3, 1, p->block };
    p->block += RLWE_DRAW;
    for (size_t i = 0; i < n; i++) {
        a->at[i] = (uint32_t)((n - 1 - i) * (N - 1) / (n > 1 ? n - 1 : 1));
        a->r[i] = check_random(random);
    }
    a->message = bytes(rlwe_answer_bytes(n));
    rlwe_answer(a->message, sum, public, a->at, a->r, n, p->tables, &s, p->scratch);
    uint64_t margin = rlwe_decrypt(a->got, a->message, a->at, n, p->secret, p->tables, p->scratch);
    a->margin = -log2(1 - (double)margin / (1 << 20));
}

enum operands { ANY, TOP, MOST, SIGNS, ONE, OPERANDS };

static uint64_t operand(enum operands kind, unsigned i, uint64_t *random)
{
    uint64_t top = (uint64_t)1 << 63, r = check_random(random);
    switch (kind) {
    case TOP: return top;
    case MOST: return top - 1;
    case SIGNS: return i & 1 ? top : top - 1;
    case ONE: return ~(uint64_t)0;
    default: return r;
    }
}

/* The largest operands of every kind by the largest of every other: exact. */
static void sums_of_products(void)
{
    enum { USEFUL = 97 };
    struct pair p;
    pair_make(&p);
    uint64_t random = seed, *m = words(N), *w = words(N), *sum = words(RLWE_SUM);
    uint64_t want[USEFUL] = { 0 };
    static struct answer a;
    for (int t = 0; t < OPERANDS * OPERANDS; t++) {
        for (unsigned i = 0; i < N; i++) {
            m[i] = operand((enum operands)(t / OPERANDS), i, &random);
            w[i] = operand((enum operands)(t % OPERANDS), i, &random);
        }
        add_product(&p, sum, m, w);
        for (unsigned i = 0; i < USEFUL; i++)
            want[i] += coefficient(m, w, (USEFUL - 1 - i) * (N - 1) / (USEFUL - 1));
    }
    answer_make(&a, &p, sum, p.public, USEFUL, &random);
    for (unsigned i = 0; i < USEFUL; i++)
        CHECK(a.got[i] == want[i] - a.r[i]);
    CHECK(a.margin >= 3);
    mem_free(a.message);
    mem_free(m);
    mem_free(w);
    mem_free(sum);
    pair_free(&p);
}

/* Random sums, each with all coefficients but for a few that are compared: the least margin. */
static void margins(void)
{
    struct pair p;
    pair_make(&p);
    uint64_t random = seed + 1, *m = words(N), *w = words(N), *sum = words(RLWE_SUM);
    static struct answer a;
    double least = 64;
    for (unsigned t = 0; t < rounds; t++) {
        uint64_t want = 0;
        unsigned terms = 1 + t % 4, at = (unsigned)(check_random(&random) % N);
        memset(sum, 0, RLWE_SUM * sizeof *sum);
        for (unsigned k = 0; k < terms; k++) {
            for (unsigned i = 0; i < N; i++) {
                m[i] = check_random(&random);
                w[i] = operand(check_random(&random) & 1 ? TOP : MOST, i, &random);
            }
            add_product(&p, sum, m, w);
            want += coefficient(m, w, N - 1 - at);
        }
        answer_make(&a, &p, sum, p.public, N, &random);
        CHECK(a.got[at] == want - a.r[at]);
        least = fmin(least, a.margin);
        mem_free(a.message);
    }
    printf("# least margin of %u answers: %.3f bits\n", rounds, least);
    CHECK(least >= 4.6 && least < 5.01);
    mem_free(m);
    mem_free(w);
    mem_free(sum);
    pair_free(&p);
}

/* Answers with few results, or none, have the size that is promised and keep to it. */
static void sizes(void)
{
    struct pair p;
    pair_make(&p);
    uint64_t random = seed + 2, *sum = words(RLWE_SUM);
    static struct answer a;
    for (size_t n = 0; n <= 9; n++) {
        CHECK_EQ(rlwe_answer_bytes(n), 2 * (43008 + (42 * n + 7) / 8));
        memset(sum, 0, RLWE_SUM * sizeof *sum);
        answer_make(&a, &p, sum, p.public, n, &random);     /* the address sanitizer looks */
        for (size_t i = 0; i < n; i++)
            CHECK(a.got[i] == 0 - a.r[i]);
        mem_free(a.message);
    }
    mem_free(sum);
    pair_free(&p);
}

/* ---- what is secret ---- */

/* The key itself: coefficients, -1, 0, 1. */
static void key_coefficients(const struct pair *p, int64_t *s)
{
    struct ntt t = rlwe_ntt(p->tables, 0);
    double *x = (double *)words(N);
    memcpy(x, p->secret, N * sizeof *x);
    ntt_backward(&t, x);
    ntt_centre(&t, x, N);
    for (unsigned i = 0; i < N; i++)
        s[i] = -(int64_t)x[i];
    mem_free(x);
}

/* Keys are ternary and balanced; the noise of a ciphertext is binomial, whatever the message. */
static void small_numbers(void)
{
    struct pair p;
    pair_make(&p);
    static int64_t s[N];
    unsigned count[3] = { 0 };
    key_coefficients(&p, s);
    for (unsigned i = 0; i < N; i++) {
        CHECK(s[i] >= -1 && s[i] <= 1);
        count[s[i] + 1]++;
    }
    for (int i = 0; i < 3; i++)     /* five deviations of sqrt(8192 2/9) = 42.7 */
        CHECK(abs((int)count[i] - N / 3) < 214);

    uint64_t *cipher = words(RLWE_CIPHER), *m = words(N);
    uint8_t *message = bytes(RLWE_CIPHER_BYTES);
    struct rlwe_source source = { &p.own, 2, 1, p.block };
    rlwe_encrypt(message, m, p.secret, p.tables, &source, p.scratch);
    rlwe_load(cipher, message, NULL, p.tables);
    struct ntt t = rlwe_ntt(p.tables, 0);
    double *e = (double *)words(N), sum = 0, squares = 0;
    memcpy(e, cipher, N * sizeof *e);       /* b + a s; the key is kept as that of -s */
    for (unsigned i = 0; i < N; i++)
        ((double *)p.scratch)[i] = -((double *)p.secret)[i];
    ntt_multiply_add(&t, e, (double *)cipher + RLWE_POLY, (double *)p.scratch, N);
    ntt_backward(&t, e);
    ntt_centre(&t, e, N);
    for (unsigned i = 0; i < N; i++) {
        CHECK(fabs(e[i]) <= 21);
        sum += e[i];
        squares += e[i] * e[i];
    }
    CHECK(fabs(sum / N) < 0.18);            /* five deviations */
    CHECK(fabs(squares / N - 10.5) < 0.82);
    mem_free(e);
    mem_free(cipher);
    mem_free(m);
    mem_free(message);
    pair_free(&p);
}

/* n values of an answer's a part (number 0) or results (1) for the first prime of q'. */
static void first_residues(double *x, const uint8_t *message, int part, size_t n)
{
    bits_get(x, message + (part == 0 ? 0 : rlwe_answer_bytes(0)), n, 42);
}

/* In how many of N places two a parts differ by more than rounding does. */
static unsigned far_apart(const double *x, const double *y)
{
    unsigned far = 0;
    for (unsigned i = 0; i < N; i++) {
        double d = fabs(x[i] - y[i]);
        far += d > 2 && d < (double)rlwe_prime[0].p - 2;
    }
    return far;
}

/* 16 equal parts of [0, end): with n values, a uniform draw exceeds 60 with probability 2^-20. */
static double chi_square(const double *x, size_t n, double end)
{
    double count[16] = { 0 }, chi = 0;
    for (size_t i = 0; i < n; i++) {
        int part = (int)(x[i] / end * 16);
        count[part < 0 ? 0 : part > 15 ? 15 : part] += 1;
    }
    for (int i = 0; i < 16; i++)
        chi += (count[i] - (double)n / 16) * (count[i] - (double)n / 16) / ((double)n / 16);
    return chi;
}

/* The same ciphertext by the same weight, answered twice: the a parts have nothing in common, and
 * each is uniform. Without the fresh encryption of zero, they are the same but for a bit, and tell
 * the weight. */
static void fresh_a_part(void)
{
    static struct answer a, b;
    static double x[N], y[N];
    struct pair p;
    pair_make(&p);
    uint64_t random = seed + 3, *m = words(N), *w = words(N), *sum = words(RLWE_SUM);
    uint64_t *again = words(RLWE_SUM), *none = words(RLWE_CIPHER);
    m[0] = w[0] = 1;
    add_product(&p, sum, m, w);
    for (int control = 0; control < 2; control++) {
        memcpy(again, sum, RLWE_SUM * sizeof *sum);
        answer_make(&a, &p, again, control ? none : p.public, N, &random);
        memcpy(again, sum, RLWE_SUM * sizeof *sum);
        answer_make(&b, &p, again, control ? none : p.public, N, &random);
        first_residues(x, a.message, 0, N);
        first_residues(y, b.message, 0, N);
        if (control) {
            CHECK_EQ(far_apart(x, y), 0);
        } else {
            CHECK(far_apart(x, y) > N - 4);
            CHECK(chi_square(x, N, (double)rlwe_prime[0].p) < 60);
            CHECK(chi_square(y, N, (double)rlwe_prime[0].p) < 60);
        }
        mem_free(a.message);
        mem_free(b.message);
    }
    memset(again, 0, RLWE_SUM * sizeof *sum);           /* nothing to hide behind: not uniform */
    answer_make(&a, &p, again, none, N, &random);
    first_residues(x, a.message, 0, N);
    CHECK(chi_square(x, N, (double)rlwe_prime[0].p) > 1000);
    mem_free(a.message);
    mem_free(m);
    mem_free(w);
    mem_free(sum);
    mem_free(again);
    mem_free(none);
    pair_free(&p);
}

/* The noise that the key's owner finds in a result: with x = b' + a' s modulo q' and x = q' m / t
 * + v, 2^64 x modulo q' is 2^64 v. By school arithmetic. */
static double noise_found(const uint64_t x[2])
{
    uint64_t p0 = rlwe_prime[0].p, p1 = rlwe_prime[1].p;
    unsigned __int128 q = (unsigned __int128)p0 * p1, v = x[0];
    uint64_t step = (uint64_t)((unsigned __int128)((x[1] + p1 - x[0] % p1) % p1) *
                               ntt_invert(p0 % p1, p1) % p1);
    v += (unsigned __int128)p0 * step;
    for (int i = 0; i < 64; i++)
        v = 2 * v % q;
    return 2 * v > q ? -(double)(q - v) / 0x1p64 : (double)v / 0x1p64;
}

/* It is uniform over [-2^14, 2^14), but for some 2^7 of rounding: the flood of 2^134 divided by
 * q / q'. A flood of one bit less is told apart. */
static void flood_is_uniform(void)
{
    enum { USEFUL = 512 };
    static struct answer a;
    static int64_t s[N];
    static double part[2][2][N], v[USEFUL];
    struct pair p;
    pair_make(&p);
    key_coefficients(&p, s);
    uint64_t random = seed + 4, *m = words(N), *w = words(N), *sum = words(RLWE_SUM);
    for (unsigned i = 0; i < N; i++) {
        m[i] = check_random(&random);
        w[i] = operand(SIGNS, i, &random);
    }
    add_product(&p, sum, m, w);
    answer_make(&a, &p, sum, p.public, USEFUL, &random);
    for (int k = 0; k < 2; k++) {
        bits_get(part[0][k], a.message + k * 43008, N, 42);
        bits_get(part[1][k], a.message + 2 * 43008 + k * bits_bytes(USEFUL, 42), USEFUL, 42);
    }
    for (unsigned i = 0; i < USEFUL; i++) {
        uint64_t x[2];
        for (int k = 0; k < 2; k++) {
            __int128 all = (__int128)part[1][k][i];
            for (unsigned j = 0; j < N; j++) {
                int64_t product = (int64_t)part[0][k][j] * s[(a.at[i] + N - j) % N];
                all += j <= a.at[i] ? product : -product;
            }
            all %= (__int128)rlwe_prime[k].p;
            x[k] = (uint64_t)(all < 0 ? all + (__int128)rlwe_prime[k].p : all);
        }
        v[i] = noise_found(x) + 0x1p14;
        CHECK(v[i] > -1024 && v[i] < 0x1p15 + 1024);
    }
    CHECK(chi_square(v, USEFUL, 0x1p15) < 60);
    for (unsigned i = 0; i < USEFUL; i++)
        v[i] = v[i] / 2 + 0x1p13;
    CHECK(chi_square(v, USEFUL, 0x1p15) > 200);
    mem_free(a.message);
    mem_free(m);
    mem_free(w);
    mem_free(sum);
    pair_free(&p);
}

/* ---- messages ---- */

static void bits_on_the_wire(void)
{
    uint64_t random = seed + 5, x[40];
    double back[41];
    for (unsigned bits = 1; bits <= 52; bits++)
        for (size_t n = 0; n <= 40; n++) {
            size_t all = bits_bytes(n, bits);
            uint8_t *out = bytes(all + 1);
            CHECK_EQ(all, (n * bits + 7) / 8);
            out[all] = 0xa5;
            for (size_t i = 0; i < n; i++)
                x[i] = check_random(&random) >> (64 - bits);
            bits_put(out, x, n, bits);
            back[n] = 0.5;
            bits_get(back, out, n, bits);
            CHECK(out[all] == 0xa5 && back[n] == 0.5);
            for (size_t i = 0; i < n; i++) {
                uint64_t v = 0;
                for (unsigned b = 0; b < bits; b++)
                    v |= (uint64_t)(out[(i * bits + b) / 8] >> (i * bits + b) % 8 & 1) << b;
                CHECK(v == x[i] && back[i] == (double)x[i]);
            }
            mem_free(out);
        }
}

/* Every implementation sends the same bytes, and those of a dishonest sender do no harm: residues
 * above the primes stand for what they are modulo them. */
static void messages_agree(void)
{
    static const char *const isas[] = { "portable", "avx2" };
    static struct answer a;
    uint8_t *message = bytes(RLWE_CIPHER_BYTES), *other = bytes(rlwe_answer_bytes(N));
    uint64_t *cipher = words(RLWE_CIPHER), *m = words(N), *weight = words(RLWE_POLY);
    uint64_t *sum = words(RLWE_SUM);
    memset(message, 0xff, RLWE_CIPHER_BYTES);
    for (int k = 0; k < 2; k++) {
        struct pair p;
        uint64_t random = seed + 6;
        if (ntt_force(isas[k]) != 0)
            continue;
        pair_make(&p);
        for (unsigned i = 0; i < N; i++)
            m[i] = check_random(&random);
        memset(sum, 0, RLWE_SUM * sizeof *sum);
        add_product(&p, sum, m, m);
        rlwe_load(cipher, message, NULL, p.tables);
        rlwe_plain(weight, m, p.tables);
        rlwe_multiply(sum, cipher, weight);
        answer_make(&a, &p, sum, p.public, N, &random);
        CHECK(k == 0 || memcmp(a.message, other, rlwe_answer_bytes(N)) == 0);
        memcpy(other, a.message, rlwe_answer_bytes(N));
        a.message[3] ^= 1;          /* the results hang on every coefficient of the a part */
        uint64_t margin = rlwe_decrypt(a.r, a.message, a.at, N, p.secret, p.tables, p.scratch);
        CHECK(margin < (uint64_t)1 << 12);
        mem_free(a.message);
        pair_free(&p);
    }
    ntt_force(NULL);
    mem_free(message);
    mem_free(other);
    mem_free(cipher);
    mem_free(m);
    mem_free(weight);
    mem_free(sum);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        seed = strtoull(argv[1], NULL, 0);
    if (argc > 2)
        rounds = (unsigned)strtoul(argv[2], NULL, 0);
    printf("seed %llu\n", (unsigned long long)seed);
    CASE(primes_are_primes);
    CASE(sums_of_products);
    CASE(margins);
    CASE(sizes);
    CASE(small_numbers);
    CASE(fresh_a_part);
    CASE(flood_is_uniform);
    CASE(bits_on_the_wire);
    CASE(messages_agree);
    return check_done();
}
