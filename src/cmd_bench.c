/*
 * cmd_bench.c: `obscura bench`: the options. The work is in bench.c.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/base_mem.h"
#include "net/congestion.h"
#include "net/hello.h"
#include "src/bench.h"
#include "src/bench_plot.h"
#include "src/cmd.h"
#include "src/number.h"
#include "src/options.h"
#include "src/owner.h"

struct wish {
    const char *protocol, *network, *frames, *workers, *transport, *congestion;
    const char *clip, *model, *dir, *plot;
    uint64_t runs, warmup, lanes, seed;
    double rtt, bandwidth, timeout;
    int forecast, prepare, quiet;
};

#define AT(m) offsetof(struct wish, m)

static const struct option_row rows[] = {
    { "protocol", 'p', OPTION_TEXT, AT(protocol), "A,B,..", "security settings, or all (all)", 0,
      0 },
    { "network", 0, OPTION_TEXT, AT(network), "A,B,..",
      "networks: " BENCH_NETWORKS ", RTT:MBIT or RTT:UP:DOWN (loopback)", 0, 0 },
    { "rtt", 0, OPTION_REAL, AT(rtt), "MS", "one network of this round-trip time instead", 0,
      60000 },
    { "bandwidth", 0, OPTION_REAL, AT(bandwidth), "MBIT", "and rate", 0.001, 1e6 },
    { "frames", 0, OPTION_TEXT, AT(frames), "N,M,..", "selected frames (7)", 0, 0 },
    { "workers", 0, OPTION_TEXT, AT(workers), "N,M,..",
      "worker threads of each party (cores / parties)", 0, 0 },
    { "lanes", 0, OPTION_COUNT, AT(lanes), "N", "TCP connections of each link between parties (1)",
      1, HELLO_LANES },
    { "congestion", 0, OPTION_TEXT, AT(congestion), "NAME",
      "congestion control of TCP, such as reno or bbr (the kernel's own)", 0, 0 },
    { "transport", 0, OPTION_TEXT, AT(transport), "A,B,..", "epoll, uring: processes over TLS; sim: "
      "the simulator, with a machine for each party and any network (epoll)", 0, 0 },
    { "runs", 'n', OPTION_COUNT, AT(runs), "N", "of each case (7)", 1, BENCH_RUNS },
    { "warmup", 0, OPTION_COUNT, AT(warmup), "N", "runs before, not counted (1)", 0, 100 },
    { "forecast", 0, OPTION_FLAG, AT(forecast), NULL, "the simulator's forecast beside", 0, 0 },
    { "prepare", 0, OPTION_FLAG, AT(prepare), NULL,
      "make correlated randomness first, and time it apart (semi2k and its kin)", 0, 0 },
    { "seed", 0, OPTION_COUNT, AT(seed), "N", "of loss, order and the simulator (1)", 0, 0x1p53 },
    { "clip", 0, OPTION_TEXT, AT(clip), "FILE", "the video (the demo clip)", 0, 0 },
    { "model", 0, OPTION_TEXT, AT(model), "FILE", "the model (the one that is installed)", 0, 0 },
    { "dir", 'd', OPTION_TEXT, AT(dir), "DIR", "where the files go (bench)", 0, 0 },
    { "plot", 0, OPTION_TEXT, AT(plot), "FILE", "measure nothing: charts and report of this "
      "bench.json", 0, 0 },
    { "timeout", 0, OPTION_REAL, AT(timeout), "SECONDS", "give up without progress (300)", 1,
      86400 },
    { "quiet", 'q', OPTION_FLAG, AT(quiet), NULL, "no progress line", 0, 0 },
    { .name = NULL }
};

static const struct command command = {
    .name = "bench", .synopsis = "[OPTION]..",
    .summary = "Measures private classifications on this machine, over loopback or emulated\n"
               "networks: every combination of the lists below.",
    .rows = rows,
    .notes = "Writes bench.json, bench.csv, charts (SVG and PNG) and report.html. Emulated\n"
             "networks need root and /dev/net/tun; nothing else should run beside a\n"
             "measurement."
};

/* Calls item for each part of a list with commas. */
static int list_each(const char *list, int (*item)(struct bench_wish *b, const char *text,
                                                   struct err *e), struct bench_wish *b,
                     struct err *e)
{
    for (const char *p = list;; p++) {
        char text[64];
        size_t n = strcspn(p, ",");
        snprintf(text, sizeof text, "%.*s", n < sizeof text ? (int)n : 63, p);
        if (item(b, text, e) != 0)
            return e->code;
        p += n;
        if (*p == '\0')
            return 0;
    }
}

static int too_many(const char *what, struct err *e)
{
    return err_set(e, ERR_USAGE, "--%s: more than %d", what, BENCH_LIST);
}

static int add_protocol(struct bench_wish *b, const char *text, struct err *e)
{
    const struct protocol *p = protocol_named(text, e);
    if (p == NULL)
        return e->code;
    if (b->nprotocol == BENCH_LIST)
        return too_many("protocol", e);
    b->protocol[b->nprotocol++] = p;
    return 0;
}

static int add_network(struct bench_wish *b, const char *text, struct err *e)
{
    if (b->nnetwork == BENCH_LIST)
        return too_many("network", e);
    return bench_network_parse(&b->network[b->nnetwork++], text, e);
}

static int add_frames(struct bench_wish *b, const char *text, struct err *e)
{
    uint64_t n;
    if (b->nselected == BENCH_LIST)
        return too_many("frames", e);
    if (number_count(&n, text, 1, 65535, e) != 0)
        return err_prefix(e, "--frames");
    b->selected[b->nselected++] = (uint32_t)n;
    return 0;
}

static int add_workers(struct bench_wish *b, const char *text, struct err *e)
{
    uint64_t n;
    if (b->nworkers == BENCH_LIST)
        return too_many("workers", e);
    if (number_count(&n, text, 0, 256, e) != 0)
        return err_prefix(e, "--workers");
    b->workers[b->nworkers++] = (unsigned)n;
    return 0;
}

static int add_transport(struct bench_wish *b, const char *text, struct err *e)
{
    static const char *const known[] = { "epoll", "uring", "sim" };
    int sim, uring;
    if (demo_transport(&sim, &uring, text, e) != 0)
        return e->code;
    if (b->ntransport == BENCH_LIST)
        return too_many("transport", e);
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(text, known[i]) == 0)
            b->transport[b->ntransport] = known[i];
    b->ntransport++;
    return 0;
}

static int all_protocols(struct bench_wish *b, struct err *e)
{
    for (unsigned i = 0; protocol_at(i) != NULL; i++)
        if (add_protocol(b, protocol_at(i)->name, e) != 0)
            return e->code;
    return 0;
}

static int networks(struct bench_wish *b, const struct wish *w, struct err *e)
{
    if (w->rtt < 0 && w->bandwidth <= 0)
        return list_each(w->network, add_network, b, e);
    struct bench_network *n = &b->network[b->nnetwork++];
    *n = (struct bench_network){ .rtt_ms = w->rtt > 0 ? w->rtt : 0, .up = w->bandwidth,
                                 .down = w->bandwidth };
    snprintf(n->name, sizeof n->name, "%g:%g", n->rtt_ms, n->up);
    return 0;
}

/* 0 if some transport has connections, which the option is about. */
static int about_connections(const struct bench_wish *b, const char *option, struct err *e)
{
    for (unsigned i = 0; i < b->ntransport; i++)
        if (strcmp(b->transport[i], "sim") != 0)
            return 0;
    return err_set(e, ERR_USAGE, "%s needs real connections: not --transport sim alone", option);
}

static int take_wish(struct bench_wish *b, const struct wish *w, struct err *e)
{
    int code = strcmp(w->protocol, "all") == 0 ? all_protocols(b, e)
                                               : list_each(w->protocol, add_protocol, b, e);
    if (code == 0)
        code = networks(b, w, e);
    if (code == 0)
        code = list_each(w->frames, add_frames, b, e);
    if (code == 0)
        code = list_each(w->workers, add_workers, b, e);
    if (code == 0)
        code = list_each(w->transport, add_transport, b, e);
    if (code == 0 && w->lanes > 1)
        code = about_connections(b, "--lanes", e);
    if (code == 0 && w->congestion != NULL)
        code = about_connections(b, "--congestion", e);
    if (code == 0 && w->congestion != NULL)
        code = congestion_check(w->congestion, e);
    b->runs = (unsigned)w->runs;
    b->warmup = (unsigned)w->warmup;
    b->forecast = w->forecast;
    b->prepare = w->prepare;
    b->seed = w->seed;
    b->dir = w->dir;
    b->timeout = w->timeout;
    b->lanes = (unsigned)w->lanes;
    b->congestion = w->congestion;
    b->quiet = w->quiet;
    return code;
}

static int run(int argc, char **argv, struct err *e)
{
    struct wish w = { .protocol = "all", .network = "loopback", .frames = "7", .workers = "0",
                      .transport = "epoll", .runs = 7, .warmup = 1, .lanes = 1, .seed = 1,
                      .dir = "bench", .timeout = 300, .rtt = -1 };
    struct bench_wish b = { 0 };
    char clip[1200], model[1200];
    int at;
    if (options_parse(&command, argc, argv, &w, &at, e) != 0)
        return e->code;
    if (at != argc)
        return err_set(e, ERR_USAGE, "'%.40s' is too much (see obscura bench --help)", argv[at]);
    if (w.plot != NULL)
        return bench_plot(w.plot, w.dir, e);
    if (take_wish(&b, &w, e) != 0 ||
        (w.clip == NULL && owner_data_path(clip, sizeof clip, "demo_clip.txt", e) != 0) ||
        (w.model == NULL && owner_data_path(model, sizeof model, "emotion.obm", e) != 0))
        return e->code;
    b.clip = w.clip != NULL ? w.clip : clip;
    b.model = w.model != NULL ? w.model : model;
    return bench_run(&b, e);
}

int cmd_bench(int argc, char **argv)
{
    struct err e = { 0 };
    run(argc, argv, &e);
    return command_end(&command, &e);
}
