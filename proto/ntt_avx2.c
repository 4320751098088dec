/*
 * ntt_avx2.c: the transform in four lanes of AVX2 with fused multiply-adds.
 */
#include <immintrin.h>
#include <string.h>

#include "proto/ntt_impl.h"

typedef __m256d lanes;
typedef uint64_t lane_words __attribute__((vector_size(32)));
#define LANES 4

static inline lanes lanes_all(double a)
{
    return _mm256_set1_pd(a);
}

static inline lanes lanes_fma(lanes a, lanes b, lanes c)
{
    return _mm256_fmadd_pd(a, b, c);
}

static inline lane_words lanes_bits(lanes a)
{
    return (lane_words)a;
}

static inline lanes lanes_double(lane_words w)
{
    return (lanes)w;
}

struct modulus;
static inline void sixteen_forward(struct modulus m, const struct ntt *t, double *x, size_t k);
static inline void sixteen_backward(struct modulus m, const struct ntt *t, double *x, size_t k);

#include "proto/ntt_loops.h"

static inline void transpose(lanes x[static 4])
{
    lanes a = _mm256_unpacklo_pd(x[0], x[1]), b = _mm256_unpackhi_pd(x[0], x[1]);
    lanes c = _mm256_unpacklo_pd(x[2], x[3]), d = _mm256_unpackhi_pd(x[2], x[3]);
    x[0] = _mm256_permute2f128_pd(a, c, 0x20);
    x[1] = _mm256_permute2f128_pd(b, d, 0x20);
    x[2] = _mm256_permute2f128_pd(a, c, 0x31);
    x[3] = _mm256_permute2f128_pd(b, d, 0x31);
}

/* w[0], w[2], w[4], w[6] and the others. */
static inline void deal(const double *w, lanes *even, lanes *odd)
{
    lanes a = load(w), b = load(w + 4);
    *even = _mm256_permute4x64_pd(_mm256_unpacklo_pd(a, b), 0xd8);
    *odd = _mm256_permute4x64_pd(_mm256_unpackhi_pd(a, b), 0xd8);
}

/* The quarters of the node are vectors; turned round, each lane is one of its grandchildren. */
static inline void sixteen_forward(struct modulus m, const struct ntt *t, double *x, size_t k)
{
    const double *root = t->root;
    lanes v[4] = { load(x), load(x + 4), load(x + 8), load(x + 12) }, even, odd;
    quarters_forward(m, v, lanes_all(root[k]), lanes_all(root[2 * k]), lanes_all(root[2 * k + 1]));
    transpose(v);
    deal(root + 8 * k, &even, &odd);
    quarters_forward(m, v, load(root + 4 * k), even, odd);
    transpose(v);
    for (size_t j = 0; j < 4; j++)
        store(x + 4 * j, reduce(m, v[j]));
}

static inline void sixteen_backward(struct modulus m, const struct ntt *t, double *x, size_t k)
{
    const double *back = t->back;
    lanes v[4] = { load(x), load(x + 4), load(x + 8), load(x + 12) }, even, odd;
    transpose(v);
    deal(back + 8 * k, &even, &odd);
    quarters_backward(m, v, load(back + 4 * k), even, odd);
    transpose(v);
    quarters_backward(m, v, lanes_all(back[k]), lanes_all(back[2 * k]), lanes_all(back[2 * k + 1]));
    for (size_t j = 0; j < 4; j++)
        store(x + 4 * j, v[j]);
}

const struct ntt_impl ntt_avx2 = {
    .name = "avx2", .forward = forward, .backward = backward, .multiply_add = multiply_add,
    .add_words = add_words, .drop = drop, .centre = centre, .words = words,
};
