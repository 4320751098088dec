#include "net/sendq.h"

#include <string.h>

#include "net/frame.h"

struct outgoing {
    struct message m;
    uint8_t head[FRAME_HEAD];
    size_t at;                  /* bytes of header and payload that were encrypted */
    struct outgoing *next;
};

int sendq_init(struct sendq *q, struct arena *a)
{
    *q = (struct sendq){ 0 };
    q->last = &q->first;
    q->stage = arena_take(a, TLS_RECORD);
    return q->stage == NULL ? -1 : 0;
}

static size_t left(const struct outgoing *o)
{
    return FRAME_HEAD + o->m.n - o->at;
}

/* Takes the message out of the queue and gives its payload back. */
static void release(struct sendq *q, struct outgoing **at)
{
    struct outgoing *o = *at;
    q->bytes -= left(o);
    if ((*at = o->next) == NULL)
        q->last = at;
    arena_unpin(o->m.data);
    arena_give(o->m.data);
    o->next = q->spare;
    q->spare = o;
}

void sendq_clear(struct sendq *q)
{
    struct outgoing **at = &q->first;
    if (*at != NULL && (*at)->at > 0)
        at = &(*at)->next;
    while (*at != NULL)
        release(q, at);
}

void sendq_fini(struct sendq *q)
{
    while (q->first != NULL)
        release(q, &q->first);
    for (struct outgoing *o = q->spare, *next; o != NULL; o = next) {
        next = o->next;
        mem_free(o);
    }
    arena_give(q->stage);
    *q = (struct sendq){ 0 };
}

/* The place of a message: behind everything that has begun to go, or does not let it pass. A ping
 * is passed by what passes a message, too, and by nothing else, so that it comes to its turn. */
static struct outgoing **place_for(struct sendq *q, const struct message *m)
{
    struct outgoing **place = &q->first;
    for (struct outgoing **at = &q->first; *at != NULL; at = &(*at)->next)
        if ((*at)->at > 0 || ((*at)->m.type == FRAME_PING ? place == at
                                                          : !message_lets_pass(&(*at)->m, m)))
            place = &(*at)->next;
    return place;
}

int sendq_push(struct sendq *q, const struct message *m)
{
    struct outgoing *o = q->spare;
    if (o != NULL)
        q->spare = o->next;
    else if ((o = mem_new(1, sizeof *o)) == NULL) {
        arena_give(m->data);
        return -1;
    }
    o->m = *m;
    o->at = 0;
    arena_pin(m->data);
    frame_put(o->head, m);
    struct outgoing **place = place_for(q, m);
    o->next = *place;
    *place = o;
    if (o->next == NULL)
        q->last = &o->next;
    q->bytes += left(o);
    return 0;
}

/* Moves on by n bytes of the first message. */
static void advance(struct sendq *q, size_t n)
{
    q->first->at += n;
    q->bytes -= n;
    if (left(q->first) == 0)
        release(q, &q->first);
}

/* Copies the next piece of the first message into the record that is being put together. */
static size_t stage_piece(struct sendq *q, size_t staged)
{
    struct outgoing *o = q->first;
    int in_head = o->at < FRAME_HEAD;
    const uint8_t *p = in_head ? o->head + o->at : o->m.data + (o->at - FRAME_HEAD);
    size_t n = in_head ? FRAME_HEAD - o->at : left(o);
    if (n > TLS_RECORD - staged)
        n = TLS_RECORD - staged;
    memcpy(q->stage + staged, p, n);
    advance(q, n);
    return n;
}

/* One record. */
static enum tls_result encrypt(struct sendq *q, struct tls *t, size_t *n, struct err *e)
{
    struct outgoing *o = q->first;
    if (o->at >= FRAME_HEAD && left(o) >= TLS_RECORD) {
        *n = TLS_RECORD;
        enum tls_result r = tls_write(t, o->m.data + (o->at - FRAME_HEAD), TLS_RECORD, e);
        advance(q, TLS_RECORD);
        return r;
    }
    size_t staged = 0;
    while (q->first != NULL && staged < TLS_RECORD)
        staged += stage_piece(q, staged);
    *n = staged;
    return tls_write(t, q->stage, staged, e);
}

enum tls_result sendq_pump(struct sendq *q, struct tls *t, size_t budget, struct err *e)
{
    enum tls_result r = tls_flush(t, e);
    while (r == TLS_DONE && q->first != NULL) {
        if (budget == 0)
            return TLS_AGAIN;
        while (r == TLS_DONE && q->first != NULL && tls_can_write(t) && budget > 0) {
            size_t n = 0;
            r = encrypt(q, t, &n, e);
            budget -= n < budget ? n : budget;
        }
        if (r == TLS_DONE)
            r = tls_flush(t, e);
    }
    return r;
}
