#include "src/train_films.h"

#include <stdio.h>
#include <string.h>

#include "nn/extract.h"
#include "src/clip.h"

/* What films are read with. */
struct cinema {
    struct detector *detector;
    struct progress *progress;
    const char *film;
    uint32_t every;
};

static void on_progress(void *ctx, const struct extract *x, double part)
{
    const struct cinema *c = ctx;
    const char *slash = strrchr(c->film, '/');
    char detail[80];
    snprintf(detail, sizeof detail, "%.40s, %u faces", slash != NULL ? slash + 1 : c->film,
             x->taken);
    progress_show(c->progress, "looking for faces", part, detail);
}

static int film_read(void *self, const char *path, uint32_t h, uint32_t w,
                     int (*take)(void *context, const uint8_t *grey, struct err *e), void *context,
                     struct err *e)
{
    struct cinema *c = self;
    struct extract x = { 0 };
    if (h != ALIGN_EDGE || w != ALIGN_EDGE)
        return err_set(e, ERR_INPUT, "%s: films give faces of %d x %d; the network takes %u x %u",
                       path, ALIGN_EDGE, ALIGN_EDGE, w, h);
    struct video_in *v = video_in_open(path, e);
    if (v == NULL)
        return e->code;
    c->film = path;
    const struct extract_options o = { .detector = c->detector, .every = c->every,
                                       .least = CLIP_CONFIDENCE, .ctx = c,
                                       .progress = on_progress };
    int code = extract_run(&x, v, &o, e);
    for (uint32_t k = 0; k < x.n && code == 0; k++)
        if (x.frame[k].verdict == ALIGN_TAKEN)
            code = take(context, x.crop + (size_t)k * ALIGN_PIXELS, e);
    extract_fini(&x);
    video_in_close(v);
    return code;
}

int train_films_read(struct dataset *d, const char *path, const struct faces_wish *faces,
                     uint32_t every, struct progress *progress, struct err *e)
{
    struct cinema c = { .detector = faces_detector(faces, e), .progress = progress,
                        .every = every };
    if (c.detector == NULL)
        return e->code;
    const struct film_reader reader = { film_read, &c };
    int code = dataset_films_read(d, path, &reader, e);
    detector_close(c.detector);
    return code;
}
