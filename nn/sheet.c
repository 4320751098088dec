#include "nn/sheet.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "net/base_mem.h"
#include "nn/font.h"

enum {
    CELLS = 200, COLUMNS = 5,
    THUMB = 160, GAP = 6, CROP = 2 * ALIGN_EDGE, WORDS = 2 * FONT_HEIGHT + 6,
    CELL_WIDTH = THUMB + CROP + 3 * GAP
};

static const uint8_t green[3] = { 96, 220, 96 }, red[3] = { 255, 96, 80 }, white[3] = { 235, 235,
    235 };

struct cell {
    struct picture thumb;
    struct extract_frame frame;
    uint8_t crop[ALIGN_PIXELS];
};

struct sheet {
    struct cell cell[CELLS];
    unsigned n;
    uint32_t seen, stride;          /* frames offered; every stride-th is kept */
    int full;                       /* memory was lacking */
};

struct sheet *sheet_new(struct err *e)
{
    struct sheet *s = mem_new(1, sizeof *s);
    if (s == NULL)
        err_set(e, ERR_FAILED, "no memory for a contact sheet");
    else
        s->stride = 1;
    return s;
}

void sheet_free(struct sheet *s)
{
    for (unsigned k = 0; s != NULL && k < CELLS; k++)
        picture_fini(&s->cell[k].thumb);
    if (s != NULL)
        wipe(s, sizeof *s);
    mem_free(s);
}

/* Every second cell goes. */
static void thin_out(struct sheet *s)
{
    for (unsigned k = 0; k < CELLS; k++) {
        if (k % 2 != 0) {
            picture_fini(&s->cell[k].thumb);
        } else if (k > 0) {
            s->cell[k / 2] = s->cell[k];
            s->cell[k].thumb = (struct picture){ 0 };
        }
    }
    s->n = CELLS / 2;
    s->stride *= 2;
}

static void dot(struct picture *p, double x, double y, const uint8_t colour[static 3])
{
    if (x >= 0 && y >= 0 && x < p->w && y < p->h)
        memcpy(p->rgb + ((size_t)y * p->w + (size_t)x) * 3, colour, 3);
}

static void draw_box(struct picture *p, const double box[static 4], double scale,
    const uint8_t colour[static 3])
{
    double x = floor(box[0] * scale), y = floor(box[1] * scale);
    double w = floor(box[2] * scale), h = floor(box[3] * scale);
    for (double k = 0; k <= w; k++) {
        dot(p, x + k, y, colour);
        dot(p, x + k, y + h, colour);
    }
    for (double k = 0; k <= h; k++) {
        dot(p, x, y + k, colour);
        dot(p, x + w, y + k, colour);
    }
}

/* p made small: the mean of up to 4 x 4 samples for each pixel. */
static void shrink(struct picture *to, const struct picture *p)
{
    enum { SAMPLES = 4 };
    for (uint32_t y = 0; y < to->h; y++)
        for (uint32_t x = 0; x < to->w; x++) {
            unsigned sum[3] = { 0 };
            for (unsigned k = 0; k < SAMPLES * SAMPLES; k++) {
                size_t sx = (size_t)(x * SAMPLES + k % SAMPLES) * p->w / (to->w * SAMPLES);
                size_t sy = (size_t)(y * SAMPLES + k / SAMPLES) * p->h / (to->h * SAMPLES);
                for (unsigned c = 0; c < 3; c++)
                    sum[c] += p->rgb[(sy * p->w + sx) * 3 + c];
            }
            for (unsigned c = 0; c < 3; c++)
                to->rgb[((size_t)y * to->w + x) * 3 + c] = (uint8_t)(sum[c] / (SAMPLES * SAMPLES));
        }
}

void sheet_add(struct sheet *s, const struct picture *p, const struct extract_frame *f,
    const uint8_t *crop)
{
    if (s->seen++ % s->stride != 0)
        return;
    if (s->n == CELLS) {
        thin_out(s);
        if ((s->seen - 1) % s->stride != 0)
            return;
    }
    struct cell *c = &s->cell[s->n];
    double scale = THUMB / (double)(p->w > p->h ? p->w : p->h);
    uint32_t w = (uint32_t)fmax(p->w * scale, 1), h = (uint32_t)fmax(p->h * scale, 1);
    if (picture_init(&c->thumb, w, h, NULL) != 0) {
        s->full = 1;
        return;
    }
    shrink(&c->thumb, p);
    if (f->confidence > 0)
        draw_box(&c->thumb, f->box, scale, f->verdict == ALIGN_TAKEN ? green : red);
    c->frame = *f;
    memcpy(c->crop, crop, ALIGN_PIXELS);
    s->n++;
}

/* Why, in the words of the sheet. */
static void cell_words(char line[2][64], const struct extract_frame *f)
{
    const double degrees = f->radians * 180 / 3.14159265358979323846;
    if (isfinite(f->at.seconds))
        snprintf(line[0], sizeof line[0], "#%u %.2f s  %s", f->at.index, f->at.seconds,
            align_word(f->verdict));
    else
        snprintf(line[0], sizeof line[0], "#%u  %s", f->at.index, align_word(f->verdict));
    line[1][0] = '\0';
    if (f->confidence > 0)
        snprintf(line[1], sizeof line[1], "%.4f  tilt %+.1f deg  %u face%s", f->confidence,
            degrees, f->faces, f->faces == 1 ? "" : "s");
}

/* high: of the tallest thumb or crop, below which the words stand. */
static void draw_cell(struct picture *out, const struct cell *c, uint32_t x, uint32_t y,
    uint32_t high)
{
    char line[2][64];
    const uint8_t *colour = c->frame.verdict == ALIGN_TAKEN ? green : red;
    for (uint32_t i = 0; i < c->thumb.h; i++)
        memcpy(out->rgb + ((size_t)(y + i) * out->w + x) * 3,
            c->thumb.rgb + (size_t)i * c->thumb.w * 3, (size_t)c->thumb.w * 3);
    for (uint32_t i = 0; i < CROP && c->frame.verdict == ALIGN_TAKEN; i++)
        for (uint32_t j = 0; j < CROP; j++)
            memset(out->rgb + ((size_t)(y + i) * out->w + x + THUMB + GAP + j) * 3,
                c->crop[i / 2 * ALIGN_EDGE + j / 2], 3);
    cell_words(line, &c->frame);
    font_write(out, x, y + high + 4, line[0], colour);
    font_write(out, x, y + high + 4 + FONT_HEIGHT + 1, line[1], white);
}

int sheet_picture(const struct sheet *s, struct picture *out, struct err *e)
{
    uint32_t columns = s->n < COLUMNS ? s->n : COLUMNS, rows = (s->n + COLUMNS - 1) / COLUMNS;
    uint32_t high = CROP;
    for (unsigned k = 0; k < s->n; k++)
        high = s->cell[k].thumb.h > high ? s->cell[k].thumb.h : high;
    uint32_t cell = high + WORDS + 2 * GAP;
    if (s->full)
        return err_set(e, ERR_FAILED, "no memory for a contact sheet");
    if (s->n == 0)
        return err_set(e, ERR_INPUT, "no frame for a contact sheet");
    if (picture_init(out, columns * CELL_WIDTH + GAP, rows * cell + GAP, e) != 0)
        return e->code;
    memset(out->rgb, 32, (size_t)out->w * out->h * 3);
    for (unsigned k = 0; k < s->n; k++)
        draw_cell(out, &s->cell[k], GAP + k % COLUMNS * CELL_WIDTH, GAP + k / COLUMNS * cell,
            high);
    return 0;
}
