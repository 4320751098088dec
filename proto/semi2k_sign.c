/*
 * semi2k_sign.c: the sign of a sum of two summands, and AND gates.
 *
 * Planes are as long as those of the deal. Messages of a level: d and e of every AND, in the order
 * of the pairs, g before p.
 */
#include <string.h>

#include "proto/semi2k.h"

size_t semi2k_sign_words(const struct need *need, size_t n)
{
    size_t count = need->blocks.count, entries = 2u << SEMI2K_BLOCK;
    return (need->digits + 1 + 2 * count + 2 * 2 * count + entries) * semi2k_plane(n);
}

struct sign semi2k_sign_at(const struct step *s, uint64_t *memory)
{
    const struct gate *g = s->gate;
    struct need need = semi2k_need(g->kind, g->shift, g->width);
    struct sign t = { .deal = semi2k_deal_at(&need, g->n, s->role), .dealt = s->x[3] };
    size_t plane = t.deal.plane, count = need.blocks.count;
    t.bits = memory;
    t.g = t.bits + g->width * plane;
    t.p = t.g + count * plane;
    t.open = t.p + count * plane;
    t.table = t.open + 2 * 2 * count * plane;
    return t;
}

static struct need need_of(const struct gate *g)
{
    return semi2k_need(g->kind, g->shift, g->width);
}

size_t semi2k_flip_bytes(const struct gate *g)
{
    return need_of(g).digits * semi2k_plane(g->n) * 8;
}

size_t semi2k_table_bytes(const struct gate *g)
{
    struct need n = need_of(g);
    size_t entries = 0;
    for (unsigned i = 0; i < n.blocks.count; i++)
        entries += semi2k_entry(i) << n.blocks.bits[i];
    return entries * semi2k_plane(g->n) * 8;
}

unsigned semi2k_levels(const struct gate *g)
{
    return tree_levels(need_of(g).blocks.count, 1);
}

size_t semi2k_open_bytes(const struct gate *g, unsigned level)
{
    return 2 * tree_ands(tree_size(need_of(g).blocks.count, level)) * semi2k_plane(g->n) * 8;
}

/* Role 1: the places where it looks, NOT of its bits, against its random choices. */
void semi2k_choose(const struct step *s, struct sign *t, uint64_t *out)
{
    const uint64_t *random = t->dealt + t->deal.take_digits;
    size_t all = t->deal.need.digits * t->deal.plane;
    (void)s;
    for (size_t i = 0; i < all; i++) {
        t->bits[i] = ~t->bits[i];
        out[i] = t->bits[i] ^ random[i];
    }
}

/* The table of a block for one word of planes: entry e has (A > e) and (A = e) under masks. */
static void table_word(uint64_t *table, size_t plane, const uint64_t *bits, unsigned k,
                       unsigned entry, const uint64_t *mask)
{
    for (unsigned e = 0; e < 1u << k; e++) {
        uint64_t greater = 0, equal = ~(uint64_t)0;
        for (unsigned j = k; j-- > 0;) {
            uint64_t a = bits[j * plane], same = e >> j & 1 ? a : ~a;
            greater |= equal & (e >> j & 1 ? 0 : a);
            equal &= same;
        }
        table[(size_t)e * entry * plane] = greater ^ mask[0];
        if (entry > 1)
            table[((size_t)e * entry + 1) * plane] = equal ^ mask[1];
    }
}

/* Role 0: its shares of g and p are the masks; the tables go. */
void semi2k_tables(const struct step *s, struct sign *t, const uint64_t *in, uint64_t *out)
{
    const struct blocks *b = &t->deal.need.blocks;
    size_t plane = t->deal.plane, bit = 0, at = 0;
    prf_fill(&s->keys->own, s->id, SEMI2K_TABLE, 0, t->g, 2 * b->count * plane * 8);
    for (unsigned i = 0; i < b->count; i++) {
        unsigned entry = semi2k_entry(i);
        size_t size = (size_t)entry << b->bits[i];
        for (size_t w = 0; w < plane; w++) {
            uint64_t mask[2] = { t->g[i * plane + w], t->p[i * plane + w] };
            table_word(t->table + w, plane, t->bits + bit * plane + w, b->bits[i], entry, mask);
        }
        memcpy(out + at * plane, t->dealt + t->deal.give_tables + at * plane, size * plane * 8);
        ot_table_send(out + at * plane, t->table, in + bit * plane, entry, b->bits[i], plane);
        at += size;
        bit += b->bits[i];
    }
}

/* Role 1: its shares. */
void semi2k_look(const struct step *s, struct sign *t, const uint64_t *in)
{
    const struct blocks *b = &t->deal.need.blocks;
    size_t plane = t->deal.plane, bit = 0, at = 0, pad = 0;
    (void)s;
    for (unsigned i = 0; i < b->count; i++) {
        unsigned entry = semi2k_entry(i);
        size_t size = (size_t)entry << b->bits[i];
        uint64_t *own = t->open;
        memcpy(own, t->dealt + t->deal.take_tables + pad * plane, entry * plane * 8);
        memcpy(t->table, in + at * plane, size * plane * 8);
        ot_table_receive(own, t->table, t->bits + bit * plane, entry, b->bits[i], plane);
        memcpy(t->g + i * plane, own, plane * 8);
        if (entry > 1)
            memcpy(t->p + i * plane, own + plane, plane * 8);
        at += size;
        pad += entry;
        bit += b->bits[i];
    }
}

/* ---- AND ---- */

void semi2k_and_open(uint64_t *d, uint64_t *e, const uint64_t *x, const uint64_t *y,
                     const uint64_t *triple, size_t plane, size_t words)
{
    for (size_t w = 0; w < words; w++) {
        d[w] = x[w] ^ triple[w];
        e[w] = y[w] ^ triple[plane + w];
    }
}

void semi2k_and_close(uint64_t *z, const uint64_t *d, const uint64_t *e, const uint64_t *their_d,
                      const uint64_t *their_e, const uint64_t *triple, size_t plane, size_t words,
                      unsigned role)
{
    uint64_t first = role == 0 ? ~(uint64_t)0 : 0;
    for (size_t w = 0; w < words; w++) {
        uint64_t x = d[w] ^ their_d[w], y = e[w] ^ their_e[w];
        z[w] = triple[2 * plane + w] ^ (x & triple[plane + w]) ^ (y & triple[w]) ^ (x & y & first);
    }
}

/* Triples that the levels before this one use. */
static unsigned triples_before(const struct sign *t, unsigned level)
{
    unsigned n = 0;
    for (unsigned l = 0; l < level; l++)
        n += tree_ands(tree_size(t->deal.need.blocks.count, l));
    return n;
}

static const uint64_t *triple_at(const struct sign *t, unsigned number)
{
    return t->dealt + t->deal.triples + 3 * number * t->deal.plane;
}

/* A level opens, for each pair of blocks, p of the upper with g of the lower one, and with its p.
 * */
void semi2k_level(const struct step *s, struct sign *t, unsigned level, uint64_t *out)
{
    unsigned size = tree_size(t->deal.need.blocks.count, level), k = 0;
    unsigned number = triples_before(t, level);
    size_t plane = t->deal.plane;
    (void)s;
    for (unsigned j = 0; j < size / 2; j++)
        for (unsigned what = 0; what < (j > 0 ? 2u : 1u); what++, k++)
            semi2k_and_open(t->open + 2 * k * plane, t->open + (2 * k + 1) * plane,
                            t->p + (2 * j + 1) * plane,
                            (what == 0 ? t->g : t->p) + 2 * j * plane, triple_at(t, number + k),
                            plane, plane);
    memcpy(out, t->open, 2 * k * plane * 8);
}

/* The level's products: pairs become one. */
void semi2k_join(const struct step *s, struct sign *t, unsigned level, const uint64_t *in)
{
    unsigned size = tree_size(t->deal.need.blocks.count, level), k = 0;
    unsigned number = triples_before(t, level);
    size_t plane = t->deal.plane;
    uint64_t *z = t->table;
    for (unsigned j = 0; j < size / 2; j++) {
        for (unsigned what = 0; what < (j > 0 ? 2u : 1u); what++, k++)
            semi2k_and_close(z + what * plane, t->open + 2 * k * plane,
                             t->open + (2 * k + 1) * plane, in + 2 * k * plane,
                             in + (2 * k + 1) * plane, triple_at(t, number + k), plane, plane,
                             s->role);
        for (size_t w = 0; w < plane; w++)
            t->g[j * plane + w] = t->g[(2 * j + 1) * plane + w] ^ z[w];
        if (j > 0)
            memcpy(t->p + j * plane, z + plane, plane * 8);
    }
    if (size % 2 != 0) {
        memcpy(t->g + size / 2 * plane, t->g + (size - 1) * plane, plane * 8);
        memcpy(t->p + size / 2 * plane, t->p + (size - 1) * plane, plane * 8);
    }
}

/* The own share of the sign: of bits above n nothing is right. Role 1's lower bits are turned, its
 * top one is not. */
void semi2k_sign_bit(const struct step *s, const struct sign *t, uint64_t *out)
{
    const uint64_t *top = t->bits + (s->gate->width - 1u) * t->deal.plane;
    for (size_t w = 0; w < KERNEL_PLANE(s->gate->n); w++)
        out[w] = t->g[w] ^ top[w];
}

/* ---- GATE_SIGN ---- */

/* Clears what stands behind the last element of a plane. */
static void clear_end(uint64_t *plane, size_t n)
{
    if (n % 64 != 0)
        plane[n / 64] &= ((uint64_t)1 << n % 64) - 1;
}

static size_t sign_scratch(const struct program *p, const struct gate *g)
{
    struct need need = need_of(g);
    (void)p;
    return semi2k_sign_words(&need, g->n) * 8;
}

static void sign_choose(struct step *s)
{
    struct sign t = semi2k_sign_at(s, (uint64_t *)s->scratch);
    memset(t.bits, 0, s->gate->width * t.deal.plane * 8);
    planes_from_words(t.bits, t.deal.plane, s->x[0], s->gate->n, 0, s->gate->width);
    if (s->role == 1)
        semi2k_choose(s, &t, (uint64_t *)s->out[0]);
}

static void sign_tables(struct step *s)
{
    struct sign t = semi2k_sign_at(s, (uint64_t *)s->scratch);
    if (s->role == 0)
        semi2k_tables(s, &t, (const uint64_t *)s->in[1], (uint64_t *)s->out[1]);
}

/* What the step before a level has brought. */
static void sign_absorb(struct step *s, struct sign *t)
{
    if (s->level > 0)
        semi2k_join(s, t, s->level - 1, (const uint64_t *)s->in[1 - s->role]);
    else if (s->role == 1)
        semi2k_look(s, t, (const uint64_t *)s->in[0]);
}

static void sign_level(struct step *s)
{
    struct sign t = semi2k_sign_at(s, (uint64_t *)s->scratch);
    sign_absorb(s, &t);
    semi2k_level(s, &t, s->level, (uint64_t *)s->out[1 - s->role]);
}

static void sign_finish(struct step *s)
{
    struct sign t = semi2k_sign_at(s, (uint64_t *)s->scratch);
    semi2k_join(s, &t, semi2k_levels(s->gate) - 1, (const uint64_t *)s->in[1 - s->role]);
    semi2k_sign_bit(s, &t, s->z);
    clear_end(s->z, s->gate->n);
}

static size_t choose_bytes(const struct gate *g, unsigned level, unsigned from, unsigned to)
{
    (void)level;
    return from == 1 && to == 0 ? semi2k_flip_bytes(g) : 0;
}

static size_t tables_bytes(const struct gate *g, unsigned level, unsigned from, unsigned to)
{
    (void)level;
    return from == 0 && to == 1 ? semi2k_table_bytes(g) : 0;
}

static size_t level_bytes(const struct gate *g, unsigned level, unsigned from, unsigned to)
{
    return from != to ? semi2k_open_bytes(g, level) : 0;
}

static const struct round sign_rounds[] = {
    { .name = "choose", .run = sign_choose, .bytes = choose_bytes },
    { .name = "tables", .run = sign_tables, .bytes = tables_bytes },
    { .name = "tree", .run = sign_level, .bytes = level_bytes, .times = semi2k_levels },
    { .name = "finish", .run = sign_finish },
};

const struct gate_ops semi2k_sign = {
    .name = "sign", .rounds = sign_rounds, .nround = 4, .scratch = sign_scratch
};

/* ---- GATE_AND ---- */

static size_t and_scratch(const struct program *p, const struct gate *g)
{
    (void)p;
    return 2 * KERNEL_PLANE(g->n) * 8;
}

static size_t and_bytes(const struct gate *g, unsigned level, unsigned from, unsigned to)
{
    (void)level;
    return from != to ? 2 * KERNEL_PLANE(g->n) * 8 : 0;
}

static void and_open(struct step *s)
{
    size_t words = KERNEL_PLANE(s->gate->n);
    uint64_t *d = (uint64_t *)s->scratch;
    semi2k_and_open(d, d + words, s->x[0], s->x[1], s->x[3], semi2k_plane(s->gate->n), words);
    memcpy(s->out[1 - s->role], d, 2 * words * 8);
}

static void and_close(struct step *s)
{
    size_t words = KERNEL_PLANE(s->gate->n);
    const uint64_t *d = (const uint64_t *)s->scratch, *in = (const uint64_t *)s->in[1 - s->role];
    semi2k_and_close(s->z, d, d + words, in, in + words, s->x[3], semi2k_plane(s->gate->n), words,
                     s->role);
    clear_end(s->z, s->gate->n);
}

static const struct round and_rounds[] = {
    { .name = "open", .run = and_open, .bytes = and_bytes },
    { .name = "close", .run = and_close },
};

const struct gate_ops semi2k_and = {
    .name = "and", .rounds = and_rounds, .nround = 2, .scratch = and_scratch
};
