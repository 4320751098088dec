/*
 * rlwe_bits.c: residues on the wire.
 */
#include <string.h>

#include "net/base_bytes.h"
#include "proto/rlwe_impl.h"

size_t bits_bytes(size_t n, unsigned bits)
{
    return (n * bits + 7) / 8;
}

void bits_put(uint8_t *out, const uint64_t *x, size_t n, unsigned bits)
{
    uint64_t held = 0;
    unsigned have = 0;
    for (size_t i = 0; i < n; i++) {
        held |= x[i] << have;
        have += bits;
        if (have >= 64) {
            put_u64(out, held);
            out += 8;
            have -= 64;
            held = x[i] >> (bits - have);
        }
    }
    memcpy(out, &held, bits_bytes(have, 1));
}

void bits_get(double *x, const uint8_t *in, size_t n, unsigned bits)
{
    size_t bytes = bits_bytes(n, bits);
    uint64_t mask = ((uint64_t)1 << bits) - 1;
    for (size_t i = 0; i < n; i++) {
        size_t at = i * bits / 8, left = bytes - at;
        uint64_t w = 0;
        if (left >= 8)
            w = get_u64(in + at);
        else
            memcpy(&w, in + at, left);
        x[i] = (double)(int64_t)(w >> (i * bits % 8) & mask);
    }
}
