/*
 * test_ot_form.c: what gates make of rows, both ends against plain arithmetic on what they put in,
 * and what each end must not have. `test_ot_form SEED` repeats a run.
 */
#include "proto/ot_form.h"
#include "tests/ot_world.h"

enum { N = 1100, STRIDE = 1152, PLANE = KERNEL_PLANE(N) };

static uint64_t seed;

static void plane_random(uint64_t *plane, size_t n, uint64_t *state)
{
    ot_random(plane, KERNEL_PLANE(n) * 8, state);
    if (n % 64 != 0)
        plane[n / 64] &= ((uint64_t)1 << n % 64) - 1;
}

/* ---- pads ---- */

/* Words and planes are the low bits of the blocks that ot_pads gives (test_ot.c). */
static void pads_in_every_form(void)
{
    uint64_t state = seed, words[N];
    struct ot_block row[N], delta, block[N];
    static uint64_t planes[64 * (PLANE + 3)];
    ot_random(row, sizeof row, &state);
    ot_random(&delta, sizeof delta, &state);
    for (int shifted = 0; shifted < 2; shifted++) {
        const struct ot_block *offset = shifted ? &delta : NULL;
        ot_pads(row, offset, 3, 640, N, block);
        ot_pad_words(words, row, offset, 3, 640, N);
        unsigned wrong = 0;
        for (unsigned b = 0; b < 5; b++) {
            unsigned width = (const unsigned[]){ 1, 2, 13, 33, 64 }[b];
            ot_pad_planes(planes, PLANE + 3, width, row, offset, 3, 640, N);
            for (size_t i = 0; i < N; i++)
                for (unsigned j = 0; j < width; j++)
                    wrong += plane_bit(planes + j * (PLANE + 3), i) != ot_bit(&block[i], j);
            CHECK(planes[N / 64] >> N % 64 == 0);
        }
        for (size_t i = 0; i < N; i++)
            wrong += words[i] != block[i].w[0];
        CHECK_EQ(wrong, 0);
    }
}

/* ---- words ---- */

/* Shares of b a for the receiver's choice, or for the random one without a flip. */
static void words_share_products(void)
{
    uint64_t state = seed + 1;
    struct ot_world world;
    struct ot_rows rows;
    static uint64_t pad[3][N], a[N], share[2][N], correction[N], choice[PLANE], flip[PLANE];
    ot_world_make(&world, 4, &state);
    ot_rows_take(&rows, 4, N);
    for (unsigned random = 0; random < 2; random++) {
        ot_rows_run(&rows, &world, random, 0);
        ot_random(a, sizeof a, &state);
        plane_random(choice, N, &state);
        if (random)
            memcpy(choice, rows.choice, sizeof choice);
        memcpy(flip, choice, sizeof flip);
        xor_words(flip, rows.choice, PLANE);
        ot_pad_words(pad[0], rows.q, NULL, random, 0, N);
        ot_pad_words(pad[1], rows.q, &world.delta, random, 0, N);
        ot_pad_words(pad[2], rows.t, NULL, random, 0, N);
        ot_word_send(share[0], correction, pad[0], pad[1], random ? NULL : flip, a, N);
        ot_word_receive(share[1], pad[2], choice, correction, N);
        unsigned wrong = 0, with_wrong_choice = 0;
        for (size_t i = 0; i < N; i++) {
            uint64_t product = plane_bit(choice, i) ? a[i] : 0;
            wrong += share[0][i] + share[1][i] != product;
            with_wrong_choice += share[0][i] + pad[2][i] +
                                 (plane_bit(choice, i) ? 0 : correction[i]) == a[i] - product;
        }
        CHECK_EQ(wrong, 0);
        CHECK_EQ(with_wrong_choice, 0);     /* the other product is out of reach */
    }
    ot_rows_free(&rows);
    ot_world_free(&world);
}

/* ---- tables ---- */

/* a b in GF(2^128), bit by bit. */
static struct ot_block slow_mul(struct ot_block a, unsigned b)
{
    unsigned __int128 x = (unsigned __int128)a.w[1] << 64 | a.w[0], product = 0;
    for (; b != 0; b >>= 1) {
        product ^= b & 1 ? x : 0;
        x = x << 1 ^ (x >> 127 ? 0x87 : 0);
    }
    return (struct ot_block){ { (uint64_t)product, (uint64_t)(product >> 64) } };
}

/* q = t ^ c delta over the field, with c put together from the digits. */
static void joined_rows_hold(void)
{
    uint64_t state = seed + 2;
    struct ot_world world;
    struct ot_rows rows;
    ot_world_make(&world, 4, &state);
    for (unsigned digits = 1; digits <= OT_DIGITS; digits++) {
        ot_rows_take(&rows, 4, digits * STRIDE);
        ot_rows_run(&rows, &world, digits, 0);
        ot_join(rows.t, STRIDE, digits, N);
        ot_join(rows.q, STRIDE, digits, N);
        unsigned wrong = 0, seen = 0;
        for (size_t i = 0; i < N; i++) {
            unsigned c = 0;
            for (unsigned d = 0; d < digits; d++)
                c |= (unsigned)plane_bit(rows.choice, d * STRIDE + i) << d;
            struct ot_block by = slow_mul(world.delta, c), multiple;
            ot_multiple(&multiple, &world.delta, c);
            wrong += memcmp(&by, &multiple, sizeof by) != 0;
            wrong += rows.q[i].w[0] != (rows.t[i].w[0] ^ by.w[0]);
            wrong += rows.q[i].w[1] != (rows.t[i].w[1] ^ by.w[1]);
            seen |= 1u << c;
        }
        CHECK_EQ(wrong, 0);
        CHECK_EQ(seen, (1ull << (1u << digits)) - 1);
        ot_rows_free(&rows);
    }
    ot_world_free(&world);
}

/* The receiver gets the entry that it wants, of tables of its partner; its pad fits no other
 * entry. */
static void table_run(unsigned digits, unsigned bits, uint64_t *state)
{
    struct ot_world world;
    struct ot_rows rows;
    size_t entries = (size_t)1 << digits;
    size_t size = entries * bits * PLANE * 8;
    uint64_t *table = ot_memory(size), *pads = ot_memory(size), *clean = ot_memory(size);
    uint64_t *want = ot_memory(digits * PLANE * 8), *flip = ot_memory(digits * PLANE * 8);
    uint64_t *out = ot_memory(bits * PLANE * 8);
    ot_world_make(&world, 4, state);
    ot_rows_take(&rows, 4, digits * STRIDE);
    ot_rows_run(&rows, &world, 1, 0);
    for (size_t p = 0; p < entries * bits; p++)
        plane_random(table + p * PLANE, N, state);
    for (unsigned d = 0; d < digits; d++) {
        plane_random(want + d * PLANE, N, state);
        for (size_t j = 0; j < PLANE; j++)
            flip[d * PLANE + j] = want[d * PLANE + j] ^ rows.choice[d * (STRIDE / 64) + j];
    }
    ot_join(rows.t, STRIDE, digits, N);
    ot_join(rows.q, STRIDE, digits, N);
    ot_table_pads(pads, PLANE, bits, digits, rows.q, &world.delta, 1, 0, N);
    ot_pad_planes(out, PLANE, bits, rows.t, NULL, 1, 0, N);
    memcpy(clean, pads, size);

    unsigned wrong = 0;
    long fits = 0;
    for (size_t i = 0; i < N; i++) {
        size_t c = 0;
        for (unsigned d = 0; d < digits; d++)
            c |= (size_t)plane_bit(rows.choice + d * (STRIDE / 64), i) << d;
        for (size_t e = 0; e < entries; e++)
            for (unsigned j = 0; j < bits; j++) {
                int same = plane_bit(clean + (e * bits + j) * PLANE, i) ==
                           plane_bit(out + j * PLANE, i);
                wrong += e == c && !same;
                fits += e == c ? 0 : 2 * same - 1;
            }
    }
    CHECK_EQ(wrong, 0);
    CHECK(fits * fits < 36 * (long)(N * (entries - 1) * bits));

    ot_table_send(pads, table, flip, bits, digits, PLANE);
    ot_table_receive(out, pads, want, bits, digits, PLANE);
    for (size_t i = 0; i < N; i++) {
        size_t e = 0;
        for (unsigned d = 0; d < digits; d++)
            e |= (size_t)plane_bit(want + d * PLANE, i) << d;
        for (unsigned j = 0; j < bits; j++)
            wrong += plane_bit(out + j * PLANE, i) != plane_bit(table + (e * bits + j) * PLANE, i);
    }
    CHECK_EQ(wrong, 0);
    free(table), free(pads), free(want), free(flip), free(out), free(clean);
    ot_rows_free(&rows);
    ot_world_free(&world);
}

static void tables_give_one_entry(void)
{
    uint64_t state = seed + 3;
    for (unsigned digits = 1; digits <= OT_DIGITS; digits++)
        table_run(digits, digits == 4 ? 2 : 5, &state);
}

/* Pads of entries at indices that XOR to zero do not cancel, as XORs of pads by digit would. */
static void pads_of_entries_do_not_cancel(void)
{
    uint64_t state = seed + 4, pad[4][N];
    struct ot_block q[2 * STRIDE], delta, offset;
    unsigned cancel = 0;
    ot_random(q, sizeof q, &state);
    ot_random(&delta, sizeof delta, &state);
    for (unsigned e = 0; e < 4; e++) {      /* the control: digit by digit */
        uint64_t other[N];
        ot_pad_words(pad[e], q, e & 1 ? &delta : NULL, 1, 0, N);
        ot_pad_words(other, q + STRIDE, e & 2 ? &delta : NULL, 1, STRIDE, N);
        xor_words(pad[e], other, N);
    }
    for (size_t i = 0; i < N; i++)
        cancel += (pad[0][i] ^ pad[1][i] ^ pad[2][i] ^ pad[3][i]) == 0;
    CHECK_EQ(cancel, N);
    cancel = 0;
    ot_join(q, STRIDE, 2, N);
    for (unsigned e = 0; e < 4; e++) {
        ot_multiple(&offset, &delta, e);
        ot_pad_words(pad[e], q, &offset, 1, 0, N);
    }
    for (size_t i = 0; i < N; i++)
        cancel += (pad[0][i] ^ pad[1][i] ^ pad[2][i] ^ pad[3][i]) == 0;
    CHECK_EQ(cancel, 0);
}

/* ---- triples ---- */

/* c = a b for both parties' shares; none of the shares is biased; with a direction's rows of
 * another id, a quarter of the products and more is wrong. */
static void triples_multiply(void)
{
    uint64_t state = seed + 5, share[2][3][PLANE], z[3][PLANE];
    struct ot_world world[2];       /* world[i]: rows that party i sends */
    struct ot_rows rows[2];
    for (int i = 0; i < 2; i++) {
        ot_world_make(&world[i], 4, &state);
        ot_rows_take(&rows[i], 4, N);
        ot_rows_run(&rows[i], &world[i], 6, 256);
    }
    for (int mixed = 0; mixed < 2; mixed++) {
        for (int i = 0; i < 2; i++)
            ot_triples(share[i][0], share[i][1], share[i][2], rows[1 - i].choice, rows[1 - i].t,
                       rows[i].q, &world[i].delta, 6 + (mixed && i), 256, N);
        long wrong = 0, ones[6] = { 0 };
        for (int j = 0; j < 3; j++)
            for (size_t w = 0; w < PLANE; w++) {
                z[j][w] = share[0][j][w] ^ share[1][j][w];
                ones[j] += __builtin_popcountll(share[0][j][w]);
                ones[3 + j] += __builtin_popcountll(share[1][j][w]);
            }
        for (size_t w = 0; w < PLANE; w++)
            wrong += __builtin_popcountll((z[0][w] & z[1][w]) ^ z[2][w]);
        CHECK(mixed ? wrong > N / 4 : wrong == 0);
        for (int j = 0; j < 6; j++)
            CHECK((2 * ones[j] - N) * (2 * ones[j] - N) < 36 * N);
    }
    for (int i = 0; i < 2; i++) {
        ot_rows_free(&rows[i]);
        ot_world_free(&world[i]);
    }
}

int main(int argc, char **argv)
{
    seed = argc > 1 ? strtoull(argv[1], NULL, 0) : 20262;
    printf("# seed %llu\n", (unsigned long long)seed);
    CASE(pads_in_every_form);
    CASE(words_share_products);
    CASE(joined_rows_hold);
    CASE(tables_give_one_entry);
    CASE(pads_of_entries_do_not_cancel);
    CASE(triples_multiply);
    return check_done();
}
