/*
 * semi2k_rows.c: the rows of a deal in one direction, straight from SoftSpoken or by silent
 * extensions of the gate's own, whichever takes fewer bytes.
 *
 * A gate of more rows than the trees of a set have leaves takes several extensions: each has input
 * of its own and an id that no other one has. The input is the first rows of the gate's SoftSpoken
 * stream. All rows have the form of silent.h, so one Delta stands for a direction.
 */
#include "proto/semi2k.h"

enum { AT_ONCE = 2048 };

static size_t extensions_of(const struct rows *r)
{
    return (r->trees + r->set->trees - 1) / r->set->trees;
}

struct rows semi2k_rows(size_t n, int silent)
{
    struct rows best = { .n = n };
    const struct silent_set *set;
    for (unsigned i = 0; silent && (set = silent_set_at(i)) != NULL; i++) {
        struct rows r = { .set = set, .n = n };
        r.trees = (n + ((size_t)1 << set->depth) - 1) >> set->depth;
        r.input = extensions_of(&r) * set->k + r.trees * set->depth;
        if (semi2k_rows_asked(&r) + semi2k_rows_told(&r) <
            semi2k_rows_asked(&best) + semi2k_rows_told(&best))
            best = r;
    }
    return best;
}

size_t semi2k_rows_asked(const struct rows *r)
{
    return ot_message_bytes(OT_FIELD, r->set != NULL ? r->input : r->n);
}

size_t semi2k_rows_told(const struct rows *r)
{
    return r->set != NULL ? r->trees * r->set->depth * sizeof(struct ot_block) : 0;
}

static const uint8_t *state_of(const struct step *s, size_t at)
{
    return (const uint8_t *)(s->x[0] + at);
}

struct ot_block semi2k_rows_delta(const struct step *s)
{
    return silent_delta(ot_delta(state_of(s, semi2k_setup_at().give)));
}

/* ---- rows of SoftSpoken ---- */

static void straight_take(struct ot_block *t, uint64_t *choice, const struct step *s, size_t first,
                          size_t n, uint8_t *message)
{
    ot_receive(state_of(s, semi2k_setup_at().take), s->id, first, n, choice, t,
               message + ot_message_bytes(OT_FIELD, first));
    silent_ready(t, choice, n);
}

static void straight_give(struct ot_block *q, const struct step *s, size_t first, size_t n,
                          const uint8_t *message)
{
    ot_send(state_of(s, semi2k_setup_at().give), s->id, first, n,
            message + ot_message_bytes(OT_FIELD, first), q);
    silent_ready(q, NULL, n);
}

void semi2k_rows_ask(struct ot_block *input, const struct step *s, const struct rows *r)
{
    uint64_t choice[AT_ONCE / 64];
    for (size_t i = 0; i < r->input; i += AT_ONCE)
        straight_take(input + i, choice, s, i, r->input - i < AT_ONCE ? r->input - i : AT_ONCE,
                      s->out[1 - s->role]);
}

void semi2k_rows_hear(struct ot_block *input, const struct step *s, const struct rows *r)
{
    for (size_t i = 0; i < r->input; i += AT_ONCE)
        straight_give(input + i, s, i, r->input - i < AT_ONCE ? r->input - i : AT_ONCE,
                      s->in[1 - s->role]);
}

/* ---- rows of trees ---- */

/* Trees [first, first + n) of one extension, which are rows from `row` on; `coded` of them are
 * wanted. */
struct piece {
    size_t extension, first, n, row, coded;
    size_t input, message;      /* where the extension's begin */
    uint32_t id;
};

/* The next one of rows [row, end), where `row` is the first of a tree. */
static struct piece piece_at(const struct step *s, const struct rows *r, size_t row, size_t end)
{
    const struct silent_set *set = r->set;
    size_t tree = row >> set->depth, last = (end + ((size_t)1 << set->depth) - 1) >> set->depth;
    struct piece p = { .extension = tree / set->trees, .first = tree % set->trees, .row = row };
    p.n = last - tree < set->trees - p.first ? last - tree : set->trees - p.first;
    p.coded = p.n << set->depth < end - row ? p.n << set->depth : end - row;
    p.input = p.extension * silent_input(set);
    p.message = p.extension * silent_message_bytes(set);
    p.id = s->id + (uint32_t)p.extension * s->program->ngate;
    return p;
}

static void trees_take(struct ot_block *t, uint64_t *choice, const struct step *s,
                       const struct rows *r, const struct ot_block *input, size_t first, size_t n,
                       const uint8_t *message)
{
    struct piece p;
    for (size_t row = first; row < first + n; row += p.coded) {
        p = piece_at(s, r, row, first + n);
        silent_receive(r->set, p.id, p.first, p.n, input + p.input, message + p.message,
                       t + (row - first));
        silent_encode(r->set, p.id, p.first << r->set->depth, p.coded, input + p.input,
                      t + (row - first));
    }
    silent_choices(choice, t, n);
}

static void trees_give(struct ot_block *q, const struct step *s, const struct rows *r,
                       const struct ot_block *input, size_t first, size_t n, uint8_t *message)
{
    struct ot_block delta = semi2k_rows_delta(s);
    struct piece p;
    for (size_t row = first; row < first + n; row += p.coded) {
        p = piece_at(s, r, row, first + n);
        struct ot_source source = { &s->keys->own, s->id, SEMI2K_TREE + (uint32_t)p.extension };
        silent_send(r->set, p.id, p.first, p.n, input + p.input, &delta, &source,
                    message + p.message, q + (row - first));
        silent_encode(r->set, p.id, p.first << r->set->depth, p.coded, input + p.input,
                      q + (row - first));
    }
}

/* ---- either ---- */

void semi2k_rows_take(struct ot_block *t, uint64_t *choice, const struct step *s,
                      const struct rows *r, const struct ot_block *input, size_t first, size_t n)
{
    unsigned other = 1 - s->role;
    if (r->set == NULL)
        straight_take(t, choice, s, first, n, s->out[other]);
    else
        trees_take(t, choice, s, r, input, first, n, s->in[other]);
}

void semi2k_rows_give(struct ot_block *q, const struct step *s, const struct rows *r,
                      const struct ot_block *input, size_t first, size_t n)
{
    unsigned other = 1 - s->role;
    if (r->set == NULL)
        straight_give(q, s, first, n, s->in[other]);
    else
        trees_give(q, s, r, input, first, n, s->out[other]);
}
