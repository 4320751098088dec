/*
 * chance.h: randomness by name: the draws of one thing (a picture in an epoch, a dropout layer)
 * depend on the seed and the thing's name, never on what was drawn before for others.
 *
 * So there is no state to save: training that is resumed, or divided among threads, draws the same.
 * Not for secrets: a hash of this kind can be inverted.
 */
#ifndef OB_NN_CHANCE_H
#define OB_NN_CHANCE_H

#include <stdint.h>

struct chance {
    uint64_t state;
};

static inline uint64_t chance_mix(uint64_t z)
{
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* The stream of (seed, kind, a, b). */
static inline struct chance chance_of(uint64_t seed, uint64_t kind, uint64_t a, uint64_t b)
{
    uint64_t s = chance_mix(seed + 0x9e3779b97f4a7c15u);
    s = chance_mix(s ^ (kind + 1) * 0xd1342543de82ef95u);
    s = chance_mix(s ^ (a + 1) * 0x9e3779b97f4a7c15u);
    return (struct chance){ chance_mix(s ^ (b + 1) * 0xc2b2ae3d27d4eb4fu) };
}

/* splitmix64 */
static inline uint64_t chance_u64(struct chance *c)
{
    return chance_mix(c->state += 0x9e3779b97f4a7c15u);
}

/* In [0, 1). */
static inline double chance_unit(struct chance *c)
{
    return (double)(chance_u64(c) >> 11) * 0x1p-53;
}

static inline double chance_between(struct chance *c, double low, double high)
{
    return low + (high - low) * chance_unit(c);
}

/* Below n, n from 1 to 2^32. */
static inline uint64_t chance_below(struct chance *c, uint64_t n)
{
    return (chance_u64(c) >> 32) * n >> 32;
}

#endif
