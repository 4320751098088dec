/* Weights of the face detector. The first byte chooses: a bare pickle, or a file of one of the
 * networks. Arrays of an accepted pickle lie inside of it; accepted weights are finite, and read
 * back from what is written of them. */
#include <math.h>

#include "fuzz.h"
#include "net/base_mem.h"
#include "nn/joblib.h"
#include "nn/mtcnn_weights.h"

static void bare(const uint8_t *p, size_t n)
{
    struct joblib j;
    struct err e = { 0 };
    if (joblib_parse(&j, p, n, "x", &e) != 0) {
        FUZZ_NEED(e.code == ERR_INPUT && e.text[0] != '\0');
        return;
    }
    FUZZ_NEED(j.n > 0 && j.n <= JOBLIB_ARRAYS);
    for (unsigned k = 0; k < j.n; k++) {
        size_t count = 1;
        FUZZ_NEED(j.array[k].dims >= 1 && j.array[k].dims <= JOBLIB_DIMS);
        for (unsigned i = 0; i < j.array[k].dims; i++)
            count *= j.array[k].dim[i];
        FUZZ_NEED(count == j.array[k].count);
        FUZZ_NEED(j.array[k].at <= n && count * sizeof(float) <= n - j.array[k].at);
    }
}

static void file(unsigned net, const uint8_t *p, size_t n)
{
    struct mtcnn_weights w, back;
    struct err e = { 0 };
    size_t size;
    if (mtcnn_weights_parse(&w, net, p, n, "x", &e) != 0) {
        FUZZ_NEED((e.code == ERR_INPUT || e.code == ERR_FAILED) && w.data == NULL);
        return;
    }
    for (size_t k = 0; k < w.count; k++)
        FUZZ_NEED(isfinite(w.data[k]));
    uint8_t *plain = mtcnn_weights_bytes(&w, net, &size);
    FUZZ_NEED(plain != NULL && mtcnn_weights_parse(&back, net, plain, size, "back", &e) == 0);
    FUZZ_NEED(memcmp(back.data, w.data, w.count * sizeof *w.data) == 0);
    mtcnn_weights_fini(&back);
    mtcnn_weights_fini(&w);
    mem_free(plain);
}

FUZZ_TARGET(joblib)
{
    struct choices c = { p, n };
    uint8_t which = choose_u8(&c);
    if (which < MTCNN_NETS)
        file(which, c.p, c.n);
    else
        bare(c.p, c.n);
    return 0;
}
