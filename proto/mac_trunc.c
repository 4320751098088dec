/*
 * mac_trunc.c: truncation by f bits, SUM to SHARE.
 *
 * With v' = v + 2^62, x_0' = x_0 + 2^62 modulo 2^64, A = x_0' + x_1 known to D, B = x_2 to E1 and
 * E2 (all low words), as in replicated_deal.c
 *
 *     v_t = (A >> f) + (B >> f) - 2^(64-f) w - 2^(62-f) + 1,      w = msb(A) or msb(B)
 *     A >> f = (x_0' >> f) + (x_1 >> f) + c_f - 2^(64-f) c_64
 *
 * with c_j the carry of x_0' + x_1 into bit j. D deals all carries as bits, share 0 to E2, share
 * 1 by F(k_1) to E1 (syrep_chain.c, which also proves them); msb(A) is x'_{0,63} ^ x_{1,63} ^
 * c_63. So, a = msb(A), c = msb(B),
 *
 *     send     x reshared with its MAC, entered before anything is dropped        96 bytes
 *     deal     D's carries                                                         8
 *              S = sum of (x_j >> f) + constants: shares are local; [alpha S]      48
 *              share 1 of K c_f (K = 1), of K c_64 and K a (K = 2^(64-f)): tags    2 (16 + 2 e)
 *     share    K u = K u_1 + (K - 2 K u_1) u_0 for the three                       3 (16 + 2 e)
 *     wrap     K w = K a + (K - K a) c                                             4 e
 *     finish   v_t = S + c_f - K c_64 - K w
 *
 * with elements of e = 8 + ceil(f / 8) bytes where multiples of 2^(64-f) travel: 372 bytes for f
 * <= 16, four rounds, 128 bit terms of D.
 *
 * Security: each product as in mac_bit.c and mac_product.c; the carries go under F(k_1), which E2
 * lacks. A wrong carry makes D's statements false, whatever all secrets are.
 */
#include <string.h>

#include "net/base_mem.h"
#include "proto/kernel.h"
#include "proto/mac_trunc.h"

struct trunc trunc_at(const struct step *s)
{
    struct trunc t = { .n = s->gate->n, .words = KERNEL_PLANE(s->gate->n) };
    uint64_t *at = (uint64_t *)(s->record + MAC_RECORD), *scratch = (uint64_t *)s->scratch;
    t.x[0] = at;
    t.x[1] = at + t.n;
    t.dealt = at + 2 * t.n;
    for (unsigned k = 0; k < BITS && scratch != NULL; k++) {
        t.bit[k] = (struct mac_planes){ scratch + 8 * k * t.n, t.n };
        for (unsigned share = 0; share < 2; share++)
            t.share[k][share] = scratch + 8 * BITS * t.n + (2 * k + share) * t.words;
    }
    if (scratch != NULL)
        t.top = scratch + 8 * BITS * t.n + 2 * BITS * t.words;
    return t;
}

static size_t trunc_scratch(const struct program *p, const struct gate *g)
{
    (void)p;
    return 8 * (8 * BITS * (size_t)g->n + (2 * BITS + 1) * KERNEL_PLANE(g->n));
}

static size_t trunc_record(const struct program *p, const struct gate *g, unsigned self)
{
    size_t dealt = gate_role(p->proto, g, self) == E1 ? 0 : TRUNC_CARRIES * KERNEL_PLANE(g->n);
    return MAC_RECORD + 8 * (2 * (size_t)g->n + dealt);
}

/* ---- send ---- */

static size_t send_bytes(const struct gate *g, unsigned level, unsigned from, unsigned to)
{
    (void)level;
    return to == (from + 2) % 3 ? (size_t)g->n * 2 * sizeof(wide) : 0;
}

static void trunc_send(struct step *s)
{
    mac_reshare_send(s, mac_result(s), s->out[(s->role + 2) % 3]);
}

/* ---- deal ---- */

/* A message has tags of S (to role r - 1), then carries (from D to E2), then tags of bits. */
static size_t tags_bytes(const struct gate *g, unsigned from, unsigned to)
{
    return to == (from + 2) % 3 ? (size_t)g->n * sizeof(wide) : 0;
}

static size_t carry_bytes(const struct gate *g, unsigned from, unsigned to)
{
    return from == D && to == E2 ? TRUNC_CARRIES * KERNEL_PLANE(g->n) * 8 : 0;
}

static size_t deal_round_bytes(const struct gate *g, unsigned level, unsigned from, unsigned to)
{
    (void)level;
    return tags_bytes(g, from, to) + carry_bytes(g, from, to) +
           phase_bytes(g, PHASE_OWN, from, to);
}

static struct chain trunc_chain(const struct trunc *t)
{
    return (struct chain){ .x = { { t->x[0], t->x[1] } }, .offset = TRUNC_OFFSET,
                           .count = TRUNC_CARRIES, .dealt = t->dealt };
}

/* The pair x becomes the value of S; its low words are kept. */
static void trunc_shift(const struct step *s, const struct trunc *t)
{
    unsigned shift = s->gate->shift;
    for (unsigned share = 0; share < 2; share++) {
        uint64_t *low = mac_low(mac_result(s), MAC_VALUE, share), *high = low + 2 * s->z_stride;
        int first = (s->role + share) % 3 == 0;
        memcpy(t->x[share], low, t->n * sizeof *low);
        for (size_t i = 0; i < t->n; i++) {
            wide x = first ? (wide)((low[i] + TRUNC_OFFSET) >> shift) + 1 - (TRUNC_OFFSET >> shift)
                           : low[i] >> shift;
            low[i] = (uint64_t)x;
            high[i] = (uint64_t)(x >> 64);
        }
    }
}

static void trunc_deal(struct step *s)
{
    struct trunc t = trunc_at(s);
    unsigned to = (s->role + 2) % 3;
    mac_reshare_take(s, mac_result(s), s->in[(s->role + 1) % 3]);
    trunc_shift(s, &t);
    for (size_t i = 0; i < t.n; i += MAC_CHUNK)
        mac_leave_tag(s, mac_result(s), MASK_SHIFTED, i, mac_min(MAC_CHUNK, t.n - i), s->out[to]);
    memset(t.bit[0].words, 0, 8 * BITS * t.n * sizeof(uint64_t));
    if (s->role == D) {
        struct chain c = trunc_chain(&t);
        chain_deal(s, &c, t.dealt);
        memcpy(s->out[E2] + tags_bytes(s->gate, D, E2), t.dealt, carry_bytes(s->gate, D, E2));
        bit_shares(s, &t, 0);
    }
    if (s->role != E2)
        bit_shares(s, &t, 1);
    phase_send(s, &t, PHASE_OWN, tags_bytes(s->gate, s->role, mac_bit_other(1, s->role)));
}

/* ---- share, wrap, finish ---- */

static size_t share_round_bytes(const struct gate *g, unsigned level, unsigned from, unsigned to)
{
    (void)level;
    return phase_bytes(g, PHASE_BIT, from, to);
}

static void trunc_share(struct step *s)
{
    struct trunc t = trunc_at(s);
    unsigned from = (s->role + 1) % 3;
    for (size_t i = 0, m; i < t.n; i += m) {
        m = mac_min(MAC_CHUNK, t.n - i);
        mac_take(mac_result(s), MAC_TAG, i, m, s->in[from]);
        mac_enter(s, ENTER_S, mac_result(s), i, m);
    }
    phase_take(s, &t, PHASE_OWN, tags_bytes(s->gate, mac_bit_other(1, s->role), s->role));
    if (s->role == E2) {
        memcpy(t.dealt, s->in[D] + tags_bytes(s->gate, D, E2), carry_bytes(s->gate, D, E2));
        bit_shares(s, &t, 0);
    }
    phase_send(s, &t, PHASE_BIT, 0);
}

static size_t wrap_round_bytes(const struct gate *g, unsigned level, unsigned from, unsigned to)
{
    (void)level;
    return phase_bytes(g, PHASE_WRAP, from, to);
}

static void trunc_wrap(struct step *s)
{
    struct trunc t = trunc_at(s);
    phase_take(s, &t, PHASE_BIT, 0);
    if (s->role != D)
        top_bits(t.top, t.x[s->role == E1 ? 1 : 0], 0, t.n);
    phase_send(s, &t, PHASE_WRAP, 0);
}

static void trunc_finish(struct step *s)
{
    struct trunc t = trunc_at(s);
    wide x[MAC_CHUNK];
    phase_take(s, &t, PHASE_WRAP, 0);
    for (unsigned k = 0; k < BITS; k++)
        for (size_t i = 0, m; i < t.n; i += m) {
            m = mac_min(MAC_CHUNK, t.n - i);
            for (unsigned p = 0; p < 4; p++) {
                mac_get(x, t.bit[k], p / 2, p % 2, i, m);
                for (size_t c = 0; c < m && k > 0; c++)
                    x[c] = -x[c];
                mac_add(mac_result(s), p / 2, p % 2, i, x, m);
            }
        }
}

static const struct round trunc_rounds[] = {
    { .name = "send", .run = trunc_send, .bytes = send_bytes },
    { .name = "deal", .run = trunc_deal, .bytes = deal_round_bytes },
    { .name = "share", .run = trunc_share, .bytes = share_round_bytes },
    { .name = "wrap", .run = trunc_wrap, .bytes = wrap_round_bytes },
    { .name = "finish", .run = trunc_finish },
};

const struct gate_ops mac_trunc = {
    .name = "trunc", .rounds = trunc_rounds, .nround = 5, .scratch = trunc_scratch,
    .record = trunc_record
};

/* ---- statements: D's carries ---- */

static unsigned trunc_runs(const struct program *p, const struct gate *g, unsigned prover)
{
    (void)p;
    (void)g;
    return prover == D;
}

static struct prove_run trunc_run(const struct program *p, const struct gate *g, unsigned prover,
                                  unsigned i)
{
    (void)p;
    (void)prover;
    (void)i;
    return chain_run(g, TRUNC_CARRIES);
}

static void trunc_fill(struct view *v, unsigned i)
{
    struct step at = v->at;
    at.scratch = NULL;
    struct trunc t = trunc_at(&at);
    struct chain c = trunc_chain(&t);
    (void)i;
    chain_fill(v, &c);
}

const struct statements mac_trunc_statements = {
    .runs = trunc_runs, .run = trunc_run, .fill = trunc_fill
};
