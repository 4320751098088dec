/*
 * tls.h: TLS 1.3 over a carrier, between peers that know each other's fingerprints.
 *
 * Records are collected in the carrier's large buffers, between OpenSSL and the kernel. The owner
 * drives: tls_fill takes what has come, tls_read decrypts until TLS_AGAIN; tls_write encrypts one
 * record while tls_can_write, tls_flush hands the records on.
 *
 * There are no session tickets, no resumption and no other version; certificates are judged by
 * fingerprint only. Not here: frames, queues and who the peer is (peer.h).
 */
#ifndef OB_NET_TLS_H
#define OB_NET_TLS_H

#include "net/carrier.h"
#include "net/cert.h"

enum { TLS_RECORD = 16384 };    /* most bytes of one tls_write */

struct tls_ctx;
struct tls;

/* What all connections of a node share. Borrows the certificate. NULL with *e filled. */
struct tls_ctx *tls_ctx_new(const struct cert *c, struct err *e);
void tls_ctx_free(struct tls_ctx *c);

/* Keys are changed after so many records (tests; there is a safe default). */
void tls_ctx_rekey_after(struct tls_ctx *c, uint64_t records);

/* Asked during the handshake whether the peer with this fingerprint is welcome. */
typedef int (*tls_allow_fn)(void *ctx, const uint8_t digest[static CERT_DIGEST]);

/* A connection over a carrier, which stays the caller's. NULL without memory. */
struct tls *tls_new(struct tls_ctx *c, struct carrier *over, int server, tls_allow_fn allow,
                    void *ctx);
void tls_free(struct tls *t);

/* Goes on with the handshake as far as the bytes allow; flush after it in every case. */
enum tls_result tls_handshake(struct tls *t, struct err *e);

enum tls_result tls_fill(struct tls *t, struct err *e);
enum tls_result tls_read(struct tls *t, uint8_t *p, size_t n, size_t *got, struct err *e);

int tls_can_write(const struct tls *t);
enum tls_result tls_write(struct tls *t, const uint8_t *p, size_t n, struct err *e);
enum tls_result tls_flush(struct tls *t, struct err *e);

/* Writes the notice that nothing more will come; to be flushed. */
void tls_close_notify(struct tls *t);

/* After the handshake: the peer's fingerprint, and a secret that only the two ends know. */
const uint8_t *tls_peer_digest(const struct tls *t);
int tls_export(struct tls *t, uint8_t secret[static LINK_SECRET]);

#endif
