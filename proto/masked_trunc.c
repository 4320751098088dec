/*
 * masked_trunc.c: truncation alone, SUM to SHARE: the product is opened, D deals P and T, E1 and E2
 * share the result C + P + 2^(64-f) T N (masked_deal.c). REPORT: C + w', N + w''. Two rounds; 16 +
 * 8 + 16 and 2 (f <= 16) or 4 bytes an element over all parties; quad 24 and 2 or 4 more.
 */
#include "proto/masked.h"

static const struct string trunc_strings[STRINGS] = {
    [DEALT] = { .words = 1, .wraps = 1 }, [HINT] = { .words = 2 },
    [REPORT] = { .words = 1, .wraps = 1 }, [AUDIT] = { .words = 2 }
};

static size_t trunc_deal_bytes(const struct gate *g, unsigned level, unsigned from, unsigned to)
{
    (void)level;
    struct strings l = strings_of(g, trunc_strings, NULL);
    return strings_deal(&l, (size_t)g->n * 8, from, to);
}

static size_t trunc_report_bytes(const struct gate *g, unsigned level, unsigned from, unsigned to)
{
    (void)level;
    struct strings l = strings_of(g, trunc_strings, NULL);
    return strings_reported(&l, from, to);
}

static size_t trunc_scratch(const struct program *p, const struct gate *g)
{
    struct strings l = strings_of(g, trunc_strings, NULL);
    return strings_scratch(p, &l) + (size_t)g->n * 8;
}

/* D and V. seen = C + 2^(64-f) msb(R) N for what is seen of C, N = 1 - msb(c'). */
static void trunc_mask(struct step *s, const struct strings *l)
{
    unsigned up = 64u - s->gate->shift;
    uint64_t r[CHUNK], top[CHUNK], seen[CHUNK], low[CHUNK];
    for (size_t i = 0; i < s->gate->n; i += CHUNK) {
        size_t m = chunk_at(s, i);
        open_mask(s, l, i, m, r);
        part_of_mask(s->gate, r, top, m);
        deal_words(s, l, 0, USE_PART, i, r, m);
        deal_wraps(s, l, 0, USE_WRAP, i, top, m);
        if (is_quad(s)) {
            seen_words(s, l, 0, USE_SEEN, i, seen, m);
            seen_wraps(s, l, 0, USE_SEEN_WRAP, i, low, m);
            for (size_t k = 0; k < m; k++)
                seen[k] += ((top[k] * low[k]) << up) + (s->role == V ? r[k] : 0);
        }
        share_mask(s, l, 1, i, m, seen);
    }
}

static void trunc_deal(struct step *s)
{
    struct strings l = strings_of(s->gate, trunc_strings, s);
    if (s->role == D)
        trunc_mask(s, &l);
    else if (is_evaluator(s))
        open_send(s, (uint64_t *)l.rest);
}

static void trunc_join(struct step *s)
{
    struct strings l = strings_of(s->gate, trunc_strings, s);
    unsigned up = 64u - s->gate->shift;
    uint64_t *own = (uint64_t *)l.rest, c[CHUNK], low[CHUNK], part[CHUNK], wrap[CHUNK];
    strings_keep(s, &l);
    if (!is_evaluator(s))
        return;
    for (size_t i = 0; i < s->gate->n; i += CHUNK) {
        size_t m = chunk_at(s, i);
        open_receive(s, &l, own, i, m, c);
        part_of_opened(s->gate, c, low, m);
        dealt_words(s, &l, 0, USE_PART, i, part, m);
        dealt_wraps(s, &l, 0, USE_WRAP, i, wrap, m);
        for (size_t k = 0; k < m; k++)
            own[i + k] = part[k] + ((low[k] * wrap[k]) << up) + (s->role == E1 ? c[k] : 0);
        if (is_quad(s)) {
            report_words(s, &l, 0, USE_SEEN, i, c, m);
            report_wraps(s, &l, 0, USE_SEEN_WRAP, i, low, m);
        }
    }
    opened_send(s, own);
}

static void trunc_finish(struct step *s)
{
    struct strings l = strings_of(s->gate, trunc_strings, s);
    if (is_evaluator(s))
        opened_receive(s, &l, 1);
    strings_report(s, &l);
}

static void trunc_audit(struct step *s)
{
    struct strings l = strings_of(s->gate, trunc_strings, s);
    if (s->role == V)
        trunc_mask(s, &l);
    strings_claim(s, &l);
}

static const struct round trunc_rounds[] = {
    { .name = "deal", .run = trunc_deal, .bytes = trunc_deal_bytes },
    { .name = "join", .run = trunc_join, .bytes = opened_bytes },
    { .name = "finish", .run = trunc_finish, .bytes = trunc_report_bytes },
    { .name = "audit", .run = trunc_audit },
};

const struct gate_ops masked_trunc = {
    .name = "trunc", .rounds = trunc_rounds, .nround = 4, .scratch = trunc_scratch
};
