/*
 * masked_client.c: inputs and outputs of clients, and what pairs of roles both know.
 *
 * The owner of x draws seeds of l_1, l_2 and (quad) w, and sends each role the seeds of the masks
 * it holds; m = x + l_1 + l_2 to E1 and E2; and (quad) m + w to V, which takes L off it. In quad
 * any two roles compare what both know (`common`): an owner that gives different parties different
 * things of one sharing is found out. Seeds serve one input and one turn, and nothing binds the
 * sharings of two turns to each other (client.h).
 *
 *     both know    D        E1          E2
 *     E1           l_1, w
 *     E2           l_2, w   m, w
 *     V            l_1, l_2 l_1, m + w  l_2, m + w
 *
 * An output's owner gets all planes of all roles and compares the same items, so that each piece
 * comes from two holders at least: one cheat can make it abort, and no more.
 */
#include <string.h>

#include <openssl/rand.h>

#include "net/base_bytes.h"
#include "proto/masked.h"

/* ---- common items ---- */

unsigned masked_items(unsigned role, unsigned other)
{
    return role == other ? 0 : 2;
}

/* The planes whose sum is the item, as bits. */
static unsigned item_planes(unsigned role, unsigned other, unsigned item)
{
    if (role == V)
        return other == D ? 1u << item : item == 1 ? 7 : other == E1 ? 1 : 2;
    if (role == D)
        return other == V ? 1u << item : item == 1 ? 4 : other == E1 ? 1 : 2;
    if (other == D || other == V)
        return item == 0 ? 2 : other == D ? 4 : 5;
    return item == 0 ? 1 : 4;
}

void masked_common(uint64_t *out, const uint64_t *share, size_t stride, size_t words,
                   enum value_kind kind, unsigned role, unsigned other, unsigned item)
{
    unsigned planes = item_planes(role, other, item);
    memset(out, 0, words * sizeof *out);
    for (unsigned k = 0; k < 3; k++) {
        if (((planes >> k) & 1) == 0)
            continue;
        for (size_t i = 0; i < words; i++)
            out[i] = kind == VALUE_BITS ? out[i] ^ share[k * stride + i]
                                        : out[i] + share[k * stride + i];
    }
}

/* ---- inputs ---- */

/* The seeds that a role gets, in this order, as bits of enum mask; does it get words? */
static unsigned seeds_of(unsigned role, int quad)
{
    enum { FIRST = 1 << L1, SECOND = 1 << L2, THIRD = 1 << W };
    static const unsigned seeds[] = { [D] = FIRST | SECOND | THIRD, [E1] = FIRST | THIRD,
                                      [E2] = SECOND | THIRD, [V] = FIRST | SECOND };
    return quad ? seeds[role] : seeds[role] & ~(1u << W);
}

static size_t seeds_bytes(unsigned role, int quad)
{
    return (size_t)__builtin_popcount(seeds_of(role, quad)) * PRF_KEY;
}

static size_t input_bytes(size_t n, unsigned role, int quad)
{
    return seeds_bytes(role, quad) + (role == D ? 0 : n * 8);
}

static void split_seeds(uint8_t *out, uint8_t seed[3][PRF_KEY], unsigned role, int quad)
{
    for (unsigned k = L1; k <= W; k++)
        if ((seeds_of(role, quad) >> k) & 1) {
            memcpy(out, seed[k], PRF_KEY);
            out += PRF_KEY;
        }
}

/* The words of one chunk of x. */
static void split_words(uint8_t *const out[], uint8_t seed[3][PRF_KEY], const uint64_t *x,
                        size_t first, size_t n, int quad)
{
    uint64_t m[CHUNK], mask[CHUNK];
    memcpy(m, x + first, n * sizeof *m);
    for (unsigned k = L1; k <= (quad ? W : L2); k++) {
        prf_expand(seed[k], first, mask, n);
        for (size_t i = 0; i < n; i++)
            m[i] += mask[i];
        if (k != L1)
            for (unsigned role = k == L2 ? E1 : V; role <= (k == L2 ? E2 : V); role++)
                memcpy(out[role] + seeds_bytes(role, quad) + first * 8, m, n * 8);
    }
    wipe(m, sizeof m);
    wipe(mask, sizeof mask);
}

static int input_split(uint8_t *const out[], const uint64_t *x, size_t n, int quad, struct err *e)
{
    uint8_t seed[3][PRF_KEY];
    if (RAND_bytes(seed[0], sizeof seed) != 1)
        return err_set(e, ERR_FAILED, "no random bytes from the system");
    for (unsigned role = 0; role < (quad ? 4 : 3); role++)
        split_seeds(out[role], seed, role, quad);
    for (size_t i = 0; i < n; i += CHUNK)
        split_words(out, seed, x, i, n - i < CHUNK ? n - i : CHUNK, quad);
    wipe(seed, sizeof seed);
    return 0;
}

static void input_join(uint64_t *share, const uint8_t *in, size_t n, unsigned role, int quad)
{
    const uint8_t *words = in + seeds_bytes(role, quad);
    uint64_t *plane = share;
    if (role == E1 || role == E2) {
        memcpy(plane, words, n * 8);
        plane += n;
    }
    for (; in < words; in += PRF_KEY, plane += n)
        prf_expand(in, 0, plane, n);
    if (role != V)
        return;
    memcpy(plane, words, n * 8);
    for (size_t i = 0; i < n; i++)
        plane[i] -= share[i] + share[n + i];
}

size_t trio_input_bytes(size_t n, unsigned role)
{
    return input_bytes(n, role, 0);
}

size_t quad_input_bytes(size_t n, unsigned role)
{
    return input_bytes(n, role, 1);
}

int trio_input_split(uint8_t *const out[], const uint64_t *x, size_t n, struct err *e)
{
    return input_split(out, x, n, 0, e);
}

int quad_input_split(uint8_t *const out[], const uint64_t *x, size_t n, struct err *e)
{
    return input_split(out, x, n, 1, e);
}

void trio_input_join(uint64_t *share, const uint8_t *in, size_t n, unsigned role)
{
    input_join(share, in, n, role, 0);
}

void quad_input_join(uint64_t *share, const uint8_t *in, size_t n, unsigned role)
{
    input_join(share, in, n, role, 1);
}

/* ---- outputs ---- */

/* Do both roles of a pair say the same of an item? */
static int item_fits(const uint64_t *const piece[], size_t words, enum value_kind kind, unsigned a,
                     unsigned b, unsigned item)
{
    uint64_t x[CHUNK], y[CHUNK];
    int fits = 1;
    for (size_t i = 0; i < words; i += CHUNK) {
        size_t n = words - i < CHUNK ? words - i : CHUNK;
        masked_common(x, piece[a] + i, words, n, kind, a, b, item);
        masked_common(y, piece[b] + i, words, n, kind, b, a, item);
        fits &= memcmp(x, y, n * sizeof *x) == 0;
    }
    return fits;
}

/* In trio item 0 of each pair is a plane that both hold. */
static int output_join(uint64_t *x, const uint64_t *const piece[], size_t words,
                       enum value_kind kind, int quad, struct err *e)
{
    for (unsigned a = 1; a < (quad ? 4 : 3); a++)
        for (unsigned b = 0; b < a; b++)
            for (unsigned item = 0; item < (quad ? masked_items(a, b) : 1); item++)
                if (!item_fits(piece, words, kind, a, b, item))
                    return err_set(e, ERR_ABORT, "the results of party %u and party %u do not fit"
                                   " together", b, a);
    const uint64_t *m = piece[E1], *l1 = m + words, *l2 = piece[E2] + words;
    for (size_t i = 0; i < words; i++)
        x[i] = kind == VALUE_BITS ? m[i] ^ l1[i] ^ l2[i] : m[i] - l1[i] - l2[i];
    return 0;
}

int trio_output_join(uint64_t *x, const uint64_t *const piece[], size_t words,
                     enum value_kind kind, struct err *e)
{
    return output_join(x, piece, words, kind, 0, e);
}

int quad_output_join(uint64_t *x, const uint64_t *const piece[], size_t words,
                     enum value_kind kind, struct err *e)
{
    return output_join(x, piece, words, kind, 1, e);
}
