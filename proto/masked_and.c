/*
 * masked_and.c: AND of shared bits: opened and masked as a product of words (masked_linear.c,
 * masked_open.c), in the field of two elements:
 *
 *     E1 -> E2   pure ^ mixed ^ F(K_1, RHO)        E2 -> E1   mixed ^ F(K_2, RHO)
 *     c = z ^ R,  R = rho_1 ^ rho_2 ^ Gamma        the m and L of the result
 *     DEALT      R ^ F(K_1)          REPORT   m ^ w
 *     HINT       q = mixed_D ^ s     AUDIT    c ^ pure ^ s = mixed_V ^ q ^ rho_1 ^ rho_2
 *
 * One round; 3 bits over all parties (quad: 5), or 2 (3) if the result is opened and not shared.
 */
#include <string.h>

#include "proto/masked_circuit.h"

/* z ^= v_x u_y ^ u_x v_y. */
static void add_mixed(uint64_t *z, const struct and_gate *a, size_t n)
{
    for (size_t i = 0; i < n; i++)
        z[i] ^= (a->x[0][i] & a->y[1][i]) ^ (a->x[1][i] & a->y[0][i]);
}

static void add_pure(uint64_t *z, const struct and_gate *a, size_t n)
{
    for (size_t i = 0; i < n; i++)
        z[i] ^= a->x[0][i] & a->y[0][i];
}

static void and_evaluate(const struct step *s, const struct strings *l, const struct and_gate *a,
                         uint64_t *const z[2], uint64_t *out)
{
    size_t n = l->words;
    mask_plane(s, own_mask(s), USE_AND_RHO, a->number, z[0], n);
    add_mixed(z[0], a, n);
    if (s->role == E1)
        add_pure(z[0], a, n);
    memcpy(out, z[0], n * sizeof *out);
    if (is_quad(s)) {
        uint64_t *check = string_plane(l, AUDIT, a->looks + a->number);
        mask_plane(s, W, USE_AND_BLIND, a->number, check, n);
        add_pure(check, a, n);
        xor_words(check, z[0], n);
    }
    if (is_quad(s) && !a->bare) {
        uint64_t *seen = string_plane(l, REPORT, a->tables + a->number);
        mask_plane(s, W, USE_AND_NEW, a->number, seen, n);
        xor_words(seen, z[0], n);
    }
}

void and_mask(const struct step *s, const struct strings *l, const struct and_gate *a, uint64_t *u)
{
    if (s->role == E1)
        mask_plane(s, L1, USE_AND_NEW, a->number, u, l->words);
    else if (s->role == E2)
        memcpy(u, string_plane(l, DEALT, a->tables + a->number), l->words * sizeof *u);
}

/* At D the hint, at V the check; z[0] is rho_1 ^ rho_2. */
static void and_check(const struct step *s, const struct strings *l, const struct and_gate *a,
                      const uint64_t *rho)
{
    size_t n = l->words;
    uint64_t *q = string_plane(l, HINT, a->looks + a->number);
    if (s->role == D) {
        mask_plane(s, W, USE_AND_BLIND, a->number, q, n);
        add_mixed(q, a, n);
        return;
    }
    uint64_t *check = string_plane(l, AUDIT, a->looks + a->number);
    memcpy(check, rho, n * sizeof *check);
    xor_words(check, q, n);
    add_mixed(check, a, n);
}

static void and_deal(const struct step *s, const struct strings *l, const struct and_gate *a,
                     uint64_t *const z[2])
{
    size_t n = l->words;
    mask_plane(s, L1, USE_AND_RHO, a->number, z[0], n);
    mask_plane(s, L2, USE_AND_RHO, a->number, z[1], n);
    xor_words(z[0], z[1], n);
    if (is_quad(s))
        and_check(s, l, a, z[0]);
    add_pure(z[0], a, n);
    if (a->bare)
        return;
    uint64_t *dealt = string_plane(l, DEALT, a->tables + a->number);
    mask_plane(s, L1, USE_AND_NEW, a->number, dealt, n);
    xor_words(dealt, z[0], n);
    if (s->role == V)
        memcpy(z[1], string_plane(l, REPORT, a->tables + a->number), n * sizeof *dealt);
    else if (is_quad(s))
        mask_plane(s, W, USE_AND_NEW, a->number, z[1], n);
}

void and_send(const struct step *s, const struct strings *l, const struct and_gate *a,
              uint64_t *const z[2], uint64_t *out)
{
    if (is_evaluator(s))
        and_evaluate(s, l, a, z, out);
    else
        and_deal(s, l, a, z);
}

void and_receive(const struct strings *l, const struct and_gate *a, uint64_t *v,
                 const uint64_t *in)
{
    xor_words(v, in, l->words);
    if (l->at[AUDIT] == NULL)
        return;
    xor_words(string_plane(l, AUDIT, a->looks + a->number), in, l->words);
    if (!a->bare)
        xor_words(string_plane(l, REPORT, a->tables + a->number), in, l->words);
}

/* ---- the gate ---- */

static const struct string and_strings[STRINGS] = {
    [DEALT] = { .planes = 1 }, [HINT] = { .planes = 1 },
    [REPORT] = { .planes = 1 }, [AUDIT] = { .planes = 1 }
};

static size_t and_deal_bytes(const struct gate *g, unsigned level, unsigned from, unsigned to)
{
    (void)level;
    struct strings l = strings_of(g, and_strings, NULL);
    return strings_deal(&l, l.words * 8, from, to);
}

static size_t and_report_bytes(const struct gate *g, unsigned level, unsigned from, unsigned to)
{
    (void)level;
    struct strings l = strings_of(g, and_strings, NULL);
    return strings_reported(&l, from, to);
}

/* Room for v and u of both operands (of D and V), and of the result. */
static size_t and_scratch(const struct program *p, const struct gate *g)
{
    struct strings l = strings_of(g, and_strings, NULL);
    return strings_scratch(p, &l) + 6 * l.words * 8;
}

/* v and u of operand k, made in `room` at D and V. In trio D has no u; its place is cleared. */
static void and_operand(const struct step *s, int k, uint64_t *room, size_t n,
                        const uint64_t *x[2])
{
    const uint64_t *x0 = s->x[k], *x1 = x0 + s->stride[k], *x2 = last_operand(s, k);
    x[0] = x0;
    x[1] = x1;
    if (is_evaluator(s))
        return;
    memcpy(room, x0, n * sizeof *room);
    xor_words(room, x1, n);
    memset(room + n, 0, n * sizeof *room);
    if (is_quad(s))
        xor_words(room + n, x2, n);
    if (s->role == V)
        xor_words(room + n, room, n);
    x[0] = room;
    x[1] = room + n;
}

/* z: v and u of the result. */
static void and_gate_send(const struct step *s, const struct strings *l, uint64_t *const z[2])
{
    uint64_t *room = (uint64_t *)l->rest;
    struct and_gate a = { .number = 0 };
    and_operand(s, 0, room, l->words, a.x);
    and_operand(s, 1, room + 2 * l->words, l->words, a.y);
    and_send(s, l, &a, z, is_evaluator(s) ? (uint64_t *)s->out[partner(s)] : NULL);
}

/* D and V: l_1, l_2 and w or x~ from L and u. */
static void and_gate_mask(const struct step *s, const struct strings *l)
{
    size_t n = l->words;
    uint64_t *v = (uint64_t *)l->rest + 4 * n, *u = v + n, *const z[2] = { v, u };
    uint64_t *l1 = plane_of(s, 0), *l2 = plane_of(s, 1), *last = last_of(s);
    and_gate_send(s, l, z);
    memcpy(l2, string_plane(l, DEALT, 0), n * sizeof *l2);
    for (size_t i = 0; i < n; i++)
        l1[i] = v[i] ^ l2[i];
    for (size_t i = 0; i < n && is_quad(s); i++)
        last[i] = s->role == D ? u[i] : u[i] ^ v[i];
}

static void and_first(struct step *s)
{
    struct strings l = strings_of(s->gate, and_strings, s);
    uint64_t *const z[2] = { plane_of(s, 0), plane_of(s, 1) };
    if (s->role == D)
        and_gate_mask(s, &l);
    else if (is_evaluator(s))
        and_gate_send(s, &l, z);
}

static void and_join(struct step *s)
{
    struct strings l = strings_of(s->gate, and_strings, s);
    const struct and_gate a = { .number = 0 };
    strings_keep(s, &l);
    if (!is_evaluator(s))
        return;
    and_receive(&l, &a, plane_of(s, 0), (const uint64_t *)s->in[partner(s)]);
    and_mask(s, &l, &a, plane_of(s, 1));
    if (!is_quad(s))
        return;
    memcpy(last_of(s), string_plane(&l, REPORT, 0), l.words * sizeof(uint64_t));
    xor_words(last_of(s), plane_of(s, 0), l.words);
    strings_report(s, &l);
}

static void and_audit(struct step *s)
{
    struct strings l = strings_of(s->gate, and_strings, s);
    if (s->role == V)
        and_gate_mask(s, &l);
    strings_claim(s, &l);
}

static const struct round and_rounds[] = {
    { .name = "deal", .run = and_first, .bytes = and_deal_bytes },
    { .name = "join", .run = and_join, .bytes = and_report_bytes },
    { .name = "audit", .run = and_audit },
};

const struct gate_ops masked_and = {
    .name = "and", .rounds = and_rounds, .nround = 3, .scratch = and_scratch
};
