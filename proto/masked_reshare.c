/*
 * masked_reshare.c: a product, or a bit, as a shared ring element.
 *
 * RESHARE  the opened c = z + R is the m of the result, and L = R: l_1 = F(K_1), l_2 = R - l_1 is
 *          DEALT. REPORT: m + w. One round, 24 bytes an element over all parties (quad: 40).
 *
 * B2A      b = m ^ L = L + (1 - 2 L) m: D deals L as a word; E1 and E2 share the result
 *          m + (1 - 2 m) L. REPORT: m + w'. Two rounds, 24 bytes (quad: 40).
 */
#include <string.h>

#include "proto/masked.h"

static const struct string word_strings[STRINGS] = {
    [DEALT] = { .words = 1 }, [HINT] = { .words = 1 },
    [REPORT] = { .words = 1 }, [AUDIT] = { .words = 1 }
};

/* ---- RESHARE ---- */

static size_t reshare_deal_bytes(const struct gate *g, unsigned level, unsigned from, unsigned to)
{
    (void)level;
    struct strings l = strings_of(g, word_strings, NULL);
    return strings_deal(&l, (size_t)g->n * 8, from, to);
}

static size_t reshare_report_bytes(const struct gate *g, unsigned level, unsigned from,
                                   unsigned to)
{
    (void)level;
    struct strings l = strings_of(g, word_strings, NULL);
    return strings_reported(&l, from, to);
}

static size_t reshare_scratch(const struct program *p, const struct gate *g)
{
    struct strings l = strings_of(g, word_strings, NULL);
    return strings_scratch(p, &l) + (size_t)g->n * 8;
}

/* D and V: R, and the share that E2 gets. */
static void reshare_mask(struct step *s, const struct strings *l)
{
    uint64_t *l1 = plane_of(s, 0), *l2 = plane_of(s, 1), *last = last_of(s), r[CHUNK];
    for (size_t i = 0; i < s->gate->n; i += CHUNK) {
        size_t m = chunk_at(s, i);
        open_mask(s, l, i, m, r);
        mask_words(s, L1, USE_NEW, i, l1 + i, m);
        for (size_t k = 0; k < m; k++)
            l2[i + k] = r[k] - l1[i + k];
        if (s->role == D && is_quad(s))
            mask_words(s, W, USE_NEW, i, last + i, m);
        for (size_t k = 0; k < m && s->role == V; k++)
            last[i + k] = string_words(l, REPORT, 0)[i + k] - r[k];
    }
    memcpy(string_words(l, DEALT, 0), l2, s->gate->n * sizeof *l2);
}

static void reshare_deal(struct step *s)
{
    struct strings l = strings_of(s->gate, word_strings, s);
    if (s->role == D)
        reshare_mask(s, &l);
    else if (is_evaluator(s))
        open_send(s, (uint64_t *)l.rest);
}

static void reshare_join(struct step *s)
{
    struct strings l = strings_of(s->gate, word_strings, s);
    uint64_t *m = plane_of(s, 0), *mine = plane_of(s, 1), *w = last_of(s);
    size_t n = s->gate->n;
    strings_keep(s, &l);
    if (!is_evaluator(s))
        return;
    open_receive(s, &l, (uint64_t *)l.rest, 0, n, m);
    if (s->role == E1)
        mask_words(s, L1, USE_NEW, 0, mine, n);
    else
        memcpy(mine, string_words(&l, DEALT, 0), n * sizeof *mine);
    if (!is_quad(s))
        return;
    mask_words(s, W, USE_NEW, 0, w, n);
    for (size_t i = 0; i < n; i++)
        string_words(&l, REPORT, 0)[i] = m[i] + w[i];
    strings_report(s, &l);
}

static void reshare_audit(struct step *s)
{
    struct strings l = strings_of(s->gate, word_strings, s);
    if (s->role == V)
        reshare_mask(s, &l);
    strings_claim(s, &l);
}

static const struct round reshare_rounds[] = {
    { .name = "deal", .run = reshare_deal, .bytes = reshare_deal_bytes },
    { .name = "join", .run = reshare_join, .bytes = reshare_report_bytes },
    { .name = "audit", .run = reshare_audit },
};

const struct gate_ops masked_reshare = {
    .name = "reshare", .rounds = reshare_rounds, .nround = 3, .scratch = reshare_scratch
};

/* ---- B2A ---- */

static size_t b2a_deal_bytes(const struct gate *g, unsigned level, unsigned from, unsigned to)
{
    (void)level;
    struct strings l = strings_of(g, word_strings, NULL);
    return strings_deal(&l, 0, from, to);
}

/* D and V: the mask of the bit, and what is seen of (1 - 2 L) m. */
static void b2a_mask(struct step *s, const struct strings *l)
{
    const uint64_t *x0 = s->x[0], *x1 = x0 + s->stride[0];
    uint64_t bit[CHUNK], seen[CHUNK];
    for (size_t i = 0; i < s->gate->n; i += CHUNK) {
        size_t m = chunk_at(s, i);
        for (size_t k = 0; k < m; k++)
            bit[k] = plane_bit(x0, i + k) ^ plane_bit(x1, i + k);
        deal_words(s, l, 0, USE_COIN, i, bit, m);
        if (is_quad(s)) {
            seen_words(s, l, 0, USE_SEEN_BIT, i, seen, m);
            for (size_t k = 0; k < m; k++)
                seen[k] = seen[k] - 2 * bit[k] * seen[k] + (s->role == V ? bit[k] : 0);
        }
        share_mask(s, l, 0, i, m, seen);
    }
}

static void b2a_deal(struct step *s)
{
    struct strings l = strings_of(s->gate, word_strings, s);
    if (s->role == D)
        b2a_mask(s, &l);
}

static void b2a_join(struct step *s)
{
    struct strings l = strings_of(s->gate, word_strings, s);
    uint64_t *y = (uint64_t *)l.rest, bit[CHUNK], coin[CHUNK];
    strings_keep(s, &l);
    if (!is_evaluator(s))
        return;
    for (size_t i = 0; i < s->gate->n; i += CHUNK) {
        size_t m = chunk_at(s, i);
        dealt_words(s, &l, 0, USE_COIN, i, coin, m);
        for (size_t k = 0; k < m; k++) {
            bit[k] = plane_bit(s->x[0], i + k);
            y[i + k] = coin[k] - 2 * bit[k] * coin[k] + (s->role == E1 ? bit[k] : 0);
        }
        if (is_quad(s))
            report_words(s, &l, 0, USE_SEEN_BIT, i, bit, m);
    }
    opened_send(s, y);
}

static void b2a_finish(struct step *s)
{
    struct strings l = strings_of(s->gate, word_strings, s);
    if (is_evaluator(s))
        opened_receive(s, &l, 0);
    strings_report(s, &l);
}

static void b2a_audit(struct step *s)
{
    struct strings l = strings_of(s->gate, word_strings, s);
    if (s->role == V)
        b2a_mask(s, &l);
    strings_claim(s, &l);
}

static const struct round b2a_rounds[] = {
    { .name = "deal", .run = b2a_deal, .bytes = b2a_deal_bytes },
    { .name = "join", .run = b2a_join, .bytes = opened_bytes },
    { .name = "finish", .run = b2a_finish, .bytes = reshare_report_bytes },
    { .name = "audit", .run = b2a_audit },
};

const struct gate_ops masked_b2a = {
    .name = "b2a", .rounds = b2a_rounds, .nround = 4, .scratch = reshare_scratch
};
