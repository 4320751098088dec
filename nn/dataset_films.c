/*
 * dataset_films.c: films named as those of RAVDESS are (Livingstone and Russo 2018), through
 * whoever finds faces in films.
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "nn/dataset.h"
#include "nn/folder.h"

enum { PARTS = 7, MODALITY = 0, EMOTION = 2, ACTOR = 6 };
enum { SOUND_ALONE = 3, CALM = 2 };

/* The seven numbers of two digits before the ending. */
static int parts_of(const char *name, unsigned part[static PARTS])
{
    for (unsigned k = 0; k < PARTS; k++, name += 3) {
        if (name[0] < '0' || name[0] > '9' || name[1] < '0' || name[1] > '9' ||
            name[2] != (k + 1 < PARTS ? '-' : '.'))
            return 0;
        part[k] = 10 * (unsigned)(name[0] - '0') + (unsigned)(name[1] - '0');
    }
    return 1;
}

int dataset_ravdess(const struct dataset *d, const char *name, struct dataset_item *item)
{
    static const char *const emotions[] = { NULL, "neutral", NULL, "happy", "sad", "angry",
                                            "fearful", "disgust", "surprised" };
    unsigned part[PARTS];
    if (!parts_of(name, part) || part[MODALITY] < 1 || part[MODALITY] > SOUND_ALONE ||
        part[EMOTION] < 1 || part[EMOTION] > 8 || part[ACTOR] == DATASET_NOBODY)
        return -1;
    if (part[EMOTION] == CALM || part[MODALITY] == SOUND_ALONE)
        return 0;
    int label = dataset_class(d, emotions[part[EMOTION]]);
    if (label < 0)
        return -1;
    *item = (struct dataset_item){ .label = (uint8_t)label, .actor = part[ACTOR] };
    return 1;
}

struct walk {
    const struct dataset *d;
    dataset_film_fn *visit;
    void *ctx;
    unsigned depth;                 /* of the folder that is being read */
};

static int entry_read(void *ctx, const char *path, const char *name, struct err *e);

/* A folder of films, or of folders of films. */
static int folder_read(struct walk *w, const char *path, unsigned depth, struct err *e)
{
    unsigned outer = w->depth;
    w->depth = depth;
    int code = folder_each(path, entry_read, w, e);
    w->depth = outer;
    return code;
}

static int entry_read(void *ctx, const char *path, const char *name, struct err *e)
{
    struct walk *w = ctx;
    struct dataset_item item;
    struct stat st;
    if (stat(path, &st) != 0)
        return err_set(e, ERR_INPUT, "%s: %s", path, strerror(errno));
    if (S_ISDIR(st.st_mode))
        return w->depth == 0 ? folder_read(w, path, 1, e)
                             : err_set(e, ERR_INPUT, "%s: a folder too deep; expected films", path);
    int known = dataset_ravdess(w->d, name, &item);
    if (known < 0)
        return err_set(e, ERR_INPUT, "%s: expected a film named like 02-01-03-01-01-01-07.mp4 "
                       "(emotion third, actor last), of an emotion that the network has", path);
    return known == 0 ? 0 : w->visit(w->ctx, path, item, e);
}

int dataset_films_each(const struct dataset *d, const char *path, dataset_film_fn *visit, void *ctx,
                       struct err *e)
{
    struct walk w = { .d = d, .visit = visit, .ctx = ctx };
    return folder_read(&w, path, 0, e);
}

/* By the name of the first entry; a folder in a folder is looked into. Ends the visit: 1 for films, -1
 * for others. */
static int first_likely(void *ctx, const char *path, const char *name, struct err *e)
{
    unsigned part[PARTS], *depth = ctx;
    if (parts_of(name, part))
        return 1;
    return (*depth)++ == 0 && folder_each(path, first_likely, depth, e) == 1 ? 1 : -1;
}

int dataset_films_likely(const char *path)
{
    unsigned depth = 0;
    return folder_each(path, first_likely, &depth, NULL) == 1;
}

/* Faces on their way into a set. */
struct intake {
    struct dataset *d;
    const struct film_reader *reader;
    struct dataset_item item;       /* of the film that is being read */
};

static int face_take(void *context, const uint8_t *grey, struct err *e)
{
    struct intake *in = context;
    return dataset_add(in->d, grey, in->item, e);
}

static int film_take(void *ctx, const char *path, struct dataset_item item, struct err *e)
{
    struct intake *in = ctx;
    in->item = item;
    return in->reader->read(in->reader->self, path, in->d->h, in->d->w, face_take, in, e);
}

int dataset_films_read(struct dataset *d, const char *path, const struct film_reader *reader,
                       struct err *e)
{
    struct intake in = { .d = d, .reader = reader };
    size_t before = d->n;
    int code = dataset_films_each(d, path, film_take, &in, e);
    if (code == 0 && d->n == before)
        code = err_set(e, ERR_INPUT, "%s: no face in any film there", path);
    return code;
}
