/*
 * dealer.h: a trusted dealer in place of the gates that deal, for tests of what goes over the links
 * afterwards: a thousand times faster than ring-LWE and transfers, which have tests of their own.
 *
 * One party's part (the eye's) is uniform and drawn from what it knows; of the other's is drawn
 * what the eye's does not determine. That is how ideal deals are distributed, for either eye.
 *
 *     dealer = (struct dealer){ .chain = &chain, .eye = .., .seen = .., .rest = .. };
 *     dealer_replaces(&chain, 1);
 */
#ifndef OB_TESTS_DEALER_H
#define OB_TESTS_DEALER_H

#include "tests/chain.h"
#include "tests/check.h"

#include "proto/semi2k.h"

static struct dealer {
    const struct chain *chain;
    unsigned eye;                   /* a party */
    uint64_t seen, rest;            /* seeds of its part and of the other */
} dealer;

static inline void dealer_draw(uint64_t *part, size_t words, uint64_t seed, uint32_t gate)
{
    uint64_t draw = seed ^ (gate + 1) * 0x9e3779b97f4a7c15u;
    for (size_t i = 0; i < words; i++)
        part[i] = check_random(&draw);
}

static inline uint64_t dealer_bit(const uint64_t *plane, size_t i)
{
    return plane[i / 64] >> i % 64 & 1;
}

/* Transfer j of words: which pads the taker has. own: whose part bends. */
static inline void dealer_words(uint64_t *give, uint64_t *take, const struct deal *g,
                                const struct deal *t, unsigned j, int taker_bends)
{
    const uint64_t *choice = take + t->take_choices + j * t->plane;
    for (size_t i = 0; i < 64 * g->plane; i++) {
        size_t pad = 2 * j + dealer_bit(choice, i);
        uint64_t *a = give + g->give_words + pad * 64 * g->plane + i;
        uint64_t *b = take + t->take_words + j * 64 * t->plane + i;
        *(taker_bends ? b : a) = taker_bends ? *a : *b;
    }
}

/* A table's entry at the place that the digits name, plane by plane. */
static inline void dealer_table(uint64_t *pads, uint64_t *own, const uint64_t *digits,
                                unsigned bits, unsigned entry, size_t plane, int taker_bends)
{
    for (size_t i = 0; i < 64 * plane; i++) {
        size_t e = 0;
        for (unsigned d = 0; d < bits; d++)
            e |= (size_t)dealer_bit(digits + d * plane, i) << d;
        for (unsigned k = 0; k < entry; k++) {
            uint64_t *a = &pads[(e * entry + k) * plane + i / 64], *b = &own[k * plane + i / 64];
            uint64_t *to = taker_bends ? b : a, mask = (uint64_t)1 << i % 64;
            *to = (*to & ~mask) | (*(taker_bends ? a : b) & mask);
        }
    }
}

static inline void dealer_tables(uint64_t *give, uint64_t *take, const struct deal *g,
                                 const struct deal *t, int taker_bends)
{
    size_t at = 0, own = 0, digit = 0;
    for (unsigned i = 0; i < g->need.blocks.count; i++) {
        unsigned bits = g->need.blocks.bits[i], entry = semi2k_entry(i);
        dealer_table(give + g->give_tables + at * g->plane, take + t->take_tables + own * t->plane,
                     take + t->take_digits + digit * t->plane, bits, entry, g->plane, taker_bends);
        at += (size_t)entry << bits;
        own += entry;
        digit += bits;
    }
}

/* x: the eye's a, b, c; y: the other's. */
static inline void dealer_triple(const uint64_t *x, uint64_t *y, size_t plane)
{
    for (size_t w = 0; w < plane; w++)
        y[2 * plane + w] = ((x[w] ^ y[w]) & (x[plane + w] ^ y[plane + w])) ^ x[2 * plane + w];
}

/* The parts of both roles. */
static inline void dealer_parts(uint64_t *part[2], const struct deal d[2], unsigned eye)
{
    const struct need *need = &d[0].need;
    for (unsigned from = 0; from < 2; from++)
        for (unsigned j = 0; j < need->words[from]; j++)
            dealer_words(part[from], part[1 - from], &d[from], &d[1 - from], j, from == eye);
    dealer_tables(part[0], part[1], &d[0], &d[1], eye == 0);
    for (unsigned j = 0; j < need->triples; j++)
        dealer_triple(part[eye] + d[eye].triples + 3 * j * d[eye].plane,
                      part[1 - eye] + d[1 - eye].triples + 3 * j * d[eye].plane, d[eye].plane);
}

/* Every party makes both parts and keeps its own. */
static inline void dealer_deal(struct step *s)
{
    const struct gate *g = s->gate;
    struct need need = semi2k_need(g->shape, g->shift, g->width);
    struct deal d[2] = { semi2k_deal_at(&need, g->in_first, 0),
                         semi2k_deal_at(&need, g->in_first, 1) };
    unsigned eye = gate_role(s->program->proto, g, dealer.eye);
    uint64_t *part[2];
    for (unsigned r = 0; r < 2; r++) {
        part[r] = malloc(d[r].end * 8);
        dealer_draw(part[r], d[r].end, r == eye ? dealer.seen : dealer.rest, s->id);
    }
    dealer_parts(part, d, eye);
    memcpy(s->z, part[s->role], d[s->role].end * 8);
    free(part[0]);
    free(part[1]);
}

/* One element of A * W, from the definition. */
static inline uint64_t dealer_product(const struct geometry *g, const uint64_t *a,
                                      const uint64_t *w, size_t at)
{
    size_t o = at % g->oc, ox = at / g->oc % g->ow, oy = at / g->oc / g->ow;
    uint64_t sum = 0;
    for (size_t i = 0; i < geometry_depth(g); i++) {
        size_t c = i % g->c, x = ox * g->sw + i / g->c % g->kw, y = oy * g->sh + i / g->c / g->kw;
        if (y >= g->top && x >= g->left && y - g->top < g->h && x - g->left < g->w)
            sum += a[((y - g->top) * g->w + x - g->left) * g->c + c] * w[i * g->oc + o];
    }
    return sum;
}

/* A and C of one layer of one frame. */
static inline void dealer_linear(struct step *s)
{
    const struct geometry *g = &s->program->geometry[s->gate->shape];
    size_t in = geometry_in(g), out = geometry_out(g), weights = geometry_depth(g) * g->oc;
    unsigned eye = gate_role(s->program->proto, s->gate, dealer.eye);
    uint64_t *seen = malloc((in + out) * 8), *rest = malloc((in + out) * 8);
    uint64_t *w = malloc(weights * 8), *a = malloc(in * 8);
    CHECK_EQ(s->gate->in_first, 1);
    dealer_draw(seen, in + out, dealer.seen, s->id);
    dealer_draw(rest, in, dealer.rest, s->id);
    for (size_t i = 0; i < weights; i++)
        w[i] = dealer.chain->value[0][s->gate->in[1]][i] +
               dealer.chain->value[1][s->gate->in[1]][i];
    if (s->program->proto == &protocol_semi2k_owner)    /* A is party 0's alone */
        memset(eye == 1 ? seen : rest, 0, in * 8);
    for (size_t i = 0; i < in; i++)
        a[i] = seen[i] + rest[i];
    for (size_t i = 0; i < out; i++)
        rest[in + i] = dealer_product(g, a, w, i) - seen[in + i];
    memcpy(s->z, s->role == eye ? seen : rest, (in + out) * 8);
    free(seen);
    free(rest);
    free(w);
    free(a);
}

static inline void dealer_nothing(struct step *s)
{
    (void)s;
}

static const struct round dealer_rounds[] = {
    { .name = "setup", .run = dealer_nothing },
    { .name = "deal", .run = dealer_deal },
    { .name = "linear", .run = dealer_linear },
};
static const struct gate_ops dealer_gates[] = {
    { .name = "setup", .rounds = &dealer_rounds[0], .nround = 1 },
    { .name = "deal", .rounds = &dealer_rounds[1], .nround = 1 },
    { .name = "linear", .rounds = &dealer_rounds[2], .nround = 1 },
};

/* The chain's deals come from the dealer, or from the protocol again. */
static inline void dealer_replaces(struct chain *c, int on)
{
    c->replaced[GATE_SETUP] = on ? &dealer_gates[0] : NULL;
    c->replaced[GATE_DEAL] = on ? &dealer_gates[1] : NULL;
    c->replaced[GATE_DEAL_LINEAR] = on ? &dealer_gates[2] : NULL;
}

#endif
