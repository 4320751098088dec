/*
 * test_bench_figures.c: quantiles against sorted lists, bounds against a calculation by hand, and
 * who is said to hold the others up.
 */
#include "tests/check.h"

#include <math.h>

#include "src/bench.h"

static const struct protocol three = { .name = "three", .parties = 3 };

static int near(double a, double b)
{
    return fabs(a - b) < 1e-9;
}

static void quantiles(void)
{
    const double v[] = { 5, 1, 4, 2, 3 }, w[] = { 2, 1 };
    CHECK(near(bench_quantile(v, 5, 0), 1) && near(bench_quantile(v, 5, 0.25), 2));
    CHECK(near(bench_quantile(v, 5, 0.5), 3) && near(bench_quantile(v, 5, 1), 5));
    CHECK(near(bench_quantile(w, 2, 0.5), 1.5) && near(bench_quantile(w, 1, 0.75), 2));
}

/* 3 parties of one worker, 1 s each of CPU, 10 MB sent and 5 MB received, but party 2: twice that. */
static struct bench_case *case_new(const struct bench_network *n)
{
    static struct bench_case c;
    c = (struct bench_case){ .proto = &three, .network = n, .workers = 1, .n = 1 };
    for (unsigned i = 0; i < 3; i++)
        c.party[i] = (struct account){
            .cpu_seconds = 1, .bytes_sent = i == 2 ? 20000000 : 10000000,
            .bytes_received = i == 2 ? 10000000 : 5000000, .rounds = 10 + i, .run_seconds = 4,
            .busy_seconds = 0.9
        };
    c.cpu[0] = 3;
    return &c;
}

static void bounds(void)
{
    const struct bench_network n = { .rtt_ms = 40, .up = 80, .down = 20 };
    const struct bench_network slow = { .rtt_ms = 40, .up = 80, .down = 20, .slow_link = 1 };
    static struct bench b = { .cores = 2 };
    struct bench_bounds t = bench_bounds(&b, case_new(&n));
    CHECK(near(t.compute, 1.5));
    CHECK(near(t.bytes, 4));            /* 80 Mbit in at 20 Mbit/s; 160 out at 80 take 2 */
    CHECK(near(t.rounds, 0.24) && near(t.all, 4));
    t = bench_bounds(&b, case_new(&slow));
    CHECK(near(t.bytes, 40) && near(t.all, 40));
    struct bench_case *c = case_new(&n);
    c->sim = 1;
    CHECK(near(bench_bounds(&b, c).compute, 1));
    CHECK_EQ(bench_sent(c), 40000000);
    CHECK_EQ(bench_rounds(c), 12);
}

/* Two parties: 1 MB with all three rounds to come, 9 MB more with one; in at half the rate. */
static void chain_of_bytes_and_rounds(void)
{
    uint64_t first[] = { 10000000, 10000000, 1000000, 1000000 }, none[4] = { 0 };
    const struct cost_chain c = { .rounds = 3, .sent = { first, none },
                                  .received = { none, first } };
    const struct bench_network wide = { .rtt_ms = 400, .up = 80, .down = 80 };
    const struct bench_network narrow = { .rtt_ms = 400, .up = 80, .down = 40 };
    const struct bench_network far = { .rtt_ms = 4000, .up = 80, .down = 80 };
    CHECK(near(bench_chain_seconds(&wide, 2, &c), 1 + 0.2));        /* 0.1 + 0.6 is less */
    CHECK(near(bench_chain_seconds(&narrow, 2, &c), 2 + 0.2));
    CHECK(near(bench_chain_seconds(&far, 2, &c), 0.1 + 6));
}

static void who_is_slow(void)
{
    const struct bench_network n = { .rtt_ms = 40 };
    struct bench_case *c = case_new(&n);
    CHECK_EQ(bench_slow(c).party, -1);
    c->party[0].waited_seconds[1] = c->party[2].waited_seconds[1] = 2;
    CHECK_EQ(bench_slow(c).party, -1);          /* waited for, but no slower in anything */
    c->party[1].busy_seconds = 3.9;
    struct bench_slow slow = bench_slow(c);
    CHECK(slow.party == 1 && slow.processor && near(slow.share, 0.5));
    c->party[1].busy_seconds = 0.9;
    c->party[0].queued_seconds[2] = c->party[1].queued_seconds[2] = 2;
    c->party[2].queued_seconds[0] = c->party[2].queued_seconds[1] = 3;
    slow = bench_slow(c);
    CHECK(slow.party == 2 && !slow.processor && near(slow.share, 2.5 / 4));
    c->party[0].queued_seconds[1] = c->party[1].queued_seconds[0] = 3;
    CHECK_EQ(bench_slow(c).party, -1);          /* all links are full */
}

static void networks(void)
{
    struct err e;
    struct bench_network n;
    struct wan_conf w;
    CHECK(bench_network_parse(&n, "30:10:50", &e) == 0 && n.rtt_ms == 30 && n.up == 10 &&
          n.down == 50);
    CHECK(bench_network_parse(&n, "7:9", &e) == 0 && n.up == 9 && n.down == 9);
    CHECK_EQ(bench_network_parse(&n, "7:9:1:1", &e), ERR_USAGE);
    CHECK_EQ(bench_network_parse(&n, "7:", &e), ERR_USAGE);
    CHECK_EQ(bench_network_parse(&n, "asymmetric", &e), 0);
    bench_network_wan(&w, &n, 3, 9);
    CHECK(w.nodes == 5 && w.mbit[1] * 10 == w.mbit_in[1] && w.delay_ms[0][3] == 20 && w.seed == 9);
    CHECK_EQ(bench_network_parse(&n, "slow-party", &e), 0);
    bench_network_wan(&w, &n, 4, 1);
    CHECK(w.mbit[3] == 100 && w.mbit_in[3] == 100 && w.mbit[2] == 1000 && w.mbit[4] == 1000);
    CHECK(!bench_network_even(&n) && bench_network_forecast(&n));
    CHECK(bench_network_parse(&n, "stall", &e) == 0 && !bench_network_forecast(&n));
}

int main(void)
{
    CASE(quantiles);
    CASE(bounds);
    CASE(chain_of_bytes_and_rounds);
    CASE(who_is_slow);
    CASE(networks);
    return check_done();
}
