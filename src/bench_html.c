/*
 * bench_html.c: report.html of a benchmark: a table of all cases and the charts, in one file.
 */
#include <string.h>

#include "src/bench_plot.h"
#include "src/output.h"

static double number(json_t *j, const char *a, const char *b)
{
    json_t *v = json_object_get(j, a);
    return json_number_value(b != NULL ? json_object_get(v, b) : v);
}

/* A text of the file, as HTML: it may have been written by others. */
static void put_text(FILE *f, json_t *j, const char *a, const char *b)
{
    json_t *v = json_object_get(j, a);
    const char *s = json_string_value(b != NULL ? json_object_get(v, b) : v);
    for (; s != NULL && *s != '\0'; s++)
        if (*s == '<' || *s == '&')
            fputs(*s == '<' ? "&lt;" : "&amp;", f);
        else
            fputc(*s, f);
}

static void put_head(FILE *f, json_t *bench)
{
    fputs("<!DOCTYPE html><html lang=\"en\"><meta charset=\"utf-8\"><title>Obscura: benchmark"
          "</title>\n<style>body{font-family:sans-serif;margin:2em}table{border-collapse:collapse}"
          "td,th{border:1px solid #ccc;padding:.2em .5em;text-align:right}</style>\n"
          "<h1>Private classification: time, bytes, rounds</h1>\n<p>", f);
    put_text(f, bench, "machine", "processor");
    fprintf(f, ", %.0f cores; ", number(bench, "machine", "cores"));
    put_text(f, bench, "machine", "kernel");
    fputs(", TCP with ", f);
    put_text(f, bench, "machine", "congestion");
    double lanes = number(bench, "lanes", NULL);
    fprintf(f, ", %.0f connection%s a link; ", lanes, lanes == 1 ? "" : "s");
    put_text(f, bench, "clip", NULL);
    fprintf(f, " of %.0f frames, ", number(bench, "frames", NULL));
    put_text(f, bench, "model", NULL);
    fputs("; ", f);
    put_text(f, bench, "compiler", NULL);
    fputs("; version ", f);
    put_text(f, bench, "version", NULL);
    fputs(", commit ", f);
    put_text(f, bench, "commit", NULL);
    fputs("; ", f);
    put_text(f, bench, "time", NULL);
    fprintf(f, "; seed %.0f. %.0f runs of each case after %.0f that were not counted. With epoll, "
            "parties, owners and network share the machine; with sim, every party has its own, in "
            "the simulator.</p>\n<p>The bound is the largest of compute / cores, bytes / bandwidth "
            "and rounds &times; one-way delay; bytes, then rounds is sharper where the network "
            "decides: bytes of a link have to go before the rounds that come after them.</p>\n",
            number(bench, "seed", NULL), number(bench, "runs", NULL),
            number(bench, "warmup", NULL));
}

/* Who is waited for, and what was prepared, where there is something to say. */
static void put_more(FILE *f, json_t *c)
{
    json_t *slow = json_object_get(c, "slow");
    json_t *before = json_object_get(json_object_get(c, "offline"), "seconds");
    fputs("<td>", f);
    if (json_is_number(json_object_get(c, "forecast")))
        fprintf(f, "%.3f", number(c, "forecast", NULL));
    fputs("<td>", f);
    if (json_is_number(before))
        fprintf(f, "%.3f", json_number_value(before));
    fputs("<td>", f);
    if (json_is_object(slow)) {
        fprintf(f, "party %.0f (", number(slow, "party", NULL));
        put_text(f, slow, "why", NULL);
        fprintf(f, "): %.0f%%", 100 * number(slow, "share", NULL));
    }
    fputs("</tr>\n", f);
}

static void put_case(FILE *f, json_t *c)
{
    double median = number(c, "seconds", "median"), bound = number(c, "bound", "all");
    double chain = number(c, "bound", "chain");
    fputs("<tr><td>", f);
    put_text(f, c, "protocol", NULL);
    fputs("<td>", f);
    put_text(f, c, "network", NULL);
    fputs("<td>", f);
    put_text(f, c, "transport", NULL);
    fprintf(f, "<td>%.0f<td>%.0f<td>%.3f<td>%.3f .. %.3f<td>%.3f<td>%.2f<td>%.3f<td>%.3f<td>%.3f"
            "<td>%.3f<td>%.2f<td>%.1f<td>%.1f<td>%.0f", number(c, "selected", NULL),
            number(c, "workers", NULL), median, number(c, "seconds", "quartile"),
            number(c, "seconds", "upper_quartile"), bound, bound > 0 ? median / bound : 0,
            number(c, "bound", "compute"), number(c, "bound", "bytes"),
            number(c, "bound", "rounds"), chain, chain > 0 ? median / chain : 0,
            number(c, "bytes", NULL) * 1e-6, number(c, "offline", "bytes") * 1e-6,
            number(c, "rounds", NULL));
    put_more(f, c);
}

int bench_html(json_t *bench, const char *dir, struct chart *room, struct err *e)
{
    char path[1200];
    const char *file;
    struct output o;
    size_t i;
    json_t *c;
    snprintf(path, sizeof path, "%s/report.html", dir);
    if (output_open(&o, path, 0, e) != 0)
        return e->code;
    put_head(o.f, bench);
    fputs("<table><tr><th>protocol<th>network<th>transport<th>frames<th>workers<th>median s"
          "<th>quartiles<th>bound s<th>times<th>compute<th>bytes<th>rounds"
          "<th>bytes, then rounds<th>times<th>MB<th>MB offline<th>chain<th>forecast s"
          "<th>offline s<th>held up by</tr>\n", o.f);
    json_array_foreach(json_object_get(bench, "cases"), i, c)
        put_case(o.f, c);
    fputs("</table>\n", o.f);
    for (unsigned n = 0; n < BENCH_CHARTS; n++)
        if (bench_chart(room, &file, bench, n)) {
            struct canvas on;
            canvas_svg(&on, CHART_WIDTH, CHART_HEIGHT, o.f);
            chart_draw(room, &on);
            canvas_end(&on, o.f, e);
        }
    fputs("</html>\n", o.f);
    return output_commit(&o, e);
}
