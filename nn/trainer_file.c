/*
 * trainer_file.c: checkpoints. The layout stands in trainer.h.
 */
#include <errno.h>
#include <openssl/evp.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "net/base_bytes.h"
#include "net/base_mem.h"
#include "nn/trainer_st.h"
#include "nn/whole_file.h"

enum { VERSION = 1, MAGIC_BYTES = 8, DIGEST_BYTES = 32, HEAD = MAGIC_BYTES + 4 + 8, ROW = 7,
       FACTS = 3 * 4 + 8 + 8 };

static const char magic[MAGIC_BYTES + 1] = "OBTRAIN\n";

/* Tells a network from another: kinds and shapes. */
static uint64_t network_mark(const struct network *net)
{
    uint64_t h = net->nlayer;
    for (unsigned i = 0; i < net->nlayer; i++) {
        const struct layer *l = &net->layer[i];
        const uint32_t v[] = { l->kind, l->g.h, l->g.w, l->g.c, l->g.kh, l->g.kw, l->g.sh, l->g.sw,
                               l->g.top, l->g.left, l->g.oh, l->g.ow, l->g.oc, l->bias };
        for (size_t k = 0; k < sizeof v / sizeof *v; k++)
            h = chance_mix(h * 0x9e3779b97f4a7c15u + v[k]);
    }
    return h;
}

void trainer_recipe(const struct trainer *t, char text[static TRAINER_RECIPE])
{
    const struct trainer_conf *c = &t->conf;
    const struct optimise *o = &c->optimise;
    const struct augment *a = &c->augment;
    int n = snprintf(text, TRAINER_RECIPE,
        "optimiser=%s schedule=%s rate=%.17g momentum=%.17g second=%.17g epsilon=%.17g "
        "decay=%.17g cap=%.17g warmup=%.17g step-epochs=%.17g step-factor=%.17g batch=%u "
        "threads=%u smoothing=%.17g actor=%.17g faces=%u+%u seed=%llu flip=%d shift=%.17g "
        "rotate=%.17g zoom=%.17g brightness=%.17g data=%016llx network=%016llx",
        optimise_rule_name[o->rule], optimise_schedule_name[o->schedule], o->rate, o->momentum,
        o->second, o->epsilon, o->decay, o->cap, o->warmup, o->step_epochs, o->step_factor,
        c->batch, c->threads, c->smoothing, c->acted, c->faces, c->held_faces,
        (unsigned long long)c->seed, a->flip, a->shift, a->rotate, a->zoom, a->brightness,
        (unsigned long long)(t->d != NULL ? dataset_fingerprint(t->d) : 0),
        (unsigned long long)network_mark(&t->m->net));
    for (unsigned i = 0; i < t->m->net.nlayer && n < TRAINER_RECIPE - 64; i++)
        if (t->m->net.layer[i].kind == LAYER_DROPOUT)
            n += snprintf(text + n, TRAINER_RECIPE - (size_t)n, " dropout%u=%.9g", i + 1,
                          (double)t->m->net.layer[i].rate);
    if (o->schedule == SCHEDULE_COSINE)
        snprintf(text + n, TRAINER_RECIPE - (size_t)n, " epochs=%u", c->epochs);
}

static uint8_t *write_doubles(uint8_t *p, const double *v, size_t n)
{
    memcpy(p, v, n * sizeof *v);
    return p + n * sizeof *v;
}

static uint8_t *write_floats(uint8_t *p, const float *v, size_t n)
{
    memcpy(p, v, n * sizeof *v);
    return p + n * sizeof *v;
}

static uint8_t *write_row(uint8_t *p, const struct trainer_row *r)
{
    const double v[ROW] = { r->rate, r->loss, r->accuracy, r->held_loss, r->held_accuracy,
                            r->acted_accuracy, r->seconds };
    return write_doubles(p, v, ROW);
}

static size_t file_bytes(const struct trainer *t, size_t ntext, size_t nrow)
{
    size_t blocks = 2 + optimise_blocks(&t->conf.optimise);
    return HEAD + 4 + ntext + FACTS + nrow * ROW * sizeof(double) +
           blocks * t->m->net.nparameter * sizeof(float) + DIGEST_BYTES;
}

static uint8_t *write_content(const struct trainer *t, uint8_t *p, const char *text)
{
    size_t ntext = strlen(text), parameters = t->m->net.nparameter;
    put_u32(p, (uint32_t)ntext);
    memcpy(p + 4, text, ntext);
    p += 4 + ntext;
    put_u32(p, (uint32_t)parameters);
    put_u32(p + 4, t->nrow);
    put_u32(p + 8, t->best_epoch);
    p = write_doubles(p + 12, &t->best_loss, 1);
    put_u64(p, t->steps);
    p += 8;
    for (unsigned k = 0; k < t->nrow; k++)
        p = write_row(p, &t->row[k]);
    p = write_floats(p, t->m->data, parameters);
    p = write_floats(p, t->best.data, parameters);
    return write_floats(p, t->state, optimise_blocks(&t->conf.optimise) * parameters);
}

static int digest(uint8_t out[static DIGEST_BYTES], const uint8_t *p, size_t n)
{
    unsigned length = 0;
    return EVP_Digest(p, n, out, &length, EVP_sha256(), NULL) == 1 && length == DIGEST_BYTES;
}

static int write_all(int fd, const uint8_t *p, size_t n)
{
    while (n > 0) {
        ssize_t done = write(fd, p, n);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return -1;
        p += done;
        n -= (size_t)done;
    }
    return 0;
}

static int bytes_write(const char *path, const uint8_t *p, size_t n, struct err *e)
{
    struct whole_file *f = whole_file_new(path, e);
    int code = f == NULL ? ERR_FAILED : 0;
    if (code == 0 && write_all(whole_file_fd(f), p, n) != 0)
        code = err_set(e, ERR_FAILED, "%s: cannot write: %s", path, strerror(errno));
    if (code == 0)
        code = whole_file_finish(f, e);
    whole_file_free(f);
    return code;
}

int trainer_save(const struct trainer *t, const char *path, struct err *e)
{
    char text[TRAINER_RECIPE];
    trainer_recipe(t, text);
    size_t n = file_bytes(t, strlen(text), t->nrow);
    uint8_t *block = mem_new(n, 1);
    if (block == NULL)
        return err_set(e, ERR_FAILED, "%s: no memory to write it", path);
    memcpy(block, magic, MAGIC_BYTES);
    put_u32(block + MAGIC_BYTES, VERSION);
    put_u64(block + MAGIC_BYTES + 4, n);
    uint8_t *end = write_content(t, block + HEAD, text);
    int code = digest(end, block, n - DIGEST_BYTES)
                   ? bytes_write(path, block, n, e)
                   : err_set(e, ERR_FAILED, "%s: SHA-256 is not available", path);
    wipe(block, n);
    mem_free(block);
    return code;
}

/* The first word in which two recipes differ. */
static int recipe_refuse(const char *path, const char *was, const char *is, struct err *e)
{
    for (;;) {
        size_t n = strcspn(was, " "), m = strcspn(is, " ");
        if (n != m || memcmp(was, is, n) != 0 || n == 0)
            return err_set(e, ERR_INPUT, "%s: made with %.*s, and this run has %.*s: give the same "
                           "data and options, or start anew without --resume", path,
                           n > 60 ? 60 : (int)n, n > 0 ? was : "fewer options",
                           m > 60 ? 60 : (int)m, m > 0 ? is : "fewer options");
        was += n + (was[n] == ' ');
        is += m + (is[m] == ' ');
    }
}

static int read_recipe(const struct trainer *t, struct reader *r, const char *path, struct err *e)
{
    char mine[TRAINER_RECIPE], theirs[TRAINER_RECIPE] = "";
    uint32_t n = read_u32(r);
    const uint8_t *p = n < TRAINER_RECIPE ? read_bytes(r, n) : NULL;
    if (p == NULL)
        return err_set(e, ERR_INPUT, "%s: its options are damaged", path);
    for (uint32_t k = 0; k < n; k++)
        theirs[k] = p[k] >= 0x20 && p[k] < 0x7f ? (char)p[k] : '?';
    trainer_recipe(t, mine);
    return strcmp(mine, theirs) == 0 ? 0 : recipe_refuse(path, theirs, mine, e);
}

static double read_double(struct reader *r)
{
    uint64_t v = read_u64(r);
    double x;
    memcpy(&x, &v, sizeof x);
    return x;
}

static void read_row(struct trainer_row *row, struct reader *r)
{
    double *const v[ROW] = { &row->rate, &row->loss, &row->accuracy, &row->held_loss,
                             &row->held_accuracy, &row->acted_accuracy, &row->seconds };
    for (unsigned k = 0; k < ROW; k++)
        *v[k] = read_double(r);
}

static void read_floats(float *out, size_t n, struct reader *r)
{
    const uint8_t *p = read_bytes(r, n * sizeof *out);
    if (p != NULL)
        memcpy(out, p, n * sizeof *out);
}

static int read_content(struct trainer *t, struct reader *r, const char *path, struct err *e)
{
    size_t parameters = t->m->net.nparameter;
    uint32_t count = read_u32(r), rows = read_u32(r), best = read_u32(r);
    if (r->bad || count != parameters)
        return err_set(e, ERR_INPUT, "%s: of a network with %u parameters, and this one has %zu",
                       path, count, parameters);
    if (rows > t->conf.epochs || best > rows)
        return err_set(e, ERR_INPUT, "%s: %u epochs are through, and --epochs asks for %u", path,
                       rows, t->conf.epochs);
    t->nrow = rows;
    t->best_epoch = best;
    t->best_loss = read_double(r);
    t->steps = read_u64(r);
    for (uint32_t k = 0; k < rows; k++)
        read_row(&t->row[k], r);
    read_floats(t->m->data, parameters, r);
    read_floats(t->best.data, parameters, r);
    read_floats(t->state, optimise_blocks(&t->conf.optimise) * parameters, r);
    return r->bad || r->n != 0 ? err_set(e, ERR_INPUT, "%s: damaged", path) : 0;
}

int trainer_parse(struct trainer *t, const uint8_t *p, size_t n, const char *path, struct err *e)
{
    uint8_t sum[DIGEST_BYTES];
    struct reader r = { .p = p, .n = n };
    const uint8_t *m = read_bytes(&r, MAGIC_BYTES);
    uint32_t version = read_u32(&r);
    uint64_t length = read_u64(&r);
    if (m == NULL || memcmp(m, magic, MAGIC_BYTES) != 0 || r.bad)
        return err_set(e, ERR_INPUT, "%s: not a checkpoint of this program", path);
    if (version != VERSION)
        return err_set(e, ERR_INPUT, "%s: version %u of the checkpoint, expected %d", path, version,
                       VERSION);
    if (length != n || n < HEAD + DIGEST_BYTES || !digest(sum, p, n - DIGEST_BYTES) ||
        memcmp(sum, p + n - DIGEST_BYTES, DIGEST_BYTES) != 0)
        return err_set(e, ERR_INPUT, "%s: damaged or cut short: %zu bytes without the digest that "
                       "belongs to them", path, n);
    r.n -= DIGEST_BYTES;
    int code = read_recipe(t, &r, path, e);
    if (code == 0)
        code = read_content(t, &r, path, e);
    if (code == 0)
        code = model_check(t->m, path, e);
    return code == 0 && t->best_epoch > 0 ? model_check(&t->best, path, e) : code;
}

int trainer_load(struct trainer *t, const char *path, struct err *e)
{
    /* No valid checkpoint of this trainer is longer. */
    size_t room = file_bytes(t, TRAINER_RECIPE, t->conf.epochs);
    FILE *f = fopen(path, "rb");
    if (f == NULL)
        return err_set(e, ERR_INPUT, "%s: cannot be opened: %s", path, strerror(errno));
    uint8_t *block = mem_new(room, 1);
    int code = block == NULL ? err_set(e, ERR_FAILED, "%s: no memory to read it", path) : 0;
    if (code == 0) {
        size_t n = fread(block, 1, room, f);
        code = trainer_parse(t, block, n, path, e);
        wipe(block, room);
    }
    mem_free(block);
    fclose(f);
    return code;
}
