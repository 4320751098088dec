#include <stdlib.h>
#include <string.h>

#include "src/bench.h"

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

uint64_t bench_sent(const struct bench_case *c)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < c->proto->parties; i++)
        sum += c->party[i].bytes_sent;
    return sum;
}

uint64_t bench_offline(const struct bench_case *c)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < c->proto->parties; i++)
        sum += c->party[i].bytes_offline;
    return sum;
}

uint32_t bench_rounds(const struct bench_case *c)
{
    uint32_t most = 0;
    for (unsigned i = 0; i < c->proto->parties; i++)
        most = c->party[i].rounds > most ? c->party[i].rounds : most;
    return most;
}

/* Parties that share a machine share its cores; in the simulator each has its workers. */
static double compute_bound(const struct bench *b, const struct bench_case *c)
{
    double own = 0;
    for (unsigned i = 0; i < c->proto->parties; i++)
        own = c->party[i].cpu_seconds > own ? c->party[i].cpu_seconds : own;
    return c->sim ? own / c->workers : bench_quantile(c->cpu, c->n, 0.5) / b->cores;
}

struct bench_bounds bench_bounds(const struct bench *b, const struct bench_case *c)
{
    struct bench_bounds t = { .compute = compute_bound(b, c),
                              .rounds = bench_rounds(c) * c->network->rtt_ms * 0.5e-3 };
    for (unsigned i = 0; i < c->proto->parties; i++) {
        double s = bench_network_seconds(c->network, i + 1 == c->proto->parties,
                                         c->party[i].bytes_sent, c->party[i].bytes_received);
        t.bytes = s > t.bytes ? s : t.bytes;
    }
    t.all = t.compute > t.bytes ? t.compute : t.bytes;
    t.all = t.all > t.rounds ? t.all : t.rounds;
    return t;
}

double bench_chain_seconds(const struct bench_network *n, unsigned parties,
                           const struct cost_chain *c)
{
    double most = 0;
    for (unsigned i = 0; i < parties; i++)
        for (uint32_t r = 0; r <= c->rounds; r++) {
            double s = bench_network_seconds(n, i + 1 == parties, c->sent[i][r],
                                             c->received[i][r]) + r * n->rtt_ms * 0.5e-3;
            most = s > most ? s : most;
        }
    return most;
}

/* How long another party waits for this one, on average. */
static double waited_for(const struct bench_case *c, unsigned party)
{
    double sum = 0;
    for (unsigned i = 0; i < c->proto->parties; i++)
        sum += i != party ? c->party[i].waited_seconds[party] : 0;
    return sum / (c->proto->parties - 1);
}

/* How long bytes queue on a link of this party, on average, or (with = 0) on one of the others. */
static double queued_at(const struct bench_case *c, unsigned party, int with)
{
    double sum = 0;
    unsigned links = 0;
    for (unsigned i = 0; i < c->proto->parties; i++)
        for (unsigned k = 0; k < c->proto->parties; k++)
            if (i != k && (i == party || k == party) == with) {
                sum += c->party[i].queued_seconds[k];
                links++;
            }
    return links > 0 ? sum / links : 0;
}

/* Does one of n figures stand out, `times` over the mean of the others? Its index, or -1. */
static int outlier(const double *v, unsigned n, double times)
{
    unsigned most = 0;
    double others = 0;
    for (unsigned i = 1; i < n; i++)
        most = v[i] > v[most] ? i : most;
    for (unsigned i = 0; i < n; i++)
        others += i != most ? v[i] / (n - 1) : 0;
    return v[most] > times * others ? (int)most : -1;
}

struct bench_slow bench_slow(const struct bench_case *c)
{
    unsigned n = c->proto->parties;
    double busy[LINK_PARTIES] = { 0 }, run = 0;
    for (unsigned i = 0; i < n; i++) {
        busy[i] = c->party[i].busy_seconds;
        run = c->party[i].run_seconds > run ? c->party[i].run_seconds : run;
    }
    int processor = outlier(busy, n, 1.5);
    if (processor >= 0 && busy[processor] > 0.2 * run) {
        double waited = waited_for(c, (unsigned)processor);
        if (waited > 0.1 * run)
            return (struct bench_slow){ .party = processor, .processor = 1, .share = waited / run };
    }
    for (unsigned i = 0; i < n && n > 2; i++) {     /* two have but one link */
        double queued = queued_at(c, i, 1);
        if (queued > 0.2 * run && queued > 1.7 * queued_at(c, i, 0))
            return (struct bench_slow){ .party = (int)i, .share = queued / run };
    }
    return (struct bench_slow){ .party = -1 };
}
