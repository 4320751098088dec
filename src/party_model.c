/*
 * party_model.c: models as a party holds them: uploads, replacement, references.
 *
 *   AGREED -> ARRIVING -> WHOLE -> USED -> (replaced)
 *   AGREED, ARRIVING, WHOLE -> GONE
 *
 * MODEL says publicly what will come; from then on (MODEL_OK) every length is known, and so is
 * every plan. Each TENSOR is joined to a sharing (and kernels packed for the multiplications) by a
 * worker. When all are here the party says MODEL_READY; Bob says MODEL_USE when all parties are
 * ready, and only then does the model take the place of another of its name. An upload that ends
 * before is gone, and the jobs that read it end.
 *
 * A job gets the model that is used. While there is none of the name it gets the one that arrives,
 * and its tensors as they come (party_weights.c). Jobs keep the model they began with.
 */
#include "src/party_st.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <openssl/evp.h>

#include "net/base_log.h"

enum { UPLOADS = 4 };           /* at a time */

struct model *model_find(struct party *p, const char *name)
{
    for (struct model *m = p->models; m != NULL; m = m->next)
        if (strcmp(m->is.name, name) == 0)
            return m;
    return NULL;
}

struct model *model_offered(struct party *p, const char *name)
{
    struct model *found = model_find(p, name);
    for (struct model *m = p->uploads; m != NULL && (found == NULL || !found->used); m = m->next)
        if (strcmp(m->is.name, name) == 0)
            found = m;          /* the last one of the list came first */
    return found;
}

/* Words between the turns of a tensor as it is kept. */
static size_t kept_stride(const struct party *p, const struct tensor *t)
{
    return t->kind == TENSOR_WEIGHT ? client_pack_stride(p->conf.proto, &t->g)
                                    : client_share_stride(p->conf.proto, t->n);
}

const uint64_t *model_words(const struct holding *h, unsigned turn)
{
    return h->words + turn * kept_stride(h->model->party, &h->is);
}

static struct model *upload_find(struct party *p, unsigned node, uint64_t upload)
{
    for (struct model *m = p->uploads; m != NULL; m = m->next)
        if (m->owner == node && m->upload == upload)
            return m;
    return NULL;
}

static unsigned count(const struct model *m)
{
    unsigned n = 0;
    for (; m != NULL; m = m->next)
        n++;
    return n;
}

static void unlink_model(struct model **list, const struct model *m)
{
    while (*list != NULL && *list != m)
        list = &(*list)->next;
    if (*list != NULL)
        *list = m->next;
}

static uint64_t cap(const struct party *p)
{
    return p->conf.model_memory > 0 ? p->conf.model_memory : p->conf.job_memory;
}

/* ---- sizes ---- */

static size_t share_bytes(const struct party *p, const struct tensor *t)
{
    return t->turns * client_share_stride(p->conf.proto, t->n) * 8;
}

static size_t input_bytes(const struct party *p, const struct tensor *t)
{
    return client_bytes(p->conf.proto, OWNER_MODEL, t->n, t->turns, p->conf.self);
}

static size_t kept_bytes(const struct party *p, const struct tensor *t)
{
    return t->turns * kept_stride(p, t) * 8;
}

/* What the whole model needs while it comes in, with a margin for how blocks are laid out. */
static uint64_t model_bytes(const struct party *p, const struct tensor *t, unsigned n)
{
    uint64_t sum = 1 << 20;
    for (unsigned i = 0; i < n; i++)
        sum += kept_bytes(p, &t[i]) + share_bytes(p, &t[i]) + input_bytes(p, &t[i]);
    return sum + sum / 8;
}

/* ---- beginning ---- */

static int model_admit(struct party *p, const struct client *c, const struct wire_model *is,
                       struct err *e)
{
    if (p->stopped)
        return err_set(e, ERR_PEER, "party %u is shutting down", p->conf.self);
    if (p->conf.may != NULL && !p->conf.may(p->conf.ctx, c->name, MAY_PROVIDE))
        return err_set(e, ERR_USAGE, "%s may not provide models to party %u: its operator has to "
                       "allow that", c->name, p->conf.self);
    if (strcmp(is->protocol, p->conf.proto->name) != 0)
        return err_set(e, ERR_USAGE, "party %u runs %s, not %s", p->conf.self,
                       p->conf.proto->name, is->protocol);
    const struct model *old = model_find(p, is->name);
    if (old != NULL && strcmp(old->giver, c->name) != 0)
        return err_set(e, ERR_USAGE, "party %u holds a model %s of %s, which %s may not replace",
                       p->conf.self, is->name, old->giver, c->name);
    if (count(p->uploads) >= UPLOADS)
        return err_set(e, ERR_PEER, "party %u is busy with other uploads, try later",
                       p->conf.self);
    if (old == NULL && count(p->models) >= p->conf.max_models)
        return err_set(e, ERR_USAGE, "party %u holds %u models and takes no more", p->conf.self,
                       p->conf.max_models);
    return 0;
}

static int model_shape(struct party *p, struct model *m, struct err *e)
{
    struct tensor t[WIRE_TENSORS];
    if (fixed_net_read(&m->net, m->is.net, m->is.nnet, e) != 0)
        return e->code;
    m->nholding = m->left = wire_tensors(t, p->conf.proto, &m->net, m->is.nselection,
                                         m->is.selection);
    if (m->nholding == 0)
        return err_set(e, ERR_INPUT, "a layer or selection of the model is empty or too large");
    for (unsigned i = 0; i < m->is.nselection; i++)
        for (unsigned k = 0; k < i; k++)
            if (m->is.selection[k].frames == m->is.selection[i].frames)
                return err_set(e, ERR_INPUT, "two selections for clips of %u frames",
                               m->is.selection[i].frames);
    uint64_t need = model_bytes(p, t, m->nholding);
    if (cap(p) > 0 && need > cap(p))
        return err_set(e, ERR_INPUT, "the model needs %" PRIu64 " MB, party %u allows %" PRIu64,
                       need >> 20, p->conf.self, cap(p) >> 20);
    m->holding = mem_new(m->nholding, sizeof *m->holding);
    if (m->holding == NULL)
        return err_set(e, ERR_FAILED, "party %u is out of memory", p->conf.self);
    for (unsigned i = 0; i < m->nholding; i++)
        m->holding[i] = (struct holding){ .is = t[i], .model = m };
    return 0;
}

/* The upload's structure, with a copy of the message in its arena. */
static struct model *model_new(struct party *p, const struct message *msg, struct err *e)
{
    unsigned n = WIRE_DIGEST;
    struct model *m = mem_new(1, sizeof *m);
    if (m == NULL)
        goto fail;
    *m = (struct model){ .party = p, .upload = msg->job, .refs = 1,
                         .touched = p->host->ops->now(p->host) };
    m->arena = arena_new(cap(p));
    if (m->arena == NULL || (m->bytes = arena_take(m->arena, msg->n)) == NULL)
        goto fail;
    memcpy(m->bytes, msg->data, msg->n);
    if (wire_model_parse(&m->is, m->bytes, msg->n, e) != 0 ||
        !EVP_Digest(m->bytes, msg->n, m->digest, &n, EVP_sha256(), NULL))
        goto fail;
    return m;
fail:
    model_free(m);
    if (e->code == 0)
        err_set(e, ERR_FAILED, "party %u is out of memory", p->conf.self);
    return NULL;
}

int model_begin(struct party *p, unsigned node, const struct message *msg, struct err *e)
{
    struct wire_model is;
    struct client *c = party_client(p, node);
    if (c == NULL)
        return 0;
    if (wire_model_parse(&is, msg->data, msg->n, e) != 0)
        return e->code;
    if (upload_find(p, node, msg->job) != NULL)
        return err_set(e, ERR_ABORT, "a second message MODEL for one upload");
    struct model *m = NULL;
    struct err why = { 0 };
    if (model_admit(p, c, &is, &why) != 0 || (m = model_new(p, msg, &why)) == NULL ||
        model_shape(p, m, &why) != 0) {
        model_free(m);
        log_line(LOG_NOTICE, LOG_JOB, "refused a model of %s: %s", c->name, why.text);
        party_send_fault(p, node, WIRE_REFUSE, msg->job, &why);
        return 0;
    }
    m->owner = node;
    snprintf(m->giver, sizeof m->giver, "%s", c->name);
    m->next = p->uploads;
    p->uploads = m;
    party_wake(p);
    wire_send(p->host, node, WIRE_MODEL_OK, m->upload, NULL, 0);
    return 0;
}

/* ---- tensors ---- */

uint8_t *model_room(struct party *p, unsigned node, const struct message *head, struct err *why)
{
    struct model *m = upload_find(p, node, head->job);
    if (m == NULL)
        return NULL;
    struct holding *h = head->stream < m->nholding ? &m->holding[head->stream] : NULL;
    if (h == NULL || h->state != HOLDING_AWAITED) {
        err_set(why, ERR_ABORT, "tensor %u of a model, which is not due", head->stream);
        return NULL;
    }
    if (head->n != input_bytes(p, &h->is)) {
        err_set(why, ERR_ABORT, "tensor %u has %zu bytes, expected %zu", head->stream, head->n,
                input_bytes(p, &h->is));
        return NULL;
    }
    uint8_t *block = arena_take(m->arena, head->n);
    if (block == NULL)
        err_set(why, ERR_FAILED, "out of memory for a model");
    else
        h->state = HOLDING_COMING;
    m->touched = p->host->ops->now(p->host);
    return block;
}

static void holding_run(struct work *w)
{
    struct holding *h = (struct holding *)(void *)((char *)w - offsetof(struct holding, work));
    const struct party *p = h->model->party;
    const struct protocol *proto = p->conf.proto;
    client_join(proto, OWNER_MODEL, h->share, h->in, h->is.n, h->is.turns, p->conf.self);
    if (h->is.kind == TENSOR_WEIGHT)
        h->failed = client_pack(proto, h->words, h->share, &h->is.g, h->is.turns,
                                p->conf.self) != 0;
    for (unsigned i = 0; i < proto->parties; i++)
        if (i != p->conf.self &&
            client_mark(proto, h->mark[i], h->share, h->is.n, h->is.turns, p->conf.self, i) != 0)
            h->failed = 1;
}

/* The marks of all tensors make those of the model. */
static int model_mark(struct model *m)
{
    int ok = 1;
    for (unsigned i = 0; i < m->party->n && ok; i++) {
        unsigned n = CLIENT_MARK;
        EVP_MD_CTX *md = EVP_MD_CTX_new();
        ok = md != NULL && EVP_DigestInit_ex(md, EVP_sha256(), NULL);
        for (unsigned k = 0; k < m->nholding && ok; k++)
            ok = EVP_DigestUpdate(md, m->holding[k].mark[i], CLIENT_MARK);
        ok = ok && EVP_DigestFinal_ex(md, m->mark[i], &n);
        EVP_MD_CTX_free(md);
    }
    return ok ? 0 : -1;
}

static void model_ready(struct model *m)
{
    struct party *p = m->party;
    uint8_t *digest = model_mark(m) != 0 ? NULL : arena_take(p->control, WIRE_DIGEST);
    if (digest == NULL) {
        p->host->ops->drop(p->host, m->owner, "out of memory for control messages");
        return;
    }
    memcpy(digest, m->digest, WIRE_DIGEST);
    wire_send(p->host, m->owner, WIRE_MODEL_READY, m->upload, digest, WIRE_DIGEST);
}

/* A tensor has come: the jobs that read it get it. */
static void model_share(struct model *m)
{
    for (struct job *j = m->party->jobs, *next; j != NULL; j = next) {
        next = j->next;
        if (j->model != m)
            continue;
        clip_ack(j);            /* before what may be the last gates */
        weights_give(j);
    }
}

static void holding_done(struct work *w)
{
    struct holding *h = (struct holding *)(void *)((char *)w - offsetof(struct holding, work));
    struct model *m = h->model;
    struct party *p = m->party;
    m->busy--;
    arena_give(h->in);
    h->in = NULL;
    if (h->is.kind == TENSOR_WEIGHT)
        arena_give(h->share);
    h->share = NULL;
    if (m->gone) {
        model_bury(p);
        return;
    }
    if (h->failed) {
        struct err e;
        err_set(&e, ERR_FAILED, "party %u is out of memory for the model", p->conf.self);
        model_drop(p, m->owner, m->upload, 0, &e, 1);
        model_bury(p);
        return;
    }
    h->state = HOLDING_HERE;
    m->left--;
    m->touched = p->host->ops->now(p->host);
    wire_send(p->host, m->owner, WIRE_TENSOR_DONE, m->upload, NULL, 0);
    if (m->left == 0) {
        party_wipe(p, arena_spare(m->arena));   /* plain shares: jobs have a use for the pages */
        model_ready(m);
    }
    model_share(m);
}

int model_tensor(struct party *p, unsigned node, struct message *msg, struct err *e)
{
    struct model *m = upload_find(p, node, msg->job);
    if (m == NULL && msg->n > 0)
        return 0;
    struct holding *h = m != NULL && msg->stream < m->nholding ? &m->holding[msg->stream] : NULL;
    if (h == NULL || h->state != HOLDING_COMING || msg->n != input_bytes(p, &h->is))
        return err_set(e, ERR_ABORT, "a message TENSOR that is not due");
    h->words = arena_take(m->arena, kept_bytes(p, &h->is));
    h->share = h->is.kind == TENSOR_WEIGHT ? arena_take(m->arena, share_bytes(p, &h->is))
                                           : h->words;
    if (h->words == NULL || h->share == NULL) {
        struct err why;
        if (h->share != h->words)
            arena_give(h->share);
        h->share = NULL;
        err_set(&why, ERR_FAILED, "party %u is out of memory for the model", p->conf.self);
        model_drop(p, node, m->upload, 0, &why, 1);
        return 0;
    }
    h->in = msg->data;
    msg->data = NULL;
    h->state = HOLDING_JOINING;
    h->work = (struct work){ .run = holding_run, .done = holding_done };
    m->busy++;
    p->host->ops->work(p->host, &h->work);
    return 0;
}

int model_use(struct party *p, unsigned node, uint64_t upload, struct err *e)
{
    struct model *m = upload_find(p, node, upload);
    if (m == NULL)
        return 0;
    if (m->left > 0)
        return err_set(e, ERR_ABORT, "MODEL_USE before all tensors of the model were here");
    struct model *old = model_find(p, m->is.name);
    if (old != NULL && strcmp(old->giver, m->giver) != 0) {     /* another came first */
        struct err why;
        err_set(&why, ERR_USAGE, "party %u holds a model %s of %s by now", p->conf.self,
                m->is.name, old->giver);
        model_drop(p, node, upload, 0, &why, 1);
        return 0;
    }
    unlink_model(&p->uploads, m);
    m->used = 1;
    if (old != NULL) {
        unlink_model(&p->models, old);
        model_unref(old);
    }
    m->next = p->models;
    p->models = m;
    char name[64];
    int clear = (p->conf.proto->flags & PROTOCOL_OWNED) != 0 && p->conf.self == 1;
    log_line(LOG_NOTICE, LOG_JOB, "model %s of %s is in use%s: %u tensors, %zu MB", m->is.name,
             party_name(p, node, name, sizeof name), clear ? ", in the clear" : "", m->nholding,
             arena_used(m->arena) >> 20);
    wire_send(p->host, node, WIRE_MODEL_DONE, upload, NULL, 0);
    return 0;
}

/* ---- end ---- */

/* Tensors of the upload that may still come. */
static void model_tomb(struct party *p, const struct model *m)
{
    uint64_t left[LINK_PARTIES] = { 0 };
    for (unsigned i = 0; i < m->nholding; i++)
        if (m->holding[i].state == HOLDING_AWAITED)
            left[p->conf.self] += input_bytes(p, &m->holding[i].is);
    party_tomb(p, m->upload, left);
}

/* The jobs that read an upload end with it. */
static void model_lost(struct model *m, const struct err *why)
{
    struct err e;
    err_set(&e, why->code, "model %s was not provided to its end: %s", m->is.name, why->text);
    for (struct job *j = m->party->jobs, *next; j != NULL; j = next) {
        next = j->next;
        if (j->model == m)
            job_end(j, &e, NO_VALUE);
    }
}

void model_drop(struct party *p, unsigned node, uint64_t upload, int all, const struct err *why,
                int tell)
{
    for (struct model *m = p->uploads, *next; m != NULL; m = next) {
        next = m->next;
        if (m->owner != node || (!all && m->upload != upload))
            continue;
        unlink_model(&p->uploads, m);
        m->gone = 1;
        if (tell)
            party_send_fault(p, node, WIRE_ABORT, m->upload, why);
        model_tomb(p, m);
        model_lost(m, why);
        model_unref(m);
    }
}

void model_tick(struct party *p, uint64_t now)
{
    double patience = PARTY_PATIENCE * p->conf.job_timeout;
    for (struct model *m = p->uploads, *next; m != NULL; m = next) {
        next = m->next;
        uint64_t came = p->host->ops->moved(p->host, m->owner);
        if (came != m->came)
            m->touched = now;
        m->came = came;
        if ((double)(now - m->touched) <= patience * 1e9)
            continue;
        struct err e;
        int stuck = 0;
        for (unsigned i = 0; i < m->nholding; i++)
            stuck |= m->holding[i].state == HOLDING_COMING;
        unsigned node = m->owner;
        err_set(&e, ERR_PEER, "nothing more of the model came in %g s", patience);
        model_drop(p, node, m->upload, 0, &e, 1);
        if (stuck)
            p->host->ops->drop(p->host, node, e.text);
        next = p->uploads;
    }
}

void model_unref(struct model *m)
{
    if (--m->refs > 0)
        return;
    m->next = m->party->dying_models;
    m->party->dying_models = m;
    stock_forget(m);
    party_wake(m->party);
}

/* Nobody reads a dying model; only its own workers and payloads under way still hold memory. */
static int model_dead(struct model *m)
{
    if (m->busy > 0)
        return 0;
    for (unsigned i = 0; i < m->nholding; i++) {
        arena_give(m->holding[i].words);
        m->holding[i].words = NULL;
    }
    arena_give(m->bytes);
    m->bytes = NULL;
    return arena_used(m->arena) == 0;
}

void model_bury(struct party *p)
{
    for (struct model *m = p->dying_models, *next; m != NULL; m = next) {
        next = m->next;
        if (!model_dead(m))
            continue;
        unlink_model(&p->dying_models, m);
        party_wipe(p, arena_end(m->arena));
        m->arena = NULL;
        model_free(m);
    }
}

void model_free(struct model *m)
{
    if (m == NULL)
        return;
    arena_free(m->arena);
    mem_free(m->holding);
    mem_free(m);
}
