/* Clips in the compact form. When the first byte is not 0, the digest is put right first, so that
 * what stands before it is looked at. What is accepted lies in [0, 1] and is written as it was. */
#include <openssl/evp.h>

#include "fuzz.h"
#include "net/base_mem.h"
#include "nn/clip_file.h"

enum { DIGEST = 32 };

FUZZ_TARGET(clip)
{
    struct choices c = { p, n };
    struct err e = { 0 };
    struct video v;
    uint8_t mend = choose_u8(&c);
    uint8_t *copy = malloc(c.n + 1);
    memcpy(copy, c.p, c.n);
    if (mend != 0 && c.n > DIGEST)
        EVP_Digest(copy, c.n - DIGEST, copy + c.n - DIGEST, NULL, EVP_sha256(), NULL);
    if (clip_file_parse(&v, copy, c.n, "x", &e) != 0) {
        FUZZ_NEED(e.code == ERR_INPUT && e.text[0] != '\0' && v.value == NULL);
    } else {
        size_t size, count = v.frames * video_frame_size(&v);
        for (size_t k = 0; k < count; k++)
            FUZZ_NEED(v.value[k] >= 0 && v.value[k] <= 1);
        uint8_t *back = clip_file_bytes(&v, &size);
        FUZZ_NEED(back != NULL && size == c.n && memcmp(back, copy, size) == 0);
        mem_free(back);
        video_fini(&v);
    }
    free(copy);
    return 0;
}
