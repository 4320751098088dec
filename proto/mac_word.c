/*
 * mac_word.c: elements of two words: in planes, on the wire, from keys.
 */
#include <string.h>

#include "proto/mac.h"

void mac_load(wide *x, const uint64_t *low, size_t far, size_t n)
{
    for (size_t i = 0; i < n; i++)
        x[i] = (wide)low[far + i] << 64 | low[i];
}

void mac_store(uint64_t *low, size_t far, const wide *x, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        low[i] = (uint64_t)x[i];
        low[far + i] = (uint64_t)(x[i] >> 64);
    }
}

void mac_get(wide *x, struct mac_planes v, unsigned item, unsigned share, size_t first, size_t n)
{
    mac_load(x, mac_low(v, item, share) + first, 2 * v.stride, n);
}

void mac_set(struct mac_planes v, unsigned item, unsigned share, size_t first, const wide *x,
             size_t n)
{
    mac_store(mac_low(v, item, share) + first, 2 * v.stride, x, n);
}

void mac_add(struct mac_planes v, unsigned item, unsigned share, size_t first, const wide *x,
             size_t n)
{
    wide sum[MAC_CHUNK];
    mac_get(sum, v, item, share, first, n);
    for (size_t i = 0; i < n; i++)
        sum[i] += x[i];
    mac_set(v, item, share, first, sum, n);
}

void mac_get_pair(struct mac_pair *p, struct mac_planes v, size_t first, size_t n)
{
    for (unsigned k = 0; k < 4; k++)
        mac_get(p->x[k / 2][k % 2], v, k / 2, k % 2, first, n);
}

/* ---- the wire ---- */

size_t mac_bytes(unsigned zeros)
{
    return (128 - zeros + 7) / 8;
}

void mac_pack(uint8_t *out, const wide *x, size_t n, unsigned zeros)
{
    size_t size = mac_bytes(zeros);
    if (size == sizeof *x) {
        memcpy(out, x, n * sizeof *x);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        wide word = x[i] >> zeros;
        memcpy(out + i * size, &word, size);
    }
}

void mac_unpack(wide *x, const uint8_t *in, size_t n, unsigned zeros)
{
    size_t size = mac_bytes(zeros);
    if (size == sizeof *x) {
        memcpy(x, in, n * sizeof *x);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        wide word = 0;
        memcpy(&word, in + i * size, size);
        x[i] = word << zeros;
    }
}

/* ---- keys ---- */

void mac_draw(const struct step *s, unsigned j, uint32_t use, size_t first, wide *out, size_t n)
{
    prf_fill(share_key(s, j), s->id, use, first, out, n * sizeof *out);
}

void mac_zero(const struct step *s, uint32_t use, size_t first, wide *out, size_t n)
{
    wide next[MAC_CHUNK];
    mac_draw(s, s->role, use, first, out, n);
    mac_draw(s, (s->role + 1) % 3, use, first, next, n);
    for (size_t i = 0; i < n; i++)
        out[i] -= next[i];
}

/* Drawn anew by every step, always for the same purpose; no gate has this number. */
void mac_key(const struct step *s, wide alpha[static 2])
{
    for (unsigned k = 0; k < 2; k++) {
        uint64_t word;
        prf_again(share_key(s, (s->role + k) % 3), UINT32_MAX, USE_MAC_KEY, 0, &word, sizeof word);
        alpha[k] = word;
    }
}
