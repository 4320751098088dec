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

/* All rows that a role sends. */
static struct rows gate_rows(const struct gate *g, unsigned role, int silent)
{
    struct need need = gate_need(g);
    return semi2k_rows(rows_of(&need, role) * semi2k_plane(g->in_first) * 64, silent);
}

static int is_silent(const struct program *p)
{
    return p->proto->gate[GATE_DEAL] == &semi2k_deal_silent;
}

static size_t deal_scratch(const struct program *p, const struct gate *g)
{
    struct need need = gate_need(g);
    size_t a = rows_of(&need, 0), b = rows_of(&need, 1), rows = (a > b ? a : b) * CHUNK;
    for (unsigned role = 0; role < 2; role++)
        rows += gate_rows(g, role, is_silent(p)).input;
    return rows * sizeof(struct ot_block) + (a > b ? a : b) * CHUNK / 8;
}

/* What both halves of a deal have at hand. */
struct making {
    struct step *s;
    struct deal d;
    struct rows rows;               /* of the half */
    size_t each;                    /* rows of an element */
    struct ot_block *input, *row;
    uint64_t *choice;
    size_t first, m, base;          /* of the chunk; its first row */
};

/* Memory: input of the rows taken, of those given, rows and choices of a chunk. */
static struct making making_of(struct step *s, unsigned sender)
{
    const struct gate *g = s->gate;
    struct need need = gate_need(g);
    int silent = is_silent(s->program);
    struct rows take = gate_rows(g, 1 - s->role, silent), give = gate_rows(g, s->role, silent);
    struct making k = { .s = s, .d = semi2k_deal_at(&need, g->in_first, s->role),
                        .rows = sender == s->role ? give : take,
                        .each = rows_of(&need, sender) };
    struct ot_block *memory = (struct ot_block *)s->scratch;
    k.input = memory + (sender == s->role ? take.input : 0);
    k.row = memory + take.input + give.input;
    k.choice = (uint64_t *)(k.row + k.each * CHUNK);
    return k;
}

/* Goes to the chunk of elements from `first` on; 0: there is none. */
static int making_chunk(struct making *k, size_t first)
{
    size_t n = k->s->gate->in_first;
    if (first >= n || k->each == 0)
        return 0;
    k->first = first;
    k->m = chunk_of(n, first);
    k->base = first * k->each;
    return 1;
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

static void take_chunk(const struct making *k)
{
    const struct need *need = &k->d.need;
    unsigned role = k->s->role;
    size_t t = role == 1 ? need->digits : 0;
    semi2k_rows_take(k->row, k->choice, k->s, &k->rows, k->input, k->base, k->each * k->m);
    if (role == 1 && need->digits > 0)
        take_tables(k);
    for (unsigned j = 0; j < need->words[1 - role]; j++, t++) {
        ot_pad_words(words(k, k->d.take_words, j), row(k, t), NULL, k->s->id, k->base + t * k->m,
                     k->m);
        memcpy(plane(k, k->d.take_choices, j), k->choice + t * k->m / 64, k->m / 8);
    }
    for (unsigned j = 0; j < need->triples; j++, t++) {
        uint64_t m[CHUNK / 64];
        memcpy(plane(k, k->d.triples, 3 * j), k->choice + t * k->m / 64, k->m / 8);
        ot_pad_planes(m, CHUNK / 64, 1, row(k, t), NULL, k->s->id, k->base + t * k->m, k->m);
        xor_words(plane(k, k->d.triples, 3 * j + 2), m, k->m / 64);
    }
}

static void take_all(struct step *s)
{
    struct making k = making_of(s, 1 - s->role);
    for (size_t first = 0; making_chunk(&k, first); first += CHUNK)
        take_chunk(&k);
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

/* One bit of each pad of a triple's row; c gathers a pad of each half. */
static void give_triple(const struct making *k, unsigned j, size_t t, const struct ot_block *delta)
{
    uint64_t m0[CHUNK / 64], m1[CHUNK / 64];
    uint64_t *b = plane(k, k->d.triples, 3 * j + 1), *c = b + k->d.plane;
    ot_pad_planes(m0, CHUNK / 64, 1, row(k, t), NULL, k->s->id, k->base + t * k->m, k->m);
    ot_pad_planes(m1, CHUNK / 64, 1, row(k, t), delta, k->s->id, k->base + t * k->m, k->m);
    for (size_t i = 0; i < k->m / 64; i++) {
        b[i] = m0[i] ^ m1[i];
        c[i] ^= m0[i];
    }
}

static void give_chunk(const struct making *k, const struct ot_block *delta)
{
    const struct need *need = &k->d.need;
    unsigned role = k->s->role;
    size_t t = role == 0 ? need->digits : 0;
    semi2k_rows_give(k->row, k->s, &k->rows, k->input, k->base, k->each * k->m);
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

static void deal_tell(struct step *s)
{
    struct making k = making_of(s, s->role);
    struct ot_block delta = semi2k_rows_delta(s);
    semi2k_rows_hear(k.input, s, &k.rows);
    for (size_t first = 0; making_chunk(&k, first); first += CHUNK)
        give_chunk(&k, &delta);
}

/* ---- rounds: straight rows are taken at once, those of trees when the trees have come ---- */

static void deal_ask(struct step *s)
{
    struct making k = making_of(s, 1 - s->role);
    memset(s->z + k.d.triples, 0, 3 * k.d.need.triples * k.d.plane * 8);
    if (k.rows.set == NULL)
        take_all(s);
    else
        semi2k_rows_ask(k.input, s, &k.rows);
}

static void deal_finish(struct step *s)
{
    struct making k = making_of(s, 1 - s->role);
    if (k.rows.set != NULL)
        take_all(s);
    for (unsigned j = 0; j < k.d.need.triples; j++) {
        uint64_t *a = s->z + k.d.triples + 3 * j * k.d.plane, *b = a + k.d.plane;
        for (size_t i = 0; i < k.d.plane; i++)
            b[k.d.plane + i] ^= a[i] & b[i];
    }
}

static size_t asked(const struct gate *g, unsigned from, unsigned to, int silent)
{
    struct rows r = gate_rows(g, to, silent);
    return from != to ? semi2k_rows_asked(&r) : 0;
}

static size_t ask_bytes(const struct gate *g, unsigned level, unsigned from, unsigned to)
{
    (void)level;
    return asked(g, from, to, 0);
}

static size_t ask_silent_bytes(const struct gate *g, unsigned level, unsigned from, unsigned to)
{
    (void)level;
    return asked(g, from, to, 1);
}

static size_t tell_silent_bytes(const struct gate *g, unsigned level, unsigned from, unsigned to)
{
    struct rows r = gate_rows(g, from, 1);
    (void)level;
    return from != to ? semi2k_rows_told(&r) : 0;
}

static const struct round deal_rounds[] = {
    { .name = "ask", .run = deal_ask, .bytes = ask_bytes },
    { .name = "tell", .run = deal_tell },
    { .name = "finish", .run = deal_finish },
};

static const struct round deal_silent_rounds[] = {
    { .name = "ask", .run = deal_ask, .bytes = ask_silent_bytes },
    { .name = "tell", .run = deal_tell, .bytes = tell_silent_bytes },
    { .name = "finish", .run = deal_finish },
};

const struct gate_ops semi2k_deal = {
    .name = "deal", .rounds = deal_rounds, .nround = 3, .scratch = deal_scratch
};

const struct gate_ops semi2k_deal_silent = {
    .name = "deal", .rounds = deal_silent_rounds, .nround = 3, .scratch = deal_scratch
};
