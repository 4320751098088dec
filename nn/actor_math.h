/*
 * actor_math.h: the few curves from which the acting face is made.
 *
 * All are polynomials with compact support: no exponentials, so that the same numbers come out on
 * every machine, and nothing has a tail that would have to be evaluated far away.
 */
#ifndef OB_NN_ACTOR_MATH_H
#define OB_NN_ACTOR_MATH_H

#include <math.h>
#include <stdint.h>

static inline double clamp01(double x)
{
    return x < 0 ? 0 : x > 1 ? 1 : x;
}

static inline double mix(double a, double b, double t)
{
    return a + (b - a) * t;
}

/* 0 up to a, 1 from b on, smooth between; a > b runs the other way. */
static inline double smooth(double a, double b, double x)
{
    double t = clamp01((x - a) / (b - a));
    return t * t * (3 - 2 * t);
}

/* A hill of height 1 at r2 = 0 that has ended at r2 = 1, where r2 is a squared distance. */
static inline double hill(double r2)
{
    return r2 >= 1 ? 0 : (1 - r2) * (1 - r2);
}

/* A hill around (x0, y0) with radii rx and ry. */
static inline double blob(double x, double y, double x0, double y0, double rx, double ry)
{
    double dx = (x - x0) / rx, dy = (y - y0) / ry;
    return hill(dx * dx + dy * dy);
}

/* How much of a pixel of edge px lies inside, d being the signed distance (positive inside). */
static inline double cover(double d, double px)
{
    return clamp01(0.5 + d / px);
}

/* 64 well mixed bits of (seed, index): randomness by name, not by order. */
static inline uint64_t actor_hash(uint64_t seed, uint64_t index)
{
    uint64_t z = seed * 0xd1342543de82ef95u + (index + 1) * 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* The same as a number in [0, 1). */
static inline double actor_chance(uint64_t seed, uint64_t index)
{
    return (double)(actor_hash(seed, index) >> 11) * 0x1p-53;
}

/* A lattice of random levels in [0, 1), smooth between: strands, skin, stubble. */
static inline double actor_grain(uint64_t seed, double x, double y)
{
    double fx = floor(x), fy = floor(y);
    double tx = smooth(0, 1, x - fx), ty = smooth(0, 1, y - fy);
    uint64_t i = (uint64_t)(int64_t)fx, j = (uint64_t)(int64_t)fy * 4096;
    double a = actor_chance(seed, i + j), b = actor_chance(seed, i + j + 1);
    double c = actor_chance(seed, i + j + 4096), d = actor_chance(seed, i + j + 4097);
    return mix(mix(a, b, tx), mix(c, d, tx), ty);
}

#endif
