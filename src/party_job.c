/*
 * party_job.c: a job's life at a party, from the question to the end.
 *
 *   QUEUED -> PLAN -> TERMS -> INPUT -> JOIN -> READY -> RUN -> ENDED
 *   QUEUED -> PLAN -> TERMS -> JOIN -> READY -> RUN -> STORE -> ENDED     a job that prepares
 *
 * Party 0 leads: it alone keeps jobs in a queue, by not giving its terms before there is room. The
 * others give theirs at once, and Alice shares nothing before she has all; so no two parties can
 * wait for each other's queues. The others bound what they hold, and how long they wait.
 *
 * A party that has no link to a peer yet keeps jobs QUEUED as well, but only for link_timeout.
 *
 * A worker makes the plan, for it takes tens of milliseconds in which other jobs go on. The model
 * may still arrive (party_model.c): a job RUNs with what is here of it.
 */
#include "src/party_st.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <openssl/evp.h>

#include "net/base_bytes.h"
#include "net/base_log.h"
#include "nn/window.h"

static int leads(const struct party *p)
{
    return p->conf.self == 0;
}

struct job *job_find(struct party *p, uint64_t id)
{
    for (struct job *j = p->jobs; j != NULL; j = j->next)
        if (j->id == id)
            return j;
    return NULL;
}

static unsigned job_count(const struct party *p, int queued)
{
    unsigned n = 0;
    for (const struct job *j = p->jobs; j != NULL; j = j->next)
        n += (j->state == JOB_QUEUED) == queued;
    return n;
}

unsigned job_active(const struct party *p)
{
    return job_count(p, 0);
}

/* ---- may it be? ---- */

static int ask_peers(const struct party *p, struct err *e)
{
    for (unsigned i = 0; i < p->n; i++)
        if (p->limits[i].memory == 0)
            return err_set(e, ERR_PEER, p->peer[i] == NULL ?
                           "party %u has no link to party %u: start it, or try again in a moment" :
                           "party %u was not told the limits of party %u", p->conf.self, i);
    return 0;
}

/* The model's selection for so many frames; its number, or the number of selections. */
static unsigned ask_selection(const struct model *m, uint32_t frames)
{
    unsigned i = 0;
    while (i < m->is.nselection && m->is.selection[i].frames != frames)
        i++;
    return i;
}

static int ask_shape(const struct model *m, const struct wire_ask *a, struct err *e)
{
    const struct geometry *g = &m->net.stage[0].g;
    if (!a->prepare && (a->h != g->h || a->w != g->w || a->c != g->c))
        return err_set(e, ERR_INPUT, "model %s takes frames of %u x %u x %u, not %u x %u x %u",
                       m->is.name, g->h, g->w, g->c, a->h, a->w, a->c);
    if (ask_selection(m, a->frames) < m->is.nselection)
        return 0;
    if (a->prepare && a->frames == 0)
        return err_set(e, ERR_INPUT, "model %s serves clips of %u lengths: say for which to "
                       "prepare", m->is.name, m->is.nselection);
    char lengths[200];
    size_t n = 0;
    for (unsigned i = 0; i < m->is.nselection && n < sizeof lengths - 16; i++)
        n += (size_t)snprintf(lengths + n, sizeof lengths - n, "%s%u", i > 0 ? ", " : "",
                              m->is.selection[i].frames);
    return err_set(e, ERR_INPUT, "model %s has no frame selection for clips of %u frames (it has "
                   "for %s)", m->is.name, a->frames, lengths);
}

static int ask_reveal(const struct party *p, const struct model *m, const struct wire_ask *a,
                      struct err *e)
{
    if (a->reveal && !m->is.reveal)
        return err_set(e, ERR_USAGE, "the owner of model %s does not let scores out: ask for the "
                       "label only", m->is.name);
    if (a->reveal && !p->conf.reveal_scores)
        return err_set(e, ERR_USAGE, "the operator of party %u does not let scores out: ask for "
                       "the label only", p->conf.self);
    return 0;
}

/* May this client have randomness made for this model, here and now? */
static int ask_prepare(const struct party *p, const struct client *c, const struct model *m,
                       struct err *e)
{
    if (p->conf.proto->deal_plan == NULL)
        return err_set(e, ERR_USAGE, "%s makes nothing beforehand: there is nothing to prepare",
                       p->conf.proto->name);
    if (!stock_able(p))
        return err_set(e, ERR_USAGE, "party %u keeps no material: its operator has to set "
                       "`material = FOLDER`", p->conf.self);
    if (strcmp(m->giver, c->name) != 0)
        return err_set(e, ERR_USAGE, "model %s is of %s: only its owner prepares for it",
                       m->is.name, m->giver);
    for (const struct job *j = p->jobs; j != NULL; j = j->next)
        if (j->ask.prepare)
            return err_set(e, ERR_PEER, "party %u is preparing already, try later", p->conf.self);
    return 0;
}

/* Is the number taken? Also by a job that has ended, since late messages may still name it. */
static int ask_taken(struct party *p, uint64_t id)
{
    for (unsigned i = 0; i < PARTY_TOMBS; i++)
        if (p->tomb[i].job == id)
            return 1;
    return job_find(p, id) != NULL;
}

/* Jobs that have ended while a worker was at something of theirs, such as a plan. */
static unsigned job_leaving(const struct party *p)
{
    unsigned n = 0;
    for (const struct job *j = p->dying; j != NULL; j = j->next)
        n += j->errand.busy != 0;
    return n;
}

static int ask_room(struct party *p, uint64_t id, struct err *e)
{
    unsigned active = job_count(p, 0) + job_leaving(p), queued = job_count(p, 1);
    unsigned most = p->conf.max_jobs;
    int full = active + queued >= (leads(p) ? 2 : 3) * most;
    if (id == 0 || ask_taken(p, id))
        return err_set(e, ERR_INPUT, "the job number %016" PRIx64 " is taken, draw another", id);
    if (full)
        return err_set(e, ERR_PEER, "party %u is busy with %u jobs and %u more wait, try later",
                       p->conf.self, active, queued);
    return 0;
}

/* The model that is asked for. Nothing is prepared for one that may still go. */
static struct model *ask_model(struct party *p, const struct wire_ask *a)
{
    return a->prepare ? model_find(p, a->model) : model_offered(p, a->model);
}

static int ask_check(struct party *p, const struct client *c, uint64_t id,
                     const struct wire_ask *a, struct err *e)
{
    if (p->stopped)
        return err_set(e, ERR_PEER, "party %u is shutting down", p->conf.self);
    if (p->conf.may != NULL &&
        !p->conf.may(p->conf.ctx, c->name, a->prepare ? MAY_PROVIDE : MAY_CLASSIFY))
        return err_set(e, ERR_USAGE, "%s may not %s party %u: its operator has to allow that",
                       c->name, a->prepare ? "prepare for models of" : "have clips classified by",
                       p->conf.self);
    if (strcmp(a->protocol, p->conf.proto->name) != 0)
        return err_set(e, ERR_USAGE, "party %u runs %s, not %s", p->conf.self,
                       p->conf.proto->name, a->protocol);
    const struct model *m = ask_model(p, a);
    if (m == NULL)
        return err_set(e, ERR_INPUT, "party %u has no model %s: its owner has to provide it first",
                       p->conf.self, a->model);
    if ((a->prepare && ask_prepare(p, c, m, e) != 0) || ask_shape(m, a, e) != 0 ||
        ask_reveal(p, m, a, e) != 0)
        return e->code;
    return ask_room(p, id, e);
}

void job_ask(struct party *p, struct client *c, uint64_t id, const struct wire_ask *a)
{
    struct err e = { 0 };
    struct job *j = NULL;
    struct wire_ask asked = *a;
    const struct model *only = model_find(p, a->model);
    if (a->prepare && a->frames == 0 && only != NULL && only->is.nselection == 1)
        asked.frames = only->is.selection[0].frames;
    a = &asked;
    if (ask_check(p, c, id, a, &e) == 0 && (j = mem_new(1, sizeof *j)) == NULL)
        err_set(&e, ERR_FAILED, "party %u is out of memory", p->conf.self);
    if (j == NULL) {
        log_line(LOG_NOTICE, LOG_JOB, "refused a job of %s: %s", c->name, e.text);
        party_send_fault(p, c->node, WIRE_REFUSE, id, &e);
        return;
    }
    struct model *m = ask_model(p, a);
    m->refs++;
    *j = (struct job){ .party = p, .id = id, .client = c->node, .ask = *a, .model = m,
                       .selection = ask_selection(m, a->frames),
                       .asked = p->host->ops->now(p->host) };
    struct job **tail = &p->jobs;
    while (*tail != NULL)
        tail = &(*tail)->next;
    *tail = j;
    party_wake(p);
    job_admit(p);
}

/* ---- terms ---- */

/* The digest covers whatever must be equal at all parties. */
static int job_digest(struct job *j, const struct compile_options *o, struct err *e)
{
    const struct model *m = j->model;
    uint8_t plan[32], options[24];
    unsigned n = WIRE_DIGEST;
    program_digest(j->compiled.program, plan);
    put_u32(options, o->frames);
    put_u32(options + 4, o->selected);
    put_u32(options + 8, o->window);
    put_u32(options + 12, o->slice);
    put_u32(options + 16, (uint32_t)o->reveal_scores);
    put_u32(options + 20, j->ask.prepare);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    const char *name = j->party->conf.proto->name;
    int ok = ctx != NULL && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) &&
             EVP_DigestUpdate(ctx, "obscura job 1", 14) &&
             EVP_DigestUpdate(ctx, name, strlen(name) + 1) &&
             EVP_DigestUpdate(ctx, plan, sizeof plan) &&
             EVP_DigestUpdate(ctx, options, sizeof options) &&
             EVP_DigestUpdate(ctx, m->digest, sizeof m->digest) &&
             EVP_DigestFinal_ex(ctx, j->digest, &n);
    EVP_MD_CTX_free(ctx);
    return ok ? 0 : err_set(e, ERR_FAILED, "a digest could not be computed");
}

/* What the operators of all parties allow: all parties know the limits of all, so they choose the
 * same. */
static struct wire_limits least_limits(const struct party *p)
{
    struct wire_limits least = p->limits[0];
    for (unsigned i = 1; i < p->n; i++) {
        const struct wire_limits *l = &p->limits[i];
        least.memory = l->memory < least.memory ? l->memory : least.memory;
        if (l->window != 0 && (least.window == 0 || l->window < least.window))
            least.window = l->window;
    }
    return least;
}

int job_plan(struct job *j, struct err *e)
{
    const struct party *p = j->party;
    struct compile_options o = { .frames = j->ask.frames, .reveal_scores = j->ask.reveal,
                                 .selected = j->model->is.selection[j->selection].selected,
                                 .chunks = &j->model->is.selection[j->selection].chunks };
    if (window_choose(&o.window, p->conf.proto, &j->model->net, &o, j->least.memory,
                      j->least.window, e) != 0 ||
        compile(&j->compiled, p->conf.proto, &j->model->net, &o, e) != 0)
        return e->code;
    j->has_program = 1;
    j->window = o.window;
    j->runs = j->ask.prepare ? PART_DEALS : PART_ALL;
    if (cost_part(&j->cost, j->compiled.program, j->runs, e) != 0 ||
        cost_part(&j->online, j->compiled.program, PART_ONLINE, e) != 0)
        return e->code;
    if (tails_init(&j->tails, j->compiled.program, PART_ALL, TAIL_TIME, e) != 0)
        return e->code;
    return job_digest(j, &o, e);
}

/* What else the job needs from now on. */
static int job_outfit(struct job *j, struct err *e)
{
    const struct party *p = j->party;
    j->arena = arena_new(p->conf.job_memory);
    if (j->arena == NULL)
        return err_set(e, ERR_FAILED, "party %u is out of memory", p->conf.self);
    return clip_new(j, e) != 0 || weights_new(j, e) != 0 ? e->code : 0;
}

static int job_terms(struct job *j, struct err *e)
{
    struct party *p = j->party;
    const struct wire_model *m = &j->model->is;
    struct wire_terms t = { .reveal = j->ask.reveal, .rounds = j->cost.rounds,
                            .selected = m->selection[j->selection].selected,
                            .chunks = m->selection[j->selection].chunks,
                            .parties = (uint8_t)p->n, .net = m->net, .nnet = m->nnet };
    size_t n;
    memcpy(t.version, m->version, sizeof t.version);
    memcpy(t.digest, j->digest, sizeof t.digest);
    for (unsigned i = 0; i < p->n; i++)
        t.sent[i] = cost_sent(&j->cost, i);
    uint8_t *data = wire_terms_pack(p->control, &t, &n);
    if (data == NULL)
        return err_set(e, ERR_FAILED, "party %u is out of memory", p->conf.self);
    return wire_send(p->host, j->client, WIRE_TERMS, j->id, data, n) == 0 ? 0 :
           err_set(e, ERR_PEER, "the client left");
}

static void job_open(struct job *j)
{
    j->state = JOB_PLAN;
    j->touched = j->party->host->ops->now(j->party->host);
    j->least = least_limits(j->party);
    job_errand(j, ERRAND_PLAN);
}

void job_planned(struct job *j)
{
    struct err e = j->errand.err;
    if (e.code == 0)
        j->state = JOB_TERMS;
    if (e.code != 0 || job_outfit(j, &e) != 0 || job_terms(j, &e) != 0)
        job_end(j, &e, NO_VALUE);
}

void job_admit(struct party *p)
{
    for (;;) {
        struct job *j = p->jobs;
        while (j != NULL && j->state != JOB_QUEUED)
            j = j->next;
        if (j == NULL || ask_peers(p, NULL) != 0 ||
            (leads(p) && job_active(p) >= p->conf.max_jobs))
            return;
        job_open(j);
    }
}

/* ---- the end ---- */

static void tell(struct job *j, const struct err *e, unsigned except)
{
    struct party *p = j->party;
    for (unsigned i = 0; i < p->n; i++)
        if (i != p->conf.self && i != except && p->peer[i] != NULL)
            party_send_fault(p, i, WIRE_ABORT, j->id, e);
    if (j->client != except && party_client(p, j->client) != NULL)
        party_send_fault(p, j->client, WIRE_ABORT, j->id, e);
}

/* Where the deals of a classification came from. */
static enum material material_of(const struct job *j)
{
    if (j->party->conf.proto->deal_plan == NULL || j->ask.prepare)
        return MATERIAL_NONE;
    return j->state > JOB_PLAN && j->runs == PART_ONLINE ? MATERIAL_STORED : MATERIAL_MADE;
}

/* A wait for peers that were not ready belongs to those that come while all compute. */
static void job_waited(const struct job *j, struct job_report *r, uint64_t now)
{
    uint64_t meeting = j->meeting;
    unsigned late = j->late;
    for (unsigned i = j->party->n; j->state == JOB_READY && i-- > 0;)
        if ((j->met & 1u << i) == 0) {
            meeting = now - j->ready;
            late = i;
        }
    r->stats.waited_ns[late] += meeting;
    r->meeting_seconds = (double)meeting / 1e9;
}

static void report(struct job *j, const struct engine_stats *stats, const struct err *e)
{
    const struct party *p = j->party;
    uint64_t now = p->host->ops->now(p->host), ready = j->ready > 0 ? j->ready : now;
    struct job_report r = { .job = j->id, .code = e->code, .frames = j->ask.frames,
                            .selected = j->model->is.selection[j->selection].selected,
                            .stats = *stats,
                            .input_seconds = (double)(ready - j->asked) / 1e9,
                            .run_seconds = (double)(now - ready) / 1e9,
                            .memory_peak = j->arena != NULL ? arena_peak(j->arena) : 0,
                            .prepare = j->ask.prepare, .stored_bytes = j->stored,
                            .material = material_of(j) };
    if (j->state > JOB_PLAN) {
        r.window = j->window;
        r.planned_bytes = cost_sent(&j->cost, p->conf.self);
        r.planned_rounds = j->cost.rounds;
    }
    r.input_bytes = clip_bytes(j, 1);
    job_waited(j, &r, now);
    snprintf(r.text, sizeof r.text, "%s", e->code != 0 ? e->text : "");
    if (p->conf.report != NULL)
        p->conf.report(p->conf.ctx, &r);
}

/* What others may still be sending for this job. */
static void job_tomb(struct job *j, const struct engine_stats *stats)
{
    const struct party *p = j->party;
    uint64_t left[LINK_PARTIES] = { 0 };
    unsigned self = p->conf.self;
    for (unsigned i = 0; i < p->n && j->engine != NULL; i++)
        left[i] = j->cost.bytes[i][self] - stats->received[i];
    left[self] = clip_bytes(j, 0);
    party_tomb(j->party, j->id, left);
}

static void job_unlink(struct job **list, const struct job *j)
{
    while (*list != NULL && *list != j)
        list = &(*list)->next;
    if (*list != NULL)
        *list = j->next;
}

void job_end(struct job *j, const struct err *e, unsigned except)
{
    struct party *p = j->party;
    struct engine_stats stats = { 0 };
    if (j->state == JOB_ENDED)
        return;
    if (e->code != 0) {
        log_line(LOG_NOTICE, LOG_JOB, "job %016" PRIx64 " ended: %s", j->id, e->text);
        tell(j, e, except);
    }
    if (j->engine != NULL)
        engine_stats(j->engine, &stats);
    report(j, &stats, e);
    job_tomb(j, &stats);
    clip_end(j);
    if (!j->errand.busy)
        stock_leave(j);         /* else when the errand is done: it may read the engine's values */
    j->state = JOB_ENDED;
    job_unlink(&p->jobs, j);
    j->next = p->dying;
    p->dying = j;
    party_wake(p);
}

/* Nobody else holds memory of the job any more. */
static int job_dead(const struct job *j)
{
    return !j->errand.busy && (j->arena == NULL || arena_used(j->arena) == j->own);
}

/* Frees a job, but for its memory in the arena, which is still to be wiped. */
static struct block *job_close(struct job *j)
{
    engine_free(j->engine);
    store_drop(j->errand.file);
    if (j->has_keys)
        keys_fini(j->keys);
    tails_fini(&j->tails);
    if (j->has_program)
        compiled_fini(&j->compiled);
    struct block *blocks = arena_end(j->arena);
    model_unref(j->model);
    mem_free(j->chunk);
    mem_free(j->weight);
    wipe(j, sizeof *j);
    mem_free(j);
    return blocks;
}

void job_bury(struct party *p)
{
    for (struct job *j = p->dying, *next; j != NULL; j = next) {
        next = j->next;
        if (!job_dead(j))
            continue;
        job_unlink(&p->dying, j);
        party_wipe(p, job_close(j));
    }
}

void job_free(struct job *j)
{
    if (j != NULL)
        blocks_free(job_close(j), SIZE_MAX);
}

/* ---- time ---- */

void job_progress(struct job *j, uint64_t now)
{
    struct party *p = j->party;
    struct engine_stats s;
    uint64_t received = 0;
    engine_stats(j->engine, &s);
    for (unsigned i = 0; i < p->n; i++)
        received += s.received[i];
    if (s.gates_done == j->gates_done && received == j->received)
        return;
    j->touched = now;
    j->gates_done = s.gates_done;
    j->received = received;
    if (p->conf.progress != NULL)
        p->conf.progress(p->conf.ctx, j->id, s.gates_done, j->compiled.program->ngate);
}

/* Tells Alice how far the job is; while it waits for the model also that it is no further, for she
 * gives up when nothing moves. Nothing is queued for a client that does not read. */
static void job_show(struct job *j, uint64_t now)
{
    const struct party *p = j->party;
    const struct program *program = j->compiled.program;
    struct wire_progress m = { .gates = program->ngate };
    struct engine_stats s;
    size_t n;
    int waits = !j->model->used && now - j->told >= PARTY_WAITS * UINT64_C(1000000000);
    if (!leads(p) || (j->gates_done == j->shown && !waits) || j->gates_done == program->ngate ||
        p->host->ops->queued(p->host, j->client) > 0)
        return;
    uint32_t oldest = engine_oldest(j->engine);
    if (oldest == program->ngate)       /* it gave up in its last step */
        return;
    engine_stats(j->engine, &s);
    m.done = j->shown = s.gates_done;
    j->told = now;
    m.rounds = s.rounds;
    m.frame = program->gate[oldest].frame;
    m.layer = program->gate[oldest].layer;
    for (unsigned i = 0; i < p->n; i++)
        m.sent += s.sent[i];
    uint8_t *data = wire_progress_pack(p->control, &m, &n);
    if (data != NULL)
        wire_send(p->host, j->client, WIRE_PROGRESS, j->id, data, n);
}

/* What the job waits for, in words; 1 when they are a gate and what it waits for. */
static int job_waits(const struct job *j, char *text, size_t n)
{
    const struct party *p = j->party;
    char name[64];
    int missing;
    snprintf(text, n, "its own arithmetic");
    if (j->state == JOB_TERMS || j->state == JOB_INPUT)
        snprintf(text, n, "the input of %s", party_name(p, j->client, name, sizeof name));
    if (j->state == JOB_STORE)
        snprintf(text, n, "its own disk");
    for (unsigned i = p->n; j->state == JOB_READY && i-- > 0;)
        if ((j->met & 1u << i) == 0)
            snprintf(text, n, "party %u, which has not begun", i);
    if (j->state != JOB_RUN)
        return 0;
    if (engine_waits(j->engine, text, n, &missing))
        return 1;
    if (!weights_waits(j, text, n) && clip_awaited(j) >= 0)
        snprintf(text, n, "chunk %d of the clip from %s", clip_awaited(j),
                 party_name(p, j->client, name, sizeof name));
    return 0;
}

/* Since when a job that could run has had nothing to do; 0: it has. */
static uint64_t job_idle_since(const struct job *j)
{
    struct engine_stats s;
    if (j->state != JOB_RUN)
        return j->state == JOB_READY ? j->ready : 0;
    engine_stats(j->engine, &s);
    return s.idle_since;
}

/* Warns of a wait that has become long, once. */
static void job_stalled(struct job *j, uint64_t now)
{
    char text[320];
    uint64_t since = job_idle_since(j);
    if (since == 0 || since == j->warned || now - since < PARTY_STALL * 1000000000ull)
        return;
    j->warned = since;
    int gate = job_waits(j, text, sizeof text);
    log_line(LOG_WARN, LOG_JOB, "job=%016" PRIx64 " stands still for %.1f s: %s%s", j->id,
             (double)(now - since) / 1e9, gate ? "" : "it waits for ", text);
}

void job_tick(struct job *j, uint64_t now)
{
    struct party *p = j->party;
    double patience = p->conf.job_timeout * 1e9;
    struct err e;
    if (j->state == JOB_QUEUED) {
        if ((double)now - (double)j->asked > p->conf.link_timeout * 1e9 && ask_peers(p, &e) != 0)
            job_end(j, &e, NO_VALUE);
        return;
    }
    int for_clip = j->state >= JOB_INPUT && clip_awaited(j) >= 0;
    int for_model = j->state == JOB_RUN && !j->model->used;
    if (for_clip || for_model || (j->state == JOB_TERMS && !leads(p)))
        patience *= PARTY_PATIENCE;
    if (for_clip) {
        uint64_t heard = p->host->ops->moved(p->host, j->client);
        j->touched = heard != j->heard ? now : j->touched;
        j->heard = heard;
    }
    if (for_model && j->model->touched > j->touched)
        j->touched = j->model->touched;
    if (j->state == JOB_RUN) {
        job_progress(j, now);
        job_show(j, now);
        engine_drained(j->engine);      /* in case the host's mark is another */
    }
    job_stalled(j, now);
    if ((double)now - (double)j->touched <= patience)
        return;
    char text[320];
    unsigned stuck = clip_coming(j) ? j->client : NO_VALUE;
    job_waits(j, text, sizeof text);
    err_set(&e, ERR_PEER, "no progress in %g s, waiting for: %s", patience / 1e9, text);
    job_end(j, &e, NO_VALUE);
    if (stuck != NO_VALUE)
        p->host->ops->drop(p->host, stuck, e.text);
}
