/*
 * gf64_clmul.c: products over GF(2)[x] by PCLMULQDQ; everything else in lanes of AVX2.
 */
#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/gf64_impl.h"

typedef uint64_t product __attribute__((vector_size(16)));  /* low and high word */
typedef uint64_t lanes __attribute__((vector_size(32)));

static inline void product_add(product *sum, uint64_t a, uint64_t b)
{
    *sum ^= (product)_mm_clmulepi64_si128(_mm_cvtsi64_si128((long long)a),
                                       _mm_cvtsi64_si128((long long)b), 0x00);
}

static inline void products_add(product *sum, const lanes *a, const lanes *b)
{
    const __m128i *p = (const __m128i *)a, *q = (const __m128i *)b;
    product t = (product)_mm_clmulepi64_si128(p[0], q[0], 0x00);
    t ^= (product)_mm_clmulepi64_si128(p[0], q[0], 0x11);
    t ^= (product)_mm_clmulepi64_si128(p[1], q[1], 0x00);
    t ^= (product)_mm_clmulepi64_si128(p[1], q[1], 0x11);
    *sum ^= t;
}

#include "proto/gf64_loops.h"

const struct gf64_impl gf64_clmul = {
    .name = "clmul", .mul = loop_mul, .dot = loop_dot, .points = loop_points,
    .bind = loop_bind, .bit_points = loop_bit_points, .bit_bind = loop_bit_bind
};
