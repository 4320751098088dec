/*
 * rep4_joint.c: joint messages of `rep4-ring`, which are all the messages that it has (rep4.h
 * says what they are and which claim catches what).
 *
 * A product of two full sharings falls into six pieces, one for each pair of roles; a product of
 * a value of the pair {2, 3} and one of the pair {0, 1} into four. No link carries two messages
 * in a step, and each list spreads its messages over senders, receivers and distances (to - from
 * modulo 4), so that slices with different turns load all links alike.
 */
#include "proto/rep4.h"

#include <string.h>

#include "proto/kernel.h"

const struct joint rep4_six[6] = {
    { 0, 1, 2, 3 }, { 2, 1, 3, 0 }, { 3, 2, 1, 0 }, { 0, 3, 1, 2 }, { 2, 0, 1, 3 }, { 1, 3, 0, 2 },
};
const struct joint rep4_cross[4] = {
    { 1, 3, 2, 0 }, { 2, 1, 0, 3 }, { 3, 0, 1, 2 }, { 0, 2, 3, 1 },
};
const struct joint rep4_summand[4] = {
    { 0, 2, 3, 1 }, { 1, 2, 3, 0 }, { 0, 3, 2, 1 }, { 1, 3, 2, 0 },
};
const struct joint rep4_side[2] = { { 3, 2, 0, 1 }, { 0, 1, 3, 2 } };

void rep4_mask(const struct step *s, unsigned without, uint32_t use, size_t block, void *out,
               size_t n)
{
    unsigned party = gate_party(s->program->proto, s->gate, without);
    prf_fill(&s->keys->without[party], s->id, use, block, out, n);
}

size_t rep4_talk_bytes(const struct talk *t, unsigned from, unsigned to)
{
    for (unsigned k = 0; k < t->count; k++)
        if (t->joint[k].from == from && t->joint[k].to == to)
            return t->bytes;
    return 0;
}

/* Where the message that this role backs as number k of the list is kept. */
static uint8_t *talk_kept(const struct step *s, const struct talk *t, unsigned k)
{
    size_t before = 0;
    for (unsigned i = 0; i < k; i++)
        before += t->joint[i].backup == s->role;
    return t->keep + before * ((t->bytes + 7) / 8 * 8);
}

uint8_t *rep4_talk_place(const struct step *s, const struct talk *t, unsigned k)
{
    const struct joint *j = &t->joint[k];
    return j->from == s->role ? s->out[j->to] : j->backup == s->role ? talk_kept(s, t, k) : NULL;
}

void rep4_talk_claim(struct step *s, const struct talk *t)
{
    for (unsigned k = 0; k < t->count && t->bytes > 0; k++) {
        const struct joint *j = &t->joint[k];
        if (j->to == s->role)
            claim(s, j->backup, s->in[j->from], t->bytes);
        else if (j->backup == s->role)
            claim(s, j->to, talk_kept(s, t, k), t->bytes);
    }
}

static void add(uint64_t *z, const uint64_t *x, size_t n, int bits)
{
    if (bits)
        xor_words(z, x, n);
    else
        for (size_t i = 0; i < n; i++)
            z[i] += x[i];
}

static void subtract(uint64_t *z, const uint64_t *x, const uint64_t *y, size_t n, int bits)
{
    if (bits)
        for (size_t i = 0; i < n; i++)
            z[i] = x[i] ^ y[i];
    else
        for (size_t i = 0; i < n; i++)
            z[i] = x[i] - y[i];
}

void rep4_joint_share(const struct step *s, const struct talk *t, unsigned k, uint32_t use,
                      const struct span *at, const uint64_t *value, uint64_t *z, size_t z_stride)
{
    const struct joint *j = &t->joint[k];
    uint64_t f[CHUNK];
    if (j->to == s->role)
        return;
    rep4_mask(s, j->to, use + k, at->item * ((at->words + 1) / 2) + at->first / 2, f, at->n * 8);
    add(z + rep4_plane(s->role, j->to) * z_stride, f, at->n, at->bits);
    if (j->other == s->role)
        return;
    uint64_t *message = (uint64_t *)rep4_talk_place(s, t, k) + at->item * at->words + at->first;
    subtract(message, value, f, at->n, at->bits);
    add(z + rep4_plane(s->role, j->other) * z_stride, message, at->n, at->bits);
}

void rep4_joint_share_all(const struct step *s, const struct talk *t, uint32_t use,
                          const struct span *at, const uint64_t *const piece[3], uint64_t *z,
                     size_t z_stride)
{
    for (unsigned k = 0; k < t->count; k++) {
        const struct joint *j = &t->joint[k];
        unsigned with = j->from == s->role ? j->backup : j->from;
        rep4_joint_share(s, t, k, use, at, piece[rep4_plane(s->role, with)], z, z_stride);
    }
}

void rep4_joint_receive(const struct step *s, const struct talk *t, const struct span *at,
                        uint64_t *z, size_t z_stride)
{
    for (unsigned k = 0; k < t->count; k++) {
        const struct joint *j = &t->joint[k];
        if (j->to != s->role)
            continue;
        const uint64_t *in = (const uint64_t *)s->in[j->from] + at->item * at->words + at->first;
        add(z + rep4_plane(s->role, j->other) * z_stride, in, at->n, at->bits);
    }
}
