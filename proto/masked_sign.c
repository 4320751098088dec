/*
 * masked_sign.c: the top bit of the sum of m bits of A, known to E1 and E2, and of B, known to D and V:
 *
 *     A[m-1] ^ B[m-1] ^ carry of the low m - 1 bits
 *
 * The bits are cut into blocks of k <= 3 (carry.h). For a block with values a and b, D shares the
 * thermometer T_j = [b >= j], j = 1 .. 2^k - 1 (DEALT under K_1), and E1 and E2 know which entry is
 * wanted, S_v = [a = v]:
 *
 *     g = sum_v S_v T_{2^k - v},    p = T_{2^k - 1} + sum_v S_v (T_{2^k - v} + T_{2^k - 1 - v} + T_{2^k - 1})
 *
 * over v = 1 .. 2^k - 1 in the field of two elements, T_0 = 1: inner products of what E1 and E2 know
 * with what D and V know, which E1 and E2 do on their shares of T. They put them under fresh masks
 * (the exchange), so that g and p are shared like any bit; a tree of AND gates (masked_and.c) follows.
 *
 * Check (quad), as of every such inner product (masked_open.c): REPORT S_v + w_v; HINT q = w_g + sum
 * w_v T_.., so V has g + w_g = sum (S_v + w_v) T_.. + q; E1 and E2 claim m_g + w_g with V, which
 * claims this + L_g. Likewise p, for the part without T_{2^k - 1} alone.
 *
 * Bits per block of 3 over all parties: 7 dealt, 4 exchanged; quad: 7 reported, 2 hinted more. Smaller
 * blocks cost more AND gates, blocks of 4 twice the table: 3 is the cheapest in quad and as
 * good as 4 in trio.
 */
#include <string.h>

#include "proto/masked.h"

#define NO_NODE SIZE_MAX

/* ---- shape ---- */

/* AND gates before level `level` of the tree. */
static unsigned ands_before(unsigned blocks, unsigned level)
{
    unsigned n = 0;
    for (unsigned i = 0; i < level; i++)
        n += tree_ands(tree_size(blocks, i));
    return n;
}

static struct circuit circuit_shape(unsigned width, size_t n)
{
    struct circuit c = { .blocks = blocks_of(width, BLOCK), .width = width,
                         .words = KERNEL_PLANE(n) };
    c.levels = tree_levels(c.blocks.count, 2);
    c.looks = 2 * c.blocks.count - 1;
    c.ands = ands_before(c.blocks.count, c.levels);
    return c;
}

size_t circuit_words(unsigned width, size_t n)
{
    struct circuit c = circuit_shape(width, n);
    return (width + 2 * c.blocks.tables + 3) * c.words + tree_words(c.blocks.count, c.words);
}

struct circuit circuit_of(unsigned width, size_t n, uint64_t *memory)
{
    struct circuit c = circuit_shape(width, n);
    if (memory == NULL)
        return c;
    c.bits = memory;
    c.tables = c.bits + width * c.words;
    c.select = c.tables + c.blocks.tables * c.words;
    c.temp = c.select + c.blocks.tables * c.words;
    c.top = c.temp + 2 * c.words;
    c.tree = tree_at(c.top + c.words, c.blocks.count, c.words);
    return c;
}

/* ---- look-ups ---- */

/* Look-ups in the order in which they travel: g_0 .. g_{c-1}, p_1 .. p_{c-1}. */
static uint64_t *look_plane(const struct circuit *c, unsigned which, unsigned k)
{
    const struct tree *t = &c->tree;
    unsigned count = c->blocks.count;
    return k < count ? t->g[which] + k * t->words : t->p[which] + (k - count + 1) * t->words;
}

/* g and p of one block; `one` stands for T_0. p NULL: g alone. */
static void combine(uint64_t *restrict g, uint64_t *restrict p, const uint64_t *select,
                    const uint64_t *table, size_t words, unsigned k, uint64_t one)
{
    unsigned size = 1u << k;
    const uint64_t *all = table + (size - 2) * words;
    memset(g, 0, words * sizeof *g);
    for (unsigned v = 1; v < size; v++) {
        const uint64_t *sel = select + (v - 1) * words, *t = table + (size - v - 1) * words;
        for (size_t w = 0; w < words; w++)
            g[w] ^= sel[w] & t[w];
    }
    if (p == NULL)
        return;
    memset(p, 0, words * sizeof *p);
    for (unsigned v = 1; v + 1 < size; v++) {
        const uint64_t *sel = select + (v - 1) * words, *t = table + (size - v - 2) * words;
        for (size_t w = 0; w < words; w++)
            p[w] ^= sel[w] & (t[w] ^ all[w]);
    }
    const uint64_t *sel = select + (size - 2) * words;
    for (size_t w = 0; w < words; w++)
        p[w] ^= g[w] ^ (sel[w] & (one ^ all[w]));
}

/* All blocks: look-up k into planes g(k) and p(k), which `into` names by their number. */
struct looks {
    const struct circuit *c;
    unsigned which;             /* of the tree's two planes; or: */
    const struct strings *l;    /* the planes of HINT */
};

static uint64_t *looks_plane(const struct looks *o, unsigned k)
{
    return o->l != NULL ? string_plane(o->l, HINT, k) : look_plane(o->c, o->which, k);
}

static void combine_blocks(const struct looks *o, const uint64_t *select, const uint64_t *table,
                           uint64_t one)
{
    const struct circuit *c = o->c;
    size_t at = 0;
    for (unsigned i = 0; i < c->blocks.count; i++) {
        unsigned k = c->blocks.bits[i];
        combine(looks_plane(o, i), i == 0 ? NULL : looks_plane(o, c->blocks.count + i - 1),
                select + at, table + at, c->words, k, one);
        at += ((1u << k) - 1) * c->words;
    }
}

/* p += T_{2^k - 1} of every block but the lowest. */
static void add_last_entries(const struct circuit *c, unsigned which, const uint64_t *table)
{
    size_t at = 0;
    for (unsigned i = 0; i < c->blocks.count; i++) {
        at += ((1u << c->blocks.bits[i]) - 1) * c->words;
        if (i > 0)
            xor_words(look_plane(c, which, c->blocks.count + i - 1), table + at - c->words,
                      c->words);
    }
}

/* ---- D and V ---- */

static void deal_tables(const struct step *s, const struct strings *l, const struct circuit *c)
{
    size_t words = c->words;
    unsigned table = 0, bit = 0;
    for (unsigned i = 0; i < c->blocks.count; i++) {
        unsigned planes = (1u << c->blocks.bits[i]) - 1;
        for (size_t w = 0; w < words; w++) {
            uint64_t t[15] = { 0 };
            thermometer(t, c->bits + bit * words + w, words, c->blocks.bits[i]);
            for (unsigned j = 0; j < planes; j++)
                c->tables[(table + j) * words + w] = t[j];
        }
        table += planes;
        bit += c->blocks.bits[i];
    }
    for (unsigned k = 0; k < table; k++) {
        uint64_t *out = string_plane(l, DEALT, k);
        mask_plane(s, L1, USE_TABLE, k, out, words);
        xor_words(out, c->tables + k * words, words);
    }
}

/* u of the look-ups: at D w, and the hint; at V m ^ w, which is the audit. */
static void deal_looks(const struct step *s, const struct strings *l, const struct circuit *c)
{
    struct looks o = { .c = c, .which = 1, .l = s->role == D ? l : NULL };
    const uint64_t *select = s->role == D ? c->select : string_plane(l, REPORT, 0);
    for (unsigned k = 0; k < c->blocks.tables && s->role == D; k++)
        mask_plane(s, W, USE_SELECT, k, c->select + k * c->words, c->words);
    combine_blocks(&o, select, c->tables, ~(uint64_t)0);
    if (s->role == V)
        add_last_entries(c, 1, c->tables);
    for (unsigned k = 0; k < c->looks; k++) {
        uint64_t *u = look_plane(c, 1, k), *q = string_plane(l, HINT, k);
        if (s->role == D) {
            mask_plane(s, W, USE_CARRY, k, u, c->words);
            xor_words(q, u, c->words);
        } else {
            xor_words(u, q, c->words);
            xor_words(u, look_plane(c, 0, k), c->words);
            memcpy(string_plane(l, AUDIT, k), u, c->words * sizeof *u);
        }
    }
}

/* ---- E1 and E2 ---- */

/* S_v of one block from its bit planes. */
static void select_block(uint64_t *select, const uint64_t *bits, size_t words, unsigned k)
{
    for (unsigned v = 1; v < 1u << k; v++) {
        uint64_t *out = select + (v - 1) * words;
        memset(out, 0xff, words * sizeof *out);
        for (unsigned b = 0; b < k; b++) {
            uint64_t flip = (v >> b) & 1 ? 0 : ~(uint64_t)0;
            for (size_t w = 0; w < words; w++)
                out[w] &= bits[b * words + w] ^ flip;
        }
    }
}

static void select_blocks(const struct step *s, const struct strings *l, const struct circuit *c)
{
    size_t table = 0, bit = 0;
    for (unsigned i = 0; i < c->blocks.count; i++) {
        select_block(c->select + table * c->words, c->bits + bit * c->words, c->words,
                     c->blocks.bits[i]);
        table += (1u << c->blocks.bits[i]) - 1;
        bit += c->blocks.bits[i];
    }
    for (unsigned k = 0; k < table && is_quad(s); k++) {
        uint64_t *out = string_plane(l, REPORT, k);
        mask_plane(s, W, USE_SELECT, k, out, c->words);
        xor_words(out, c->select + k * c->words, c->words);
    }
}

void circuit_look(const struct step *s, const struct strings *l, const struct circuit *c)
{
    const struct looks o = { .c = c, .which = 0 };
    const uint64_t *table = s->role == E1 ? c->tables : string_plane(l, DEALT, 0);
    uint64_t *out = (uint64_t *)s->out[partner(s)];
    for (unsigned k = 0; k < c->blocks.tables && s->role == E1; k++)
        mask_plane(s, L1, USE_TABLE, k, c->tables + k * c->words, c->words);
    select_blocks(s, l, c);
    combine_blocks(&o, c->select, table, s->role == E1 ? ~(uint64_t)0 : 0);
    add_last_entries(c, 0, table);
    for (unsigned k = 0; k < c->looks; k++) {
        uint64_t *v = look_plane(c, 0, k), *u = look_plane(c, 1, k);
        mask_plane(s, own_mask(s), USE_CARRY, k, u, c->words);
        xor_words(v, u, c->words);
        memcpy(out + k * c->words, v, c->words * sizeof *v);
        if (is_quad(s)) {
            mask_plane(s, W, USE_CARRY, k, string_plane(l, AUDIT, k), c->words);
            xor_words(string_plane(l, AUDIT, k), v, c->words);
        }
    }
}

static void look_receive(const struct step *s, const struct strings *l, const struct circuit *c)
{
    const uint64_t *in = (const uint64_t *)s->in[partner(s)];
    for (unsigned k = 0; k < c->looks; k++) {
        xor_words(look_plane(c, 0, k), in + k * c->words, c->words);
        if (is_quad(s))
            xor_words(string_plane(l, AUDIT, k), in + k * c->words, c->words);
    }
}

/* ---- the tree, at every role ---- */

static struct and_gate gate_at(const struct circuit *c, unsigned number)
{
    return (struct and_gate){ .number = number, .tables = c->blocks.tables, .looks = c->looks };
}

static void operand(const uint64_t *x[2], uint64_t *const node[2], size_t at)
{
    x[0] = node[0] + at;
    x[1] = node[1] + at;
}

/* One AND becomes the node at `at` of both planes, xored with the node at `plus` (NO_NODE: none).
 * out: where the message has its plane, at E1 and E2. */
static void node_set(const struct step *s, const struct strings *l, const struct circuit *c,
                     const struct and_gate *a, uint64_t *out, uint64_t *const node[2], size_t at,
                     size_t plus)
{
    size_t words = c->words;
    uint64_t *const z[2] = { c->temp, c->temp + words };
    and_send(s, l, a, z, out);
    and_mask(s, l, a, z[1]);
    for (unsigned k = 0; k < 2; k++) {
        if (plus != NO_NODE)
            xor_words(z[k], node[k] + plus, words);
        memcpy(node[k] + at, z[k], words * sizeof(uint64_t));
    }
}

/* Plane k of the message that goes; NULL where none does. */
static uint64_t *message_plane(const struct step *s, const struct circuit *c, unsigned k)
{
    return is_evaluator(s) ? (uint64_t *)s->out[partner(s)] + k * c->words : NULL;
}

/* The pair (2 j + 1, 2 j) becomes node j, in place: j never overtakes what is still to be read. */
static void tree_level(const struct step *s, const struct strings *l, const struct circuit *c,
                       unsigned level)
{
    unsigned blocks = tree_size(c->blocks.count, level), pairs = blocks / 2;
    unsigned base = ands_before(c->blocks.count, level);
    struct tree t = c->tree;
    size_t words = c->words;
    for (unsigned j = 0; j < pairs; j++) {
        struct and_gate g = gate_at(c, base + j), p = gate_at(c, base + pairs + j - 1);
        size_t hi = (2 * j + 1) * words, lo = 2 * j * words;
        operand(g.x, t.p, hi);
        operand(g.y, t.g, lo);
        operand(p.x, t.p, hi);
        operand(p.y, t.p, lo);
        node_set(s, l, c, &g, message_plane(s, c, j), t.g, j * words, hi);
        if (j > 0)
            node_set(s, l, c, &p, message_plane(s, c, pairs + j - 1), t.p, j * words, NO_NODE);
    }
    tree_odd(&t, blocks);
}

static void level_receive(const struct step *s, const struct strings *l, const struct circuit *c,
                          unsigned level)
{
    const uint64_t *in = (const uint64_t *)s->in[partner(s)];
    unsigned pairs = tree_size(c->blocks.count, level) / 2;
    unsigned base = ands_before(c->blocks.count, level);
    for (unsigned k = 0; k < 2 * pairs - 1; k++) {
        struct and_gate a = gate_at(c, base + k);
        uint64_t *v = k < pairs ? c->tree.g[0] + k * c->words
                                : c->tree.p[0] + (k - pairs + 1) * c->words;
        and_receive(l, &a, v, in + k * c->words);
    }
}

/* What the step before level `level` has brought. */
static void circuit_receive(const struct step *s, const struct strings *l, const struct circuit *c,
                            unsigned level)
{
    if (level == 0)
        look_receive(s, l, c);
    else
        level_receive(s, l, c, level - 1);
}

void circuit_level(const struct step *s, const struct strings *l, const struct circuit *c)
{
    circuit_receive(s, l, c, s->level);
    tree_level(s, l, c, s->level);
}

/* The last two blocks: top = carry ^ own top bit. The AND is opened, not shared. */
static void last_and(const struct step *s, const struct strings *l, const struct circuit *c)
{
    struct and_gate a = gate_at(c, c->ands);
    uint64_t *const z[2] = { c->top, c->temp };
    a.bare = 1;
    operand(a.x, c->tree.p, c->words);
    operand(a.y, c->tree.g, 0);
    and_send(s, l, &a, z, message_plane(s, c, 0));
    xor_words(c->top, c->tree.g[0] + c->words, c->words);
    xor_words(c->top, c->bits + (c->width - 1) * c->words, c->words);
}

void circuit_last(const struct step *s, const struct strings *l, const struct circuit *c)
{
    circuit_receive(s, l, c, c->levels);
    last_and(s, l, c);
}

void circuit_end(const struct step *s, const struct strings *l, const struct circuit *c)
{
    struct and_gate a = gate_at(c, c->ands);
    a.bare = 1;
    and_receive(l, &a, c->top, (const uint64_t *)s->in[partner(s)]);
}

void circuit_deal(const struct step *s, const struct strings *l, const struct circuit *c)
{
    deal_tables(s, l, c);
    for (unsigned k = 0; k < c->looks; k++) {
        mask_plane(s, L1, USE_CARRY, k, look_plane(c, 0, k), c->words);
        mask_plane(s, L2, USE_CARRY, k, c->temp, c->words);
        xor_words(look_plane(c, 0, k), c->temp, c->words);
    }
    if (is_quad(s))
        deal_looks(s, l, c);
    for (unsigned level = 0; level < c->levels; level++)
        tree_level(s, l, c, level);
    last_and(s, l, c);
}

/* ---- messages ---- */

unsigned circuit_levels(const struct gate *g)
{
    return tree_levels(blocks_of(g->width, BLOCK).count, 2);
}

size_t circuit_look_bytes(const struct gate *g, unsigned level, unsigned from, unsigned to)
{
    (void)level;
    return strings_exchange((2 * blocks_of(g->width, BLOCK).count - 1) * KERNEL_PLANE(g->n) * 8,
                          from, to);
}

size_t circuit_level_bytes(const struct gate *g, unsigned level, unsigned from, unsigned to)
{
    unsigned blocks = tree_size(blocks_of(g->width, BLOCK).count, level);
    return strings_exchange(tree_ands(blocks) * KERNEL_PLANE(g->n) * 8, from, to);
}

size_t circuit_last_bytes(const struct gate *g, unsigned level, unsigned from, unsigned to)
{
    (void)level;
    return strings_exchange(KERNEL_PLANE(g->n) * 8, from, to);
}
