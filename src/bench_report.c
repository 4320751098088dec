/*
 * bench_report.c: the files of a benchmark: bench.json and bench.csv with every figure and the
 * machine that it was measured on, charts as SVG, and report.html, which stands alone.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <time.h>

#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "nn/compile.h"
#include "src/bench.h"
#include "src/chart.h"
#include "src/output.h"
#include "src/owner.h"

enum { PATH_BYTES = 1200 };

/* ---- the machine ---- */

struct machine {
    char processor[80], kernel[200], when[32];
};

static void look_at_machine(struct machine *m)
{
    struct utsname u;
    time_t now = time(NULL);
    struct tm utc;
    char line[256];
    FILE *f = fopen("/proc/cpuinfo", "re");
    snprintf(m->processor, sizeof m->processor, "unknown");
    while (f != NULL && fgets(line, sizeof line, f) != NULL)
        if (strncmp(line, "model name", 10) == 0 && strchr(line, ':') != NULL) {
            snprintf(m->processor, sizeof m->processor, "%.*s",
                     (int)strcspn(strchr(line, ':') + 2, "\n"), strchr(line, ':') + 2);
            break;
        }
    if (f != NULL)
        fclose(f);
    if (uname(&u) == 0)
        snprintf(m->kernel, sizeof m->kernel, "%s %s %s", u.sysname, u.release, u.machine);
    strftime(m->when, sizeof m->when, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &utc));
}

/* ---- files ---- */

static int file_open(struct output *o, const struct bench *b, const char *name, struct err *e)
{
    char path[PATH_BYTES];
    snprintf(path, sizeof path, "%s/%s", b->w->dir, name);
    return output_open(o, path, 0, e);
}

/* ---- JSON and csv ---- */

static json_t *json_figures(const double *v, unsigned n)
{
    json_t *all = json_array();
    for (unsigned i = 0; i < n; i++)
        json_array_append_new(all, json_real(v[i]));
    return json_pack("{s:f, s:f, s:f, s:o}", "quartile", bench_quantile(v, n, 0.25), "median",
                     bench_quantile(v, n, 0.5), "upper_quartile", bench_quantile(v, n, 0.75),
                     "runs", all);
}

static json_t *json_case(const struct bench *b, const struct bench_case *c)
{
    struct bench_bounds t = bench_bounds(b, c);
    json_t *j = json_pack("{s:s, s:s, s:f, s:f, s:i, s:i, s:i}", "protocol", c->proto->name,
                          "network", c->network->name, "rtt_ms", c->network->rtt_ms, "mbit",
                          c->network->mbit, "selected", (int)c->selected, "workers",
                          (int)c->workers, "label", (int)c->label);
    json_object_set_new(j, "seconds", json_figures(c->total, c->n));
    json_object_set_new(j, "input_seconds", json_figures(c->input, c->n));
    json_object_set_new(j, "cpu_seconds", json_figures(c->cpu, c->n));
    json_object_set_new(j, "rounds", json_integer(c->rounds));
    json_object_set_new(j, "bytes", json_integer((json_int_t)c->bytes));
    json_object_set_new(j, "bytes_of_one", json_integer((json_int_t)c->most));
    json_object_set_new(j, "peak_rss_bytes", json_integer((json_int_t)c->peak));
    json_object_set_new(j, "bound", json_pack("{s:f, s:f, s:f, s:f}", "compute", t.compute, "bytes",
                                              t.bytes, "rounds", t.rounds, "all", t.all));
    json_object_set_new(j, "forecast", c->forecast > 0 ? json_real(c->forecast) : json_null());
    return j;
}

static int write_json(const struct bench *b, const struct machine *m, struct err *e)
{
    struct output o;
    json_t *cases = json_array();
    for (unsigned i = 0; i < b->n; i++)
        json_array_append_new(cases, json_case(b, &b->one[i]));
    json_t *j = json_pack("{s:{s:s, s:i, s:s, s:s}, s:s, s:s, s:i, s:i, s:o}", "machine",
                          "processor", m->processor, "cores", (int)b->cores, "kernel", m->kernel,
                          "compiler", "gcc " __VERSION__, "version", PACKAGE_VERSION, "time",
                          m->when, "runs", (int)b->w->runs, "warmup", (int)b->w->warmup, "cases",
                          cases);
    int code = j == NULL ? err_set(e, ERR_FAILED, "the figures cannot be written as JSON")
                         : file_open(&o, b, "bench.json", e);
    if (code == 0) {
        json_dumpf(j, o.f, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
        fputc('\n', o.f);
        code = output_commit(&o, e);
    }
    json_decref(j);
    return code;
}

static int write_csv(const struct bench *b, struct err *e)
{
    struct output o;
    if (file_open(&o, b, "bench.csv", e) != 0)
        return e->code;
    fputs("protocol,network,rtt_ms,mbit,selected,workers,run,seconds,input_seconds,cpu_seconds,"
          "rounds,bytes,bytes_of_one,bound_seconds,forecast_seconds\n", o.f);
    for (unsigned i = 0; i < b->n; i++) {
        const struct bench_case *c = &b->one[i];
        for (unsigned k = 0; k < c->n; k++)
            fprintf(o.f, "%s,%s,%g,%g,%u,%u,%u,%.6f,%.6f,%.6f,%u,%llu,%llu,%.6f,%.6f\n",
                    c->proto->name, c->network->name, c->network->rtt_ms, c->network->mbit,
                    c->selected, c->workers, k + 1, c->total[k], c->input[k], c->cpu[k], c->rounds,
                    (unsigned long long)c->bytes, (unsigned long long)c->most,
                    bench_bounds(b, c).all, c->forecast);
    }
    return output_commit(&o, e);
}

/* ---- charts ---- */

enum axis { AXIS_RTT, AXIS_BANDWIDTH, AXIS_FRAMES, AXES };

static const char *const axis_file[AXES] = { "rtt.svg", "bandwidth.svg", "frames.svg" };

static double axis_value(const struct bench_case *c, enum axis a)
{
    return a == AXIS_RTT ? c->network->rtt_ms : a == AXIS_BANDWIDTH ? c->network->mbit
                                                                    : c->selected;
}

/* What a line keeps fixed: everything but the axis. */
static void line_name(char *name, size_t n, const struct bench_case *c, enum axis a)
{
    char network[48] = "", frames[16] = "";
    if (a == AXIS_FRAMES)
        snprintf(network, sizeof network, ", %s", c->network->name);
    else if (a == AXIS_RTT && c->network->mbit > 0)
        snprintf(network, sizeof network, ", %g Mbit", c->network->mbit);
    else if (a == AXIS_BANDWIDTH)
        snprintf(network, sizeof network, ", %g ms", c->network->rtt_ms);
    if (a != AXIS_FRAMES)
        snprintf(frames, sizeof frames, ", %u fr", c->selected);
    snprintf(name, n, "%.24s%.24s%s, %u w", c->proto->name, network, frames, c->workers);
}

static struct chart_series *series_named(struct chart *c, const char *name)
{
    for (unsigned i = 0; i < c->n; i++)
        if (strcmp(c->series[i].name, name) == 0)
            return &c->series[i];
    if (c->n == CHART_SERIES)
        return NULL;
    snprintf(c->series[c->n].name, CHART_NAME, "%s", name);
    return &c->series[c->n++];
}

/* Points in ascending order of x. */
static void series_put(struct chart_series *s, double x, const struct bench_case *c)
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
    s->y[at] = bench_quantile(c->total, c->n, 0.5);
    s->low[at] = bench_quantile(c->total, c->n, 0.25);
    s->high[at] = bench_quantile(c->total, c->n, 0.75);
    s->n++;
}

/* A chart over one axis; 0 when no line has two points. */
static int chart_of(struct chart *chart, const struct bench *b, enum axis a)
{
    static const char *const title[AXES] = { "time against round-trip time",
                                             "time against bandwidth", "time against frames" };
    static const char *const x_name[AXES] = { "round-trip time, ms", "Mbit/s", "selected frames" };
    unsigned most = 0;
    *chart = (struct chart){ .title = title[a], .x_name = x_name[a], .y_name = "seconds",
                             .x_log = a == AXIS_BANDWIDTH };
    for (unsigned i = 0; i < b->n; i++) {
        const struct bench_case *c = &b->one[i];
        char name[CHART_NAME];
        if ((a == AXIS_BANDWIDTH && c->network->mbit == 0) ||
            (a != AXIS_FRAMES && c->network->shape != BENCH_EVEN))
            continue;
        line_name(name, sizeof name, c, a);
        struct chart_series *s = series_named(chart, name);
        if (s == NULL)
            continue;
        series_put(s, axis_value(c, a), c);
        most = s->n > most ? s->n : most;
    }
    return most > 1;
}

/* Bytes of every layer, by protocol, from the plan, which runs equal. */
struct layers {
    struct chart chart;
    char name[BENCH_LAYERS][CHART_NAME];
    uint16_t label[BENCH_LAYERS];
    unsigned n;
};

static int layers_add(struct layers *l, const struct bench *b, const struct protocol *proto,
                      const struct fixed_model *m, struct err *e)
{
    struct compiled compiled;
    const struct compile_options options = { .frames = b->frames, .selected = b->one[0].selected };
    struct chart_series *s = series_named(&l->chart, proto->name);
    int code = compile(&compiled, proto, &m->net, &options, e);
    for (uint32_t i = 0; code == 0 && i < compiled.program->ngate; i++) {
        uint16_t label = compiled.program->gate[i].layer;
        unsigned k = 0;
        struct cost cost;
        while (k < l->n && l->label[k] != label)
            k++;
        if (k == l->n && l->n < BENCH_LAYERS && l->n < CHART_POINTS) {
            l->label[l->n++] = label;
            compile_layer_name(&m->net, label, l->name[k], CHART_NAME);
        }
        if (k < l->n && s != NULL && s->y[k] == 0 &&
            (code = cost_layer(&cost, compiled.program, label, e)) == 0)
            s->y[k] = (double)cost_total(&cost) * 1e-6;
    }
    if (code == 0)
        compiled_fini(&compiled);
    if (s != NULL)
        s->n = l->n;
    return code;
}

static int layers_make(struct layers *l, const struct bench *b, struct err *e)
{
    struct fixed_model m = { 0 };
    struct selection own = { 0 };
    int code = owner_model_file(&m, &own, b->w->model, b->frames, e);
    l->chart = (struct chart){ .title = "bytes of the layers", .x_name = "", .y_name = "MB" };
    for (unsigned i = 0; i < b->w->nprotocol && code == 0; i++)
        code = layers_add(l, b, b->w->protocol[i], &m, e);
    fixed_model_fini(&m);
    selection_fini(&own);
    return code;
}

/* ---- the report ---- */

static void report_table(const struct bench *b, FILE *f)
{
    fputs("<table><tr><th>protocol<th>network<th>frames<th>workers<th>median s<th>quartiles"
          "<th>bound s<th>times<th>compute<th>bytes<th>rounds<th>MB<th>chain<th>forecast s</tr>\n",
          f);
    for (unsigned i = 0; i < b->n; i++) {
        const struct bench_case *c = &b->one[i];
        struct bench_bounds t = bench_bounds(b, c);
        double median = bench_quantile(c->total, c->n, 0.5);
        fprintf(f, "<tr><td>%s<td>%s<td>%u<td>%u<td>%.3f<td>%.3f .. %.3f<td>%.3f<td>%.2f<td>%.3f"
                "<td>%.3f<td>%.3f<td>%.1f<td>%u<td>", c->proto->name, c->network->name,
                c->selected, c->workers, median, bench_quantile(c->total, c->n, 0.25),
                bench_quantile(c->total, c->n, 0.75), t.all, median / t.all, t.compute, t.bytes,
                t.rounds, (double)c->bytes * 1e-6, c->rounds);
        if (c->forecast > 0)
            fprintf(f, "%.3f", c->forecast);
        fputs("</tr>\n", f);
    }
    fputs("</table>\n", f);
}

static int write_report(const struct bench *b, const struct machine *m, struct layers *l,
                        struct chart *chart, struct err *e)
{
    struct output o;
    if (file_open(&o, b, "report.html", e) != 0)
        return e->code;
    fprintf(o.f, "<!DOCTYPE html><html lang=\"en\"><meta charset=\"utf-8\"><title>Obscura: "
            "benchmark</title>\n<style>body{font-family:sans-serif;margin:2em}table{border-collapse:"
            "collapse}td,th{border:1px solid #ccc;padding:.2em .5em;text-align:right}</style>\n"
            "<h1>Private classification: time, bytes, rounds</h1>\n<p>%s, %u cores; %s; gcc "
            __VERSION__ "; version " PACKAGE_VERSION "; %s. %u runs of each case after %u that were "
            "not counted; parties, owners and network share the machine.</p>\n<p>The bound is the "
            "largest of compute / cores, bytes / bandwidth and rounds &times; one-way "
            "delay.</p>\n", m->processor, b->cores, m->kernel, m->when, b->w->runs, b->w->warmup);
    report_table(b, o.f);
    for (int a = 0; a < AXES; a++)
        if (chart_of(chart, b, (enum axis)a))
            chart_lines(chart, o.f);
    chart_bars(&l->chart, (const char (*)[CHART_NAME])l->name, l->n, o.f);
    fputs("</html>\n", o.f);
    return output_commit(&o, e);
}

static int write_charts(const struct bench *b, struct layers *l, struct chart *chart, struct err *e)
{
    struct output o;
    for (int a = 0; a < AXES; a++) {
        if (!chart_of(chart, b, (enum axis)a))
            continue;
        if (file_open(&o, b, axis_file[a], e) != 0)
            return e->code;
        chart_lines(chart, o.f);
        if (output_commit(&o, e) != 0)
            return e->code;
    }
    if (file_open(&o, b, "layers.svg", e) != 0)
        return e->code;
    chart_bars(&l->chart, (const char (*)[CHART_NAME])l->name, l->n, o.f);
    return output_commit(&o, e);
}

int bench_write(const struct bench *b, struct err *e)
{
    struct machine m = { 0 };
    struct layers *l = calloc(1, sizeof *l);
    struct chart *chart = calloc(1, sizeof *chart);
    int code = l == NULL || chart == NULL ? err_set(e, ERR_FAILED, "no memory for charts") : 0;
    look_at_machine(&m);
    mkdir(b->w->dir, 0777);     /* if it cannot be made, writing into it says why */
    if (code == 0)
        code = write_json(b, &m, e);
    if (code == 0)
        code = write_csv(b, e);
    if (code == 0)
        code = layers_make(l, b, e);
    if (code == 0)
        code = write_charts(b, l, chart, e);
    if (code == 0)
        code = write_report(b, &m, l, chart, e);
    free(l);
    free(chart);
    return code;
}
