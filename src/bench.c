#include "src/bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "net/base_mem.h"
#include "src/bench_plot.h"
#include "src/clip.h"

enum { FACTOR_RUNS = 3 };       /* on loopback, the first to warm up */

/* ---- one run ---- */

struct counting {
    struct bench_case *c;
    unsigned warmup, seen;
};

static double cpu_of(const struct outcome *o)
{
    double cpu = 0;
    for (unsigned i = 0; i < o->proto->parties; i++)
        cpu += o->party[i].cpu_seconds;
    return cpu;
}

static void on_run(void *ctx, const struct outcome *o)
{
    struct counting *k = ctx;
    struct bench_case *c = k->c;
    if (k->seen++ < k->warmup || c->n == BENCH_RUNS)
        return;
    memcpy(c->party, o->party, sizeof c->party);
    c->prepared = o->prepared;
    c->label = o->result.label;
    c->selected = o->result.selected;
    c->total[c->n] = o->result.seconds_total;
    c->input[c->n] = o->result.seconds_input;
    c->cpu[c->n++] = cpu_of(o);
}

/* ---- one case ---- */

/* The demo of a case, in whose `network` and `select` its own settings are put. */
static struct demo_conf case_demo(const struct bench *b, const struct bench_case *c,
                                  struct wan_conf *network, char select[static 32])
{
    const struct bench_wish *w = b->w;
    unsigned parties = c->proto->parties;
    snprintf(select, 32, "every:%u", (b->frames + c->selected - 1) / c->selected);
    bench_network_wan(network, c->network, parties, w->seed);
    return (struct demo_conf){
        .proto = c->proto, .clip = w->clip, .model = w->model, .select = select,
        .frames = b->frames, .workers = c->workers, .quiet = 1, .timeout = w->timeout,
        .lanes = w->lanes, .congestion = w->congestion,
        .prepare = w->prepare && c->proto->deal_plan != NULL,
        .model_first = 1,       /* every run does all of its work after its inputs */
        .network = bench_network_is(c->network) ? network : NULL,
        .slowed = c->network->slow_processor ? parties : 0, .seed = w->seed
    };
}

/* CPU time of a run's processes on loopback, which a case of the benchmark may have measured. */
static int loopback_cpu(const struct bench *b, const struct bench_case *c, double *cpu,
                        struct err *e)
{
    static const struct bench_network loopback = { .name = "loopback" };
    for (unsigned i = 0; i < b->n; i++) {
        const struct bench_case *k = &b->one[i];
        if (k->n > 0 && !k->sim && k->proto == c->proto && k->selected == c->selected &&
            k->workers == c->workers && !bench_network_is(k->network)) {
            *cpu = bench_quantile(k->cpu, k->n, 0.5);
            return 0;
        }
    }
    struct bench_case *k = mem_new(1, sizeof *k);
    if (k == NULL)
        return err_set(e, ERR_FAILED, "no memory");
    *k = (struct bench_case){ .proto = c->proto, .network = &loopback, .selected = c->selected,
                              .workers = c->workers };
    struct counting counting = { .c = k, .warmup = 1 };
    struct wan_conf network;
    struct outcome o = { 0 };
    char select[32];
    struct demo_conf conf = case_demo(b, k, &network, select);
    conf.prepare = 0;
    conf.runs = FACTOR_RUNS;
    conf.ran = on_run;
    conf.ctx = &counting;
    int code = demo_real(&conf, &o, e);
    if (code == 0)
        *cpu = bench_quantile(k->cpu, k->n, 0.5);
    mem_free(k);
    return code;
}

/* The factor of a case; 1 at least. */
static int factor_of(struct bench *b, const struct bench_case *c, double *factor, struct err *e)
{
    for (unsigned i = 0; i < b->nfactor; i++)
        if (b->factor[i].proto == c->proto && b->factor[i].selected == c->selected &&
            b->factor[i].workers == c->workers) {
            *factor = b->factor[i].cpu;
            return 0;
        }
    char select[32];
    struct wan_conf network;
    struct outcome o = { 0 };
    struct demo_conf conf = case_demo(b, c, &network, select);
    double cpu = 0;
    conf.network = NULL;
    conf.slowed = 0;
    if (loopback_cpu(b, c, &cpu, e) != 0 || demo_sim(&conf, &o, e) != 0)
        return e->code;
    *factor = cpu > cpu_of(&o) ? cpu / cpu_of(&o) : 1;
    b->factor[b->nfactor++] = (struct bench_factor){ c->proto, c->selected, c->workers, *factor };
    return 0;
}

/* In the simulator: with these cores for all, or (0) each party with its own. */
static int case_simulate(struct bench *b, struct bench_case *c, unsigned cores, struct outcome *o,
                         struct err *e)
{
    char select[32];
    struct wan_conf network;
    struct demo_conf conf = case_demo(b, c, &network, select);
    conf.cores = cores;
    return factor_of(b, c, &conf.work, e) != 0 ? e->code : demo_sim(&conf, o, e);
}

static int case_sim(struct bench *b, struct bench_case *c, struct err *e)
{
    struct counting k = { .c = c };
    for (unsigned i = 0; i < b->w->runs; i++) {
        struct outcome o = { 0 };
        if (case_simulate(b, c, 0, &o, e) != 0)
            return e->code;
        on_run(&k, &o);
    }
    return 0;
}

static int case_real(struct bench *b, struct bench_case *c, struct err *e)
{
    struct counting k = { .c = c, .warmup = b->w->warmup };
    struct wan_conf network;
    struct outcome o = { 0 };
    char select[32];
    struct demo_conf conf = case_demo(b, c, &network, select);
    conf.runs = b->w->warmup + b->w->runs;
    conf.uring = c->uring;
    conf.ran = on_run;
    conf.ctx = &k;
    if (demo_real(&conf, &o, e) != 0)
        return e->code;
    if (!b->w->forecast || conf.prepare || !bench_network_forecast(c->network))
        return 0;
    struct outcome simulated = { 0 };
    int code = case_simulate(b, c, b->cores, &simulated, e);
    c->forecast = simulated.result.seconds_total;
    return code;
}

static int case_run(struct bench *b, struct bench_case *c, struct err *e)
{
    if (c->sim && !bench_network_forecast(c->network))
        return err_set(e, ERR_USAGE, "--network %s: the simulator has no loss, stalls or TCP: "
                       "use --transport epoll", c->network->name);
    int code = c->sim ? case_sim(b, c, e) : case_real(b, c, e);
    if (code == 0)
        code = bench_chain(b, c, e);
    return code != 0 ? err_prefix(e, "%s, %s", c->proto->name, c->network->name) : 0;
}

/* ---- all of them ---- */

static void show(struct bench *b, unsigned i)
{
    char text[120];
    const struct bench_case *c = &b->one[i];
    snprintf(text, sizeof text, "%s, %s, %u frames (%u of %u)", c->proto->name, c->network->name,
             c->selected, i + 1, b->n);
    progress_show(&b->progress, c->sim ? "simulating" : "measuring", (double)i / b->n, text);
}

static void tell(const struct bench *b, const struct bench_case *c)
{
    struct bench_bounds t = bench_bounds(b, c);
    struct bench_slow slow = bench_slow(c);
    double median = bench_quantile(c->total, c->n, 0.5);
    printf("%-16s %-14s %2u frames %2u workers%s: %.3f s (%.3f .. %.3f), bound %.3f (compute %.3f, "
           "bytes %.3f, rounds %.3f): %.2f times; chain %.3f: %.2f times", c->proto->name,
           c->network->name, c->selected, c->workers,
           c->sim ? ", simulated" : c->uring ? ", uring" : "", median,
           bench_quantile(c->total, c->n, 0.25), bench_quantile(c->total, c->n, 0.75), t.all,
           t.compute, t.bytes, t.rounds, median / t.all, c->chain,
           c->chain > 0 ? median / c->chain : 0);
    if (c->prepared.items > 0)
        printf("; before it %.3f s", c->prepared.seconds / c->prepared.items);
    if (c->forecast > 0)
        printf("; forecast %.3f s", c->forecast);
    if (slow.party >= 0)
        printf("; held up by party %d's %s, %.0f%% of the time", slow.party,
               slow.processor ? "processor" : "link", 100 * slow.share);
    putchar('\n');
    fflush(stdout);
}

static int case_make(struct bench *b, unsigned i, struct err *e)
{
    const struct bench_wish *w = b->w;
    struct bench_case *c = &b->one[i];
    unsigned t = i % w->ntransport, k = i / w->ntransport % w->nworkers;
    unsigned s = i / w->ntransport / w->nworkers;
    const struct protocol *proto = w->protocol[s / w->nselected / w->nnetwork];
    *c = (struct bench_case){
        .proto = proto, .network = &w->network[s / w->nselected % w->nnetwork],
        .selected = w->selected[s % w->nselected], .transport = w->transport[t],
        .workers = w->workers[k] != 0 ? w->workers[k] : demo_workers(proto->parties)
    };
    if (c->selected > b->frames)
        c->selected = b->frames;
    return demo_transport(&c->sim, &c->uring, c->transport, e);
}

static int cases_make(struct bench *b, struct err *e)
{
    const struct bench_wish *w = b->w;
    b->n = w->nprotocol * w->nnetwork * w->nselected * w->nworkers * w->ntransport;
    if (b->n > BENCH_CASES)
        return err_set(e, ERR_USAGE, "%u cases are more than %d", b->n, BENCH_CASES);
    b->one = mem_new(b->n, sizeof *b->one);
    if (b->one == NULL)
        return err_set(e, ERR_FAILED, "no memory");
    for (unsigned i = 0; i < b->n; i++)
        if (case_make(b, i, e) != 0)
            return e->code;
    return 0;
}

static int clip_length(struct bench *b, struct err *e)
{
    struct video v = { 0 };
    const struct clip_source s = { .command = "bench" };
    if (clip_is_pipe(b->w->clip))
        return err_set(e, ERR_INPUT, "%s: a benchmark reads its clip again and again: name a file",
            b->w->clip);
    int code = clip_take(&v, &s, b->w->clip, e);
    b->frames = v.frames;
    video_fini(&v);
    return code;
}

static int files_write(struct bench *b, struct err *e)
{
    char path[1200];
    snprintf(path, sizeof path, "%s/bench.json", b->w->dir);
    if (bench_layers(b, e) != 0 || bench_write(b, e) != 0)
        return e->code;
    return bench_plot(path, b->w->dir, e);
}

int bench_run(const struct bench_wish *w, struct err *e)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    struct bench *b = mem_new(1, sizeof *b);
    if (b == NULL)
        return err_set(e, ERR_FAILED, "no memory");
    b->w = w;
    b->cores = cores > 0 ? (unsigned)cores : 1;
    progress_init(&b->progress, 0, w->quiet);
    int code = clip_length(b, e);
    if (code == 0)
        code = cases_make(b, e);
    for (unsigned i = 0; i < b->n && code == 0; i++) {
        show(b, i);
        code = case_run(b, &b->one[i], e);
        progress_clear(&b->progress);
        if (code == 0)
            tell(b, &b->one[i]);
    }
    if (code == 0)
        code = files_write(b, e);
    mem_free(b->one);
    mem_free(b);
    return code;
}
