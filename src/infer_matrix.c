/*
 * infer_matrix.c: the confusion matrix of `obscura infer` as a picture: shares of each row as
 * shades, counts as text. SVG, or PNG with the small letters of font.h.
 */
#include <stdio.h>
#include <string.h>

#include "net/base_mem.h"
#include "nn/font.h"
#include "nn/png_out.h"
#include "src/infer.h"
#include "src/output.h"

enum { CELL = 62, LEFT = 90, TOP = 70, RIGHT = 20, BOTTOM = 40 };

static const uint8_t shade[3] = { 0x1f, 0x5f, 0xbf }, black[3], white[3] = { 255, 255, 255 };

/* What a cell shows: its count, and the share of its row. */
static size_t cell_count(const struct infer *i, uint32_t r, uint32_t c, double *part)
{
    size_t count = i->all.confusion[r][c], support = tally_class(&i->all, r).support;
    *part = support > 0 ? (double)count / (double)support : 0;
    return count;
}

static void title(const struct infer *i, char *text, size_t n)
{
    snprintf(text, n, "%.2f%% of %zu right", 100.0 * (double)i->all.right / (double)i->all.labelled,
             i->all.labelled);
}

/* ---- SVG ---- */

static void svg_text(FILE *f, unsigned x, unsigned y, const char *more, const char *text)
{
    fprintf(f, "<text x=\"%u\" y=\"%u\"%s>", x, y, more);
    for (; *text != '\0'; text++)
        if (*text == '<' || *text == '&')
            fputs(*text == '<' ? "&lt;" : "&amp;", f);
        else
            fputc(*text, f);
    fputs("</text>\n", f);
}

static void svg_cell(const struct infer *i, FILE *f, uint32_t r, uint32_t c)
{
    char text[24];
    double part;
    unsigned x = LEFT + CELL * c, y = TOP + CELL * r;
    snprintf(text, sizeof text, "%zu", cell_count(i, r, c, &part));
    fprintf(f, "<rect x=\"%u\" y=\"%u\" width=\"%d\" height=\"%d\" fill=\"#%02x%02x%02x\" "
            "fill-opacity=\"%.3f\" stroke=\"#ccc\"/>\n", x, y, CELL, CELL, shade[0], shade[1],
            shade[2], part);
    svg_text(f, x + CELL / 2, y + CELL / 2 + 4, part > 0.5 ? " fill=\"white\"" : "", text);
}

static void draw_svg(const struct infer *i, FILE *f)
{
    unsigned n = i->all.nclass, side = CELL * n, middle = TOP + side / 2;
    char text[64];
    fprintf(f, "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%u\" height=\"%u\" "
            "font-family=\"sans-serif\" font-size=\"12\" text-anchor=\"middle\">\n"
            "<rect width=\"100%%\" height=\"100%%\" fill=\"white\"/>\n", LEFT + side + RIGHT,
            TOP + side + BOTTOM);
    title(i, text, sizeof text);
    svg_text(f, LEFT + side / 2, 20, " font-weight=\"bold\"", text);
    svg_text(f, LEFT + side / 2, TOP + side + 24, "", "label found");
    snprintf(text, sizeof text, " transform=\"rotate(-90 16 %u)\"", middle);
    svg_text(f, 16, middle, text, "true class");
    for (uint32_t r = 0; r < n; r++) {
        const char *name = i->m.net.class_name[r];
        svg_text(f, LEFT - 8, TOP + CELL * r + CELL / 2 + 4, " text-anchor=\"end\"", name);
        svg_text(f, LEFT + CELL * r + CELL / 2, TOP - 10, "", name);
        for (uint32_t c = 0; c < n; c++)
            svg_cell(i, f, r, c);
    }
    fputs("</svg>\n", f);
}

static int write_svg(const struct infer *i, const char *path, struct err *e)
{
    struct output o;
    if (output_open(&o, path, 0, e) != 0)
        return e->code;
    draw_svg(i, o.f);
    return output_commit(&o, e);
}

/* ---- PNG ---- */

/* Of `part` of the shade on white. */
static void fill(struct picture *p, uint32_t x, uint32_t y, uint32_t w, uint32_t h, double part)
{
    for (uint32_t v = y; v < y + h; v++)
        for (uint32_t u = x; u < x + w; u++)
            for (unsigned c = 0; c < 3; c++)
                p->rgb[((size_t)v * p->w + u) * 3 + c] =
                    (uint8_t)(255.5 - part * (255 - shade[c]));
}

/* As much of a text as has room, in the middle of `wide` pixels. */
static void centre(struct picture *p, uint32_t x, uint32_t y, uint32_t wide, const char *text,
                   const uint8_t colour[static 3])
{
    char cut[64];
    size_t room = wide / FONT_WIDTH < sizeof cut ? wide / FONT_WIDTH : sizeof cut - 1;
    size_t n = strnlen(text, room);
    snprintf(cut, sizeof cut, "%.*s", (int)n, text);
    font_write(p, x + (wide - (uint32_t)n * FONT_WIDTH) / 2, y, cut, colour);
}

static void png_cell(const struct infer *i, struct picture *p, uint32_t r, uint32_t c)
{
    char text[24];
    double part;
    uint32_t x = LEFT + CELL * c, y = TOP + CELL * r;
    snprintf(text, sizeof text, "%zu", cell_count(i, r, c, &part));
    fill(p, x, y, CELL, CELL, 0.2);
    fill(p, x + 1, y + 1, CELL - 1, CELL - 1, part);
    centre(p, x, y + CELL / 2 - FONT_HEIGHT / 2, CELL, text, part > 0.5 ? white : black);
}

static void draw_png(const struct infer *i, struct picture *p)
{
    uint32_t n = i->all.nclass, side = CELL * n;
    char text[64];
    fill(p, 0, 0, p->w, p->h, 0);
    title(i, text, sizeof text);
    centre(p, LEFT, 14, side, text, black);
    centre(p, 0, TOP - 16, LEFT, "true class", black);
    centre(p, LEFT, TOP + side + 16, side, "label found", black);
    for (uint32_t r = 0; r < n; r++) {
        const char *name = i->m.net.class_name[r];
        centre(p, 0, TOP + CELL * r + CELL / 2 - FONT_HEIGHT / 2, LEFT, name, black);
        centre(p, LEFT + CELL * r, TOP - 16, CELL, name, black);
        for (uint32_t c = 0; c < n; c++)
            png_cell(i, p, r, c);
    }
}

static int write_png(const struct infer *i, const char *path, struct err *e)
{
    struct picture p = { 0 };
    struct output o = { 0 };
    uint32_t side = CELL * i->all.nclass;
    uint8_t *png = NULL;
    size_t n;
    int code = picture_init(&p, LEFT + side + RIGHT, TOP + side + BOTTOM, e);
    if (code == 0) {
        draw_png(i, &p);
        png = png_bytes(&p, &n, e);
        code = png == NULL ? e->code : output_open(&o, path, 0, e);
    }
    if (code == 0) {
        fwrite(png, 1, n, o.f);
        code = output_commit(&o, e);
    }
    mem_free(png);
    picture_fini(&p);
    return code;
}

int infer_picture(const struct infer *i, const char *path, struct err *e)
{
    size_t n = strlen(path);
    return n > 4 && strcmp(path + n - 4, ".png") == 0 ? write_png(i, path, e)
                                                      : write_svg(i, path, e);
}
