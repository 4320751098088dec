#include "nn/align.h"

#include <math.h>

const char *align_word(enum align_verdict v)
{
    static const char *const words[ALIGN_VERDICTS] = { "taken", "no face", "doubtful", "lost" };
    return words[v];
}

static double area(const struct face *f)
{
    return (f->x2 - f->x1) * (f->y2 - f->y1);
}

/* The largest face above `least`, or NULL; how many there are. */
static const struct face *largest(const struct faces *s, double least, unsigned *n)
{
    const struct face *best = NULL;
    *n = 0;
    for (unsigned k = 0; k < s->n; k++) {
        if (!(s->face[k].confidence > least))
            continue;
        ++*n;
        if (best == NULL || area(&s->face[k]) > area(best))
            best = &s->face[k];
    }
    return best;
}

static double eye_tilt(const struct face *f)
{
    return atan2(f->mark[MARK_RIGHT_EYE][1] - f->mark[MARK_LEFT_EYE][1],
        f->mark[MARK_RIGHT_EYE][0] - f->mark[MARK_LEFT_EYE][0]);
}

/* The face nearest to where the one before went, if it is near. That it is a face is known already:
 * its confidence may be less now. */
static const struct face *again(const struct faces *s, const double at[2], double reach)
{
    const struct face *best = NULL;
    for (unsigned k = 0; k < s->n; k++) {
        const struct face *f = &s->face[k];
        double away = hypot((f->x1 + f->x2) / 2 - at[0], (f->y1 + f->y2) / 2 - at[1]);
        if (away < reach) {
            reach = away;
            best = f;
        }
    }
    return best;
}

/* Whole pixels from `low` on, as wide as the box is, inside of `size`. */
static void span(uint32_t *from, uint32_t *to, double low, double high, uint32_t size)
{
    double first = rint(low), n = rint(high - low);
    first = first < 0 ? 0 : first > size - 1.0 ? size - 1.0 : first;
    n = n < 1 ? 1 : n > size - first ? size - first : n;
    *from = (uint32_t)first;
    *to = (uint32_t)(first + n);
}

static void cut(struct aligned *a, const struct picture *p, const struct face *f)
{
    uint32_t x0, x1, y0, y1;
    span(&x0, &x1, f->x1, f->x2, p->w);
    span(&y0, &y1, f->y1, f->y2, p->h);
    picture_crop_grey(a->crop, ALIGN_EDGE, p, x0, y0, x1, y1);
    a->verdict = ALIGN_TAKEN;
}

static int level(struct aligned *a, struct detector *d, const struct picture *p,
    struct picture *turned, struct err *e)
{
    const struct face *f = &a->face;
    double middle[2] = { (f->x1 + f->x2) / 2, (f->y1 + f->y2) / 2 }, at[2];
    struct faces found = { 0 };
    a->radians = eye_tilt(f);
    if (picture_level(turned, p, a->radians, e) != 0 || detector_run(d, turned, &found, e) != 0)
        return e->code;
    picture_level_point(at, middle, p, a->radians);
    const struct face *second = again(&found, at, sqrt(area(f)) / 2);
    if (second != NULL)
        cut(a, turned, second);
    else
        a->verdict = ALIGN_LOST;
    return 0;
}

int align_frame(struct aligned *a, struct detector *d, const struct picture *p, double least,
    struct picture *turned, struct err *e)
{
    struct faces found = { 0 };
    *a = (struct aligned){ .verdict = ALIGN_NO_FACE };
    if (detector_run(d, p, &found, e) != 0)
        return e->code;
    const struct face *f = largest(&found, least, &a->faces);
    if (f == NULL && found.n > 0) {
        a->verdict = ALIGN_DOUBTFUL;
        f = &found.face[0];
    }
    if (f == NULL)
        return 0;
    a->face = *f;
    a->confidence = f->confidence;
    if (a->verdict == ALIGN_DOUBTFUL)
        return 0;
    if (f->marks >= 2)
        return level(a, d, p, turned, e);
    cut(a, p, f);
    return 0;
}
