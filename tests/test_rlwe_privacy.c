/*
 * test_rlwe_privacy.c: what messages of the scheme tell. Each claim comes with a control: the same
 * judge looks at an answer that lacks the mask, the encryption of zero or the flood, made of the
 * steps of rlwe_answer (rlwe_impl.h), and sees it.
 */
#include "tests/rlwe_world.h"

static uint64_t seed = 20261126;
static uint64_t inverse[K][K];      /* of prime j modulo prime i */

static void inverses_make(void)
{
    for (unsigned i = 0; i < K; i++)
        for (unsigned j = 0; j < i; j++)
            inverse[i][j] = ntt_invert(rlwe_prime[j].p % rlwe_prime[i].p, rlwe_prime[i].p);
}

static uint64_t times(uint64_t a, uint64_t b, uint64_t p)
{
    return (uint64_t)((unsigned __int128)a * b % p);
}

static uint64_t residue(double x, uint64_t p)
{
    int64_t r = (int64_t)fmod(x, (double)p);
    return (uint64_t)(r < 0 ? r + (int64_t)p : r);
}

/* 16 equal parts of [from, from + size): with enough values, a uniform draw exceeds 60 with
 * probability 2^-20. */
enum { PARTS = 16, UNIFORM = 60 };

static void histogram(double count[PARTS], const double *x, size_t n, double from, double size)
{
    memset(count, 0, PARTS * sizeof *count);
    for (size_t i = 0; i < n; i++) {
        double part = (x[i] - from) / size * PARTS;
        count[part < 0 ? 0 : part >= PARTS ? PARTS - 1 : (int)part] += 1;
    }
}

static double chi_square(const double *x, size_t n, double from, double size)
{
    double count[PARTS], chi = 0, mean = (double)n / PARTS;
    histogram(count, x, n, from, size);
    for (int i = 0; i < PARTS; i++)
        chi += (count[i] - mean) * (count[i] - mean) / mean;
    return chi;
}

/* That x and y, n values each, have one distribution. */
static double chi_square_two(const double *x, const double *y, size_t n, double from, double size)
{
    double a[PARTS], b[PARTS], chi = 0;
    histogram(a, x, n, from, size);
    histogram(b, y, n, from, size);
    for (int i = 0; i < PARTS; i++)
        if (a[i] + b[i] > 0)
            chi += (a[i] - b[i]) * (a[i] - b[i]) / (a[i] + b[i]);
    return chi;
}

/* Of numbers about zero. */
static double correlation(const double *x, const double *y, size_t n)
{
    double xy = 0, xx = 0, yy = 0;
    for (size_t i = 0; i < n; i++) {
        xy += x[i] * y[i];
        xx += x[i] * x[i];
        yy += y[i] * y[i];
    }
    return xy / sqrt(xx * yy);
}

/* ---- what the key's owner computes, by school arithmetic ---- */

/* The key itself: coefficients, -1, 0, 1. */
static void key_coefficients(const struct rlwe_pair *p, int64_t *s)
{
    struct ntt t = rlwe_ntt(p->tables, 0);
    double *x = (double *)rlwe_words(N);
    memcpy(x, p->secret, N * sizeof *x);
    ntt_backward(&t, x);
    ntt_centre(&t, x, N);
    for (unsigned i = 0; i < N; i++)
        s[i] = -(int64_t)x[i];
    mem_free(x);
}

/* The number in [0, p_0 .. p_(primes-1)) with these residues, by digits of a mixed base: small ones
 * are exact. */
static double mixed_base(const uint64_t *y, unsigned primes)
{
    uint64_t digit[K];
    double v = 0;
    for (unsigned i = 0; i < primes; i++) {
        uint64_t p = rlwe_prime[i].p;
        digit[i] = y[i];
        for (unsigned j = 0; j < i; j++)
            digit[i] = times((digit[i] + p - digit[j] % p) % p, inverse[i][j], p);
    }
    for (unsigned i = primes; i-- > 0; )
        v = v * (double)rlwe_prime[i].p + (double)digit[i];
    return v;
}

/* The v of x = q m / 2^64 + v, modulo the product q of the first primes: 2^64 x is 2^64 v. */
static double noise_of(const uint64_t *x, unsigned primes)
{
    uint64_t y[2][K];
    for (unsigned k = 0; k < primes; k++) {
        uint64_t p = rlwe_prime[k].p;
        y[0][k] = times(x[k], rlwe_wide(p), p);
        y[1][k] = (p - y[0][k]) % p;
    }
    double plus = mixed_base(y[0], primes), minus = mixed_base(y[1], primes);
    return (plus < minus ? plus : -minus) / 0x1p64;
}

/* The noise in n results z[k][n] at coefficients `at`, with a part a[k][N]. */
static void noises(double *v, const double *a, const double *z, const uint32_t *at, size_t n,
                   const int64_t *s, unsigned primes)
{
    for (size_t i = 0; i < n; i++) {
        uint64_t x[K];
        for (unsigned k = 0; k < primes; k++) {
            uint64_t p = rlwe_prime[k].p;
            __int128 all = (__int128)residue(z[k * (size_t)N + i], p);
            for (unsigned j = 0; j < N; j++) {
                int64_t product = (int64_t)a[k * (size_t)N + j] * s[(at[i] + N - j) % N];
                all += j <= at[i] ? product : -product;
            }
            all %= (__int128)p;
            x[k] = (uint64_t)(all < 0 ? all + (__int128)p : all);
        }
        v[i] = noise_of(x, primes);
    }
}

/* The noise of the pair's cipher itself, rounding included. */
static void cipher_noise(double *e, const struct rlwe_pair *p)
{
    double *x = (double *)rlwe_words(RLWE_POLY), *s = (double *)rlwe_words(N);
    for (unsigned k = 0; k < K; k++) {
        struct ntt t = rlwe_ntt(p->tables, k);
        const double *b = (const double *)p->cipher + k * (size_t)N;
        for (unsigned i = 0; i < N; i++)        /* the key is kept as that of -s */
            s[i] = -((double *)p->secret)[k * (size_t)N + i];
        memcpy(x + k * (size_t)N, b, N * sizeof *x);
        ntt_multiply_add(&t, x + k * (size_t)N, b + RLWE_POLY, s, N);
        ntt_backward(&t, x + k * (size_t)N);
    }
    for (unsigned i = 0; i < N; i++) {
        uint64_t y[K];
        for (unsigned k = 0; k < K; k++)
            y[k] = residue(x[k * (size_t)N + i], rlwe_prime[k].p);
        e[i] = noise_of(y, K);
    }
    mem_free(x);
    mem_free(s);
}

/* The noise that a product with w has at n coefficients. */
static void expected_noise(double *v, const double *e, const uint64_t *w, const uint32_t *at,
                           size_t n)
{
    for (size_t i = 0; i < n; i++) {
        v[i] = 0;
        for (unsigned j = 0; j < N; j++) {
            double product = e[j] * (double)(int64_t)w[(at[i] + N - j) % N];
            v[i] += j <= at[i] ? product : -product;
        }
    }
}

/* ---- keys and ciphertexts ---- */

/* Keys are ternary and balanced; the noise of a ciphertext is binomial. */
static void small_numbers(void)
{
    struct rlwe_pair p;
    rlwe_pair_make(&p);
    static int64_t s[N];
    static double e[N];
    unsigned count[3] = { 0 };
    key_coefficients(&p, s);
    for (unsigned i = 0; i < N; i++) {
        CHECK(s[i] >= -1 && s[i] <= 1);
        count[s[i] + 1]++;
    }
    for (int i = 0; i < 3; i++)     /* five deviations of sqrt(8192 2/9) = 42.7 */
        CHECK(abs((int)count[i] - N / 3) < 214);

    uint64_t *m = rlwe_words(N);
    double sum = 0, squares = 0;
    rlwe_take(&p, m);
    cipher_noise(e, &p);
    for (unsigned i = 0; i < N; i++) {
        CHECK(fabs(e[i]) <= 21 && e[i] == rint(e[i]));
        sum += e[i];
        squares += e[i] * e[i];
    }
    CHECK(fabs(sum / N) < 0.18);            /* five deviations */
    CHECK(fabs(squares / N - 10.5) < 0.82);
    mem_free(m);
    rlwe_pair_free(&p);
}

/* ---- the a part ---- */

/* The a part of a message modulo prime k. */
static void a_part(double *x, const uint8_t *message, unsigned k)
{
    bits_get(x, message + k * bits_bytes(N, 42), N, 42);
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

/* An answer without results. */
static uint8_t *a_part_of(struct rlwe_pair *p, const uint64_t *sum, const uint64_t *public)
{
    uint64_t *copy = rlwe_words(RLWE_SUM);
    uint8_t *message = rlwe_bytes(rlwe_answer_bytes(0));
    struct rlwe_source s = rlwe_fresh(p, &p->other);
    memcpy(copy, sum, RLWE_SUM * sizeof *copy);
    rlwe_answer(message, copy, public, NULL, NULL, 0, p->tables, &s, p->scratch);
    mem_free(copy);
    return message;
}

/* The same ciphertext by the same weight, answered twice: the a parts have nothing in common, and
 * each is uniform. Without the fresh encryption of zero, they are the same but for a bit, and tell
 * the weight. */
static void fresh_a_part(void)
{
    static double x[N], y[N];
    struct rlwe_pair p;
    rlwe_pair_make(&p);
    uint64_t *m = rlwe_words(N), *w = rlwe_words(N), *sum = rlwe_words(RLWE_SUM);
    uint64_t *none = rlwe_words(RLWE_CIPHER);
    m[0] = w[0] = 1;
    rlwe_product(&p, sum, m, w);
    for (int control = 0; control < 2; control++) {
        uint8_t *one = a_part_of(&p, sum, control ? none : p.public);
        uint8_t *two = a_part_of(&p, sum, control ? none : p.public);
        for (unsigned k = 0; k < RLWE_KEPT && !control; k++) {
            a_part(x, one, k);
            CHECK(chi_square(x, N, 0, (double)rlwe_prime[k].p) < UNIFORM);
        }
        a_part(x, one, 0);
        a_part(y, two, 0);
        CHECK(control ? far_apart(x, y) == 0 : far_apart(x, y) > N - 4);
        mem_free(one);
        mem_free(two);
    }
    memset(sum, 0, RLWE_SUM * sizeof *sum);         /* nothing to hide behind: not uniform */
    uint8_t *bare = a_part_of(&p, sum, none);
    a_part(x, bare, 0);
    CHECK(chi_square(x, N, 0, (double)rlwe_prime[0].p) > 1000);
    mem_free(bare);
    mem_free(m);
    mem_free(w);
    mem_free(sum);
    mem_free(none);
    rlwe_pair_free(&p);
}

/* ---- the noise of results ---- */

enum { USEFUL = 512, SETS = 2 };
enum flood { FULL, NARROW, NONE };      /* NARROW: of 64 bits */

/* One ciphertext of random words, and what two extreme sets of weights, of 1 and -1 and of 2^63 - 1
 * and -2^63, make of it. */
struct trial {
    struct rlwe_pair pair;
    int64_t key[N];
    uint64_t w[SETS][N], r[USEFUL];
    uint32_t at[USEFUL];
    uint64_t *sum[SETS];
    double expected[SETS][USEFUL];      /* noise */
};

static void trial_make(struct trial *t)
{
    static double e[N];
    static uint64_t m[N];
    uint64_t random = seed + 4;
    rlwe_pair_make(&t->pair);
    key_coefficients(&t->pair, t->key);
    for (unsigned i = 0; i < N; i++) {
        m[i] = check_random(&random);
        uint64_t signs = check_random(&random);
        t->w[0][i] = signs & 1 ? UINT64_MAX : 1;
        t->w[1][i] = rlwe_operand(signs & 2 ? TOP : MOST, i, &random);
    }
    for (unsigned i = 0; i < USEFUL; i++) {
        t->at[i] = N - 1 - i * 16;
        t->r[i] = check_random(&random);
    }
    rlwe_take(&t->pair, m);
    cipher_noise(e, &t->pair);
    for (unsigned k = 0; k < SETS; k++) {
        t->sum[k] = rlwe_words(RLWE_SUM);
        rlwe_weigh(&t->pair, t->sum[k], t->w[k]);
        expected_noise(t->expected[k], e, t->w[k], t->at, USEFUL);
    }
}

static void trial_free(struct trial *t)
{
    for (unsigned k = 0; k < SETS; k++)
        mem_free(t->sum[k]);
    rlwe_pair_free(&t->pair);
}

/* The steps of rlwe_answer for set k under the flood; sum has room for a copy, z for the results
 * before the switch. */
static void flooded(struct trial *t, unsigned k, enum flood flood, double *sum, double *z,
                    const struct rlwe_source *s)
{
    double *work = (double *)t->pair.scratch + RLWE_POLY;
    uint64_t *words = (uint64_t *)work;
    memcpy(sum, t->sum[k], RLWE_SUM * sizeof *sum);
    rlwe_add_zero(sum, (double *)t->pair.public, t->pair.tables, s, work);
    memset(words, 0, 3 * USEFUL * sizeof *words);
    if (flood != NONE)
        rlwe_flood(words, USEFUL, s, N);
    if (flood == NARROW)
        memset(words + USEFUL, 0, 2 * USEFUL * sizeof *words);
    rlwe_add_flood(z, sum, t->at, t->r, USEFUL, t->pair.tables, words);
}

/* The noise before the switch to q'. */
static void noise_whole(double *v, struct trial *t, unsigned k, enum flood flood)
{
    double *sum = (double *)rlwe_words(RLWE_SUM), *z = (double *)rlwe_words(RLWE_POLY);
    struct rlwe_source s = rlwe_fresh(&t->pair, &t->pair.other);
    flooded(t, k, flood, sum, z, &s);
    noises(v, sum + RLWE_POLY, z, t->at, USEFUL, t->key, K);
    mem_free(sum);
    mem_free(z);
}

/* The noise of an answer on the wire; FULL: what rlwe_answer made. */
static void noise_sent(double *v, struct trial *t, unsigned k, enum flood flood)
{
    double *sum = (double *)rlwe_words(RLWE_SUM), *z = (double *)rlwe_words(RLWE_POLY);
    uint8_t *message = rlwe_bytes(rlwe_answer_bytes(USEFUL));
    struct rlwe_source s = rlwe_fresh(&t->pair, &t->pair.other);
    if (flood == FULL) {
        memcpy(sum, t->sum[k], RLWE_SUM * sizeof *sum);
        rlwe_answer(message, sum, t->pair.public, t->at, t->r, USEFUL, t->pair.tables, &s,
                    t->pair.scratch);
    } else {
        flooded(t, k, flood, sum, z, &s);
        rlwe_switch(message, sum + RLWE_POLY, z, USEFUL, t->pair.tables, t->pair.scratch);
    }
    for (unsigned i = 0; i < RLWE_KEPT; i++) {
        a_part(sum + i * (size_t)N, message, i);
        bits_get(z + i * (size_t)N, message + rlwe_answer_bytes(0) + i * bits_bytes(USEFUL, 42),
                 USEFUL, 42);
    }
    noises(v, sum, z, t->at, USEFUL, t->key, RLWE_KEPT);
    mem_free(sum);
    mem_free(z);
    mem_free(message);
}

/* The owner knows his errors, so that he can compute for every guess of weights which noise they
 * would leave, and compare. Before the switch, whose rounding is on top, the noise of an answer has
 * nothing of what either set would leave; it is uniform over 2^135. Without the flood, and under
 * one of 64 bits where the product's noise has more, the set is plain to see. Five deviations. */
static void noise_says_nothing_of_weights(void)
{
    static struct trial t;
    static double v[USEFUL];
    const double chance = 5 / sqrt(USEFUL);
    trial_make(&t);
    for (unsigned k = 0; k < SETS; k++)
        for (enum flood flood = FULL; flood <= NONE; flood++) {
            noise_whole(v, &t, k, flood);
            double own = correlation(v, t.expected[k], USEFUL);
            double other = correlation(v, t.expected[1 - k], USEFUL);
            printf("# weights %u, flood %d: correlation %.4f with their noise, %.4f with the "
                   "other's\n", k, flood, own, other);
            CHECK(fabs(other) < chance);
            if (flood == FULL) {
                CHECK(fabs(own) < chance);
                CHECK(chi_square(v, USEFUL, -0x1p134, 0x1p135) < UNIFORM);
            } else if (flood == NONE) {
                CHECK(own > 0.5);
            } else {
                CHECK(k == 0 ? fabs(own) < chance : own > 0.999);
            }
        }
    trial_free(&t);
}

/* On the wire: the flood divided by q / q' is uniform over [-2^14, 2^14), but for some 2^7 of
 * rounding; answers of both sets look alike. A flood of one bit less is told apart, and an answer
 * without any is at first sight. */
static void answers_look_alike(void)
{
    static struct trial t;
    static double v[SETS][USEFUL], bare[USEFUL];
    trial_make(&t);
    for (unsigned k = 0; k < SETS; k++) {
        noise_sent(v[k], &t, k, FULL);
        noise_sent(bare, &t, k, NONE);
        for (unsigned i = 0; i < USEFUL; i++) {
            CHECK(fabs(v[k][i]) < 0x1p14 + 1024);
            CHECK(fabs(bare[i]) < 1024);
        }
        CHECK(chi_square(v[k], USEFUL, -0x1p14, 0x1p15) < UNIFORM);
        CHECK(chi_square_two(v[k], bare, USEFUL, -0x1p14, 0x1p15) > 200);
    }
    CHECK(chi_square_two(v[0], v[1], USEFUL, -0x1p14, 0x1p15) < UNIFORM);
    for (unsigned i = 0; i < USEFUL; i++)
        v[0][i] /= 2;
    CHECK(chi_square(v[0], USEFUL, -0x1p14, 0x1p15) > 200);
    CHECK(chi_square_two(v[0], v[1], USEFUL, -0x1p14, 0x1p15) > 100);
    trial_free(&t);
}

/* ---- masks, and what is not sent ---- */

/* Results that the owner decrypts are uniform, whatever the weights, and so is the b part on the
 * wire; without masks they are small numbers here. */
static void masks_hide_results(void)
{
    static double x[N];
    static uint64_t r[N], got[N];
    static uint32_t at[N];
    struct rlwe_pair p;
    rlwe_pair_make(&p);
    uint64_t random = seed + 5, *m = rlwe_words(N), *w = rlwe_words(N), *sum = rlwe_words(RLWE_SUM);
    uint8_t *message = rlwe_bytes(rlwe_answer_bytes(N));
    m[0] = w[0] = 1;
    for (unsigned masked = 0; masked < 2; masked++) {
        for (unsigned i = 0; i < N; i++) {
            at[i] = i;
            r[i] = masked ? check_random(&random) : 0;
        }
        memset(sum, 0, RLWE_SUM * sizeof *sum);
        rlwe_product(&p, sum, m, w);
        struct rlwe_source s = rlwe_fresh(&p, &p.other);
        rlwe_answer(message, sum, p.public, at, r, N, p.tables, &s, p.scratch);
        rlwe_decrypt(got, message, at, N, p.secret, p.tables, p.scratch);
        for (unsigned i = 0; i < N; i++)
            x[i] = (double)got[i];
        double chi = chi_square(x, N, 0, 0x1p64);
        CHECK(masked ? chi < UNIFORM : chi > 1000);
        for (unsigned k = 0; k < RLWE_KEPT; k++) {
            bits_get(x, message + rlwe_answer_bytes(0) + k * bits_bytes(N, 42), N, 42);
            CHECK(chi_square(x, N, 0, (double)rlwe_prime[k].p) < UNIFORM);
        }
    }
    mem_free(m);
    mem_free(w);
    mem_free(sum);
    mem_free(message);
    rlwe_pair_free(&p);
}

/* The message of the trial's first set from a sum whose b part has other coefficients, the used
 * ones or the others. */
static uint8_t *message_of(struct trial *t, int change_used, int change_others,
                           const struct prf *prf)
{
    double *sum = (double *)rlwe_words(RLWE_SUM), *z = (double *)rlwe_words(RLWE_POLY);
    uint8_t *message = rlwe_bytes(rlwe_answer_bytes(USEFUL) + 1);
    struct rlwe_source s = { prf, 1, 1, 0 };
    double *work = (double *)t->pair.scratch + RLWE_POLY;
    uint64_t *words = (uint64_t *)work;
    memcpy(sum, t->sum[0], RLWE_SUM * sizeof *sum);
    rlwe_add_zero(sum, (double *)t->pair.public, t->pair.tables, &s, work);
    for (size_t k = 0; k < K; k++)
        for (unsigned i = 0; i < N; i++)
            if ((N - 1 - i) % 16 == 0 ? change_used : change_others)
                sum[k * N + i] = (double)(i * (k + 1));
    rlwe_flood(words, USEFUL, &s, N);
    rlwe_add_flood(z, sum, t->at, t->r, USEFUL, t->pair.tables, words);
    message[rlwe_answer_bytes(USEFUL)] = 0xa5;
    rlwe_switch(message, sum + RLWE_POLY, z, USEFUL, t->pair.tables, t->pair.scratch);
    CHECK(message[rlwe_answer_bytes(USEFUL)] == 0xa5);
    mem_free(sum);
    mem_free(z);
    return message;
}

/* Bytes: the a part of N and the results alone, 42 bits each modulo two primes. No byte of the
 * message depends on a coefficient of the b part that is no result; the same change of those that
 * are is seen. And these steps are what rlwe_answer does. */
static void only_results_are_sent(void)
{
    static struct trial t;
    static const uint8_t key[PRF_KEY] = { 9 };
    struct prf same[4];
    uint8_t *m[3];
    const size_t n = 2 * (N * 42 / 8) + 2 * (USEFUL * 42 / 8);
    trial_make(&t);
    CHECK_EQ(rlwe_answer_bytes(USEFUL), n);
    for (unsigned i = 0; i < 4; i++)
        prf_init(&same[i], key);
    for (int i = 0; i < 3; i++)
        m[i] = message_of(&t, i == 2, i == 1, &same[i]);
    CHECK(memcmp(m[0], m[1], n) == 0);
    CHECK(memcmp(m[0], m[2], rlwe_answer_bytes(0)) == 0);
    CHECK(memcmp(m[0] + rlwe_answer_bytes(0), m[2] + rlwe_answer_bytes(0), 64) != 0);
    struct rlwe_source s = { &same[3], 1, 1, 0 };
    rlwe_answer(m[1], t.sum[0], t.pair.public, t.at, t.r, USEFUL, t.pair.tables, &s,
                t.pair.scratch);
    CHECK(memcmp(m[0], m[1], n) == 0);
    for (unsigned i = 0; i < 4; i++)
        prf_fini(&same[i]);
    for (unsigned i = 0; i < 3; i++)
        mem_free(m[i]);
    trial_free(&t);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        seed = strtoull(argv[1], NULL, 0);
    printf("# seed %llu\n", (unsigned long long)seed);
    inverses_make();
    CASE(small_numbers);
    CASE(fresh_a_part);
    CASE(noise_says_nothing_of_weights);
    CASE(answers_look_alike);
    CASE(masks_hide_results);
    CASE(only_results_are_sent);
    return check_done();
}
