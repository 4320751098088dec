#include "nn/picture.h"

#include <math.h>
#include <string.h>

#include "net/base_mem.h"

int picture_init(struct picture *p, uint32_t w, uint32_t h, struct err *e)
{
    if (w == 0 || h == 0 || w > PICTURE_EDGE_MAX || h > PICTURE_EDGE_MAX)
        return err_set(e, ERR_INPUT, "a picture of %u x %u; expected edges of 1 to %d", w, h,
            PICTURE_EDGE_MAX);
    if (p->rgb != NULL && p->w == w && p->h == h) {
        memset(p->rgb, 0, (size_t)w * h * 3);
        return 0;
    }
    picture_fini(p);
    p->rgb = mem_new((size_t)w * h, 3);
    if (p->rgb == NULL)
        return err_set(e, ERR_FAILED, "no memory for a picture of %u x %u", w, h);
    p->w = w;
    p->h = h;
    return 0;
}

void picture_fini(struct picture *p)
{
    if (p->rgb != NULL)
        wipe(p->rgb, (size_t)p->w * p->h * 3);
    mem_free(p->rgb);
    *p = (struct picture){ 0 };
}

/* ---- turning ---- */

/* One colour sample between four pixels that are all there. */
static void sample_inside(uint8_t out[static 3], const struct picture *in, double x, double y)
{
    uint32_t px = (uint32_t)x, py = (uint32_t)y;
    float ax = (float)(x - px), ay = (float)(y - py);
    const uint8_t *p = in->rgb + ((size_t)py * in->w + px) * 3, *q = p + (size_t)in->w * 3;
    for (int c = 0; c < 3; c++) {
        float up = (float)p[c] + ax * (float)(p[c + 3] - p[c]);
        float down = (float)q[c] + ax * (float)(q[c + 3] - q[c]);
        out[c] = (uint8_t)(up + ay * (down - up) + 0.5f);
    }
}

/* The same where some may be missing: black outside. */
static void sample_edge(uint8_t out[static 3], const struct picture *in, double x, double y)
{
    double fx = floor(x), fy = floor(y);
    double ax = x - fx, ay = y - fy, sum[3] = { 0 };
    for (int k = 0; k < 4; k++) {
        double px = fx + (k & 1), py = fy + (k >> 1);
        double weight = (k & 1 ? ax : 1 - ax) * (k >> 1 ? ay : 1 - ay);
        if (px < 0 || py < 0 || px >= in->w || py >= in->h)
            continue;
        const uint8_t *p = in->rgb + ((size_t)py * in->w + (size_t)px) * 3;
        for (int c = 0; c < 3; c++)
            sum[c] += weight * p[c];
    }
    for (int c = 0; c < 3; c++)
        out[c] = (uint8_t)(sum[c] + 0.5);
}

int picture_level(struct picture *out, const struct picture *in, double radians, struct err *e)
{
    double si = sin(radians), co = cos(radians), cx = in->w / 2.0, cy = in->h / 2.0;
    if (picture_init(out, in->w, in->h, e) != 0)
        return e->code;
    for (uint32_t y = 0; y < in->h; y++) {
        double dy = y - cy;
        for (uint32_t x = 0; x < in->w; x++) {
            double dx = x - cx, px = cx + co * dx - si * dy, py = cy + si * dx + co * dy;
            int inside = px >= 0 && py >= 0 && px < in->w - 1.0 && py < in->h - 1.0;
            (inside ? sample_inside : sample_edge)(out->rgb + ((size_t)y * in->w + x) * 3, in, px,
                py);
        }
    }
    return 0;
}

void picture_level_point(double to[2], const double from[2], const struct picture *p,
    double radians)
{
    double si = sin(radians), co = cos(radians), cx = p->w / 2.0, cy = p->h / 2.0;
    double dx = from[0] - cx, dy = from[1] - cy;
    to[0] = cx + co * dx + si * dy;
    to[1] = cy - si * dx + co * dy;
}

int picture_turn(struct picture *out, const struct picture *in, unsigned quarters, int mirror,
    struct err *e)
{
    uint32_t w = quarters & 1 ? in->h : in->w, h = quarters & 1 ? in->w : in->h;
    if (picture_init(out, w, h, e) != 0)
        return e->code;
    for (uint32_t y = 0; y < in->h; y++) {
        for (uint32_t x = 0; x < in->w; x++) {
            uint32_t mx = mirror ? in->w - 1 - x : x;
            uint32_t to_x = quarters == 0 ? mx : quarters == 1 ? in->h - 1 - y
                : quarters == 2 ? in->w - 1 - mx : y;
            uint32_t to_y = quarters == 0 ? y : quarters == 1 ? mx
                : quarters == 2 ? in->h - 1 - y : in->w - 1 - mx;
            memcpy(out->rgb + ((size_t)to_y * w + to_x) * 3,
                in->rgb + ((size_t)y * in->w + x) * 3, 3);
        }
    }
    return 0;
}

/* ---- cropping ---- */

static uint8_t grey_of(const uint8_t rgb[static 3])
{
    return (uint8_t)((4899u * rgb[0] + 9617u * rgb[1] + 1868u * rgb[2] + 8192u) >> 14);
}

void picture_grey(uint8_t *grey, const struct picture *in)
{
    for (size_t k = 0, n = (size_t)in->w * in->h; k < n; k++)
        grey[k] = grey_of(in->rgb + 3 * k);
}

/* Cubic convolution with a = -0.75: the weights of the pixels at -1, 0, 1, 2 for a place t in
 * [0, 1) behind pixel 0. */
static void cubic(double weight[static 4], double t)
{
    const double a = -0.75;
    for (int k = 0; k < 4; k++) {
        double d = fabs(t + 1 - k);
        weight[k] = d <= 1 ? ((a + 2) * d - (a + 3)) * d * d + 1
                           : ((a * d - 5 * a) * d + 8 * a) * d - 4 * a;
    }
}

/* Where output pixel i of `edge` lies between input pixels from `low` to `high` - 1. */
static void cubic_taps(uint32_t at[static 4], double weight[static 4], unsigned i, unsigned edge,
    uint32_t low, uint32_t high)
{
    double place = (i + 0.5) * (high - low) / edge - 0.5, whole = floor(place);
    cubic(weight, place - whole);
    for (int k = 0; k < 4; k++) {
        double p = low + whole + (k - 1);
        at[k] = p < low ? low : p > high - 1 ? high - 1 : (uint32_t)p;
    }
}

void picture_crop_grey(uint8_t *grey, unsigned edge, const struct picture *in, uint32_t x0,
    uint32_t y0, uint32_t x1, uint32_t y1)
{
    for (unsigned i = 0; i < edge; i++) {
        uint32_t row[4], column[4];
        double down[4], across[4];
        cubic_taps(row, down, i, edge, y0, y1);
        for (unsigned j = 0; j < edge; j++) {
            double sum[3] = { 0 };
            uint8_t rgb[3];
            cubic_taps(column, across, j, edge, x0, x1);
            for (int k = 0; k < 16; k++) {
                const uint8_t *p = in->rgb + ((size_t)row[k / 4] * in->w + column[k % 4]) * 3;
                for (int c = 0; c < 3; c++)
                    sum[c] += down[k / 4] * across[k % 4] * p[c];
            }
            for (int c = 0; c < 3; c++)
                rgb[c] = (uint8_t)(sum[c] < 0 ? 0 : sum[c] > 255 ? 255 : rint(sum[c]));
            grey[i * edge + j] = grey_of(rgb);
        }
    }
}
