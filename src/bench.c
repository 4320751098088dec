#include "src/bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "net/base_mem.h"
#include "src/clip.h"
#include "src/number.h"

enum { SLOW = 10 };             /* so many times less has a slow party */

/* ---- networks ---- */

int bench_network_parse(struct bench_network *n, const char *text, struct err *e)
{
    static const struct bench_network known[] = {
        { "loopback", 0, 0, BENCH_EVEN },
        { "lan", 0.5, 1000, BENCH_EVEN },
        { "10ms", 10, 1000, BENCH_EVEN },
        { "40ms", 40, 1000, BENCH_EVEN },
        { "100ms", 100, 1000, BENCH_EVEN },
        { "40ms-100mbit", 40, 100, BENCH_EVEN },
        { "asymmetric", 40, 500, BENCH_ASYMMETRIC },
        { "slow-party", 40, 1000, BENCH_SLOW_PARTY },
        { "100ms-plain", 100, 1000, BENCH_PLAIN },
    };
    char rtt[32];
    const char *colon = strchr(text, ':');
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(text, known[i].name) == 0) {
            *n = known[i];
            return 0;
        }
    if (colon == NULL || colon - text >= (int)sizeof rtt || strlen(text) >= sizeof n->name)
        return err_set(e, ERR_USAGE, "--network %.40s: expected loopback, lan, 10ms, 40ms, 100ms, "
                       "40ms-100mbit, asymmetric, slow-party, 100ms-plain, or RTT:MBIT", text);
    *n = (struct bench_network){ .shape = BENCH_EVEN };
    snprintf(n->name, sizeof n->name, "%s", text);
    snprintf(rtt, sizeof rtt, "%.*s", (int)(colon - text), text);
    if (number_real(&n->rtt_ms, rtt, 0, 60000, e) != 0 ||
        number_real(&n->mbit, colon + 1, 0.001, 1e6, e) != 0)
        return err_prefix(e, "--network %.40s", text);
    return 0;
}

/* The network of a case: the parties, Bob, Alice. Asymmetric: party 0 is near to party 1 and far
 * from the others. A slow party has a tenth of the others' rate. Plain: TCP that nobody has set
 * up. */
static void network_of(struct wan_conf *w, const struct bench_case *c)
{
    const struct bench_network *n = c->network;
    wan_uniform(w, c->proto->parties + 2, n->rtt_ms, n->mbit);
    if (n->shape == BENCH_ASYMMETRIC)
        w->delay_ms[0][1] = w->delay_ms[1][0] = n->rtt_ms / 8;
    w->plain = n->shape == BENCH_PLAIN;
    if (n->shape == BENCH_SLOW_PARTY)
        w->mbit[c->proto->parties - 1] = n->mbit / SLOW;
}

/* ---- figures ---- */

static int by_size(const void *x, const void *y)
{
    const double *a = x, *b = y;
    return (*a > *b) - (*a < *b);
}

double bench_quantile(const double *v, unsigned n, double share)
{
    double sorted[BENCH_RUNS];
    memcpy(sorted, v, n * sizeof *sorted);
    qsort(sorted, n, sizeof *sorted, by_size);
    double at = share * (n - 1);
    unsigned low = (unsigned)at;
    return low + 1 < n ? sorted[low] + (at - low) * (sorted[low + 1] - sorted[low]) : sorted[n - 1];
}

struct bench_bounds bench_bounds(const struct bench *b, const struct bench_case *c)
{
    struct bench_bounds t = { .compute = bench_quantile(c->cpu, c->n, 0.5) / b->cores,
                              .rounds = c->rounds * c->network->rtt_ms * 0.5e-3 };
    double slowest = c->network->mbit / (c->network->shape == BENCH_SLOW_PARTY ? SLOW : 1);
    if (slowest > 0)
        t.bytes = (double)c->most * 8e-6 / slowest;
    t.all = t.compute > t.bytes ? t.compute : t.bytes;
    t.all = t.all > t.rounds ? t.all : t.rounds;
    return t;
}

/* ---- one case ---- */

struct counting {
    struct bench *b;
    struct bench_case *c;
    unsigned seen;
};

static void on_run(void *ctx, const struct outcome *o)
{
    struct counting *k = ctx;
    struct bench_case *c = k->c;
    double cpu = 0;
    if (k->seen++ < k->b->w->warmup || c->n == BENCH_RUNS)
        return;
    c->bytes = 0;
    for (unsigned i = 0; i < c->proto->parties; i++) {
        const struct account *a = &o->party[i];
        uint64_t most = a->bytes_sent > a->bytes_received ? a->bytes_sent : a->bytes_received;
        cpu += a->cpu_seconds;
        c->bytes += a->bytes_sent;
        c->most = most > c->most ? most : c->most;
        c->peak = a->peak_rss_bytes > c->peak ? a->peak_rss_bytes : c->peak;
        c->rounds = a->rounds > c->rounds ? a->rounds : c->rounds;
    }
    c->label = o->result.label;
    c->total[c->n] = o->result.seconds_total;
    c->input[c->n] = o->result.seconds_input;
    c->cpu[c->n++] = cpu;
}

static int forecast(struct bench_case *c, const struct demo_conf *as, struct err *e)
{
    struct demo_conf conf = *as;
    struct outcome o = { 0 };
    conf.seed = 1;
    conf.rtt_ms = c->network->rtt_ms;
    conf.bandwidth_mbit = c->network->mbit;
    if (c->network->shape != BENCH_EVEN)
        return 0;               /* the simulator's links are all alike */
    int code = demo_sim(&conf, &o, e);
    c->forecast = o.result.seconds_total;
    return code;
}

static int case_run(struct bench *b, struct bench_case *c, struct err *e)
{
    const struct bench_wish *w = b->w;
    struct counting k = { b, c, 0 };
    struct wan_conf network;
    char select[32];
    snprintf(select, sizeof select, "every:%u", (b->frames + c->selected - 1) / c->selected);
    const struct demo_conf conf = {
        .proto = c->proto, .clip = w->clip, .model = w->model, .select = select,
        .frames = b->frames, .workers = c->workers != 0 ? c->workers
                                                        : demo_workers(c->proto->parties),
        .quiet = 1, .timeout = w->timeout, .runs = w->warmup + w->runs, .ran = on_run, .ctx = &k,
        .lanes = w->lanes,
        .network = c->network->rtt_ms > 0 || c->network->mbit > 0 ? &network : NULL,
    };
    struct outcome o = { 0 };
    c->workers = conf.workers;
    network_of(&network, c);
    if (demo_real(&conf, &o, e) != 0)
        return err_prefix(e, "%s, %s", c->proto->name, c->network->name);
    c->selected = o.result.selected;
    return w->forecast ? forecast(c, &conf, e) : 0;
}

/* ---- all of them ---- */

static void show(struct bench *b, unsigned i)
{
    char text[120];
    const struct bench_case *c = &b->one[i];
    snprintf(text, sizeof text, "%s, %s, %u frames (%u of %u)", c->proto->name, c->network->name,
             c->selected, i + 1, b->n);
    progress_show(&b->progress, "measuring", (double)i / b->n, text);
}

static void tell(const struct bench *b, const struct bench_case *c)
{
    struct bench_bounds t = bench_bounds(b, c);
    double median = bench_quantile(c->total, c->n, 0.5);
    printf("%-16s %-14s %2u frames %2u workers: %.3f s (%.3f .. %.3f), bound %.3f (compute %.3f, "
           "bytes %.3f, rounds %.3f): %.2f times%s", c->proto->name, c->network->name, c->selected,
           c->workers, median, bench_quantile(c->total, c->n, 0.25),
           bench_quantile(c->total, c->n, 0.75), t.all, t.compute, t.bytes, t.rounds,
           median / t.all, c->forecast > 0 ? "" : "\n");
    if (c->forecast > 0)
        printf("; forecast %.3f s\n", c->forecast);
    fflush(stdout);
}

static int cases_make(struct bench *b, struct err *e)
{
    const struct bench_wish *w = b->w;
    b->n = w->nprotocol * w->nnetwork * w->nselected * w->nworkers;
    if (b->n > BENCH_CASES)
        return err_set(e, ERR_USAGE, "%u cases are more than %d", b->n, BENCH_CASES);
    b->one = mem_new(b->n, sizeof *b->one);
    if (b->one == NULL)
        return err_set(e, ERR_FAILED, "no memory");
    unsigned i = 0;
    for (unsigned p = 0; p < w->nprotocol; p++)
        for (unsigned n = 0; n < w->nnetwork; n++)
            for (unsigned s = 0; s < w->nselected; s++)
                for (unsigned k = 0; k < w->nworkers; k++)
                    b->one[i++] = (struct bench_case){
                        .proto = w->protocol[p], .network = &w->network[n],
                        .selected = w->selected[s] < b->frames ? w->selected[s] : b->frames,
                        .workers = w->workers[k] };
    return 0;
}

static int clip_length(struct bench *b, struct err *e)
{
    struct video v = { 0 };
    const struct clip_source s = { .command = "bench" };
    int code = clip_take(&v, &s, b->w->clip, e);
    b->frames = v.frames;
    video_fini(&v);
    return code;
}

int bench_run(const struct bench_wish *w, struct err *e)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    struct bench b = { .w = w, .cores = cores > 0 ? (unsigned)cores : 1 };
    progress_init(&b.progress, 0, w->quiet);
    int code = clip_length(&b, e);
    if (code == 0)
        code = cases_make(&b, e);
    for (unsigned i = 0; i < b.n && code == 0; i++) {
        show(&b, i);
        code = case_run(&b, &b.one[i], e);
        progress_clear(&b.progress);
        if (code == 0)
            tell(&b, &b.one[i]);
    }
    if (code == 0)
        code = bench_write(&b, e);
    mem_free(b.one);
    return code;
}
