/*
 * test_claim.c: claims: tags against GMAC computed bit by bit from the text of claim.h, what makes
 * two tags differ and what does not, and the keys of three as the pairs confirm them.
 */
#include "tests/check.h"
#include "tests/sha256.h"

#include <inttypes.h>
#include <openssl/evp.h>

#include "proto/protocol.h"

static uint64_t state = 20260301;

static void random_bytes(void *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        ((uint8_t *)p)[i] = (uint8_t)check_random(&state);
}

/* ---- the judge ---- */

static void aes_block(const uint8_t key[static 16], const uint8_t in[static 16],
                      uint8_t out[static 16])
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    int n = 0;
    CHECK(EVP_EncryptInit_ex(ctx, EVP_aes_128_ecb(), NULL, key, NULL) == 1);
    CHECK(EVP_CIPHER_CTX_set_padding(ctx, 0) == 1);
    CHECK(EVP_EncryptUpdate(ctx, out, &n, in, 16) == 1 && n == 16);
    EVP_CIPHER_CTX_free(ctx);
}

/* x = x h in GF(2^128) as SP 800-38D counts bits: the first is the top bit of byte 0. */
static void gf_multiply(uint8_t x[static 16], const uint8_t h[static 16])
{
    uint8_t z[16] = { 0 }, v[16];
    memcpy(v, h, 16);
    for (unsigned i = 0; i < 128; i++) {
        for (unsigned k = 0; k < 16 && (x[i / 8] >> (7 - i % 8) & 1); k++)
            z[k] ^= v[k];
        int low = v[15] & 1;
        for (unsigned k = 15; k > 0; k--)
            v[k] = (uint8_t)(v[k] >> 1 | v[k - 1] << 7);
        v[0] >>= 1;
        v[0] ^= low ? 0xe1 : 0;
    }
    memcpy(x, z, 16);
}

/* GMAC with nonce 0: AES_k(0^95 1) xor GHASH_h(p padded, length), h = AES_k(0). */
static void gmac(const uint8_t key[static 16], const uint8_t *p, size_t n, uint8_t out[static 16])
{
    uint8_t h[16], zero[16] = { 0 }, first[16] = { [15] = 1 }, x[16] = { 0 };
    aes_block(key, zero, h);
    for (size_t i = 0; i < n; i += 16) {
        for (size_t k = 0; k < 16 && i + k < n; k++)
            x[k] ^= p[i + k];
        gf_multiply(x, h);
    }
    for (unsigned k = 0; k < 8; k++)
        x[k] ^= (uint8_t)((uint64_t)n * 8 >> (56 - 8 * k));
    gf_multiply(x, h);
    aes_block(key, first, out);
    for (unsigned k = 0; k < 16; k++)
        out[k] ^= x[k];
}

/* The key of a claim: AES_pair(block, gate, USE_CLAIM), little-endian. */
static void claim_key(const uint8_t pair[static 16], uint32_t gate, uint64_t block,
                      uint8_t key[static 16])
{
    uint8_t in[16];
    for (unsigned i = 0; i < 8; i++)
        in[i] = (uint8_t)(block >> (8 * i));
    for (unsigned i = 0; i < 4; i++) {
        in[8 + i] = (uint8_t)(gate >> (8 * i));
        in[12 + i] = (uint8_t)((uint32_t)USE_CLAIM >> (8 * i));
    }
    aes_block(pair, in, key);
}

/* Known answers: case 1 of the GCM specification (an empty text under the zero key) is a GMAC of
 * nothing, and FIPS 180-4's example of SHA-256. */
static void judges_are_sound(void)
{
    static const uint8_t empty[16] = { 0x58, 0xe2, 0xfc, 0xce, 0xfa, 0x7e, 0x30, 0x61,
                                       0x36, 0x7f, 0x1d, 0x57, 0xa4, 0xe7, 0x45, 0x5a };
    static const uint8_t abc[32] = {
        0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea, 0x41, 0x41, 0x40, 0xde, 0x5d, 0xae, 0x22,
        0x23, 0xb0, 0x03, 0x61, 0xa3, 0x96, 0x17, 0x7a, 0x9c, 0xb4, 0x10, 0xff, 0x61, 0xf2, 0x00,
        0x15, 0xad };
    uint8_t zero[16] = { 0 }, tag[16], digest[32];
    struct sha256 s;
    gmac(zero, NULL, 0, tag);
    CHECK(memcmp(tag, empty, 16) == 0);
    sha256_start(&s);
    sha256_add(&s, "abc", 3);
    sha256_end(&s, digest);
    CHECK(memcmp(digest, abc, 32) == 0);
    for (size_t n = 0; n < 200; n++) {          /* all paddings, against the library */
        uint8_t text[200], other[EVP_MAX_MD_SIZE];
        random_bytes(text, n);
        sha256_start(&s);
        sha256_add(&s, text, n);
        sha256_end(&s, digest);
        CHECK(EVP_Digest(text, n, other, NULL, EVP_sha256(), NULL) == 1);
        CHECK(memcmp(digest, other, 32) == 0);
    }
}

/* ---- tags ---- */

static const size_t lengths[] = { 0, 1, 7, 8, 15, 16, 17, 31, 32, 33, 255, 256, 1000, 4096, 5001 };

static void tag_is_gmac(void)
{
    static uint8_t text[5001];
    for (unsigned i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        uint8_t pair[PRF_KEY], key[16], want[16], tag[CLAIM_TAG] = { 0 };
        uint32_t gate = (uint32_t)check_random(&state);
        uint64_t block = check_random(&state) >> 8;
        struct prf prf;
        random_bytes(pair, sizeof pair);
        random_bytes(text, lengths[i]);
        prf_init(&prf, pair);
        claim_tag(tag, &prf, gate, block, text, lengths[i]);
        prf_fini(&prf);
        claim_key(pair, gate, block, key);
        gmac(key, text, lengths[i], want);
        CHECK(memcmp(tag, want, CLAIM_TAG) == 0);
    }
}

/* ---- claims of steps ---- */

enum { TURN = 1, STEPS = 3, CLAIMS = 4, TEXT = 40 };

/* What party `self` of three claims in three steps of gates 5 and 6, `order` deciding which comes
 * first; text[gate][step][claim] goes to both peers. */
struct story {
    uint8_t text[2][STEPS][CLAIMS][TEXT];
    size_t n[2][STEPS][CLAIMS];
    unsigned count[2][STEPS];
};

static uint8_t pair_key[LINK_PARTIES][LINK_PARTIES][PRF_KEY];

static void keys_open(struct keys *k, unsigned self)
{
    *k = (struct keys){ .self = self, .parties = 3 };
    for (unsigned p = 0; p < 3; p++)
        if (p != self)
            prf_init(&k->pair[p], pair_key[self][p]);
}

static void step_tell(const struct story *t, const struct keys *keys, unsigned gate, unsigned step,
                      struct claims *all)
{
    const struct program program = { .proto = &protocol_replicated };
    const struct gate g = { .turn = TURN };
    struct step s = { .program = &program, .gate = &g, .id = 5 + gate, .self = keys->self,
                      .role = turn_role(program.proto, TURN, keys->self), .keys = keys,
                      .number = step };
    for (unsigned c = 0; c < t->count[gate][step]; c++)
        for (unsigned role = 0; role < 3; role++)
            if (role != s.role)
                claim(&s, role, t->text[gate][step][c], t->n[gate][step][c]);
    for (unsigned role = 0; role < 3; role++) {
        unsigned party = gate_party(program.proto, &g, role);
        for (unsigned i = 0; i < CLAIM_TAG; i++)
            all->tag[party][i] ^= s.claims.tag[role][i];
        all->count[party] += s.claims.count[role];
        all->bytes[party] += s.claims.bytes[role];
    }
}

static struct claims tell(const struct story *t, unsigned self, unsigned order)
{
    struct claims all = { .count = { 0 } };
    struct keys keys;
    keys_open(&keys, self);
    for (unsigned k = 0; k < 2 * STEPS; k++) {
        unsigned i = (k * (order % 2 == 0 ? 1 : 5) + order) % (2 * STEPS);
        step_tell(t, &keys, i % 2, i / 2, &all);
    }
    keys_fini(&keys);
    return all;
}

static int same_tags(const struct claims *a, unsigned from, const struct claims *b, unsigned to)
{
    return memcmp(a->tag[to], b->tag[from], CLAIM_TAG) == 0;
}

static void story_make(struct story *t)
{
    for (unsigned a = 0; a < 3; a++)
        for (unsigned b = a + 1; b < 3; b++) {
            random_bytes(pair_key[a][b], PRF_KEY);
            memcpy(pair_key[b][a], pair_key[a][b], PRF_KEY);
        }
    random_bytes(t->text, sizeof t->text);
    for (unsigned g = 0; g < 2; g++)
        for (unsigned s = 0; s < STEPS; s++) {
            t->count[g][s] = CLAIMS;
            for (unsigned c = 0; c < CLAIMS; c++)
                t->n[g][s][c] = TEXT - c;
        }
}

static void claims_agree_in_any_order(void)
{
    static struct story t;
    story_make(&t);
    for (unsigned order = 0; order < 12; order++) {
        struct claims a = tell(&t, 0, 0), b = tell(&t, 2, order);
        CHECK(same_tags(&a, 0, &b, 2));
        CHECK_EQ(a.count[2], 2 * STEPS * CLAIMS);
        CHECK_EQ(b.count[0], a.count[2]);
        CHECK_EQ(a.bytes[2], 2 * STEPS * (4 * TEXT - 6));
        CHECK_EQ(a.count[0], 0);                /* nothing to itself */
        CHECK(memcmp(a.tag[1], a.tag[2], CLAIM_TAG) != 0);
    }
}

/* The sum of the tags of all claims, as claim.h writes it. */
static void sum_is_as_written_down(void)
{
    static struct story t;
    uint8_t want[CLAIM_TAG] = { 0 };
    story_make(&t);
    struct claims a = tell(&t, 1, 3);
    for (unsigned g = 0; g < 2; g++)
        for (unsigned s = 0; s < STEPS; s++)
            for (unsigned c = 0; c < CLAIMS; c++) {
                uint8_t key[16], one[16];
                claim_key(pair_key[1][2], 5 + g, s * 65536 + c, key);
                gmac(key, t.text[g][s][c], t.n[g][s][c], one);
                for (unsigned i = 0; i < CLAIM_TAG; i++)
                    want[i] ^= one[i];
            }
    CHECK(memcmp(a.tag[2], want, CLAIM_TAG) == 0);
}

static void expect_difference(const struct story *t, const struct story *u)
{
    struct claims a = tell(t, 0, 0), b = tell(u, 1, 0);
    CHECK(!same_tags(&a, 0, &b, 1));
}

static void swap_texts(struct story *u, unsigned g, unsigned s, unsigned c, unsigned g2,
                       unsigned s2, unsigned c2)
{
    uint8_t text[TEXT];
    memcpy(text, u->text[g][s][c], TEXT);
    memcpy(u->text[g][s][c], u->text[g2][s2][c2], TEXT);
    memcpy(u->text[g2][s2][c2], text, TEXT);
}

static void differences_show(void)
{
    static struct story t, u;
    story_make(&t);
    for (unsigned i = 0; i < 2 * STEPS * CLAIMS * TEXT; i++) {     /* every byte that is claimed */
        unsigned c = i / TEXT % CLAIMS, g = i / TEXT / CLAIMS % 2, s = i / TEXT / CLAIMS / 2;
        u = t;
        u.text[g][s][c][i % TEXT] ^= (uint8_t)(1u << i % 8);
        if (i % TEXT < t.n[g][s][c])
            expect_difference(&t, &u);
    }
    for (unsigned i = 0; i < 2 * STEPS * CLAIMS; i++) {     /* one changes places with another */
        unsigned c = i % CLAIMS, g = i / CLAIMS % 2, s = i / CLAIMS / 2;
        u = t;
        swap_texts(&u, g, s, c, g, s, (c + 1) % CLAIMS);
        u.n[g][s][c] = u.n[g][s][(c + 1) % CLAIMS] = TEXT;
        struct story w = t;
        w.n[g][s][c] = w.n[g][s][(c + 1) % CLAIMS] = TEXT;
        expect_difference(&w, &u);
        u = t;
        swap_texts(&u, g, s, c, 1 - g, s, c);
        expect_difference(&t, &u);
        u = t;
        swap_texts(&u, g, s, c, g, (s + 1) % STEPS, c);
        expect_difference(&t, &u);
    }
}

/* What one says and the other does not, even of nothing; shorter texts; the same twice. */
static void silence_shows(void)
{
    static struct story t, u;
    story_make(&t);
    u = t;
    u.count[1][2]--;
    expect_difference(&t, &u);
    t.n[1][2][CLAIMS - 1] = 0;
    expect_difference(&t, &u);
    u = t;
    u.n[0][0][0]--;
    expect_difference(&t, &u);
    u = t;                          /* zeros at the end are no padding */
    t.text[0][0][0][TEXT - 1] = 0;
    u.text[0][0][0][TEXT - 1] = 0;
    u.n[0][0][0] = TEXT - 1;
    expect_difference(&t, &u);
    story_make(&t);                 /* the same claim twice does not cancel */
    memcpy(t.text[0][0][1], t.text[0][0][0], TEXT);
    t.n[0][0][1] = t.n[0][0][0];
    u = t;
    u.count[0][0] = 0;
    t.count[0][0] = 2;
    expect_difference(&t, &u);
}

/* ---- keys of three ---- */

/* The seeds of four parties, all honest. */
static void four_seeds(struct keys_seed s[4])
{
    struct keys_seed common = { .parties = 4, .job = check_random(&state) };
    random_bytes(common.digest, sizeof common.digest);
    random_bytes(common.nonce, sizeof common.nonce);
    random_bytes(common.part, sizeof common.part);
    for (unsigned p = 0; p < 4; p++) {
        s[p] = common;
        s[p].self = p;
    }
    for (unsigned a = 0; a < 4; a++)
        for (unsigned b = a + 1; b < 4; b++) {
            random_bytes(s[a].secret[b], LINK_SECRET);
            memcpy(s[b].secret[a], s[a].secret[b], LINK_SECRET);
        }
}

/* Pairs whose tags differ once all have confirmed, as bits 4 a + b with a < b. */
static unsigned confirm(const struct keys_seed s[4])
{
    static struct claims c[4];
    unsigned pairs = 0;
    memset(c, 0, sizeof c);
    for (unsigned p = 0; p < 4; p++) {
        struct keys k;
        struct err e;
        CHECK_EQ(keys_init(&k, &s[p], &e), 0);
        keys_confirm(&k, &c[p]);
        keys_fini(&k);
    }
    for (unsigned a = 0; a < 4; a++)
        for (unsigned b = a + 1; b < 4; b++)
            pairs |= (unsigned)!same_tags(&c[a], a, &c[b], b) << (4 * a + b);
    return pairs;
}

static unsigned pair_bit(unsigned a, unsigned b)
{
    return 1u << (a < b ? 4 * a + b : 4 * b + a);
}

static void confirmed_keys_agree(void)
{
    static const uint8_t zero[CLAIM_TAG];
    struct keys_seed s[4];
    struct claims c = { .count = { 0 } };
    struct keys k;
    struct err e;
    four_seeds(s);
    CHECK_EQ(confirm(s), 0);
    CHECK_EQ(keys_init(&k, &s[2], &e), 0);
    keys_confirm(&k, &c);
    keys_fini(&k);
    for (unsigned p = 0; p < 4; p++)            /* something is said to every peer */
        CHECK_EQ(memcmp(c.tag[p], zero, CLAIM_TAG) == 0, p == 2);
    s[0].parties = 3;                           /* three parties have no such keys */
    c = (struct claims){ .count = { 0 } };
    CHECK_EQ(keys_init(&k, &s[0], &e), 0);
    keys_confirm(&k, &c);
    keys_fini(&k);
    for (unsigned p = 0; p < 4; p++)
        CHECK(memcmp(c.tag[p], zero, CLAIM_TAG) == 0);
}

/* A party that sends the two others of a key different contributions: these two find out, and so
 * does each of them that holds another key than the cheat says. */
static void two_contributions_show(void)
{
    for (unsigned cheat = 0; cheat < 4; cheat++)
        for (unsigned missing = 0; missing < 4; missing++)
            for (unsigned told = 0; told < 4; told++)
                for (unsigned byte = 0; byte < KEYS_PART; byte++) {
                    struct keys_seed s[4];
                    if (missing == cheat || told == cheat || told == missing)
                        continue;
                    unsigned other = 6 - cheat - missing - told;
                    four_seeds(s);
                    s[told].part[cheat][missing][byte] ^= 1;
                    CHECK_EQ(confirm(s), pair_bit(told, other) | pair_bit(told, cheat));
                }
}

/* What is said about a key that this party lacks, or its own place, changes nothing. */
static void what_does_not_concern_it(void)
{
    struct keys_seed s[4];
    four_seeds(s);
    for (unsigned by = 0; by < 4; by++)
        s[1].part[by][1][3] ^= 0x10;
    for (unsigned j = 0; j < 4; j++)
        s[1].part[j][j][0] ^= 0x80;
    CHECK_EQ(confirm(s), 0);
}

int main(void)
{
    printf("# seed %" PRIu64 "\n", state);
    CASE(judges_are_sound);
    CASE(tag_is_gmac);
    CASE(claims_agree_in_any_order);
    CASE(sum_is_as_written_down);
    CASE(differences_show);
    CASE(silence_shows);
    CASE(confirmed_keys_agree);
    CASE(two_contributions_show);
    CASE(what_does_not_concern_it);
    return check_done();
}
