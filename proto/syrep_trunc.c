/*
 * syrep_trunc.c: truncation, SUM to SHARE, with statements.
 *
 *     send     role i sends its share of x, masked, to role i - 1: x in replicated form
 *     deal     A = x_0 + x_1 + 2^62, known to D; B = x_2, to E1 and E2. D -> E2, under F(k_1):
 *              At = A >> f; a = msb(A) modulo 2^f; the carries c_1 .. c_64 of (x_0 + 2^62) + x_1
 *     join     v_t = At + C - 2^(64-f) (1 - msb(B)) a, C of B alone (replicated_deal.c): E1 and E2
 *              have additive shares, and leave them, masked, for each other
 *
 * What D states (E2 knows x_0, d, dA, da, E1 knows x_1, f, fA, fa; each carry is c = d ^ f as a
 * bit, and d + f - 2 d f as a number):
 *
 *     chain    c_{j+1} = (x_{0,j} ^ c_j) (x_{1,j} ^ c_j) ^ c_j
 *     part     dA + fA = (x_0' >> f) + (x_1 >> f) + c_f - 2^(64-f) c_64
 *     top      da + fa = u ^ w = u + w - 2 u w,  u = x'_{0,63} ^ d_63, w = x_{1,63} ^ f_63
 *
 * The last one modulo 2^16 or 2^32, so both sides are scaled by 2^48 or 2^32. E1 and E2 state, with
 * e = -2^(64-f) (1 - msb(B)) known to both:
 *
 *     E1       fa . e = [F(k_1) - fA] + [m_1 - C]          to D and to E2
 *     E2       e . da = [m_2] + [F(k_0) - dA]              to E1 and to D
 *
 * Per element over all parties: 24 + 8 + 2 (or 4) + 8 + 16 bytes; 128 bit terms and 3 + 1 + 1 word
 * terms. Security before the proofs: x_i goes under F(k_{i+1}), which role i - 1 lacks; D's message
 * under F(k_1), which E2 lacks; m_1 and m_2 under F(k_1) and F(k_0), which E2 and E1 lack.
 */
#include "proto/syrep_trunc.h"

#include <string.h>

#include "proto/kernel.h"

struct kept_trunc kept_trunc(const struct gate *g, const uint8_t *record)
{
    struct kept_trunc r = { .layout = deal_layout(g, 0, TRUNC_CARRIES) };
    r.x[0] = (uint64_t *)(uintptr_t)record;
    r.x[1] = r.x[0] + g->n;
    r.in = r.x[1] + g->n;
    r.dealt = (uint8_t *)(r.in + g->n);
    r.chain = (struct chain){ .x = { { r.x[0], r.x[1] } }, .offset = TRUNC_OFFSET,
                              .count = TRUNC_CARRIES,
                              .dealt = (const uint64_t *)(r.dealt + r.layout.tables) };
    return r;
}

size_t kept_trunc_bytes(const struct gate *g, unsigned role)
{
    return 24 * (size_t)g->n + (role == E1 ? 0 : deal_layout(g, 0, TRUNC_CARRIES).bytes);
}

void trunc_send(const struct step *s, struct kept_trunc *r)
{
    mask_sum(s, r->x[0], s->x[0], s->gate->n);
    memcpy(s->out[(s->role + 2) % 3], r->x[0], s->gate->n * sizeof *r->x[0]);
}

size_t trunc_send_bytes(const struct gate *g, unsigned level, unsigned from, unsigned to)
{
    (void)level;
    return to == (from + 2) % 3 ? (size_t)g->n * 8 : 0;
}

size_t trunc_deal_bytes(const struct gate *g, unsigned level, unsigned from, unsigned to)
{
    (void)level;
    return from == D && to == E2 ? deal_layout(g, 0, TRUNC_CARRIES).bytes : 0;
}

void trunc_deal(const struct step *s, struct kept_trunc *r, uint64_t *part)
{
    memcpy(r->x[1], s->in[(s->role + 1) % 3], s->gate->n * sizeof *r->x[1]);
    if (s->role != D)
        return;
    for (size_t i = 0; i < s->gate->n; i++)
        part[i] = r->x[0][i] + r->x[1][i] + TRUNC_OFFSET;
    deal_send(s, &r->layout, part, NULL, r->dealt);
    chain_deal(s, &r->chain, (uint64_t *)(r->dealt + r->layout.tables));
    memcpy(s->out[E2], r->dealt, r->layout.bytes);
}

void trunc_join(const struct step *s, struct kept_trunc *r, uint64_t *y)
{
    const uint64_t *b = r->x[s->role == E1 ? 1 : 0];
    struct dealt d;
    if (s->role == E2)
        memcpy(r->dealt, s->in[D], r->layout.bytes);
    for (size_t i = 0; s->role != D && i < s->gate->n; i += CHUNK) {
        size_t m = s->gate->n - i < CHUNK ? s->gate->n - i : CHUNK;
        memcpy(d.c, b + i, m * sizeof *b);
        deal_open(s, &r->layout, i, m, &d);
        for (size_t k = 0; k < m; k++)
            y[i + k] = d.part[k] + (s->role == E1 ? d.c[k] : 0);
    }
}

void trunc_common(const struct gate *g, const uint64_t *b, size_t n, uint64_t *c)
{
    for (size_t k = 0; k < n; k++)
        c[k] = (b[k] >> g->shift) - (TRUNC_OFFSET >> g->shift) + 1 -
               (b[k] >> 63 << (64 - g->shift));
}

/* ---- the gate ---- */

static size_t trunc_record(const struct program *p, const struct gate *g, unsigned self)
{
    return kept_trunc_bytes(g, gate_role(p->proto, g, self));
}

static size_t trunc_scratch(const struct program *p, const struct gate *g)
{
    (void)p;
    return (size_t)g->n * sizeof(uint64_t);
}

static void send_round(struct step *s)
{
    struct kept_trunc r = kept_trunc(s->gate, s->record);
    trunc_send(s, &r);
}

static void deal_round(struct step *s)
{
    struct kept_trunc r = kept_trunc(s->gate, s->record);
    trunc_deal(s, &r, (uint64_t *)s->scratch);
}

static void join_round(struct step *s)
{
    struct kept_trunc r = kept_trunc(s->gate, s->record);
    trunc_join(s, &r, (uint64_t *)s->scratch);
    result_send(s, (uint64_t *)s->scratch);
}

static void finish_round(struct step *s)
{
    struct kept_trunc r = kept_trunc(s->gate, s->record);
    if (s->role != D)
        memcpy(r.in, s->in[s->role == E1 ? E2 : E1], s->gate->n * sizeof *r.in);
    result_finish(s);
}

static const struct round trunc_rounds[] = {
    { .name = "send", .run = send_round, .bytes = trunc_send_bytes },
    { .name = "deal", .run = deal_round, .bytes = trunc_deal_bytes },
    { .name = "join", .run = join_round, .bytes = result_bytes },
    { .name = "finish", .run = finish_round },
};

const struct gate_ops syrep_trunc = {
    .name = "trunc", .rounds = trunc_rounds, .nround = 4, .scratch = trunc_scratch,
    .record = trunc_record
};

/* ---- all statements: what was sent of x, then those of the truncation ---- */

static unsigned gate_runs(const struct program *p, const struct gate *g, unsigned prover)
{
    return sent_runs(p, g) + trunc_runs(prover);
}

static struct prove_run gate_run(const struct program *p, const struct gate *g, unsigned prover,
                                 unsigned i)
{
    unsigned sent = sent_runs(p, g);
    return i < sent ? sent_run(g) : trunc_run(g, prover, i - sent);
}

static void gate_fill(struct view *v, unsigned i)
{
    unsigned sent = sent_runs(v->at.program, v->at.gate);
    if (i < sent)
        sent_fill(v, sent_shares(&v->at, v->at.gate));
    else
        trunc_fill(v, i - sent);
}

const struct statements syrep_trunc_statements = {
    .runs = gate_runs, .run = gate_run, .fill = gate_fill
};
