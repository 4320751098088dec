/*
 * masked_look.c: the carries of blocks of A, known to E1 and E2, and B, known to D and V.
 *
 * For a block of k <= 3 bits with values a and b (carry.h), D shares the thermometer
 * T_j = [b >= j], j = 1 .. K, K = 2^k - 1 (DEALT under K_1); E1 and E2 know which entry is wanted,
 * S_v = [a = v]:
 *
 *     g = sum_v S_v T_{K+1-v},      p = T_K + sum_v S_v (T_{K+1-v} + T_{K-v} + T_K)
 *
 * over v = 1 .. K in the field of two elements, T_0 = 1: inner products of what E1 and E2 know with
 * what D and V know, which E1 and E2 do on their shares of T. They put them under fresh masks l_1,
 * l_2 (the exchange), and g and p are shared like any bit.
 *
 * Check (quad), as of every such inner product (masked_open.c): REPORT S_v + w_v; HINT q = w_g +
 * sum w_v T_.., so V has g + w_g = sum (S_v + w_v) T_.. + q; E1 and E2 claim m_g + w_g with V,
 * which claims this + L_g. Likewise p, whose T_K alone V adds by itself.
 *
 * Bits of a block of 3 over all parties: 7 dealt, 4 exchanged; quad: 7 reported and 2 hinted more.
 * Smaller blocks cost more AND gates, blocks of 4 twice the table: 3 bits are the cheapest in quad,
 * and as good as 4 in trio.
 */
#include <string.h>

#include "proto/masked_circuit.h"

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

void look_deal(const struct step *s, const struct strings *l, const struct circuit *c)
{
    deal_tables(s, l, c);
    for (unsigned k = 0; k < c->looks; k++) {
        mask_plane(s, L1, USE_CARRY, k, look_plane(c, 0, k), c->words);
        mask_plane(s, L2, USE_CARRY, k, c->temp, c->words);
        xor_words(look_plane(c, 0, k), c->temp, c->words);
    }
    if (is_quad(s))
        deal_looks(s, l, c);
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

void look_receive(const struct step *s, const struct strings *l, const struct circuit *c)
{
    const uint64_t *in = (const uint64_t *)s->in[partner(s)];
    for (unsigned k = 0; k < c->looks; k++) {
        xor_words(look_plane(c, 0, k), in + k * c->words, c->words);
        if (is_quad(s))
            xor_words(string_plane(l, AUDIT, k), in + k * c->words, c->words);
    }
}
