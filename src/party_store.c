/*
 * party_store.c: a job and the party's store of correlated randomness (store.h).
 *
 * Before the meeting a classification looks for the next item and reads it while its clip comes in;
 * a job that prepares asks for a number that is free. In JOB the parties tell each other these
 * numbers. If all have the same item in hand, each moves its cursor behind it and then starts its
 * engine without deals; if not, whoever is behind moves its cursor up to the others, so that the
 * next job finds all at the same item, and the deals are made as this job runs. An item that is
 * refused is passed over, and said so in the log.
 *
 * One job at a time has an item in its hands: so cursors move in one place, and two jobs can
 * neither get the same item nor pass each other.
 *
 * What waits for the disk, or is long, is an errand: steps on a worker, a slice at a time, each
 * followed by what comes next on the loop thread.
 */
#include "src/party_st.h"

#include <inttypes.h>
#include <string.h>

#include <openssl/evp.h>

#include "net/base_bytes.h"
#include "net/base_log.h"

enum { SLICE = 16 * STORE_CHUNK, LINE = 64 };

/* The next value from `v` on that an item holds; NO_VALUE: there is none. */
static uint32_t next_deal(const struct program *p, uint32_t v)
{
    while (v < p->nvalue && !value_is_dealt(p, v))
        v++;
    return v < p->nvalue ? v : NO_VALUE;
}

/* Each value of an item begins on a cache line. */
static uint64_t place_of(const struct value *v)
{
    return (v->words * 8 + LINE - 1) / LINE * LINE;
}

static uint64_t item_bytes(const struct program *p)
{
    uint64_t n = 0;
    for (uint32_t v = 0; (v = next_deal(p, v)) != NO_VALUE; v++)
        n += place_of(&p->value[v]);
    return n;
}

/* For whom items of this job's kind are. */
static int kind_make(struct job *j, struct err *e)
{
    static const char title[] = "obscura item 1";
    const struct party *p = j->party;
    uint8_t deals[32];
    unsigned n = STORE_DIGEST;
    program_deals_digest(j->compiled.program, deals);
    memcpy(j->kind.model, j->model->digest, STORE_DIGEST);
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    int ok = md != NULL && EVP_DigestInit_ex(md, EVP_sha256(), NULL) &&
             EVP_DigestUpdate(md, title, sizeof title) &&
             EVP_DigestUpdate(md, deals, sizeof deals) &&
             EVP_DigestUpdate(md, p->conf.identity, sizeof p->conf.identity) &&
             EVP_DigestFinal_ex(md, j->kind.plan, &n);
    EVP_MD_CTX_free(md);
    return ok ? 0 : err_set(e, ERR_FAILED, "a digest could not be computed");
}

/* ---- errands ---- */

static int find_run(struct job *j, struct err *e)
{
    return store_next(j->party->conf.store, &j->kind, &j->item.serial, e);
}

static int fresh_run(struct job *j, struct err *e)
{
    return store_fresh(j->party->conf.store, &j->kind, &j->item.serial, e);
}

static int load_run(struct job *j, struct err *e)
{
    struct errand *r = &j->errand;
    if (r->file == NULL)
        r->file = store_load(j->party->conf.store, &j->kind, &j->item, r->bytes, e);
    if (r->file == NULL)
        return e->code;
    uint64_t n = r->bytes - r->at < SLICE ? r->bytes - r->at : SLICE;
    int code = store_read(r->file, j->dealt + r->at, n, e);
    r->at += n;
    if (code != 0 || r->at == r->bytes) {
        store_drop(r->file);
        r->file = NULL;
    }
    return code;
}

static int pass_run(struct job *j, struct err *e)
{
    return store_skip(j->party->conf.store, &j->kind, j->errand.pass_to, e);
}

static int use_run(struct job *j, struct err *e)
{
    return store_use(j->party->conf.store, &j->kind, j->item.serial, e);
}

/* One value, from the engine to the item. */
static int save_value(struct job *j, struct err *e)
{
    static const uint8_t zeros[LINE];
    struct errand *r = &j->errand;
    const struct value *v = &j->compiled.program->value[r->value];
    size_t n = v->words * 8;
    const uint64_t *words = engine_value(j->engine, r->value);
    if (words == NULL)
        return err_set(e, ERR_FAILED, "a deal was not made");
    r->at += place_of(v);
    return store_write(r->file, words, n, e) != 0
               ? e->code : store_write(r->file, zeros, place_of(v) - n, e);
}

static int save_run(struct job *j, struct err *e)
{
    struct errand *r = &j->errand;
    const struct program *p = j->compiled.program;
    uint64_t end = r->at + SLICE;
    if (r->file == NULL)
        r->file = store_create(j->party->conf.store, &j->kind, &j->item, r->bytes, e);
    if (r->file == NULL)
        return e->code;
    while (r->at < end && (r->value = next_deal(p, r->value)) != NO_VALUE) {
        if (save_value(j, e) != 0)
            return e->code;
        r->value++;
    }
    if (r->value != NO_VALUE)
        return 0;
    struct store_file *f = r->file;
    r->file = NULL;
    return store_commit(f, e);
}

static int drop_run(struct job *j, struct err *e)
{
    (void)e;
    store_drop(j->errand.file);
    j->errand.file = NULL;
    return 0;
}

/* No item for this job, or not any more: another may have one. */
static void let_go(struct job *j)
{
    if (j->party->holder == j)
        j->party->holder = NULL;
    job_give(j, j->dealt);
    j->dealt = NULL;
    j->item.serial = 0;
}

static void find_done(struct job *j)
{
    struct errand *r = &j->errand;
    if (r->err.code != 0)
        log_line(LOG_WARN, LOG_JOB, "job %016" PRIx64 " makes its deals itself: %s", j->id,
                 r->err.text);
    if (r->err.code != 0 || j->item.serial == 0) {
        let_go(j);
        job_gather(j);
        return;
    }
    r->bytes = item_bytes(j->compiled.program);
    j->dealt = job_take(j, r->bytes);
    if (j->dealt == NULL) {
        log_line(LOG_WARN, LOG_JOB, "job %016" PRIx64 " makes its deals itself: a stored item of %"
                 PRIu64 " MB does not fit into job_memory", j->id, r->bytes >> 20);
        let_go(j);
        job_gather(j);
        return;
    }
    job_errand(j, ERRAND_LOAD);
}

static void load_done(struct job *j)
{
    struct errand *r = &j->errand;
    if (r->err.code != 0) {
        log_line(LOG_WARN, LOG_JOB, "job %016" PRIx64 " makes its deals itself, item %" PRIu64
                 " is passed over: %s", j->id, j->item.serial, r->err.text);
        r->pass_to = j->item.serial + 1;
        job_errand(j, ERRAND_PASS);
    } else if (r->at < r->bytes) {
        job_errand(j, ERRAND_LOAD);
    } else {
        job_gather(j);
    }
}

static void pass_done(struct job *j)
{
    if (j->errand.err.code != 0)
        log_line(LOG_WARN, LOG_JOB, "job %016" PRIx64 ": an item cannot be passed over: %s", j->id,
                 j->errand.err.text);
    let_go(j);
    job_gather(j);
}

static void fresh_done(struct job *j)
{
    if (j->errand.err.code != 0)
        job_end(j, &j->errand.err, NO_VALUE);
    else
        job_gather(j);
}

static void use_done(struct job *j)
{
    if (j->party->holder == j)
        j->party->holder = NULL;
    if (j->errand.err.code != 0)
        job_end(j, &j->errand.err, NO_VALUE);
    else
        job_run(j);
}

static void save_done(struct job *j)
{
    struct party *p = j->party;
    struct errand *r = &j->errand;
    struct wire_prepared m = { .serial = j->item.serial, .bytes = r->bytes };
    struct err e = r->err;
    size_t n;
    if (e.code == 0 && r->value != NO_VALUE) {
        job_errand(j, ERRAND_SAVE);
        return;
    }
    uint8_t *data = e.code != 0 ? NULL : wire_prepared_pack(p->control, &m, &n);
    if (e.code == 0 && data == NULL)
        err_set(&e, ERR_FAILED, "party %u is out of memory", p->conf.self);
    if (data != NULL)
        wire_send(p->host, j->client, WIRE_PREPARED, j->id, data, n);
    j->stored = e.code == 0 ? r->bytes : 0;
    job_end(j, &e, NO_VALUE);
}

static void drop_done(struct job *j)
{
    (void)j;
}

static const struct act {
    int (*run)(struct job *j, struct err *e);   /* on a worker */
    void (*done)(struct job *j);
} acts[] = {
    [ERRAND_PLAN] = { job_plan, job_planned },
    [ERRAND_FIND] = { find_run, find_done }, [ERRAND_LOAD] = { load_run, load_done },
    [ERRAND_PASS] = { pass_run, pass_done }, [ERRAND_USE] = { use_run, use_done },
    [ERRAND_FRESH] = { fresh_run, fresh_done }, [ERRAND_SAVE] = { save_run, save_done },
    [ERRAND_DROP] = { drop_run, drop_done },
};

static void errand_run(struct work *w)
{
    struct job *j = (struct job *)(void *)((char *)w - offsetof(struct job, errand.work));
    acts[j->errand.kind].run(j, &j->errand.err);
}

static void errand_done(struct work *w)
{
    struct job *j = (struct job *)(void *)((char *)w - offsetof(struct job, errand.work));
    struct party *p = j->party;
    j->errand.busy = 0;
    j->touched = p->host->ops->now(p->host);
    if (j->state != JOB_ENDED)
        acts[j->errand.kind].done(j);
    else if (j->errand.file != NULL)
        job_errand(j, ERRAND_DROP);
    else
        stock_leave(j);
    job_admit(p);
    job_bury(p);
}

void job_errand(struct job *j, enum errand_kind kind)
{
    j->errand.kind = kind;
    j->errand.busy = 1;
    j->errand.err.code = 0;
    j->errand.work = (struct work){ .run = errand_run, .done = errand_done };
    j->party->host->ops->work(j->party->host, &j->errand.work);
}

/* ---- what jobs call ---- */

int stock_able(const struct party *p)
{
    return p->conf.store != NULL && p->conf.proto->deal_plan != NULL;
}

int stock_begin(struct job *j, struct err *e)
{
    if (!stock_able(j->party) || (!j->ask.prepare && j->party->holder != NULL))
        return 0;
    if (kind_make(j, e) != 0)
        return e->code;
    if (!j->ask.prepare)
        j->party->holder = j;
    job_errand(j, j->ask.prepare ? ERRAND_FRESH : ERRAND_FIND);
    return 0;
}

/* Binds an item's values where they lie. */
static void bind_item(struct job *j)
{
    const struct program *p = j->compiled.program;
    uint64_t at = 0;
    for (uint32_t v = 0; (v = next_deal(p, v)) != NO_VALUE; v++) {
        engine_bind(j->engine, v, (const uint64_t *)(const void *)(j->dealt + at));
        at += place_of(&p->value[v]);
    }
}

/* The number of the item to be made is the first that is free everywhere; its tag is of the run. */
static int agree_new(struct job *j, struct err *e)
{
    static const char title[] = "obscura item";
    uint8_t job[8], digest[32];
    unsigned n = sizeof digest;
    put_u64(job, j->id);
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    int ok = md != NULL && EVP_DigestInit_ex(md, EVP_sha256(), NULL) &&
             EVP_DigestUpdate(md, title, sizeof title) && EVP_DigestUpdate(md, job, sizeof job) &&
             EVP_DigestUpdate(md, j->digest, sizeof j->digest);
    for (unsigned i = 0; i < j->party->n && ok; i++) {
        ok = EVP_DigestUpdate(md, j->meet[i].nonce, KEYS_NONCE);
        if (j->meet[i].serial > j->item.serial)
            j->item.serial = j->meet[i].serial;
    }
    ok = ok && EVP_DigestFinal_ex(md, digest, &n);
    EVP_MD_CTX_free(md);
    memcpy(j->item.tag, digest, STORE_TAG);
    return ok ? 0 : err_set(e, ERR_FAILED, "a digest could not be computed");
}

/* Do all have the same item? If not, *pass_to is where the cursor here should be at least. */
static int same_item(const struct job *j, uint64_t *pass_to)
{
    const struct wire_job *own = &j->meet[j->party->conf.self];
    int same = own->serial != 0;
    *pass_to = 0;
    for (unsigned i = 0; i < j->party->n; i++) {
        const struct wire_job *m = &j->meet[i];
        int mixed = m->serial == own->serial && memcmp(m->tag, own->tag, STORE_TAG) != 0;
        same &= m->serial == own->serial && !mixed;
        if (m->serial + (uint64_t)mixed > *pass_to)
            *pass_to = m->serial + (uint64_t)mixed;
    }
    return same;
}

/* The engine is made anew for a stored item: no message for the old one can have come, since there
 * are two parties, and the other's messages of gates come behind its JOB. */
int stock_meet(struct job *j, struct err *e)
{
    struct errand *r = &j->errand;
    if (j->ask.prepare)
        return agree_new(j, e);
    if (same_item(j, &r->pass_to)) {
        j->runs = PART_ONLINE;
        j->cost = j->online;
        if (job_engine(j, e) != 0)
            return e->code;
        bind_item(j);
        job_errand(j, ERRAND_USE);
        return 0;
    }
    if (j->party->holder != j)
        return 0;
    if (r->pass_to > j->item.serial) {
        log_line(LOG_NOTICE, LOG_JOB, "job %016" PRIx64 " makes its deals itself: item %" PRIu64
                 " is passed over, a peer is at %" PRIu64, j->id, j->item.serial, r->pass_to);
        job_errand(j, ERRAND_PASS);
    } else {
        log_line(LOG_NOTICE, LOG_JOB, "job %016" PRIx64 " makes its deals itself: a peer does not "
                 "have item %" PRIu64, j->id, j->item.serial);
        let_go(j);
    }
    return 0;
}

void stock_save(struct job *j)
{
    j->state = JOB_STORE;
    j->errand.value = 0;
    j->errand.at = 0;
    j->errand.bytes = item_bytes(j->compiled.program);
    job_errand(j, ERRAND_SAVE);
}

void stock_leave(struct job *j)
{
    if (j->party->holder == j)
        j->party->holder = NULL;
    engine_free(j->engine);
    j->engine = NULL;
}

/* ---- uploads that are gone ---- */

static void forget_run(struct work *w)
{
    struct model *m = (struct model *)(void *)((char *)w - offsetof(struct model, forget));
    store_forget(m->party->conf.store, m->digest, &m->forgotten, NULL);
}

static void forget_done(struct work *w)
{
    struct model *m = (struct model *)(void *)((char *)w - offsetof(struct model, forget));
    struct party *p = m->party;
    m->busy--;
    if (m->forgotten > 0)
        log_line(LOG_NOTICE, LOG_JOB, "%u stored items were for an upload of model %s that is gone:"
                 " removed", m->forgotten, m->is.name);
    model_bury(p);
}

void stock_forget(struct model *m)
{
    if (!stock_able(m->party) || m->party->stopped)     /* store_clear forgets them at a start */
        return;
    m->busy++;
    m->forget = (struct work){ .run = forget_run, .done = forget_done };
    m->party->host->ops->work(m->party->host, &m->forget);
}
