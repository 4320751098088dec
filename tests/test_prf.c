/*
 * test_prf.c: the generator against published AES vectors and OpenSSL, under every implementation
 * that this processor has, and the ledger of debug builds. `test_prf SEED` repeats a run.
 */
#include "config.h"

#include "proto/prf.h"

#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "net/base_bytes.h"
#include "proto/prf_impl.h"
#include "tests/check.h"

static uint64_t seed;

static void bytes_from_hex(uint8_t *out, const char *hex)
{
    for (; *hex != '\0'; hex += 2) {
        unsigned byte;
        if (sscanf(hex, "%2x", &byte) != 1)
            abort();
        *out++ = (uint8_t)byte;
    }
}

static void key_random(uint8_t key[PRF_KEY], uint64_t *state)
{
    put_u64(key, check_random(state));
    put_u64(key + 8, check_random(state));
}

/* ---- known answers ---- */

/* The block that the generator encrypts at (gate, use, block) is `plain`. */
static void known_answer(const char *key_hex, const char *plain_hex, const char *cipher_hex)
{
    uint8_t key[16], plain[16], cipher[16], out[16];
    bytes_from_hex(key, key_hex);
    bytes_from_hex(plain, plain_hex);
    bytes_from_hex(cipher, cipher_hex);
    struct prf k;
    prf_init(&k, key);
    prf_fill(&k, get_u32(plain + 8), get_u32(plain + 12), get_u64(plain), out, sizeof out);
    prf_fini(&k);
    CHECK(memcmp(out, cipher, sizeof out) == 0);
}

static void answers_of_fips_197(void)
{
    known_answer("000102030405060708090a0b0c0d0e0f", "00112233445566778899aabbccddeeff",
                 "69c4e0d86a7b0430d8cdb78070b4c55a");
    known_answer("2b7e151628aed2a6abf7158809cf4f3c", "3243f6a8885a308d313198a2e0370734",
                 "3925841d02dc09fbdc118597196a0b32");
}

static void answers_of_sp_800_38a(void)
{
    const char *key = "2b7e151628aed2a6abf7158809cf4f3c";
    known_answer(key, "6bc1bee22e409f96e93d7e117393172a", "3ad77bb40d7a3660a89ecaf32466ef97");
    known_answer(key, "ae2d8a571e03ac9c9eb76fac45af8e51", "f5d3d58503b9699de785895a96fdbaaf");
    known_answer(key, "30c81c46a35ce411e5fbc1191a0a52ef", "43b1cd7f598ece23881b00e3ed030688");
    known_answer(key, "f69f2445df4f9b17ad2b417be66c3710", "7b0c785e27e8ad3f8223207104725dd4");
}

/* The last round key of FIPS-197, A.1, and that the wiped structure is empty. */
static void schedule_of_fips_197(void)
{
    uint8_t key[16], last[16], zero[11][16] = { { 0 } };
    bytes_from_hex(key, "2b7e151628aed2a6abf7158809cf4f3c");
    bytes_from_hex(last, "d014f9a8c9ee2589e13f0cc8b6630ca6");
    struct prf k;
    prf_init(&k, key);
    CHECK(memcmp(k.schedule[0], key, 16) == 0);
    CHECK(memcmp(k.schedule[10], last, 16) == 0);
    prf_fini(&k);
    CHECK(memcmp(k.schedule, zero, sizeof zero) == 0);
}

/* ---- against OpenSSL ---- */

/* The stream by the definition, block by block. */
static void stream_expected(uint8_t *out, const uint8_t key[PRF_KEY], uint32_t gate, uint32_t use,
                            uint64_t block, size_t blocks)
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    if (ctx == NULL || EVP_EncryptInit_ex(ctx, EVP_aes_128_ecb(), NULL, key, NULL) != 1)
        abort();
    EVP_CIPHER_CTX_set_padding(ctx, 0);
    for (size_t j = 0; j < blocks; j++) {
        uint8_t plain[16];
        int n;
        put_u64(plain, block + j);
        put_u32(plain + 8, gate);
        put_u32(plain + 12, use);
        if (EVP_EncryptUpdate(ctx, out + 16 * j, &n, plain, 16) != 1 || n != 16)
            abort();
    }
    EVP_CIPHER_CTX_free(ctx);
}

/* Every length, at odd addresses; what lies behind stays as it is. */
static void every_length(void)
{
    enum { MOST = 1100 };
    uint64_t state = seed;
    for (size_t n = 0; n < MOST; n++) {
        uint8_t key[PRF_KEY], expected[MOST + 16], out[MOST + 64];
        uint64_t r = check_random(&state), block = check_random(&state);
        uint32_t gate = (uint32_t)r, use = (uint32_t)(r >> 32);
        key_random(key, &state);
        stream_expected(expected, key, gate, use, block, n / 16 + 1);

        struct prf k;
        prf_init(&k, key);
        uint8_t *at = out + n % 33;
        memset(out, 0xa5, sizeof out);
        prf_fill(&k, gate, use, block, at, n);
        prf_fini(&k);
        CHECK(memcmp(at, expected, n) == 0);
        for (uint8_t *p = out; p < out + sizeof out; p++)
            if ((p < at || p >= at + n) && *p != 0xa5)
                CHECK(!"wrote outside the buffer");
    }
}

static void long_stream_and_seams(void)
{
    enum { BLOCKS = 5001 };
    static const uint64_t firsts[] = { 0, 0xffffff00, (uint64_t)1 << 32, ~(uint64_t)0 - BLOCKS };
    static uint8_t expected[16 * BLOCKS], out[16 * BLOCKS];
    uint64_t state = seed + 1;
    for (size_t f = 0; f < sizeof firsts / sizeof firsts[0]; f++) {
        uint8_t key[PRF_KEY];
        key_random(key, &state);
        stream_expected(expected, key, ~0u, 7, firsts[f], BLOCKS);
        struct prf k;
        prf_init(&k, key);
        prf_fill(&k, ~0u, 7, firsts[f], out, sizeof out);
        CHECK(memcmp(out, expected, sizeof out) == 0);
        prf_fini(&k);

        /* The same in pieces of any length, in any order. */
        prf_init(&k, key);
        memset(out, 0, sizeof out);
        size_t cut = 1 + check_random(&state) % (BLOCKS - 1);
        prf_fill(&k, ~0u, 7, firsts[f] + cut, out + 16 * cut, sizeof out - 16 * cut);
        prf_fill(&k, ~0u, 7, firsts[f], out, 16 * cut);
        CHECK(memcmp(out, expected, sizeof out) == 0);
        prf_fini(&k);
    }
}

/* Streams and blocks from round keys alone: the blocks that the stream encrypts give the stream, at
 * odd addresses. */
static void schedules_alone(void)
{
    enum { BLOCKS = 70 };
    uint64_t state = seed + 4;
    for (size_t n = 1; n <= BLOCKS; n++) {
        _Alignas(16) uint8_t key[PRF_KEY], schedule[11][16];
        uint8_t expected[16 * BLOCKS], out[16 * BLOCKS + 17];
        uint64_t first = check_random(&state);
        key_random(key, &state);
        stream_expected(expected, key, 5, 6, first, n);
        prf_schedule(schedule, key);
        memset(out, 0xa5, sizeof out);
        prf_stream(schedule, 5, 6, first, out + 1, 16 * n);
        CHECK(memcmp(out + 1, expected, 16 * n) == 0 && out[0] == 0xa5 && out[16 * n + 1] == 0xa5);
        for (size_t i = 0; i < n; i++) {
            put_u64(out + 1 + 16 * i, first + i);
            put_u64(out + 9 + 16 * i, 5 | (uint64_t)6 << 32);
        }
        prf_permute(schedule, out + 1, 16 * n);
        CHECK(memcmp(out + 1, expected, 16 * n) == 0 && out[0] == 0xa5 && out[16 * n + 1] == 0xa5);
    }
}

/* ---- threads ---- */

struct filler {
    const struct prf *k;
    uint32_t gate;
    uint8_t out[4096 + 5];
};

static void *filler_run(void *arg)
{
    struct filler *f = arg;
    for (uint32_t use = 0; use < 100; use++)
        prf_fill(f->k, f->gate, use, 3, f->out, sizeof f->out);
    return NULL;
}

static void one_key_from_many_threads(void)
{
    enum { THREADS = 4 };
    static struct filler fillers[THREADS];
    static uint8_t expected[4096 + 16];
    pthread_t threads[THREADS];
    uint64_t state = seed + 2;
    uint8_t key[PRF_KEY];
    key_random(key, &state);
    struct prf k;
    prf_init(&k, key);
    for (uint32_t i = 0; i < THREADS; i++) {
        fillers[i].k = &k;
        fillers[i].gate = i;
        if (pthread_create(&threads[i], NULL, filler_run, &fillers[i]) != 0)
            abort();
    }
    for (uint32_t i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        stream_expected(expected, key, i, 99, 3, sizeof expected / 16);
        CHECK(memcmp(fillers[i].out, expected, sizeof fillers[i].out) == 0);
    }
    prf_fini(&k);
}

/* ---- the ledger ---- */

/* Runs fn in a child; returns the signal that ended it, 0 when it came through. */
static int ends_by(void (*fn)(void))
{
    fflush(stdout);
    pid_t child = fork();
    if (child < 0)
        return -1;
    if (child == 0) {
        if (freopen("/dev/null", "w", stderr) == NULL)
            _exit(2);
        fn();
        _exit(0);
    }
    int status;
    if (waitpid(child, &status, 0) != child)
        return -1;
    return WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status) == 0 ? 0 : -1;
}

static void ledger_meet_at_end(void)
{
    struct prf_ledger *l = ledger_new();
    ledger_draw(l, 1, 2, 10, 5);
    ledger_draw(l, 1, 2, 14, 1);
}

static void ledger_swallow(void)
{
    struct prf_ledger *l = ledger_new();
    ledger_draw(l, 1, 2, 10, 5);
    ledger_draw(l, 1, 2, 0, 100);
}

static void ledger_same_inside(void)
{
    struct prf_ledger *l = ledger_new();
    for (uint64_t i = 0; i < 1000; i++)
        ledger_draw(l, 1, 2, 7 * i, 7);
    ledger_draw(l, 1, 2, 3333, 1);
}

static void ledger_runs_over(void)
{
    ledger_draw(ledger_new(), 1, 2, ~(uint64_t)0, 2);
}

static void ledger_disjoint(void)
{
    struct prf_ledger *l = ledger_new();
    ledger_draw(l, 1, 2, 10, 5);
    ledger_draw(l, 1, 2, 15, 1);
    ledger_draw(l, 1, 2, 9, 1);
    ledger_draw(l, 2, 2, 10, 5);
    ledger_draw(l, 1, 3, 10, 5);
    ledger_draw(l, 1, 2, 12, 0);
    ledger_draw(l, 1, 2, ~(uint64_t)0, 1);
    ledger_free(l);
}

static void ledger_finds_overlaps(void)
{
    CHECK_EQ(ends_by(ledger_meet_at_end), SIGABRT);
    CHECK_EQ(ends_by(ledger_swallow), SIGABRT);
    CHECK_EQ(ends_by(ledger_same_inside), SIGABRT);
    CHECK_EQ(ends_by(ledger_runs_over), SIGABRT);
    CHECK_EQ(ends_by(ledger_disjoint), 0);
}

/* 10^5 draws in a scattered order, none of which meet. */
static void ledger_holds_many(void)
{
    enum { DRAWS = 100000 };
    struct prf_ledger *l = ledger_new();
    CHECK(l != NULL);
    if (l == NULL)
        return;
    for (uint64_t i = 0; i < DRAWS; i++) {
        uint64_t at = i * 7919 % DRAWS;
        ledger_draw(l, (uint32_t)(at % 100), (uint32_t)(at / 100 % 4), at / 400 * 16, 16);
    }
    ledger_free(l);
}

#ifdef OB_DEBUG
static void draw_twice(void)
{
    const uint8_t key[PRF_KEY] = { 1 };
    uint8_t out[40];
    struct prf k;
    prf_init(&k, key);
    prf_fill(&k, 5, 6, 100, out, 40);           /* blocks 100 .. 102 */
    prf_fill(&k, 5, 6, 102, out, 1);
}

static void draw_once(void)
{
    const uint8_t key[PRF_KEY] = { 1 };
    uint8_t out[40];
    struct prf k, other;
    prf_init(&k, key);
    prf_init(&other, key);
    prf_fill(&k, 5, 6, 100, out, 40);
    prf_fill(&k, 5, 6, 103, out, 1);
    prf_fill(&k, 5, 6, 103, out, 0);
    prf_fill(&other, 5, 6, 100, out, 40);       /* another holder */
    prf_fini(&k);
    prf_fini(&other);
}

static void word_drawn_twice_ends_the_program(void)
{
    CHECK_EQ(ends_by(draw_twice), SIGABRT);
    CHECK_EQ(ends_by(draw_once), 0);
}
#endif

static void choice_by_name(void)
{
    CHECK_EQ(prf_force("no such cipher"), -1);
    CHECK_EQ(prf_force("openssl"), 0);
    CHECK(strcmp(prf_isa(), "openssl") == 0);
}

static void all_under(const char *isa)
{
    static const struct {
        const char *name;
        void (*fn)(void);
    } cases[] = {
        { "FIPS-197", answers_of_fips_197 },
        { "SP 800-38A", answers_of_sp_800_38a },
        { "every length", every_length },
        { "long streams and seams", long_stream_and_seams },
        { "schedules alone", schedules_alone },
        { "one key, many threads", one_key_from_many_threads },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char name[80];
        snprintf(name, sizeof name, "%s: %s", isa, cases[i].name);
        if (prf_force(isa) == 0)
            check_case(name, cases[i].fn);
        else
            check_skip(name, "this processor has not got it");
    }
}

int main(int argc, char **argv)
{
    seed = argc > 1 ? strtoull(argv[1], NULL, 0) : 20240612;
    printf("# seed %llu, this machine chooses %s\n", (unsigned long long)seed, prf_isa());
    CASE(schedule_of_fips_197);
    all_under("openssl");
    all_under("aesni");
    all_under("vaes");
    CASE(choice_by_name);
    CASE(ledger_finds_overlaps);
    CASE(ledger_holds_many);
#ifdef OB_DEBUG
    CASE(word_drawn_twice_ends_the_program);
#else
    check_skip("word_drawn_twice_ends_the_program", "needs --enable-debug");
#endif
    return check_done();
}
