/*
 * gf64.c: the choice of the implementation, made at the first use and kept in one atomic pointer to
 * a constant table.
 */
#include "config.h"

#include "proto/gf64.h"

#include <stdatomic.h>
#include <string.h>

#include "proto/gf64_impl.h"

#ifdef HAVE_X86_KERNELS
static int has_clmul(void)
{
    return __builtin_cpu_supports("pclmul") && __builtin_cpu_supports("avx2") &&
           __builtin_cpu_supports("bmi2");
}
#endif

static int has_portable(void)
{
    return 1;
}

/* Best first. */
static const struct {
    const struct gf64_impl *impl;
    int (*usable)(void);
} choices[] = {
#ifdef HAVE_X86_KERNELS
    { &gf64_clmul, has_clmul },
#endif
    { &gf64_portable, has_portable },
};

/* A mutable global: a pointer to a constant table, the same whoever sets it. */
static _Atomic(const struct gf64_impl *) chosen;

/* The first usable implementation of that name (NULL: of any), or NULL. */
static const struct gf64_impl *choice_find(const char *name)
{
    for (size_t i = 0; i < sizeof choices / sizeof choices[0]; i++)
        if ((name == NULL || strcmp(name, choices[i].impl->name) == 0) && choices[i].usable())
            return choices[i].impl;
    return NULL;
}

static const struct gf64_impl *gf64(void)
{
    const struct gf64_impl *impl = atomic_load_explicit(&chosen, memory_order_relaxed);
    if (impl == NULL) {
        impl = choice_find(NULL);
        atomic_store_explicit(&chosen, impl, memory_order_relaxed);
    }
    return impl;
}

const char *gf64_isa(void)
{
    return gf64()->name;
}

int gf64_force(const char *isa)
{
    const struct gf64_impl *impl = choice_find(isa);
    if (impl == NULL)
        return -1;
    atomic_store_explicit(&chosen, impl, memory_order_relaxed);
    return 0;
}

/* ---- the operations ---- */

uint64_t gf64_mul(uint64_t a, uint64_t b)
{
    return gf64()->mul(a, b);
}

uint64_t gf64_dot(const uint64_t *a, const uint64_t *b, size_t n)
{
    return gf64()->dot(a, b, n);
}

void gf64_points(uint64_t *h, const uint64_t *u, const uint64_t *w, size_t m, unsigned k)
{
    gf64()->points(h, u, w, m, k);
}

void gf64_bind(uint64_t *u, size_t m, unsigned k, const uint64_t *eq)
{
    gf64()->bind(u, m, k, eq);
}

void gf64_bit_points(uint64_t *h, const uint64_t *u, const uint64_t *w, size_t terms,
                     size_t columns, size_t first, size_t count, const uint64_t *rho, void *work)
{
    gf64()->bit_points(h, u, w, terms, columns, first, count, rho, work);
}

/* The coefficients are public, so they may index. */
static void map_make(struct gf64_map *map, const uint64_t *eq)
{
    for (unsigned k = 0; k < 64; k++)
        for (unsigned g = 0; g < 16; g++) {
            unsigned sum = 0;
            for (unsigned i = 0; i < 4; i++)
                sum |= (unsigned)(eq[4 * g + i] >> k & 1) << i;
            map->sum[k][g] = (uint8_t)sum;
        }
}

void gf64_bit_bind(uint64_t *u, size_t terms, size_t columns, size_t first, size_t count,
                   const uint64_t *eq, const uint64_t *rho)
{
    struct gf64_map map;
    map_make(&map, eq);
    gf64()->bit_bind(u, terms, columns, first, count, &map, rho);
}
