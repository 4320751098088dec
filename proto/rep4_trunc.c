/*
 * rep4_trunc.c: a product as two summands, and its exact truncation.
 *
 * Left (roles 2 and 3) gets the piece of {2, 3} and the four pieces that one role of each pair
 * knows, minus masks, in four joint messages; right (0 and 1) the piece of {0, 1} and the masks:
 *
 *     v + 2^62 = A + B mod 2^64,  wrap = p or q with p = msb(A), q = msb(B), W = 2^(64-f)
 *     v_t = (A >> f) - W p  +  (B >> f) - W q - 2^(62-f) + 1  +  W p q = floor(v / 2^f) + coin
 *
 * for |v| < 2^62 (the identity of replicated_deal.c: coin = 0 iff the low parts of A and B carry,
 * and A is uniform, as it contains masks that neither v nor the shares depend on). The last term is
 * a product as in rep4_pair.c, of bits that are needed modulo 2^f only.
 *
 * TRUNC  summands (4 elements), both parts and p, q (2, and 2 small ones), W p q (4): 3 rounds.
 */
#include <string.h>

#include "proto/rep4.h"

/* ---- two summands ---- */

static struct talk summand_talk(const struct gate *g, uint8_t *keep)
{
    return (struct talk){ .joint = rep4_summand, .count = 4,
                          .bytes = g->shift == 0 ? 0 : (size_t)g->n * 8, .keep = keep };
}

size_t rep4_summand_bytes(const struct gate *g, unsigned from, unsigned to)
{
    struct talk t = summand_talk(g, NULL);
    return rep4_talk_bytes(&t, from, to);
}

/* One message: its mask goes to B, the rest to A. */
static void summand_joint(const struct step *s, const struct talk *t, unsigned k, size_t first,
                          size_t n, uint64_t *part)
{
    const struct joint *j = &t->joint[k];
    uint64_t f[CHUNK];
    if (j->to == s->role)
        return;
    rep4_mask(s, j->to, USE_SUMMAND + k, first / 2, f, n * 8);
    for (size_t i = 0; s->role < 2 && i < n; i++)
        part[first + i] += f[i];
    if (j->other == s->role)
        return;
    unsigned with = j->from == s->role ? j->backup : j->from;
    const uint64_t *x = s->x[0] + rep4_plane(s->role, with) * s->stride[0] + first;
    uint64_t *message = (uint64_t *)rep4_talk_place(s, t, k) + first;
    for (size_t i = 0; i < n; i++)
        message[i] = x[i] - f[i];
    for (size_t i = 0; s->role >= 2 && i < n; i++)
        part[first + i] += message[i];
}

void rep4_summand_send(struct step *s, uint64_t *part, uint8_t *keep)
{
    struct talk t = summand_talk(s->gate, keep);
    size_t all = s->gate->n;
    if (s->gate->shift == 0) {
        struct own x = rep4_own(s->role, s->x[0], s->stride[0]);
        for (size_t i = 0; i < all; i++)
            part[i] = x.a[i] + x.b[i];
        return;
    }
    const uint64_t *x = s->x[0] + rep4_plane(s->role, s->role ^ 1) * s->stride[0];
    for (size_t i = 0; i < all; i++)
        part[i] = x[i] + (s->role < 2 ? TRUNC_OFFSET : 0);
    for (size_t i = 0; i < all; i += CHUNK)
        for (unsigned k = 0; k < t.count; k++)
            summand_joint(s, &t, k, i, all - i < CHUNK ? all - i : CHUNK, part);
}

void rep4_summand_receive(struct step *s, uint64_t *part, uint8_t *keep)
{
    struct talk t = summand_talk(s->gate, keep);
    rep4_talk_claim(s, &t);
    for (unsigned r = 0; s->gate->shift > 0 && s->role >= 2 && r < 2; r++) {
        const uint64_t *in = (const uint64_t *)s->in[r];
        for (size_t i = 0; i < s->gate->n; i++)
            part[i] += in[i];
    }
}

void rep4_summand_shift(const struct step *s, const uint64_t *part, size_t n, uint64_t *v,
                        uint64_t *top)
{
    unsigned f = s->gate->shift;
    uint64_t constant = s->role < 2 ? 1 - (TRUNC_OFFSET >> f) : 0;
    for (size_t k = 0; k < n; k++)
        top[k] = part[k] >> 63;
    if (f == 0)
        memcpy(v, part, n * sizeof *v);
    else
        for (size_t k = 0; k < n; k++)
            v[k] = (part[k] >> f) + constant - (top[k] << (64 - f));
}

/* ---- TRUNC ---- */

static const struct items trunc_items = { .ring = 1, .wraps = 1 };

struct trunc {
    struct layout layout;
    uint64_t *part;
    uint8_t *sides, *keep;
};

static struct trunc trunc_at(const struct gate *g, uint8_t *scratch)
{
    struct trunc r = { .layout = rep4_items_layout(g, &trunc_items), .part = (uint64_t *)scratch };
    if (scratch == NULL)
        return r;
    r.keep = scratch + (size_t)g->n * 8;
    r.sides = r.keep + KEEP_SUMMAND * (size_t)g->n * 8;
    return r;
}

static size_t trunc_scratch(const struct program *p, const struct gate *g)
{
    (void)p;
    return (1 + KEEP_SUMMAND) * (size_t)g->n * 8 + SIDES * rep4_items_layout(g, &trunc_items).bytes;
}

static size_t trunc_part_bytes(const struct gate *g, unsigned level, unsigned from, unsigned to)
{
    (void)level;
    return rep4_summand_bytes(g, from, to);
}

static void trunc_part(struct step *s)
{
    struct trunc r = trunc_at(s->gate, s->scratch);
    rep4_summand_send(s, r.part, r.keep);
}

static size_t trunc_share_bytes(const struct gate *g, unsigned level, unsigned from, unsigned to)
{
    (void)level;
    struct layout l = rep4_items_layout(g, &trunc_items);
    return rep4_sides_bytes(&l, from, to);
}

static void trunc_share(struct step *s)
{
    struct trunc r = trunc_at(s->gate, s->scratch);
    struct sides d = rep4_sides_at(s, &r.layout, r.sides);
    uint64_t top[CHUNK];
    rep4_summand_receive(s, r.part, r.keep);
    for (size_t i = 0; i < s->gate->n; i += CHUNK) {
        size_t m = s->gate->n - i < CHUNK ? s->gate->n - i : CHUNK;
        rep4_summand_shift(s, r.part + i, m, (uint64_t *)d.own + i, top);
        rep4_small_put(&r.layout, d.own, i, top, m);
    }
    rep4_sides_send(s, &r.layout, &d);
}

static size_t trunc_multiply_bytes(const struct gate *g, unsigned level, unsigned from,
                                   unsigned to)
{
    (void)level;
    return rep4_items_bytes(g, from, to);
}

static void trunc_multiply(struct step *s)
{
    struct trunc r = trunc_at(s->gate, s->scratch);
    struct sides d = rep4_sides_at(s, &r.layout, r.sides);
    rep4_sides_receive(s, &r.layout, &d);
    rep4_items_multiply(s, &trunc_items, &d, r.keep);
}

static void trunc_finish(struct step *s)
{
    rep4_items_finish(s, trunc_at(s->gate, s->scratch).keep);
}

static const struct round trunc_rounds[] = {
    { .name = "summands", .run = trunc_part, .bytes = trunc_part_bytes },
    { .name = "share", .run = trunc_share, .bytes = trunc_share_bytes },
    { .name = "multiply", .run = trunc_multiply, .bytes = trunc_multiply_bytes },
    { .name = "finish", .run = trunc_finish },
};

const struct gate_ops rep4_trunc = {
    .name = "trunc", .rounds = trunc_rounds, .nround = 4, .scratch = trunc_scratch
};
