/*
 * syrep_tree.c: the carry tree, its messages and their statements.
 *
 * Leaf: A_j has shares 0 and 1 only, B_j share 2 only, so A_j B_j = p_{1,j} p_{2,j} (at E1) ^
 * p_{2,j} p_{0,j} (at E2), p_j = A_j ^ B_j. Each leaves its part under a word shared with D:
 *
 *     E1 -> E2   m_1 = p_1 p_2 ^ F(k_1):   p_1 . p_2 = [F(k_1)] ^ [m_1]     known to D, to E2
 *     E2 -> E1   m_2 = p_2 p_0 ^ F(k_0):   p_2 . p_0 = [m_2] ^ [F(k_0)]     known to E1, to D
 *
 * so g_j has the shares F(k_0), F(k_1), m_1 ^ m_2. Levels: replicated ANDs, stated in syrep_mul.c.
 *
 * Security before the proofs: m_1 goes to E2, which lacks k_1, m_2 to E1, which lacks k_0; an AND's
 * message to role r - 1 is masked by F(k_{r+1}), which that role lacks.
 */
#include "proto/syrep_tree.h"

#include <string.h>

#include "proto/kernel.h"

size_t carry_tree_words(unsigned leaves, size_t words, unsigned role)
{
    unsigned nodes = 0;
    for (unsigned level = 0; level <= carry_levels(leaves); level++)
        nodes += tree_size(leaves, level);
    return (4 * (size_t)nodes + (role == D ? 0 : leaves)) * words;
}

struct carry_tree carry_tree_at(uint64_t *memory, unsigned leaves, size_t words)
{
    struct carry_tree t = { .leaves = leaves, .words = words, .node = memory };
    t.in = memory + carry_tree_words(leaves, words, D);
    return t;
}

uint64_t *carry_node(const struct carry_tree *t, unsigned level, unsigned k, unsigned what,
                     unsigned share)
{
    for (unsigned below = 0; below < level; below++)
        k += tree_size(t->leaves, below);
    return t->node + (4 * (size_t)k + 2 * what + share) * t->words;
}

static struct pair node_pair(const struct carry_tree *t, unsigned level, unsigned k, unsigned what)
{
    return (struct pair){ { carry_node(t, level, k, what, 0), carry_node(t, level, k, what, 1) } };
}

/* ---- leaves ---- */

size_t leaf_bytes(unsigned leaves, size_t words, unsigned from, unsigned to)
{
    return from != to && from != D && to != D ? leaves * words * 8 : 0;
}

void leaf_send(const struct step *s, struct carry_tree *t, uint8_t *out)
{
    for (unsigned j = 0; j < t->leaves; j++) {
        uint64_t *g[2] = { carry_node(t, 0, j, 0, 0), carry_node(t, 0, j, 0, 1) };
        const uint64_t *p[2] = { carry_node(t, 0, j, 1, 0), carry_node(t, 0, j, 1, 1) };
        if (s->role != E1)
            draw_plane(s, 0, USE_CARRY, j, g[s->role == D ? 0 : 1], t->words);
        if (s->role != E2)
            draw_plane(s, 1, USE_CARRY, j, g[s->role == D ? 1 : 0], t->words);
        if (s->role == D)
            continue;
        uint64_t *drawn = g[s->role == E1 ? 0 : 1], *common = g[s->role == E1 ? 1 : 0];
        for (size_t w = 0; w < t->words; w++)
            common[w] = drawn[w] ^ (p[0][w] & p[1][w]);
        memcpy(out + 8 * j * t->words, common, 8 * t->words);
    }
}

void leaf_receive(const struct step *s, struct carry_tree *t, const uint8_t *in)
{
    if (s->role == D)
        return;
    memcpy(t->in, in, t->leaves * t->words * sizeof *t->in);
    for (unsigned j = 0; j < t->leaves; j++) {
        uint64_t *common = carry_node(t, 0, j, 0, s->role == E1 ? 1 : 0);
        for (size_t w = 0; w < t->words; w++)
            common[w] ^= t->in[j * t->words + w];
    }
}

struct prove_run leaf_run(unsigned leaves, size_t words)
{
    return (struct prove_run){ PROVE_BITS, 1, (uint32_t)(leaves * words) };
}

void leaf_fill(struct view *v, const struct carry_tree *t)
{
    for (unsigned j = 0; j < t->leaves; j++) {
        struct pair p = node_pair(t, 0, j, 1);
        view_term(v, 0, j * t->words, p, p, t->words);
        if (v->claim == NULL)
            continue;
        uint64_t *claim = v->claim + j * t->words;
        if (v->at.role == D)
            redraw_plane(&v->at, v->prover == E1 ? 1 : 0, USE_CARRY, j, claim, t->words);
        else
            memcpy(claim, t->in + j * t->words, t->words * sizeof *claim);
    }
}

/* ---- levels ---- */

unsigned carry_levels(unsigned leaves)
{
    return tree_levels(leaves, 1);
}

/* ANDs of a level: g of every pair of nodes, p of every pair but the lowest. */
static unsigned level_planes(unsigned leaves, unsigned level)
{
    return 2 * (tree_size(leaves, level) / 2) - 1;
}

size_t level_bytes(unsigned leaves, unsigned level, size_t words, unsigned from, unsigned to)
{
    return to == (from + 2) % 3 ? level_planes(leaves, level) * words * 8 : 0;
}

/* AND number k of a level: factors x y, the node that it makes, and what is added to it. */
struct node_and {
    unsigned node, what;
    struct pair x, y, plus;
};

static struct node_and node_and(const struct carry_tree *t, unsigned level, unsigned k)
{
    unsigned pairs = tree_size(t->leaves, level) / 2;
    struct node_and a = { .what = k >= pairs };
    a.node = k < pairs ? k : k - pairs + 1;
    a.x = node_pair(t, level, 2 * a.node + 1, 1);
    a.y = node_pair(t, level, 2 * a.node, a.what);
    if (a.what == 0)
        a.plus = node_pair(t, level, 2 * a.node + 1, 0);
    return a;
}

void level_send(const struct step *s, struct carry_tree *t, unsigned level)
{
    uint64_t *out = (uint64_t *)s->out[(s->role + 2) % 3];
    for (unsigned k = 0; k < level_planes(t->leaves, level); k++) {
        struct node_and a = node_and(t, level, k);
        uint64_t *z = carry_node(t, level + 1, a.node, a.what, 0);
        zero_plane(s, level, k, z, t->words);
        and_add(z, a.x.plane[0], a.x.plane[1], a.y.plane[0], a.y.plane[1], t->words);
        for (size_t w = 0; w < t->words && a.plus.plane[0] != NULL; w++)
            z[w] ^= a.plus.plane[0][w];
        memcpy(out + k * t->words, z, t->words * sizeof *z);
    }
}

void level_receive(const struct step *s, struct carry_tree *t, unsigned level)
{
    unsigned size = tree_size(t->leaves, level), planes = level_planes(t->leaves, level);
    const uint64_t *in = (const uint64_t *)s->in[(s->role + 1) % 3];
    for (unsigned k = 0; k < planes; k++) {
        struct node_and a = node_and(t, level, k);
        memcpy(carry_node(t, level + 1, a.node, a.what, 1), in + k * t->words,
               t->words * sizeof *in);
    }
    if (size % 2 == 1)
        memcpy(carry_node(t, level + 1, size / 2, 0, 0), carry_node(t, level, size - 1, 0, 0),
               4 * t->words * sizeof *in);
}

static unsigned all_planes(unsigned leaves)
{
    unsigned planes = 0;
    for (unsigned level = 0; level < carry_levels(leaves); level++)
        planes += level_planes(leaves, level);
    return planes;
}

struct prove_run level_run(unsigned leaves, size_t words)
{
    return (struct prove_run){ PROVE_BITS, 2, (uint32_t)(all_planes(leaves) * words) };
}

void level_fill(struct view *v, const struct carry_tree *t)
{
    size_t at = 0;
    for (unsigned level = 0; level < carry_levels(t->leaves); level++)
        for (unsigned k = 0; k < level_planes(t->leaves, level); k++, at += t->words) {
            struct node_and a = node_and(t, level, k);
            and_statement(v, at, a.x, a.y, node_pair(t, level + 1, a.node, a.what), a.plus, level,
                          k, t->words);
        }
}

/* ---- the sign ---- */

size_t sum_sign_words(unsigned width, size_t words, unsigned role)
{
    return carry_tree_words(width - 1, words, role) + 2 * words;
}

struct sum_sign sum_sign_at(uint64_t *memory, unsigned width, size_t words, unsigned role)
{
    struct sum_sign r = { .low = width - 1, .words = words };
    r.tree = carry_tree_at(memory, r.low, words);
    r.top = memory + carry_tree_words(r.low, words, role);
    return r;
}

static uint64_t *bit_plane(const struct sum_sign *r, unsigned j, unsigned share)
{
    return j < r->low ? carry_node(&r->tree, 0, j, 1, share) : r->top + share * r->words;
}

void sum_sign_bits(struct sum_sign *r, unsigned share, size_t first, const uint64_t *x, size_t n)
{
    uint64_t planes[64][CHUNK / 64];
    planes_from_words(&planes[0][0], CHUNK / 64, x, n, 0, r->low + 1);
    for (unsigned j = 0; j <= r->low; j++)
        memcpy(bit_plane(r, j, share) + first / 64, planes[j], KERNEL_PLANE(n) * 8);
}

/* E1 draws here what D has drawn when it dealt. */
static void carry_mask(const struct step *s, unsigned number, size_t w, uint64_t *mask, size_t m)
{
    if (s->role == D)
        redraw_part(s, 1, USE_CHAIN, number, w, mask, m);
    else
        draw_part(s, 1, USE_CHAIN, number, w, mask, m);
}

void sum_sign_carries(const struct step *s, struct sum_sign *r, const uint64_t *dealt,
                      unsigned skip)
{
    uint64_t mask[CHUNK];
    for (unsigned j = skip == 0; j <= r->low; j++)
        for (size_t w = 0; w < r->words; w += CHUNK) {
            size_t m = r->words - w < CHUNK ? r->words - w : CHUNK;
            uint64_t *zero = bit_plane(r, j, s->role == D ? 0 : 1) + w;
            uint64_t *one = bit_plane(r, j, s->role == D ? 1 : 0) + w;
            const uint64_t *d = dealt + (skip + j - 1) * r->words + w;
            for (size_t k = 0; k < m && s->role != E1; k++)
                zero[k] ^= d[k];
            if (s->role == E2)
                continue;
            carry_mask(s, skip + j - 1, w, mask, m);
            for (size_t k = 0; k < m; k++)
                one[k] ^= mask[k];
        }
}

void sum_sign_share(const struct sum_sign *r, unsigned k, uint64_t *out)
{
    const uint64_t *carry = carry_node(&r->tree, carry_levels(r->low), 0, 0, k);
    for (size_t w = 0; w < r->words; w++)
        out[w] = carry[w] ^ r->top[k * r->words + w];
}
