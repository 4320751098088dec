/*
 * syrep_chain.c: the carries of a sum of two shares.
 *
 * D knows x_0 and x_1 (E2 the one, E1 the other) and so the carries c_1 .. c_count of their sum. It
 * deals them as bits, c_j = d_j ^ f_j with f_j = F(k_1) known to E1 and d_j sent to E2. Then bit j
 * of the sum is in replicated form: share 0 is x_{0,j} ^ d_j, share 1 is x_{1,j} ^ f_j, share 2 is
 * 0.
 *
 * What D states: with p = x_{0,j} ^ d_j and q = x_{1,j} ^ f_j,
 *
 *     c_{j+1} = (x_{0,j} ^ c_j) (x_{1,j} ^ c_j) ^ c_j = (p ^ f_j) (q ^ d_j) ^ c_j
 *     p . q ^ d_j . f_j = [d_{j+1} ^ d_j ^ p d_j] ^ [f_{j+1} ^ f_j ^ q f_j]
 *
 * with the brackets known to E2 = LEFT and E1 = RIGHT: two terms a carry, c_0 = 0. A wrong carry
 * makes its own statement false, whatever the others are: the statements fix c_1, c_2, .. one by
 * one.
 */
#include <string.h>

#include "proto/kernel.h"
#include "proto/syrep.h"

static uint64_t offset_of(const struct chain *c, int left)
{
    return left ? c->offset : 0;
}

/* Bit j of the words: the carry of a + b into bit j + 1. */
static void carries(const struct chain *c, size_t first, size_t n, uint64_t *out)
{
    for (size_t k = 0; k < n; k++) {
        uint64_t a = c->x.plane[0][first + k] + c->offset, b = c->x.plane[1][first + k];
        uint64_t sum = a + b, top = (a & b) | ((a | b) & ~sum);
        out[k] = (sum ^ a ^ b) >> 1 | (top >> 63) << 63;
    }
}

void chain_deal(const struct step *s, const struct chain *c, uint64_t *dealt)
{
    size_t n = s->gate->n, words = KERNEL_PLANE(n);
    uint64_t buffer[CHUNK];
    for (size_t i = 0; i < n; i += CHUNK) {
        size_t m = n - i < CHUNK ? n - i : CHUNK;
        carries(c, i, m, buffer);
        planes_from_words(dealt + i / 64, words, buffer, m, 0, c->count);
    }
    for (unsigned j = 0; j < c->count; j++)
        for (size_t w = 0; w < words; w += CHUNK) {
            size_t m = words - w < CHUNK ? words - w : CHUNK;
            draw_part(s, 1, USE_CHAIN, j, w, buffer, m);
            for (size_t k = 0; k < m; k++)
                dealt[j * words + w + k] ^= buffer[k];
        }
}

/* Words of this seat's share of carry c_{j+1}: dealt to the left, drawn to the right. */
static void carry_plane(const struct view *v, const struct chain *c, int left, unsigned j,
                        uint64_t *out)
{
    size_t words = KERNEL_PLANE(v->at.gate->n);
    if (left)
        memcpy(out, c->dealt + j * words, words * sizeof *out);
    else
        redraw_plane(&v->at, 1, USE_CHAIN, j, out, words);
}

void carry_words(const struct view *v, const struct chain *c, int left, unsigned j, size_t first,
                 size_t n, uint64_t *out)
{
    size_t words = KERNEL_PLANE(v->at.gate->n);
    uint64_t bits[CHUNK / 64];
    if (left)
        memcpy(bits, c->dealt + j * words + first / 64, KERNEL_PLANE(n) * sizeof *bits);
    else
        redraw_part(&v->at, 1, USE_CHAIN, j, first / 64, bits, KERNEL_PLANE(n));
    for (size_t k = 0; k < n; k++)
        out[k] = (bits[k / 64] >> (k % 64)) & 1;
}

/* Factors of one side: the bits of x, each under its share of the carry into it; those shares. */
static void side(const struct view *v, const struct chain *c, int left, uint64_t *part,
                 uint64_t *carry)
{
    size_t n = v->at.gate->n, words = KERNEL_PLANE(n);
    const uint64_t *x = left ? left_of(v, c->x) : right_of(v, c->x);
    uint64_t buffer[CHUNK];
    for (size_t i = 0; i < n; i += CHUNK) {
        size_t m = n - i < CHUNK ? n - i : CHUNK;
        for (size_t k = 0; k < m; k++)
            buffer[k] = x[i + k] + offset_of(c, left);
        planes_from_words(part + i / 64, words, buffer, m, 0, c->count);
    }
    memset(carry, 0, words * sizeof *carry);
    for (unsigned j = 1; j < c->count; j++)
        carry_plane(v, c, left, j - 1, carry + j * words);
    for (size_t w = 0; w < c->count * words; w++)
        part[w] ^= carry[w];
}

struct prove_run chain_run(const struct gate *g, unsigned count)
{
    return (struct prove_run){ PROVE_BITS, 2, (uint32_t)(count * KERNEL_PLANE(g->n)) };
}

void chain_fill(struct view *v, const struct chain *c)
{
    size_t words = KERNEL_PLANE(v->at.gate->n), below = (c->count - 1) * words;
    if (v->left != NULL)
        side(v, c, 1, view_left(v, 0), view_left(v, 1));
    if (v->right != NULL)
        side(v, c, 0, view_right(v, 0), view_right(v, 1));
    if (v->claim == NULL)
        return;
    int left = v->seat == PROVE_LEFT;
    const uint64_t *part = left ? view_left(v, 0) : view_right(v, 0);
    const uint64_t *carry = left ? view_left(v, 1) : view_right(v, 1);
    memcpy(v->claim, carry + words, below * sizeof *carry);
    carry_plane(v, c, left, c->count - 1, v->claim + below);
    for (size_t w = 0; w < v->words; w++)
        v->claim[w] ^= carry[w] ^ (part[w] & carry[w]);
}
