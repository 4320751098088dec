#include "src/bench_network.h"

#include <stdio.h>
#include <string.h>

#include "src/number.h"

enum { SLOW = 10 };             /* so many times less has a slow party */

static const struct bench_network known[] = {
    { .name = "loopback" },
    { .name = "lan", .rtt_ms = 0.5, .up = 1000, .down = 1000 },
    { .name = "10gbit", .rtt_ms = 0.5, .up = 10000, .down = 10000 },
    { .name = "10ms", .rtt_ms = 10, .up = 1000, .down = 1000 },
    { .name = "40ms", .rtt_ms = 40, .up = 1000, .down = 1000 },
    { .name = "100ms", .rtt_ms = 100, .up = 1000, .down = 1000 },
    { .name = "100ms-plain", .rtt_ms = 100, .up = 1000, .down = 1000, .plain = 1 },
    { .name = "40ms-100mbit", .rtt_ms = 40, .up = 100, .down = 100 },
    { .name = "intercontinental", .rtt_ms = 250, .up = 1000, .down = 1000 },
    { .name = "5g", .rtt_ms = 30, .up = 10, .down = 50 },
    { .name = "asymmetric", .rtt_ms = 40, .up = 50, .down = 500 },
    { .name = "slow-party", .rtt_ms = 40, .up = 1000, .down = 1000, .slow_link = 1 },
    { .name = "slow-processor", .rtt_ms = 40, .up = 1000, .down = 1000, .slow_processor = 1 },
    { .name = "loss", .rtt_ms = 40, .up = 1000, .down = 1000, .loss = 0.01 },
    { .name = "reorder", .rtt_ms = 40, .up = 1000, .down = 1000, .reorder = 0.01 },
    { .name = "stall", .rtt_ms = 40, .up = 1000, .down = 1000, .stall_ms = 200 },
};

/* The number up to the next colon; NULL after the last. */
static const char *number_part(double *v, const char *text, double min, double max, struct err *e)
{
    char part[32];
    size_t n = strcspn(text, ":");
    snprintf(part, sizeof part, "%.*s", n < sizeof part ? (int)n : (int)sizeof part - 1, text);
    number_real(v, part, min, max, e);
    return text[n] == ':' ? text + n + 1 : NULL;
}

int bench_network_parse(struct bench_network *n, const char *text, struct err *e)
{
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(text, known[i].name) == 0) {
            *n = known[i];
            return 0;
        }
    *n = (struct bench_network){ 0 };
    if (strchr(text, ':') == NULL || strlen(text) >= sizeof n->name)
        return err_set(e, ERR_USAGE, "--network %.40s: expected " BENCH_NETWORKS ", RTT:MBIT or "
                       "RTT:UP:DOWN", text);
    snprintf(n->name, sizeof n->name, "%s", text);
    e->code = 0;
    const char *more = number_part(&n->rtt_ms, text, 0, 60000, e);
    if (e->code == 0)
        more = number_part(&n->up, more, 0.001, 1e6, e);
    n->down = n->up;
    if (e->code == 0 && more != NULL)
        more = number_part(&n->down, more, 0.001, 1e6, e);
    if (e->code == 0 && more != NULL)
        err_set(e, ERR_USAGE, "'%.20s' is too much", more);
    return e->code == 0 ? 0 : err_prefix(e, "--network %.40s", text);
}

int bench_network_is(const struct bench_network *n)
{
    return n->rtt_ms > 0 || n->up > 0;
}

void bench_network_wan(struct wan_conf *w, const struct bench_network *n, unsigned parties,
                       uint64_t seed)
{
    unsigned last = parties - 1;
    wan_uniform(w, parties + 2, n->rtt_ms, n->up);
    for (unsigned i = 0; i < w->nodes; i++)
        w->mbit_in[i] = n->down;
    if (n->slow_link) {
        w->mbit[last] /= SLOW;
        w->mbit_in[last] /= SLOW;
    }
    w->plain = n->plain;
    w->loss = n->loss;
    w->reorder = n->reorder;
    w->stall_ms = n->stall_ms;
    w->stall_every_ms = 1000;
    w->stall_node = last;
    w->seed = seed;
}

int bench_network_even(const struct bench_network *n)
{
    return bench_network_forecast(n) && !n->plain && !n->slow_link && !n->slow_processor;
}

int bench_network_forecast(const struct bench_network *n)
{
    return !n->plain && n->loss == 0 && n->reorder == 0 && n->stall_ms == 0;
}

double bench_network_seconds(const struct bench_network *n, int last, uint64_t sent,
                             uint64_t received)
{
    double times = n->slow_link && last ? 8e-6 * SLOW : 8e-6;
    double out = n->up > 0 ? (double)sent * times / n->up : 0;
    double in = n->down > 0 ? (double)received * times / n->down : 0;
    return out > in ? out : in;
}
