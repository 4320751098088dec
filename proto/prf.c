/*
 * prf.c: key expansion, the choice of the implementation, and the portable one, by OpenSSL.
 *
 * The expansion is plain C without tables (a look-up would be indexed by the key): the S-box is
 * computed, four bytes to a word. It takes some microseconds, once for each job and key.
 */
#include "config.h"

#include "proto/prf.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#ifdef HAVE_X86_KERNELS
#include <cpuid.h>
#endif

#include <openssl/evp.h>

#include "net/base_bytes.h"
#include "net/base_log.h"
#include "net/base_mem.h"
#include "proto/prf_impl.h"

/* ---- key expansion ---- */

/* Products in GF(2^8) mod x^8 + x^4 + x^3 + x + 1, byte by byte. */
static uint32_t gf_mul(uint32_t a, uint32_t b)
{
    uint32_t product = 0;
    for (unsigned i = 0; i < 8; i++) {
        product ^= a & (((b >> i) & 0x01010101u) * 0xff);
        a = ((a & 0x7f7f7f7fu) << 1) ^ (((a >> 7) & 0x01010101u) * 0x1b);
    }
    return product;
}

static uint32_t gf_square(uint32_t a, unsigned times)
{
    while (times-- > 0)
        a = gf_mul(a, a);
    return a;
}

/* Every byte rotated to the left. */
static uint32_t bytes_rotate(uint32_t a, unsigned by)
{
    uint32_t low = (0xffu >> by) * 0x01010101u;
    return ((a & low) << by) | ((a >> (8 - by)) & ((0xffu >> (8 - by)) * 0x01010101u));
}

/* The S-box of four bytes: the affine map of x^254, which is the inverse, or 0 for 0. */
static uint32_t sub_word(uint32_t x)
{
    uint32_t x2 = gf_square(x, 1);
    uint32_t x3 = gf_mul(x2, x);
    uint32_t x12 = gf_square(x3, 2);
    uint32_t x15 = gf_mul(x12, x3);
    uint32_t x252 = gf_mul(gf_square(x15, 4), x12);
    uint32_t y = gf_mul(x252, x2);
    return y ^ bytes_rotate(y, 1) ^ bytes_rotate(y, 2) ^ bytes_rotate(y, 3) ^
           bytes_rotate(y, 4) ^ 0x63636363u;
}

void prf_schedule(uint8_t schedule[static 11][16], const uint8_t key[static PRF_KEY])
{
    uint32_t w[4 * (PRF_ROUNDS + 1)], constant = 1;
    for (unsigned i = 0; i < 4; i++)
        w[i] = get_u32(key + 4 * i);
    for (unsigned i = 4; i < 4 * (PRF_ROUNDS + 1); i++) {
        uint32_t last = w[i - 1];
        if (i % 4 == 0) {
            last = sub_word(last >> 8 | last << 24) ^ constant;
            constant = gf_mul(constant, 2);
        }
        w[i] = w[i - 4] ^ last;
    }
    for (unsigned i = 0; i < 4 * (PRF_ROUNDS + 1); i++)
        put_u32(&schedule[i / 4][4 * (i % 4)], w[i]);
    wipe(w, sizeof w);
}

/* ---- the portable implementation ---- */

/* A context for each call: this may run on any thread. The first round key is the key. */
static EVP_CIPHER_CTX *openssl_begin(const uint8_t schedule[PRF_ROUNDS + 1][16])
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    if (ctx != NULL &&
        EVP_EncryptInit_ex(ctx, EVP_aes_128_ecb(), NULL, schedule[0], NULL) == 1 &&
        EVP_CIPHER_CTX_set_padding(ctx, 0) == 1)
        return ctx;
    EVP_CIPHER_CTX_free(ctx);
    return NULL;
}

/* Words that are not random must not leave here. */
static _Noreturn void openssl_failed(void)
{
    log_line(LOG_ERR, LOG_PROTO, "OpenSSL's AES-128 failed: out of memory, or its configuration "
             "forbids the cipher; the program ends");
    abort();
}

enum { CHUNK = 256 };   /* blocks at a time */

/* Encrypts n bytes, whole blocks and at most a chunk, in place. */
static int openssl_encrypt(EVP_CIPHER_CTX *ctx, uint8_t *p, size_t n)
{
    int size = (int)n, done;
    return EVP_EncryptUpdate(ctx, p, &done, p, size) == 1 && done == size ? 0 : -1;
}

/* Counter blocks are written where the output goes, and encrypted in place. */
static int openssl_blocks(EVP_CIPHER_CTX *ctx, uint64_t domain, uint64_t block, uint8_t *out,
                          size_t blocks)
{
    for (size_t i = 0; i < blocks; i += CHUNK) {
        size_t count = blocks - i < CHUNK ? blocks - i : CHUNK;
        uint8_t *p = out + i * PRF_BLOCK;
        for (size_t j = 0; j < count; j++) {
            put_u64(p + j * PRF_BLOCK, block + i + j);
            put_u64(p + j * PRF_BLOCK + 8, domain);
        }
        if (openssl_encrypt(ctx, p, count * PRF_BLOCK) != 0)
            return -1;
    }
    return 0;
}

static void openssl_fill(const uint8_t schedule[PRF_ROUNDS + 1][16], uint64_t domain,
                         uint64_t block, uint8_t *out, size_t n)
{
    size_t whole = n / PRF_BLOCK, rest = n % PRF_BLOCK;
    EVP_CIPHER_CTX *ctx = openssl_begin(schedule);
    if (ctx == NULL || openssl_blocks(ctx, domain, block, out, whole) != 0)
        openssl_failed();
    if (rest > 0) {
        uint8_t last[PRF_BLOCK];
        if (openssl_blocks(ctx, domain, block + whole, last, 1) != 0)
            openssl_failed();
        memcpy(out + whole * PRF_BLOCK, last, rest);
        wipe(last, sizeof last);
    }
    EVP_CIPHER_CTX_free(ctx);
}

static void openssl_permute(const uint8_t schedule[PRF_ROUNDS + 1][16], uint8_t *p, size_t n)
{
    EVP_CIPHER_CTX *ctx = openssl_begin(schedule);
    if (ctx == NULL)
        openssl_failed();
    for (size_t i = 0; i < n; i += CHUNK * PRF_BLOCK)
        if (openssl_encrypt(ctx, p + i,
                            n - i < CHUNK * PRF_BLOCK ? n - i : CHUNK * PRF_BLOCK) != 0)
            openssl_failed();
    EVP_CIPHER_CTX_free(ctx);
}

static const struct prf_impl prf_openssl = {
    .name = "openssl",
    .fill = openssl_fill,
    .permute = openssl_permute,
};

/* ---- the choice ---- */

#ifdef HAVE_X86_KERNELS
static int has_aesni(void)
{
    return __builtin_cpu_supports("aes") && __builtin_cpu_supports("avx2");
}

static int has_vaes(void)
{
    unsigned a, b, c = 0, d;    /* leaf 7, bit 9 of ecx; clang 14 has no name for it */
    return has_aesni() && __get_cpuid_count(7, 0, &a, &b, &c, &d) && (c >> 9 & 1) != 0;
}
#endif

static int has_openssl(void)
{
    return 1;
}

/* Best first. */
static const struct {
    const struct prf_impl *impl;
    int (*usable)(void);
} choices[] = {
#ifdef HAVE_X86_KERNELS
    { &prf_vaes, has_vaes },
    { &prf_aesni, has_aesni },
#endif
    { &prf_openssl, has_openssl },
};

/* The one mutable global: a pointer to a constant table, the same whoever sets it. */
static _Atomic(const struct prf_impl *) chosen;

/* The first usable implementation of that name (NULL: of any), or NULL. */
static const struct prf_impl *choice_find(const char *name)
{
    for (size_t i = 0; i < sizeof choices / sizeof choices[0]; i++)
        if ((name == NULL || strcmp(name, choices[i].impl->name) == 0) && choices[i].usable())
            return choices[i].impl;
    return NULL;
}

static const struct prf_impl *prf(void)
{
    const struct prf_impl *impl = atomic_load_explicit(&chosen, memory_order_relaxed);
    if (impl == NULL) {
        impl = choice_find(NULL);
        atomic_store_explicit(&chosen, impl, memory_order_relaxed);
    }
    return impl;
}

const char *prf_isa(void)
{
    return prf()->name;
}

int prf_force(const char *isa)
{
    const struct prf_impl *impl = choice_find(isa);
    if (impl == NULL)
        return -1;
    atomic_store_explicit(&chosen, impl, memory_order_relaxed);
    return 0;
}

/* ---- the generator ---- */

void prf_init(struct prf *k, const uint8_t key[static PRF_KEY])
{
    prf_schedule(k->schedule, key);
    k->ledger = NULL;
#ifdef OB_DEBUG
    k->ledger = ledger_new();
    if (k->ledger == NULL) {
        log_line(LOG_ERR, LOG_PROTO, "no memory for the ledger of the debug build");
        abort();
    }
#endif
}

void prf_fini(struct prf *k)
{
    wipe(k->schedule, sizeof k->schedule);
    ledger_free(k->ledger);
    k->ledger = NULL;
}

void prf_fill(const struct prf *k, uint32_t gate, uint32_t use, uint64_t block,
              void *out, size_t n)
{
    if (n == 0)
        return;
    if (k->ledger != NULL)
        ledger_draw(k->ledger, gate, use, block, (n - 1) / PRF_BLOCK + 1);
    prf_again(k, gate, use, block, out, n);
}

void prf_again(const struct prf *k, uint32_t gate, uint32_t use, uint64_t block,
               void *out, size_t n)
{
    if (n > 0)
        prf_stream(k->schedule, gate, use, block, out, n);
}

void prf_stream(const uint8_t schedule[static 11][16], uint32_t gate, uint32_t use, uint64_t block,
                void *out, size_t n)
{
    prf()->fill(schedule, gate | (uint64_t)use << 32, block, out, n);
}

void prf_permute(const uint8_t schedule[static 11][16], void *p, size_t n)
{
    prf()->permute(schedule, p, n);
}

void prf_expand(const uint8_t seed[static PRF_KEY], size_t first, uint64_t *out, size_t n)
{
    struct prf k;
    prf_init(&k, seed);
    prf_fill(&k, 0, 0, first / 2, out, n * sizeof *out);
    prf_fini(&k);
}
