/*
 * masked_string.c: the strings that a gate moves, where they lie, and what is claimed of them.
 */
#include <string.h>

#include "proto/masked.h"

/* ---- randomness ---- */

/* The key of a mask: in quad that of the three who know it, in trio the pair's. */
static const struct prf *mask_key(const struct step *s, enum mask k)
{
    static const unsigned lacks[] = { [L1] = E2, [L2] = E1, [W] = V };
    const struct protocol *proto = s->program->proto;
    if (is_quad(s))
        return &s->keys->without[gate_party(proto, s->gate, lacks[k])];
    unsigned other = s->role != D ? D : k == L1 ? E1 : E2;
    return &s->keys->pair[gate_party(proto, s->gate, other)];
}

void mask_words(const struct step *s, enum mask k, uint32_t use, size_t first, uint64_t *out,
                size_t n)
{
    prf_fill(mask_key(s, k), s->id, use, first / 2, out, n * sizeof *out);
}

void mask_plane(const struct step *s, enum mask k, uint32_t use, unsigned plane, uint64_t *out,
                size_t words)
{
    prf_fill(mask_key(s, k), s->id, use, plane * ((words + 1) / 2), out, words * sizeof *out);
}

/* Numbers of 2 or 4 bytes as words, and back. */
static void wraps_widen(uint64_t *x, const void *from, size_t size, size_t n)
{
    union { uint16_t h[CHUNK]; uint32_t w[CHUNK]; } u;
    memcpy(&u, from, n * size);
    for (size_t i = 0; i < n && size == 2; i++)
        x[i] = u.h[i];
    for (size_t i = 0; i < n && size == 4; i++)
        x[i] = u.w[i];
}

void mask_wraps(const struct step *s, enum mask k, uint32_t use, size_t size, size_t first,
                uint64_t *out, size_t n)
{
    uint32_t u[CHUNK];
    prf_fill(mask_key(s, k), s->id, use, first * size / 16, u, n * size);
    wraps_widen(out, u, size, n);
}

/* ---- layout ---- */

static size_t planes_offset(const struct strings *l, unsigned k)
{
    const struct string *is = &l->is[k];
    return (is->words * 8 * l->n + is->wraps * l->wrap * l->n + 7) / 8 * 8;
}

static size_t string_bytes(const struct strings *l, unsigned k)
{
    return planes_offset(l, k) + l->is[k].planes * l->words * 8;
}

/* Bytes of the strings that are kept in scratch: in trio DEALT alone. */
static size_t kept_bytes(const struct strings *l, unsigned parties)
{
    size_t n = 0;
    for (unsigned k = 0; k < (parties == 4 ? STRINGS : HINT); k++)
        n += string_bytes(l, k);
    return (n + 63) / 64 * 64;
}

size_t strings_scratch(const struct program *p, const struct strings *l)
{
    return kept_bytes(l, p->proto->parties);
}

struct strings strings_of(const struct gate *g, const struct string is[static STRINGS],
                          const struct step *s)
{
    struct strings l = { .n = g->n, .words = KERNEL_PLANE(g->n), .wrap = wrap_bytes(g->shift) };
    memcpy(l.is, is, sizeof l.is);
    if (s == NULL)
        return l;
    uint8_t *at = s->scratch;
    for (unsigned k = 0; k < (is_quad(s) ? STRINGS : HINT); k++) {
        l.at[k] = at;
        at += string_bytes(&l, k);
    }
    l.rest = s->scratch + kept_bytes(&l, s->program->proto->parties);
    if (s->role == D) {
        l.at[DEALT] = s->out[E2];
        l.at[HINT] = s->out[V];
    } else if (s->role == V) {
        l.at[REPORT] = (uint8_t *)(uintptr_t)s->in[E2];
    }
    return l;
}

uint64_t *string_words(const struct strings *l, unsigned string, unsigned k)
{
    return (uint64_t *)(l->at[string] + k * 8 * l->n);
}

uint8_t *string_wraps(const struct strings *l, unsigned string, unsigned k)
{
    return l->at[string] + l->is[string].words * 8 * l->n + k * l->wrap * l->n;
}

uint64_t *string_plane(const struct strings *l, unsigned string, unsigned k)
{
    return (uint64_t *)(l->at[string] + planes_offset(l, string) + k * l->words * 8);
}

/* Clears what stands between the last wrap and the planes, too. */
void wraps_put(const struct strings *l, unsigned string, unsigned k, size_t first,
               const uint64_t *x, size_t n)
{
    union { uint16_t h[CHUNK]; uint32_t w[CHUNK]; } u;
    uint8_t *to = string_wraps(l, string, k) + first * l->wrap;
    for (size_t i = 0; i < n && l->wrap == 2; i++)
        u.h[i] = (uint16_t)x[i];
    for (size_t i = 0; i < n && l->wrap == 4; i++)
        u.w[i] = (uint32_t)x[i];
    memcpy(to, &u, n * l->wrap);
    if (k + 1u == l->is[string].wraps && first + n == l->n)
        memset(to + n * l->wrap, 0,
               (size_t)((uint8_t *)string_plane(l, string, 0) - to) - n * l->wrap);
}

void wraps_get(const struct strings *l, unsigned string, unsigned k, size_t first, uint64_t *x,
               size_t n)
{
    wraps_widen(x, string_wraps(l, string, k) + first * l->wrap, l->wrap, n);
}

/* ---- messages and claims ---- */

size_t strings_exchange(size_t n, unsigned from, unsigned to)
{
    return (from == E1 && to == E2) || (from == E2 && to == E1) ? n : 0;
}

size_t strings_deal(const struct strings *l, size_t exchanged, unsigned from, unsigned to)
{
    if (from == D)
        return to == E2 ? string_bytes(l, DEALT) : to == V ? string_bytes(l, HINT) : 0;
    return strings_exchange(exchanged, from, to);
}

size_t strings_reported(const struct strings *l, unsigned from, unsigned to)
{
    return from == E2 && to == V ? string_bytes(l, REPORT) : 0;
}

void strings_keep(const struct step *s, const struct strings *l)
{
    if (s->in[D] == NULL)
        return;
    unsigned k = s->role == E2 ? DEALT : HINT;
    memcpy(l->at[k], s->in[D], string_bytes(l, k));
}

void strings_report(const struct step *s, const struct strings *l)
{
    if (s->role == E2 && s->out[V] != NULL)
        memcpy(s->out[V], l->at[REPORT], string_bytes(l, REPORT));
}

void strings_claim(struct step *s, const struct strings *l)
{
    if (!is_quad(s) || s->role == D)
        return;
    if (s->role != E2) {
        claim(s, s->role == E1 ? V : E1, l->at[REPORT], string_bytes(l, REPORT));
        claim(s, s->role == E1 ? V : E1, l->at[AUDIT], string_bytes(l, AUDIT));
    }
    if (s->role != E1) {
        claim(s, s->role == E2 ? V : E2, l->at[DEALT], string_bytes(l, DEALT));
        claim(s, s->role == E2 ? V : E2, l->at[AUDIT], string_bytes(l, AUDIT));
    }
}
