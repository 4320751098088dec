#include "nn/clip_file.h"

#include <math.h>
#include <openssl/evp.h>
#include <string.h>

#include "net/base_bytes.h"
#include "net/base_mem.h"

enum { MAGIC_BYTES = 8, DIGEST_BYTES = 32, HEAD_BYTES = MAGIC_BYTES + 8 + 4 * 4 };

static const char magic[MAGIC_BYTES + 1] = "OBCLIP1\n";

static int digest(uint8_t out[DIGEST_BYTES], const uint8_t *p, size_t n)
{
    unsigned length = 0;
    return EVP_Digest(p, n, out, &length, EVP_sha256(), NULL) == 1 && length == DIGEST_BYTES;
}

int clip_file_likely(const uint8_t *p, size_t n)
{
    return n >= MAGIC_BYTES && memcmp(p, magic, MAGIC_BYTES) == 0;
}

/* Everything but the pixels. */
static int head_check(const uint32_t edge[4], const uint8_t *p, size_t n, const char *name,
    struct err *e)
{
    uint8_t sum[DIGEST_BYTES];
    if (n < HEAD_BYTES + DIGEST_BYTES || get_u64(p + MAGIC_BYTES) != n)
        return err_set(e, ERR_INPUT, "%s: %zu bytes; the clip in it speaks of another length: is "
            "the file complete?", name, n);
    double values = (double)edge[0] * edge[1] * edge[2] * edge[3];
    if (values != (double)(n - HEAD_BYTES - DIGEST_BYTES))
        return err_set(e, ERR_INPUT, "%s: byte %d: %u frames of %ux%ux%u do not fit its length",
            name, MAGIC_BYTES + 8, edge[0], edge[1], edge[2], edge[3]);
    if (!digest(sum, p, n - DIGEST_BYTES))
        return err_set(e, ERR_FAILED, "%s: SHA-256 is not available", name);
    if (memcmp(sum, p + n - DIGEST_BYTES, DIGEST_BYTES) != 0)
        return err_set(e, ERR_INPUT, "%s: its SHA-256 does not fit: the file is damaged", name);
    return 0;
}

int clip_file_parse(struct video *v, const uint8_t *p, size_t n, const char *name, struct err *e)
{
    uint32_t edge[4] = { 0 };
    *v = (struct video){ 0 };
    if (!clip_file_likely(p, n))
        return err_set(e, ERR_INPUT, "%s: expected a clip that begins with OBCLIP1", name);
    for (unsigned k = 0; k < 4 && n >= HEAD_BYTES; k++)
        edge[k] = get_u32(p + MAGIC_BYTES + 8 + 4 * k);
    if (head_check(edge, p, n, name, e) != 0)
        return e->code;
    if (video_init(v, edge[0], edge[1], edge[2], edge[3], e) != 0)
        return err_prefix(e, "%s", name);
    for (size_t k = 0, count = n - HEAD_BYTES - DIGEST_BYTES; k < count; k++)
        v->value[k] = p[HEAD_BYTES + k] / 255.0;
    return 0;
}

uint8_t *clip_file_bytes(const struct video *v, size_t *n)
{
    const uint32_t edge[4] = { v->frames, v->h, v->w, v->c };
    size_t count = v->frames * video_frame_size(v);
    *n = HEAD_BYTES + count + DIGEST_BYTES;
    uint8_t *p = mem_new(*n, 1);
    if (p == NULL)
        return NULL;
    memcpy(p, magic, MAGIC_BYTES);
    put_u64(p + MAGIC_BYTES, *n);
    for (unsigned k = 0; k < 4; k++)
        put_u32(p + MAGIC_BYTES + 8 + 4 * k, edge[k]);
    for (size_t k = 0; k < count; k++)
        p[HEAD_BYTES + k] = (uint8_t)lrint(v->value[k] * 255);
    if (digest(p + HEAD_BYTES + count, p, HEAD_BYTES + count))
        return p;
    mem_free(p);
    return NULL;
}
