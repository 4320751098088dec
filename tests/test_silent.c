/*
 * test_silent.c: silent rows against a slow computation by their definition (AES by OpenSSL, trees
 * by recursion, one row of the code at a time), the relation of both ends, the noise, the choices,
 * and what the check catches. `test_silent SEED` repeats a run.
 */
#include "tests/silent_world.h"

#include <openssl/evp.h>

#include "net/base_bytes.h"

static uint64_t seed;

static const struct silent_set toy = { 301, 5, 6 };

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

/* Block number `block` of the stream (id, use) of a key. */
static void stream(uint8_t out[16], const uint8_t key[16], uint32_t id, uint32_t use,
                   uint64_t block)
{
    uint8_t in[16];
    put_u64(in, block);
    put_u32(in + 8, id);
    put_u32(in + 12, use);
    aes(out, key, in);
}

/* The fraction of e, sum of 1 / i!, in binary: long division. */
static void public_key(uint8_t key[16])
{
    uint32_t term[6] = { 1 }, sum[6] = { 0 };       /* words of 32 bits, the first is whole */
    for (uint32_t i = 1; i < 60; i++) {
        uint64_t rest = 0, carry = 0;
        for (unsigned j = 0; j < 6; j++) {
            rest = rest << 32 | term[j];
            term[j] = (uint32_t)(rest / i);
            rest %= i;
        }
        for (unsigned j = 6; j-- > 0; carry >>= 32) {
            carry += (uint64_t)sum[j] + term[j];
            sum[j] = (uint32_t)carry;
        }
    }
    for (unsigned j = 0; j < 16; j++)
        key[j] = (uint8_t)(sum[1 + j / 4] >> (24 - 8 * (j % 4)));
}

/* Leaf number x, the bits of which are the turns from the root's pair on. */
static struct ot_block slow_leaf(struct ot_block root, struct ot_block delta,
                                 const uint8_t key[16], unsigned depth, size_t x)
{
    struct ot_block node = root, child;
    uint8_t in[16], out[16], zero[16] = { 0 };
    if (x & 1)
        node = (struct ot_block){ { root.w[0] ^ delta.w[0], root.w[1] ^ delta.w[1] } };
    aes(zero, key, zero);
    for (unsigned i = 1; i < depth; i++, node = child) {
        put_u64(in, node.w[1]);
        put_u64(in + 8, node.w[0] ^ node.w[1]);
        aes(out, key, in);
        for (unsigned j = 0; j < 2; j++) {
            child.w[j] = get_u64(out + 8 * j) ^ get_u64(in + 8 * j) ^ get_u64(zero + 8 * j);
            child.w[j] ^= x >> i & 1 ? node.w[j] : 0;
        }
    }
    return node;
}

/* The left sum of level i: leaves of the tree that ends there. */
static struct ot_block slow_sum(struct ot_block root, struct ot_block delta,
                                const uint8_t key[16], unsigned i)
{
    struct ot_block sum = { { 0 } };
    for (size_t x = 0; x < (size_t)1 << i; x++) {
        struct ot_block node = slow_leaf(root, delta, key, i + 1, x);
        sum.w[0] ^= node.w[0];
        sum.w[1] ^= node.w[1];
    }
    return sum;
}

static size_t slow_tree(const struct silent_world *w, uint32_t id, size_t tree)
{
    unsigned depth = w->set->depth;
    uint8_t public[16], key[16], start[16];
    struct ot_block root;
    size_t wrong = 0;
    public_key(public);
    stream(key, public, id, 1, tree);
    stream(start, w->key, SILENT_GATE, SILENT_USE, tree);
    root = (struct ot_block){ { get_u64(start), get_u64(start + 8) } };
    for (size_t x = 0; x < (size_t)1 << depth; x++) {
        struct ot_block leaf = slow_leaf(root, w->delta, key, depth, x);
        leaf.w[0] &= ~(uint64_t)1;
        wrong += memcmp(&leaf, &w->rows[1][(tree << depth) + x], sizeof leaf) != 0;
    }
    for (unsigned i = 0; i < depth; i++) {
        struct ot_block word = slow_sum(root, w->delta, key, i);
        const struct ot_block *row = &w->input[1][w->set->k + tree * depth + i];
        word.w[0] ^= row->w[0];
        word.w[1] ^= row->w[1];
        wrong += memcmp(&word, w->message + (tree * depth + i) * sizeof word, sizeof word) != 0;
    }
    return wrong;
}

/* Output row i is what the code adds to a leaf. */
static struct ot_block slow_code(const struct silent_world *w, unsigned end, uint32_t id, size_t i)
{
    struct ot_block sum = { { 0 } };
    uint8_t key[16], block[16];
    public_key(key);
    for (size_t j = 10 * i; j < 10 * i + 10; j++) {
        stream(block, key, id, 0, j / 4);
        uint64_t column = (uint64_t)get_u32(block + j % 4 * 4) * w->set->k / 4294967296;
        sum.w[0] ^= w->input[end][column].w[0];
        sum.w[1] ^= w->input[end][column].w[1];
    }
    return sum;
}

/* ---- rows ---- */

static void rows_by_the_definition(void)
{
    uint64_t state = seed;
    struct silent_world w;
    uint32_t id = (uint32_t)check_random(&state);
    silent_world_make(&w, &toy, &state);
    silent_world_grow(&w, id);
    size_t wrong = 0, n = silent_rows(&toy);
    for (size_t tree = 0; tree < toy.trees; tree++)
        wrong += slow_tree(&w, id, tree);
    CHECK_EQ(wrong, 0);
    CHECK_EQ(silent_broken(&w, &w.delta), 0);
    struct ot_block *leaf[2] = { ot_memory(n * 16), ot_memory(n * 16) };
    memcpy(leaf[0], w.rows[0], n * 16);
    memcpy(leaf[1], w.rows[1], n * 16);
    silent_world_encode(&w, id);
    for (unsigned end = 0; end < 2; end++)
        for (size_t i = 0; i < n; i++) {
            struct ot_block sum = slow_code(&w, end, id, i);
            wrong += (sum.w[0] ^ leaf[end][i].w[0]) != w.rows[end][i].w[0] ||
                     (sum.w[1] ^ leaf[end][i].w[1]) != w.rows[end][i].w[1];
        }
    CHECK_EQ(wrong, 0);
    CHECK_EQ(silent_broken(&w, &w.delta), 0);
    free(leaf[0]);
    free(leaf[1]);
    silent_world_free(&w);
}

static size_t ones(const uint64_t *plane, size_t n)
{
    size_t sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += plane_bit(plane, i);
    return sum;
}

/* A set of the library; under a Delta that is wrong by one bit, all rows with choice 1 break. */
static void set_check(size_t rows, uint64_t salt)
{
    uint64_t state = seed + salt;
    struct silent_world w;
    silent_world_make(&w, silent_set(rows), &state);
    size_t n = silent_rows(w.set);
    uint64_t *choice = ot_memory(KERNEL_PLANE(n) * 8);
    silent_world_grow(&w, 7);
    silent_world_encode(&w, 7);
    CHECK_EQ(silent_broken(&w, &w.delta), 0);
    silent_choices(choice, w.rows[0], n);
    struct ot_block wrong = w.delta;
    wrong.w[1] ^= (uint64_t)1 << check_random(&state) % 64;
    CHECK_EQ(silent_broken(&w, &wrong), ones(choice, n));
    free(choice);
    silent_world_free(&w);
}

static void small_set(void)
{
    set_check(1, 1);
}

static void larger_set(void)
{
    set_check(900000, 2);
}

/* Rows of an extension go in; some that come out go in once more. */
static void from_an_extension_and_on(void)
{
    uint64_t state = seed + 3;
    struct ot_world world;
    struct ot_rows rows;
    struct silent_world w;
    size_t n = silent_input(&toy);
    ot_world_make(&world, 4, &state);
    ot_rows_take(&rows, 4, n);
    ot_rows_run(&rows, &world, 1, 0);
    silent_world_make(&w, &toy, &state);
    silent_ready(rows.t, rows.choice, n);
    silent_ready(rows.q, NULL, n);
    w.delta = silent_delta(&world.delta);
    for (uint32_t id = 2; id < 5; id++) {
        memcpy(w.input[0], id == 2 ? rows.t : w.rows[0], toy.k * sizeof *rows.t);
        memcpy(w.input[1], id == 2 ? rows.q : w.rows[1], toy.k * sizeof *rows.q);
        memcpy(w.input[0] + toy.k, rows.t + toy.k, (n - toy.k) * sizeof *rows.t);
        memcpy(w.input[1] + toy.k, rows.q + toy.k, (n - toy.k) * sizeof *rows.q);
        silent_world_grow(&w, id);
        silent_world_encode(&w, id);
        CHECK_EQ(silent_broken(&w, &w.delta), 0);
    }
    silent_world_free(&w);
    ot_rows_free(&rows);
    ot_world_free(&world);
}

/* ---- noise and choices ---- */

/* One in each tree, where the choices of its rows say not to be. */
static void noise_is_regular(void)
{
    uint64_t state = seed + 4;
    struct silent_world w;
    silent_world_make(&w, silent_set(1), &state);
    const struct silent_set *s = w.set;
    size_t n = silent_rows(s), misplaced = 0;
    uint64_t *noise = ot_memory(KERNEL_PLANE(n) * 8);
    silent_world_grow(&w, 8);
    silent_choices(noise, w.rows[0], n);
    CHECK_EQ(ones(noise, n), s->trees);
    for (size_t tree = 0; tree < s->trees; tree++) {
        size_t at = 0;
        for (unsigned i = 0; i < s->depth; i++)
            at |= (size_t)!plane_bit(w.choice, s->k + tree * s->depth + i) << i;
        misplaced += !plane_bit(noise, (tree << s->depth) + at);
    }
    CHECK_EQ(misplaced, 0);
    free(noise);
    silent_world_free(&w);
}

/* Five deviations from a fair coin in n tosses? */
static int is_unfair(size_t heads, size_t n)
{
    double off = 2.0 * (double)heads - (double)n;
    return off * off > 25 * (double)n;
}

/* Bits, and their sums with a later bit, for many distances; choices before the code fail. */
static int looks_random(const uint64_t *plane, size_t n)
{
    int bad = is_unfair(ones(plane, n), n);
    for (size_t by = 1; by < 400; by = by * 2 - by / 3 + 1) {
        size_t sum = 0;
        for (size_t i = 0; i + by < n; i++)
            sum += plane_bit(plane, i) ^ plane_bit(plane, i + by);
        bad |= is_unfair(sum, n - by);
    }
    return !bad;
}

static void choices_look_random(void)
{
    uint64_t state = seed + 5;
    struct silent_world w;
    silent_world_make(&w, silent_set(1), &state);
    size_t n = silent_rows(w.set) - 13;
    uint64_t *choice = ot_memory(KERNEL_PLANE(n) * 8);
    silent_world_grow(&w, 9);
    silent_choices(choice, w.rows[0], n);
    CHECK(!looks_random(choice, n));
    silent_world_encode(&w, 9);
    silent_choices(choice, w.rows[0], n);
    CHECK(looks_random(choice, n));
    CHECK_EQ(choice[n / 64] >> n % 64, 0);
    free(choice);
    silent_world_free(&w);
}

/* ---- the same, however it is computed ---- */

static void parts_make_the_whole(void)
{
    uint64_t state = seed + 6, again = seed + 6;
    struct silent_world whole, parts;
    silent_world_make(&whole, &toy, &state);
    silent_world_make(&parts, &toy, &again);
    silent_world_grow(&whole, 10);
    silent_world_encode(&whole, 10);
    silent_world_send(&parts, 10, 3, 2);
    silent_world_send(&parts, 10, 0, 3);
    for (size_t tree = toy.trees; tree-- > 0;)
        silent_world_receive(&parts, 10, tree, 1);
    for (unsigned end = 0; end < 2; end++) {
        silent_encode(&toy, 10, 128, 192, parts.input[end], parts.rows[end] + 128);
        silent_encode(&toy, 10, 0, 128, parts.input[end], parts.rows[end]);
        CHECK(memcmp(whole.rows[end], parts.rows[end], silent_rows(&toy) * 16) == 0);
    }
    CHECK(memcmp(whole.message, parts.message, silent_message_bytes(&toy)) == 0);
    silent_world_grow(&parts, 11);
    silent_world_encode(&parts, 11);
    CHECK(memcmp(whole.rows[0], parts.rows[0], silent_rows(&toy) * 16) != 0);
    silent_world_free(&whole);
    silent_world_free(&parts);
}

static void cipher_world(struct silent_world *w)
{
    uint64_t state = seed + 7;
    silent_world_make(w, &toy, &state);
    silent_world_grow(w, 12);
    silent_world_encode(w, 12);
}

static void ciphers_agree(void)
{
    static const char *const ciphers[] = { "aesni", "vaes" };
    const char *best = prf_isa();
    struct silent_world first, w;
    CHECK_EQ(prf_force("openssl"), 0);
    cipher_world(&first);
    for (size_t i = 0; i < sizeof ciphers / sizeof ciphers[0]; i++) {
        if (prf_force(ciphers[i]) != 0) {
            printf("# no %s here\n", ciphers[i]);
            continue;
        }
        cipher_world(&w);
        CHECK(memcmp(w.message, first.message, silent_message_bytes(&toy)) == 0);
        for (unsigned end = 0; end < 2; end++)
            CHECK(memcmp(w.rows[end], first.rows[end], silent_rows(&toy) * 16) == 0);
        silent_world_free(&w);
    }
    silent_world_free(&first);
    prf_force(best);
}

/* ---- the check ---- */

/* Whether the receiver accepts; `lie` is added to what it tells. */
static int accepted(const struct silent_world *w, uint64_t lie)
{
    static const uint8_t coin[PRF_KEY] = { 3, 1, 4 };
    uint8_t expected[SILENT_ANSWER], answer[SILENT_ANSWER];
    size_t n = silent_rows(w->set), mask = silent_input(w->set);
    uint64_t u = silent_prove(expected, w->rows[0], n, w->input[0] + mask, coin);
    silent_answer(answer, u ^ lie, w->rows[1], &w->delta, n, w->input[1] + mask, coin);
    return memcmp(expected, answer, SILENT_ANSWER) == 0;
}

static void check_catches_other_words(void)
{
    uint64_t state = seed + 8;
    struct silent_world w;
    unsigned missed = 0;
    silent_world_make(&w, &toy, &state);
    silent_world_grow(&w, 13);
    CHECK(accepted(&w, 0));
    CHECK(!accepted(&w, (uint64_t)1 << check_random(&state) % 64));
    for (size_t i = 0; i < silent_message_bytes(&toy); i += 1 + check_random(&state) % 16) {
        uint8_t flip = (uint8_t)(2 << check_random(&state) % 7);    /* bit 0 is not taken over */
        w.message[i] ^= flip;
        silent_world_receive(&w, 13, 0, toy.trees);
        missed += accepted(&w, 0);
        w.message[i] ^= flip;
    }
    CHECK_EQ(missed, 0);
    silent_world_receive(&w, 13, 0, toy.trees);
    CHECK(accepted(&w, 0));
    silent_world_free(&w);
}

/* A sender that changes the last word of a tree, and its rows to match at the two leaves where that
 * shows, has guessed all turns but the last: a right guess passes, a wrong one is caught. */
static void guesses_are_what_is_left(void)
{
    uint64_t state = seed + 9;
    struct silent_world w;
    silent_world_make(&w, &toy, &state);
    for (size_t tree = 0; tree < toy.trees; tree++)
        for (size_t off = 0; off < 3; off++) {
            size_t guess = off;
            const size_t half = (size_t)1 << (toy.depth - 1);
            silent_world_grow(&w, 14);
            for (unsigned i = 0; i < toy.depth - 1; i++)
                guess ^= (size_t)!plane_bit(w.choice, toy.k + tree * toy.depth + i) << i;
            w.message[((tree + 1) * toy.depth - 1) * 16 + 9] ^= 4;
            w.rows[1][(tree << toy.depth) + guess].w[1] ^= 4 << 8;
            w.rows[1][(tree << toy.depth) + guess + half].w[1] ^= 4 << 8;
            silent_world_receive(&w, 14, 0, toy.trees);
            CHECK_EQ(silent_broken(&w, &w.delta), off == 0 ? 0 : 4);
            CHECK_EQ(accepted(&w, 0), off == 0);
        }
    silent_world_free(&w);
}

/* ---- sets ---- */

static void sets_are_large_enough(void)
{
    for (size_t n = 1; n < 10000000; n += n / 3 + 1) {
        const struct silent_set *s = silent_set(n);
        CHECK(silent_rows(s) - silent_input(s) >= n || s == silent_set(SIZE_MAX));
        CHECK(s->depth >= 6 && silent_input(s) < silent_rows(s) / 4);
    }
    CHECK(silent_set(8000000) == silent_set(SIZE_MAX));
    CHECK(silent_set(200000) != silent_set(300000));
}

int main(int argc, char **argv)
{
    seed = argc > 1 ? strtoull(argv[1], NULL, 0) : 20260714;
    printf("# seed %llu\n", (unsigned long long)seed);
    CASE(rows_by_the_definition);
    CASE(small_set);
    CASE_PLAIN(larger_set);
    CASE(from_an_extension_and_on);
    CASE(noise_is_regular);
    CASE(choices_look_random);
    CASE(parts_make_the_whole);
    CASE(ciphers_agree);
    CASE(check_catches_other_words);
    CASE(guesses_are_what_is_left);
    CASE(sets_are_large_enough);
    return check_done();
}
