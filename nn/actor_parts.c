#include "nn/actor_parts.h"

#include <math.h>

#include "nn/actor_math.h"

/* A crease: a valley of depth `deep` where |d| is under `wide`, darker at its bottom. */
static void crease(struct spot *p, double d, double wide, double deep)
{
    double v = deep * hill(d * d / (wide * wide));
    p->height -= 0.028 * v;
    p->shade *= 1 - 0.38 * clamp01(v);
}

/* From the wing of the nose round the corner of the mouth, bulging with the cheek. */
static void fold_smile(struct spot *p, const struct face_shape *s, double ax, double y)
{
    double y0 = s->nose.y - 0.06, y1 = s->mouth.y + 0.10;
    double t = (y - y0) / (y1 - y0);
    if (t < -0.2 || t > 1.2)
        return;
    double x0 = s->nose.wing + 0.03, x1 = s->mouth.width + 0.07;
    double bulge = 0.10 * s->fold.smile * t * (1 - t) * 4;
    double line = mix(x0, x1, t) + bulge * 0.6;
    double fade = smooth(-0.15, 0.15, t) * smooth(1.15, 0.7, t);
    crease(p, (ax - line) * 0.8, 0.055, s->fold.smile * fade);
    p->height += 0.02 * s->fold.smile * fade * blob(ax, 0, line + 0.09, 0, 0.12, 1);
}

static void fold_forehead(struct spot *p, const struct face_shape *s, double ax, double y)
{
    double top = s->brow.y0 - 0.12, fade = smooth(0.52, 0.2, ax);
    if (y > top + 0.05 || fade <= 0)
        return;
    for (int k = 0; k < 3; k++)
        crease(p, y - (top - 0.085 * k - 0.03 * ax), 0.028, s->fold.forehead * fade);
}

static void fold_brow(struct spot *p, const struct face_shape *s, double ax, double y)
{
    double centre = s->brow.y0;
    double fade = blob(0, y, 0, centre, 1, 0.17);
    crease(p, ax - 0.055 - 0.05 * (y - centre), 0.032, s->fold.frown * fade);
    if (s->fold.root > 0 && ax < 0.14 && y > s->eye.y - 0.12 && y < s->eye.y + 0.2)
        for (int k = 0; k < 2; k++)
            crease(p, y - (s->eye.y - 0.05 + 0.09 * k - 1.8 * ax * (0.14 - ax)), 0.040,
                0.65 * s->fold.root * smooth(0.14, 0.05, ax));
}

static void fold_eye(struct spot *p, const struct face_shape *s, double ax, double y)
{
    double dx = ax - s->eye.x, bag = s->eye.y + s->eye.low + 0.065 - 0.25 * dx * dx;
    double along = blob(dx, 0, 0, 0, s->eye.width * 1.3, 1);
    crease(p, y - bag, 0.035, 0.6 * s->fold.bag * along);
    double out = dx - s->eye.width;
    if (out > 0.01 && out < 0.16)
        for (int k = -1; k <= 1; k++)
            crease(p, y - s->eye.y - k * (0.02 + 0.35 * out), 0.018,
                0.6 * s->fold.crow * smooth(0.16, 0.06, out) * smooth(0.01, 0.04, out));
}

void part_folds(struct spot *p, const struct face_shape *s, double x, double y)
{
    double ax = fabs(x);
    fold_smile(p, s, ax, y);
    fold_forehead(p, s, ax, y);
    fold_brow(p, s, ax, y);
    fold_eye(p, s, ax, y);
    double chin = s->mouth.y + s->mouth.low + s->mouth.lip_low + 0.07 - 0.4 * ax * ax;
    crease(p, y - chin, 0.06, (0.35 + 0.5 * s->fold.chin) * smooth(0.3, 0.1, ax));
}

void part_nose(struct spot *p, const struct face_shape *s, double x, double y)
{
    double ax = fabs(x), tip = s->nose.y;
    if (ax > 0.32 || y < -0.5 || y > tip + 0.2)
        return;
    double along = clamp01((y + 0.42) / (tip + 0.42));
    double half = mix(0.085, 0.12, along) + 0.25 * s->nose.width * along;
    double rise = s->nose.height * (0.25 + 0.75 * along) * along;
    double end = smooth(tip + 0.10, tip - 0.01, y);
    p->height += rise * end * hill(x * x / (half * half) * 0.8);
    p->height += 0.06 * blob(ax, y, s->nose.wing * 0.85, tip + 0.015, 0.085, 0.085);
    double hole = blob(ax, y, s->nose.wing * 0.52, tip + 0.065, 0.058, 0.030);
    p->tone *= 1 - 0.85 * smooth(0.1, 0.7, hole);
    p->shade *= 1 - 0.45 * blob(x, y, 0, tip + 0.11, s->nose.wing * 1.4, 0.09);
    p->shade *= 1 - 0.25 * blob(ax, y, s->nose.wing * 1.12, tip + 0.03, 0.05, 0.09);
    p->shade *= 1 + 0.10 * blob(x, y, 0, tip - 0.04, 0.07, 0.08);
}

void part_beard(struct spot *p, const struct face *f, const struct face_shape *s, double x,
    double y)
{
    double beard = f->trait[TRAIT_BEARD], tache = f->trait[TRAIT_MOUSTACHE], ax = fabs(x);
    double m = 0, dx = 1.5 * x, dy = y - s->mouth.y, away = sqrt(dx * dx + dy * dy);
    if (beard > 0)
        m = 2.2 * beard * smooth(0.30, 0.62, y + 0.55 * smooth(0.30, 0.7, ax))
            * smooth(0.55, 0.78, away + 0.55);
    if (tache > 0) {
        double line = s->mouth.y - s->mouth.up - s->mouth.lip_up - 0.05;
        double n = 2.4 * tache * blob(x, y, 0, line + 0.25 * ax * ax, 0.34, 0.075);
        m = m > n ? m : n;
    }
    if (m <= 0)
        return;
    m = clamp01(m) * (0.55 + 0.5 * actor_grain(f->seed + 2, x * 110, y * 75));
    p->tone = mix(p->tone, f->trait[TRAIT_HAIR] * 1.2, m);
    p->height += 0.01 * m;
}

/* The mouth at one place between its corners: where, going down, its parts begin and end. */
struct slice {
    double t, t2;               /* -1 and 1 at the corners; its square */
    double lip_top, top, line, low, lip_low;
};

static void mouth_cut(struct slice *c, const struct face_shape *s, double x)
{
    double t = x / s->mouth.width, t2 = t * t;
    double round = t2 < 1 ? sqrt(1 - t2) : 0, arc = round * (0.4 + 0.6 * round);
    double bow = 1 - 0.28 * hill(t2 * 12);
    c->t = t;
    c->t2 = t2;
    c->line = s->mouth.y - s->mouth.corner * (t2 - 0.35);
    c->top = c->line - s->mouth.up * arc;
    c->low = c->line + s->mouth.low * arc;
    c->lip_top = c->top - s->mouth.lip_up * bow * arc;
    c->lip_low = c->low + s->mouth.lip_low * round;
}

/* What is seen between the lips: teeth above and below, tongue, darkness. */
static double mouth_inside(const struct slice *c, const struct face_shape *s, double y, double px)
{
    double depth = clamp01((y - c->top) / (c->low - c->top + 1e-9));
    double tongue = 0.012 + 0.05 * smooth(0.55, 1, depth);
    double tooth = c->t * 6 - floor(c->t * 6) - 0.5;
    double white = (1 - 0.35 * c->t2 - 0.3 * c->t2 * c->t2) * (1 - 0.18 * hill(30 * tooth * tooth));
    double upper_edge = c->top + s->mouth.teeth_up * (1 - 0.45 * c->t2);
    double lower_edge = c->low - s->mouth.teeth_low * (1 - 0.4 * c->t2);
    double upper = s->mouth.teeth_up > 0.004 ? cover(upper_edge - y, px + 0.008) : 0;
    double lower = s->mouth.teeth_low > 0.004 ? cover(y - lower_edge, px + 0.008) : 0;
    double tone = mix(mix(tongue, 0.55 * white, 0.9 * lower), 0.80 * white, upper);
    double bite = y - upper_edge;
    tone *= 1 - 0.28 * upper * smooth(-0.045, 0, bite);
    return tone * (1 - 0.45 * lower * hill(bite * bite / 0.0003));
}

static void mouth_lips(struct spot *p, const struct slice *c, double tone, double y, double px)
{
    double lips = cover(y - c->lip_top, px + 0.012) * cover(c->lip_low - y, px + 0.012);
    if (c->t2 >= 1 || lips <= 0)
        return;
    double a = (y - c->lip_top) / (c->top - c->lip_top + 1e-9) - 1;
    double b = (c->lip_low - y) / (c->lip_low - c->low + 1e-9) - 0.9;
    p->tone *= mix(1, tone, lips);
    p->height += 0.022 * (y < c->line ? hill(a * a) : hill(b * b));
    p->shade *= y < c->line ? 0.85 : 1.05;
}

void part_mouth(struct spot *p, const struct face *f, const struct face_shape *s, double x,
    double y, double px)
{
    struct slice c;
    mouth_cut(&c, s, x);
    if (c.t2 > 1.3 || fabs(y - s->mouth.y) > 0.55)
        return;
    mouth_lips(p, &c, f->trait[TRAIT_LIP_TONE], y, px);
    double seam = fabs(y - (c.top + c.low) / 2) - (c.low - c.top) / 2;
    p->shade *= 1 - 0.6 * hill(seam * seam / 0.0004) * smooth(1.15, 0.9, c.t2);
    p->shade *= 1 - 0.30 * blob(fabs(x), y, s->mouth.width, c.line, 0.05, 0.05);
    if (c.t2 >= 1)
        return;
    double inside = cover(y - c.top, px) * cover(c.low - y, px) * smooth(0, 0.02, c.low - c.top);
    p->tone = mix(p->tone, mouth_inside(&c, s, y, px), inside);
    p->shade = mix(p->shade, 0.75 + 0.2 * smooth(0, 0.06, y - c.top), inside);
    p->lit = mix(p->lit, 0.4, inside);
}

/* The eyeball: white, iris, pupil and the light's reflection. */
static double eye_ball(const struct face *f, const struct face_shape *s, double dx, double dy,
    double px)
{
    double gx = dx - s->eye.gaze_x, gy = dy - s->eye.gaze_y + 0.008;
    double r = sqrt(gx * gx + gy * gy), iris = s->eye.iris;
    double white = mix(0.42, 0.95, f->trait[TRAIT_SKIN]);
    double tone = white * (1 - 0.35 * smooth(0.3, 1.0, fabs(dx) / s->eye.width));
    double ring = f->trait[TRAIT_IRIS] * (1 + 0.8 * smooth(0.3, 0.8, r / iris))
        * (1 - 0.6 * smooth(0.8, 1, r / iris));
    tone = mix(tone, ring, cover(iris - r, px + 0.006));
    tone = mix(tone, 0.004, cover(0.42 * iris - r, px + 0.004));
    double hx = gx + 0.025, hy = gy + 0.028;
    return mix(tone, 0.95, cover(0.015 - sqrt(hx * hx + hy * hy), px + 0.004));
}

void part_eye(struct spot *p, const struct face *f, const struct face_shape *s, double x, double y,
    double px)
{
    double ax = fabs(x), dx = ax - s->eye.x, t = dx / s->eye.width, t2 = t * t;
    double dy = y - s->eye.y - s->eye.slant * t;
    if (t2 > 1.5 || fabs(dy) > 0.25)
        return;
    double in = t2 < 1 ? 1 - t2 : 0, arc = sqrt(in) * (0.45 + 0.55 * in);
    double up = -s->eye.up * arc, low = s->eye.low * in;
    double slit = smooth(0, 0.012, low - up);
    double open = t2 < 1 ? cover(dy - up, px) * cover(low - dy, px) * slit : 0;
    double ends = smooth(1.4, 0.75, t2);
    double lid = dy - (-s->eye.up * arc - 0.045);
    p->shade *= 1 - 0.35 * hill(lid * lid / 0.0007) * ends;
    p->height += 0.02 * blob(dx, dy, 0, 0, s->eye.width * 1.1, 0.11);
    if (open > 0) {
        double ball = eye_ball(f, s, x < 0 ? -dx : dx, dy, px);
        p->tone = mix(p->tone, ball, open);
        p->shade = mix(p->shade, 0.55 + 0.45 * smooth(0, 0.045, dy - up), open);
        p->lit = mix(p->lit, 0.35, open);
    }
    double lash = dy - up + 0.006;
    p->tone *= 1 - 0.85 * hill(lash * lash / 0.00045) * ends;
    double rim = dy - low;
    p->tone *= 1 - 0.30 * hill(rim * rim / 0.0002) * smooth(1.1, 0.8, t2);
}

void part_brow(struct spot *p, const struct face *f, const struct face_shape *s, double x,
    double y, double px)
{
    double ax = fabs(x), t = (ax - s->brow.x0) / (s->brow.x1 - s->brow.x0);
    if (t < -0.1 || t > 1.1)
        return;
    double line = mix(s->brow.y0, s->brow.y1, t) - s->brow.arch * 4 * t * (1 - t) * (0.6 + 0.4 * t);
    double thick = s->brow.thick * (1 - 0.6 * t * t) * smooth(-0.08, 0.12, t);
    double hairs = 0.6 + 0.55 * actor_grain(f->seed + 3, ax * 70 + y * 45, y * 14 - ax * 6);
    double m = smooth(-0.016 - px, 0.016 + px, thick - fabs(y - line))
        * smooth(1.08, 0.85, t) * smooth(-0.08, 0.06, t);
    p->tone = mix(p->tone, f->trait[TRAIT_BROW_TONE], clamp01(m * hairs * 1.1));
    p->height += 0.012 * m;
}

void part_glasses(struct spot *p, const struct face *f, const struct face_shape *s, double x,
    double y, double px)
{
    if (f->trait[TRAIT_GLASSES] <= 0)
        return;
    double ax = fabs(x), dx = (ax - s->eye.x) / 0.25, dy = (y - s->eye.y - 0.02) / 0.19;
    double r = sqrt(sqrt(dx * dx * dx * dx + dy * dy * dy * dy));
    double rim = cover(0.009 - fabs(r - 1) * 0.2, px);
    double bridge = cover(0.011 - fabs(y - s->eye.y + 0.03 - 0.4 * x * x), px)
        * cover(s->eye.x - 0.25 - ax, px);
    double m = rim > bridge ? rim : bridge;
    p->tone = mix(p->tone, 0.03, 0.75 * m);
    p->lit *= 1 - 0.5 * m;
}
