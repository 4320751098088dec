/*
 * test_chart.c: charts show the values: read back from the SVG's numbers and from the pixels of the
 * decoded PNG, each by its own arithmetic.
 */
#include "tests/check.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "net/base_mem.h"
#include "nn/video_in.h"
#include "src/chart.h"

static const uint32_t blue = 0x1f5fbf, orange = 0xd9822b;

/* The text of the SVG; free(). */
static char *svg_of(const struct chart *c)
{
    char *text = NULL;
    size_t n;
    struct err e;
    struct canvas on;
    FILE *f = open_memstream(&text, &n);
    canvas_svg(&on, CHART_WIDTH, CHART_HEIGHT, f);
    chart_draw(c, &on);
    CHECK_EQ(canvas_end(&on, NULL, &e), 0);
    fclose(f);
    return text;
}

/* The PNG, encoded and decoded again. */
static struct picture png_of(const struct chart *c)
{
    char *bytes = NULL;
    size_t n;
    struct err e = { 0 };
    struct canvas on;
    struct picture p = { 0 };
    FILE *f = open_memstream(&bytes, &n);
    CHECK_EQ(canvas_png(&on, CHART_WIDTH, CHART_HEIGHT, &e), 0);
    chart_draw(c, &on);
    CHECK_EQ(canvas_end(&on, f, &e), 0);
    fclose(f);
    struct video_frame at;
    int got = 0;
    struct video_in *v = video_in_open_bytes((const uint8_t *)bytes, n, "a chart", &e);
    CHECK(v != NULL && video_in_next(v, &p, &at, &got, &e) == 0 && got);
    video_in_close(v);
    CHECK(p.w == CHART_WIDTH && p.h == CHART_HEIGHT);
    free(bytes);
    return p;
}

static uint32_t pixel(const struct picture *p, unsigned x, unsigned y)
{
    const uint8_t *rgb = p->rgb + ((size_t)y * p->w + x) * 3;
    return (uint32_t)rgb[0] << 16 | (uint32_t)rgb[1] << 8 | rgb[2];
}

/* Pixels of a colour below the frame's upper edge and left of the legend, in one column. */
static unsigned column_height(const struct picture *p, unsigned x, uint32_t colour)
{
    unsigned n = 0;
    for (unsigned y = CHART_TOP; y < CHART_HEIGHT - CHART_BOTTOM; y++)
        n += pixel(p, x, y) == colour;
    return n;
}

enum {
    TALL = CHART_HEIGHT - CHART_BOTTOM - CHART_TOP,
    WIDE = CHART_WIDTH - CHART_LEFT - CHART_RIGHT
};

/* Two series of three bars, the largest 80, so that the axis ends at 100. */
static struct chart bars(void)
{
    struct chart c = { .title = "t", .x_name = "", .y_name = "u", .bars = 1, .names = 3, .n = 2 };
    static const double v[2][3] = { { 80, 20, 5 }, { 40, 0, 60 } };
    for (unsigned i = 0; i < 2; i++) {
        snprintf(c.series[i].name, CHART_NAME, "s%u", i);
        c.series[i].n = 3;
        memcpy(c.series[i].y, v[i], sizeof v[i]);
    }
    for (unsigned k = 0; k < 3; k++)
        snprintf(c.name[k], CHART_NAME, "n%u", k);
    return c;
}

static void bars_are_as_high_as_values(void)
{
    struct chart c = bars();
    struct picture p = png_of(&c);
    char *svg = svg_of(&c), *at = svg;
    double w, h;
    unsigned seen = 0, x, y;
    for (unsigned k = 0; k < 3; k++)
        for (unsigned i = 0; i < 2; i++) {
            double left = CHART_LEFT + WIDE / 3.0 * (k + 0.4 * i), middle = left + WIDE / 3.0 * 0.2;
            double high = column_height(&p, (unsigned)middle, i == 0 ? blue : orange);
            CHECK(fabs(high / TALL * 100 - c.series[i].y[k]) < 0.6);
        }
    for (; (at = strstr(at, "<rect x=\"")) != NULL; at++) {
        char colour[8] = "";
        double px, py;
        if (sscanf(at, "<rect x=\"%lf\" y=\"%lf\" width=\"%lf\" height=\"%lf\" fill=\"#%6s", &px,
                   &py, &w, &h, colour) != 5 || px > CHART_LEFT + WIDE)
            continue;
        x = (unsigned)(px + w / 2);
        y = (unsigned)(py + h / 2);
        CHECK(fabs(h / TALL * 100 - c.series[seen % 2].y[seen / 2]) < 0.06);
        CHECK(h < 2 || pixel(&p, x, y) == strtoul(colour, NULL, 16));
        seen++;
    }
    CHECK_EQ(seen, 6);
    free(svg);
    picture_fini(&p);
}

/* Points at 10, 100 and 1000 on a logarithmic axis stand at equal distances. */
static void points_are_where_values_are(void)
{
    struct chart c = { .title = "<t>", .x_name = "x", .y_name = "y", .x_log = 1, .n = 1 };
    static const double x[] = { 10, 100, 1000 }, y[] = { 5, 2.5, 1 };
    snprintf(c.series[0].name, CHART_NAME, "a & b");
    c.series[0].n = 3;
    memcpy(c.series[0].x, x, sizeof x);
    memcpy(c.series[0].y, y, sizeof y);
    struct picture p = png_of(&c);
    char *svg = svg_of(&c), *at = svg;
    for (unsigned k = 0; k < 3; k++) {
        double px = 0, py = 0;
        at = strstr(at + 1, "<circle");
        CHECK(at != NULL && sscanf(at, "<circle cx=\"%lf\" cy=\"%lf\"", &px, &py) == 2);
        CHECK(fabs(px - (CHART_LEFT + WIDE * k / 2.0)) < 0.06);
        CHECK(fabs((1 - (py - CHART_TOP) / TALL) * 5 - y[k]) < 0.002);
        CHECK_EQ(pixel(&p, (unsigned)lround(px), (unsigned)lround(py)), blue);
    }
    CHECK(strstr(at + 1, "<circle") == NULL);
    CHECK(strstr(svg, "&lt;t>") != NULL && strstr(svg, "a &amp; b") != NULL);
    free(svg);
    picture_fini(&p);
}

/* Words stand where they belong: dark pixels beside the axes, also those that read upwards. */
static void words_are_there(void)
{
    struct chart c = bars();
    struct picture p = png_of(&c);
    unsigned up = 0, names = 0, blank = 0;
    for (unsigned y = 0; y < p.h; y++)
        for (unsigned x = 0; x < p.w; x++) {
            int black = pixel(&p, x, y) == 0;
            up += black && x < 20;
            names += black && y > CHART_HEIGHT - CHART_BOTTOM + 4 && x > CHART_LEFT;
            blank += black && x > CHART_LEFT && x < CHART_LEFT + WIDE && y > CHART_TOP + 1 &&
                     y < CHART_HEIGHT - CHART_BOTTOM - 1;
        }
    CHECK(up > 8 && up < 40);
    CHECK(names > 50);
    CHECK_EQ(blank, 0);
    picture_fini(&p);
}

static void series_by_name(void)
{
    static struct chart c;
    char name[CHART_NAME];
    struct chart_series *first = chart_series(&c, "a");
    CHECK(chart_series(&c, "b") != first && chart_series(&c, "a") == first);
    for (unsigned i = 0; i < CHART_SERIES; i++) {
        snprintf(name, sizeof name, "%u", i);
        CHECK((chart_series(&c, name) == NULL) == (i >= CHART_SERIES - 2));
    }
}

int main(void)
{
    CASE(bars_are_as_high_as_values);
    CASE(points_are_where_values_are);
    CASE(words_are_there);
    CASE(series_by_name);
    return check_done();
}
