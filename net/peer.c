#include "net/peer_st.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/base_log.h"

enum {
    PUMP = 1 << 20,             /* bytes encrypted per turn of the loop */
    DISCARD = 4,                /* buffers thrown away per turn */
    REASON_MAX = 300
};

static const uint64_t linger_ns = 2000000000u;

static const char *const state_names[] = {
    [PEER_CONNECTING] = "connecting", [PEER_HANDSHAKING] = "handshaking", [PEER_HELLO] = "hello",
    [PEER_READY] = "ready", [PEER_CLOSING] = "closing", [PEER_CLOSED] = "closed",
};

static struct peer *peer_of(void *member, size_t offset)
{
    return (struct peer *)((char *)member - offset);
}

static void peer_next_beat(struct peer *p)
{
    p->beat_due = loop_now() + p->conf->heartbeat_ns;
    loop_arm(p->conf->loop, &p->tick, p->conf->heartbeat_ns);
}

const char *peer_state_name(enum peer_state s)
{
    return state_names[s];
}

void peer_change_state(struct peer *p, enum peer_state to)
{
    struct loop *l = p->conf->loop;
    log_line(LOG_DEBUG, LOG_NET, "%s: %s -> %s", p->name, state_names[p->state], state_names[to]);
    p->state = to;
    loop_disarm(l, &p->tick);
    switch (to) {
    case PEER_CONNECTING:
        loop_arm(l, &p->deadline, p->conf->setup_ns);
        break;
    case PEER_HANDSHAKING:
    case PEER_HELLO:
        break;      /* the deadline goes on */
    case PEER_READY:
        loop_disarm(l, &p->deadline);
        peer_next_beat(p);
        break;
    case PEER_CLOSING:
        loop_arm(l, &p->deadline, linger_ns);
        break;
    case PEER_CLOSED:
        loop_disarm(l, &p->deadline);
        watch_free(p->watch);
        p->watch = NULL;
        if (p->carrier != NULL)
            carrier_close(p->carrier);
        else
            close(p->fd);
        p->fd = -1;
        break;
    }
}

static void peer_watch(struct peer *p, unsigned what)
{
    int bad = p->carrier != NULL ? carrier_watch(p->carrier, what)
        : p->watch != NULL ? watch_set(p->watch, what) : 0;
    if (bad != 0)
        log_line(LOG_ERR, LOG_NET, "%s: no memory to watch its socket", p->name);
}

int peer_control(struct peer *p, uint8_t type, const void *data, size_t n)
{
    struct message m = { .type = type, .n = n };
    if (n > 0 && (m.data = arena_take(p->conf->arena, n)) == NULL)
        return -1;
    if (n > 0)
        memcpy(m.data, data, n);
    p->said = loop_now();
    loop_later(p->conf->loop, &p->flush);
    return sendq_push(&p->out, &m);
}

enum ending { QUIETLY, TELLING };

/* Ends the connection for a reason. If TLS stands, the peer is told; if a handshake has failed,
 * its alert still goes out; if the socket is broken, that is all. */
static void peer_end(struct peer *p, const struct err *why, enum ending how, int broken)
{
    if (p->state >= PEER_CLOSING)
        return;
    enum peer_state from = p->state;
    p->why = *why;
    err_prefix(&p->why, "%s", p->name);
    intake_clear(&p->in);
    if (how == TELLING && (from == PEER_HELLO || from == PEER_READY)) {
        size_t n = strnlen(why->text, REASON_MAX);
        if (peer_control(p, FRAME_BYE, why->text, n) != 0)
            log_line(LOG_WARN, LOG_NET, "%s: no memory to say good-bye", p->name);
    }
    if (broken || from == PEER_CONNECTING) {
        sendq_fini(&p->out);
        peer_change_state(p, PEER_CLOSED);
    } else {
        peer_change_state(p, PEER_CLOSING);
        loop_later(p->conf->loop, &p->flush);
    }
    loop_later(p->conf->loop, &p->report);
}

void peer_fail(struct peer *p, const struct err *why)
{
    if (p->state == PEER_READY)
        sendq_clear(&p->out);   /* but a hello goes out, so that the peer sees for itself */
    p->hopeless |= p->state == PEER_HELLO;
    peer_end(p, why, TELLING, 0);
}

void peer_fail_tls(struct peer *p, const struct err *why)
{
    if (p->state < PEER_CLOSING)
        sendq_clear(&p->out);
    p->hopeless |= p->state < PEER_READY;
    peer_end(p, why, QUIETLY, 0);
}

void peer_break(struct peer *p, const struct err *why)
{
    if (p->state < PEER_CLOSING) {
        peer_end(p, why, QUIETLY, 1);
    } else if (p->state == PEER_CLOSING) {
        sendq_fini(&p->out);
        peer_change_state(p, PEER_CLOSED);
        loop_later(p->conf->loop, &p->report);
    }
}

static void peer_report(struct later *job)
{
    struct peer *p = peer_of(job, offsetof(struct peer, report));
    if (!p->reported) {
        p->reported = 1;
        p->conf->events->closed(p, &p->why);
    }
    if (p->state == PEER_CLOSED)
        p->conf->events->gone(p);
}

/* Everything was sent in PEER_CLOSING: one last notice, then the socket is shut for writing. */
static void peer_shut(struct peer *p)
{
    struct err e;
    tls_close_notify(p->tls);
    if (tls_flush(p->tls, &e) == TLS_AGAIN) {
        peer_watch(p, WATCH_READ | WATCH_WRITE);
        return;
    }
    p->shut = 1;
    carrier_shut(p->carrier);
    peer_watch(p, WATCH_READ);
}

static void peer_pump(struct peer *p)
{
    struct err e;
    if (p->tls == NULL || p->deaf || p->shut || p->state == PEER_CLOSED)
        return;
    switch (sendq_pump(&p->out, p->tls, PUMP, &e)) {
    case TLS_AGAIN:
        peer_watch(p, WATCH_READ | WATCH_WRITE);
        break;
    case TLS_DONE:
        if (p->state == PEER_CLOSING)
            peer_shut(p);
        else
            peer_watch(p, WATCH_READ);
        break;
    default:        /* what it may still have to say is read first; then its end is noticed */
        p->deaf = 1;
        peer_watch(p, WATCH_READ);
    }
    if (peer_queued(p) > p->conf->high)     /* TLS adds to what was queued */
        p->full = 1;
    if (p->full && p->state == PEER_READY && peer_queued(p) <= p->conf->low) {
        p->full = 0;
        p->conf->events->drained(p);
    }
}

static void peer_flush_later(struct later *job)
{
    peer_pump(peer_of(job, offsetof(struct peer, flush)));
}

static void peer_handshake(struct peer *p)
{
    uint8_t hello[HELLO_SIZE];
    struct err e;
    switch (tls_handshake(p->tls, &e)) {
    case TLS_AGAIN:
        break;
    case TLS_DONE:
        hello_put(hello, p->conf->hello);
        peer_change_state(p, PEER_HELLO);
        if (peer_control(p, FRAME_HELLO, hello, sizeof hello) != 0)
            peer_fail(p, &(struct err){ .code = ERR_FAILED, .text = "no memory for the hello" });
        break;
    default:
        peer_fail_tls(p, &e);
    }
    loop_later(p->conf->loop, &p->flush);
}

/* What comes while closing is of no interest any more, but must not stop the other side. */
static void peer_discard(struct peer *p)
{
    struct err e;
    enum tls_result r = TLS_DONE;
    for (int i = 0; i < DISCARD && r == TLS_DONE; i++) {
        carrier_take(p->carrier, NULL, SIZE_MAX);
        r = carrier_fill(p->carrier, &e);
    }
    if (r == TLS_CLOSED || r == TLS_FAILED)
        peer_break(p, &p->why);
}

static void peer_readable(struct peer *p)
{
    struct err e;
    switch (tls_fill(p->tls, &e)) {
    case TLS_AGAIN:
        return;
    case TLS_CLOSED:
        err_set(&e, ERR_PEER, "the connection was cut off%s", p->state == PEER_READY ? ""
                : " before the link stood; see the messages there");
        peer_break(p, &e);
        return;
    case TLS_FAILED:
        peer_break(p, &e);
        return;
    default:
        p->heard = loop_now();
        p->excused = 0;
    }
    if (p->state == PEER_HANDSHAKING)
        peer_handshake(p);
    if (p->state == PEER_HELLO || p->state == PEER_READY)
        peer_take_in(p);
}

static int peer_allows(void *ctx, const uint8_t digest[static CERT_DIGEST])
{
    struct peer *p = ctx;
    return p->conf->events->allowed(p, digest);
}

static void peer_io(void *ctx, unsigned what);

/* The socket becomes a carrier's; -1 without memory. */
static int peer_carry(struct peer *p)
{
    struct arena *a = p->conf->arena;
    if (p->conf->ring == NULL) {
        p->carrier = carrier_socket(a, p->fd, p->watch);
    } else if ((p->carrier = carrier_ring(a, p->conf->ring, p->fd, peer_io, p)) != NULL) {
        watch_free(p->watch);
    }
    if (p->carrier == NULL)
        return -1;
    p->watch = NULL;
    return 0;
}

/* The TCP connection stands. */
static void peer_connected(struct peer *p)
{
    struct err e;
    if (peer_carry(p) == 0)
        p->tls = tls_new(p->conf->tls, p->carrier, !p->dialled, peer_allows, p);
    if (p->tls == NULL || sendq_init(&p->out, p->conf->arena) != 0
        || intake_init(&p->in, p->conf->arena) != 0) {
        err_set(&e, ERR_FAILED, "no memory for its buffers");
        peer_break(p, &e);
        return;
    }
    peer_watch(p, WATCH_READ);
    peer_change_state(p, PEER_HANDSHAKING);
    peer_handshake(p);
}

static void peer_connect_over(struct peer *p)
{
    int failed = 0;
    socklen_t n = sizeof failed;
    struct err e;
    if (getsockopt(p->fd, SOL_SOCKET, SO_ERROR, &failed, &n) != 0)
        failed = errno;
    if (failed == 0) {
        peer_connected(p);
        return;
    }
    err_set(&e, ERR_PEER, "cannot connect: %s", strerror(failed));
    peer_break(p, &e);
}

static void peer_io(void *ctx, unsigned what)
{
    struct peer *p = ctx;
    if (p->state == PEER_CONNECTING)
        peer_connect_over(p);
    else if (what & WATCH_WRITE)
        peer_pump(p);
    else if (p->state == PEER_CLOSING)
        peer_discard(p);
    else
        peer_readable(p);
}

/* Too long for what the state is waiting for. While closing, time is given as long as bytes go. */
static void peer_overdue(struct timer *t)
{
    struct peer *p = peer_of(t, offsetof(struct peer, deadline));
    struct err e;
    if (p->state == PEER_CLOSING) {
        uint64_t sent = p->carrier != NULL ? carrier_sent(p->carrier) : 0;
        if (p->shut || sent == p->lingered) {
            peer_break(p, &p->why);
            return;
        }
        p->lingered = sent;
        loop_arm(p->conf->loop, &p->deadline, linger_ns);
        return;
    }
    err_set(&e, ERR_PEER, "no answer within %.3g s while %s", (double)p->conf->setup_ns / 1e9,
            state_names[p->state]);
    if (p->state == PEER_CONNECTING)
        peer_break(p, &e);
    else
        peer_fail(p, &e);
    p->hopeless = 0;
}

static void peer_beat(struct timer *t)
{
    struct peer *p = peer_of(t, offsetof(struct peer, tick));
    const struct peer_conf *c = p->conf;
    uint64_t now = loop_now();
    if (now > p->beat_due)      /* what may have come while we slept has not been read yet */
        p->excused += now - p->beat_due;
    uint64_t silence = now - p->heard > p->excused ? now - p->heard - p->excused : 0;
    if (silence > c->idle_ns) {
        struct err e;
        err_set(&e, ERR_PEER, "nothing was heard of it for %.3g s", (double)silence / 1e9);
        peer_fail(p, &e);
        return;
    }
    peer_next_beat(p);
    if (silence >= c->heartbeat_ns / 2 || now - p->said >= c->heartbeat_ns)
        peer_probe(p);
}

struct peer *peer_new(const struct peer_conf *c, int fd, int dialled, const char *where,
                      void *owner)
{
    struct peer *p = mem_new(1, sizeof *p);
    if (p == NULL || (p->watch = watch_new(c->loop, fd, peer_io, p)) == NULL) {
        mem_free(p);
        close(fd);
        return NULL;
    }
    p->conf = c;
    p->owner = owner;
    p->fd = fd;
    p->dialled = dialled;
    p->deadline.fire = peer_overdue;
    p->tick.fire = peer_beat;
    p->flush.run = peer_flush_later;
    p->report.run = peer_report;
    p->heard = p->said = loop_now();
    snprintf(p->where, sizeof p->where, "%s", where);
    snprintf(p->name, sizeof p->name, "%s", where);
    peer_change_state(p, PEER_CONNECTING);
    peer_watch(p, WATCH_WRITE);
    return p;
}

void peer_free(struct peer *p)
{
    if (p == NULL)
        return;
    loop_never(&p->flush);
    loop_never(&p->report);
    if (p->state != PEER_CLOSED)
        peer_change_state(p, PEER_CLOSED);
    sendq_fini(&p->out);
    intake_fini(&p->in);
    tls_free(p->tls);
    carrier_free(p->carrier);
    mem_free(p);
}

void peer_set_name(struct peer *p, const char *name)
{
    snprintf(p->name, sizeof p->name, "%s at %s", name, p->where);
}

int peer_is_hopeless(const struct peer *p)
{
    return p->hopeless;
}

void *peer_owner(const struct peer *p)
{
    return p->owner;
}

const char *peer_name(const struct peer *p)
{
    return p->name;
}

enum peer_state peer_state(const struct peer *p)
{
    return p->state;
}

int peer_secret(struct peer *p, uint8_t secret[static LINK_SECRET])
{
    return tls_export(p->tls, secret);
}

int peer_send(struct peer *p, struct message m)
{
    if (p->state != PEER_READY) {
        arena_give(m.data);
        return ERR_PEER;
    }
    if (sendq_push(&p->out, &m) != 0) {
        peer_fail(p, &(struct err){ .code = ERR_FAILED, .text = "no memory for a message" });
        return ERR_PEER;
    }
    p->stats.sent += m.n;
    p->stats.messages_sent++;
    p->said = loop_now();
    if (peer_queued(p) > p->conf->high)
        p->full = 1;
    loop_later(p->conf->loop, &p->flush);
    return 0;
}

size_t peer_queued(const struct peer *p)
{
    return p->out.bytes + (p->carrier != NULL ? carrier_unsent(p->carrier) : 0);
}

void peer_drop(struct peer *p, const char *why)
{
    struct err e;
    err_set(&e, ERR_PEER, "%s", why);
    peer_end(p, &e, TELLING, 0);
}

void peer_probe(struct peer *p)
{
    if (peer_control(p, FRAME_PING, NULL, 0) != 0)
        log_line(LOG_WARN, LOG_NET, "%s: no memory for a ping", p->name);
    else
        p->probes++;
}

uint64_t peer_probes(const struct peer *p)
{
    return p->probes;
}

uint64_t peer_answers(const struct peer *p)
{
    return p->answers;
}

int peer_has_left(const struct peer *p)
{
    return p->left;
}

uint64_t peer_heard(const struct peer *p)
{
    return p->heard;
}

void peer_flush(struct peer *p)
{
    peer_pump(p);
}

void peer_add_stats(const struct peer *p, struct link_stats *s)
{
    s->sent += p->stats.sent;
    s->received += p->stats.received;
    s->messages_sent += p->stats.messages_sent;
    s->messages_received += p->stats.messages_received;
    size_t waits = peer_queued(p);
    s->moved += p->stats.received + (p->stats.sent > waits ? p->stats.sent - waits : 0) +
                (p->in.in_body && p->in.m.type < FRAME_HELLO ? p->in.at : 0);
    if (p->carrier == NULL)
        return;
    s->wire_sent += carrier_sent(p->carrier);
    s->wire_received += carrier_received(p->carrier);
}
