/* Checkpoints of a training: what is accepted is a training that can go on. The first byte: 0: the
 * content behind the options; 1: the options too; else: the whole file. The rest is put around it,
 * so that digests do not stop everything. */
#include <math.h>
#include <openssl/evp.h>

#include "fuzz.h"
#include "net/base_bytes.h"
#include "net/base_mem.h"
#include "nn/trainer_st.h"

enum { HEAD = 20, DIGEST = 32, EPOCHS = 3 };

static void trainer_make(struct trainer *t, struct model *m)
{
    static struct network net;
    network_init(&net, 1, 1, 2);
    network_add(&net, (struct layer){ .kind = LAYER_BATCHNORM, .epsilon = 1e-3f }, NULL);
    network_add(&net, (struct layer){ .kind = LAYER_DENSE, .units = 2, .bias = 1 }, NULL);
    FUZZ_NEED(network_finish(&net, NULL) == 0 && model_init(m, &net, NULL) == 0);
    *t = (struct trainer){ .m = m, .conf = { .epochs = EPOCHS, .batch = 4, .threads = 1 } };
    t->state = mem_new(optimise_blocks(&t->conf.optimise) * net.nparameter, sizeof *t->state);
    t->row = mem_new(EPOCHS, sizeof *t->row);
    FUZZ_NEED(model_init(&t->best, &net, NULL) == 0 && t->state != NULL && t->row != NULL);
}

/* Head, options and digest around the content. */
static uint8_t *file_make(const struct trainer *t, const uint8_t *p, size_t n, int options,
                          size_t *length)
{
    char text[TRAINER_RECIPE];
    unsigned sum;
    trainer_recipe(t, text);
    size_t ntext = options ? strlen(text) : 0, at = HEAD + (options ? 4 + ntext : 0);
    uint8_t *file = malloc(at + n + DIGEST);
    FUZZ_NEED(file != NULL);
    *length = at + n + DIGEST;
    memcpy(file, "OBTRAIN\n", 8);
    put_u32(file + 8, 1);
    put_u64(file + 12, *length);
    if (options) {
        put_u32(file + HEAD, (uint32_t)ntext);
        memcpy(file + HEAD + 4, text, ntext);
    }
    if (n > 0)
        memcpy(file + at, p, n);
    FUZZ_NEED(EVP_Digest(file, at + n, file + at + n, &sum, EVP_sha256(), NULL) == 1);
    return file;
}

static void all_finite(const struct model *m)
{
    for (size_t i = 0; i < m->net.nparameter; i++)
        FUZZ_NEED(isfinite(m->data[i]));
}

FUZZ_TARGET(checkpoint)
{
    static struct model m;
    static struct trainer t;
    struct err e = { 0 };
    uint8_t how = n > 0 ? *p : 2, *file = NULL;
    size_t length;
    trainer_make(&t, &m);
    if (how < 2)
        file = file_make(&t, p + 1, n - 1, how == 0, &length);
    int code = how < 2 ? trainer_parse(&t, file, length, "x", &e)
                       : trainer_parse(&t, n > 0 ? p + 1 : p, n > 0 ? n - 1 : 0, "x", &e);
    FUZZ_NEED(code == 0 || (code == ERR_INPUT && e.text[0] != '\0'));
    if (code == 0) {
        FUZZ_NEED(t.nrow <= EPOCHS && t.best_epoch <= t.nrow);
        all_finite(&m);
        if (t.best_epoch > 0)
            all_finite(&t.best);
    }
    free(file);
    mem_free(t.state);
    mem_free(t.row);
    model_fini(&t.best);
    model_fini(&m);
    return 0;
}
