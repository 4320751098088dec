/*
 * semi2k_deal.c: random transfers for one gate, cut to the pads that it will need.
 *
 * Rows are numbered chunk by chunk (2048 elements); in a chunk of m elements (a multiple of 128)
 * row t m + i is the t-th of element i: digits of the tables' blocks, words, triples.
 */
#include <string.h>

#include "proto/semi2k.h"

enum { CHUNK = 2048 };

struct need semi2k_need(unsigned kind, unsigned shift, unsigned width)
{
    struct need n = { .digits = 0 };
    if (kind == GATE_RELU || kind == GATE_SIGN) {
        n.blocks = blocks_of(width, SEMI2K_BLOCK);
        n.digits = width - 1;
        for (unsigned left = n.blocks.count; left > 1; left = (left + 1) / 2)
            n.triples += tree_ands(left);
    }
    if (kind == GATE_TRUNC || kind == GATE_B2A || (kind == GATE_RELU && shift > 0))
        n.words[0]++;
    if (kind == GATE_RELU || kind == GATE_INJECT) {
        n.words[0]++;
        n.words[1]++;
    }
    if (kind == GATE_MUL)
        n.words[0] = n.words[1] = 64;
    if (kind == GATE_AND)
        n.triples = 1;
    return n;
}

struct deal semi2k_deal_at(const struct need *need, size_t n, unsigned role)
{
    struct deal d = { .need = *need, .plane = semi2k_plane(n) };
    size_t tables = 0, entries = 0, at = 0;
    for (unsigned i = 0; i < need->blocks.count; i++) {
        tables += semi2k_entry(i) << need->blocks.bits[i];
        entries += semi2k_entry(i);
    }
#define PLACE(what, planes) (d.what = at, at += (size_t)(planes) * d.plane)
    PLACE(give_tables, role == 0 ? tables : 0);
    PLACE(give_words, 2 * 64 * need->words[role]);
    PLACE(take_tables, role == 1 ? entries : 0);
    PLACE(take_digits, role == 1 ? need->digits : 0);
    PLACE(take_words, 64 * need->words[1 - role]);
    PLACE(take_choices, need->words[1 - role]);
    PLACE(triples, 3 * need->triples);
#undef PLACE
    d.end = at;
    return d;
}

/* Rows of an element that a role sends. */
static size_t rows_of(const struct need *n, unsigned role)
{
    return (role == 0 ? n->digits : 0) + n->words[role] + n->triples;
}

static size_t chunk_of(size_t n, size_t first)
{
    size_t m = n - first < CHUNK ? n - first : CHUNK;
    return (m + 127) / 128 * 128;
}

static struct need gate_need(const struct gate *g)
{
    return semi2k_need(g->shape, g->shift, g->width);
}

static size_t deal_bytes(const struct gate *g, unsigned level, unsigned from, unsigned to)
{
    struct need need = gate_need(g);
    size_t bytes = 0, rows = rows_of(&need, to);
    (void)level;
    for (size_t i = 0; from != to && rows > 0 && i < g->in_first; i += CHUNK)
        bytes += ot_message_bytes(OT_FIELD, rows * chunk_of(g->in_first, i));
    return bytes;
}

static size_t deal_scratch(const struct program *p, const struct gate *g)
{
    struct need need = gate_need(g);
    size_t a = rows_of(&need, 0), b = rows_of(&need, 1), rows = (a > b ? a : b) * CHUNK;
    (void)p;
    return rows * sizeof(struct ot_block) + rows / 8;
}

/* What both halves of a deal have at hand. */
struct making {
    struct step *s;
    struct deal d;
    struct ot_block *row;
    uint64_t *choice;
    size_t first, m, base;          /* of the chunk; its first row */
};

static struct making making_of(struct step *s, size_t rows)
{
    struct need need = gate_need(s->gate);
    struct making k = { .s = s, .d = semi2k_deal_at(&need, s->gate->in_first, s->role) };
    k.row = (struct ot_block *)s->scratch;
    k.choice = (uint64_t *)(s->scratch + rows * CHUNK * sizeof *k.row);
    return k;
}

/* A plane of the deal at the chunk; 64 of them hold words. */
static uint64_t *plane(const struct making *k, size_t at, size_t number)
{
    return k->s->z + at + number * k->d.plane + k->first / 64;
}

static uint64_t *words(const struct making *k, size_t at, size_t number)
{
    return k->s->z + at + number * 64 * k->d.plane + k->first;
}

static const struct ot_block *row(const struct making *k, size_t t)
{
    return k->row + t * k->m;
}

static void take_tables(const struct making *k)
{
    const struct blocks *b = &k->d.need.blocks;
    size_t t = 0, entry = 0;
    for (unsigned i = 0; i < b->count; i++) {
        ot_join(k->row + t * k->m, k->m, b->bits[i], k->m);
        ot_pad_planes(plane(k, k->d.take_tables, entry), k->d.plane, semi2k_entry(i), row(k, t),
                      NULL, k->s->id, k->base + t * k->m, k->m);
        entry += semi2k_entry(i);
        t += b->bits[i];
    }
    for (size_t j = 0; j < t; j++)
        memcpy(plane(k, k->d.take_digits, j), k->choice + j * k->m / 64, k->m / 8);
}

static void take_chunk(const struct making *k, uint8_t *message)
{
    const struct need *need = &k->d.need;
    unsigned role = k->s->role;
    size_t t = role == 1 ? need->digits : 0, rows = rows_of(need, 1 - role);
    const uint8_t *state = (const uint8_t *)(k->s->x[0] + semi2k_setup_at().take);
    ot_receive(state, k->s->id, k->base, rows * k->m, k->choice, k->row, message);
    if (role == 1 && need->digits > 0)
        take_tables(k);
    for (unsigned j = 0; j < need->words[1 - role]; j++, t++) {
        ot_pad_words(words(k, k->d.take_words, j), row(k, t), NULL, k->s->id, k->base + t * k->m,
                     k->m);
        memcpy(plane(k, k->d.take_choices, j), k->choice + t * k->m / 64, k->m / 8);
    }
    for (unsigned j = 0; j < need->triples; j++, t++) {
        memcpy(plane(k, k->d.triples, 3 * j), k->choice + t * k->m / 64, k->m / 8);
        ot_pad_planes(plane(k, k->d.triples, 3 * j + 2), k->d.plane, 1, row(k, t), NULL, k->s->id,
                      k->base + t * k->m, k->m);
    }
}

static void deal_take(struct step *s)
{
    struct need need = gate_need(s->gate);
    size_t rows = rows_of(&need, 1 - s->role);
    struct making k = making_of(s, rows);
    uint8_t *message = s->out[1 - s->role];
    for (k.first = 0; rows > 0 && k.first < s->gate->in_first; k.first += CHUNK) {
        k.m = chunk_of(s->gate->in_first, k.first);
        k.base = k.first * rows;
        take_chunk(&k, message);
        message += ot_message_bytes(OT_FIELD, rows * k.m);
    }
}

static void give_tables(const struct making *k, const struct ot_block *delta)
{
    const struct blocks *b = &k->d.need.blocks;
    size_t t = 0, at = 0;
    for (unsigned i = 0; i < b->count; i++) {
        ot_join(k->row + t * k->m, k->m, b->bits[i], k->m);
        ot_table_pads(plane(k, k->d.give_tables, at), k->d.plane, semi2k_entry(i), b->bits[i],
                      row(k, t), delta, k->s->id, k->base + t * k->m, k->m);
        at += semi2k_entry(i) << b->bits[i];
        t += b->bits[i];
    }
}

/* One bit of each pad of a triple's row. */
static void give_triple(const struct making *k, unsigned j, size_t t, const struct ot_block *delta)
{
    uint64_t m0[CHUNK / 64], m1[CHUNK / 64];
    uint64_t *a = plane(k, k->d.triples, 3 * j), *b = a + k->d.plane, *c = b + k->d.plane;
    ot_pad_planes(m0, CHUNK / 64, 1, row(k, t), NULL, k->s->id, k->base + t * k->m, k->m);
    ot_pad_planes(m1, CHUNK / 64, 1, row(k, t), delta, k->s->id, k->base + t * k->m, k->m);
    for (size_t i = 0; i < k->m / 64; i++) {
        b[i] = m0[i] ^ m1[i];
        c[i] ^= (a[i] & b[i]) ^ m0[i];
    }
}

static void give_chunk(const struct making *k, const uint8_t *message)
{
    const struct need *need = &k->d.need;
    unsigned role = k->s->role;
    size_t t = role == 0 ? need->digits : 0, rows = rows_of(need, role);
    const uint8_t *state = (const uint8_t *)(k->s->x[0] + semi2k_setup_at().give);
    const struct ot_block *delta = ot_delta(state);
    ot_send(state, k->s->id, k->base, rows * k->m, message, k->row);
    if (role == 0 && need->digits > 0)
        give_tables(k, delta);
    for (unsigned j = 0; j < need->words[role]; j++, t++) {
        ot_pad_words(words(k, k->d.give_words, 2 * j), row(k, t), NULL, k->s->id,
                     k->base + t * k->m, k->m);
        ot_pad_words(words(k, k->d.give_words, 2 * j + 1), row(k, t), delta, k->s->id,
                     k->base + t * k->m, k->m);
    }
    for (unsigned j = 0; j < need->triples; j++, t++)
        give_triple(k, j, t, delta);
}

static void deal_give(struct step *s)
{
    struct need need = gate_need(s->gate);
    size_t rows = rows_of(&need, s->role);
    struct making k = making_of(s, rows);
    const uint8_t *message = s->in[1 - s->role];
    for (k.first = 0; rows > 0 && k.first < s->gate->in_first; k.first += CHUNK) {
        k.m = chunk_of(s->gate->in_first, k.first);
        k.base = k.first * rows;
        give_chunk(&k, message);
        message += ot_message_bytes(OT_FIELD, rows * k.m);
    }
}

static const struct round deal_rounds[] = {
    { .name = "take", .run = deal_take, .bytes = deal_bytes },
    { .name = "give", .run = deal_give },
};

const struct gate_ops semi2k_deal = {
    .name = "deal", .rounds = deal_rounds, .nround = 2, .scratch = deal_scratch
};
