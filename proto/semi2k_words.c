/*
 * semi2k_words.c: gates that are correlated transfers of words: bits as words, products of bits and
 * words, products, truncation, and the ReLU that has them all.
 *
 * Transfer j of a sender: choices and pads of the deal at number j. A party's flip is its choice
 * against its random one; the other answers with corrections, and keeps its own shares.
 */
#include <string.h>

#include "proto/semi2k.h"

static struct deal deal_of(const struct step *s)
{
    struct need need = semi2k_need(s->gate->kind, s->gate->shift, s->gate->width);
    return semi2k_deal_at(&need, s->gate->n, s->role);
}

/* The flips of transfer j, of planes `choice` (words of the gate's n): `plane` words. */
static void flip(uint64_t *out, const struct step *s, const struct deal *d, unsigned j,
                 const uint64_t *choice)
{
    const uint64_t *random = s->x[3] + d->take_choices + j * d->plane;
    memset(out, 0, d->plane * 8);
    for (size_t w = 0; w < KERNEL_PLANE(s->gate->n); w++)
        out[w] = choice[w] ^ random[w];
}

static void give(uint64_t *share, uint64_t *correction, const struct step *s, const struct deal *d,
                 unsigned j, const uint64_t *flips, const uint64_t *a)
{
    const uint64_t *pad = s->x[3] + d->give_words + 2 * j * 64 * d->plane;
    ot_word_send(share, correction, pad, pad + 64 * d->plane, flips, a, s->gate->n);
}

static void take(uint64_t *share, const struct step *s, const struct deal *d, unsigned j,
                 const uint64_t *choice, const uint64_t *correction)
{
    ot_word_receive(share, s->x[3] + d->take_words + j * 64 * d->plane, choice, correction,
                    s->gate->n);
}

static size_t flips_of(const struct gate *g, unsigned transfers)
{
    return transfers * semi2k_plane(g->n) * 8;
}

/* ---- truncation of two summands ---- */

/* The own summand of v', its top bit as a plane. */
static void summand(uint64_t *v, uint64_t *top, const struct step *s, const uint64_t *x)
{
    size_t n = s->gate->n;
    for (size_t i = 0; i < n; i++)
        v[i] = x[i] + (s->role == 0 ? TRUNC_OFFSET : 0);
    planes_from_words(top, KERNEL_PLANE(n), v, n, 63, 1);
}

/* Shares of the AND of the top bits are needed modulo 2^shift: they travel so. */
static void wrap_put(uint8_t *out, const uint64_t *x, size_t n, unsigned shift)
{
    size_t bytes = wrap_bytes(shift);
    for (size_t i = 0; i < n; i++)
        memcpy(out + i * bytes, &x[i], bytes);
}

static void wrap_get(uint64_t *x, const uint8_t *in, size_t n, unsigned shift)
{
    size_t bytes = wrap_bytes(shift);
    for (size_t i = 0; i < n; i++) {
        x[i] = 0;
        memcpy(&x[i], in + i * bytes, bytes);
    }
}

/* The own summand of the truncated value but for the wrap; role 0's unit makes the sum the floor or
 * one more, as a gate promises. */
static uint64_t shifted(const struct step *s, uint64_t v)
{
    unsigned f = s->gate->shift;
    return (v >> f) - (s->role == 0 ? (TRUNC_OFFSET >> f) - 1 : 0);
}

/* z = the own share of the truncated value: less 2^(64-f) wrap, with wrap = the own top bit less
 * the share of the AND. */
static void truncated(uint64_t *z, const struct step *s, const uint64_t *v, const uint64_t *both)
{
    unsigned f = s->gate->shift;
    for (size_t i = 0; i < s->gate->n; i++)
        z[i] = shifted(s, v[i]) - (((v[i] >> 63) - both[i]) << (64 - f));
}

/* Role 0's half of the AND of the top bits: transfer 0, a = its own bit. */
static void wrap_give(uint64_t *both, uint8_t *out, const struct step *s, const struct deal *d,
                      const uint64_t *v, const uint64_t *flips, uint64_t *work)
{
    size_t n = s->gate->n;
    for (size_t i = 0; i < n; i++)
        work[i] = v[i] >> 63;
    give(both, work, s, d, 0, flips, work);
    wrap_put(out, work, n, s->gate->shift);
}

static void wrap_take(uint64_t *both, const uint8_t *in, const struct step *s, const struct deal *d,
                      const uint64_t *top, uint64_t *work)
{
    wrap_get(work, in, s->gate->n, s->gate->shift);
    take(both, s, d, 0, top, work);
}

/* Memory: v, both, work (n words each), top (a plane). */
struct trunc {
    uint64_t *v, *both, *work, *top;
};

static struct trunc trunc_at(const struct step *s, uint64_t *memory)
{
    size_t n = s->gate->n;
    return (struct trunc){ memory, memory + n, memory + 2 * n, memory + 3 * n };
}

static size_t trunc_words(size_t n)
{
    return 3 * n + semi2k_plane(n);
}

static size_t trunc_scratch(const struct program *p, const struct gate *g)
{
    (void)p;
    return trunc_words(g->n) * 8;
}

static void trunc_choose(struct step *s)
{
    struct trunc t = trunc_at(s, (uint64_t *)s->scratch);
    struct deal d = deal_of(s);
    summand(t.v, t.top, s, s->x[0]);
    if (s->role == 1)
        flip((uint64_t *)s->out[0], s, &d, 0, t.top);
}

static void trunc_answer(struct step *s)
{
    struct trunc t = trunc_at(s, (uint64_t *)s->scratch);
    struct deal d = deal_of(s);
    if (s->role == 0)
        wrap_give(t.both, s->out[1], s, &d, t.v, (const uint64_t *)s->in[1], t.work);
}

static void trunc_finish(struct step *s)
{
    struct trunc t = trunc_at(s, (uint64_t *)s->scratch);
    struct deal d = deal_of(s);
    if (s->role == 1)
        wrap_take(t.both, s->in[0], s, &d, t.top, t.work);
    truncated(s->z, s, t.v, t.both);
}

static size_t to_zero_flip(const struct gate *g, unsigned level, unsigned from, unsigned to)
{
    (void)level;
    return from == 1 && to == 0 ? flips_of(g, 1) : 0;
}

static size_t to_one_wrap(const struct gate *g, unsigned level, unsigned from, unsigned to)
{
    (void)level;
    return from == 0 && to == 1 ? g->n * wrap_bytes(g->shift) : 0;
}

static const struct round trunc_rounds[] = {
    { .name = "choose", .run = trunc_choose, .bytes = to_zero_flip },
    { .name = "answer", .run = trunc_answer, .bytes = to_one_wrap },
    { .name = "finish", .run = trunc_finish },
};

const struct gate_ops semi2k_trunc = {
    .name = "trunc", .rounds = trunc_rounds, .nround = 3, .scratch = trunc_scratch
};

/* ---- a bit as a word ---- */

static size_t b2a_scratch(const struct program *p, const struct gate *g)
{
    (void)p;
    return (size_t)g->n * 2 * 8;
}

static void b2a_choose(struct step *s)
{
    struct deal d = deal_of(s);
    if (s->role == 1)
        flip((uint64_t *)s->out[0], s, &d, 0, s->x[0]);
}

static void b2a_answer(struct step *s)
{
    struct deal d = deal_of(s);
    uint64_t *share = (uint64_t *)s->scratch, *a = share + s->gate->n;
    if (s->role != 0)
        return;
    for (size_t i = 0; i < s->gate->n; i++)
        a[i] = plane_bit(s->x[0], i);
    give(share, (uint64_t *)s->out[1], s, &d, 0, (const uint64_t *)s->in[1], a);
}

static void b2a_finish(struct step *s)
{
    struct deal d = deal_of(s);
    uint64_t *share = (uint64_t *)s->scratch;
    if (s->role == 1)
        take(share, s, &d, 0, s->x[0], (const uint64_t *)s->in[0]);
    for (size_t i = 0; i < s->gate->n; i++)
        s->z[i] = plane_bit(s->x[0], i) - 2 * share[i];
}

static size_t to_one_words(const struct gate *g, unsigned level, unsigned from, unsigned to)
{
    (void)level;
    return from == 0 && to == 1 ? (size_t)g->n * 8 : 0;
}

static const struct round b2a_rounds[] = {
    { .name = "choose", .run = b2a_choose, .bytes = to_zero_flip },
    { .name = "answer", .run = b2a_answer, .bytes = to_one_words },
    { .name = "finish", .run = b2a_finish },
};

const struct gate_ops semi2k_b2a = {
    .name = "b2a", .rounds = b2a_rounds, .nround = 3, .scratch = b2a_scratch
};

/* ---- b v ---- */

/* The last transfer each way; `give_number` counts those of this role before it. */
static void mux_give(const struct step *s, const struct deal *d, const uint64_t *v,
                     const uint64_t *b, uint64_t *share, uint64_t *a)
{
    for (size_t i = 0; i < s->gate->n; i++)
        a[i] = (1 - 2 * plane_bit(b, i)) * v[i];
    give(share, (uint64_t *)s->out[1 - s->role], s, d, d->need.words[s->role] - 1,
         (const uint64_t *)s->in[1 - s->role], a);
}

static void mux_finish(const struct step *s, const struct deal *d, const uint64_t *v,
                       const uint64_t *b, const uint64_t *share, uint64_t *work)
{
    take(work, s, d, d->need.words[1 - s->role] - 1, b, (const uint64_t *)s->in[1 - s->role]);
    for (size_t i = 0; i < s->gate->n; i++)
        s->z[i] = plane_bit(b, i) * v[i] + share[i] + work[i];
}

static size_t both_flips(const struct gate *g, unsigned level, unsigned from, unsigned to)
{
    (void)level;
    return from != to ? flips_of(g, 1) : 0;
}

static size_t both_words(const struct gate *g, unsigned level, unsigned from, unsigned to)
{
    (void)level;
    return from != to ? (size_t)g->n * 8 : 0;
}

static void inject_choose(struct step *s)
{
    struct deal d = deal_of(s);
    flip((uint64_t *)s->out[1 - s->role], s, &d, 0, s->x[1]);
}

static void inject_answer(struct step *s)
{
    struct deal d = deal_of(s);
    uint64_t *share = (uint64_t *)s->scratch;
    mux_give(s, &d, s->x[0], s->x[1], share, share + s->gate->n);
}

static void inject_finish(struct step *s)
{
    struct deal d = deal_of(s);
    uint64_t *share = (uint64_t *)s->scratch;
    mux_finish(s, &d, s->x[0], s->x[1], share, share + s->gate->n);
}

static const struct round inject_rounds[] = {
    { .name = "choose", .run = inject_choose, .bytes = both_flips },
    { .name = "answer", .run = inject_answer, .bytes = both_words },
    { .name = "finish", .run = inject_finish },
};

const struct gate_ops semi2k_inject = {
    .name = "inject", .rounds = inject_rounds, .nround = 3, .scratch = b2a_scratch
};

/* ---- x y: x_0 y_0 + x_1 y_1 + transfers for every bit of the other's y ---- */

enum { BITS = 64 };

static size_t mul_scratch(const struct program *p, const struct gate *g)
{
    (void)p;
    return ((size_t)g->n * 3 + BITS * semi2k_plane(g->n)) * 8;
}

static size_t mul_flips(const struct gate *g, unsigned level, unsigned from, unsigned to)
{
    (void)level;
    return from != to ? flips_of(g, BITS) : 0;
}

static size_t mul_words(const struct gate *g, unsigned level, unsigned from, unsigned to)
{
    (void)level;
    return from != to ? (size_t)g->n * BITS * 8 : 0;
}

static uint64_t *mul_bits(const struct step *s)
{
    return (uint64_t *)s->scratch + 3 * (size_t)s->gate->n;
}

static void mul_choose(struct step *s)
{
    struct deal d = deal_of(s);
    uint64_t *bits = mul_bits(s), *out = (uint64_t *)s->out[1 - s->role];
    memset(bits, 0, BITS * d.plane * 8);
    planes_from_words(bits, d.plane, s->x[1], s->gate->n, 0, BITS);
    for (unsigned j = 0; j < BITS; j++)
        flip(out + j * d.plane, s, &d, j, bits + j * d.plane);
}

static void mul_answer(struct step *s)
{
    struct deal d = deal_of(s);
    size_t n = s->gate->n;
    uint64_t *sum = (uint64_t *)s->scratch, *a = sum + n, *share = a + n;
    const uint64_t *flips = (const uint64_t *)s->in[1 - s->role];
    memset(sum, 0, n * 8);
    for (unsigned j = 0; j < BITS; j++) {
        for (size_t i = 0; i < n; i++)
            a[i] = s->x[0][i] << j;
        give(share, (uint64_t *)s->out[1 - s->role] + j * n, s, &d, j, flips + j * d.plane, a);
        for (size_t i = 0; i < n; i++)
            sum[i] += share[i];
    }
}

static void mul_finish(struct step *s)
{
    struct deal d = deal_of(s);
    size_t n = s->gate->n;
    uint64_t *sum = (uint64_t *)s->scratch, *share = sum + 2 * n, *bits = mul_bits(s);
    const uint64_t *in = (const uint64_t *)s->in[1 - s->role];
    for (unsigned j = 0; j < BITS; j++) {
        take(share, s, &d, j, bits + j * d.plane, in + j * n);
        for (size_t i = 0; i < n; i++)
            sum[i] += share[i];
    }
    for (size_t i = 0; i < n; i++)
        s->z[i] = sum[i] + s->x[0][i] * s->x[1][i];
}

static const struct round mul_rounds[] = {
    { .name = "choose", .run = mul_choose, .bytes = mul_flips },
    { .name = "answer", .run = mul_answer, .bytes = mul_words },
    { .name = "finish", .run = mul_finish },
};

const struct gate_ops semi2k_mul = {
    .name = "mul", .rounds = mul_rounds, .nround = 3, .scratch = mul_scratch
};

/* ---- ReLU ---- */

/* Memory: that of a truncation, the truncated share, the own share of the transfer, the bit, and
 * that of a sign. */
struct relu {
    struct trunc trunc;
    uint64_t *v, *share, *b;
    struct sign sign;
    struct deal deal;
};

static struct relu relu_at(const struct step *s)
{
    struct relu r = { .deal = deal_of(s) };
    size_t n = s->gate->n;
    uint64_t *at = (uint64_t *)s->scratch;
    r.trunc = trunc_at(s, at);
    r.v = at + trunc_words(n);
    r.share = r.v + n;
    r.b = r.share + n;
    r.sign = semi2k_sign_at(s, r.b + r.deal.plane);
    return r;
}

static size_t relu_scratch(const struct program *p, const struct gate *g)
{
    struct need need = semi2k_need(g->kind, g->shift, g->width);
    (void)p;
    return (trunc_words(g->n) + 2 * (size_t)g->n + semi2k_plane(g->n) +
            semi2k_sign_words(&need, g->n)) * 8;
}

/* The low bits of the truncated share do not wait for the wrap. */
static void relu_choose(struct step *s)
{
    struct relu r = relu_at(s);
    const struct gate *g = s->gate;
    uint64_t *out = (uint64_t *)s->out[0];
    if (g->shift > 0)
        summand(r.trunc.v, r.trunc.top, s, s->x[0]);
    for (size_t i = 0; i < g->n; i++)
        r.v[i] = g->shift == 0 ? s->x[0][i] : shifted(s, r.trunc.v[i]);
    memset(r.sign.bits, 0, g->width * r.deal.plane * 8);
    planes_from_words(r.sign.bits, r.deal.plane, r.v, g->n, 0, g->width);
    if (s->role == 0)
        return;
    semi2k_choose(s, &r.sign, out);
    if (g->shift > 0)
        flip(out + r.deal.need.digits * r.deal.plane, s, &r.deal, 0, r.trunc.top);
}

static void relu_tables(struct step *s)
{
    struct relu r = relu_at(s);
    const uint64_t *in = (const uint64_t *)s->in[1];
    if (s->role != 0)
        return;
    semi2k_tables(s, &r.sign, in, (uint64_t *)s->out[1]);
    if (s->gate->shift > 0)
        wrap_give(r.trunc.both, s->out[1] + semi2k_table_bytes(s->gate), s, &r.deal, r.trunc.v,
                  in + r.deal.need.digits * r.deal.plane, r.trunc.work);
}

static void relu_level(struct step *s)
{
    struct relu r = relu_at(s);
    if (s->level > 0) {
        semi2k_join(s, &r.sign, s->level - 1, (const uint64_t *)s->in[1 - s->role]);
    } else {
        if (s->role == 1)
            semi2k_look(s, &r.sign, (const uint64_t *)s->in[0]);
        if (s->role == 1 && s->gate->shift > 0)
            wrap_take(r.trunc.both, s->in[0] + semi2k_table_bytes(s->gate), s, &r.deal, r.trunc.top,
                      r.trunc.work);
        if (s->gate->shift > 0)
            truncated(r.v, s, r.trunc.v, r.trunc.both);
    }
    semi2k_level(s, &r.sign, s->level, (uint64_t *)s->out[1 - s->role]);
}

/* b = NOT sign. */
static void relu_flips(struct step *s)
{
    struct relu r = relu_at(s);
    semi2k_join(s, &r.sign, semi2k_levels(s->gate) - 1, (const uint64_t *)s->in[1 - s->role]);
    semi2k_sign_bit(s, &r.sign, r.b);
    for (size_t w = 0; s->role == 0 && w < KERNEL_PLANE(s->gate->n); w++)
        r.b[w] = ~r.b[w];
    flip((uint64_t *)s->out[1 - s->role], s, &r.deal, r.deal.need.words[1 - s->role] - 1, r.b);
}

static void relu_answer(struct step *s)
{
    struct relu r = relu_at(s);
    mux_give(s, &r.deal, r.v, r.b, r.share, r.trunc.work);
}

static void relu_finish(struct step *s)
{
    struct relu r = relu_at(s);
    mux_finish(s, &r.deal, r.v, r.b, r.share, r.trunc.work);
}

static size_t relu_choose_bytes(const struct gate *g, unsigned level, unsigned from, unsigned to)
{
    (void)level;
    return from == 1 && to == 0 ? semi2k_flip_bytes(g) + flips_of(g, g->shift > 0) : 0;
}

static size_t relu_tables_bytes(const struct gate *g, unsigned level, unsigned from, unsigned to)
{
    (void)level;
    return from == 0 && to == 1 ? semi2k_table_bytes(g) + g->n * wrap_bytes(g->shift) : 0;
}

static size_t relu_level_bytes(const struct gate *g, unsigned level, unsigned from, unsigned to)
{
    return from != to ? semi2k_open_bytes(g, level) : 0;
}

static const struct round relu_rounds[] = {
    { .name = "choose", .run = relu_choose, .bytes = relu_choose_bytes },
    { .name = "tables", .run = relu_tables, .bytes = relu_tables_bytes },
    { .name = "tree", .run = relu_level, .bytes = relu_level_bytes, .times = semi2k_levels },
    { .name = "flips", .run = relu_flips, .bytes = both_flips },
    { .name = "answer", .run = relu_answer, .bytes = both_words },
    { .name = "finish", .run = relu_finish },
};

const struct gate_ops semi2k_relu = {
    .name = "relu", .rounds = relu_rounds, .nround = 6, .scratch = relu_scratch
};
