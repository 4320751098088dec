/*
 * mac_trunc_bits.c: the bits of a truncation (mac_trunc.c) as pairs.
 *
 *     own      K u_1, share 1 of u known to D and E1: tags
 *     bit      K u = K u_1 + (K - 2 K u_1) u_0, share 0 known to D and E2
 *     wrap     K w = K a + (K - K a) c, c known to E1 and E2
 *
 * Products are made in place and entered after every phase.
 */
#include <string.h>

#include "proto/kernel.h"
#include "proto/mac_trunc.h"

/* Which carry bit k is made of. */
static unsigned bit_carry(const struct gate *g, unsigned k)
{
    return k == 0 ? g->shift - 1u : k == 1 ? TRUNC_CARRIES - 1u : TRUNC_CARRIES - 2u;
}

void top_bits(uint64_t *plane, const uint64_t *x, uint64_t offset, size_t n)
{
    uint64_t word[CHUNK];
    for (size_t i = 0, m; i < n; i += m) {
        m = mac_min(CHUNK, n - i);
        for (size_t k = 0; k < m; k++)
            word[k] = x[i + k] + offset;
        planes_from_words(plane + i / 64, KERNEL_PLANE(n), word, m, 63, 1);
    }
}

void bit_shares(const struct step *s, const struct trunc *t, unsigned share)
{
    const uint64_t *x = t->x[(share + 3 - s->role) % 3];
    uint64_t *top = t->top;
    for (unsigned k = 0; k < BITS; k++) {
        unsigned c = bit_carry(s->gate, k);
        if (share == 0)
            memcpy(t->share[k][0], t->dealt + c * t->words, t->words * sizeof *t->dealt);
        else
            redraw_plane(s, 1, USE_CHAIN, c, t->share[k][1], t->words);
    }
    top_bits(top, x, share == 0 ? TRUNC_OFFSET : 0, t->n);
    for (size_t w = 0; w < t->words; w++)
        t->share[BITS - 1][share][w] ^= top[w];
}

/* ---- the products by bits ---- */

static unsigned phase_share(enum phase phase)
{
    return phase == PHASE_OWN ? 1 : phase == PHASE_BIT ? 0 : 2;
}

static struct mac_bit trunc_bit(const struct gate *g, enum phase phase, unsigned k,
                                const uint64_t *bit)
{
    static const enum mac_form form[] = { MAC_NONE, MAC_ONE, MAC_BOTH };
    return (struct mac_bit){ .j = phase_share(phase), .number = BITS * phase + (phase == PHASE_WRAP
                             ? 0 : k), .zeros = k == 0 ? 0 : 64u - g->shift, .form = form[phase],
                             .bit = bit };
}

/* Which of the pairs a phase works on. */
static unsigned phase_first(enum phase phase)
{
    return phase == PHASE_WRAP ? BITS - 1 : 0;
}

/* Bytes of the pairs of a phase before `until`. */
static size_t bytes_until(const struct gate *g, enum phase phase, unsigned until, unsigned from,
                          unsigned to)
{
    size_t sum = 0;
    for (unsigned k = phase_first(phase); k < until; k++) {
        struct mac_bit b = trunc_bit(g, phase, k, NULL);
        sum += mac_bit_bytes(&b, g->n, from, to);
    }
    return sum;
}

size_t phase_bytes(const struct gate *g, enum phase phase, unsigned from, unsigned to)
{
    return bytes_until(g, phase, BITS, from, to);
}

/* e = K - 2 t, or K - t for the wrap. */
static void phase_factor(const struct step *s, const struct trunc *t, enum phase phase, unsigned k,
                         size_t first, size_t n, struct mac_pair *e)
{
    wide x[MAC_CHUNK], factor = phase == PHASE_WRAP ? 1 : 2;
    mac_constant(s, 1, k == 0 ? 0 : 64u - s->gate->shift, e, n);
    for (unsigned p = 0; p < 4; p++) {
        mac_get(x, t->bit[k], p / 2, p % 2, first, n);
        for (size_t i = 0; i < n; i++)
            e->x[p / 2][p % 2][i] -= factor * x[i];
    }
}

void phase_send(const struct step *s, const struct trunc *t, enum phase phase, size_t at)
{
    unsigned j = phase_share(phase), other = mac_bit_other(j, s->role);
    struct mac_pair e;
    for (unsigned k = phase_first(phase); k < BITS; k++) {
        struct mac_bit b = trunc_bit(s->gate, phase, k, phase == PHASE_WRAP ? t->top
                                                                           : t->share[k][j]);
        uint8_t *out = s->role == (j + 1) % 3 ? NULL
                     : s->out[other] + at + bytes_until(s->gate, phase, k, s->role, other);
        for (size_t i = 0, m; i < t->n; i += m) {
            m = mac_min(MAC_CHUNK, t->n - i);
            phase_factor(s, t, phase, k, i, m, &e);
            mac_bit_send(s, &b, t->bit[k], &e, i, m, out);
        }
    }
}

void phase_take(const struct step *s, const struct trunc *t, enum phase phase, size_t at)
{
    unsigned j = phase_share(phase), other = mac_bit_other(j, s->role);
    for (unsigned k = phase_first(phase); k < BITS; k++) {
        struct mac_bit b = trunc_bit(s->gate, phase, k, NULL);
        const uint8_t *in = s->role == (j + 1) % 3 ? NULL
                          : s->in[other] + at + bytes_until(s->gate, phase, k, other, s->role);
        for (size_t i = 0, m; i < t->n; i += m) {
            m = mac_min(MAC_CHUNK, t->n - i);
            mac_bit_take(s, &b, t->bit[k], i, m, in);
            mac_enter(s, ENTER_BITS + b.number, t->bit[k], i, m);
        }
    }
}
