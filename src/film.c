#include "src/film.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "net/base_mem.h"

struct film {
    struct film_conf conf;
    struct host *host;
    struct work work;
    int pending;                /* the host has the work */
    int over;                   /* `ended` was called, or is never to be */
    uint32_t given;             /* crops delivered */
    atomic_int stop;            /* whoever decodes is to give up */

    /* Of whoever decodes: film_open, then the worker. */
    pthread_mutex_t lock;
    struct video_in *in;
    struct detector *detector;
    struct picture picture, turned;
    struct clip_seen seen;
    int whole;                  /* the film is at its end, and that is where it should be */
    uint8_t crop[ALIGN_PIXELS];     /* of the last face */
    double value[ALIGN_PIXELS];
    struct err err;
};

static struct film *of_work(struct work *w)
{
    return (struct film *)(void *)((char *)w - offsetof(struct film, work));
}

static void film_free(struct film *f)
{
    pthread_mutex_destroy(&f->lock);
    mem_free(f);
}

static const char *detector_of(const struct film *f)
{
    return detector_name(f->detector);
}

/* ---- decoding ---- */

/* The next frame that is to be looked at; *got 0 at the end of the film. */
static int next_picture(struct film *f, int *got, struct err *e)
{
    uint32_t every = f->conf.source.every > 0 ? f->conf.source.every : 1;
    struct video_frame at;
    int wanted, code;
    do {
        wanted = f->seen.decoded % every == 0;
        code = video_in_next(f->in, wanted ? &f->picture : NULL, &at, got, e);
        f->seen.decoded += code == 0 && *got;
    } while (code == 0 && *got && !wanted && !atomic_load(&f->stop));
    return code;
}

static int counted(const struct film *f, const char *least, uint32_t found, struct err *e)
{
    return err_set(e, ERR_INPUT, "%s: %s%u frame%s to look at; expected %u", f->conf.path, least,
        found, found == 1 ? "" : "s", f->conf.frames);
}

static int look(struct film *f, struct err *e)
{
    struct aligned a;
    int got;
    if (next_picture(f, &got, e) != 0)
        return e->code;
    if (!got)
        return video_in_whole(f->in, e) != 0 ? e->code : counted(f, "", f->seen.looked, e);
    if (align_frame(&a, f->detector, &f->picture, CLIP_CONFIDENCE, &f->turned, e) != 0)
        return e->code;
    f->seen.looked++;
    f->seen.several += a.faces > 1;
    f->seen.verdict[a.verdict]++;
    if (a.verdict == ALIGN_TAKEN)
        memcpy(f->crop, a.crop, sizeof f->crop);
    wipe(&a, sizeof a);
    return clip_enough(&f->seen, f->conf.frames, f->conf.path, detector_of(f), e);
}

/* All frames have been looked at: there must not be another, nor anything that was damaged. */
static int finish(struct film *f, struct err *e)
{
    int got;
    if (next_picture(f, &got, e) != 0)
        return e->code;
    if (got)
        return counted(f, "at least ", f->seen.looked + 1, e);
    f->whole = video_in_whole(f->in, e) == 0;
    return f->whole ? 0 : e->code;
}

/* At the beginning more than one frame may have been looked at already. */
static int step(struct film *f, struct err *e)
{
    if (f->seen.looked == f->given && look(f, e) != 0)
        return e->code;
    if (f->given + 1 == f->conf.frames && !f->whole && finish(f, e) != 0)
        return e->code;
    for (unsigned i = 0; i < ALIGN_PIXELS; i++)
        f->value[i] = f->crop[i] / 255.0;
    return 0;
}

/* ---- on the host ---- */

static void film_run(struct work *w)
{
    struct film *f = of_work(w);
    pthread_mutex_lock(&f->lock);
    if (!atomic_load(&f->stop) && f->err.code == 0)
        step(f, &f->err);
    pthread_mutex_unlock(&f->lock);
}

static void tell(const struct film *f)
{
    if (f->conf.source.progress != NULL)
        progress_clear(f->conf.source.progress);
    clip_tell(&f->conf.source, &f->seen, f->conf.path);
}

static void film_done(struct work *w)
{
    struct film *f = of_work(w);
    f->pending = 0;
    if (atomic_load(&f->stop)) {
        film_free(f);
        return;
    }
    if (f->err.code != 0) {
        f->over = 1;
        f->conf.ended(f->conf.ctx, &f->err);
        return;
    }
    f->given++;
    if (f->given == f->conf.frames)
        tell(f);
    f->conf.frame(f->conf.ctx, f->value);
}

void film_host(struct film *f, struct host *h)
{
    f->host = h;
    f->pending = 0;
}

void film_want(struct film *f)
{
    if (f->pending || f->over || f->given == f->conf.frames)
        return;
    f->pending = 1;
    f->work = (struct work){ .run = film_run, .done = film_done };
    f->host->ops->work(f->host, &f->work);
}

/* ---- opening and closing ---- */

static void show(const struct film *f)
{
    char detail[64];
    snprintf(detail, sizeof detail, "frame %u", f->seen.decoded);
    progress_show(f->conf.source.progress, "looking for a face",
        (double)f->seen.looked / f->conf.frames, detail);
}

static int open_all(struct film *f, struct err *e)
{
    f->in = video_in_open(f->conf.path, e);
    f->detector = f->in == NULL ? NULL : faces_detector(&f->conf.source.faces, e);
    int code = f->detector == NULL ? e->code : 0;
    while (code == 0 && f->seen.verdict[ALIGN_TAKEN] == 0) {
        code = look(f, e);
        if (f->conf.source.progress != NULL)
            show(f);
    }
    if (f->conf.source.progress != NULL)
        progress_clear(f->conf.source.progress);
    return code;
}

struct film *film_open(const struct film_conf *conf, struct err *e)
{
    struct film *f = conf->frames > 0 ? mem_new(1, sizeof *f) : NULL;
    if (f == NULL) {
        if (conf->frames > 0)
            err_set(e, ERR_FAILED, "%s: no memory", conf->path);
        else
            err_set(e, ERR_USAGE, "%s: a film of 0 frames", conf->path);
        return NULL;
    }
    *f = (struct film){ .conf = *conf };
    pthread_mutex_init(&f->lock, NULL);
    if (open_all(f, e) == 0)
        return f;
    film_close(f);
    return NULL;
}

void film_close(struct film *f)
{
    if (f == NULL)
        return;
    atomic_store(&f->stop, 1);
    if (f->in != NULL)
        video_in_stop(f->in);
    pthread_mutex_lock(&f->lock);
    detector_close(f->detector);
    video_in_close(f->in);
    picture_fini(&f->picture);
    picture_fini(&f->turned);
    wipe(f->crop, sizeof f->crop);
    wipe(f->value, sizeof f->value);
    pthread_mutex_unlock(&f->lock);
    if (!f->pending)
        film_free(f);
}
