#include "src/chart.h"

#include <math.h>

enum { WIDTH = 720, HEIGHT = 380, LEFT = 70, RIGHT = 200, TOP = 40, BOTTOM = 60 };

static const char *const colour[] = { "#1f5fbf", "#d9822b", "#3a9a4b", "#b03a48", "#7a4fb0",
                                      "#5a5a5a", "#0f9aa8", "#a8860f" };

static const char *colour_of(unsigned i)
{
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
    FILE *f;
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
    return LEFT + (b > a ? (x - a) / (b - a) : 0.5) * (WIDTH - LEFT - RIGHT);
}

static double y_at(const struct frame *d, double y)
{
    return TOP + (1 - y / d->y1) * (HEIGHT - TOP - BOTTOM);
}

static void frame_begin(const struct frame *d)
{
    fprintf(d->f, "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" "
            "viewBox=\"0 0 %d %d\" font-family=\"sans-serif\" font-size=\"12\">\n"
            "<rect width=\"100%%\" height=\"100%%\" fill=\"white\"/>\n"
            "<text x=\"%d\" y=\"22\" font-size=\"14\" font-weight=\"bold\">%s</text>\n",
            WIDTH, HEIGHT, WIDTH, HEIGHT, LEFT, d->c->title);
    for (int k = 0; k <= 5; k++) {
        double v = d->y1 * k / 5, y = y_at(d, v);
        fprintf(d->f, "<path d=\"M%d %.1fH%d\" stroke=\"#ddd\"/>\n"
                "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%.4g</text>\n", LEFT, y,
                WIDTH - RIGHT, LEFT - 6, y + 4, v);
    }
    fprintf(d->f, "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">%s</text>\n"
            "<text x=\"16\" y=\"%d\" text-anchor=\"middle\" transform=\"rotate(-90 16 %d)\">%s"
            "</text>\n", (LEFT + WIDTH - RIGHT) / 2, HEIGHT - 12, d->c->x_name,
            (TOP + HEIGHT - BOTTOM) / 2, (TOP + HEIGHT - BOTTOM) / 2, d->c->y_name);
    for (unsigned i = 0; i < d->c->n; i++)
        fprintf(d->f, "<path d=\"M%d %uh20\" stroke=\"%s\" stroke-width=\"3\"/>\n"
                "<text x=\"%d\" y=\"%u\">%s</text>\n", WIDTH - RIGHT + 16, TOP + 12 + 20 * i,
                colour_of(i), WIDTH - RIGHT + 42, TOP + 16 + 20 * i, d->c->series[i].name);
}

static struct frame frame_of(const struct chart *c, FILE *f)
{
    struct frame d = { .c = c, .f = f, .x0 = INFINITY, .x1 = -INFINITY };
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
    fputs("<path d=\"", d->f);
    for (unsigned k = 0; k < s->n; k++)
        fprintf(d->f, "%c%.1f %.1f", k == 0 ? 'M' : 'L', x_at(d, s->x[k]), y_at(d, s->y[k]));
    fprintf(d->f, "\" fill=\"none\" stroke=\"%s\" stroke-width=\"1.8\"/>\n", colour_of(i));
    for (unsigned k = 0; k < s->n; k++) {
        double x = x_at(d, s->x[k]);
        fprintf(d->f, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3\" fill=\"%s\"/>\n", x,
                y_at(d, s->y[k]), colour_of(i));
        if (s->high[k] > s->low[k])
            fprintf(d->f, "<path d=\"M%.1f %.1fV%.1f\" stroke=\"%s\"/>\n", x, y_at(d, s->low[k]),
                    y_at(d, s->high[k]), colour_of(i));
        if (i == 0)
            fprintf(d->f, "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%.4g</text>\n", x,
                    HEIGHT - BOTTOM + 18, s->x[k]);
    }
}

void chart_lines(const struct chart *c, FILE *f)
{
    struct frame d = frame_of(c, f);
    frame_begin(&d);
    for (unsigned i = 0; i < c->n; i++)
        draw_series(&d, i);
    fputs("</svg>\n", f);
}

void chart_bars(const struct chart *c, const char (*name)[CHART_NAME], unsigned n, FILE *f)
{
    struct frame d = frame_of(c, f);
    double step = (double)(WIDTH - LEFT - RIGHT) / (n > 0 ? n : 1);
    frame_begin(&d);
    for (unsigned k = 0; k < n; k++) {
        double x = LEFT + step * k, wide = step * 0.8 / c->n, middle = x + step * 0.4;
        for (unsigned i = 0; i < c->n; i++) {
            double y = y_at(&d, c->series[i].y[k]);
            fprintf(f, "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" fill=\"%s\"/>\n",
                    x + wide * i, y, wide, HEIGHT - BOTTOM - y, colour_of(i));
        }
        fprintf(f, "<text x=\"%.1f\" y=\"%d\" font-size=\"10\" text-anchor=\"end\" "
                "transform=\"rotate(-30 %.1f %d)\">%s</text>\n", middle, HEIGHT - BOTTOM + 14,
                middle, HEIGHT - BOTTOM + 14, name[k]);
    }
    fputs("</svg>\n", f);
}
