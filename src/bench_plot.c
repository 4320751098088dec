#include "src/bench_plot.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "src/output.h"

enum { PATH_BYTES = 1200 };

/* ---- lines ---- */

struct axis {
    const char *file, *title, *name, *key;
    int log;
};

static const struct axis axes[] = {
    { "rtt", "time against round-trip time", "round-trip time, ms", "rtt_ms", 0 },
    { "bandwidth", "time against bandwidth", "Mbit/s", "mbit", 1 },
    { "frames", "time against frames", "selected frames", "selected", 0 },
};

enum { AXES = sizeof axes / sizeof *axes };

static double number(json_t *j, const char *key)
{
    return json_number_value(json_object_get(j, key));
}

static const char *text(json_t *j, const char *key)
{
    const char *s = json_string_value(json_object_get(j, key));
    return s != NULL ? s : "";
}

/* What a line keeps fixed: everything but the axis. */
static void line_name(char *name, size_t n, json_t *c, const struct axis *a)
{
    char fixed[64] = "", frames[16] = "";
    int over_frames = a->key[0] == 's';
    if (over_frames)
        snprintf(fixed, sizeof fixed, ", %.24s", text(c, "network"));
    else if (a->log)
        snprintf(fixed, sizeof fixed, ", %g ms", number(c, "rtt_ms"));
    else if (number(c, "mbit") > 0)
        snprintf(fixed, sizeof fixed, ", %g Mbit", number(c, "mbit"));
    if (!over_frames)
        snprintf(frames, sizeof frames, ", %.0f fr", number(c, "selected"));
    snprintf(name, n, "%.16s%.28s%s, %.0f w%s%.6s", text(c, "protocol"), fixed, frames,
             number(c, "workers"), strcmp(text(c, "transport"), "epoll") != 0 ? ", " : "",
             strcmp(text(c, "transport"), "epoll") != 0 ? text(c, "transport") : "");
}

/* Points in ascending order of x. */
static void series_put(struct chart_series *s, double x, json_t *seconds)
{
    unsigned at = s->n;
    if (s->n == CHART_POINTS)
        return;
    for (; at > 0 && s->x[at - 1] > x; at--) {
        s->x[at] = s->x[at - 1];
        s->y[at] = s->y[at - 1];
        s->low[at] = s->low[at - 1];
        s->high[at] = s->high[at - 1];
    }
    s->x[at] = x;
    s->y[at] = number(seconds, "median");
    s->low[at] = number(seconds, "quartile");
    s->high[at] = number(seconds, "upper_quartile");
    s->n++;
}

/* 0 when no line has two points. */
static int lines_of(struct chart *chart, json_t *bench, const struct axis *a)
{
    unsigned most = 0;
    size_t i;
    json_t *c;
    *chart = (struct chart){ .title = a->title, .x_name = a->name, .y_name = "seconds",
                             .x_log = a->log };
    json_array_foreach(json_object_get(bench, "cases"), i, c) {
        char name[CHART_NAME];
        double x = number(c, a->key);
        if ((a->log && x <= 0) || (strcmp(a->file, "frames") != 0 &&
                                   !json_is_true(json_object_get(c, "even"))))
            continue;
        line_name(name, sizeof name, c, a);
        struct chart_series *s = chart_series(chart, name);
        if (s == NULL)
            continue;
        series_put(s, x, json_object_get(c, "seconds"));
        most = s->n > 1 && s->x[s->n - 1] > s->x[0] ? 2 : most;
    }
    return most > 1;
}

/* ---- layers ---- */

struct measure {
    const char *file, *title, *unit, *key;
    double scale;
};

static const struct measure measures[] = {
    { "layers-bytes", "bytes of the layers", "MB", "bytes", 1e-6 },
    { "layers-rounds", "rounds of the layers, of one frame or all", "rounds", "rounds", 1 },
    { "layers-seconds", "arithmetic in the layers, all parties", "CPU seconds", "seconds", 1 },
};

static int bars_of(struct chart *chart, json_t *bench, const struct measure *m)
{
    size_t i;
    json_t *l;
    *chart = (struct chart){ .title = m->title, .x_name = "", .y_name = m->unit, .bars = 1 };
    json_array_foreach(json_object_get(bench, "layers"), i, l) {
        struct chart_series *s = chart_series(chart, text(l, "protocol"));
        unsigned k = 0;
        while (k < chart->names && strcmp(chart->name[k], text(l, "layer")) != 0)
            k++;
        if (s == NULL || k == CHART_POINTS)
            continue;
        if (k == chart->names)
            snprintf(chart->name[chart->names++], CHART_NAME, "%s", text(l, "layer"));
        s->y[k] += number(l, m->key) * m->scale;
        s->n = s->n > k + 1 ? s->n : k + 1;
    }
    return chart->names > 0;
}

int bench_chart(struct chart *c, const char **file, json_t *bench, unsigned n)
{
    *file = n < AXES ? axes[n].file : measures[n - AXES].file;
    return n < AXES ? lines_of(c, bench, &axes[n]) : bars_of(c, bench, &measures[n - AXES]);
}

/* ---- files ---- */

static int chart_write(const struct chart *c, const char *dir, const char *file, int png,
                       struct err *e)
{
    char path[PATH_BYTES];
    struct output o;
    struct canvas on;
    snprintf(path, sizeof path, "%s/%s.%s", dir, file, png ? "png" : "svg");
    if (output_open(&o, path, 0, e) != 0)
        return e->code;
    if (png && canvas_png(&on, CHART_WIDTH, CHART_HEIGHT, e) != 0) {
        output_drop(&o);
        return e->code;
    }
    if (!png)
        canvas_svg(&on, CHART_WIDTH, CHART_HEIGHT, o.f);
    chart_draw(c, &on);
    if (canvas_end(&on, o.f, e) == 0)
        return output_commit(&o, e);
    output_drop(&o);
    return e->code;
}

/* A benchmark that can be drawn: its cases have times. */
static int bench_check(json_t *bench, const char *path, struct err *e)
{
    size_t i;
    json_t *c, *cases = json_object_get(bench, "cases");
    int good = json_array_size(cases) > 0;
    json_array_foreach(cases, i, c)
        good &= number(json_object_get(c, "seconds"), "median") > 0 && text(c, "protocol")[0] != 0;
    return good ? 0 : err_set(e, ERR_INPUT, "%s: not a benchmark (bench.json of obscura bench)",
                              path);
}

int bench_plot(const char *path, const char *dir, struct err *e)
{
    json_error_t bad;
    json_t *bench = json_load_file(path, 0, &bad);
    struct chart *c = calloc(1, sizeof *c);
    int code = c == NULL ? err_set(e, ERR_FAILED, "no memory for charts") : 0;
    if (code == 0 && bench == NULL)
        code = err_set(e, ERR_INPUT, "%s:%d: %s", path, bad.line, bad.text);
    if (code == 0)
        code = bench_check(bench, path, e);
    if (code == 0)
        mkdir(dir, 0777);       /* if it cannot be made, writing into it says why */
    for (unsigned n = 0; n < BENCH_CHARTS && code == 0; n++) {
        const char *file;
        if (!bench_chart(c, &file, bench, n))
            continue;
        code = chart_write(c, dir, file, 0, e);
        if (code == 0)
            code = chart_write(c, dir, file, 1, e);
    }
    if (code == 0)
        code = bench_html(bench, dir, c, e);
    free(c);
    json_decref(bench);
    return code;
}
