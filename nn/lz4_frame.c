/*
 * lz4_frame.c: unpacking an LZ4 frame into memory, with a limit (joblib.h).
 */
#include <lz4frame.h>
#include <string.h>

#include "net/base_mem.h"
#include "nn/joblib.h"

int lz4_likely(const uint8_t *p, size_t n)
{
    return n >= 4 && memcmp(p, "\x04\x22\x4d\x18", 4) == 0;
}

static int unpack(LZ4F_dctx *c, uint8_t *to, size_t most, size_t *got, const uint8_t *p, size_t n,
    const char *name, struct err *e)
{
    size_t left = 1, at = 0;
    *got = 0;
    while (left != 0) {
        size_t out = most - *got, in = n - at;
        left = LZ4F_decompress(c, to + *got, &out, p + at, &in, NULL);
        if (LZ4F_isError(left))
            return err_set(e, ERR_INPUT, "%s: byte %zu: damaged LZ4 frame: %s", name, at,
                LZ4F_getErrorName(left));
        if (in == 0 && out == 0 && left != 0)
            return err_set(e, ERR_INPUT, "%s: byte %zu: the LZ4 frame %s", name, at, at == n
                ? "ends too soon" : "holds more than such a file can");
        at += in;
        *got += out;
    }
    return at == n ? 0 : err_set(e, ERR_INPUT, "%s: byte %zu: bytes behind the LZ4 frame", name,
        at);
}

uint8_t *lz4_unpack(const uint8_t *p, size_t n, size_t most, size_t *got, const char *name,
    struct err *e)
{
    LZ4F_dctx *c = NULL;
    uint8_t *to = mem_new(most, 1);
    int bad = to == NULL || LZ4F_isError(LZ4F_createDecompressionContext(&c, LZ4F_VERSION));
    if (bad)
        err_set(e, ERR_FAILED, "%s: no memory to unpack it", name);
    else
        bad = unpack(c, to, most, got, p, n, name, e) != 0;
    LZ4F_freeDecompressionContext(c);
    if (!bad)
        return to;
    mem_free(to);
    return NULL;
}
