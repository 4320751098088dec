/*
 * test_ot_base.c: base transfers against their equations (hashes by OpenSSL), what is refused, and
 * whole setups. The group is libsodium's, here as there: the test uses other equations of it.
 * `test_ot_base SEED` repeats a run.
 */
#include "proto/ot_base.h"
#include "tests/ot_world.h"

#include <openssl/evp.h>
#include <sodium.h>

#include "net/base_bytes.h"

enum { N = 70 };

static uint64_t seed;

/* Both ends of N transfers, and what they drew. */
struct scene {
    struct prf own[2];
    struct ot_source receiver, sender;
    uint64_t choice[2];
    uint8_t session[OT_SESSION], answer[OT_POINT];
    uint8_t offer[N][2][OT_POINT], key[N][2][PRF_KEY], known[N][PRF_KEY];
    uint8_t x[N][OT_POINT], other[N][OT_POINT], y[OT_POINT];
};

static int scene_answer(struct scene *s)
{
    return ot_base_answer(s->key, s->answer, (const uint8_t (*)[2][OT_POINT])s->offer, N,
                          s->session, &s->sender);
}

static int scene_accept(struct scene *s)
{
    return ot_base_accept(s->known, (const uint8_t (*)[2][OT_POINT])s->offer, s->answer,
                          s->choice, N, s->session, &s->receiver);
}

/* Up to the offer. */
static void scene_begin(struct scene *s, uint64_t *state)
{
    uint8_t key[PRF_KEY], wide[128];
    memset(s, 0, sizeof *s);
    for (int i = 0; i < 2; i++) {
        ot_random(key, sizeof key, state);
        prf_init(&s->own[i], key);
    }
    s->receiver = (struct ot_source){ &s->own[0], 3, 4 };
    s->sender = (struct ot_source){ &s->own[1], 3, 5 };
    ot_random(s->session, sizeof s->session, state);
    ot_random(s->choice, sizeof s->choice, state);
    ot_base_offer(s->offer, s->choice, N, s->session, &s->receiver);
    for (unsigned i = 0; i < N; i++) {
        prf_again(&s->own[0], 3, 4, 8 * i, wide, sizeof wide);
        crypto_core_ristretto255_scalar_reduce(s->x[i], wide);
        crypto_core_ristretto255_from_hash(s->other[i], wide + 64);
    }
    prf_again(&s->own[1], 3, 5, 0, wide, 64);
    crypto_core_ristretto255_scalar_reduce(s->y, wide);
}

static void scene_end(struct scene *s)
{
    prf_fini(&s->own[0]);
    prf_fini(&s->own[1]);
}

static void blake2b(uint8_t out[64], const char *label, const struct scene *s, unsigned i,
                    unsigned branch, const void *data, size_t n)
{
    uint8_t all[256] = { 0 };
    unsigned size = 64;
    memcpy(all, label, 16);
    memcpy(all + 16, s->session, OT_SESSION);
    put_u32(all + 48, i);
    all[52] = (uint8_t)branch;
    memcpy(all + 53, data, n);
    if (EVP_Digest(all, 53 + n, out, &size, EVP_blake2b512(), NULL) != 1)
        abort();
}

/* r_b + H(.., r_(1-b)). */
static void side_sum(uint8_t out[OT_POINT], const struct scene *s, unsigned i, unsigned b)
{
    uint8_t wide[64], hashed[OT_POINT];
    blake2b(wide, "obscura OT point", s, i, b, s->offer[i][1 - b], OT_POINT);
    crypto_core_ristretto255_from_hash(hashed, wide);
    crypto_core_ristretto255_add(out, s->offer[i][b], hashed);
}

static void transfers_by_their_equations(void)
{
    static struct scene s;
    uint64_t state = seed;
    scene_begin(&s, &state);
    CHECK_EQ(scene_answer(&s), 0);
    CHECK_EQ(scene_accept(&s), 0);
    uint8_t yg[OT_POINT], xg[OT_POINT], sum[OT_POINT], wide[64], text[4][OT_POINT];
    crypto_scalarmult_ristretto255_base(yg, s.y);
    CHECK(memcmp(yg, s.answer, sizeof yg) == 0);
    for (unsigned i = 0; i < N; i++) {
        unsigned c = (unsigned)plane_bit(s.choice, i);
        side_sum(sum, &s, i, c);
        crypto_scalarmult_ristretto255_base(xg, s.x[i]);
        CHECK(memcmp(sum, xg, sizeof xg) == 0);
        CHECK(memcmp(s.offer[i][1 - c], s.other[i], OT_POINT) == 0);
        for (unsigned b = 0; b < 2; b++) {
            memcpy(text, s.offer[i], 64);
            memcpy(text[2], yg, sizeof yg);
            side_sum(sum, &s, i, b);
            if (crypto_scalarmult_ristretto255(text[3], s.y, sum) != 0)
                abort();
            blake2b(wide, "obscura OT key..", &s, i, b, text, sizeof text);
            CHECK(memcmp(s.key[i][b], wide, PRF_KEY) == 0);
        }
        CHECK(memcmp(s.known[i], s.key[i][c], PRF_KEY) == 0);
        CHECK(memcmp(s.known[i], s.key[i][1 - c], PRF_KEY) != 0);
    }
    scene_end(&s);
}

/* Another session, another number, another y: other keys. */
static void keys_hang_on_everything(void)
{
    static struct scene s, other;
    uint64_t state = seed + 1;
    scene_begin(&s, &state);
    CHECK_EQ(scene_answer(&s), 0);
    memcpy(&other, &s, sizeof s);
    other.session[31] ^= 1;
    CHECK_EQ(scene_accept(&other), 0);
    for (unsigned i = 0; i < N; i++)
        CHECK(memcmp(other.known[i], s.key[i][plane_bit(s.choice, i)], PRF_KEY) != 0);
    memcpy(&other, &s, sizeof s);
    memcpy(other.offer[1], s.offer[0], 64);     /* the same offer under another number */
    other.sender.use++;
    CHECK_EQ(scene_answer(&other), 0);
    CHECK(memcmp(other.key[1], other.key[0], 2 * PRF_KEY) != 0);
    CHECK(memcmp(other.key[0][0], s.key[0][0], PRF_KEY) != 0);      /* another y */
    scene_end(&s);
}

/* One offer of N spoilt. */
static int refused(const uint8_t *point, int both, uint64_t *state)
{
    static struct scene s;
    scene_begin(&s, state);
    size_t i = check_random(state) % N, b = check_random(state) % 2;
    memcpy(s.offer[i][b], point != NULL ? point : s.offer[i][1 - b], OT_POINT);
    if (both)
        memcpy(s.offer[i][1 - b], point, OT_POINT);
    int result = scene_answer(&s) != 0;
    scene_end(&s);
    return result;
}

static void bad_offers_are_refused(void)
{
    uint64_t state = seed + 2;
    uint8_t zero[OT_POINT] = { 0 }, ones[OT_POINT], good[OT_POINT], odd[OT_POINT] = { 1 };
    memset(ones, 0xff, sizeof ones);
    crypto_scalarmult_ristretto255_base(good, (const uint8_t[32]){ 5 });
    CHECK(refused(NULL, 0, &state));    /* r_0 = r_1 */
    CHECK(refused(zero, 0, &state));
    CHECK(refused(zero, 1, &state));
    CHECK(refused(ones, 0, &state));
    CHECK(refused(odd, 0, &state));     /* negative: not canonical */
    CHECK(refused(good, 1, &state));
    CHECK(!refused(good, 0, &state));   /* nothing wrong with it by itself */
}

static void bad_answers_are_refused(void)
{
    static struct scene s;
    uint64_t state = seed + 3;
    scene_begin(&s, &state);
    CHECK_EQ(scene_answer(&s), 0);
    CHECK_EQ(scene_accept(&s), 0);
    memset(s.answer, 0, sizeof s.answer);
    CHECK_EQ(scene_accept(&s), -1);
    memset(s.answer, 0xff, sizeof s.answer);
    CHECK_EQ(scene_accept(&s), -1);
    scene_end(&s);
}

/* ---- whole setups ---- */

struct setup {
    struct prf own[2];
    struct ot_world world;
    uint8_t session[OT_SESSION], offer[OT_OFFER], answer[OT_ANSWER];
};

static int setup_answer(struct setup *s, unsigned k)
{
    return ot_answer(s->world.receiver, s->answer, k, s->offer, s->session,
                     &(struct ot_source){ &s->own[1], 0, 0 });
}

static int setup_accept(struct setup *s, unsigned k)
{
    return ot_accept(s->world.sender, k, s->offer, s->answer, s->session,
                     &(struct ot_source){ &s->own[0], 0, 0 });
}

static void setup_begin(struct setup *s, unsigned k, uint64_t *state)
{
    uint8_t key[PRF_KEY];
    for (int i = 0; i < 2; i++) {
        ot_random(key, sizeof key, state);
        prf_init(&s->own[i], key);
    }
    s->world.sender = ot_memory(ot_state_bytes(k));
    s->world.receiver = ot_memory(ot_state_bytes(k));
    ot_random(s->session, sizeof s->session, state);
    ot_offer(s->offer, s->session, &(struct ot_source){ &s->own[0], 0, 0 });
}

static void setup_end(struct setup *s)
{
    ot_world_free(&s->world);
    prf_fini(&s->own[0]);
    prf_fini(&s->own[1]);
}

static void setups_give_rows(void)
{
    static const unsigned fields[] = { 1, 3, 4, 8 };
    static struct setup s;
    uint64_t state = seed + 4;
    for (size_t f = 0; f < sizeof fields / sizeof fields[0]; f++) {
        struct ot_rows rows;
        unsigned k = fields[f], broken = 0, ones = 0;
        setup_begin(&s, k, &state);
        CHECK_EQ(setup_answer(&s, k), 0);
        CHECK_EQ(setup_accept(&s, k), 0);
        const struct ot_block *delta = ot_delta(s.world.sender);
        for (unsigned j = 0; j < OT_KAPPA; j++)
            ones += ot_bit(delta, j);
        CHECK(ones > 30 && ones < 98);
        ot_rows_take(&rows, k, 700);
        ot_rows_run(&rows, &s.world, 1, 0);
        for (size_t i = 0; i < rows.n; i++)
            for (unsigned h = 0; h < 2; h++)
                broken += rows.q[i].w[h] !=
                          (rows.t[i].w[h] ^ (delta->w[h] & -plane_bit(rows.choice, i)));
        CHECK_EQ(broken, 0);
        ot_rows_free(&rows);
        setup_end(&s);
    }
}

/* Any byte of an answer matters that is taken; the point and the last hash always are. */
static void spoilt_setups_are_refused(void)
{
    static struct setup s;
    uint64_t state = seed + 5;
    setup_begin(&s, 4, &state);
    CHECK_EQ(setup_answer(&s, 4), 0);
    s.answer[OT_ANSWER - 1] ^= 1;
    CHECK_EQ(setup_accept(&s, 4), -1);
    s.answer[OT_ANSWER - 1] ^= 1;
    CHECK_EQ(setup_accept(&s, 4), 0);
    crypto_scalarmult_ristretto255_base(s.answer, (const uint8_t[32]){ 5 });
    CHECK_EQ(setup_accept(&s, 4), -1);
    s.session[0] ^= 1;
    CHECK_EQ(setup_accept(&s, 4), -1);
    setup_end(&s);
    setup_begin(&s, 4, &state);
    memcpy(s.offer + 64, s.offer + 96, 32);
    CHECK_EQ(setup_answer(&s, 4), -1);
    setup_end(&s);
}

int main(int argc, char **argv)
{
    seed = argc > 1 ? strtoull(argv[1], NULL, 0) : 20261;
    printf("# seed %llu\n", (unsigned long long)seed);
    CASE(transfers_by_their_equations);
    CASE(keys_hang_on_everything);
    CASE(bad_offers_are_refused);
    CASE(bad_answers_are_refused);
    CASE(setups_give_rows);
    CASE(spoilt_setups_are_refused);
    return check_done();
}
