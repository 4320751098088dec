/*
 * test_rlwe.c: products of encrypted polynomials against plain arithmetic modulo 2^64, and the form
 * of messages. test_rlwe_privacy.c is about what they tell, test_rlwe_layers.c about margins.
 */
#include "tests/rlwe_world.h"

static uint64_t seed = 20261126;

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

static void answer_make(struct answer *a, struct rlwe_pair *p, uint64_t *sum,
                        size_t n, uint64_t *random)
{
    struct rlwe_source s = rlwe_fresh(p, &p->other);
    for (size_t i = 0; i < n; i++) {
        a->at[i] = (uint32_t)((n - 1 - i) * (N - 1) / (n > 1 ? n - 1 : 1));
        a->r[i] = check_random(random);
    }
    a->message = rlwe_bytes(rlwe_answer_bytes(n));
    rlwe_answer(a->message, sum, p->public, a->at, a->r, n, p->tables, &s, p->scratch);
    uint64_t margin = rlwe_decrypt(a->got, a->message, a->at, n, p->secret, p->tables, p->scratch);
    a->margin = rlwe_margin_bits(margin);
}

/* The largest operands of every kind by the largest of every other: exact. */
static void sums_of_products(void)
{
    enum { USEFUL = 97 };
    struct rlwe_pair p;
    rlwe_pair_make(&p);
    uint64_t random = seed, *m = rlwe_words(N), *w = rlwe_words(N), *sum = rlwe_words(RLWE_SUM);
    uint64_t want[USEFUL] = { 0 };
    static struct answer a;
    for (int t = 0; t < OPERANDS * OPERANDS; t++) {
        for (unsigned i = 0; i < N; i++) {
            m[i] = rlwe_operand((enum rlwe_operand)(t / OPERANDS), i, &random);
            w[i] = rlwe_operand((enum rlwe_operand)(t % OPERANDS), i, &random);
        }
        rlwe_product(&p, sum, m, w);
        for (unsigned i = 0; i < USEFUL; i++)
            want[i] += coefficient(m, w, (USEFUL - 1 - i) * (N - 1) / (USEFUL - 1));
    }
    answer_make(&a, &p, sum, USEFUL, &random);
    for (unsigned i = 0; i < USEFUL; i++)
        CHECK(a.got[i] == want[i] - a.r[i]);
    CHECK(a.margin >= 4.6);
    mem_free(a.message);
    mem_free(m);
    mem_free(w);
    mem_free(sum);
    rlwe_pair_free(&p);
}

/* Answers with few results, or none, have the size that is promised and keep to it. */
static void sizes(void)
{
    struct rlwe_pair p;
    rlwe_pair_make(&p);
    uint64_t random = seed + 2, *sum = rlwe_words(RLWE_SUM);
    static struct answer a;
    for (size_t n = 0; n <= 9; n++) {
        CHECK_EQ(rlwe_answer_bytes(n), 2 * (43008 + (42 * n + 7) / 8));
        memset(sum, 0, RLWE_SUM * sizeof *sum);
        answer_make(&a, &p, sum, n, &random);     /* the address sanitizer looks */
        for (size_t i = 0; i < n; i++)
            CHECK(a.got[i] == 0 - a.r[i]);
        mem_free(a.message);
    }
    mem_free(sum);
    rlwe_pair_free(&p);
}

/* ---- messages ---- */

static void bits_on_the_wire(void)
{
    uint64_t random = seed + 5, x[40];
    double back[41];
    for (unsigned bits = 1; bits <= 52; bits++)
        for (size_t n = 0; n <= 40; n++) {
            size_t all = bits_bytes(n, bits);
            uint8_t *out = rlwe_bytes(all + 1);
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
    uint8_t *message = rlwe_bytes(RLWE_CIPHER_BYTES), *other = rlwe_bytes(rlwe_answer_bytes(N));
    uint64_t *cipher = rlwe_words(RLWE_CIPHER), *m = rlwe_words(N), *weight = rlwe_words(RLWE_POLY);
    uint64_t *sum = rlwe_words(RLWE_SUM);
    memset(message, 0xff, RLWE_CIPHER_BYTES);
    for (int k = 0; k < 2; k++) {
        struct rlwe_pair p;
        uint64_t random = seed + 6;
        if (ntt_force(isas[k]) != 0)
            continue;
        rlwe_pair_make(&p);
        for (unsigned i = 0; i < N; i++)
            m[i] = check_random(&random);
        memset(sum, 0, RLWE_SUM * sizeof *sum);
        rlwe_product(&p, sum, m, m);
        rlwe_load(cipher, message, NULL, p.tables);
        rlwe_plain(weight, m, p.tables);
        rlwe_multiply(sum, cipher, weight);
        answer_make(&a, &p, sum, N, &random);
        CHECK(k == 0 || memcmp(a.message, other, rlwe_answer_bytes(N)) == 0);
        memcpy(other, a.message, rlwe_answer_bytes(N));
        a.message[3] ^= 1;          /* the results hang on every coefficient of the a part */
        uint64_t margin = rlwe_decrypt(a.r, a.message, a.at, N, p.secret, p.tables, p.scratch);
        CHECK(margin < (uint64_t)1 << 12);
        mem_free(a.message);
        rlwe_pair_free(&p);
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
    printf("seed %llu\n", (unsigned long long)seed);
    CASE(primes_are_primes);
    CASE(sums_of_products);
    CASE(sizes);
    CASE(bits_on_the_wire);
    CASE(messages_agree);
    return check_done();
}
