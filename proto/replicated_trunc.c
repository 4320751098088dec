/*
 * replicated_trunc.c: truncation alone, SUM to SHARE: the identity of replicated_deal.c, then one
 * exchange. Two rounds; 16 + 8 + 2 (shift <= 16) or 4 bytes, and 16 for the result, per element
 * over all parties.
 */
#include "proto/replicated.h"

static size_t trunc_bytes(const struct gate *g, unsigned level, unsigned from, unsigned to)
{
    (void)level;
    struct deal_layout l = deal_layout(g, 0, 0);
    return deal_bytes(g, &l, from, to);
}

static size_t trunc_scratch(const struct program *p, const struct gate *g)
{
    (void)p;
    return (size_t)g->n * sizeof(uint64_t);
}

static void trunc_deal(struct step *s)
{
    struct deal_layout l = deal_layout(s->gate, 0, 0);
    uint64_t *part = (uint64_t *)s->scratch;
    if (s->role != D) {
        deal_exchange(s, part);
        return;
    }
    for (size_t i = 0; i < s->gate->n; i += CHUNK)
        deal_part(s, i, s->gate->n - i < CHUNK ? s->gate->n - i : CHUNK, part + i);
    deal_send(s, &l, part, NULL, s->out[E2]);
}

static void trunc_join(struct step *s)
{
    struct deal_layout l = deal_layout(s->gate, 0, 0);
    uint64_t *own = (uint64_t *)s->scratch;
    struct dealt d;
    for (size_t i = 0; s->role != D && i < s->gate->n; i += CHUNK) {
        size_t m = s->gate->n - i < CHUNK ? s->gate->n - i : CHUNK;
        deal_receive(s, &l, own, i, m, &d);
        for (size_t k = 0; k < m; k++)
            own[i + k] = d.part[k] + (s->role == E1 ? d.c[k] : 0);
    }
    result_send(s, own);
}

static const struct round trunc_rounds[] = {
    { .name = "deal", .run = trunc_deal, .bytes = trunc_bytes },
    { .name = "join", .run = trunc_join, .bytes = result_bytes },
    { .name = "finish", .run = result_finish },
};

const struct gate_ops replicated_trunc = {
    .name = "trunc", .rounds = trunc_rounds, .nround = 3, .scratch = trunc_scratch
};
