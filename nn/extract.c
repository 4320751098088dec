#include "nn/extract.h"

#include <string.h>

#include "net/base_mem.h"

/* Room for one more frame. */
static int extract_room(struct extract *x, struct err *e)
{
    if (x->n < x->room)
        return 0;
    uint32_t room = x->room != 0 ? 2 * x->room : 64;
    struct extract_frame *frame = mem_new(room, sizeof *frame);
    uint8_t *crop = mem_new(room, ALIGN_PIXELS);
    if (frame == NULL || crop == NULL) {
        mem_free(frame);
        mem_free(crop);
        return err_set(e, ERR_FAILED, "no memory for %u face crops", room);
    }
    struct extract old = *x;
    if (old.n > 0) {
        memcpy(frame, old.frame, old.n * sizeof *frame);
        memcpy(crop, old.crop, (size_t)old.n * ALIGN_PIXELS);
    }
    x->frame = frame;
    x->crop = crop;
    x->room = room;
    extract_fini(&old);
    return 0;
}

void extract_fini(struct extract *x)
{
    if (x->crop != NULL)
        wipe(x->crop, (size_t)x->room * ALIGN_PIXELS);
    mem_free(x->crop);
    mem_free(x->frame);
    *x = (struct extract){ 0 };
}

static void extract_add(struct extract *x, const struct video_frame *at, const struct aligned *a)
{
    const struct face *f = &a->face;
    x->frame[x->n] = (struct extract_frame){
        .at = *at, .verdict = a->verdict, .faces = a->faces, .confidence = a->confidence,
        .radians = a->radians, .box = { f->x1, f->y1, f->x2 - f->x1, f->y2 - f->y1 }
    };
    if (a->verdict == ALIGN_TAKEN)
        memcpy(x->crop + (size_t)x->n * ALIGN_PIXELS, a->crop, ALIGN_PIXELS);
    x->taken += a->verdict == ALIGN_TAKEN;
    x->several += a->faces > 1;
    x->n++;
}

static int extract_look(struct extract *x, const struct extract_options *o,
    const struct video_frame *at, const struct picture *p, struct picture *turned, struct err *e)
{
    struct aligned a;
    if (x->n == EXTRACT_FRAMES_MAX)
        return err_set(e, ERR_INPUT, "more than %d frames to look at; take every second or third",
            EXTRACT_FRAMES_MAX);
    if (extract_room(x, e) != 0 || align_frame(&a, o->detector, p, o->least, turned, e) != 0)
        return e->code;
    extract_add(x, at, &a);
    if (o->look != NULL)
        o->look(o->ctx, p, &x->frame[x->n - 1], x->crop + (size_t)(x->n - 1) * ALIGN_PIXELS);
    wipe(&a, sizeof a);
    return 0;
}

int extract_run(struct extract *x, struct video_in *v, const struct extract_options *o,
    struct err *e)
{
    struct picture p = { 0 }, turned = { 0 };
    struct video_frame at;
    int got = 1, code = 0;
    *x = (struct extract){ 0 };
    while (code == 0 && got) {
        int wanted = x->decoded % o->every == 0;
        code = video_in_next(v, wanted ? &p : NULL, &at, &got, e);
        if (code == 0 && got && wanted)
            code = extract_look(x, o, &at, &p, &turned, e);
        x->decoded += got && code == 0;
        if (code == 0 && got && o->progress != NULL)
            o->progress(o->ctx, x, video_in_part(v));
    }
    if (code == 0 && (!o->partial || x->n == 0))
        code = video_in_whole(v, e);
    picture_fini(&p);
    picture_fini(&turned);
    if (code != 0)
        extract_fini(x);
    return code;
}

int extract_video(struct video *out, const struct extract *x, int fill, struct err *e)
{
    *out = (struct video){ 0 };
    if (x->taken == 0)
        return err_set(e, ERR_INPUT, "no face in any of %u frames that were looked at", x->n);
    if (video_init(out, fill ? x->n : x->taken, ALIGN_EDGE, ALIGN_EDGE, 1, e) != 0)
        return e->code;
    double *to = out->value;
    uint32_t last = 0;          /* whose crop stands in */
    while (x->frame[last].verdict != ALIGN_TAKEN)
        last++;
    for (uint32_t k = 0; k < x->n; k++) {
        if (x->frame[k].verdict == ALIGN_TAKEN)
            last = k;
        else if (!fill)
            continue;
        const uint8_t *crop = x->crop + (size_t)last * ALIGN_PIXELS;
        for (unsigned i = 0; i < ALIGN_PIXELS; i++)
            *to++ = crop[i] / 255.0;
    }
    return 0;
}
