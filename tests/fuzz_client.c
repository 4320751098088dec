/*
 * Alice and Bob against parties that say what they like: the input is a list of moves, among them
 * the messages that an honest party would send. `done` is called once, and at the latest when the
 * time is over.
 */
#include "fuzz.h"
#include "fuzz_host.h"
#include "src/role.h"

enum { MOVES = 300, FRAMES = 4, SELECTED = 2 };

struct victim {
    struct fuzz_host f;
    struct choices c;
    struct arena *arena;
    uint8_t net[4096];
    size_t nnet;
    unsigned done;
    struct err err;
    int reveal;
    int chunked, one_by_one;        /* the terms say so; Alice's frames come so */
    struct alice *alice;
    int wanted;
};

static void alice_done(void *ctx, const struct err *e, const struct alice_result *r)
{
    struct victim *v = ctx;
    v->done++;
    v->err = *e;
    FUZZ_NEED((e->code == 0) == (r != NULL));
    FUZZ_NEED(r == NULL || (r->label < r->nclass && r->class_name[0] != '\0'));
}

static void bob_done(void *ctx, const struct err *e)
{
    struct victim *v = ctx;
    v->done++;
    v->err = *e;
}

static void send_packed(struct victim *v, unsigned node, uint8_t type, uint64_t job, uint8_t *p,
                        size_t n, unsigned changes)
{
    if (p == NULL)
        return;                 /* mem_fail_at hit us instead */
    for (; changes > 0; changes--) {
        size_t at = choose_u16(&v->c) % n;
        p[at] ^= choose_u8(&v->c);
    }
    fh_deliver(&v->f, node, (struct message){ .type = type, .job = job, .n = n }, p, n);
    arena_give(p);
}

static void send_terms(struct victim *v, unsigned node, uint64_t job, unsigned changes)
{
    struct wire_terms m = { .reveal = (uint8_t)v->reveal, .selected = SELECTED, .rounds = 9,
                            .parties = 3, .sent = { 1, 2, 3 }, .net = v->net,
                            .nnet = (uint32_t)v->nnet };
    size_t n;
    if (v->chunked)
        m.chunks = (struct chunks){ 1, FRAMES, { 1, 0, 1, 0 } };
    uint8_t *p = wire_terms_pack(v->arena, &m, &n);
    send_packed(v, node, WIRE_TERMS, job, p, n, changes);
}

/* LABEL or SCORES with the words that the input chooses, or zeros. */
static void send_piece(struct victim *v, unsigned node, uint8_t type, uint64_t job,
                       unsigned changes)
{
    enum value_kind kind = type == WIRE_LABEL ? VALUE_BITS : VALUE_SHARE;
    size_t count = type == WIRE_LABEL ? 2 : 3;
    const uint8_t *p;
    struct message m = { .type = type, .job = job,
                         .n = value_words(&protocol_replicated, kind, count) * 8 };
    m.n += changes == 3 ? 8 : 0;
    size_t n = choose_bytes(&v->c, &p, changes > 1 ? 16 : 0);
    fh_deliver(&v->f, node, m, p, n);
}

static void send_fault(struct victim *v, unsigned node, uint8_t type, uint64_t job,
                       unsigned changes)
{
    struct wire_fault m = { .code = ERR_INPUT, .text = "not this one" };
    size_t n;
    uint8_t *p = wire_fault_pack(v->arena, &m, &n);
    send_packed(v, node, type, job, p, n, changes);
}

static void send_digest(struct victim *v, unsigned node, uint64_t job)
{
    const uint8_t *p;
    size_t n = choose_bytes(&v->c, &p, WIRE_DIGEST);
    fh_deliver(&v->f, node, (struct message){ .type = WIRE_MODEL_READY, .job = job,
                                              .n = WIRE_DIGEST }, p, n);
}

static void send_any(struct victim *v, unsigned node, uint64_t job)
{
    const uint8_t *p;
    struct message m = { .job = job };
    m.type = choose_u8(&v->c) % 32;
    m.n = choose_u8(&v->c);
    m.stream = choose_u8(&v->c);
    size_t n = choose_bytes(&v->c, &p, m.n < 64 ? m.n : 64);
    fh_announce(&v->f, node, m, p, n);
}

static void move_message(struct victim *v, unsigned type, unsigned node, uint64_t job,
                         unsigned changes)
{
    switch (type) {
    case WIRE_TERMS:
        send_terms(v, node, job, changes);
        break;
    case WIRE_LABEL:
    case WIRE_SCORES:
        send_piece(v, node, (uint8_t)type, job, changes);
        break;
    case WIRE_REFUSE:
    case WIRE_ABORT:
        send_fault(v, node, (uint8_t)type, job, changes);
        break;
    case WIRE_MODEL_READY:
        send_digest(v, node, job);
        break;
    case WIRE_INPUT_DONE:
    case WIRE_MODEL_OK:
    case WIRE_TENSOR_DONE:
    case WIRE_MODEL_DONE:
        fh_deliver(&v->f, node, (struct message){ .type = (uint8_t)type, .job = job }, NULL, 0);
        break;
    default:
        send_any(v, node, job);
    }
}

static double video[FRAMES * 16];

static void want(void *ctx)
{
    struct victim *v = ctx;
    FUZZ_NEED(!v->wanted && v->done == 0);
    v->wanted = 1;
}

/* The frame that Alice wants, or the end of her film. */
static void give_frame(struct victim *v, int broken)
{
    struct err torn;
    if (!v->wanted)
        return;
    v->wanted = 0;
    err_set(&torn, ERR_INPUT, "the film is torn");
    alice_frame(v->alice, broken ? NULL : video, &torn);
}

static void move(struct victim *v)
{
    unsigned what = choose_u8(&v->c) % 24;
    uint8_t more = choose_u8(&v->c);
    unsigned node = more % 3;
    const struct fh_sent *s = v->f.nsent > 0 ? &v->f.sent[(v->f.nsent - 1) % FH_SENT] : NULL;
    uint64_t job = s != NULL && (more & 0x80) == 0 ? s->head.job : more;
    switch (what) {
    case 17:
        give_frame(v, more == 0xff);
        break;
    case 18:
        fh_up(&v->f, node);
        break;
    case 19:
        fh_down(&v->f, node);
        break;
    case 20:
        fh_pass(&v->f, (uint64_t)more * 1000000);
        break;
    case 21:
        fh_finish(&v->f, node);
        break;
    case 22:
        fh_leave(&v->f);
        v->f.host.events->drained(v->f.host.ctx, node);
        break;
    case 23:
        mem_fail_at(more % 32);
        break;
    default:
        move_message(v, what, node, job, more >> 2 & 3);
    }
}

static void play(struct victim *v)
{
    for (unsigned i = 0; i < 3; i++)
        fh_up(&v->f, i);
    for (unsigned i = 0; i < MOVES && v->c.n > 0; i++) {
        move(v);
        FUZZ_NEED(v->done <= 1);
    }
    mem_fail_at(0);
    for (unsigned i = 0; i < 4; i++)
        fh_pass(&v->f, UINT64_C(100000000000));
    FUZZ_NEED(v->done == 1 && (v->err.code == 0) == (v->err.text[0] == '\0'));
    for (unsigned i = 0; i < 3; i++)
        fh_down(&v->f, i);
    fh_leave(&v->f);
}

static void attack_alice(struct victim *v)
{
    const struct alice_conf conf = {
        .proto = &protocol_replicated, .model_name = "a", .reveal_scores = v->reveal,
        .frames = FRAMES, .h = 4, .w = 4, .c = 1, .video = v->one_by_one ? NULL : video, .timeout = 60,
        .ctx = v, .want = want, .done = alice_done
    };
    struct err e;
    v->alice = alice_new(&v->f.host, &conf, &e);
    FUZZ_NEED(v->alice != NULL);
    play(v);
    alice_free(v->alice);
}

static void attack_bob(struct victim *v, struct fixed_net *net)
{
    static int64_t words[32];
    static const uint64_t rows[SELECTED * FRAMES] = { 1, 0, 0, 0, 0, 1, 0, 0 };
    struct fixed_model model = { .net = *net };
    struct bob_conf conf = { .proto = &protocol_replicated, .model_name = "a", .model = &model,
                             .reveal_scores = v->reveal, .nselection = 1, .ctx = v,
                             .timeout = 60, .done = bob_done };
    struct err e;
    model.weight[0] = model.weight[1] = model.bias[0] = model.bias[1] = words;
    conf.selection[0].frames = FRAMES;
    conf.selection[0].selected = SELECTED;
    conf.selection[0].rows = rows;
    struct bob *b = bob_new(&v->f.host, &conf, &e);
    FUZZ_NEED(b != NULL);
    play(v);
    bob_free(b);
}

FUZZ_TARGET(client)
{
    static struct victim v;
    static struct fixed_net net;
    v = (struct victim){ .c = { p, n }, .arena = arena_new(0) };
    uint8_t flags = choose_u8(&v.c);
    v.reveal = flags >> 1 & 1;
    v.chunked = flags >> 2 & 1;
    v.one_by_one = flags >> 3 & 1;
    fh_init(&v.f);
    fh_net(&net);
    uint8_t *bytes = fixed_net_write(&net, &v.nnet);
    FUZZ_NEED(v.arena != NULL && bytes != NULL && v.nnet <= sizeof v.net);
    memcpy(v.net, bytes, v.nnet);
    free(bytes);
    if (flags & 1)
        attack_alice(&v);
    else
        attack_bob(&v, &net);
    arena_free(v.arena);
    return 0;
}
