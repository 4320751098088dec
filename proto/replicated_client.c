/*
 * replicated_client.c: sharings as clients make and join them, and what pairs of parties know of
 * them. Share x_j is known to roles j and j - 1.
 */
#include <string.h>

#include <openssl/rand.h>

#include "net/base_bytes.h"
#include "proto/replicated.h"

int replicated_takes_constant(unsigned party, unsigned plane)
{
    return (party + plane) % 3 == 0;    /* share 0 */
}

/*
 * The owner of x draws two seeds and sends (seed_0, seed_1) to P_0, (seed_1, x_2) to P_1,
 * (x_2, seed_0) to P_2, where x_j = F(seed_j) for j < 2 and x_2 = x - x_0 - x_1. Seeds serve one
 * input and one client.
 */
size_t replicated_input_bytes(size_t n, unsigned party)
{
    return party == 0 ? 2 * PRF_KEY : PRF_KEY + n * 8;
}

int replicated_input_split(uint8_t *const out[], const uint64_t *x, size_t n, struct err *e)
{
    uint8_t seed[2][PRF_KEY];
    if (RAND_bytes(seed[0], sizeof seed) != 1)
        return err_set(e, ERR_FAILED, "no random bytes from the system");
    memcpy(out[0], seed, sizeof seed);
    memcpy(out[1], seed[1], PRF_KEY);
    memcpy(out[2], seed[0], PRF_KEY);
    uint64_t a[CHUNK], b[CHUNK];
    for (size_t i = 0; i < n; i += CHUNK) {
        size_t m = n - i < CHUNK ? n - i : CHUNK;
        prf_expand(seed[0], i, a, m);
        prf_expand(seed[1], i, b, m);
        for (size_t k = 0; k < m; k++)
            a[k] = x[i + k] - a[k] - b[k];
        memcpy(out[1] + PRF_KEY + i * 8, a, m * 8);
        memcpy(out[2] + PRF_KEY + i * 8, a, m * 8);
    }
    wipe(seed, sizeof seed);
    wipe(a, sizeof a);
    wipe(b, sizeof b);
    return 0;
}

void replicated_input_join(uint64_t *share, const uint8_t *in, size_t n, unsigned party)
{
    uint64_t *plane = share + n;
    if (party == 0) {
        prf_expand(in, 0, share, n);
        prf_expand(in + PRF_KEY, 0, plane, n);
    } else if (party == 1) {
        prf_expand(in, 0, share, n);
        memcpy(plane, in + PRF_KEY, n * 8);
    } else {
        memcpy(share, in + PRF_KEY, n * 8);
        prf_expand(in, 0, plane, n);
    }
}

/* Every share comes from both of its holders, so a confused party is noticed. */
int replicated_output_join(uint64_t *x, const uint64_t *const piece[], size_t words,
                           enum value_kind kind, struct err *e)
{
    for (unsigned i = 0; i < 3; i++)
        if (memcmp(piece[i] + words, piece[(i + 1) % 3], words * 8) != 0)
            return err_set(e, ERR_ABORT, "the results of party %u and party %u do not fit together",
                           i, (i + 1) % 3);
    for (size_t k = 0; k < words; k++)
        x[k] = kind == VALUE_BITS ? piece[0][k] ^ piece[1][k] ^ piece[2][k]
                                  : piece[0][k] + piece[1][k] + piece[2][k];
    return 0;
}

/* Roles r and r + 1 both hold x_{r+1}: plane 1 of the one, plane 0 of the other. */
unsigned replicated_items(unsigned role, unsigned other)
{
    return role != other;
}

void replicated_common(uint64_t *out, const uint64_t *share, size_t stride, size_t words,
                       enum value_kind kind, unsigned role, unsigned other, unsigned item)
{
    (void)kind;
    (void)item;
    memcpy(out, share + (other == (role + 1) % 3 ? stride : 0), words * sizeof *out);
}
