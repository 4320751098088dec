#include "src/wire.h"

#include <stdio.h>
#include <string.h>

#include <openssl/evp.h>

#include "net/base_bytes.h"

/* ---- writing: a first pass with p = NULL counts, the second one stores ---- */

struct writer {
    uint8_t *p;
    size_t n;
};

static void write_bytes(struct writer *w, const void *p, size_t n)
{
    if (w->p != NULL && n > 0)
        memcpy(w->p + w->n, p, n);
    w->n += n;
}

static void write_u8(struct writer *w, uint8_t v)
{
    write_bytes(w, &v, 1);
}

static void write_u16(struct writer *w, uint16_t v)
{
    uint8_t b[2];
    put_u16(b, v);
    write_bytes(w, b, sizeof b);
}

static void write_u32(struct writer *w, uint32_t v)
{
    uint8_t b[4];
    put_u32(b, v);
    write_bytes(w, b, sizeof b);
}

static void write_u64(struct writer *w, uint64_t v)
{
    uint8_t b[8];
    put_u64(b, v);
    write_bytes(w, b, sizeof b);
}

static void write_text(struct writer *w, const char *text, size_t room)
{
    size_t n = strnlen(text, room - 1);
    write_u16(w, (uint16_t)n);
    write_bytes(w, text, n);
}

static uint8_t *pack(struct arena *a, size_t *n, void (*put)(struct writer *, const void *),
                     const void *m)
{
    struct writer w = { 0 };
    write_u16(&w, WIRE_VERSION);
    put(&w, m);
    if (w.n > WIRE_CONTROL_MAX)
        return NULL;
    uint8_t *block = arena_take(a, w.n);
    if (block == NULL)
        return NULL;
    *n = w.n;
    w = (struct writer){ .p = block };
    write_u16(&w, WIRE_VERSION);
    put(&w, m);
    return block;
}

static void put_ask(struct writer *w, const void *p)
{
    const struct wire_ask *m = p;
    write_text(w, m->model, sizeof m->model);
    write_text(w, m->protocol, sizeof m->protocol);
    write_u32(w, m->frames);
    write_u32(w, m->h);
    write_u32(w, m->w);
    write_u32(w, m->c);
    write_u8(w, m->reveal);
    write_u8(w, m->prepare);
}

static void put_chunks(struct writer *w, const struct chunks *c)
{
    write_u32(w, c->each);
    write_u16(w, c->n);
    for (unsigned i = 0; i < c->n; i++)
        write_u16(w, c->rows[i]);
}

static void put_terms(struct writer *w, const void *p)
{
    const struct wire_terms *m = p;
    write_bytes(w, m->version, sizeof m->version);
    write_u8(w, m->reveal);
    write_u32(w, m->selected);
    put_chunks(w, &m->chunks);
    write_bytes(w, m->digest, sizeof m->digest);
    write_u32(w, m->rounds);
    write_u8(w, m->parties);
    for (unsigned i = 0; i < m->parties; i++)
        write_u64(w, m->sent[i]);
    write_u32(w, m->nnet);
    write_bytes(w, m->net, m->nnet);
}

static void put_fault(struct writer *w, const void *p)
{
    const struct wire_fault *m = p;
    write_u8(w, m->code);
    write_text(w, m->text, sizeof m->text);
}

static void put_job(struct writer *w, const void *p)
{
    const struct wire_job *m = p;
    write_bytes(w, m->digest, sizeof m->digest);
    write_bytes(w, m->nonce, sizeof m->nonce);
    write_bytes(w, m->part[0], sizeof m->part);
    write_bytes(w, m->input, sizeof m->input);
    write_bytes(w, m->model, sizeof m->model);
    write_u64(w, m->serial);
    write_bytes(w, m->tag, sizeof m->tag);
}

static void put_model(struct writer *w, const void *p)
{
    const struct wire_model *m = p;
    write_text(w, m->name, sizeof m->name);
    write_text(w, m->protocol, sizeof m->protocol);
    write_bytes(w, m->version, sizeof m->version);
    write_u8(w, m->reveal);
    write_u16(w, m->nselection);
    for (unsigned i = 0; i < m->nselection; i++) {
        write_u32(w, m->selection[i].frames);
        write_u32(w, m->selection[i].selected);
        put_chunks(w, &m->selection[i].chunks);
    }
    write_u32(w, m->nnet);
    write_bytes(w, m->net, m->nnet);
}

static void put_mark(struct writer *w, const void *p)
{
    const struct wire_mark *m = p;
    write_u32(w, m->number);
    write_bytes(w, m->mark, sizeof m->mark);
}

static void put_progress(struct writer *w, const void *p)
{
    const struct wire_progress *m = p;
    write_u32(w, m->done);
    write_u32(w, m->gates);
    write_u32(w, m->rounds);
    write_u64(w, m->sent);
    write_u16(w, m->frame);
    write_u16(w, m->layer);
}

static void put_prepared(struct writer *w, const void *p)
{
    const struct wire_prepared *m = p;
    write_u64(w, m->serial);
    write_u64(w, m->bytes);
}

static void put_limits(struct writer *w, const void *p)
{
    const struct wire_limits *m = p;
    write_u64(w, m->memory);
    write_u32(w, m->window);
}

uint8_t *wire_ask_pack(struct arena *a, const struct wire_ask *m, size_t *n)
{
    return pack(a, n, put_ask, m);
}

uint8_t *wire_terms_pack(struct arena *a, const struct wire_terms *m, size_t *n)
{
    return pack(a, n, put_terms, m);
}

uint8_t *wire_fault_pack(struct arena *a, const struct wire_fault *m, size_t *n)
{
    return pack(a, n, put_fault, m);
}

uint8_t *wire_job_pack(struct arena *a, const struct wire_job *m, size_t *n)
{
    return pack(a, n, put_job, m);
}

uint8_t *wire_model_pack(struct arena *a, const struct wire_model *m, size_t *n)
{
    return pack(a, n, put_model, m);
}

uint8_t *wire_progress_pack(struct arena *a, const struct wire_progress *m, size_t *n)
{
    return pack(a, n, put_progress, m);
}

uint8_t *wire_prepared_pack(struct arena *a, const struct wire_prepared *m, size_t *n)
{
    return pack(a, n, put_prepared, m);
}

uint8_t *wire_mark_pack(struct arena *a, const struct wire_mark *m, size_t *n)
{
    return pack(a, n, put_mark, m);
}

uint8_t *wire_limits_pack(struct arena *a, const struct wire_limits *m, size_t *n)
{
    return pack(a, n, put_limits, m);
}

/* ---- reading ---- */

static void read_into(struct reader *r, void *out, size_t n)
{
    const uint8_t *p = read_bytes(r, n);
    if (p != NULL)
        memcpy(out, p, n);
    else
        memset(out, 0, n);
}

/* Bytes that are not printable become '?', so that a peer cannot play with a terminal or a log. */
static void read_text(struct reader *r, char *text, size_t room)
{
    size_t n = read_u16(r);
    if (n >= room)
        r->bad = 1;
    const uint8_t *p = read_bytes(r, n);
    text[0] = '\0';
    if (p == NULL)
        return;
    for (size_t i = 0; i < n; i++)
        text[i] = p[i] >= 0x20 && p[i] < 0x7f ? (char)p[i] : '?';
    text[n] = '\0';
}

static void read_name(struct reader *r, char *name)
{
    read_text(r, name, WIRE_NAME);
    if (name[0] == '\0')
        r->bad = 1;
}

static uint8_t read_flag(struct reader *r)
{
    uint8_t v = read_u8(r);
    if (v > 1)
        r->bad = 1;
    return v;
}

/* Those of a clip whose length is not said: chunks_check is for whoever knows it. */
static void read_chunks(struct reader *r, struct chunks *c)
{
    c->each = read_u32(r);
    c->n = read_u16(r);
    if (c->n > CHUNKS_MAX || (c->n == 0) != (c->each == 0))
        r->bad = 1;
    for (unsigned i = 0; i < c->n && !r->bad; i++)
        c->rows[i] = read_u16(r);
}

static struct reader begin(const uint8_t *p, size_t n)
{
    struct reader r = { .p = p, .n = n };
    if (read_u16(&r) != WIRE_VERSION)
        r.bad = 1;
    return r;
}

static int end(const struct reader *r, const char *what, struct err *e)
{
    if (r->bad || r->n != 0)
        return err_set(e, ERR_ABORT, "a malformed message %s: both ends must run the same "
                       "version of obscura", what);
    return 0;
}

int wire_ask_parse(struct wire_ask *m, const uint8_t *p, size_t n, struct err *e)
{
    struct reader r = begin(p, n);
    memset(m, 0, sizeof *m);
    read_name(&r, m->model);
    read_name(&r, m->protocol);
    m->frames = read_u32(&r);
    m->h = read_u32(&r);
    m->w = read_u32(&r);
    m->c = read_u32(&r);
    m->reveal = read_flag(&r);
    m->prepare = read_flag(&r);
    return end(&r, "ASK", e);
}

int wire_terms_parse(struct wire_terms *m, const uint8_t *p, size_t n, struct err *e)
{
    struct reader r = begin(p, n);
    memset(m, 0, sizeof *m);
    read_into(&r, m->version, sizeof m->version);
    m->reveal = read_flag(&r);
    m->selected = read_u32(&r);
    read_chunks(&r, &m->chunks);
    read_into(&r, m->digest, sizeof m->digest);
    m->rounds = read_u32(&r);
    m->parties = read_u8(&r);
    if (m->parties > LINK_PARTIES)
        r.bad = 1;
    for (unsigned i = 0; i < m->parties && !r.bad; i++)
        m->sent[i] = read_u64(&r);
    m->nnet = read_u32(&r);
    m->net = read_bytes(&r, m->nnet);
    return end(&r, "TERMS", e);
}

int wire_fault_parse(struct wire_fault *m, const uint8_t *p, size_t n, struct err *e)
{
    struct reader r = begin(p, n);
    m->code = read_u8(&r);
    if (m->code < ERR_FAILED || m->code > ERR_PEER)
        r.bad = 1;
    read_text(&r, m->text, sizeof m->text);
    return end(&r, "REFUSE or ABORT", e);
}

int wire_job_parse(struct wire_job *m, const uint8_t *p, size_t n, struct err *e)
{
    struct reader r = begin(p, n);
    read_into(&r, m->digest, sizeof m->digest);
    read_into(&r, m->nonce, sizeof m->nonce);
    read_into(&r, m->part, sizeof m->part);
    read_into(&r, m->input, sizeof m->input);
    read_into(&r, m->model, sizeof m->model);
    m->serial = read_u64(&r);
    read_into(&r, m->tag, sizeof m->tag);
    if (m->serial >= WIRE_SERIALS)
        r.bad = 1;
    return end(&r, "JOB", e);
}

int wire_model_parse(struct wire_model *m, const uint8_t *p, size_t n, struct err *e)
{
    struct reader r = begin(p, n);
    memset(m, 0, sizeof *m);
    read_name(&r, m->name);
    read_name(&r, m->protocol);
    read_into(&r, m->version, sizeof m->version);
    m->reveal = read_flag(&r);
    m->nselection = read_u16(&r);
    if (m->nselection == 0 || m->nselection > WIRE_SELECTIONS)
        r.bad = 1;
    for (unsigned i = 0; i < m->nselection && !r.bad; i++) {
        m->selection[i].frames = read_u32(&r);
        m->selection[i].selected = read_u32(&r);
        read_chunks(&r, &m->selection[i].chunks);
        if (chunks_check(&m->selection[i].chunks, m->selection[i].frames,
                         m->selection[i].selected, NULL) != 0)
            r.bad = 1;
    }
    m->nnet = read_u32(&r);
    m->net = read_bytes(&r, m->nnet);
    return end(&r, "MODEL", e);
}

int wire_progress_parse(struct wire_progress *m, const uint8_t *p, size_t n, struct err *e)
{
    struct reader r = begin(p, n);
    m->done = read_u32(&r);
    m->gates = read_u32(&r);
    m->rounds = read_u32(&r);
    m->sent = read_u64(&r);
    m->frame = read_u16(&r);
    m->layer = read_u16(&r);
    if (m->done >= m->gates)
        r.bad = 1;
    return end(&r, "PROGRESS", e);
}

int wire_prepared_parse(struct wire_prepared *m, const uint8_t *p, size_t n, struct err *e)
{
    struct reader r = begin(p, n);
    m->serial = read_u64(&r);
    m->bytes = read_u64(&r);
    return end(&r, "PREPARED", e);
}

int wire_mark_parse(struct wire_mark *m, const uint8_t *p, size_t n, struct err *e)
{
    struct reader r = begin(p, n);
    m->number = read_u32(&r);
    read_into(&r, m->mark, sizeof m->mark);
    return end(&r, "CHUNK or HELD", e);
}

int wire_limits_parse(struct wire_limits *m, const uint8_t *p, size_t n, struct err *e)
{
    struct reader r = begin(p, n);
    m->memory = read_u64(&r);
    m->window = read_u32(&r);
    if (m->memory == 0)
        r.bad = 1;
    return end(&r, "LIMITS", e);
}

/* ---- which messages there are ---- */

enum {
    JOB_BYTES = 2 + WIRE_DIGEST + KEYS_NONCE + LINK_PARTIES * KEYS_PART +
                2 * CLIENT_MARK + 8 + WIRE_ID,
    MARK_BYTES = 6 + CLIENT_MARK
};

static const struct wire_rule {
    const char *name;
    uint8_t way, bulk;
    uint32_t least, most;       /* bytes; not for bulk */
} rules[WIRE_TYPES] = {
    [WIRE_ASK] = { "ASK", WIRE_FROM_CLIENT, 0, 2, WIRE_CONTROL_MAX },
    [WIRE_TERMS] = { "TERMS", WIRE_TO_CLIENT, 0, 2, WIRE_CONTROL_MAX },
    [WIRE_REFUSE] = { "REFUSE", WIRE_TO_CLIENT, 0, 2, WIRE_TEXT + 16 },
    [WIRE_INPUT] = { "INPUT", WIRE_FROM_CLIENT, 1, 0, 0 },
    [WIRE_INPUT_DONE] = { "INPUT_DONE", WIRE_TO_CLIENT, 0, 0, 0 },
    [WIRE_SCORES] = { "SCORES", WIRE_TO_CLIENT, 1, 0, 0 },
    [WIRE_LABEL] = { "LABEL", WIRE_TO_CLIENT, 1, 0, 0 },
    [WIRE_ABORT] = { "ABORT", WIRE_TO_CLIENT | WIRE_FROM_CLIENT | WIRE_PEERS, 0, 2,
                     WIRE_TEXT + 16 },
    [WIRE_MODEL] = { "MODEL", WIRE_FROM_CLIENT, 0, 2, WIRE_CONTROL_MAX },
    [WIRE_MODEL_OK] = { "MODEL_OK", WIRE_TO_CLIENT, 0, 0, 0 },
    [WIRE_TENSOR] = { "TENSOR", WIRE_FROM_CLIENT, 1, 0, 0 },
    [WIRE_TENSOR_DONE] = { "TENSOR_DONE", WIRE_TO_CLIENT, 0, 0, 0 },
    [WIRE_MODEL_READY] = { "MODEL_READY", WIRE_TO_CLIENT, 0, WIRE_DIGEST, WIRE_DIGEST },
    [WIRE_MODEL_USE] = { "MODEL_USE", WIRE_FROM_CLIENT, 0, 0, 0 },
    [WIRE_MODEL_DONE] = { "MODEL_DONE", WIRE_TO_CLIENT, 0, 0, 0 },
    [WIRE_JOB] = { "JOB", WIRE_PEERS, 0, JOB_BYTES, JOB_BYTES },
    [WIRE_GATE] = { "GATE", WIRE_PEERS, 1, 0, 0 },
    [WIRE_PROGRESS] = { "PROGRESS", WIRE_TO_CLIENT, 0, 26, 26 },
    [WIRE_BEGIN] = { "BEGIN", WIRE_FROM_CLIENT, 0, 0, 0 },
    [WIRE_CHUNK] = { "CHUNK", WIRE_PEERS, 0, MARK_BYTES, MARK_BYTES },
    [WIRE_HELD] = { "HELD", WIRE_PEERS, 0, MARK_BYTES, MARK_BYTES },
    [WIRE_PREPARED] = { "PREPARED", WIRE_TO_CLIENT, 0, 18, 18 },
    [WIRE_LIMITS] = { "LIMITS", WIRE_PEERS, 0, 14, 14 },
};

int wire_allowed(const struct message *head, unsigned way, struct err *e)
{
    if (head->type >= WIRE_TYPES || rules[head->type].name == NULL)
        return err_set(e, ERR_ABORT, "a message of the unknown type %u: both ends must run the "
                       "same version of obscura", head->type);
    const struct wire_rule *r = &rules[head->type];
    if ((r->way & way) == 0)
        return err_set(e, ERR_ABORT, "a message %s, which is not for this side", r->name);
    if (!r->bulk && (head->n < r->least || head->n > r->most))
        return err_set(e, ERR_ABORT, "a message %s of %zu bytes, expected %u to %u", r->name,
                       head->n, r->least, r->most);
    if (!r->bulk && head->stream != 0)
        return err_set(e, ERR_ABORT, "a message %s on stream %u", r->name, head->stream);
    return 0;
}

int wire_is_bulk(uint8_t type)
{
    return type < WIRE_TYPES && rules[type].bulk;
}

const char *wire_type_name(uint8_t type)
{
    return type < WIRE_TYPES && rules[type].name != NULL ? rules[type].name : "unknown";
}

int wire_send(struct host *h, unsigned node, uint8_t type, uint64_t job, uint8_t *data, size_t n)
{
    return h->ops->send(h, node, (struct message){ .type = type, .job = job, .n = n,
                                                   .data = data });
}

int wire_send_fault(struct host *h, struct arena *a, unsigned node, uint8_t type, uint64_t job,
                    const struct err *e)
{
    struct wire_fault f = { .code = (uint8_t)(e->code > 0 ? e->code : ERR_FAILED) };
    snprintf(f.text, sizeof f.text, "%.*s", (int)sizeof f.text - 1, e->text);
    size_t n;
    uint8_t *data = wire_fault_pack(a, &f, &n);
    return data == NULL ? ERR_FAILED : wire_send(h, node, type, job, data, n);
}

int wire_lost(struct err *e, unsigned party, const struct err *why)
{
    char name[16];
    snprintf(name, sizeof name, "party %u", party);
    int code = why->code == ERR_ABORT || why->code == ERR_USAGE ? why->code : ERR_PEER;
    if (strncmp(why->text, name, strlen(name)) == 0)
        return err_set(e, code, "lost %.320s", why->text);
    if (strstr(why->text, name) != NULL)
        return err_set(e, code, "%.320s", why->text);
    return err_set(e, code, "lost %s: %.300s", name, why->text);
}

/* ---- what all have in common ---- */

int wire_digest(uint8_t digest[static WIRE_DIGEST], const struct protocol *proto, struct err *e)
{
    static const char title[] = "obscura roles 1";
    uint8_t facts[16], rule[10];
    unsigned n = WIRE_DIGEST;
    put_u32(facts, WIRE_VERSION);
    put_u32(facts + 4, proto->parties);
    put_u32(facts + 8, WIRE_CONTROL_MAX);
    put_u32(facts + 12, WIRE_TYPES);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    int ok = ctx != NULL && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) &&
             EVP_DigestUpdate(ctx, title, sizeof title) &&
             EVP_DigestUpdate(ctx, proto->name, strlen(proto->name) + 1) &&
             EVP_DigestUpdate(ctx, facts, sizeof facts);
    for (unsigned i = 1; i < WIRE_TYPES && ok; i++) {
        rule[0] = rules[i].way;
        rule[1] = rules[i].bulk;
        put_u32(rule + 2, rules[i].least);
        put_u32(rule + 6, rules[i].most);
        ok = EVP_DigestUpdate(ctx, rules[i].name, strlen(rules[i].name) + 1) &&
             EVP_DigestUpdate(ctx, rule, sizeof rule);
    }
    ok = ok && EVP_DigestFinal_ex(ctx, digest, &n);
    EVP_MD_CTX_free(ctx);
    return ok ? 0 : err_set(e, ERR_FAILED, "a digest could not be computed");
}

/* ---- tensors ---- */

/* a * b, or 0 when that is nothing or too much. */
static size_t product(size_t a, size_t b)
{
    size_t n;
    return __builtin_mul_overflow(a, b, &n) || n > LINK_MESSAGE_MAX ? 0 : n;
}

static int tensor_fits(const struct tensor *t, const struct protocol *proto)
{
    if (t->n == 0 || t->n > LINK_MESSAGE_MAX / 8)
        return 0;
    for (unsigned i = 0; i < proto->parties; i++)
        if (client_bytes(proto, OWNER_MODEL, t->n, t->turns, i) > LINK_MESSAGE_MAX)
            return 0;
    return 1;
}

unsigned wire_tensors(struct tensor t[static WIRE_TENSORS], const struct protocol *proto,
                      const struct fixed_net *net, unsigned nselection,
                      const struct wire_selection *selection)
{
    unsigned count = 0;
    for (unsigned i = 0; i < nselection; i++)
        t[count++] = (struct tensor){ .kind = TENSOR_SELECTION, .index = (uint16_t)i,
                                      .n = product(chunks_frames(&selection[i].chunks,
                                                            selection[i].frames),
                                              selection[i].selected) };
    for (unsigned i = 0; i < net->nstage; i++) {
        const struct geometry *g = &net->stage[i].g;
        if (net->stage[i].kind != STAGE_LINEAR)
            continue;
        size_t depth = product(product(g->kh, g->kw), g->c);
        t[count++] = (struct tensor){ .kind = TENSOR_WEIGHT, .index = (uint16_t)i,
                                      .n = product(depth, g->oc), .g = *g };
        t[count++] = (struct tensor){ .kind = TENSOR_BIAS, .index = (uint16_t)i, .n = g->oc };
    }
    for (unsigned i = 0; i < count; i++) {
        t[i].turns = t[i].kind == TENSOR_SELECTION ? 1 : (uint16_t)protocol_turns(proto);
        if (!tensor_fits(&t[i], proto))
            return 0;
    }
    return count;
}
