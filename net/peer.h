/*
 * peer.h: one connection to another node, from the socket to the last byte.
 *
 * A peer is an enum and a switch; peer_change_state is the only place where the state changes.
 * Both ends do TLS, tell each other their hello, and welcome each other's; then messages flow until
 * one end says why it leaves, or the connection breaks, or nothing has been heard for too long.
 *
 * Not here: which peers there should be, and what becomes of a node whose peer is gone (mesh.h).
 */
#ifndef OB_NET_PEER_H
#define OB_NET_PEER_H

#include "net/hello.h"
#include "net/loop.h"
#include "net/tls.h"

enum peer_state {
    PEER_CONNECTING,
    PEER_HANDSHAKING,
    PEER_HELLO,
    PEER_READY,
    PEER_CLOSING,               /* saying good-bye: nothing more is taken in */
    PEER_CLOSED
};

enum peer_verdict { PEER_ACCEPT, PEER_WAIT, PEER_REFUSE };

struct peer;

/* What the owner is told. `closed` comes once, `gone` once after it; both from a turn of the loop
 * of their own. */
struct peer_events {
    int (*allowed)(struct peer *p, const uint8_t digest[static CERT_DIGEST]);
    /* The peer's hello has come and fits ours. After PEER_WAIT the owner calls peer_accept or
     * peer_refuse. */
    enum peer_verdict (*greeted)(struct peer *p, const struct hello *theirs, struct err *why);
    void (*ready)(struct peer *p);
    uint8_t *(*room)(struct peer *p, const struct message *head, struct err *why);
    void (*message)(struct peer *p, struct message m);
    void (*drained)(struct peer *p);
    void (*closed)(struct peer *p, const struct err *why);
    void (*gone)(struct peer *p);       /* the owner frees it */
};

struct peer_conf {
    struct loop *loop;
    struct tls_ctx *tls;
    struct ring *ring;                  /* what carries the bytes; NULL: calls on the sockets */
    struct arena *arena;                /* for buffers and the transport's own messages */
    const struct peer_events *events;
    const struct hello *hello;          /* ours */
    uint64_t heartbeat_ns, idle_ns, setup_ns;
    size_t high, low;                   /* marks of back-pressure, in bytes */
};

/* Application payloads and messages, and bytes on the wire. */
struct link_stats {
    uint64_t sent, received;
    uint64_t messages_sent, messages_received;
    uint64_t wire_sent, wire_received;
    uint64_t moved;             /* of payloads, both ways, also of messages under way */
};

/* A peer over fd, which becomes its own in every case: a connection just accepted, or one that is
 * being made (`dialled`). `where` is its address, for messages. NULL without memory. */
struct peer *peer_new(const struct peer_conf *c, int fd, int dialled, const char *where,
                      void *owner);

/* Ends it at once; no event follows. NULL is legal. */
void peer_free(struct peer *p);

/* Whether it ended because the two ends do not agree (certificate, hello), which trying again will
 * not mend. */
int peer_is_hopeless(const struct peer *p);

/* Who it is, once that is known: goes before its address in messages. */
void peer_set_name(struct peer *p, const char *name);
void *peer_owner(const struct peer *p);
const char *peer_name(const struct peer *p);
enum peer_state peer_state(const struct peer *p);
int peer_secret(struct peer *p, uint8_t secret[static LINK_SECRET]);

void peer_accept(struct peer *p);
void peer_refuse(struct peer *p, const struct err *why);

/* Queues a message; takes the payload in every case. ERR_PEER unless ready. */
int peer_send(struct peer *p, struct message m);
size_t peer_queued(const struct peer *p);

/* Sends what is queued, then the reason, then closes. */
void peer_drop(struct peer *p, const char *why);

/* Asks for a sign of life; and when (loop_now) something last came. */
void peer_probe(struct peer *p);
uint64_t peer_heard(const struct peer *p);

/* How often it was asked, and answered: what was sent before question k has been delivered when
 * there are k answers. */
uint64_t peer_probes(const struct peer *p);
uint64_t peer_answers(const struct peer *p);

/* Whether the other end has said why it leaves, after all that it had to say. */
int peer_has_left(const struct peer *p);

/* Tries to send now what is queued (before peer_free, when no loop will run any more). */
void peer_flush(struct peer *p);

void peer_add_stats(const struct peer *p, struct link_stats *s);

#endif
