/*
 * test_keys.c: the keys of a job agree between the two that hold them and differ in everything
 * else: pair, job, nonces, digest, link secret. HMAC is recomputed here from the text in keys.h,
 * and the keys of three with the tests' own SHA-256.
 */
#include "tests/check.h"
#include "tests/sha256.h"

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
    for (unsigned i = 0; n == 4 && i < sizeof s[0].part; i++)
        for (unsigned p = 0; p < n; p++)
            ((uint8_t *)s[p].part)[i] = (uint8_t)(p == 0 ? check_random(&state)
                                                         : ((uint8_t *)s[0].part)[i]);
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

/* ---- keys of three ---- */

static uint64_t key_of_three_word(const struct keys_seed *s, unsigned missing)
{
    static struct keys k;
    struct err e;
    uint64_t w;
    CHECK_EQ(keys_init(&k, s, &e), 0);
    prf_fill(&k.without[missing], 0, 1, 0, &w, sizeof w);
    keys_fini(&k);
    return w;
}

/* The same from the text: SHA-256(label || missing || job || digest || nonces || contributions). */
static uint64_t key_of_three_again(const struct keys_seed *s, unsigned missing)
{
    static const char label[] = "obscura key of three";
    uint8_t job[8], which = (uint8_t)missing, key[32];
    struct sha256 h;
    struct prf k;
    uint64_t w;
    for (int i = 0; i < 8; i++)
        job[i] = (uint8_t)(s->job >> (8 * i));
    sha256_start(&h);
    sha256_add(&h, label, sizeof label);        /* with its zero */
    sha256_add(&h, &which, 1);
    sha256_add(&h, job, 8);
    sha256_add(&h, s->digest, KEYS_DIGEST);
    for (unsigned p = 0; p < 4; p++)
        sha256_add(&h, s->nonce[p], KEYS_NONCE);
    for (unsigned p = 0; p < 4; p++)
        if (p != missing)
            sha256_add(&h, s->part[p][missing], KEYS_PART);
    sha256_end(&h, key);
    prf_init(&k, key);
    prf_fill(&k, 0, 1, 0, &w, sizeof w);
    prf_fini(&k);
    return w;
}

static void three_agree(void)
{
    struct keys_seed s[4];
    uint64_t word[4];
    make_seeds(s, 4);
    for (unsigned missing = 0; missing < 4; missing++) {
        word[missing] = key_of_three_again(&s[0], missing);
        for (unsigned p = 0; p < 4; p++)
            if (p != missing)
                CHECK(key_of_three_word(&s[p], missing) == word[missing]);
        for (unsigned i = 0; i < missing; i++)
            CHECK(word[i] != word[missing]);
    }
}

/* The fourth cannot compute it from what it holds: contributions to the key are not sent to it, and
 * without any one of them the key is another. Links' secrets do not matter. */
static void everything_counts_of_three(void)
{
    struct keys_seed s[4];
    make_seeds(s, 4);
    uint64_t was = key_of_three_word(&s[0], 2);
    struct { uint8_t *p; size_t n; int counts; } part[] = {
        { (uint8_t *)&s[0].job, sizeof s[0].job, 1 },
        { s[0].digest, KEYS_DIGEST, 1 },
        { s[0].nonce[0], 4 * KEYS_NONCE, 1 },
        { s[0].part[0][2], KEYS_PART, 1 },
        { s[0].part[1][2], KEYS_PART, 1 },
        { s[0].part[3][2], KEYS_PART, 1 },
        { s[0].part[2][2], KEYS_PART, 0 },      /* the one that lacks it */
        { s[0].part[1][3], KEYS_PART, 0 },      /* another key's */
        { s[0].secret[1], LINK_SECRET, 0 },
    };
    for (size_t k = 0; k < sizeof part / sizeof part[0]; k++)
        for (size_t i = 0; i < part[k].n; i++) {
            part[k].p[i] ^= (uint8_t)(1u << (i % 8));
            CHECK_EQ(key_of_three_word(&s[0], 2) != was, part[k].counts);
            part[k].p[i] ^= (uint8_t)(1u << (i % 8));
        }
    CHECK(key_of_three_word(&s[0], 2) == was);
}

/* A party has no key without itself, and three parties have no keys of three at all. */
static void who_has_none(void)
{
    static const uint8_t zeros[sizeof(struct prf)];
    static struct keys k;
    struct err e;
    for (unsigned n = 2; n <= 4; n++) {
        struct keys_seed s[4];
        make_seeds(s, n);
        CHECK_EQ(keys_init(&k, &s[1], &e), 0);
        for (unsigned j = 0; j < 4; j++) {
            int none = memcmp(k.without[j].schedule, zeros, sizeof k.without[j].schedule) == 0;
            CHECK_EQ(none, n < 4 || j == 1);
        }
        keys_fini(&k);
    }
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
    CASE(three_agree);
    CASE(everything_counts_of_three);
    CASE(who_has_none);
    CASE(nothing_stays);
    return check_done();
}
