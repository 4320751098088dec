/*
 * ot_tree.c: leaf keys of all groups, and all but one of them (GGM puncturing).
 *
 * Node y of a level has the children 2 y and 2 y + 1 in the next: blocks 0 and 1 of the stream of
 * its seed. Leaf number x has the branch of the top level in its top bit. A leaf's stream is its
 * key, then 32 bytes that serve the check alone (the paper's PPRF check): their XOR is sent, so
 * that the other end can compute those of the leaf it lacks, and a hash over those of all leaves:
 * who grows a tree that would be another one along another path is caught, unless it has guessed
 * the path.
 *
 * The words of a group of w bits: two XORs for each level but the first, then the XOR of the
 * checks: 32 w bytes; the hash follows those of all groups.
 *
 * The path is secret: the puncturing end expands every node, also those that it does not know, and
 * puts right by masks what hangs on the path.
 */
#include "proto/ot_impl.h"

#include <string.h>

#include <sodium.h>

#include "net/base_mem.h"

enum { MOST = 1 << OT_FIELD_MAX, CHECK = 32, LEVEL = 2 * PRF_KEY };

struct tree {
    struct ot_block node[MOST];         /* seeds of a level; in the end the keys of the leaves */
    uint64_t check[MOST][CHECK / 8];
};

static void block_xor(struct ot_block *z, const struct ot_block *x, uint64_t mask)
{
    z->w[0] ^= x->w[0] & mask;
    z->w[1] ^= x->w[1] & mask;
}

/* All ones if a = b, else 0; numbers below 2^63. */
static uint64_t mask_equal(uint64_t a, uint64_t b)
{
    uint64_t mask = -(((a ^ b) - 1) >> 63);
    __asm__("" : "+r"(mask));
    return mask;
}

static uint64_t mask_bit(const struct ot_block *delta, unsigned i)
{
    return mask_equal(delta->w[i / 64] >> (i % 64) & 1, 1);
}

static void seed_expand(const struct ot_block *seed, void *out, size_t n)
{
    _Alignas(16) uint8_t schedule[11][16];
    uint8_t key[PRF_KEY];
    memcpy(key, seed, sizeof key);
    prf_schedule(schedule, key);
    prf_stream(schedule, 0, 0, 0, out, n);
    wipe(schedule, sizeof schedule);
    wipe(key, sizeof key);
}

/* n nodes become 2 n. */
static void level_expand(struct tree *t, size_t n)
{
    while (n-- > 0) {
        struct ot_block child[2];
        seed_expand(&t->node[n], child, sizeof child);
        t->node[2 * n] = child[0];
        t->node[2 * n + 1] = child[1];
    }
}

/* The XORs of the left and of the right children, of which there are 2 n. */
static void level_sums(struct ot_block sum[2], const struct tree *t, size_t n)
{
    memset(sum, 0, 2 * sizeof *sum);
    for (size_t y = 0; y < 2 * n; y++)
        block_xor(&sum[y % 2], &t->node[y], ~(uint64_t)0);
}

/* Seeds of leaves become their keys and checks; adds the checks up. */
static void leaves_finish(struct tree *t, size_t n, uint64_t sum[static CHECK / 8])
{
    uint64_t both[(PRF_KEY + CHECK) / 8];
    memset(sum, 0, CHECK);
    for (size_t x = 0; x < n; x++) {
        seed_expand(&t->node[x], both, sizeof both);
        memcpy(&t->node[x], both, PRF_KEY);
        memcpy(t->check[x], both + PRF_KEY / 8, CHECK);
        for (unsigned i = 0; i < CHECK / 8; i++)
            sum[i] ^= t->check[x][i];
    }
    wipe(both, sizeof both);
}

static void leaves_store(uint8_t (*leaf)[11][16], const struct tree *t, size_t n)
{
    for (size_t x = 0; x < n; x++) {
        uint8_t key[PRF_KEY];
        memcpy(key, &t->node[x], sizeof key);
        prf_schedule(leaf[x], key);
        wipe(key, sizeof key);
    }
}

/* ---- the end that knows all ---- */

static void group_plant(struct tree *t, unsigned w, uint8_t *words,
                        const uint8_t (*key)[2][PRF_KEY])
{
    struct ot_block sum[2], pair[2];
    memcpy(t->node, key[w - 1], 2 * PRF_KEY);
    for (unsigned level = 1; level < w; level++, words += LEVEL) {
        level_expand(t, (size_t)1 << level);
        level_sums(sum, t, (size_t)1 << level);
        memcpy(pair, key[w - 1 - level], sizeof pair);
        block_xor(&sum[0], &pair[0], ~(uint64_t)0);
        block_xor(&sum[1], &pair[1], ~(uint64_t)0);
        memcpy(words, sum, LEVEL);
    }
    uint64_t check[CHECK / 8];
    leaves_finish(t, (size_t)1 << w, check);
    memcpy(words, check, CHECK);
}

void ot_plant(struct ot_state *s, unsigned k, uint8_t words[static OT_TREES],
              const uint8_t key[static OT_KAPPA][2][PRF_KEY])
{
    struct tree t;
    crypto_generichash_state hash;
    crypto_generichash_init(&hash, NULL, 0, CHECK);
    memset(s, 0, sizeof *s);
    s->field = k;
    for (unsigned g = 0; g < ot_groups(k); g++) {
        unsigned w = ot_width(k, g);
        group_plant(&t, w, words, key + g * k);
        words += w * LEVEL;
        crypto_generichash_update(&hash, (const uint8_t *)t.check, sizeof *t.check << w);
        leaves_store(s->leaf + ((size_t)g << k), &t, (size_t)1 << w);
    }
    crypto_generichash_final(&hash, words, CHECK);
    wipe(&hash, sizeof hash);
    wipe(&t, sizeof t);
}

/* ---- the end that knows all but one ---- */

/* Of 2 n children, those of node `path` are not known; the one off the path becomes so by the XOR
 * of its side: the right side if `left` is 0, the left one if it is all ones. */
static void level_mend(struct tree *t, size_t n, uint64_t path, uint64_t left,
                       const struct ot_block *known)
{
    struct ot_block sum[2];
    for (size_t y = 0; y < 2 * n; y++) {
        uint64_t keep = ~mask_equal(y / 2, path);
        t->node[y].w[0] &= keep;
        t->node[y].w[1] &= keep;
    }
    level_sums(sum, t, n);
    block_xor(&sum[0], known, left);
    block_xor(&sum[1], known, ~left);
    for (size_t y = 0; y < 2 * n; y++)
        block_xor(&t->node[y], &sum[y % 2],
                  mask_equal(y / 2, path) & (y % 2 == 0 ? left : ~left));
}

/* Brings leaf x to x ^ delta. */
static void leaves_turn(struct tree *t, unsigned w, const struct ot_block *delta, unsigned first)
{
    for (unsigned j = 0; j < w; j++) {
        uint64_t mask = mask_bit(delta, first + j);
        for (size_t x = 0; x < (size_t)1 << w; x++) {
            if ((x >> j & 1) != 0)
                continue;
            struct ot_block *a = &t->node[x], *b = &t->node[x | (size_t)1 << j], differ = *a;
            block_xor(&differ, b, ~(uint64_t)0);
            block_xor(a, &differ, mask);
            block_xor(b, &differ, mask);
        }
    }
}

/* The check of the leaf at `path`, from the XOR of all. */
static void check_mend(struct tree *t, size_t n, uint64_t path, const uint64_t *sum,
                       const uint8_t *words)
{
    uint64_t all[CHECK / 8];
    memcpy(all, words, CHECK);
    for (size_t x = 0; x < n; x++)
        for (unsigned i = 0; i < CHECK / 8; i++)
            t->check[x][i] ^= mask_equal(x, path) & (sum[i] ^ all[i]);
}

static void group_puncture(struct tree *t, unsigned w, const struct ot_block *delta,
                           unsigned first, const uint8_t *words, const uint8_t (*known)[PRF_KEY])
{
    uint64_t path = 0, check[CHECK / 8];
    memset(t->node, 0, sizeof t->node[0]);
    for (unsigned level = 0; level < w; level++) {
        uint64_t bit = mask_bit(delta, first + w - 1 - level);
        struct ot_block side, sums[2] = { { { 0 } } };
        memcpy(&side, known[w - 1 - level], sizeof side);
        if (level > 0) {
            memcpy(sums, words, LEVEL);
            words += LEVEL;
        }
        block_xor(&side, &sums[0], bit);
        block_xor(&side, &sums[1], ~bit);
        level_expand(t, (size_t)1 << level);
        level_mend(t, (size_t)1 << level, path, bit, &side);
        path = path << 1 | (bit & 1);
    }
    leaves_finish(t, (size_t)1 << w, check);
    check_mend(t, (size_t)1 << w, path, check, words);
}

int ot_puncture(struct ot_state *s, unsigned k, const struct ot_block *delta,
                const uint8_t words[static OT_TREES],
                const uint8_t known[static OT_KAPPA][PRF_KEY])
{
    struct tree t;
    uint8_t digest[CHECK];
    crypto_generichash_state hash;
    crypto_generichash_init(&hash, NULL, 0, CHECK);
    memset(s, 0, sizeof *s);
    s->delta = *delta;
    s->field = k;
    for (unsigned g = 0; g < ot_groups(k); g++) {
        unsigned w = ot_width(k, g);
        group_puncture(&t, w, delta, g * k, words, known + g * k);
        words += w * LEVEL;
        crypto_generichash_update(&hash, (const uint8_t *)t.check, sizeof *t.check << w);
        leaves_turn(&t, w, delta, g * k);
        leaves_store(s->leaf + ((size_t)g << k), &t, (size_t)1 << w);
    }
    crypto_generichash_final(&hash, digest, CHECK);
    wipe(&hash, sizeof hash);
    wipe(&t, sizeof t);
    return sodium_memcmp(digest, words, CHECK) == 0 ? 0 : -1;
}
