#include "nn/dataset.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "net/base_mem.h"
#include "nn/chance.h"

enum { FIRST_ROOM = 1024 };
#define FILE_LIMIT ((size_t)2 << 30)

const char *const dataset_split_name[SPLITS] = {
    [SPLIT_TRAIN] = "training", [SPLIT_HELD] = "held out", [SPLIT_PUBLIC] = "public test",
    [SPLIT_PRIVATE] = "private test",
};
const char *const dataset_split_key[SPLITS] = {
    "training", "validation", "public_test", "private_test"
};

int dataset_init(struct dataset *d, const struct network *net, struct err *e)
{
    *d = (struct dataset){ .h = net->h, .w = net->w, .nclass = net->nclass };
    memcpy(d->class_name, net->class_name, sizeof d->class_name);
    if (net->c != 1)
        return err_set(e, ERR_INPUT, "the network takes pictures of %u channels; training pictures "
                       "are grey (1 channel)", net->c);
    return 0;
}

void dataset_fini(struct dataset *d)
{
    free(d->pixel);
    free(d->item);
    *d = (struct dataset){ 0 };
}

static size_t picture_bytes(const struct dataset *d)
{
    return (size_t)d->h * d->w;
}

static int dataset_grow(struct dataset *d, struct err *e)
{
    size_t room = d->room == 0 ? FIRST_ROOM : 2 * d->room;
    uint8_t *pixel = realloc(d->pixel, room * picture_bytes(d));
    if (pixel != NULL)
        d->pixel = pixel;
    struct dataset_item *item = realloc(d->item, room * sizeof *item);
    if (item != NULL)
        d->item = item;
    if (pixel == NULL || item == NULL)
        return err_set(e, ERR_FAILED, "no memory for %zu pictures", room);
    d->room = room;
    return 0;
}

int dataset_add(struct dataset *d, const uint8_t *grey, struct dataset_item item, struct err *e)
{
    if (item.label >= d->nclass)
        return err_set(e, ERR_INPUT, "class %u; the network knows 0 to %u", item.label,
                       d->nclass - 1);
    if (d->n == d->room && dataset_grow(d, e) != 0)
        return ERR_FAILED;
    memcpy(d->pixel + d->n * picture_bytes(d), grey, picture_bytes(d));
    d->item[d->n++] = item;
    return 0;
}

const uint8_t *dataset_pixels(const struct dataset *d, size_t k)
{
    return d->pixel + k * picture_bytes(d);
}

size_t dataset_count(const struct dataset *d, unsigned split)
{
    size_t n = 0;
    for (size_t k = 0; k < d->n; k++)
        n += d->item[k].split == split;
    return n;
}

static uint64_t content_of(const uint8_t *p, size_t n, uint64_t h)
{
    for (size_t k = 0; k < n; k++)
        h = (h ^ p[k]) * 0x100000001b3u;
    return chance_mix(h);
}

void dataset_hold_out(struct dataset *d, double share, uint64_t seed)
{
    enum { KIND = 0x68656c64 };
    for (size_t k = 0; k < d->n; k++) {
        struct dataset_item *t = &d->item[k];
        uint64_t who = t->actor != DATASET_NOBODY
                           ? t->actor : content_of(dataset_pixels(d, k), picture_bytes(d), 1);
        struct chance c = chance_of(seed, KIND, who, t->actor != DATASET_NOBODY);
        if (t->split == SPLIT_TRAIN && chance_unit(&c) < share)
            t->split = SPLIT_HELD;
    }
}

uint64_t dataset_fingerprint(const struct dataset *d)
{
    uint64_t h = content_of(d->pixel, d->n * picture_bytes(d), d->n);
    for (size_t k = 0; k < d->n; k++)
        h = chance_mix(h ^ ((uint64_t)d->item[k].actor << 16 | d->item[k].label << 8 |
                            d->item[k].split)) + k;
    return h;
}

int dataset_class(const struct dataset *d, const char *name)
{
    static const struct { const char *other, *own; } names[] = {
        { "anger", "angry" }, { "disgusted", "disgust" }, { "fearful", "fear" },
        { "happiness", "happy" }, { "sadness", "sad" }, { "surprised", "surprise" },
    };
    for (size_t k = 0; k < sizeof names / sizeof *names; k++)
        if (strcasecmp(name, names[k].other) == 0)
            name = names[k].own;
    for (unsigned k = 0; k < d->nclass; k++) {
        char number[16];
        snprintf(number, sizeof number, "%u", k);
        if (strncasecmp(name, d->class_name[k], FIXED_NAME) == 0 || strcmp(name, number) == 0)
            return (int)k;
    }
    return -1;
}

/* One byte more than the limit is asked for, so that a longer file is noticed. */
static uint8_t *read_stream(FILE *f, const char *path, size_t size, size_t *n, struct err *e)
{
    uint8_t *p = malloc(size + 1);
    if (p == NULL) {
        err_set(e, ERR_FAILED, "%s: no memory for its %zu bytes", path, size);
        return NULL;
    }
    *n = fread(p, 1, size, f);
    if (*n == size)
        return p;
    err_set(e, ERR_INPUT, "%s: read %zu bytes of %zu: %s", path, *n, size,
            ferror(f) ? strerror(errno) : "it became shorter");
    free(p);
    return NULL;
}

static uint8_t *read_file(const char *path, size_t size, size_t *n, struct err *e)
{
    if (size > FILE_LIMIT) {
        err_set(e, ERR_INPUT, "%s: %zu bytes; up to 2 GiB are read", path, size);
        return NULL;
    }
    FILE *f = fopen(path, "rb");
    if (f == NULL) {
        err_set(e, ERR_INPUT, "%s: cannot be opened: %s", path, strerror(errno));
        return NULL;
    }
    uint8_t *p = read_stream(f, path, size, n, e);
    fclose(f);
    return p;
}

int dataset_read(struct dataset *d, const char *path, struct err *e)
{
    struct stat st;
    if (stat(path, &st) != 0)
        return err_set(e, ERR_INPUT, "%s: %s", path, strerror(errno));
    if (S_ISDIR(st.st_mode))
        return dataset_folder_read(d, path, e);
    if (!S_ISREG(st.st_mode))
        return err_set(e, ERR_INPUT, "%s: neither a file nor a folder", path);
    size_t n = 0;
    uint8_t *p = read_file(path, (size_t)st.st_size, &n, e);
    if (p == NULL)
        return e != NULL ? e->code : ERR_FAILED;
    int code = dataset_csv_likely(p, n) ? dataset_csv_parse(d, p, n, path, e)
                                        : dataset_bin_parse(d, p, n, path, e);
    free(p);
    return code;
}
