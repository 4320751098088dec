#include "net/intake.h"

#include <string.h>

int intake_init(struct intake *in, struct arena *a)
{
    *in = (struct intake){ 0 };
    in->stage = arena_take(a, TLS_RECORD);
    return in->stage == NULL ? -1 : 0;
}

void intake_clear(struct intake *in)
{
    if (in->in_body && in->m.type < FRAME_HELLO) {
        arena_unpin(in->m.data);
        arena_give(in->m.data);
    }
    in->in_body = 0;
    in->m = (struct message){ 0 };
    in->begin = in->end = 0;
}

void intake_fini(struct intake *in)
{
    intake_clear(in);
    arena_give(in->stage);
    in->stage = NULL;
}

/* Hands the finished message over; the sink owns its payload from here. */
static int deliver(struct intake *in, const struct intake_sink *s)
{
    struct message m = in->m;
    in->in_body = 0;
    in->m = (struct message){ 0 };
    if (m.type < FRAME_HELLO)
        arena_unpin(m.data);
    return s->message(s->ctx, &m);
}

static int begin_message(struct intake *in, const struct intake_sink *s)
{
    struct err e;
    in->reader.have = 0;
    if (frame_get(&in->m, in->reader.head, &e) != 0)
        return s->malformed(s->ctx, &e);
    if (s->head(s->ctx, &in->m) != 0)
        return -1;
    if (in->m.type >= FRAME_HELLO)
        in->m.data = in->m.n > 0 ? in->control : NULL;
    else
        arena_pin(in->m.data);
    in->in_body = 1;
    in->at = 0;
    return in->m.n == 0 ? deliver(in, s) : 0;
}

/* Takes what the stage holds apart. */
static int unstage(struct intake *in, const struct intake_sink *s)
{
    while (in->begin < in->end) {
        const uint8_t *p = in->stage + in->begin;
        size_t have = in->end - in->begin, n;
        int stop = 0;
        if (in->in_body) {
            n = in->m.n - in->at < have ? in->m.n - in->at : have;
            memcpy(in->m.data + in->at, p, n);
            in->begin += n;
            in->at += n;
            stop = in->at == in->m.n && deliver(in, s) != 0;
        } else {
            in->begin += frame_feed(&in->reader, p, have);
            stop = in->reader.have == FRAME_HEAD && begin_message(in, s) != 0;
        }
        if (stop)
            return -1;
    }
    return 0;
}

enum tls_result intake_run(struct intake *in, struct tls *t, const struct intake_sink *s,
                           struct err *e)
{
    for (;;) {
        size_t got, want = in->in_body ? in->m.n - in->at : 0;
        enum tls_result r;
        if (want >= TLS_RECORD) {
            r = tls_read(t, in->m.data + in->at, want, &got, e);
            in->at += got;
            if (r == TLS_DONE && in->at == in->m.n && deliver(in, s) != 0)
                return TLS_DONE;
        } else {
            r = tls_read(t, in->stage, TLS_RECORD, &in->end, e);
            in->begin = 0;
            if (r == TLS_DONE && unstage(in, s) != 0)
                return TLS_DONE;
        }
        if (r != TLS_DONE)
            return r;
    }
}
