#include "src/demo.h"
#include "src/feed.h"

#include <stdlib.h>
#include <string.h>

#include "net/base_log.h"
#include "net/sim.h"
#include "src/clip.h"
#include "src/owner.h"
#include "src/process.h"
#include "src/trace.h"

enum { BOB = LINK_CLIENT, ALICE = LINK_CLIENT + 1 };

/* One party of the simulation; the callbacks' context. */
struct sim_party {
    struct stage_play *play;
    struct party *party;
    struct host *host;
    struct trace *trace;
    struct account account;
    int accounted;
};

struct stage_play {
    const struct demo_conf *conf;
    struct sim *sim;
    struct sim_party party[LINK_PARTIES];
    struct bob *bob;
    struct alice *alice;
    struct fixed_model model;
    struct owner_selections selections;
    struct video clip;
    struct feed feed;
    struct outcome *o;
    struct err *e;
    int bob_taken, bob_done, alice_done;
};

static int load(struct stage_play *p)
{
    struct selection own = { 0 };
    const struct clip_source none = { .command = "demo" };
    int code = clip_take(&p->clip, &none, p->conf->clip, p->e);
    if (code == 0)
        code = owner_model_file(&p->model, &own, p->conf->model, p->clip.frames, p->e);
    if (code == 0)
        code = owner_select(&p->selections, p->conf->select, &p->clip.frames, 1, &own,
                            p->conf->chunk, p->e);
    selection_fini(&own);
    return code;
}

static void on_report(void *ctx, const struct job_report *r)
{
    struct sim_party *sp = ctx;
    account_from(&sp->account, r, sp->play->conf->proto);
    for (unsigned i = 0; i < sp->play->conf->proto->parties; i++)
        if (sp != &sp->play->party[i])
            sp->account.bytes_wire += sp->host->ops->wire(sp->host, i);
    sp->account.cpu_seconds = (double)r->stats.busy_ns * 1e-9;
    sp->account.peak_rss_bytes = process_peak_bytes();
    sp->accounted = 1;
}

static void on_span(void *ctx, uint64_t job, const struct engine_span *s)
{
    const struct sim_party *sp = ctx;
    if (sp->trace != NULL)
        trace_span(sp->trace, job, s);
    if (sp->play->conf->span != NULL)
        sp->play->conf->span(sp->play->conf->ctx, s);
}

static void on_taken(void *ctx)
{
    struct stage_play *p = ctx;
    p->bob_taken = !p->conf->model_first;
    if (p->bob_taken)
        sim_stop(p->sim);
}

static void on_bob(void *ctx, const struct err *e)
{
    struct stage_play *p = ctx;
    p->bob_done = 1;
    if (e->code != 0)
        *p->e = *e;
    if (p->alice == NULL || e->code != 0)
        sim_stop(p->sim);
}

static void on_alice(void *ctx, const struct err *e, const struct alice_result *r)
{
    struct stage_play *p = ctx;
    p->alice_done = 1;
    if (e->code != 0 && p->e->code == 0)
        *p->e = *e;
    else if (e->code == 0)
        p->o->result = *r;
    sim_stop(p->sim);
}

static int add_party(struct stage_play *p, unsigned i)
{
    struct sim_party *sp = &p->party[i];
    char name[24];
    snprintf(name, sizeof name, "party %u", i);
    sp->play = p;
    if (p->conf->trace != NULL && (sp->trace = trace_new(i)) == NULL)
        return err_set(p->e, ERR_FAILED, "no memory for a trace");
    sp->host = sim_node(p->sim, i, name, p->e);
    if (sp->host == NULL)
        return p->e->code;
    struct party_conf conf = {
        .proto = p->conf->proto, .self = i, .reveal_scores = p->conf->reveal_scores,
        .max_jobs = 1, .max_models = 1, .job_timeout = p->conf->timeout,
        .job_memory = (uint64_t)8 << 30, .ctx = sp, .report = on_report,
        .span = p->conf->trace != NULL || p->conf->span != NULL ? on_span : NULL
    };
    sp->party = party_new(sp->host, &conf, p->e);
    return sp->party == NULL ? p->e->code : 0;
}

static int run_bob(struct stage_play *p)
{
    struct host *h = sim_node(p->sim, BOB, "bob", p->e);
    if (h == NULL)
        return p->e->code;
    struct bob_conf conf = {
        .proto = p->conf->proto, .model_name = "default", .model = &p->model,
        .reveal_scores = p->conf->reveal_scores, .ctx = p, .timeout = p->conf->timeout,
        .taken = on_taken, .done = on_bob
    };
    owner_selections_give(&p->selections, &conf);
    p->bob = bob_new(h, &conf, p->e);
    if (p->bob == NULL)
        return p->e->code;
    sim_run(p->sim, 0, (uint64_t)3600e9);
    if (!p->bob_taken && !p->bob_done)
        return err_set(p->e, ERR_FAILED, "the simulation came to rest before Bob was done");
    return p->e->code;
}

static void on_frame(void *ctx, const double *values)
{
    struct stage_play *p = ctx;
    alice_frame(p->alice, values, NULL);
}

static void on_want(void *ctx)
{
    struct stage_play *p = ctx;
    feed_want(&p->feed);
}

static int run_alice(struct stage_play *p)
{
    struct host *h = sim_node(p->sim, ALICE, "alice", p->e);
    if (h == NULL)
        return p->e->code;
    struct alice_conf conf = {
        .proto = p->conf->proto, .model_name = "default",
        .reveal_scores = p->conf->reveal_scores, .frames = p->clip.frames, .h = p->clip.h,
        .w = p->clip.w, .c = p->clip.c, .video = p->clip.value, .timeout = p->conf->timeout,
        .ctx = p, .done = on_alice
    };
    if (p->conf->pace > 0) {
        p->feed = (struct feed){ .host = h, .video = &p->clip, .pace = p->conf->pace, .ctx = p,
                                 .frame = on_frame };
        conf.video = NULL;
        conf.want = on_want;
    }
    p->alice = alice_new(h, &conf, p->e);
    if (p->alice == NULL)
        return p->e->code;
    sim_run(p->sim, 0, (uint64_t)3600e9);
    if (!p->alice_done && p->e->code == 0)
        return err_set(p->e, ERR_FAILED, "the simulation came to rest before Alice had her label");
    return p->e->code;
}

/* The parties' accounts come a moment after the label, and so may Bob's end. */
static int collect(struct stage_play *p)
{
    sim_run(p->sim, sim_now(p->sim) + (uint64_t)10e9, (uint64_t)5e9);
    if (p->e->code == 0 && !p->bob_done)
        err_set(p->e, ERR_FAILED, "Bob was not done after the label");
    if (p->e->code != 0)
        return p->e->code;
    for (unsigned i = 0; i < p->conf->proto->parties; i++) {
        if (!p->party[i].accounted)
            return err_set(p->e, ERR_FAILED, "party %u did not account for the job", i);
        p->o->party[i] = p->party[i].account;
    }
    p->o->have_parties = 1;
    return 0;
}

static int write_trace(struct stage_play *p)
{
    struct trace *t[LINK_PARTIES];
    for (unsigned i = 0; i < p->conf->proto->parties; i++)
        t[i] = p->party[i].trace;
    return trace_write(t, p->conf->proto->parties, p->conf->trace, p->e);
}

static void clear(struct stage_play *p)
{
    for (unsigned i = 0; i < LINK_PARTIES; i++)
        if (p->party[i].party != NULL)
            party_stop(p->party[i].party);
    sim_free(p->sim);
    for (unsigned i = 0; i < LINK_PARTIES; i++) {
        party_free(p->party[i].party);
        trace_free(p->party[i].trace);
    }
    bob_free(p->bob);
    alice_free(p->alice);
    owner_selections_free(&p->selections);
    fixed_model_fini(&p->model);
    video_fini(&p->clip);
}

/* What headers of TLS, TCP and IP leave of a line of so many Mbit/s, in bits per second. */
static uint64_t payload_rate(double mbit)
{
    return (uint64_t)(mbit * 1e6 * 0.964);
}

static void take_network(struct sim_options *s, const struct demo_conf *conf)
{
    const struct wan_conf *w = conf->network;
    s->latency_ns = (uint64_t)(w->delay_ms[0][1] * 1e6);
    s->jitter_ns = (uint64_t)(w->jitter_ms * 1e6);
    for (unsigned i = 0; i < w->nodes; i++) {
        unsigned node = i < conf->proto->parties ? i : BOB + i - conf->proto->parties;
        s->bits_out[node] = payload_rate(w->mbit[i]);
        s->bits_in[node] = payload_rate(w->mbit_in[i] > 0 ? w->mbit_in[i] : w->mbit[i]);
    }
}

int demo_sim(const struct demo_conf *conf, struct outcome *o, struct err *e)
{
    struct stage_play p = { .conf = conf, .o = o, .e = e };
    struct sim_options options = {
        .seed = conf->seed, .workers = conf->workers, .cores = conf->cores,
        .work_factor = conf->seeded ? 0 : conf->work > 0 ? conf->work : 1
    };
    if (conf->network != NULL)
        take_network(&options, conf);
    if (conf->slowed != 0)
        options.slower[conf->slowed - 1] = DEMO_SLOWED;
    e->code = 0;
    o->proto = conf->proto;
    log_configure(conf->log != NULL ? conf->log : "warning");
    int code = load(&p);
    if (code == 0) {
        p.sim = sim_new(&options, e);
        code = p.sim == NULL ? e->code : 0;
    }
    for (unsigned i = 0; i < conf->proto->parties && code == 0; i++)
        code = add_party(&p, i);
    if (code == 0)
        code = run_bob(&p);
    if (code == 0)
        code = run_alice(&p);
    if (code == 0)
        code = collect(&p);
    if (code == 0 && conf->trace != NULL)
        code = write_trace(&p);
    clear(&p);
    return code;
}
