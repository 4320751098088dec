/*
 * test_identities.c: the algebra that the gates stand on, in plain integers.
 *
 * Truncation of two summands (replicated_deal.c): exhaustively in small rings, and for all corner
 * cases in the ring of 64 bits. Blocks of a carry (replicated_sign.c): exhaustively.
 */
#include "tests/check.h"

#include <inttypes.h>

static uint64_t state = 31337;

/* v = A + B - 2^(k-2) in the ring of k bits: what the formula gives, minus floor(v / 2^f). */
static int64_t coin(unsigned k, unsigned f, int64_t v, uint64_t a)
{
    uint64_t ring = k == 64 ? ~(uint64_t)0 : ((uint64_t)1 << k) - 1;
    uint64_t offset = (uint64_t)1 << (k - 2);
    uint64_t b = ((uint64_t)v + offset - a) & ring;
    uint64_t wrap = (a >> (k - 1)) | (b >> (k - 1));
    uint64_t t = (a >> f) + (b >> f) - (offset >> f) + 1 - (wrap << (k - f));
    t &= ring;
    int64_t value = (int64_t)(t << (64 - k)) >> (64 - k);
    return value - (v >> f);
}

static void truncation_in_small_rings(void)
{
    for (unsigned k = 6; k <= 10; k++)
        for (unsigned f = 1; f < k - 2; f++)
            for (int64_t v = -((int64_t)1 << (k - 2)); v < (int64_t)1 << (k - 2); v++) {
                uint64_t ups = 0;
                for (uint64_t a = 0; a < (uint64_t)1 << k; a++) {
                    int64_t c = coin(k, f, v, a);
                    CHECK(c == 0 || c == 1);
                    ups += (uint64_t)c;
                }
                /* Pr[coin = 1] = (v mod 2^f + 1) / 2^f */
                uint64_t low = (uint64_t)v & (((uint64_t)1 << f) - 1);
                CHECK(ups << f == (low + 1) << k);
            }
}

static void truncation_at_64_bits(void)
{
    static const int64_t edge[] = { 0, 1, -1, (1ll << 62) - 1, -(1ll << 62), 8191, 8192, -8192 };
    static const uint64_t part[] = { 0, 1, UINT64_MAX, 1ull << 63, (1ull << 63) - 1, 1ull << 62,
                                     (1ull << 62) - 1, 8191, 8192 };
    for (unsigned f = 1; f <= 32; f++)
        for (int i = 0; i < 8; i++) {
            for (int j = 0; j < 9; j++)
                CHECK((uint64_t)coin(64, f, edge[i], part[j]) <= 1);
            for (int j = 0; j < 200; j++)
                CHECK((uint64_t)coin(64, f, edge[i], check_random(&state)) <= 1);
        }
    for (int i = 0; i < 100000; i++) {
        int64_t v = (int64_t)check_random(&state) >> (2 + i % 60);
        CHECK((uint64_t)coin(64, 1 + (unsigned)i % 32, v, check_random(&state)) <= 1);
    }
}

/* g = T_{2^k - b}, h = T_{2^k - 1 - b} with T_j = [a >= j], T_0 = 1, T_{2^k} = 0. */
static void thermometers_of_blocks(void)
{
    for (unsigned k = 1; k <= 4; k++) {
        unsigned size = 1u << k;
        for (unsigned a = 0; a < size; a++)
            for (unsigned b = 0; b < size; b++) {
                unsigned g = b == 0 ? 0 : a >= size - b, h = b == size - 1 ? 1 : a >= size - 1 - b;
                CHECK_EQ(g, a + b >= size);
                CHECK_EQ(h, a + b + 1 >= size);
                CHECK_EQ(g ^ h, a + b == size - 1);
            }
    }
}

/* sign = A[m-1] ^ B[m-1] ^ carry of the low m - 1 bits, for all x of m = 6 bits and all A. */
static void sign_of_two_summands(void)
{
    enum { M = 6 };
    for (int64_t x = -(1 << (M - 1)); x < 1 << (M - 1); x++)
        for (uint64_t a = 0; a < 1 << M; a++) {
            uint64_t b = (uint64_t)x - a, low = (1 << (M - 1)) - 1;
            uint64_t carry = ((a & low) + (b & low)) >> (M - 1);
            CHECK_EQ(((a >> (M - 1)) ^ (b >> (M - 1)) ^ carry) & 1, x < 0);
        }
}

int main(void)
{
    printf("# seed %" PRIu64 "\n", state);
    CASE(truncation_in_small_rings);
    CASE(truncation_at_64_bits);
    CASE(thermometers_of_blocks);
    CASE(sign_of_two_summands);
    return check_done();
}
