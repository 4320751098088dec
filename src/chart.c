#include "src/chart.h"

#include <math.h>
#include <string.h>

enum { WIDE = CHART_WIDTH - CHART_LEFT - CHART_RIGHT, FOOT = CHART_HEIGHT - CHART_BOTTOM };

static uint32_t colour_of(unsigned i)
{
    static const uint32_t colour[] = { 0x1f5fbf, 0xd9822b, 0x3a9a4b, 0xb03a48, 0x7a4fb0, 0x5a5a5a,
                                       0x0f9aa8, 0xa8860f };
    return colour[i % (sizeof colour / sizeof *colour)];
}

/* The first of 1, 2, 5, 10, .. that is not below v. */
static double round_up(double v)
{
    double unit = pow(10, floor(log10(v > 0 ? v : 1)));
    double part = v / unit;
    return unit * (part <= 1 ? 1 : part <= 2 ? 2 : part <= 5 ? 5 : 10);
}

struct frame {
    const struct chart *c;
    struct canvas *on;
    double x0, x1, y1;          /* the ranges; y from 0 */
};

static double x_at(const struct frame *d, double x)
{
    double a = d->x0, b = d->x1;
    if (d->c->x_log) {
        a = log10(a);
        b = log10(b);
        x = log10(x);
    }
    return CHART_LEFT + (b > a ? (x - a) / (b - a) : 0.5) * WIDE;
}

static double y_at(const struct frame *d, double y)
{
    return CHART_TOP + (1 - y / d->y1) * (FOOT - CHART_TOP);
}

static void text_at(const struct frame *d, double x, double y, enum canvas_place place,
                    const char *text)
{
    d->on->ops->text(d->on, (const double[2]){ x, y }, place, 0, text);
}

static void line_at(const struct frame *d, double x0, double y0, double x1, double y1,
                    uint32_t colour)
{
    d->on->ops->line(d->on, (const double[2]){ x0, y0 }, (const double[2]){ x1, y1 }, 1, colour);
}

static void draw_frame(const struct frame *d)
{
    text_at(d, CHART_LEFT, 22, CANVAS_START, d->c->title);
    for (int k = 0; k <= 5; k++) {
        char text[24];
        double v = d->y1 * k / 5, y = y_at(d, v);
        snprintf(text, sizeof text, "%.4g", v);
        line_at(d, CHART_LEFT, y, CHART_LEFT + WIDE, y, 0xdddddd);
        text_at(d, CHART_LEFT - 6, y + 4, CANVAS_END, text);
    }
    text_at(d, CHART_LEFT + WIDE / 2, CHART_HEIGHT - 12, CANVAS_MIDDLE, d->c->x_name);
    d->on->ops->text(d->on, (const double[2]){ 16, (CHART_TOP + FOOT) / 2 }, CANVAS_MIDDLE, 1,
                     d->c->y_name);
    for (unsigned i = 0; i < d->c->n; i++) {
        double y = CHART_TOP + 12 + 20 * i;
        const double at[2] = { CHART_LEFT + WIDE + 16, y - 1 }, size[2] = { 20, 3 };
        d->on->ops->box(d->on, at, size, colour_of(i));
        text_at(d, CHART_LEFT + WIDE + 42, y + 4, CANVAS_START, d->c->series[i].name);
    }
}

static struct frame frame_of(const struct chart *c, struct canvas *on)
{
    struct frame d = { .c = c, .on = on, .x0 = INFINITY, .x1 = -INFINITY };
    for (unsigned i = 0; i < c->n; i++)
        for (unsigned k = 0; k < c->series[i].n; k++) {
            d.x0 = fmin(d.x0, c->series[i].x[k]);
            d.x1 = fmax(d.x1, c->series[i].x[k]);
            d.y1 = fmax(d.y1, fmax(c->series[i].y[k], c->series[i].high[k]));
        }
    d.y1 = round_up(d.y1);
    return d;
}

static void draw_series(const struct frame *d, unsigned i)
{
    const struct chart_series *s = &d->c->series[i];
    for (unsigned k = 0; k < s->n; k++) {
        const double at[2] = { x_at(d, s->x[k]), y_at(d, s->y[k]) };
        char text[24];
        if (k + 1 < s->n)
            line_at(d, at[0], at[1], x_at(d, s->x[k + 1]), y_at(d, s->y[k + 1]), colour_of(i));
        d->on->ops->dot(d->on, at, 3, colour_of(i));
        if (s->high[k] > s->low[k])
            line_at(d, at[0], y_at(d, s->low[k]), at[0], y_at(d, s->high[k]), colour_of(i));
        snprintf(text, sizeof text, "%.4g", s->x[k]);
        if (i == 0)
            text_at(d, at[0], FOOT + 18, CANVAS_MIDDLE, text);
    }
}

static void draw_bars(const struct frame *d, unsigned k)
{
    double step = (double)WIDE / d->c->names, x = CHART_LEFT + step * k;
    double wide = step * 0.8 / d->c->n;
    for (unsigned i = 0; i < d->c->n; i++) {
        double y = y_at(d, d->c->series[i].y[k]);
        const double at[2] = { x + wide * i, y }, size[2] = { wide, FOOT - y };
        d->on->ops->box(d->on, at, size, colour_of(i));
    }
    d->on->ops->text(d->on, (const double[2]){ x + step * 0.4 + 4, FOOT + 6 }, CANVAS_END, 1,
                     d->c->name[k]);
}

void chart_draw(const struct chart *c, struct canvas *on)
{
    struct frame d = frame_of(c, on);
    draw_frame(&d);
    for (unsigned i = 0; i < c->n && !c->bars; i++)
        draw_series(&d, i);
    for (unsigned k = 0; k < c->names && c->bars; k++)
        draw_bars(&d, k);
}

struct chart_series *chart_series(struct chart *c, const char *name)
{
    for (unsigned i = 0; i < c->n; i++)
        if (strcmp(c->series[i].name, name) == 0)
            return &c->series[i];
    if (c->n == CHART_SERIES)
        return NULL;
    snprintf(c->series[c->n].name, CHART_NAME, "%s", name);
    return &c->series[c->n++];
}
