/*
 * dataset_folder.c: pictures in folders named after their classes.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "nn/dataset.h"
#include "nn/folder.h"
#include "nn/picture_file.h"

#define PICTURE_LIMIT ((off_t)64 << 20)

struct walk {
    struct dataset *d;
    struct picture_reader *reader;
    uint8_t *grey, *bytes;      /* one picture; one file */
    size_t room;
};

static int file_read(struct walk *w, FILE *f, const char *path, size_t *n, struct err *e)
{
    struct stat st;
    if (fstat(fileno(f), &st) != 0 || !S_ISREG(st.st_mode))
        return err_set(e, ERR_INPUT, "%s: not a file", path);
    if (st.st_size > PICTURE_LIMIT)
        return err_set(e, ERR_INPUT, "%s: %lld bytes; pictures of up to 64 MiB are read", path,
                       (long long)st.st_size);
    if ((size_t)st.st_size > w->room) {
        free(w->bytes);
        w->room = (size_t)st.st_size;
        w->bytes = malloc(w->room);
        if (w->bytes == NULL) {
            w->room = 0;
            return err_set(e, ERR_FAILED, "%s: no memory to read it", path);
        }
    }
    *n = fread(w->bytes, 1, (size_t)st.st_size, f);
    return ferror(f) ? err_set(e, ERR_INPUT, "%s: %s", path, strerror(errno)) : 0;
}

static int picture_add(struct walk *w, const char *path, struct dataset_item item, struct err *e)
{
    size_t n = 0;
    FILE *f = fopen(path, "rb");
    if (f == NULL)
        return err_set(e, ERR_INPUT, "%s: %s", path, strerror(errno));
    int code = file_read(w, f, path, &n, e);
    fclose(f);
    if (code == 0)
        code = picture_read(w->reader, w->grey, w->bytes, n, path, e);
    return code == 0 ? dataset_add(w->d, w->grey, item, e) : code;
}

typedef int visit_fn(struct walk *w, const char *path, const char *name, struct dataset_item item,
                     struct err *e);

/* What is done with each entry of a folder. */
struct visit {
    struct walk *walk;
    struct dataset_item item;
    visit_fn *visit;
};

static int visit_entry(void *ctx, const char *path, const char *name, struct err *e)
{
    struct visit *v = ctx;
    return v->visit(v->walk, path, name, v->item, e);
}

static int folder_walk(struct walk *w, const char *path, struct dataset_item item,
                       visit_fn *visit, struct err *e)
{
    struct visit v = { w, item, visit };
    return folder_each(path, visit_entry, &v, e);
}

static int visit_picture(struct walk *w, const char *path, const char *name,
                         struct dataset_item item, struct err *e)
{
    const char *dot = strrchr(name, '.');
    if (dot == NULL || (strcasecmp(dot, ".png") != 0 && strcasecmp(dot, ".jpg") != 0 &&
                        strcasecmp(dot, ".jpeg") != 0))
        return err_set(e, ERR_INPUT, "%s: expected a picture whose name ends in .png, .jpg or "
                       ".jpeg", path);
    return picture_add(w, path, item, e);
}

static int visit_class(struct walk *w, const char *path, const char *name,
                       struct dataset_item item, struct err *e)
{
    int label = dataset_class(w->d, name);
    if (label < 0)
        return err_set(e, ERR_INPUT, "%s: '%.60s' is no class of the network (its classes: %s, %s, "
                       "..) and no split (train, validation, test)", path, name,
                       w->d->class_name[0], w->d->class_name[1]);
    item.label = (uint8_t)label;
    return folder_walk(w, path, item, visit_picture, e);
}

/* -1 for none. */
static int split_of(const char *name)
{
    static const struct { const char *name; int split; } names[] = {
        { "train", SPLIT_TRAIN }, { "training", SPLIT_TRAIN }, { "validation", SPLIT_HELD },
        { "val", SPLIT_HELD }, { "valid", SPLIT_HELD }, { "test", SPLIT_PUBLIC },
        { "publictest", SPLIT_PUBLIC }, { "privatetest", SPLIT_PRIVATE },
    };
    for (size_t k = 0; k < sizeof names / sizeof *names; k++)
        if (strcasecmp(name, names[k].name) == 0)
            return names[k].split;
    return -1;
}

static int visit_top(struct walk *w, const char *path, const char *name, struct dataset_item item,
                     struct err *e)
{
    int split = split_of(name);
    if (split < 0)
        return visit_class(w, path, name, item, e);
    item.split = (uint8_t)split;
    return folder_walk(w, path, item, visit_class, e);
}

int dataset_folder_read(struct dataset *d, const char *path, struct err *e)
{
    struct walk w = { .d = d, .grey = malloc((size_t)d->h * d->w) };
    size_t before = d->n;
    int code = w.grey == NULL ? err_set(e, ERR_FAILED, "%s: no memory", path) : 0;
    if (code == 0) {
        w.reader = picture_reader_new(d->h, d->w, e);
        code = w.reader == NULL ? ERR_FAILED
                                : folder_walk(&w, path, (struct dataset_item){ 0 }, visit_top, e);
    }
    if (code == 0 && d->n == before)
        code = err_set(e, ERR_INPUT, "%s: no pictures in it; expected folders named after the "
                       "classes (%s, ..) with .png or .jpg files", path, d->class_name[0]);
    picture_reader_free(w.reader);
    free(w.bytes);
    free(w.grey);
    return code;
}
