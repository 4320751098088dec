/*
 * mac_check.c: the check of all MACs, see mac.h.
 *
 *     (gates)  role r adds its part of rho_i x_i and of rho_i m_i to its record, with shares of
 *              rho_i that it draws from its two keys
 *     sum      role r's part of T, under a zero sharing, goes to role r - 1: [T]
 *     key      V_r = M_r - (its part of alpha T), likewise
 *     zero     roles r and r + 1: -(V_r + V_{r+1}) against V_{r+2}, as a claim: each pair has one,
 *              so two honest parties find out that V is not zero
 *
 * 96 bytes over all parties and two rounds for all stages that are settled together. An error that
 * is added to T or V on the way is added to V (times alpha, if to T), which was uniform in an ideal
 * that no such error changes: it can only lower the probability of passing (mac.h counts it in).
 *
 * Whether all V of a program are zero is all that anybody learns (mac.h).
 */
#include <string.h>

#include "proto/kernel.h"
#include "proto/mac.h"

size_t mac_record(const struct program *p, const struct gate *g, unsigned self)
{
    (void)p;
    (void)g;
    (void)self;
    return MAC_RECORD;
}

void mac_enter(const struct step *s, unsigned number, struct mac_planes v, size_t first, size_t n)
{
    wide rho[2][MAC_CHUNK], x[2][MAC_CHUNK], sum[2];
    memcpy(sum, s->record, sizeof sum);
    mac_draw(s, s->role, USE_MAC_RHO + number, first, rho[0], n);
    mac_draw(s, (s->role + 1) % 3, USE_MAC_RHO + number, first, rho[1], n);
    for (unsigned item = 0; item < 2; item++) {
        mac_get(x[0], v, item, 0, first, n);
        mac_get(x[1], v, item, 1, first, n);
        for (size_t i = 0; i < n; i++)
            sum[item] += mac_part(x[0][i], x[1][i], rho[0][i], rho[1][i]);
    }
    memcpy(s->record, sum, sizeof sum);
}

/* ---- the gate ---- */

/* Scratch: one element of [T] as the value of a pair, and this role's part of M as share 0 of its
 * tag; later V in the place of T. */
static struct mac_planes totals(const struct step *s)
{
    return (struct mac_planes){ (uint64_t *)s->scratch, 1 };
}

static size_t macs_scratch(const struct program *p, const struct gate *g)
{
    (void)p;
    (void)g;
    return 8 * sizeof(uint64_t);
}

static size_t macs_bytes(const struct gate *g, unsigned level, unsigned from, unsigned to)
{
    (void)g;
    (void)level;
    return to == (from + 2) % 3 ? sizeof(wide) : 0;
}

/* Does this gate enter pairs? */
int mac_enters(const struct program *p, const struct gate *g)
{
    const struct gate_ops *ops = gate_ops(p->proto, g);
    return ops == &mac_reshare || ops == &mac_auth || ops == &mac_trunc || ops == &mac_inject ||
           ops == &mac_b2a;
}

static void macs_sum(struct step *s)
{
    wide sum[2] = { 0 }, part[2];
    for (uint32_t id = s->id; id-- > 0 && s->program->gate[id].kind != GATE_SETTLE;)
        if (mac_enters(s->program, &s->program->gate[id])) {
            memcpy(part, s->records[id], sizeof part);
            sum[0] += part[0];
            sum[1] += part[1];
        }
    mac_leave(s, totals(s), MAC_VALUE, MASK_VALUE, 0, &sum[MAC_VALUE], 1,
              s->out[(s->role + 2) % 3]);
    mac_set(totals(s), MAC_TAG, 0, 0, &sum[MAC_TAG], 1);
}

static void macs_key(struct step *s)
{
    wide alpha[2], t[2], v, mask;
    mac_take(totals(s), MAC_VALUE, 0, 1, s->in[(s->role + 1) % 3]);
    mac_get(&t[0], totals(s), MAC_VALUE, 0, 0, 1);
    mac_get(&t[1], totals(s), MAC_VALUE, 1, 0, 1);
    mac_get(&v, totals(s), MAC_TAG, 0, 0, 1);
    mac_key(s, alpha);
    mac_zero(s, USE_MAC_ZERO + MASK_CHECK, 0, &mask, 1);
    v += mask - mac_part(t[0], t[1], alpha[0], alpha[1]);
    mac_set(totals(s), MAC_VALUE, 0, 0, &v, 1);
    memcpy(s->out[(s->role + 2) % 3], &v, sizeof v);
}

static void macs_zero(struct step *s)
{
    wide own, next, third;
    mac_get(&own, totals(s), MAC_VALUE, 0, 0, 1);
    memcpy(&next, s->in[(s->role + 1) % 3], sizeof next);
    third = -(own + next);
    claim(s, (s->role + 1) % 3, &third, sizeof third);  /* that role holds it as its next one */
    claim(s, (s->role + 2) % 3, &next, sizeof next);    /* that role lacks it */
    memset(s->z, 0, value_words(s->program->proto, VALUE_BITS, 1) * sizeof *s->z);
}

static const struct round macs_rounds[] = {
    { .name = "sum", .run = macs_sum, .bytes = macs_bytes },
    { .name = "key", .run = macs_key, .bytes = macs_bytes },
    { .name = "zero", .run = macs_zero },
};

const struct gate_ops mac_macs = {
    .name = "macs", .rounds = macs_rounds, .nround = 3, .scratch = macs_scratch
};
