/*
 * party_run.c: a job's work at a party: the meeting, the engine, the outputs.
 *
 * A party that has its input (the first chunk of it) makes its engine first and then tells its
 * peers (JOB), with a fresh nonce; it starts the engine when all peers have told. So whoever has
 * heard from everybody may send at once: every receiver's engine is there, though it may not have
 * started. Chunks and tensors that come later are given to it as it runs.
 */
#include "src/party_st.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <openssl/rand.h>

#include "net/base_log.h"

/* Queued bytes on a link above which no new gate starts: the hosts' own mark of back-pressure, so
 * that they will say when the queue is short again. */
enum { HIGH_MARK = 64 << 20 };

void *job_take(struct job *j, size_t n)
{
    size_t before = arena_used(j->arena);
    void *block = arena_take(j->arena, n);
    j->own += arena_used(j->arena) - before;
    return block;
}

void job_give(struct job *j, void *block)
{
    size_t before = arena_used(j->arena);
    arena_give(block);
    j->own -= before - arena_used(j->arena);
}

int job_no_memory(struct job *j, struct err *e)
{
    return err_set(e, ERR_FAILED, "party %u: a job has reached its memory limit of %" PRIu64
                   " MB: raise job_memory", j->party->conf.self, j->party->conf.job_memory >> 20);
}

/* ---- getting ready ---- */

static int job_ready(struct job *j, struct err *e);
static void job_try(struct job *j);

void job_gather(struct job *j)
{
    struct err e = { 0 };
    if (j->state != JOB_JOIN || !clip_begun(j) || j->errand.busy)
        return;
    if (job_ready(j, &e) != 0)
        job_end(j, &e, NO_VALUE);
    else
        job_try(j);
}

void job_begin(struct job *j)
{
    struct err e = { 0 };
    j->state = JOB_JOIN;
    j->touched = j->party->host->ops->now(j->party->host);
    if (stock_begin(j, &e) != 0)
        job_end(j, &e, NO_VALUE);
}

/* ---- the engine ---- */

static void engine_ended(void *ctx, const struct err *e)
{
    struct job *j = ctx;
    j->over = 1;
    j->outcome = *e;
    j->party->host->ops->arm(j->party->host, &j->party->soon, 0);
}

static void engine_released(void *ctx, uint32_t value)
{
    clip_released(ctx, value);
}

static void engine_spanned(void *ctx, const struct engine_span *s)
{
    struct job *j = ctx;
    j->party->conf.span(j->party->conf.ctx, j->id, s);
}

/* What one peer is told: of the keys of three only those that it holds as well. */
static struct wire_job job_word(const struct job *j, unsigned peer)
{
    const struct party *p = j->party;
    struct wire_job m = j->meet[p->conf.self];
    for (unsigned k = 0; p->n == 4 && k < p->n; k++)
        if (k != peer && k != p->conf.self)
            memcpy(m.part[k], j->part[k], KEYS_PART);
    if (j->chunk != NULL)
        memcpy(m.input, clip_first(j)->mark[peer], CLIENT_MARK);
    weights_mark(j, peer, m.model);
    return m;
}

/* Tells all peers that this party is ready. */
static int job_tell(struct job *j, struct err *e)
{
    struct party *p = j->party;
    struct wire_job *own = &j->meet[p->conf.self];
    memcpy(own->digest, j->digest, sizeof own->digest);
    if (RAND_bytes(own->nonce, sizeof own->nonce) != 1 ||
        RAND_bytes(j->part[0], sizeof j->part) != 1)
        return err_set(e, ERR_FAILED, "no random bytes from OpenSSL");
    own->serial = j->item.serial;
    j->whole = j->model->left == 0;
    memcpy(own->tag, j->item.tag, sizeof own->tag);
    j->met |= 1u << p->conf.self;
    for (unsigned i = 0; i < p->n; i++) {
        size_t n;
        struct wire_job word = job_word(j, i);
        uint8_t *data = i == p->conf.self ? NULL : wire_job_pack(p->control, &word, &n);
        wipe(&word, sizeof word);
        if (i == p->conf.self)
            continue;
        if (data == NULL)
            return job_no_memory(j, e);
        if (wire_send(p->host, i, WIRE_JOB, j->id, data, n) != 0)
            return err_set(e, ERR_PEER, "lost party %u", i);
    }
    return 0;
}

int job_engine(struct job *j, struct err *e)
{
    struct party *p = j->party;
    struct engine_conf conf = {
        .host = p->host, .program = j->compiled.program, .tails = &j->tails, .keys = j->keys,
        .arena = j->arena,
        .self = p->conf.self, .part = j->runs, .type = WIRE_GATE, .job = j->id,
        .high_mark = HIGH_MARK, .ctx = j,
        .done = engine_ended, .released = engine_released,
        .span = p->conf.span != NULL ? engine_spanned : NULL
    };
    engine_free(j->engine);
    j->engine = engine_new(&conf, e);
    return j->engine != NULL ? 0 : e->code;
}

/* All that the job needs of its own is here. */
static int job_ready(struct job *j, struct err *e)
{
    struct party *p = j->party;
    j->keys = job_take(j, sizeof *j->keys);
    if (j->keys == NULL)
        return job_no_memory(j, e);
    if (job_engine(j, e) != 0 || job_tell(j, e) != 0)
        return e->code;
    j->state = JOB_READY;
    j->ready = j->touched = p->host->ops->now(p->host);
    clip_ack(j);
    return 0;
}

/* ---- the meeting ---- */

int job_clips_differ(const struct job *j, unsigned i, struct err *e)
{
    char name[64];
    return err_set(e, ERR_ABORT, "%s gave party %u and party %u shares of different clips (or one "
                   "of the two parties cheats)",
                   party_name(j->party, j->client, name, sizeof name), j->party->conf.self, i);
}

/* Has the owner given this party and peer i the same? */
static int job_given(const struct job *j, unsigned i, struct err *e)
{
    static const uint8_t none[CLIENT_MARK];
    const uint8_t *own = j->chunk != NULL ? clip_first(j)->mark[i] : none;
    if (memcmp(j->meet[i].input, own, CLIENT_MARK) != 0)
        return job_clips_differ(j, i, e);
    return weights_met(j, i, e);
}

static int job_same(const struct job *j, struct err *e)
{
    for (unsigned i = 0; i < j->party->n; i++) {
        if (memcmp(j->meet[i].digest, j->digest, WIRE_DIGEST) != 0)
            return err_set(e, ERR_ABORT, "party %u and party %u run different plans: give both "
                           "the same version of obscura and provide the model again",
                           j->party->conf.self, i);
        if (i != j->party->conf.self && job_given(j, i, e) != 0)
            return e->code;
    }
    return 0;
}

static int job_keys(struct job *j, struct err *e)
{
    const struct party *p = j->party;
    struct keys_seed seed = { .self = p->conf.self, .parties = p->n, .job = j->id };
    for (unsigned i = 0; i < p->n; i++) {
        memcpy(seed.nonce[i], j->meet[i].nonce, KEYS_NONCE);
        memcpy(seed.part[i], i == p->conf.self ? j->part : j->meet[i].part, sizeof seed.part[i]);
        if (i == p->conf.self)
            continue;
        if (p->peer[i] == NULL)
            return err_set(e, ERR_PEER, "lost party %u", i);
        memcpy(seed.secret[i], p->peer[i]->secret, LINK_SECRET);
    }
    memcpy(seed.digest, j->digest, KEYS_DIGEST);
    if (RAND_bytes(seed.own, sizeof seed.own) != 1)
        return err_set(e, ERR_FAILED, "no random bytes from OpenSSL");
    j->has_keys = keys_init(j->keys, &seed, e) == 0;
    wipe(&seed, sizeof seed);
    return j->has_keys ? 0 : e->code;
}

/* Starts the engine when everybody is ready; behind the cursor of a stored item, if one is used. */
static void job_try(struct job *j)
{
    struct err e = { 0 };
    if (j->state != JOB_READY || j->met != (1u << j->party->n) - 1)
        return;
    if (job_same(j, &e) != 0 || job_keys(j, &e) != 0 || stock_meet(j, &e) != 0)
        job_end(j, &e, NO_VALUE);
    else if (j->runs != PART_ONLINE)
        job_run(j);
}

void job_run(struct job *j)
{
    j->state = JOB_RUN;
    j->ready = j->touched = j->party->host->ops->now(j->party->host);
    j->received = 0;
    clip_give(j);
    weights_give(j);
    if (j->state == JOB_RUN)
        engine_start(j->engine);
}

void job_meet(struct job *j, unsigned from, const struct wire_job *m)
{
    struct err e;
    if (from >= j->party->n || (j->met & 1u << from) != 0) {
        err_set(&e, ERR_ABORT, "party %u sent JOB twice for one job", from);
        job_end(j, &e, NO_VALUE);
        return;
    }
    j->met |= 1u << from;
    j->meet[from] = *m;
    if (j->state == JOB_READY) {
        j->meeting = j->party->host->ops->now(j->party->host) - j->ready;
        j->late = from;
    }
    job_try(j);
}

/* ---- the outputs ---- */

/* A piece of an output, to Alice and to nobody else. */
static int job_output(struct job *j, uint8_t type, uint32_t value, struct err *e)
{
    const struct value *v = &j->compiled.program->value[value];
    size_t n = value_piece(j->compiled.program->proto, (enum value_kind)v->kind, v->n) * 8;
    const uint64_t *words = engine_value(j->engine, value);
    uint8_t *piece = words != NULL ? arena_take(j->arena, n) : NULL;
    if (piece == NULL)
        return job_no_memory(j, e);
    memcpy(piece, words, n);
    return wire_send(j->party->host, j->client, type, j->id, piece, n) == 0 ? 0 :
           err_set(e, ERR_PEER, "the client left before the label was there");
}

void job_over(struct job *j)
{
    struct err e = j->outcome;
    if (j->state == JOB_STORE)
        return;
    job_progress(j, j->party->host->ops->now(j->party->host));
    if (e.code == 0 && j->ask.prepare) {
        stock_save(j);
        return;
    }
    if (e.code == 0 && j->compiled.scores != NO_VALUE)
        job_output(j, WIRE_SCORES, j->compiled.scores, &e);
    if (e.code == 0)
        job_output(j, WIRE_LABEL, j->compiled.label, &e);
    job_end(j, &e, NO_VALUE);
}
