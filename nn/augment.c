#include "nn/augment.h"

#include <math.h>
#include <stddef.h>

/* From output to input coordinates, relative to both centres: u = m (x, y) + t. */
struct affine {
    double xx, xy, yx, yy, tx, ty;
};

static struct affine affine_draw(const struct augment *a, struct chance *c)
{
    int mirror = a->flip && chance_unit(c) < 0.5;
    double angle = chance_between(c, -a->rotate, a->rotate) * (3.14159265358979323846 / 180);
    double scale = 1 / chance_between(c, 1 - a->zoom, 1 + a->zoom);
    double cosine = scale * cos(angle), sine = scale * sin(angle);
    struct affine m = { .xx = mirror ? -cosine : cosine, .xy = -sine,
                        .yx = mirror ? -sine : sine, .yy = cosine };
    m.tx = chance_between(c, -a->shift, a->shift);
    m.ty = chance_between(c, -a->shift, a->shift);
    return m;
}

/* Splits a coordinate, held inside 0 .. n - 1, into a pixel with a right neighbour and the way to
 * it. */
static uint32_t split(double at, uint32_t n, float *way)
{
    at = at < 0 ? 0 : at > n - 1 ? n - 1 : at;
    uint32_t k = (uint32_t)at;
    if (k + 1 >= n && k > 0)
        k--;
    *way = (float)(at - k);
    return k;
}

static float sample(const uint8_t *grey, uint32_t h, uint32_t w, double y, double x)
{
    float a, b;
    uint32_t i = split(y, h, &a), j = split(x, w, &b);
    const uint8_t *p = grey + (size_t)i * w + j, *q = h > 1 ? p + w : p;
    size_t next = w > 1;
    float top = (float)p[0] + b * (float)(p[next] - p[0]);
    float low = (float)q[0] + b * (float)(q[next] - q[0]);
    return top + a * (low - top);
}

void augment_draw(const struct augment *a, struct chance c, float *out, const uint8_t *grey,
                  uint32_t h, uint32_t w)
{
    struct affine m = affine_draw(a, &c);
    float gain = (float)(1 + chance_between(&c, -a->brightness, a->brightness));
    float level = (float)chance_between(&c, -a->brightness, a->brightness);
    double cy = (h - 1) / 2.0, cx = (w - 1) / 2.0;
    for (uint32_t i = 0; i < h; i++)
        for (uint32_t j = 0; j < w; j++) {
            double y = i - cy, x = j - cx;
            float v = sample(grey, h, w, m.yx * x + m.yy * y + m.ty + cy,
                             m.xx * x + m.xy * y + m.tx + cx) / 255;
            v = (v - 0.5f) * gain + 0.5f + level;
            out[(size_t)i * w + j] = v < 0 ? 0 : v > 1 ? 1 : v;
        }
}

void augment_none(float *out, const uint8_t *grey, uint32_t h, uint32_t w)
{
    for (size_t k = 0; k < (size_t)h * w; k++)
        out[k] = (float)grey[k] / 255;
}
