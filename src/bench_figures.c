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
    unsigned last = c->proto->parties - 1;
    double own = 0;
    for (unsigned i = 0; i <= last; i++) {
        double cpu = c->party[i].cpu_seconds;
        if (c->network->slow_processor && i == last && !c->sim)
            cpu *= DEMO_SLOWED;
        own = cpu > own ? cpu : own;
    }
    own /= c->workers;
    double all = bench_quantile(c->cpu, c->n, 0.5) / b->cores;
    return c->sim || (c->network->slow_processor && own > all) ? own : all;
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

/* How long another party waits for this one, on average. */
static double waited_for(const struct bench_case *c, unsigned party)
{
    double sum = 0;
    for (unsigned i = 0; i < c->proto->parties; i++)
        sum += i != party ? c->party[i].waited_seconds[party] : 0;
    return sum / (c->proto->parties - 1);
}

struct bench_slow bench_slow(const struct bench_case *c)
{
    struct bench_slow slow = { .party = -1 };
    unsigned n = c->proto->parties, most = 0;
    double others = 0, busy = 0;
    for (unsigned i = 1; i < n; i++)
        most = waited_for(c, i) > waited_for(c, most) ? i : most;
    for (unsigned i = 0; i < n; i++)
        if (i != most) {
            others += waited_for(c, i) / (n - 1);
            busy += c->party[i].busy_seconds / (n - 1);
        }
    double own = waited_for(c, most), run = c->party[most].run_seconds;
    slow.share = run > 0 ? own / run : 0;
    slow.processor = c->party[most].busy_seconds > 2 * busy;
    if (own > 2 * others && slow.share > 0.2)
        slow.party = (int)most;
    return slow;
}
