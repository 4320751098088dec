/*
 * silent_tree.c: correlated trees, whole and punctured, in the memory of their leaves.
 *
 * Of a level of n nodes, number y has the children y and y + n in the next: the left ones are the
 * lower half, and bit i of a leaf's number is the turn that its path takes at level i.
 */
#include "proto/silent.h"

#include <string.h>

#include "proto/silent_impl.h"

/* The permutation of one tree, and P(0). */
struct hash {
    _Alignas(16) uint8_t schedule[11][16];
    struct ot_block zero;
};

static void block_xor(struct ot_block *z, const struct ot_block *x, uint64_t mask)
{
    z->w[0] ^= x->w[0] & mask;
    z->w[1] ^= x->w[1] & mask;
}

/* All ones if a = b, else 0; numbers below 2^63. */
static inline uint64_t mask_equal(uint64_t a, uint64_t b)
{
    uint64_t mask = -(((a ^ b) - 1) >> 63);
    __asm__("" : "+r"(mask));
    return mask;
}

static void hash_init(struct hash *h, const uint8_t public[static 11][16], uint32_t id, size_t tree)
{
    uint8_t key[PRF_KEY];
    prf_stream(public, id, SILENT_TREE, tree, key, sizeof key);
    prf_schedule(h->schedule, key);
    memset(&h->zero, 0, sizeof h->zero);
    prf_permute(h->schedule, &h->zero, sizeof h->zero);
}

/* n nodes become 2 n; sum: those of both halves. */
static void level_expand(const struct hash *h, struct ot_block *node, size_t n,
                         struct ot_block sum[2])
{
    struct ot_block left = { { 0 } }, all = { { 0 } };
    for (size_t y = 0; y < n; y++)
        node[n + y] = (struct ot_block){ { node[y].w[1], node[y].w[0] ^ node[y].w[1] } };
    prf_permute(h->schedule, node + n, n * sizeof *node);
    for (size_t y = 0; y < n; y++) {
        struct ot_block x = node[y];
        node[y].w[0] = node[n + y].w[0] ^ x.w[1] ^ h->zero.w[0];
        node[y].w[1] = node[n + y].w[1] ^ x.w[0] ^ x.w[1] ^ h->zero.w[1];
        node[n + y].w[0] = node[y].w[0] ^ x.w[0];
        node[n + y].w[1] = node[y].w[1] ^ x.w[1];
        left.w[0] ^= node[y].w[0];
        left.w[1] ^= node[y].w[1];
        all.w[0] ^= x.w[0];
        all.w[1] ^= x.w[1];
    }
    sum[0] = left;
    sum[1] = (struct ot_block){ { left.w[0] ^ all.w[0], left.w[1] ^ all.w[1] } };
}

/* ---- the whole tree ---- */

static void tree_grow(const struct hash *h, unsigned depth, struct ot_block *node,
                      const struct ot_block *delta, const struct ot_block *row, uint8_t *message)
{
    struct ot_block sum[2] = { node[0] };
    node[1] = node[0];
    block_xor(&node[1], delta, ~(uint64_t)0);
    for (unsigned i = 0; i < depth; i++) {
        if (i > 0)
            level_expand(h, node, (size_t)1 << i, sum);
        block_xor(&sum[0], &row[i], ~(uint64_t)0);
        memcpy(message + i * sizeof *sum, &sum[0], sizeof *sum);
    }
    for (size_t y = 0; y < (size_t)1 << depth; y++)
        node[y].w[0] &= ~(uint64_t)1;
}

void silent_send(const struct silent_set *s, uint32_t id, size_t first, size_t n,
                 const struct ot_block *input, const struct ot_block *delta,
                 const struct ot_source *source, uint8_t *message, struct ot_block *q)
{
    _Alignas(16) uint8_t public[11][16];
    struct hash h;
    silent_schedule(public);
    for (size_t tree = first; tree < first + n; tree++) {
        struct ot_block *node = q + ((tree - first) << s->depth);
        hash_init(&h, public, id, tree);
        prf_fill(source->own, source->gate, source->use, tree, node, sizeof *node);
        tree_grow(&h, s->depth, node, delta, input + s->k + tree * s->depth,
                  message + tree * s->depth * sizeof *node);
    }
}

/* ---- the punctured one ---- */

/* A place of a level that may not show: the path's node, and the sum of the nodes. */
struct path {
    uint64_t at;
    struct ot_block sum;
};

/* The path turns away from side c, whose whole sum is `known`; in a level of 2 n children, those of
 * the path's node are zeros. */
static void level_mend(struct ot_block *node, size_t n, struct path *p, uint64_t c,
                       struct ot_block known, const struct ot_block sum[2])
{
    uint64_t right = mask_equal(c, 1);
    struct ot_block side[2] = { known, known };
    block_xor(&side[0], &sum[0], ~(uint64_t)0);
    block_xor(&side[1], &sum[1], ~(uint64_t)0);
    for (size_t y = 0; y < n; y++) {
        uint64_t here = mask_equal(y, p->at);
        block_xor(&node[y], &side[0], here & ~right);
        block_xor(&node[n + y], &side[1], here & right);
    }
    p->at |= n & ~right;
    p->sum = known;     /* plus the other half */
    block_xor(&p->sum, &sum[0], right);
    block_xor(&p->sum, &sum[1], ~right);
}

/* The last leaf, and all choices. */
static void leaves_finish(struct ot_block *node, size_t n, const struct path *p)
{
    for (size_t y = 0; y < n; y++) {
        uint64_t here = mask_equal(y, p->at);
        block_xor(&node[y], &p->sum, here);
        node[y].w[0] = (node[y].w[0] & ~(uint64_t)1) | (here & 1);
    }
}

static void tree_follow(const struct hash *h, unsigned depth, struct ot_block *node,
                        const struct ot_block *row, const uint8_t *message)
{
    struct path p = { 0, { { 0 } } };
    struct ot_block sum[2] = { { { 0 } } }, known;
    memset(node, 0, 2 * sizeof *node);
    for (unsigned i = 0; i < depth; i++) {
        if (i > 0)
            level_expand(h, node, (size_t)1 << i, sum);
        memcpy(&known, message + i * sizeof known, sizeof known);
        block_xor(&known, &row[i], ~(uint64_t)0);
        level_mend(node, (size_t)1 << i, &p, row[i].w[0] & 1, known, sum);
    }
    leaves_finish(node, (size_t)1 << depth, &p);
}

void silent_receive(const struct silent_set *s, uint32_t id, size_t first, size_t n,
                    const struct ot_block *input, const uint8_t *message, struct ot_block *t)
{
    _Alignas(16) uint8_t public[11][16];
    struct hash h;
    silent_schedule(public);
    for (size_t tree = first; tree < first + n; tree++) {
        hash_init(&h, public, id, tree);
        tree_follow(&h, s->depth, t + ((tree - first) << s->depth), input + s->k + tree * s->depth,
                    message + tree * s->depth * sizeof *t);
    }
}
