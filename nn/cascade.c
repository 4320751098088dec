#include "nn/cascade.h"

#include <math.h>

#include "net/base_mem.h"

/* Faces are looked for from a tenth of the shorter edge on. */
#define FACE_PART 10.0
#define FACE_LEAST 24.0

enum { FACE_VOTES = 2, EYE_VOTES = 3 };

struct cascades {
    struct detector base;
    struct cascade face, eye;
    uint8_t *grey;
    size_t room;
};

static struct cascades *of(struct detector *d)
{
    return (struct cascades *)(void *)d;
}

/* The part of a face where an eye of one side is, in parts of its box. */
static const struct { double x1, y1, x2, y2; } eye_place[2] = {
    { 0.05, 0.15, 0.55, 0.60 }, { 0.45, 0.15, 0.95, 0.60 },
};

/* The middle of the eye on one side; 0 when it is not found. */
static int find_eye(double to[2], const struct cascades *s, const struct picture *p,
    const struct cascade_find *f, int side, struct err *e)
{
    struct cascade_finds eyes = { 0 };
    double x1 = fmax(f->x + eye_place[side].x1 * f->w, 0);
    double y1 = fmax(f->y + eye_place[side].y1 * f->h, 0);
    double x2 = fmin(f->x + eye_place[side].x2 * f->w, p->w);
    double y2 = fmin(f->y + eye_place[side].y2 * f->h, p->h);
    unsigned x = (unsigned)x1, y = (unsigned)y1;
    if (x2 - x < 1 || y2 - y < 1)
        return 0;
    cascade_scan(&eyes, &s->eye, s->grey + (size_t)y * p->w + x, (unsigned)(x2 - x),
        (unsigned)(y2 - y), p->w, 0.16 * f->w, 0.42 * f->w, EYE_VOTES, e);
    if (eyes.n == 0)
        return 0;
    to[0] = x + eyes.find[0].x + eyes.find[0].w / 2;
    to[1] = y + eyes.find[0].y + eyes.find[0].h / 2;
    return 1;
}

/* Eyes that could be those of one upright face. */
static int plausible(const struct face *f, double width)
{
    double dx = f->mark[MARK_RIGHT_EYE][0] - f->mark[MARK_LEFT_EYE][0];
    double dy = f->mark[MARK_RIGHT_EYE][1] - f->mark[MARK_LEFT_EYE][1];
    return dx > 0.25 * width && dx < 0.65 * width && fabs(dy) < 0.6 * dx;
}

static struct face face_of(const struct cascades *s, const struct picture *p,
    const struct cascade_find *f, struct err *e)
{
    struct face out = {
        .x1 = fmax(f->x, 0), .y1 = fmax(f->y, 0), .x2 = fmin(f->x + f->w, p->w - 1.0),
        .y2 = fmin(f->y + f->h, p->h - 1.0), .confidence = 1 - exp2(-(double)f->votes)
    };
    if (find_eye(out.mark[MARK_LEFT_EYE], s, p, f, 0, e)
        && find_eye(out.mark[MARK_RIGHT_EYE], s, p, f, 1, e) && plausible(&out, f->w))
        out.marks = 2;
    return out;
}

static int grey_room(struct cascades *s, const struct picture *p, struct err *e)
{
    size_t n = (size_t)p->w * p->h;
    if (n > s->room) {
        mem_free(s->grey);
        s->grey = mem_new(n, 1);
        s->room = s->grey != NULL ? n : 0;
    }
    return s->grey != NULL ? 0 : err_set(e, ERR_FAILED, "no memory for a picture of %u x %u", p->w,
        p->h);
}

static int run(struct detector *d, const struct picture *p, struct faces *out, struct err *e)
{
    struct cascades *s = of(d);
    struct cascade_finds finds = { 0 };
    struct err bad = { 0 };
    double edge = p->w < p->h ? p->w : p->h, least = edge / FACE_PART;
    if (grey_room(s, p, e) != 0)
        return e->code;
    picture_grey(s->grey, p);
    if (cascade_scan(&finds, &s->face, s->grey, p->w, p->h, p->w,
            least > FACE_LEAST ? least : FACE_LEAST, edge, FACE_VOTES, e) != 0)
        return e->code;
    for (out->n = 0; out->n < finds.n; out->n++)
        out->face[out->n] = face_of(s, p, &finds.find[out->n], &bad);
    if (bad.code != 0)
        *e = bad;
    return bad.code;
}

static void closing(struct detector *d)
{
    struct cascades *s = of(d);
    cascade_fini(&s->face);
    cascade_fini(&s->eye);
    if (s->grey != NULL)
        wipe(s->grey, s->room);
    mem_free(s->grey);
    mem_free(s);
}

static const struct detector_ops ops = { .name = "cascade", .run = run, .close = closing };

struct detector *cascade_open(struct cascade *face, struct cascade *eye, struct err *e)
{
    struct cascades *s = mem_new(1, sizeof *s);
    if (s == NULL) {
        err_set(e, ERR_FAILED, "no memory for a face detector");
        cascade_fini(face);
        cascade_fini(eye);
        return NULL;
    }
    *s = (struct cascades){ .base = { &ops }, .face = *face, .eye = *eye };
    *face = *eye = (struct cascade){ 0 };
    return &s->base;
}
