/*
 * train_log.c: the epochs of a training, as csv and as curves.
 *
 * The picture has two fields, loss and accuracy over epochs; training is grey, held out pictures
 * blue, acted faces orange, and a line marks the best epoch.
 */
#include <math.h>
#include <string.h>

#include "src/output.h"
#include "src/train.h"

enum { WIDTH = 760, HEIGHT = 300, LEFT = 60, TOP = 40, FIELD = 280, RISE = 200, GAP = 90 };

/* An empty cell where there is no figure. */
static void cell(FILE *f, double v, const char *end)
{
    if (isfinite(v))
        fprintf(f, "%.6g", v);
    fputs(end, f);
}

int train_log_write(const char *path, const struct trainer *t, struct err *e)
{
    struct output o;
    if (output_open(&o, path, 0, e) != 0)
        return e->code;
    fputs("epoch,rate,loss,accuracy,validation_loss,validation_accuracy,acted_accuracy,seconds\n",
          o.f);
    for (unsigned k = 0; k < trainer_epochs(t); k++) {
        const struct trainer_row *r = &trainer_rows(t)[k];
        fprintf(o.f, "%u,", k + 1);
        cell(o.f, r->rate, ",");
        cell(o.f, r->loss, ",");
        cell(o.f, r->accuracy, ",");
        cell(o.f, r->held_loss, ",");
        cell(o.f, r->held_accuracy, ",");
        cell(o.f, r->acted_accuracy, ",");
        cell(o.f, r->seconds, "\n");
    }
    return output_commit(&o, e);
}

/* One curve's values by name. */
enum curve { LOSS, HELD_LOSS, ACCURACY, HELD_ACCURACY, ACTED_ACCURACY };

static double value(const struct trainer_row *r, enum curve c)
{
    const double v[] = { r->loss, r->held_loss, r->accuracy, r->held_accuracy,
                         r->acted_accuracy };
    return v[c];
}

struct field {
    const struct trainer *t;
    FILE *f;
    double x, low, high;        /* left edge; the values at bottom and top */
};

static double x_of(const struct field *d, unsigned epoch)
{
    unsigned n = trainer_epochs(d->t);
    return d->x + (n > 1 ? (double)(epoch - 1) / (n - 1) : 0.5) * FIELD;
}

static double y_of(const struct field *d, double v)
{
    double part = (v - d->low) / (d->high - d->low);
    return TOP + RISE * (1 - (part < 0 ? 0 : part > 1 ? 1 : part));
}

static void field_frame(const struct field *d, const char *title)
{
    fprintf(d->f, "<text x=\"%.0f\" y=\"%d\" font-weight=\"bold\">%s</text>\n", d->x, TOP - 12,
            title);
    for (int k = 0; k <= 4; k++) {
        double v = d->low + (d->high - d->low) * k / 4, y = y_of(d, v);
        fprintf(d->f, "<path d=\"M%.0f %.1fh%d\" stroke=\"#ddd\"/>\n", d->x, y, FIELD);
        fprintf(d->f, "<text x=\"%.0f\" y=\"%.1f\" text-anchor=\"end\">%.2f</text>\n",
                d->x - 6, y + 4, v);
    }
    unsigned n = trainer_epochs(d->t), best = trainer_best(d->t);
    fprintf(d->f, "<text x=\"%.0f\" y=\"%d\" text-anchor=\"end\">epoch %u</text>\n", d->x + FIELD,
            TOP + RISE + 18, n);
    if (best > 0)
        fprintf(d->f, "<path d=\"M%.1f %dv%d\" stroke=\"#888\" stroke-dasharray=\"3 3\"/>\n",
                x_of(d, best), TOP, RISE);
}

static void field_curve(const struct field *d, enum curve c, const char *colour)
{
    int pen = 0;
    fputs("<path d=\"", d->f);
    for (unsigned k = 0; k < trainer_epochs(d->t); k++) {
        double v = value(&trainer_rows(d->t)[k], c);
        if (isfinite(v))
            fprintf(d->f, "%c%.1f %.1f", pen++ ? 'L' : 'M', x_of(d, k + 1), y_of(d, v));
    }
    if (pen == 1)
        fputs("h2", d->f);
    fprintf(d->f, "\" fill=\"none\" stroke=\"%s\" stroke-width=\"1.8\"/>\n", colour);
}

static double highest_loss(const struct trainer *t)
{
    double top = 0.1;
    for (unsigned k = 0; k < trainer_epochs(t); k++)
        for (int c = LOSS; c <= HELD_LOSS; c++) {
            double v = value(&trainer_rows(t)[k], (enum curve)c);
            if (isfinite(v) && v > top)
                top = v;
        }
    return ceil(top * 5) / 5;
}

static void legend(FILE *f)
{
    static const struct { const char *colour, *words; } entry[] = {
        { "#999", "training" }, { "#1f5fbf", "held out" }, { "#d9822b", "acted faces" },
    };
    for (int k = 0; k < 3; k++)
        fprintf(f, "<path d=\"M%d %dh24\" stroke=\"%s\" stroke-width=\"3\"/>\n"
                "<text x=\"%d\" y=\"%d\">%s</text>\n", LEFT + 130 * k, HEIGHT - 18, entry[k].colour,
                LEFT + 30 + 130 * k, HEIGHT - 14, entry[k].words);
}

int train_curves_write(const char *path, const struct trainer *t, struct err *e)
{
    struct output o;
    if (output_open(&o, path, 0, e) != 0)
        return e->code;
    fprintf(o.f, "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" "
            "font-family=\"sans-serif\" font-size=\"11\">\n"
            "<rect width=\"100%%\" height=\"100%%\" fill=\"white\"/>\n", WIDTH, HEIGHT);
    struct field loss = { t, o.f, LEFT, 0, highest_loss(t) };
    field_frame(&loss, "loss");
    field_curve(&loss, LOSS, "#999");
    field_curve(&loss, HELD_LOSS, "#1f5fbf");
    struct field right = { t, o.f, LEFT + FIELD + GAP, 0, 1 };
    field_frame(&right, "accuracy");
    field_curve(&right, ACCURACY, "#999");
    field_curve(&right, ACTED_ACCURACY, "#d9822b");
    field_curve(&right, HELD_ACCURACY, "#1f5fbf");
    legend(o.f);
    fputs("</svg>\n", o.f);
    return output_commit(&o, e);
}
