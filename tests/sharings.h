/*
 * sharings.h: sharings and keys as a test wants them: of a known value, and such that what one
 * party (the eye) holds of them comes from one seed alone, whatever the value.
 *
 * A new protocol gets an entry in sharings[], with a function for its family: what every role
 * holds of one element, by role and plane, so that the planes of role `eye` are drawn from *draw
 * before the value comes in (nobody's: all are drawn as they like). Tests fail where a protocol of
 * proto/protocol.c has none.
 */
#ifndef OB_TESTS_SHARINGS_H
#define OB_TESTS_SHARINGS_H

#include "tests/check.h"

#include "proto/protocol.h"

enum { SHARING_PLANES = 8, NOBODY = 99 };

/* Who looks, and the states of the two generators: what it holds, and all the rest. */
struct eye {
    unsigned party;
    uint64_t seen, rest;
};

typedef void sharing_fn(uint64_t held[LINK_PARTIES][SHARING_PLANES], uint64_t x, int bits,
                        unsigned eye, uint64_t *draw);

static inline uint64_t sharing_sub(uint64_t a, uint64_t b, int bits)
{
    return bits ? a ^ b : a - b;
}

static inline uint64_t sharing_add(uint64_t a, uint64_t b, int bits)
{
    return bits ? a ^ b : a + b;
}

/* x as the sum of n shares, all drawn but one: number `last`. */
static inline void sharing_sum(uint64_t *share, unsigned n, unsigned last, uint64_t x, int bits,
                               uint64_t *draw)
{
    for (unsigned j = 0; j < n; j++)
        share[j] = check_random(draw);
    share[last] = x;
    for (unsigned j = 0; j < n; j++)
        if (j != last)
            share[last] = sharing_sub(share[last], share[j], bits);
}

/* Replicated, three parties: role r holds x_r and x_{r+1}. */
static inline void sharing_three(uint64_t held[LINK_PARTIES][SHARING_PLANES], uint64_t x, int bits,
                                 unsigned eye, uint64_t *draw)
{
    uint64_t share[3];
    sharing_sum(share, 3, eye == NOBODY ? 0 : (eye + 2) % 3, x, bits, draw);
    for (unsigned r = 0; r < 3; r++)
        for (unsigned k = 0; k < 2; k++)
            held[r][k] = share[(r + k) % 3];
}

/* Replicated, four parties: role r holds all but x_r: x_{r+1}, x_{r+2}, x_{r+3}. */
static inline void sharing_four(uint64_t held[LINK_PARTIES][SHARING_PLANES], uint64_t x, int bits,
                                unsigned eye, uint64_t *draw)
{
    uint64_t share[4];
    sharing_sum(share, 4, eye == NOBODY ? 0 : eye, x, bits, draw);
    for (unsigned r = 0; r < 4; r++)
        for (unsigned k = 0; k < 3; k++)
            held[r][k] = share[(r + 1 + k) % 4];
}

/* Masked: x = m - l_1 - l_2, with four parties also x~ = x + w. What the eye lacks makes the value:
 * m at D and V, the other mask at E1 and E2, w at V. */
static inline void sharing_masked(uint64_t held[LINK_PARTIES][SHARING_PLANES], uint64_t x, int bits,
                                  unsigned eye, uint64_t *draw)
{
    enum { D, E1, E2, V };
    uint64_t a = check_random(draw), b = check_random(draw), c = check_random(draw);
    uint64_t m, l1, l2, w = eye == V ? sharing_sub(c, x, bits) : c;
    if (eye == E1 || eye == E2) {       /* a = m, b = the mask that it holds */
        uint64_t other = sharing_sub(sharing_sub(a, b, bits), x, bits);
        m = a;
        l1 = eye == E1 ? b : other;
        l2 = eye == E1 ? other : b;
    } else {
        l1 = a;
        l2 = b;
        m = sharing_add(sharing_add(x, a, bits), b, bits);
    }
    const uint64_t all[4][3] = { { l1, l2, w }, { m, l1, w }, { m, l2, w },
                                 { l1, l2, sharing_add(x, w, bits) } };
    for (unsigned r = 0; r < 4; r++)
        for (unsigned k = 0; k < 3; k++)
            held[r][k] = all[r][k];
}

/* Party 1's own. */
static inline void sharing_owned(uint64_t held[LINK_PARTIES][SHARING_PLANES], uint64_t x, int bits,
                                 unsigned eye, uint64_t *draw)
{
    (void)bits;
    (void)eye;
    (void)draw;
    held[0][0] = 0;
    held[1][0] = x;
}

/* Additive, two parties. */
static inline void sharing_two(uint64_t held[LINK_PARTIES][SHARING_PLANES], uint64_t x, int bits,
                               unsigned eye, uint64_t *draw)
{
    uint64_t share[2];
    sharing_sum(share, 2, eye == NOBODY ? 0 : 1 - eye, x, bits, draw);
    for (unsigned r = 0; r < 2; r++)
        held[r][0] = share[r];
}

static const struct {
    const char *protocol;
    sharing_fn *share;
    sharing_fn *model;          /* of what the model's owner gives; NULL: the same */
    unsigned knows;             /* who knows it then */
} sharings[] = {
    { "replicated-ring", sharing_three, NULL, NOBODY },
    { "sy-rep-ring", sharing_three, NULL, NOBODY },
    { "sy-rep-ring-mac", sharing_three, NULL, NOBODY },
    { "rep4-ring", sharing_four, NULL, NOBODY },
    { "trio", sharing_masked, NULL, NOBODY },
    { "quad", sharing_masked, NULL, NOBODY },
    { "semi2k", sharing_two, NULL, NOBODY },
    { "semi2k-silent", sharing_two, NULL, NOBODY },
    { "semi2k-owner", sharing_two, sharing_owned, 1 },
};

/* The function of a protocol; NULL, and a failed check, when it has none. */
static inline sharing_fn *sharing_of(const struct protocol *proto, enum owner of)
{
    for (size_t i = 0; i < sizeof sharings / sizeof *sharings; i++)
        if (strcmp(sharings[i].protocol, proto->name) == 0)
            return of == OWNER_MODEL && sharings[i].model != NULL ? sharings[i].model
                                                                  : sharings[i].share;
    check_bad++;
    fprintf(stderr, "protocol %s has no sharing for tests: add its name, and a function if its"
            " sharing is a new one, to sharings[] in tests/sharings.h\n", proto->name);
    return NULL;
}

/* Does the party know what this owner gives? */
static inline int sharing_is_known(const struct protocol *proto, enum owner of, unsigned party)
{
    for (size_t i = 0; i < sizeof sharings / sizeof *sharings; i++)
        if (strcmp(sharings[i].protocol, proto->name) == 0)
            return of == OWNER_MODEL && sharings[i].model != NULL && sharings[i].knows == party;
    return 0;
}

/* Sharings of n words x, of the given turn and kind (SHARE, or BITS as words of a plane): to each
 * party's memory in the layout of values. 0, or -1 without an entry. */
static inline int sharing_make(const struct protocol *proto, enum owner of, struct eye *e,
                               unsigned turn, enum value_kind kind, const uint64_t *x, size_t n,
                               uint64_t *const out[])
{
    sharing_fn *share = sharing_of(proto, of);
    if (share == NULL)
        return -1;
    unsigned eye = e->party == NOBODY ? NOBODY : turn_role(proto, turn, e->party);
    for (size_t i = 0; i < n; i++) {
        uint64_t held[LINK_PARTIES][SHARING_PLANES] = { { 0 } };
        share(held, x[i], kind == VALUE_BITS, eye, eye == NOBODY ? &e->rest : &e->seen);
        for (unsigned p = 0; p < proto->parties; p++)
            for (unsigned k = 0; k < proto->planes[kind]; k++)
                out[p][k * n + i] = held[turn_role(proto, turn, p)][k];
    }
    return 0;
}

static inline void sharing_key(struct prf *const holder[], unsigned n, uint64_t *draw)
{
    uint8_t key[PRF_KEY];
    for (int i = 0; i < PRF_KEY; i++)
        key[i] = (uint8_t)check_random(draw);
    for (unsigned i = 0; i < n; i++)
        prf_init(holder[i], key);
}

/* Keys of all parties: those that the eye holds from its seed, the others from the rest. */
static inline void sharing_keys(const struct protocol *proto, struct eye *e, struct keys *keys)
{
    unsigned n = proto->parties;
    memset(keys, 0, n * sizeof *keys);
    for (unsigned p = 0; p < n; p++) {
        keys[p].self = p;
        keys[p].parties = n;
        sharing_key((struct prf *[]){ &keys[p].own }, 1, p == e->party ? &e->seen : &e->rest);
    }
    for (unsigned a = 0; a < n; a++)
        for (unsigned b = a + 1; b < n; b++)
            sharing_key((struct prf *[]){ &keys[a].pair[b], &keys[b].pair[a] }, 2,
                        a == e->party || b == e->party ? &e->seen : &e->rest);
    for (unsigned j = 0; n == 4 && j < n; j++)
        sharing_key((struct prf *[]){ &keys[(j + 1) % 4].without[j], &keys[(j + 2) % 4].without[j],
                                      &keys[(j + 3) % 4].without[j] }, 3,
                    j != e->party ? &e->seen : &e->rest);
}

static inline void sharing_keys_end(const struct protocol *proto, struct keys *keys)
{
    for (unsigned p = 0; p < proto->parties; p++)
        keys_fini(&keys[p]);
}

#endif
