/*
 * cmd_party.c: `obscura party`: the daemon around the role of a party: signals, statistics,
 * accounts of jobs. It stays in the foreground; starting and restarting it is the service
 * manager's.
 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "net/base_log.h"
#include "src/client.h"
#include "src/cmd.h"
#include "src/outcome.h"
#include "src/process.h"
#include "src/store.h"
#include "src/trace.h"

struct wish {
    struct client_options common;
    const char *trace;
    uint64_t listen_fd;
};

#define COMMON(m) offsetof(struct client_options, m)

static const struct option_row rows[] = {
    { "config", 'c', OPTION_TEXT, COMMON(conf), "FILE",
      "configuration file (obscura.conf(5))", 0, 0 },
    { "set", 0, OPTION_LIST, COMMON(set), "SECTION.KEY=VALUE",
      "overrule a key of the file; may be repeated", 0, 0 },
    { "json", 'j', OPTION_FLAG, COMMON(json), NULL,
      "print one JSON object per finished job", 0, 0 },
    { "log", 0, OPTION_TEXT, COMMON(log), "SPEC",
      "log level, e.g. info or notice,net=debug", 0, 0 },
    { "trace", 0, OPTION_TEXT, offsetof(struct wish, trace), "FILE",
      "write a Chrome trace at the end", 0, 0 },
    { "listen-fd", 0, OPTION_COUNT, offsetof(struct wish, listen_fd), "FD", NULL, 3, 1 << 20 },
    { .name = NULL }
};

static const struct command command = {
    .name = "party", .synopsis = "-c FILE [OPTION]..",
    .summary = "Runs a computing party in the foreground until SIGTERM or SIGINT. Parties may\n"
               "start in any order; models come from `obscura provide`, jobs from\n"
               "`obscura classify`.",
    .rows = rows, .notes = "SIGUSR1 logs statistics."
};

struct daemon {
    struct settings settings;
    struct wish wish;
    struct node node;
    struct store *store;
    uint8_t identity[STORE_DIGEST];     /* of all parties together */
    struct party *party;
    struct trace *trace;
    struct starved starved;             /* of loop and workers, for the trace */
    struct err *e;
    int stopping;
    uint64_t jobs_good, jobs_bad, bytes_sent;
    uint64_t wire_mark;                 /* what came before the present job: bytes on the wire, */
    double cpu_mark;                    /* and CPU seconds */
};

static uint64_t wire_bytes(const struct daemon *d)
{
    uint64_t n = 0;
    for (unsigned i = 0; i < settings_protocol(&d->settings)->parties; i++)
        if (i != d->settings.index)
            n += d->node.host->ops->wire(d->node.host, i);
    return n;
}

/* CPU time and wire bytes are the process's: a job that comes while no other is running is charged
 * from the moment when its client asks. */
static int on_may(void *ctx, const char *name, enum role_right right)
{
    struct daemon *d = ctx;
    if (right == MAY_CLASSIFY && party_jobs(d->party) == 0) {
        d->cpu_mark = process_cpu_seconds();
        d->wire_mark = wire_bytes(d);
    }
    for (unsigned i = 0; i < d->settings.nclient; i++)
        if (strcmp(d->settings.allowed[i].name, name) == 0)
            return (d->settings.allowed[i].may & (uint32_t)right) != 0;
    return 0;
}

/* Who kept this party waiting, longest first. */
static void log_waited(const struct account *a, double seconds)
{
    char text[200] = "";
    unsigned said = 0;
    for (size_t n = 0;;) {
        unsigned most = LINK_PARTIES;
        for (unsigned i = 0; i < a->parties; i++)
            if ((said & 1u << i) == 0 && a->waited_seconds[i] >= 0.05 &&
                (most == LINK_PARTIES || a->waited_seconds[i] > a->waited_seconds[most]))
                most = i;
        if (most == LINK_PARTIES)
            break;
        if (said == 0)
            n += (size_t)snprintf(text, sizeof text, "%.1f s of %.1f s for party %u",
                                  a->waited_seconds[most], seconds, most);
        else
            n += (size_t)snprintf(text + n, sizeof text - n, ", %.1f s for party %u",
                                  a->waited_seconds[most], most);
        said |= 1u << most;
    }
    if (said != 0)
        log_line(LOG_NOTICE, LOG_JOB, "job=%016" PRIx64 " waited %s", a->job, text);
}

static void on_report(void *ctx, const struct job_report *r)
{
    struct daemon *d = ctx;
    const struct protocol *proto = settings_protocol(&d->settings);
    struct account a;
    char bytes[24];
    struct err bad = { 0 };
    account_from(&a, r, proto);
    uint64_t wire = wire_bytes(d);
    double cpu = process_cpu_seconds();
    a.bytes_wire = wire - d->wire_mark;
    a.cpu_seconds = cpu - d->cpu_mark;
    a.peak_rss_bytes = process_peak_bytes();
    d->wire_mark = wire;
    d->cpu_mark = cpu;
    d->bytes_sent += a.bytes_sent;
    *(a.code == 0 ? &d->jobs_good : &d->jobs_bad) += 1;
    if (a.code == 0)
        log_line(LOG_NOTICE, LOG_JOB, "job=%016" PRIx64 " %s seconds=%.3f sent=%s rounds=%u "
                 "memory=%" PRIu64 "%s%s", a.job, a.prepare ? "prepared" : "done", a.run_seconds,
                 bytes_text(bytes, (double)a.bytes_sent), a.rounds, a.memory_bytes,
                 a.material[0] != '\0' ? " material=" : "", a.material);
    else
        log_line(LOG_WARN, LOG_JOB, "job=%016" PRIx64 " failed code=%d: %s", a.job, a.code, a.text);
    log_waited(&a, r->meeting_seconds + r->run_seconds);
    if (d->wish.common.json && json_print(account_json(&a), 0, &bad) != 0)
        log_line(LOG_ERR, LOG_JOB, "%s", bad.text);
}

static void on_span(void *ctx, uint64_t job, const struct engine_span *s)
{
    struct daemon *d = ctx;
    trace_span(d->trace, job, s);
    if (d->starved.n == 0)
        process_starved_begin(&d->starved);
    trace_starved(d->trace, d->node.host->ops->now(d->node.host), process_starved_ns(&d->starved));
}

static void on_stopped(void *ctx)
{
    struct daemon *d = ctx;
    loop_stop(d->node.loop);
}

/* The first signal lets peers and clients hear of it; a second one ends at once. */
static void on_stop(void *ctx)
{
    struct daemon *d = ctx;
    if (d->stopping) {
        loop_stop(d->node.loop);
        return;
    }
    d->stopping = 1;
    log_line(LOG_NOTICE, LOG_JOB, "ending; %u jobs are running", party_jobs(d->party));
    process_notify("STOPPING=1");
    party_stop(d->party);
    mesh_stop(d->node.mesh, "the party is being ended by its operator", on_stopped, d);
}

static void on_statistics(void *ctx)
{
    struct daemon *d = ctx;
    char sent[24], wire[24], rss[24];
    log_line(LOG_NOTICE, LOG_JOB, "statistics: jobs running=%u done=%" PRIu64 " failed=%" PRIu64
             " sent=%s wire=%s cpu_seconds=%.2f peak_rss=%s", party_jobs(d->party), d->jobs_good,
             d->jobs_bad, bytes_text(sent, (double)d->bytes_sent),
             bytes_text(wire, (double)wire_bytes(d)), process_cpu_seconds(),
             bytes_text(rss, (double)process_peak_bytes()));
}

/* What is stored is for these parties alone, and by this one's key. */
static int open_store(struct daemon *d)
{
    const struct settings *s = &d->settings;
    char all[LINK_PARTIES][CERT_FINGERPRINT] = { "" };
    uint8_t secret[CERT_DIGEST];
    unsigned n = STORE_DIGEST;
    if (s->material[0] == '\0' || settings_protocol(s)->deal_plan == NULL)
        return 0;
    for (unsigned i = 0; i < settings_protocol(s)->parties; i++)
        snprintf(all[i], sizeof all[i], "%.*s", CERT_FINGERPRINT - 1,
                 i == s->index ? cert_fingerprint(d->node.cert) : s->peer[i].fingerprint);
    if (EVP_Digest(all, sizeof all, d->identity, &n, EVP_sha256(), NULL) != 1)
        return err_set(d->e, ERR_FAILED, "a digest could not be computed");
    if (cert_secret(d->node.cert, "obscura store", secret, d->e) != 0)
        return d->e->code;
    d->store = store_open(s->material, secret, sizeof secret, NULL, d->e);
    wipe(secret, sizeof secret);
    return d->store != NULL ? 0 : err_prefix(d->e, "%s", s->file);
}

static int make_party(struct daemon *d)
{
    const struct settings *s = &d->settings;
    struct party_conf conf = {
        .proto = settings_protocol(s), .self = s->index,
        .reveal_scores = s->reveal == REVEAL_SCORES, .max_jobs = s->max_jobs,
        .max_models = s->max_models, .job_timeout = s->job_timeout,
        .link_timeout = s->connect_timeout, .job_memory = s->job_memory,
        .model_memory = s->model_memory, .window = s->window, .ctx = d, .may = on_may,
        .report = on_report, .span = d->trace != NULL ? on_span : NULL, .store = d->store
    };
    memcpy(conf.identity, d->identity, sizeof conf.identity);
    d->party = party_new(d->node.host, &conf, d->e);
    return d->party == NULL ? d->e->code : 0;
}

static int start(struct daemon *d, struct err *e)
{
    char name[24];
    if (client_settings(&d->settings, &d->wish.common, 1, e) != 0)
        return e->code;
    snprintf(name, sizeof name, "party %u", d->settings.index);
    log_identity(name);
    process_harden();
    if (d->wish.trace != NULL && (d->trace = trace_new(d->settings.index)) == NULL)
        return err_set(e, ERR_FAILED, "no memory for a trace");
    int fd = d->wish.listen_fd == 0 ? -1 : (int)d->wish.listen_fd;
    if (node_open(&d->node, &d->settings, fd, e) != 0 ||
        loop_signal(d->node.loop, SIGTERM, on_stop, d, e) != 0 ||
        loop_signal(d->node.loop, SIGINT, on_stop, d, e) != 0 ||
        loop_signal(d->node.loop, SIGUSR1, on_statistics, d, e) != 0 || open_store(d) != 0 ||
        make_party(d) != 0)
        return e->code;
    return mesh_start(d->node.mesh, e);
}

static void run(struct daemon *d, struct err *e)
{
    d->e = e;
    if (start(d, e) == 0) {
        const struct protocol *proto = settings_protocol(&d->settings);
        log_line(LOG_NOTICE, LOG_NET, "%s (%s%s) on %s, %s", proto->name,
                 proto->verified != NULL ? "verified by " : "semi-honest",
                 proto->verified != NULL ? proto->verified : "", d->settings.listen,
                 cert_fingerprint(d->node.cert));
        process_notify("READY=1");
        loop_run(d->node.loop, e);
    }
    node_close(&d->node);
    party_free(d->party);
    store_close(d->store);
    if (d->trace != NULL && e->code == 0)
        trace_write(&d->trace, 1, d->wish.trace, e);
    trace_free(d->trace);
    process_starved_end(&d->starved);
}

int cmd_party(int argc, char **argv)
{
    struct err e = { 0 };
    struct daemon *d = calloc(1, sizeof *d);
    int at;
    if (d == NULL)
        err_set(&e, ERR_FAILED, "no memory");
    else if (options_parse(&command, argc, argv, &d->wish, &at, &e) == 0) {
        if (at != argc)
            err_set(&e, ERR_USAGE, "'%.40s' is too much (see obscura party --help)", argv[at]);
        else
            run(d, &e);
    }
    free(d);
    return command_end(&command, &e);
}
