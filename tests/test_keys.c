/*
 * test_keys.c: the keys of a job agree between the two that hold them and differ in everything
 * else: pair, job, nonces, digest, link secret. HMAC is recomputed here from the text in keys.h.
 */
#include "tests/check.h"

#include <inttypes.h>
#include <openssl/hmac.h>

#include "proto/keys.h"

static uint64_t state = 4711;

/* A job of n parties as each of them sees it. */
static void make_seeds(struct keys_seed *s, unsigned n)
{
    struct keys_seed common = { .parties = n, .job = check_random(&state) };
    for (unsigned i = 0; i < KEYS_DIGEST; i++)
        common.digest[i] = (uint8_t)check_random(&state);
    for (unsigned p = 0; p < n; p++)
        for (unsigned i = 0; i < KEYS_NONCE; i++)
            common.nonce[p][i] = (uint8_t)check_random(&state);
    for (unsigned p = 0; p < n; p++) {
        s[p] = common;
        s[p].self = p;
    }
    for (unsigned a = 0; a < n; a++)
        for (unsigned b = a + 1; b < n; b++)
            for (unsigned i = 0; i < LINK_SECRET; i++)
                s[a].secret[b][i] = s[b].secret[a][i] = (uint8_t)check_random(&state);
}

/* A word that tells keys apart. Each call draws another gate: no word is drawn twice. */
static uint64_t sample(const struct keys *k, unsigned peer, uint32_t gate)
{
    uint64_t w;
    prf_fill(&k->pair[peer], gate, 1, 0, &w, sizeof w);
    return w;
}

static uint64_t key_word(const struct keys_seed *s, unsigned peer)
{
    static struct keys k;
    struct err e;
    CHECK_EQ(keys_init(&k, s, &e), 0);
    uint64_t w = sample(&k, peer, 0);
    keys_fini(&k);
    return w;
}

static void holders_agree(void)
{
    for (unsigned n = 2; n <= LINK_PARTIES; n++) {
        struct keys_seed s[LINK_PARTIES];
        uint64_t seen[LINK_PARTIES * LINK_PARTIES];
        unsigned count = 0;
        make_seeds(s, n);
        for (unsigned a = 0; a < n; a++)
            for (unsigned b = a + 1; b < n; b++) {
                uint64_t w = key_word(&s[a], b);
                CHECK(w == key_word(&s[b], a));
                for (unsigned i = 0; i < count; i++)
                    CHECK(w != seen[i]);
                seen[count++] = w;
            }
    }
}

/* The same secret on two links still gives two keys: the pair is in the text. */
static void pairs_differ(void)
{
    struct keys_seed s[3];
    make_seeds(s, 3);
    memcpy(s[0].secret[2], s[0].secret[1], LINK_SECRET);
    CHECK(key_word(&s[0], 1) != key_word(&s[0], 2));
}

static void as_written_down(void)
{
    struct keys_seed s[3];
    make_seeds(s, 3);
    uint8_t text[16 + 2 + 8 + KEYS_DIGEST + 3 * KEYS_NONCE] = "obscura job key", mac[32];
    uint8_t *p = text + 16;             /* the zero at the end belongs to the text */
    *p++ = 1;
    *p++ = 2;
    for (int i = 0; i < 8; i++)
        *p++ = (uint8_t)(s[0].job >> (8 * i));
    memcpy(p, s[0].digest, KEYS_DIGEST);
    memcpy(p + KEYS_DIGEST, s[0].nonce, 3 * KEYS_NONCE);
    unsigned n = sizeof mac;
    CHECK(HMAC(EVP_sha256(), s[1].secret[2], LINK_SECRET, text, sizeof text, mac, &n) != NULL);
    struct prf k;
    uint64_t want;
    prf_init(&k, mac);
    prf_fill(&k, 0, 1, 0, &want, sizeof want);
    prf_fini(&k);
    CHECK(key_word(&s[1], 2) == want);
    CHECK(key_word(&s[2], 1) == want);
}

/* Every bit of what goes into the keys of party 0 and party 1 changes them; what belongs to other
 * pairs does not. */
static void everything_counts(void)
{
    struct keys_seed s[3];
    make_seeds(s, 3);
    uint64_t was = key_word(&s[0], 1);
    struct { uint8_t *p; size_t n; int counts; } part[] = {
        { (uint8_t *)&s[0].job, sizeof s[0].job, 1 },
        { s[0].digest, KEYS_DIGEST, 1 },
        { s[0].nonce[0], 3 * KEYS_NONCE, 1 },
        { s[0].secret[1], LINK_SECRET, 1 },
        { s[0].secret[2], LINK_SECRET, 0 },
        { s[0].secret[0], LINK_SECRET, 0 },
        { s[0].nonce[3], KEYS_NONCE, 0 },
    };
    for (size_t k = 0; k < sizeof part / sizeof part[0]; k++)
        for (size_t i = 0; i < part[k].n; i++) {
            part[k].p[i] ^= (uint8_t)(1u << (i % 8));
            CHECK_EQ(key_word(&s[0], 1) != was, part[k].counts);
            part[k].p[i] ^= (uint8_t)(1u << (i % 8));
        }
    CHECK(key_word(&s[0], 1) == was);
}

static void nothing_stays(void)
{
    static const uint8_t zeros[sizeof(struct keys)];
    static struct keys k;
    struct keys_seed s[3];
    struct err e;
    make_seeds(s, 3);
    CHECK_EQ(keys_init(&k, &s[1], &e), 0);
    CHECK(memcmp(k.pair[0].schedule, zeros, sizeof k.pair[0].schedule) != 0);
    CHECK(memcmp(k.pair[1].schedule, zeros, sizeof k.pair[1].schedule) == 0);     /* itself */
    keys_fini(&k);
    CHECK(memcmp(&k, zeros, sizeof k) == 0);
    keys_fini(&k);                      /* twice is harmless */
}

int main(void)
{
    printf("# seed %" PRIu64 "\n", state);
    CASE(holders_agree);
    CASE(pairs_differ);
    CASE(as_written_down);
    CASE(everything_counts);
    CASE(nothing_stays);
    return check_done();
}
