/*
 * test_ot.c: rows of oblivious transfer against a slow computation by their definition (AES by
 * OpenSSL, one bit at a time), the relation of both ends, what the two checks catch and at which
 * rate, and pads. `test_ot SEED` repeats a run.
 */
#include "tests/ot_world.h"

#include <openssl/evp.h>

#include "net/base_bytes.h"

static uint64_t seed;

static const char *const kernels[] = { "portable", "avx2", "avx512" };
static const char *const ciphers[] = { "openssl", "aesni", "vaes" };

/* ---- the slow computation ---- */

static void aes(uint8_t out[16], const uint8_t key[16], const uint8_t in[16])
{
    static EVP_CIPHER_CTX *ctx;
    int n;
    if (ctx == NULL)
        ctx = EVP_CIPHER_CTX_new();
    if (ctx == NULL || EVP_EncryptInit_ex(ctx, EVP_aes_128_ecb(), NULL, key, NULL) != 1 ||
        EVP_EncryptUpdate(ctx, out, &n, in, 16) != 1)
        abort();
}

/* Block number `block` of the stream (id, 0) of a key. */
static void stream(uint8_t out[16], const uint8_t key[16], uint32_t id, uint64_t block)
{
    uint8_t in[16] = { 0 };
    put_u64(in, block);
    put_u32(in + 8, id);
    aes(out, key, in);
}

/* Key of leaf x of a group of w bits from bit `first` on, down from the root. */
static void slow_leaf(uint8_t key[16], const struct ot_world *world, unsigned first, unsigned w,
                      unsigned x)
{
    uint8_t seed_of[16];
    memcpy(seed_of, world->key[first + w - 1][x >> (w - 1) & 1], 16);
    for (unsigned j = w - 1; j-- > 0; memcpy(seed_of, key, 16))
        stream(key, seed_of, 0, x >> j & 1);
    stream(key, seed_of, 0, 0);
}

/* u and V of one group for rows [first, first + n): a byte for each bit. */
static void slow_group(uint8_t *u, uint8_t (*v)[OT_KAPPA], const struct ot_world *world,
                       unsigned k, unsigned g, uint32_t id, size_t first, size_t n)
{
    unsigned w = g * k + k > OT_KAPPA ? OT_KAPPA - g * k : k;
    memset(u, 0, n);
    for (unsigned x = 0; x < 1u << w; x++) {
        uint8_t key[16], block[16];
        slow_leaf(key, world, g * k, w, x);
        for (size_t i = 0; i < n; i++) {
            if (i % 128 == 0)
                stream(block, key, id, (first + i) / 128);
            uint8_t bit = block[i % 128 / 8] >> (i % 8) & 1;
            u[i] ^= bit;
            for (unsigned j = 0; j < w; j++)
                v[i][g * k + j] ^= bit & (uint8_t)(x >> j);
        }
    }
}

/* What the receiver must have made: choices, rows, and the corrections of all groups. */
static void slow_check(const struct ot_rows *r, const struct ot_world *world, unsigned k,
                       uint32_t id, size_t first)
{
    enum { CHUNK = 2048 };
    uint8_t *c = ot_memory(r->n), *u = ot_memory(r->n), (*v)[OT_KAPPA] = ot_memory(r->n * 128);
    unsigned groups = (OT_KAPPA + k - 1) / k, wrong = 0;
    memset(v, 0, r->n * 128);
    for (unsigned g = 0; g < groups; g++) {
        slow_group(g == 0 ? c : u, v, world, k, g, id, first, r->n);
        for (size_t i = 0; i < r->n && g > 0; i++) {
            size_t chunk = i / CHUNK * CHUNK, rows = r->n - chunk < CHUNK ? r->n - chunk : CHUNK;
            const uint8_t *d = r->message + chunk / 8 * (groups - 1) +
                               (g - 1) * ((rows + 127) / 128 * 16) + i % CHUNK / 8;
            wrong += ((*d >> i % 8 & 1) != (u[i] ^ c[i]));
        }
    }
    for (size_t i = 0; i < r->n; i++) {
        wrong += plane_bit(r->choice, i) != c[i];
        for (unsigned j = 0; j < OT_KAPPA; j++)
            wrong += ot_bit(&r->t[i], j) != (v[i][j] & 1);
    }
    CHECK_EQ(wrong, 0);
    free(c), free(u), free(v);
}

/* Rows that break q = t ^ c delta. */
static size_t rows_broken(const struct ot_rows *r, const struct ot_block *delta)
{
    size_t broken = 0;
    for (size_t i = 0; i < r->n; i++) {
        struct ot_block q = r->t[i];
        if (plane_bit(r->choice, i)) {
            q.w[0] ^= delta->w[0];
            q.w[1] ^= delta->w[1];
        }
        broken += memcmp(&q, &r->q[i], sizeof q) != 0;
    }
    return broken;
}

/* ---- rows ---- */

static void rows_by_the_definition(void)
{
    static const unsigned fields[] = { 1, 2, 3, 4, 7, 8 };
    static const size_t sizes[] = { 1, 128, 300, 2048, 2500 };
    uint64_t state = seed;
    for (size_t f = 0; f < sizeof fields / sizeof fields[0]; f++) {
        struct ot_world world;
        struct ot_rows rows;
        size_t n = sizes[check_random(&state) % 5];
        uint32_t id = (uint32_t)check_random(&state);
        size_t first = 128 * (check_random(&state) % 1000000007);
        ot_world_make(&world, fields[f], &state);
        ot_rows_take(&rows, fields[f], n);
        ot_rows_run(&rows, &world, id, first);
        slow_check(&rows, &world, fields[f], id, first);
        CHECK_EQ(rows_broken(&rows, &world.delta), 0);
        ot_rows_free(&rows);
        ot_world_free(&world);
    }
}

/* For every k; and with a Delta that is wrong by one bit all rows with choice 1 are broken. */
static void both_ends_agree(void)
{
    uint64_t state = seed + 1;
    for (unsigned k = 1; k <= OT_FIELD_MAX; k++) {
        struct ot_world world;
        struct ot_rows rows;
        ot_world_make(&world, k, &state);
        CHECK_EQ(ot_state_bytes(k) % 64, 0);
        CHECK(memcmp(ot_delta(world.sender), &world.delta, sizeof world.delta) == 0);
        for (size_t n = 1; n < 10000; n = 5 * n + 7) {
            size_t ones = 0;
            ot_rows_take(&rows, k, n);
            ot_rows_run(&rows, &world, 5, 128 * n);
            CHECK_EQ(rows_broken(&rows, &world.delta), 0);
            CHECK(n % 64 == 0 || rows.choice[n / 64] >> n % 64 == 0);
            for (size_t i = 0; i < n; i++)
                ones += plane_bit(rows.choice, i);
            struct ot_block wrong = world.delta;
            wrong.w[n % 2] ^= (uint64_t)1 << n % 64;
            CHECK_EQ(rows_broken(&rows, &wrong), ones);
            ot_rows_free(&rows);
        }
        ot_world_free(&world);
    }
}

/* Rows of one call are those of several, in any order. */
static void order_does_not_matter(void)
{
    enum { N = 5000, CUT = 2176 };
    uint64_t state = seed + 2;
    struct ot_world world;
    struct ot_rows whole, head, tail;
    ot_world_make(&world, OT_FIELD, &state);
    ot_rows_take(&whole, OT_FIELD, N);
    ot_rows_take(&head, OT_FIELD, CUT);
    ot_rows_take(&tail, OT_FIELD, N - CUT);
    ot_rows_run(&tail, &world, 9, 1280 + CUT);
    ot_rows_run(&whole, &world, 9, 1280);
    ot_rows_run(&head, &world, 9, 1280);
    CHECK(memcmp(whole.q, head.q, CUT * sizeof *head.q) == 0);
    CHECK(memcmp(whole.q + CUT, tail.q, (N - CUT) * sizeof *tail.q) == 0);
    CHECK(memcmp(whole.t, head.t, CUT * sizeof *head.t) == 0);
    CHECK(memcmp(whole.t + CUT, tail.t, (N - CUT) * sizeof *tail.t) == 0);
    CHECK(memcmp(whole.choice, head.choice, CUT / 8) == 0);
    ot_rows_run(&head, &world, 10, 1280);
    CHECK(memcmp(whole.t, head.t, 16) != 0);
    ot_rows_free(&whole), ot_rows_free(&head), ot_rows_free(&tail);
    ot_world_free(&world);
}

/* Within six standard deviations of a half: choices, and every column of t, of q and of the
 * message. */
static void bits_are_balanced(void)
{
    enum { N = 1 << 14, SIX = 3 << 7 };
    uint64_t state = seed + 3;
    struct ot_world world;
    struct ot_rows rows;
    ot_world_make(&world, 2, &state);
    ot_rows_take(&rows, 2, N);
    ot_rows_run(&rows, &world, 1, 0);
    long ones = 0;
    for (size_t i = 0; i < N; i++)
        ones += plane_bit(rows.choice, i);
    CHECK(labs(ones - N / 2) < SIX);
    for (unsigned j = 0; j < OT_KAPPA; j++) {
        long t = 0, q = 0, with = 0;
        for (size_t i = 0; i < N; i++) {
            t += ot_bit(&rows.t[i], j);
            q += ot_bit(&rows.q[i], j);
            with += ot_bit(&rows.t[i], j) ^ plane_bit(rows.choice, i);
        }
        CHECK(labs(t - N / 2) < SIX && labs(q - N / 2) < SIX && labs(with - N / 2) < SIX);
    }
    ones = 0;
    for (size_t i = 0; i < ot_message_bytes(2, N); i++)
        ones += __builtin_popcount(rows.message[i]);
    CHECK(labs(ones - 63 * N / 2) < 8 * SIX);
    ot_rows_free(&rows);
    ot_world_free(&world);
}

/* Every implementation gives the same rows, messages and pads. */
static void implementations_agree(void)
{
    enum { N = 2300 };
    uint64_t state = seed + 4;
    struct ot_world world;
    struct ot_rows one, other;
    struct ot_block *pad = ot_memory(N * sizeof *pad), *pad2 = ot_memory(N * sizeof *pad);
    ot_world_make(&world, 4, &state);
    ot_rows_take(&one, 4, N);
    ot_rows_take(&other, 4, N);
    CHECK(kernel_force("portable") == 0 && prf_force("openssl") == 0);
    ot_rows_run(&one, &world, 1, 256);
    ot_pads(one.q, &world.delta, 1, 256, N, pad);
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++) {
            if (kernel_force(kernels[i]) != 0 || prf_force(ciphers[j]) != 0)
                continue;
            ot_rows_run(&other, &world, 1, 256);
            ot_pads(other.q, &world.delta, 1, 256, N, pad2);
            CHECK(memcmp(one.choice, other.choice, KERNEL_PLANE(N) * 8) == 0);
            CHECK(memcmp(one.t, other.t, N * sizeof *one.t) == 0);
            CHECK(memcmp(one.q, other.q, N * sizeof *one.q) == 0);
            CHECK(memcmp(one.message, other.message, ot_message_bytes(4, N)) == 0);
            CHECK(memcmp(pad, pad2, N * sizeof *pad) == 0);
        }
    kernel_force(NULL);
    prf_force(NULL);
    ot_rows_free(&one), ot_rows_free(&other);
    ot_world_free(&world);
    free(pad), free(pad2);
}

/* ---- trees ---- */

/* Words of level `level` of a group: a sum that is wrong is seen by who takes it, at any k; the
 * sender takes the side off its path. Wrong checks and hashes are always seen. */
static void wrong_trees_are_refused(void)
{
    uint64_t state = seed + 5;
    for (unsigned k = 1; k <= OT_FIELD_MAX; k++)
        for (unsigned trial = 0; trial < 24; trial++) {
            struct ot_world world;
            ot_world_plant(&world, k, &state);
            unsigned i = (unsigned)(check_random(&state) % OT_KAPPA), g = i / k;
            unsigned w = g * k + k > OT_KAPPA ? OT_KAPPA - g * k : k, level = g * k + w - 1 - i;
            unsigned side = trial % 2;      /* of bit i of Delta, at this level; or the check */
            size_t at = g * k * 32 + (level == 0 ? (w - 1) * 32 : (level - 1) * 32 + side * 16);
            if (trial >= 20)
                at = OT_TREES - 32 + trial;
            world.words[at + trial % 16] ^= (uint8_t)(1 << trial % 8);
            int seen = level == 0 || trial >= 20 || side != ot_bit(&world.delta, i);
            CHECK_EQ(ot_world_puncture(&world, k), seen ? -1 : 0);
            ot_world_free(&world);
        }
}

/* What the check of trees is for: a tree that is refused gives rows that do not hold. */
static void wrong_trees_break_rows(void)
{
    uint64_t state = seed + 6;
    struct ot_world world;
    struct ot_rows rows;
    ot_world_plant(&world, 2, &state);
    world.words[0] ^= 1, world.words[16] ^= 1;
    CHECK_EQ(ot_world_puncture(&world, 2), -1);
    ot_rows_take(&rows, 2, 1000);
    ot_rows_run(&rows, &world, 0, 0);
    CHECK(rows_broken(&rows, &world.delta) > 300);
    ot_rows_free(&rows);
    ot_world_free(&world);
}

/* ---- the proof of consistency ---- */

/* a b in GF(2^64), bit by bit. */
static uint64_t slow_mul(uint64_t a, uint64_t b)
{
    uint64_t product = 0;
    for (; b != 0; b >>= 1) {
        product ^= b & 1 ? a : 0;
        a = a << 1 ^ (a >> 63 ? 0x1b : 0);
    }
    return product;
}

static void proofs_by_the_definition(void)
{
    uint64_t state = seed + 7;
    struct ot_world world;
    struct ot_rows rows;
    uint8_t coin[PRF_KEY];
    uint64_t proof[OT_PROOF];
    ot_world_make(&world, 4, &state);
    ot_random(coin, sizeof coin, &state);
    for (size_t n = 64; n <= 1984; n += 640) {
        ot_rows_take(&rows, 4, n);
        ot_rows_run(&rows, &world, 3, 0);
        uint64_t u = 0, v[OT_KAPPA] = { 0 };
        for (size_t b = 0; b < n / 64; b++) {
            uint8_t block[16];
            stream(block, coin, 0, b / 2);
            uint64_t a = b + 1 == n / 64 ? 1 : get_u64(block + b % 2 * 8);
            u ^= slow_mul(a, rows.choice[b]);
            for (unsigned j = 0; j < OT_KAPPA; j++) {
                uint64_t column = 0;
                for (size_t i = 0; i < 64; i++)
                    column |= (uint64_t)ot_bit(&rows.t[64 * b + i], j) << i;
                v[j] ^= slow_mul(a, column);
            }
        }
        ot_prove(proof, rows.choice, rows.t, n, coin);
        CHECK(proof[0] == u && memcmp(proof + 1, v, sizeof v) == 0);
        CHECK_EQ(ot_verify(proof, rows.q, &world.delta, n, coin), 0);
        ot_rows_free(&rows);
    }
    ot_world_free(&world);
}

enum { PROVEN = 256 };

/* The sender's verdict on rows that the receiver has proven. */
static int verdict(struct ot_rows *r, const struct ot_world *world, const uint64_t *proof,
                   const uint8_t *coin)
{
    ot_send(world->sender, 1, 0, PROVEN, r->message, r->q);
    return ot_verify(proof, r->q, &world->delta, PROVEN, coin);
}

/* A proof that is wrong in one bit, of a choice, of a row, or of another coin. */
static void wrong_proofs_are_refused(void)
{
    uint64_t state = seed + 8, proof[OT_PROOF], wrong[OT_PROOF];
    struct ot_world world;
    struct ot_rows rows;
    uint8_t coin[PRF_KEY];
    ot_world_make(&world, 4, &state);
    ot_rows_take(&rows, 4, PROVEN);
    for (unsigned trial = 0; trial < 64; trial++) {
        ot_random(coin, sizeof coin, &state);
        ot_rows_run(&rows, &world, 1, 0);
        ot_prove(proof, rows.choice, rows.t, PROVEN, coin);
        CHECK_EQ(verdict(&rows, &world, proof, coin), 0);
        memcpy(wrong, proof, sizeof wrong);
        wrong[check_random(&state) % OT_PROOF] ^= (uint64_t)1 << trial;
        CHECK_EQ(verdict(&rows, &world, wrong, coin), -1);
        coin[trial % 16] ^= 1;
        CHECK_EQ(verdict(&rows, &world, proof, coin), -1);
        coin[trial % 16] ^= 1;
        size_t i = check_random(&state) % PROVEN;
        rows.choice[i / 64] ^= (uint64_t)1 << i % 64;
        ot_prove(wrong, rows.choice, rows.t, PROVEN, coin);
        CHECK_EQ(verdict(&rows, &world, wrong, coin), -1);
        rows.choice[i / 64] ^= (uint64_t)1 << i % 64;
        rows.t[i].w[trial % 2] ^= (uint64_t)1 << trial;
        ot_prove(wrong, rows.choice, rows.t, PROVEN, coin);
        CHECK_EQ(verdict(&rows, &world, wrong, coin), -1);
    }
    ot_rows_free(&rows);
    ot_world_free(&world);
}

/* A receiver that sends another choice to one group and prepares its proof for the guess that
 * Delta_g is `guess` gets through with 2^-k exactly, and so learns Delta_g at that price. */
static void cheats_pass_by_guessing_alone(void)
{
    enum { TRIALS = 300 };
    uint64_t state = seed + 9, proof[OT_PROOF];
    uint8_t coin[PRF_KEY];
    struct ot_rows rows;
    for (unsigned k = 1; k <= 4; k++) {
        unsigned passed = 0, g = 127 / k - 1;
        ot_rows_take(&rows, k, PROVEN);
        for (unsigned trial = 0; trial < TRIALS; trial++) {
            struct ot_world world;
            unsigned guess = (unsigned)check_random(&state) % (1u << k), delta = 0;
            size_t i = 64 + check_random(&state) % (PROVEN - 64);
            ot_world_make(&world, k, &state);
            for (unsigned j = 0; j < k; j++)
                delta |= ot_bit(&world.delta, g * k + j) << j;
            ot_receive(world.receiver, 1, 0, PROVEN, rows.choice, rows.t, rows.message);
            rows.message[(g - 1) * (PROVEN / 8) + i / 8] ^= (uint8_t)(1 << i % 8);
            for (unsigned j = 0; j < k; j++)
                if (guess >> j & 1)
                    rows.t[i].w[(g * k + j) / 64] ^= (uint64_t)1 << (g * k + j) % 64;
            ot_random(coin, sizeof coin, &state);
            ot_prove(proof, rows.choice, rows.t, PROVEN, coin);
            int pass = verdict(&rows, &world, proof, coin) == 0;
            CHECK_EQ(pass, guess == delta);
            passed += (unsigned)pass;
            ot_world_free(&world);
        }
        double p = 1.0 / (1u << k), off = passed - TRIALS * p;
        CHECK(off * off < 36 * TRIALS * p * (1 - p));
        ot_rows_free(&rows);
    }
}

/* ---- pads ---- */

static void slow_pad(struct ot_block *pad, const struct ot_block *row, const struct ot_block *by,
                     uint32_t id, uint64_t number)
{
    static const uint8_t pi[16] = { 0x24, 0x3f, 0x6a, 0x88, 0x85, 0xa3, 0x08, 0xd3,
                                    0x13, 0x19, 0x8a, 0x2e, 0x03, 0x70, 0x73, 0x44 };
    uint8_t x[16], once[16], twice[16];
    for (unsigned h = 0; h < 2; h++)
        put_u64(x + 8 * h, row->w[h] ^ (by != NULL ? by->w[h] : 0));
    aes(once, pi, x);
    put_u64(x, get_u64(once) ^ number);
    put_u64(x + 8, get_u64(once + 8) ^ id);
    aes(twice, pi, x);
    for (unsigned h = 0; h < 2; h++)
        pad->w[h] = get_u64(once + 8 * h) ^ get_u64(twice + 8 * h);
}

/* Pads by the definition; the receiver's is that of its choice, and never the other one. */
static void pads_by_the_definition(void)
{
    enum { N = 300 };
    uint64_t state = seed + 10;
    struct ot_world world;
    struct ot_rows rows;
    struct ot_block pad[2][N], own[N], slow;
    ot_world_make(&world, 4, &state);
    ot_rows_take(&rows, 4, N);
    ot_rows_run(&rows, &world, 7, 1024);
    ot_pads(rows.q, NULL, 7, 1024, N, pad[0]);
    ot_pads(rows.q, &world.delta, 7, 1024, N, pad[1]);
    ot_pads(rows.t, NULL, 7, 1024, N, own);
    for (size_t i = 0; i < N; i++) {
        slow_pad(&slow, &rows.q[i], NULL, 7, 1024 + i);
        CHECK(memcmp(&slow, &pad[0][i], sizeof slow) == 0);
        slow_pad(&slow, &rows.q[i], &world.delta, 7, 1024 + i);
        CHECK(memcmp(&slow, &pad[1][i], sizeof slow) == 0);
        CHECK(memcmp(&own[i], &pad[plane_bit(rows.choice, i)][i], sizeof *own) == 0);
        CHECK(memcmp(&own[i], &pad[!plane_bit(rows.choice, i)][i], sizeof *own) != 0);
    }
    ot_rows_free(&rows);
    ot_world_free(&world);
}

/* Why no tweak may serve twice: equal rows then have equal pads, as they do not otherwise. */
static void a_repeated_tweak_shows(void)
{
    struct ot_block rows[2] = { { { 1, 2 } }, { { 1, 2 } } }, pad[2], again[2], other[2];
    ot_pads(rows, NULL, 7, 0, 2, pad);
    CHECK(memcmp(&pad[0], &pad[1], sizeof *pad) != 0);
    ot_pads(rows + 1, NULL, 7, 0, 1, again);
    CHECK(memcmp(&pad[0], &again[0], sizeof *pad) == 0);
    ot_pads(rows, NULL, 8, 0, 2, other);
    CHECK(memcmp(&pad[0], &other[0], sizeof *pad) != 0);
}

int main(int argc, char **argv)
{
    seed = argc > 1 ? strtoull(argv[1], NULL, 0) : 20260;
    printf("# seed %llu\n", (unsigned long long)seed);
    CASE(rows_by_the_definition);
    CASE(both_ends_agree);
    CASE(order_does_not_matter);
    CASE(bits_are_balanced);
    CASE(implementations_agree);
    CASE(wrong_trees_are_refused);
    CASE(wrong_trees_break_rows);
    CASE(proofs_by_the_definition);
    CASE(wrong_proofs_are_refused);
    CASE_PLAIN(cheats_pass_by_guessing_alone);
    CASE(pads_by_the_definition);
    CASE(a_repeated_tweak_shows);
    return check_done();
}
