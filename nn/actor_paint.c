#include "nn/actor_paint.h"

#include <math.h>

#include "nn/actor_math.h"
#include "nn/actor_parts.h"

double face_inside(const struct face_shape *s, double x, double y)
{
    double below = smooth(0.05, 1.1, y);
    double w = s->head.width * (1 - s->head.jaw * below);
    double h = s->head.height + (y > 0 ? s->head.chin - 0.04 : 0);
    double fx = x / w, fy = y / h;
    return 1 - fx * fx - fy * fy * (0.5 + 0.5 * fy * fy);
}

static void paint_backdrop(struct spot *p, const struct face *f, double x, double y)
{
    double level = f->trait[TRAIT_BACKDROP];
    *p = (struct spot){ .tone = level * (1 - 0.12 * y + 0.1 * x), .shade = 1 };
}

static void paint_body(struct spot *p, const struct face *f, const struct face_shape *s, double x,
    double y, double px)
{
    double ax = fabs(x), top = 1.02 + 0.25 * ax * ax;
    double neck = cover(0.60 * s->head.width - 0.1 * (1.2 - y) - ax, px) * cover(y - 0.45, px);
    p->tone = mix(p->tone, 0.8 * f->trait[TRAIT_SKIN], neck);
    p->shade = mix(p->shade, 0.50, neck);
    double shirt = cover(y - top + 0.16 * smooth(0.2, 1.0, ax), px);
    p->tone = mix(p->tone, f->trait[TRAIT_SHIRT], shirt);
    p->shade = mix(p->shade, 0.9, shirt);
}

/* The mass of hair behind the face. */
static void paint_hair_back(struct spot *p, const struct face *f, const struct face_shape *s,
    double x, double y, double px)
{
    double w = s->head.width + 0.10, h = s->head.height + 0.10;
    double fx = x / w, fy = y / h, d = 1 - fx * fx - fy * fy;
    double reach = f->trait[TRAIT_LONG] > 0 ? 0.55 + f->trait[TRAIT_LONG] : -0.15;
    if (f->trait[TRAIT_LONG] > 0 && y > 0)
        d = 1 - fx * fx;
    double m = cover(d * 0.4, px) * smooth(reach + 0.15, reach, y);
    if (m <= 0)
        return;
    double strand = actor_grain(f->seed, x * 26, y * 3);
    p->tone = mix(p->tone, f->trait[TRAIT_HAIR] * (0.6 + 0.8 * strand), m);
    p->shade = mix(p->shade, 0.75, m);
    p->lit = mix(p->lit, 0.6, m);
}

static void paint_ears(struct spot *p, const struct face *f, const struct face_shape *s, double x,
    double y, double px)
{
    double dx = (fabs(x) - s->head.width * 1.0) / 0.10, dy = (y + 0.08) / 0.20;
    double r2 = dx * dx + dy * dy, m = cover((1 - r2) * 0.06, px);
    p->tone = mix(p->tone, f->trait[TRAIT_SKIN] * (0.75 - 0.35 * hill(r2 * 2)), m);
    p->shade = mix(p->shade, 0.8, m);
    p->lit = mix(p->lit, 0.5, m);
}

/* The smooth masses of the face: forehead, sockets, cheeks, chin. */
static void paint_masses(struct spot *p, const struct face_shape *s, double x, double y)
{
    double ax = fabs(x), lift = 0.05 * s->fold.cheek;
    p->height += 0.05 * blob(ax, y, 0.30, s->brow.y0 * 0.5 + s->brow.y1 * 0.5 + 0.05, 0.34, 0.15);
    p->height -= 0.07 * blob(ax, y, s->eye.x - 0.05, s->eye.y, 0.30, 0.18);
    p->height += (0.05 + 0.06 * s->fold.cheek) * blob(ax, y, 0.42, 0.17 - lift, 0.28, 0.24);
    p->height += 0.05 * blob(x, y, 0, 0.86 + s->head.chin, 0.26, 0.18);
    p->height -= 0.03 * blob(x, y, 0, 0.71 + 0.8 * s->head.chin, 0.22, 0.09);
    p->shade *= 1 - 0.18 * blob(ax, y, s->eye.x - 0.08, s->eye.y - 0.05, 0.26, 0.16);
    p->shade *= 1 - 0.22 * smooth(0.35, 0, face_inside(s, x, y));
    p->tone *= 1 + 0.10 * blob(ax, y, 0.42, 0.15 - lift, 0.25, 0.2);
}

/* How far inside the outline of the hair (x, y) lies: a little outside the head's own. */
static double hair_outline(const struct face_shape *s, double x, double y)
{
    double fx = x / (s->head.width + 0.09), fy = y < 0 ? y / (s->head.height + 0.10) : 0;
    return 0.4 * (1 - fx * fx - fy * fy);
}

/* How much hair covers the forehead (above the hairline) and the temples (outside a line). */
static double hair_front(const struct face *f, const struct face_shape *s, double x, double y)
{
    const double *t = f->trait;
    double ax = fabs(x) / s->head.width, side = x - t[TRAIT_PARTING];
    int hangs = t[TRAIT_LONG] > 0;
    double line = t[TRAIT_HAIRLINE] + t[TRAIT_FRINGE] * side * side + 0.30 * ax * ax * ax * ax;
    double inner = s->head.width * (1 - 0.5 * s->head.jaw * smooth(0, 1, y)) - t[TRAIT_TEMPLE]
        - 0.10 * smooth(-0.15, -0.75, y) + (hangs ? 0 : 0.02);
    double above = line - y, out = fabs(x) - inner;
    if (above < -0.16 && out < -0.09)
        return 0;
    double strand = actor_grain(f->seed, x * 60 + y * 12 * (side > 0 ? 1 : -1), y * 4) - 0.5;
    double ragged = 0.06 + 0.4 * clamp01(t[TRAIT_FRINGE]);
    double top = smooth(-0.07, 0.05, above + ragged * strand);
    double end = hangs ? 1.2 : 0.02;
    double temple = smooth(-0.05, 0.04, out + 0.06 * strand) * smooth(end + 0.12, end - 0.12, y);
    return top > temple ? top : temple;
}

static void paint_skin(struct spot *p, const struct face *f, const struct face_shape *s, double x,
    double y, double px)
{
    struct spot q = { .tone = f->trait[TRAIT_SKIN], .shade = 1, .lit = 1 };
    double m = cover(face_inside(s, x, y) * 0.4, px);
    if (m <= 0)
        return;
    q.tone *= 0.95 + 0.10 * actor_grain(f->seed + 1, x * 9, y * 9);
    q.shade *= 1 - 0.30 * hair_front(f, s, x * 1.04, y - 0.06);
    paint_masses(&q, s, x, y);
    part_folds(&q, s, x, y);
    part_nose(&q, s, x, y);
    part_beard(&q, f, s, x, y);
    part_mouth(&q, f, s, x, y, px);
    part_eye(&q, f, s, x, y, px);
    part_brow(&q, f, s, x, y, px);
    part_glasses(&q, f, s, x, y, px);
    p->tone = mix(p->tone, q.tone, m);
    p->shade = mix(p->shade, q.shade, m);
    p->lit = mix(p->lit, q.lit, m);
    p->height = q.height;
}

static void paint_hair_front(struct spot *p, const struct face *f, const struct face_shape *s,
    double x, double y, double px)
{
    double m = hair_front(f, s, x, y) * cover(hair_outline(s, x, y), px);
    if (m <= 0)
        return;
    double bend = x - f->trait[TRAIT_PARTING];
    double strand = actor_grain(f->seed + 4, x * 34 + y * 7 * (bend > 0 ? 1 : -1), y * 5);
    double sheen = 1 + 1.2 * blob(bend, y, 0, -0.80 + 0.3 * bend * bend, 0.7, 0.14);
    p->tone = mix(p->tone, f->trait[TRAIT_HAIR] * (0.6 + 0.8 * strand) * sheen, m);
    p->height = mix(p->height, 0.05, m);
    p->lit = mix(p->lit, 0.8, m);
}

void face_paint(struct spot *p, const struct face *f, const struct face_shape *s, double x,
    double y, double px)
{
    paint_backdrop(p, f, x, y);
    paint_hair_back(p, f, s, x, y, px);
    paint_body(p, f, s, x, y, px);
    paint_ears(p, f, s, x, y, px);
    paint_skin(p, f, s, x, y, px);
    paint_hair_front(p, f, s, x, y, px);
}
