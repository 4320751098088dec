#include "nn/mtcnn_scale.h"

#include <math.h>
#include <string.h>

/* sum += weight * row, over n bytes. */
static void add_row(float *sum, const uint8_t *row, float weight, size_t n)
{
    for (size_t k = 0; k < n; k++)
        sum[k] += weight * row[k];
}

/* Input rows (or columns) k from *first to *last that output `i` of n covers of `size`. */
static void covered(double *low, double *high, uint32_t *first, uint32_t *last, uint32_t i,
    uint32_t n, uint32_t size)
{
    *low = (double)i * size / n;
    *high = (double)(i + 1) * size / n;
    *first = (uint32_t)*low;
    *last = (uint32_t)ceil(*high) - 1;
    *last = *last < size ? *last : size - 1;
}

/* The part of pixel k that lies between low and high. */
static double part(uint32_t k, double low, double high)
{
    double a = low > k ? low : k, b = high < k + 1.0 ? high : k + 1.0;
    return b > a ? b - a : 0;
}

static void shrink_row(float *out, uint32_t w, const float *sum, uint32_t size, double height)
{
    for (uint32_t j = 0; j < w; j++, out += 3) {
        double low, high;
        uint32_t first, last;
        float colour[3] = { 0 };
        covered(&low, &high, &first, &last, j, w, size);
        for (uint32_t k = first; k <= last; k++) {
            float weight = (float)part(k, low, high);
            for (unsigned c = 0; c < 3; c++)
                colour[c] += weight * sum[3 * (size_t)k + c];
        }
        float scale = (float)(1 / (height * (high - low)));
        for (unsigned c = 0; c < 3; c++)
            out[c] = (colour[c] * scale - 127.5f) / 128;
    }
}

void mtcnn_shrink(float *out, uint32_t w, uint32_t h, const struct picture *in, float *scratch)
{
    size_t n = (size_t)in->w * 3;
    for (uint32_t i = 0; i < h; i++) {
        double low, high;
        uint32_t first, last;
        covered(&low, &high, &first, &last, i, h, in->h);
        memset(scratch, 0, n * sizeof *scratch);
        for (uint32_t k = first; k <= last; k++)
            add_row(scratch, in->rgb + k * n, (float)part(k, low, high), n);
        shrink_row(out + (size_t)i * w * 3, w, scratch, in->w, high - low);
    }
}

/* Between two pixels of a row or column: 0 when the place is outside. */
static int between(double place, uint32_t size, uint32_t *low, uint32_t *high, float *t)
{
    if (!(place >= 0 && place <= size - 1))
        return 0;
    *low = (uint32_t)place;
    *high = (uint32_t)ceil(place);
    *t = (float)(place - *low);
    return 1;
}

static void patch_pixel(float out[static 3], const struct picture *in, double x, double y)
{
    uint32_t left, right, top, bottom;
    float tx, ty;
    memset(out, 0, 3 * sizeof *out);
    if (!between(x, in->w, &left, &right, &tx) || !between(y, in->h, &top, &bottom, &ty))
        return;
    const uint8_t *a = in->rgb + (size_t)top * in->w * 3, *b = in->rgb + (size_t)bottom * in->w * 3;
    for (unsigned c = 0; c < 3; c++) {
        float p = a[3 * left + c], q = a[3 * right + c], r = b[3 * left + c], s = b[3 * right + c];
        float up = p + (q - p) * tx, down = r + (s - r) * tx;
        out[c] = (up + (down - up) * ty - 127.5f) / 128;
    }
}

void mtcnn_patch(float *out, unsigned edge, const struct picture *in, double x1, double y1,
    double x2, double y2)
{
    double w = in->w - 1.0, h = in->h - 1.0;
    for (unsigned i = 0; i < edge; i++) {
        double y = y1 / in->h * h + i * ((y2 - y1) / in->h) * h / (edge - 1);
        for (unsigned j = 0; j < edge; j++) {
            double x = x1 / in->w * w + j * ((x2 - x1) / in->w) * w / (edge - 1);
            patch_pixel(out + 3 * (i * edge + j), in, x, y);
        }
    }
}
