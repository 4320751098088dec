/*
 * masked_open.c: a product is opened to E1 and E2 under R; a result is shared.
 *
 * A SUM z holds s_1 + s_2 = z - Gamma at E1 and E2, Gamma at D and V. With fresh rho_1, rho_2
 * (K_1, K_2) E1 and E2 tell each other s_j + rho_j, so that
 *
 *     c = z + R,   R = rho_1 + rho_2 - Gamma
 *
 * Check (quad): e = c - (m_x m_y + m_b) must be what V makes of x~ and L:
 *
 *     e + s = -(x~_x L_y + x~_y L_x + 2 Gamma + L_b) + rho_1 + rho_2 + q,
 *     q     = w_x L_y + w_y L_x + s,   s = F(K_W)                         (D to V: HINT)
 *
 * as m = x~ - w + L for x and y. The bracket and q - s stand in plane 1 of the SUM at V and D,
 * m_x m_y + m_b at E1 and E2 (masked_linear.c). E1 and E2 claim e + s with V (AUDIT).
 *
 * A result y = y_1 + y_2, y_j at Ej, a sum of products of what E1 and E2 know (e_i) with what D and
 * V know (d_i): under fresh l_1, l_2, w E1 and E2 tell each other y_j + l_j and have m = y + L.
 * Check (quad): V has e_i + w_i (REPORT) and the HINT q = w - sum w_i d_i, hence
 *
 *     y~ = sum (e_i + w_i) d_i + q = y + w,    and E1, E2 claim m + w with V, which claims y~ + L.
 */
#include <string.h>

#include "proto/masked.h"

void open_send(const struct step *s, uint64_t *own)
{
    size_t n = s->gate->n;
    mask_words(s, own_mask(s), USE_RHO, 0, own, n);
    for (size_t i = 0; i < n; i++)
        own[i] += s->x[0][i];
    memcpy(s->out[partner(s)], own, n * sizeof *own);
}

void open_receive(const struct step *s, const struct strings *l, const uint64_t *own, size_t first,
                  size_t n, uint64_t *c)
{
    const uint64_t *in = (const uint64_t *)s->in[partner(s)] + first;
    for (size_t i = 0; i < n; i++)
        c[i] = own[first + i] + in[i];
    if (!is_quad(s))
        return;
    const uint64_t *known = s->x[0] + s->stride[0] + first;
    uint64_t *e = string_words(l, AUDIT, 0) + first;
    mask_words(s, W, USE_BLIND, first, e, n);
    for (size_t i = 0; i < n; i++)
        e[i] += c[i] - known[i];
}

/* At D the hint of a check, at V its result. */
static void open_check(const struct step *s, const struct strings *l, size_t first, size_t n,
                       const uint64_t *rho)
{
    const uint64_t *mixed = s->x[0] + s->stride[0] + first;
    uint64_t *q = string_words(l, HINT, 0) + first;
    if (s->role == D) {
        mask_words(s, W, USE_BLIND, first, q, n);
        for (size_t i = 0; i < n; i++)
            q[i] += mixed[i];
        return;
    }
    uint64_t *e = string_words(l, AUDIT, 0) + first;
    for (size_t i = 0; i < n; i++)
        e[i] = q[i] - mixed[i] + rho[i];
}

void open_mask(const struct step *s, const struct strings *l, size_t first, size_t n, uint64_t *r)
{
    uint64_t other[CHUNK];
    mask_words(s, L1, USE_RHO, first, r, n);
    mask_words(s, L2, USE_RHO, first, other, n);
    for (size_t i = 0; i < n; i++)
        r[i] += other[i];
    if (is_quad(s))
        open_check(s, l, first, n, r);
    for (size_t i = 0; i < n; i++)
        r[i] -= s->x[0][first + i];
}

void opened_send(const struct step *s, const uint64_t *y)
{
    size_t n = s->gate->n;
    uint64_t *m = plane_of(s, 0), *mine = plane_of(s, 1);
    mask_words(s, own_mask(s), USE_RESULT, 0, mine, n);
    if (is_quad(s))
        mask_words(s, W, USE_RESULT, 0, last_of(s), n);
    for (size_t i = 0; i < n; i++)
        m[i] = y[i] + mine[i];
    memcpy(s->out[partner(s)], m, n * sizeof *m);
}

size_t opened_bytes(const struct gate *g, unsigned level, unsigned from, unsigned to)
{
    (void)level;
    return strings_exchange((size_t)g->n * 8, from, to);
}

void opened_receive(const struct step *s, const struct strings *l, unsigned item)
{
    const uint64_t *in = (const uint64_t *)s->in[partner(s)], *w = last_of(s);
    uint64_t *m = plane_of(s, 0);
    for (size_t i = 0; i < s->gate->n; i++)
        m[i] += in[i];
    if (!is_quad(s))
        return;
    uint64_t *check = string_words(l, AUDIT, item);
    for (size_t i = 0; i < s->gate->n; i++)
        check[i] = m[i] + w[i];
}

void share_mask(const struct step *s, const struct strings *l, unsigned item, size_t first,
                 size_t n, const uint64_t *seen)
{
    uint64_t *l1 = plane_of(s, 0) + first, *l2 = plane_of(s, 1) + first;
    mask_words(s, L1, USE_RESULT, first, l1, n);
    mask_words(s, L2, USE_RESULT, first, l2, n);
    if (!is_quad(s))
        return;
    uint64_t *last = last_of(s) + first, *q = string_words(l, HINT, item) + first;
    if (s->role == D) {
        mask_words(s, W, USE_RESULT, first, last, n);
        for (size_t i = 0; i < n; i++)
            q[i] = last[i] - seen[i];
        return;
    }
    uint64_t *check = string_words(l, AUDIT, item) + first;
    for (size_t i = 0; i < n; i++) {
        last[i] = seen[i] + q[i];
        check[i] = last[i] + l1[i] + l2[i];
    }
}
