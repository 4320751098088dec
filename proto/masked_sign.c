/*
 * masked_sign.c: SIGN: [x < 0] for |x| < 2^(m-1): the top bit of the sum of the low m bits of m_x
 * and -L_x (masked_circuit.c). What it opens is the m of the result, its mask the L: l_1 = F(K_1),
 * l_2 is DEALT; REPORT: m ^ w. 2 + levels rounds.
 */
#include <string.h>

#include "proto/masked_circuit.h"

struct sign {
    struct strings l;
    struct circuit c;
};

static struct sign sign_at(const struct gate *g, const struct step *s)
{
    struct circuit c = circuit_of(g->width, g->n, NULL);
    uint16_t tables = (uint16_t)(c.blocks.tables + c.ands + 1);
    uint16_t looks = (uint16_t)(c.looks + c.ands + 1);
    const struct string is[STRINGS] = {
        [DEALT] = { .planes = tables }, [HINT] = { .planes = looks },
        [REPORT] = { .planes = tables }, [AUDIT] = { .planes = looks }
    };
    struct sign r = { .l = strings_of(g, is, s), .c = c };
    if (s != NULL)
        r.c = circuit_of(g->width, g->n, (uint64_t *)r.l.rest);
    return r;
}

static size_t sign_scratch(const struct program *p, const struct gate *g)
{
    struct sign r = sign_at(g, NULL);
    return strings_scratch(p, &r.l) + circuit_words(g->width, g->n) * 8;
}

static size_t sign_deal_bytes(const struct gate *g, unsigned level, unsigned from, unsigned to)
{
    (void)level;
    struct sign r = sign_at(g, NULL);
    return strings_deal(&r.l, 0, from, to);
}

static size_t sign_report_bytes(const struct gate *g, unsigned level, unsigned from, unsigned to)
{
    (void)level;
    struct sign r = sign_at(g, NULL);
    return strings_reported(&r.l, from, to);
}

/* Planes of this role's summand. */
static void sign_part(const struct step *s, const struct circuit *c)
{
    const uint64_t *x0 = s->x[0], *x1 = x0 + s->stride[0];
    uint64_t part[CHUNK];
    for (size_t i = 0; i < s->gate->n; i += CHUNK) {
        size_t m = chunk_at(s, i);
        for (size_t k = 0; k < m; k++)
            part[k] = is_evaluator(s) ? x0[i + k] : 0 - x0[i + k] - x1[i + k];
        planes_from_words(c->bits + i / 64, c->words, part, m, 0, c->width);
    }
}

/* D and V: the whole circuit, and the shares of its result. */
static void sign_mask(const struct step *s, const struct sign *r)
{
    const struct circuit *c = &r->c;
    uint64_t *l1 = plane_of(s, 0), *l2 = plane_of(s, 1), *last = last_of(s);
    unsigned plane = c->blocks.tables + c->ands;
    sign_part(s, c);
    circuit_deal(s, &r->l, c);
    mask_plane(s, L1, USE_SIGN, 0, l1, c->words);
    for (size_t w = 0; w < c->words; w++)
        l2[w] = c->top[w] ^ l1[w];
    memcpy(string_plane(&r->l, DEALT, plane), l2, c->words * sizeof *l2);
    if (s->role == D && is_quad(s))
        mask_plane(s, W, USE_SIGN, 0, last, c->words);
    for (size_t w = 0; w < c->words && s->role == V; w++)
        last[w] = string_plane(&r->l, REPORT, plane)[w] ^ c->top[w];
}

static void sign_deal(struct step *s)
{
    struct sign r = sign_at(s->gate, s);
    if (s->role == D)
        sign_mask(s, &r);
}

static void sign_look(struct step *s)
{
    struct sign r = sign_at(s->gate, s);
    strings_keep(s, &r.l);
    if (!is_evaluator(s))
        return;
    sign_part(s, &r.c);
    circuit_look(s, &r.l, &r.c);
}

static void sign_level(struct step *s)
{
    struct sign r = sign_at(s->gate, s);
    if (is_evaluator(s))
        circuit_level(s, &r.l, &r.c);
}

static void sign_last(struct step *s)
{
    struct sign r = sign_at(s->gate, s);
    if (is_evaluator(s))
        circuit_last(s, &r.l, &r.c);
}

static void sign_finish(struct step *s)
{
    struct sign r = sign_at(s->gate, s);
    unsigned plane = r.c.blocks.tables + r.c.ands;
    size_t bytes = r.c.words * sizeof(uint64_t);
    if (!is_evaluator(s))
        return;
    circuit_end(s, &r.l, &r.c);
    memcpy(plane_of(s, 0), r.c.top, bytes);
    if (s->role == E1)
        mask_plane(s, L1, USE_SIGN, 0, plane_of(s, 1), r.c.words);
    else
        memcpy(plane_of(s, 1), string_plane(&r.l, DEALT, plane), bytes);
    if (!is_quad(s))
        return;
    uint64_t *seen = string_plane(&r.l, REPORT, plane);
    mask_plane(s, W, USE_SIGN, 0, last_of(s), r.c.words);
    memcpy(seen, r.c.top, bytes);
    xor_words(seen, last_of(s), r.c.words);
    strings_report(s, &r.l);
}

static void sign_audit(struct step *s)
{
    struct sign r = sign_at(s->gate, s);
    if (s->role == V)
        sign_mask(s, &r);
    strings_claim(s, &r.l);
}

static const struct round sign_rounds[] = {
    { .name = "deal", .run = sign_deal, .bytes = sign_deal_bytes },
    { .name = "lookup", .run = sign_look, .bytes = circuit_look_bytes },
    { .name = "level", .run = sign_level, .bytes = circuit_level_bytes, .times = circuit_levels },
    { .name = "last", .run = sign_last, .bytes = circuit_last_bytes },
    { .name = "finish", .run = sign_finish, .bytes = sign_report_bytes },
    { .name = "audit", .run = sign_audit },
};

const struct gate_ops masked_sign = {
    .name = "sign", .rounds = sign_rounds, .nround = 6, .scratch = sign_scratch
};
