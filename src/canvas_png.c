#include <math.h>
#include <string.h>

#include "net/base_mem.h"
#include "nn/font.h"
#include "nn/png_out.h"
#include "src/canvas.h"

static void bytes_of(uint8_t rgb[static 3], uint32_t colour)
{
    for (unsigned i = 0; i < 3; i++)
        rgb[i] = (uint8_t)(colour >> (16 - 8 * i));
}

static void put(struct picture *p, long x, long y, const uint8_t rgb[static 3])
{
    if (x >= 0 && y >= 0 && x < (long)p->w && y < (long)p->h)
        memcpy(p->rgb + ((size_t)y * p->w + (size_t)x) * 3, rgb, 3);
}

static void png_box(struct canvas *c, const double at[2], const double size[2], uint32_t colour)
{
    uint8_t rgb[3];
    bytes_of(rgb, colour);
    for (long y = lround(at[1]); y < lround(at[1] + size[1]); y++)
        for (long x = lround(at[0]); x < lround(at[0] + size[0]); x++)
            put(&c->picture, x, y, rgb);
}

static void png_dot(struct canvas *c, const double at[2], double radius, uint32_t colour)
{
    uint8_t rgb[3];
    long r = (long)ceil(radius);
    bytes_of(rgb, colour);
    for (long y = -r; y <= r; y++)
        for (long x = -r; x <= r; x++)
            if ((double)(x * x + y * y) <= radius * radius + 0.5)
                put(&c->picture, lround(at[0]) + x, lround(at[1]) + y, rgb);
}

static void png_line(struct canvas *c, const double from[2], const double to[2], unsigned wide,
                     uint32_t colour)
{
    double dx = to[0] - from[0], dy = to[1] - from[1];
    long steps = (long)ceil(fmax(fabs(dx), fabs(dy)));
    const double side[2] = { wide, wide };
    for (long i = 0; i <= steps; i++) {
        double part = steps > 0 ? (double)i / (double)steps : 0;
        const double at[2] = { from[0] + part * dx - (wide - 1) * 0.5,
                               from[1] + part * dy - (wide - 1) * 0.5 };
        png_box(c, at, side, colour);
    }
}

static void png_text(struct canvas *c, const double at[2], enum canvas_place place, int up,
                     const char *text)
{
    static const double before[] = { 0, 0.5, 1 };
    static const uint8_t black[3], white[3] = { 255, 255, 255 };
    struct picture p = { 0 };
    struct err e;
    size_t n = strlen(text);
    uint32_t w = (uint32_t)n * FONT_WIDTH, h = FONT_HEIGHT - 1;
    double start = before[place] * w;
    if (n == 0 || picture_init(&p, w, h, &e) != 0)
        return;
    font_write(&p, 0, 0, text, white);      /* then white becomes black, where it belongs */
    for (long y = 0; y < (long)h; y++)
        for (long x = 0; x < (long)w; x++)
            if (p.rgb[((size_t)y * w + (size_t)x) * 3] != 0) {
                long along = lround((up ? -at[1] : at[0]) - start) + x;
                long across = lround(up ? at[0] : at[1]) - (long)h + y;
                put(&c->picture, up ? across : along, up ? -along : across, black);
            }
    picture_fini(&p);
}

static const struct canvas_ops ops = {
    .line = png_line, .box = png_box, .dot = png_dot, .text = png_text
};

int canvas_png(struct canvas *c, unsigned w, unsigned h, struct err *e)
{
    *c = (struct canvas){ .ops = &ops };
    int code = picture_init(&c->picture, w, h, e);
    if (code == 0)
        memset(c->picture.rgb, 255, (size_t)w * h * 3);
    return code;
}

int canvas_end(struct canvas *c, FILE *f, struct err *e)
{
    size_t n;
    if (c->f != NULL) {
        fputs("</svg>\n", c->f);
        return 0;
    }
    uint8_t *png = png_bytes(&c->picture, &n, e);
    if (png != NULL)
        fwrite(png, 1, n, f);
    mem_free(png);
    picture_fini(&c->picture);
    return png != NULL ? 0 : e->code;
}
