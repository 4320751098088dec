/*
 * From decrypted bytes to messages: the bytes come in records as the input chooses, and the sink
 * gets exactly the messages that a plain walk over the whole stream finds.
 *
 * Here stands another tls_read than that of net/tls.c, which is not linked.
 */
#include "fuzz.h"
#include "net/intake.h"

enum { BODY_MAX = 1 << 16 };        /* the sink refuses longer ones */

struct tls {
    struct choices cuts, stream;
};

struct sink {
    const uint8_t *p;               /* the stream from the next message on */
    size_t n;
    struct arena *arena;
    int malformed, refused;
};

/* A record; the whole of it is as long as the next cut says. */
enum tls_result tls_read(struct tls *t, uint8_t *p, size_t n, size_t *got, struct err *e)
{
    const uint8_t *from;
    size_t cut = 1 + choose_u16(&t->cuts) % TLS_RECORD;
    *got = choose_bytes(&t->stream, &from, n < cut ? n : cut);
    if (*got > 0)
        memcpy(p, from, *got);
    e->code = 0;
    return *got > 0 ? TLS_DONE : TLS_CLOSED;
}

static int sink_head(void *ctx, struct message *m)
{
    struct sink *s = ctx;
    struct message expect;
    FUZZ_NEED(s->n >= FRAME_HEAD && frame_get(&expect, s->p, NULL) == 0);
    FUZZ_NEED(expect.n == m->n && expect.type == m->type && expect.job == m->job);
    if (m->type >= FRAME_HELLO || m->n == 0)
        return 0;
    s->refused = m->n > BODY_MAX || (m->data = arena_take(s->arena, m->n)) == NULL;
    return s->refused ? -1 : 0;
}

static int sink_message(void *ctx, const struct message *m)
{
    struct sink *s = ctx;
    FUZZ_NEED(s->n >= FRAME_HEAD + m->n);
    FUZZ_NEED(m->n == 0 || memcmp(m->data, s->p + FRAME_HEAD, m->n) == 0);
    s->p += FRAME_HEAD + m->n;
    s->n -= FRAME_HEAD + m->n;
    if (m->type < FRAME_HELLO)
        arena_give(m->data);
    return m->type == FRAME_BYE ? -1 : 0;
}

static int sink_malformed(void *ctx, const struct err *why)
{
    struct sink *s = ctx;
    FUZZ_NEED(why->code == ERR_ABORT && frame_get(&(struct message){ 0 }, s->p, NULL) != 0);
    s->malformed = 1;
    return -1;
}

/* The stream has ended in the middle of a message, or between two. */
static int unfinished(const struct sink *s)
{
    struct message m;
    return s->n < FRAME_HEAD ||
           (frame_get(&m, s->p, NULL) == 0 && s->n < FRAME_HEAD + m.n);
}

FUZZ_TARGET(intake)
{
    struct tls t = { .cuts = { p, n < 8 ? n : 8 }, .stream = { p, n } };
    t.stream.p += t.cuts.n;
    t.stream.n -= t.cuts.n;
    struct sink s = { .p = t.stream.p, .n = t.stream.n, .arena = arena_new(0) };
    const struct intake_sink fn = { .head = sink_head, .message = sink_message,
                                    .malformed = sink_malformed, .ctx = &s };
    struct intake in;
    struct err e;
    FUZZ_NEED(s.arena != NULL && intake_init(&in, s.arena) == 0);
    enum tls_result r = intake_run(&in, &t, &fn, &e);
    FUZZ_NEED(r == TLS_CLOSED ? unfinished(&s) : r == TLS_DONE);
    intake_fini(&in);
    FUZZ_NEED(arena_used(s.arena) == 0);
    arena_free(s.arena);
    return 0;
}
