/*
 * test_taint_rlwe.c: no branch and no index of the encryption depends on a key, a plaintext, a
 * weight, a mask or a noise. Under valgrind the parties' generators and inputs are marked
 * undefined, and what goes on the wire is marked defined (tests/test_taint.c). `test_taint_rlwe
 * leak` must be caught.
 */
#include "proto/ntt.h"
#include "proto/rlwe.h"
#include "tests/check.h"
#include "tests/taint.h"

enum { N = RLWE_N, RESULTS = 1234 };

static struct prf own;
static uint64_t block;

static void *memory(size_t n)
{
    void *p = aligned_alloc(64, (n + 63) / 64 * 64);
    if (p == NULL)
        exit(99);
    memset(p, 0, n);
    return p;
}

static struct rlwe_source source(void)
{
    block += RLWE_DRAW;
    return (struct rlwe_source){ &own, 1, 1, block };
}

static void *secret_words(void)
{
    uint64_t *p = memory(N * 8);
    VALGRIND_MAKE_MEM_UNDEFINED(p, N * 8);
    return p;
}

/* One product, from the keys to the result; both parties' randomness is `own`. */
static void one_product(int leaks)
{
    static const uint8_t key[PRF_KEY] = { 1 }, seed[RLWE_SEED] = { 2 };
    void *tables = memory(RLWE_TABLES * 8), *scratch = memory(RLWE_SCRATCH * 8);
    void *secret = memory(RLWE_POLY * 8), *public = memory(RLWE_CIPHER * 8);
    void *cipher = memory(RLWE_CIPHER * 8), *weight = memory(RLWE_POLY * 8);
    void *sum = memory(RLWE_SUM * 8);
    uint64_t *m = secret_words(), *w = secret_words(), *r = secret_words();
    uint8_t *message = memory(RLWE_CIPHER_BYTES), *answer = memory(rlwe_answer_bytes(RESULTS));
    uint32_t at[RESULTS];
    for (uint32_t i = 0; i < RESULTS; i++)
        at[i] = N - 1 - 5 * i;
    prf_init(&own, key);
    VALGRIND_MAKE_MEM_UNDEFINED(own.schedule, sizeof own.schedule);
    rlwe_tables(tables);
    struct rlwe_source s = source();
    rlwe_keygen(secret, message, tables, seed, &s, scratch);
    VALGRIND_MAKE_MEM_DEFINED(message, RLWE_CIPHER_BYTES);
    rlwe_load(public, message, seed, tables);
    s = source();
    rlwe_encrypt(message, m, secret, tables, &s, scratch);
    VALGRIND_MAKE_MEM_DEFINED(message, RLWE_CIPHER_BYTES);
    rlwe_load(cipher, message, NULL, tables);
    rlwe_plain(weight, w, tables);
    rlwe_multiply(sum, cipher, weight);
    s = source();
    rlwe_answer(answer, sum, public, at, r, RESULTS, tables, &s, scratch);
    if (!leaks)
        VALGRIND_MAKE_MEM_DEFINED(answer, rlwe_answer_bytes(RESULTS));
    rlwe_decrypt(r, answer, at, RESULTS, secret, tables, scratch);
    if (leaks && r[7] & 1)
        printf("# odd\n");
    prf_fini(&own);
    free(tables), free(scratch), free(secret), free(public), free(cipher), free(weight);
    free(sum), free(m), free(w), free(r), free(message), free(answer);
}

static void encryption(void)
{
    static const char *const isas[] = { "portable", "avx2" };
    for (int k = 0; k < 2; k++)
        if (ntt_force(isas[k]) == 0)
            one_product(0);
    ntt_force(NULL);
}

static void leak(void)
{
    one_product(1);
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "leak") == 0)
        CASE(leak);
    else
        CASE(encryption);
    return check_done();
}
