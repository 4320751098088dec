#include "proto/field.h"

int field_holds(const struct field *f, const uint64_t *a, size_t n)
{
    uint64_t over = 0;
    if (field_is_binary(f))
        return 1;
    for (size_t i = 0; i < n; i++)
        over |= (f->prime.p - 1 - a[i]) | a[i];     /* one of the two is 2^63 or more */
    return over >> 63 == 0;
}

void field_draw(const struct field *f, const struct prf *key, uint32_t gate, uint32_t use,
                uint64_t block, uint64_t *out, size_t n)
{
    enum { CHUNK = 128 };
    uint64_t random[2 * CHUNK];
    if (field_is_binary(f)) {
        prf_fill(key, gate, use, block, out, n * sizeof *out);
        return;
    }
    for (size_t i = 0; i < n; i += CHUNK) {
        size_t count = n - i < CHUNK ? n - i : CHUNK;
        prf_fill(key, gate, use, block + i, random, count * 16);
        for (size_t k = 0; k < count; k++)
            out[i + k] = fp61_from_random(&f->prime, random + 2 * k);
    }
}
