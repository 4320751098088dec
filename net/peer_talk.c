/*
 * What peers say to each other beside the application's messages: hello, welcome, ping and
 * good-bye; and which message is legal when.
 */
#include "net/peer_st.h"

#include "net/base_log.h"

enum { REASON_SHOWN = 300 };

static void peer_become_ready(struct peer *p)
{
    if (p->state != PEER_HELLO || !p->accepted || !p->welcome)
        return;
    peer_change_state(p, PEER_READY);
    p->conf->events->ready(p);
}

void peer_accept(struct peer *p)
{
    if (p->state != PEER_HELLO || p->accepted)
        return;
    p->accepted = 1;
    if (peer_control(p, FRAME_WELCOME, NULL, 0) != 0)
        peer_fail(p, &(struct err){ .code = ERR_FAILED, .text = "no memory for a message" });
    peer_become_ready(p);
}

void peer_refuse(struct peer *p, const struct err *why)
{
    peer_fail(p, why);
}

static void got_hello(struct peer *p, const struct message *m)
{
    struct hello theirs;
    struct err e;
    if (p->greeted)
        err_set(&e, ERR_ABORT, "it said hello twice");
    else if (hello_get(&theirs, m->data, m->n, &e) == 0
             && hello_compare(p->conf->hello, &theirs, &e) == 0) {
        p->greeted = 1;
        switch (p->conf->events->greeted(p, &theirs, &e)) {
        case PEER_ACCEPT:
            peer_accept(p);
            return;
        case PEER_WAIT:
            return;
        case PEER_REFUSE:
            break;
        }
    }
    peer_fail(p, &e);
}

static void got_bye(struct peer *p, const struct message *m)
{
    char text[REASON_SHOWN + 1];
    struct err e;
    hello_text(text, sizeof text, m->n > 0 ? m->data : NULL, m->n);
    p->hopeless = p->state == PEER_HELLO;
    p->left = 1;
    err_set(&e, ERR_PEER, "it %s: %s", p->state == PEER_READY ? "ended the link"
            : "refused the link", text[0] != '\0' ? text : "no reason given");
    peer_break(p, &e);
}

static void got_control(struct peer *p, const struct message *m)
{
    switch (m->type) {
    case FRAME_HELLO:
        got_hello(p, m);
        break;
    case FRAME_WELCOME:
        p->welcome = 1;
        peer_become_ready(p);
        break;
    case FRAME_PING:
        if (peer_control(p, FRAME_PONG, NULL, 0) != 0)
            log_line(LOG_WARN, LOG_NET, "%s: no memory to answer a ping", p->name);
        break;
    case FRAME_PONG:
        p->answers++;
        break;
    default:
        got_bye(p, m);
    }
}

/* Which messages are legal now; and where the payload of an application message goes. */
static int sink_head(void *ctx, struct message *m)
{
    struct peer *p = ctx;
    struct err e;
    int legal = m->type == FRAME_BYE || (m->type == FRAME_HELLO && p->state == PEER_HELLO)
        || (m->type == FRAME_WELCOME && p->greeted && p->state == PEER_HELLO)
        || (m->type <= FRAME_PONG && m->type != FRAME_HELLO && m->type != FRAME_WELCOME
            && p->state == PEER_READY);
    if (!legal) {
        err_set(&e, ERR_ABORT, "it sent a message of type %u while %s", m->type,
                peer_state_name(p->state));
        peer_fail(p, &e);
        return -1;
    }
    if (m->type >= FRAME_HELLO || m->n == 0)
        return 0;
    err_set(&e, ERR_ABORT, "a message of type %u is not expected", m->type);
    m->data = p->conf->events->room(p, m, &e);
    if (m->data == NULL)
        peer_fail(p, &e);
    else if (p->state >= PEER_CLOSING)
        arena_give(m->data);
    return p->state >= PEER_CLOSING;
}

static int sink_message(void *ctx, const struct message *m)
{
    struct peer *p = ctx;
    if (m->type >= FRAME_HELLO) {
        got_control(p, m);
    } else {
        p->stats.received += m->n;
        p->stats.messages_received++;
        p->conf->events->message(p, *m);
    }
    return p->state >= PEER_CLOSING;
}

static int sink_malformed(void *ctx, const struct err *why)
{
    peer_fail(ctx, why);
    return -1;
}

void peer_take_in(struct peer *p)
{
    const struct intake_sink sink = { sink_head, sink_message, sink_malformed, p };
    struct err e;
    switch (intake_run(&p->in, p->tls, &sink, &e)) {
    case TLS_CLOSED:
        err_set(&e, ERR_PEER, "it closed the connection without a reason");
        peer_break(p, &e);
        break;
    case TLS_FAILED:
        peer_fail_tls(p, &e);
        break;
    default:
        break;
    }
}

