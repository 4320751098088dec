#include "src/infer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "net/base_mem.h"
#include "nn/clip_file.h"
#include "nn/lower.h"
#include "nn/picture_file.h"
#include "nn/scores.h"
#include "src/clip.h"
#include "src/output.h"
#include "src/owner.h"

enum { STEP = 512, PEEK = 64 };     /* frames between two looks at the progress line */

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* ---- samples ---- */

static struct infer_sample *sample_new(struct infer *i, const char *name, int truth, struct err *e)
{
    if (i->n == i->room) {
        size_t room = i->room == 0 ? 256 : 2 * i->room;
        struct infer_sample *more = realloc(i->sample, room * sizeof *more);
        if (more == NULL) {
            err_set(e, ERR_FAILED, "no memory for results");
            return NULL;
        }
        i->sample = more;
        i->room = room;
    }
    struct infer_sample *s = &i->sample[i->n];
    *s = (struct infer_sample){ .truth = truth, .frames = 1, .selected = 1 };
    if (name != NULL && (s->name = strdup(name)) == NULL) {
        err_set(e, ERR_FAILED, "no memory for results");
        return NULL;
    }
    i->n++;
    return s;
}

/* Means over the frames of approximate softmaxes, as the private run adds them. */
static void sample_score(const struct infer *i, double *score, const double *logits, size_t frames)
{
    size_t n = i->m.net.nclass;
    scores_sum(score, logits, frames, n, 1);
    for (size_t c = 0; c < n; c++)
        score[c] /= (double)frames;
}

static void sample_done(struct infer *i, struct infer_sample *s, int split, const double *logits,
                        const double *twin)
{
    sample_score(i, s->score, logits, s->selected);
    if (i->fixed != NULL)
        sample_score(i, s->twin, twin, s->selected);
    tally_add(&i->all, s->truth, s->score, i->fixed != NULL ? s->twin : NULL);
    if (split >= 0)
        tally_add(&i->split[split], s->truth, s->score, i->fixed != NULL ? s->twin : NULL);
}

/* ---- data sets ---- */

static void dataset_frame(void *ctx, size_t k, double *pixels)
{
    const struct dataset *d = ctx;
    const uint8_t *grey = dataset_pixels(d, k);
    for (size_t p = 0; p < (size_t)d->h * d->w; p++)
        pixels[p] = grey[p] / 255.0;
}

/* A part of a data set: frames from `first` on are called 0, 1, .. */
struct part {
    struct dataset *d;
    size_t first;
};

static void part_frame(void *ctx, size_t k, double *pixels)
{
    const struct part *p = ctx;
    dataset_frame(p->d, p->first + k, pixels);
}

static int part_run(struct infer *i, struct part *p, size_t n, double *logits, double *twin,
                    struct err *e)
{
    size_t classes = i->m.net.nclass;
    int code = judge_run(i->judge, n, part_frame, p, logits, twin, e);
    for (size_t k = 0; k < n && code == 0; k++) {
        const struct dataset_item *item = &p->d->item[p->first + k];
        struct infer_sample *s = sample_new(i, NULL, item->label, e);
        if (s == NULL)
            return e->code;
        sample_done(i, s, item->split, logits + k * classes, twin + k * classes);
    }
    return code;
}

static int take_dataset(struct infer *i, const char *path, struct err *e)
{
    struct dataset d;
    size_t classes = i->m.net.nclass;
    double *logits = mem_new(STEP * classes, sizeof *logits);
    double *twin = mem_new(STEP * classes, sizeof *twin);
    int code = logits == NULL || twin == NULL ? err_set(e, ERR_FAILED, "no memory") : 0;
    memset(&d, 0, sizeof d);
    if (code == 0)
        code = dataset_init(&d, &i->m.net, e);
    if (code == 0)
        code = dataset_read(&d, path, e);
    for (struct part p = { &d, 0 }; p.first < d.n && code == 0; p.first += STEP) {
        progress_show(&i->progress, "evaluating", (double)p.first / (double)d.n, path);
        code = part_run(i, &p, d.n - p.first < STEP ? d.n - p.first : STEP, logits, twin, e);
    }
    dataset_fini(&d);
    mem_free(logits);
    mem_free(twin);
    return code;
}

/* ---- clips ---- */

struct chosen {
    const struct video *v;
    const uint32_t *frame;
};

static void chosen_frame(void *ctx, size_t k, double *pixels)
{
    const struct chosen *c = ctx;
    memcpy(pixels, video_frame(c->v, c->frame[k]), video_frame_size(c->v) * sizeof *pixels);
}

static int clip_fits(const struct infer *i, const struct video *v, const char *path, struct err *e)
{
    const struct network *net = &i->m.net;
    return v->h == net->h && v->w == net->w && v->c == net->c
               ? 0 : err_set(e, ERR_INPUT, "%s: frames of %u x %u x %u; the network takes %u x %u x "
                             "%u", path, v->w, v->h, v->c, net->w, net->h, net->c);
}

static int judge_clip(struct infer *i, const struct video *v, const char *select, const char *path,
                      int truth, struct err *e)
{
    struct selection s = { 0 };
    size_t classes = i->m.net.nclass;
    double *logits = NULL;
    int code = clip_fits(i, v, path, e);
    if (code == 0)
        code = owner_choose(&s, select, v->frames, e);
    if (code == 0 && (logits = mem_new(2 * s.rows * classes, sizeof *logits)) == NULL)
        code = err_set(e, ERR_FAILED, "no memory");
    struct chosen c = { v, s.frame };
    if (code == 0)
        code = judge_run(i->judge, s.rows, chosen_frame, &c, logits, logits + s.rows * classes, e);
    struct infer_sample *sample = code == 0 ? sample_new(i, path, truth, e) : NULL;
    if (sample != NULL) {
        sample->frames = v->frames;
        sample->selected = s.rows;
        sample_done(i, sample, -1, logits, logits + s.rows * classes);
    }
    mem_free(logits);
    selection_fini(&s);
    return sample != NULL ? 0 : e->code;
}

/* The class in the name of a RAVDESS film; -1 where there is none. */
static int named_class(const struct infer *i, const char *path)
{
    struct dataset d;
    struct dataset_item item;
    struct err ignored;
    const char *slash = strrchr(path, '/');
    if (dataset_init(&d, &i->m.net, &ignored) != 0)
        return -1;
    int known = dataset_ravdess(&d, slash != NULL ? slash + 1 : path, &item) == 1;
    dataset_fini(&d);
    return known ? item.label : -1;
}

static int load_clip(struct infer *i, struct video *v, const char *path, struct err *e)
{
    const struct clip_source source = { .faces = i->w->finder, .progress = &i->progress,
                                        .command = "infer", .every = (uint32_t)i->w->every };
    return clip_take(v, &source, path, e);
}

/* Of a film whose frames have been chosen before faces were looked for, all that are there. */
static const char *clip_select(const struct infer *i, const char *path)
{
    return i->w->every > 0 && clip_is_film(path) ? "every:1" : i->w->select;
}

static int take_clip(struct infer *i, const char *path, struct err *e)
{
    struct video v = { 0 };
    int code = load_clip(i, &v, path, e);
    if (code == 0)
        code = judge_clip(i, &v, clip_select(i, path), path, named_class(i, path), e);
    video_fini(&v);
    return code;
}

/* In a folder, a film that is refused is left out: one of a thousand must not undo hours. */
static int visit_film(void *ctx, const char *path, struct dataset_item item, struct err *e)
{
    struct infer *i = ctx;
    struct video v = { 0 };
    int code = load_clip(i, &v, path, e);
    if (code == 0) {
        code = judge_clip(i, &v, clip_select(i, path), path, item.label, e);
    } else if (code == ERR_INPUT) {
        progress_clear(&i->progress);
        fprintf(stderr, "obscura infer: note: left out: %s\n", e->text);
        *e = (struct err){ 0 };
        i->left_out++;
        code = 0;
    }
    video_fini(&v);
    return code;
}

static int take_films(struct infer *i, const char *path, struct err *e)
{
    struct dataset d;
    int code = dataset_init(&d, &i->m.net, e);
    if (code != 0)
        return code;
    code = dataset_films_each(&d, path, visit_film, i, e);
    dataset_fini(&d);
    return code;
}

/* ---- pictures ---- */

static int take_picture(struct infer *i, const char *path, struct err *e)
{
    const struct network *net = &i->m.net;
    struct video v = { 0 };
    struct picture_reader *r = NULL;
    size_t n, pixels = (size_t)net->h * net->w;
    uint8_t *bytes = owner_read(path, OWNER_MODEL_LIMIT, &n, e);
    uint8_t *grey = bytes != NULL ? malloc(pixels) : NULL;
    int code = bytes == NULL ? e->code : grey == NULL ? err_set(e, ERR_FAILED, "no memory") : 0;
    if (code == 0)
        code = (r = picture_reader_new(net->h, net->w, e)) == NULL ? e->code
                                                                   : video_init(&v, 1, net->h,
                                                                                net->w, 1, e);
    if (code == 0)
        code = picture_read(r, grey, bytes, n, path, e);
    for (size_t k = 0; k < pixels && code == 0; k++)
        v.value[k] = grey[k] / 255.0;
    if (code == 0)
        code = judge_clip(i, &v, "every:1", path, -1, e);
    picture_reader_free(r);
    video_fini(&v);
    free(grey);
    free(bytes);
    return code;
}

/* ---- what an operand is ---- */

enum form { FORM_DATASET, FORM_FILMS, FORM_PICTURE, FORM_CLIP };

/* By the first bytes and the length: the binary form of a data set begins with the number of its
 * records, whose length follows from the network. */
static int bin_likely(const struct infer *i, const uint8_t *p, uint64_t size)
{
    uint64_t record = 2 + (uint64_t)i->m.net.h * i->m.net.w;
    uint64_t count = p[0] | p[1] << 8 | p[2] << 16 | (uint64_t)p[3] << 24;
    return size >= 4 && size == 4 + count * record;
}

static int is_picture(const uint8_t *p, size_t n)
{
    return (n > 8 && memcmp(p, "\x89PNG\r\n\x1a\n", 8) == 0) ||
           (n > 3 && memcmp(p, "\xff\xd8\xff", 3) == 0);
}

static int find_form(const struct infer *i, const char *path, enum form *form, struct err *e)
{
    uint8_t p[PEEK] = { 0 };
    struct stat st;
    *form = FORM_CLIP;
    if (clip_is_pipe(path))
        return 0;
    FILE *f = stat(path, &st) == 0 ? fopen(path, "rbe") : NULL;
    if (f == NULL)
        return err_set(e, ERR_INPUT, "%s: cannot be read", path);
    size_t n = S_ISDIR(st.st_mode) ? 0 : fread(p, 1, sizeof p, f);
    fclose(f);
    if (S_ISDIR(st.st_mode))
        *form = dataset_films_likely(path) ? FORM_FILMS : FORM_DATASET;
    else if (dataset_csv_likely(p, n) || bin_likely(i, p, (uint64_t)st.st_size))
        *form = FORM_DATASET;
    else
        *form = is_picture(p, n) ? FORM_PICTURE : FORM_CLIP;
    return 0;
}

static int take(struct infer *i, const char *path, struct err *e)
{
    enum form form;
    if (find_form(i, path, &form, e) != 0)
        return e->code;
    switch (form) {
    case FORM_DATASET:
        return take_dataset(i, path, e);
    case FORM_FILMS:
        return take_films(i, path, e);
    case FORM_PICTURE:
        return take_picture(i, path, e);
    default:
        return take_clip(i, path, e);
    }
}

/* ---- all of it ---- */

static int infer_model(struct infer *i, char *path, size_t n, struct err *e)
{
    if (i->w->model == NULL && owner_data_path(path, n, "emotion.obm", e) != 0)
        return e->code;
    i->model = i->w->model != NULL ? i->w->model : path;
    if (owner_float_file(&i->m, i->model, e) != 0 || i->w->quick)
        return e->code;
    i->fixed = mem_new(1, sizeof *i->fixed);
    if (i->fixed == NULL)
        return err_set(e, ERR_FAILED, "no memory for the fixed-point model");
    if (fixed_lower(i->fixed, &i->m, LOWER_FRAC, &i->unfixed) != 0) {
        mem_free(i->fixed);
        i->fixed = NULL;
    }
    return 0;
}

static int infer_work(struct infer *i, struct err *e)
{
    double begun = now();
    i->judge = judge_new(&i->m, i->fixed, (unsigned)i->w->threads, e);
    int code = i->judge == NULL ? e->code : 0;
    for (unsigned k = 0; k < i->w->ndata && code == 0; k++) {
        progress_show(&i->progress, "reading", (double)k / i->w->ndata, i->w->data[k]);
        code = take(i, i->w->data[k], e);
    }
    i->seconds = now() - begun;
    if (code == 0 && i->n == 0)
        code = err_set(e, ERR_INPUT, "%s: nothing in it to evaluate", i->w->data[0]);
    return code;
}

static int infer_report(struct infer *i, struct err *e)
{
    const struct infer_wish *w = i->w;
    progress_clear(&i->progress);
    if (w->picture != NULL && i->all.labelled == 0)
        return err_set(e, ERR_INPUT, "--picture: no sample has a known class, so there is no "
                       "confusion matrix");
    if ((w->csv != NULL && infer_csv(i, w->csv, e) != 0) ||
        (w->picture != NULL && infer_picture(i, w->picture, e) != 0))
        return e->code;
    if (w->json)
        return infer_json(i, e);
    infer_text(i, stdout);
    return 0;
}

int infer_run(const struct infer_wish *w, struct err *e)
{
    struct infer *i = mem_new(1, sizeof *i);
    char path[1200];
    if (i == NULL)
        return err_set(e, ERR_FAILED, "no memory");
    if (w->ndata == 0) {
        mem_free(i);
        return err_set(e, ERR_USAGE, "which data? Give clips, pictures, or a labelled set (see "
                       "obscura infer --help)");
    }
    if (output_apart(w->csv, w->data, w->ndata, e) != 0 ||
        output_apart(w->picture, w->data, w->ndata, e) != 0) {
        mem_free(i);
        return e->code;
    }
    i->w = w;
    progress_init(&i->progress, 0, w->quiet);
    int code = infer_model(i, path, sizeof path, e);
    tally_init(&i->all, i->m.net.nclass);
    for (unsigned k = 0; k < SPLITS; k++)
        tally_init(&i->split[k], i->m.net.nclass);
    if (code == 0)
        code = infer_work(i, e);
    progress_clear(&i->progress);
    if (code == 0)
        code = infer_report(i, e);
    judge_free(i->judge);
    for (size_t k = 0; k < i->n; k++)
        free(i->sample[k].name);
    free(i->sample);
    if (i->fixed != NULL)
        fixed_model_fini(i->fixed);
    mem_free(i->fixed);
    model_fini(&i->m);
    mem_free(i);
    return code;
}
