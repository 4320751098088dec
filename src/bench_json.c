/*
 * bench_json.c: bench.json and bench.csv: every figure of a benchmark, and where it comes from.
 */
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <time.h>

#ifdef HAVE_CONFIG_H
#include "config.h"
#include "net/congestion.h"
#endif
#include "src/bench.h"
#include "src/commit.h"
#include "src/output.h"

enum { PATH_BYTES = 1200 };

/* ---- where it was measured ---- */

static void processor_name(char *name, size_t n)
{
    char line[256];
    FILE *f = fopen("/proc/cpuinfo", "re");
    snprintf(name, n, "unknown");
    while (f != NULL && fgets(line, sizeof line, f) != NULL)
        if (strncmp(line, "model name", 10) == 0 && strchr(line, ':') != NULL) {
            snprintf(name, n, "%.*s", (int)strcspn(strchr(line, ':') + 2, "\n"),
                     strchr(line, ':') + 2);
            break;
        }
    if (f != NULL)
        fclose(f);
}

static json_t *machine_json(const struct bench *b)
{
    struct utsname u;
    char processor[80], kernel[200] = "unknown", congestion[CONGESTION_NAME];
    processor_name(processor, sizeof processor);
    if (uname(&u) == 0)
        snprintf(kernel, sizeof kernel, "%s %s %s", u.sysname, u.release, u.machine);
    congestion_default(congestion);
    return json_pack("{s:s, s:i, s:s, s:s}", "processor", processor, "cores", (int)b->cores,
                     "kernel", kernel, "congestion",
                     b->w->congestion != NULL ? b->w->congestion : congestion);
}

/* ---- JSON ---- */

static json_t *whole(uint64_t v)
{
    return json_integer((json_int_t)v);
}

static json_t *figures_json(const double *v, unsigned n)
{
    json_t *all = json_array();
    for (unsigned i = 0; i < n; i++)
        json_array_append_new(all, json_real(v[i]));
    return json_pack("{s:f, s:f, s:f, s:o}", "quartile", bench_quantile(v, n, 0.25), "median",
                     bench_quantile(v, n, 0.5), "upper_quartile", bench_quantile(v, n, 0.75),
                     "runs", all);
}

/* What the clip has no part in, and what it has. Where nothing was prepared, both ran at once, and
 * only the bytes can be told apart. */
static void add_parts(json_t *j, const struct bench_case *c)
{
    uint64_t sent = bench_sent(c), offline = bench_offline(c);
    const struct prepared *p = &c->prepared;
    json_t *before = json_pack("{s:o, s:o}", "seconds", json_null(), "bytes", whole(offline));
    if (p->items > 0) {
        json_object_set_new(before, "seconds", json_real(p->seconds / p->items));
        json_object_set_new(before, "bytes", whole(p->bytes / p->items));
        json_object_set_new(before, "stored", whole(p->stored / p->items));
    }
    json_object_set_new(j, "offline", before);
    json_object_set_new(j, "online", json_pack("{s:f, s:o}", "seconds",
                                               bench_quantile(c->total, c->n, 0.5), "bytes",
                                               whole(sent - offline)));
}

static json_t *parties_json(const struct bench_case *c)
{
    json_t *list = json_array();
    for (unsigned i = 0; i < c->proto->parties; i++) {
        const struct account *a = &c->party[i];
        json_array_append_new(list, json_pack(
            "{s:i, s:f, s:f, s:f, s:o, s:o, s:o, s:o, s:o}", "party", (int)i, "run_seconds",
            a->run_seconds, "cpu_seconds", a->cpu_seconds, "busy_seconds", a->busy_seconds,
            "waited_seconds", outcome_times(a->waited_seconds, c->proto->parties),
            "queued_seconds", outcome_times(a->queued_seconds, c->proto->parties),
            "bytes_sent", whole(a->bytes_sent), "bytes_received", whole(a->bytes_received),
            "peak_rss_bytes", whole(a->peak_rss_bytes)));
    }
    return list;
}

static json_t *slow_json(const struct bench_case *c)
{
    struct bench_slow slow = bench_slow(c);
    return slow.party < 0 ? json_null() : json_pack(
        "{s:i, s:s, s:f}", "party", slow.party, "why", slow.processor ? "processor" : "link",
        "share", slow.share);
}

static json_t *case_json(const struct bench *b, const struct bench_case *c)
{
    const struct bench_network *n = c->network;
    struct bench_bounds t = bench_bounds(b, c);
    json_t *j = json_pack(
        "{s:s, s:s, s:s, s:f, s:f, s:f, s:f, s:f, s:f, s:b, s:i, s:i, s:i}", "protocol",
        c->proto->name, "network", n->name, "transport", c->transport, "rtt_ms", n->rtt_ms, "mbit",
        n->down, "mbit_up", n->up, "loss", n->loss, "reorder", n->reorder, "stall_ms", n->stall_ms,
        "even", bench_network_even(n), "selected", (int)c->selected, "workers", (int)c->workers,
        "label", (int)c->label);
    json_object_set_new(j, "seconds", figures_json(c->total, c->n));
    json_object_set_new(j, "input_seconds", figures_json(c->input, c->n));
    json_object_set_new(j, "cpu_seconds", figures_json(c->cpu, c->n));
    add_parts(j, c);
    json_object_set_new(j, "rounds", json_integer(bench_rounds(c)));
    json_object_set_new(j, "bytes", whole(bench_sent(c)));
    json_object_set_new(j, "bound", json_pack("{s:f, s:f, s:f, s:f, s:f}", "compute", t.compute,
                                              "bytes", t.bytes, "rounds", t.rounds, "all", t.all,
                                              "chain", c->chain));
    json_object_set_new(j, "forecast", c->forecast > 0 ? json_real(c->forecast) : json_null());
    json_object_set_new(j, "slow", slow_json(c));
    json_object_set_new(j, "parties", parties_json(c));
    return j;
}

static json_t *layers_json(const struct bench *b)
{
    json_t *list = json_array();
    for (unsigned i = 0; i < b->nlayer; i++) {
        const struct bench_layer *l = &b->layer[i];
        json_array_append_new(list, json_pack("{s:s, s:s, s:o, s:i, s:f}", "protocol",
                                              l->proto->name, "layer", l->name, "bytes",
                                              whole(l->bytes), "rounds", (int)l->rounds, "seconds",
                                              l->seconds));
    }
    return list;
}

/* Without the folders, which are no business of those who read a report. */
static json_t *file_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    json_t *name = json_string(slash != NULL ? slash + 1 : path);
    return name != NULL ? name : json_string("(no UTF-8)");
}

static json_t *bench_json(const struct bench *b)
{
    char when[32];
    time_t now = time(NULL);
    struct tm utc;
    json_t *cases = json_array();
    for (unsigned i = 0; i < b->n; i++)
        json_array_append_new(cases, case_json(b, &b->one[i]));
    strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &utc));
    return json_pack("{s:o, s:s, s:s, s:s, s:s, s:o, s:i, s:i, s:i, s:o, s:i, s:o, s:o, s:o}",
                     "machine", machine_json(b), "compiler", "gcc " __VERSION__, "version",
                     PACKAGE_VERSION, "commit", BUILD_COMMIT, "time", when, "seed",
                     whole(b->w->seed), "runs", (int)b->w->runs, "warmup", (int)b->w->warmup,
                     "lanes", (int)b->w->lanes, "clip", file_name(b->w->clip), "frames",
                     (int)b->frames, "model", file_name(b->w->model), "layers", layers_json(b),
                     "cases", cases);
}

static int file_open(struct output *o, const struct bench *b, const char *name, struct err *e)
{
    char path[PATH_BYTES];
    snprintf(path, sizeof path, "%s/%s", b->w->dir, name);
    return output_open(o, path, 0, e);
}

static int write_json(const struct bench *b, struct err *e)
{
    struct output o;
    json_t *j = bench_json(b);
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

/* ---- CSV ---- */

static void csv_case(const struct bench *b, const struct bench_case *c, FILE *f)
{
    const struct prepared *p = &c->prepared;
    struct bench_bounds t = bench_bounds(b, c);
    for (unsigned k = 0; k < c->n; k++)
        fprintf(f, "%s,%s,%s,%g,%g,%g,%u,%u,%u,%.6f,%.6f,%.6f,%.6f,%u,%llu,%llu,%.6f,%.6f,%.6f,"
                "%.6f,%.6f,%.6f\n", c->proto->name, c->network->name, c->transport,
                c->network->rtt_ms, c->network->down, c->network->up, c->selected, c->workers,
                k + 1, c->total[k], p->items > 0 ? p->seconds / p->items : 0, c->input[k],
                c->cpu[k], bench_rounds(c), (unsigned long long)bench_sent(c),
                (unsigned long long)bench_offline(c), t.compute, t.bytes, t.rounds, t.all,
                c->chain, c->forecast);
}

static int write_csv(const struct bench *b, struct err *e)
{
    struct output o;
    if (file_open(&o, b, "bench.csv", e) != 0)
        return e->code;
    fputs("protocol,network,transport,rtt_ms,mbit,mbit_up,selected,workers,run,seconds,"
          "prepare_seconds,input_seconds,cpu_seconds,rounds,bytes,bytes_offline,bound_compute,"
          "bound_bytes,bound_rounds,bound,bound_chain,forecast_seconds\n", o.f);
    for (unsigned i = 0; i < b->n; i++)
        csv_case(b, &b->one[i], o.f);
    return output_commit(&o, e);
}

int bench_write(const struct bench *b, struct err *e)
{
    mkdir(b->w->dir, 0777);     /* if it cannot be made, writing into it says why */
    return write_json(b, e) != 0 ? e->code : write_csv(b, e);
}
