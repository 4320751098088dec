#include "net/tls.h"

#include <string.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

enum {
    SPARE = TLS_RECORD + 2048,  /* room for a record and whatever TLS itself wants to say */
    ALERT = 1000                /* how OpenSSL numbers a peer's alerts as reasons */
};

/* AES-GCM may protect 2^24.5 full records under one key (RFC 8446, 5.5). */
static const uint64_t rekey_default = 1u << 23;

struct tls_ctx {
    SSL_CTX *ssl;
    BIO_METHOD *bio;
    char fingerprint[CERT_FINGERPRINT];
    uint64_t rekey_after;
};

struct tls {
    struct tls_ctx *ctx;
    SSL *ssl;
    struct carrier *carrier;
    tls_allow_fn allow;
    void *allow_ctx;
    uint8_t digest[CERT_DIGEST];
    int refused;                /* the peer's certificate was */
    uint64_t records;           /* since the last change of keys */
};

/* The callers leave room enough, so it is never full. */
static int bio_write(BIO *b, const char *p, int n)
{
    struct tls *t = BIO_get_data(b);
    if (n <= 0 || (size_t)n > carrier_room(t->carrier))
        return -1;
    carrier_put(t->carrier, (const uint8_t *)p, (size_t)n);
    return n;
}

static int bio_read(BIO *b, char *p, int n)
{
    struct tls *t = BIO_get_data(b);
    size_t got = carrier_take(t->carrier, (uint8_t *)p, (size_t)n);
    BIO_clear_retry_flags(b);
    if (got > 0)
        return (int)got;
    BIO_set_retry_read(b);
    return -1;
}

static long bio_ctrl(BIO *b, int command, long number, void *p)
{
    (void)b, (void)number, (void)p;
    return command == BIO_CTRL_FLUSH;
}

static int bio_create(BIO *b)
{
    BIO_set_init(b, 1);
    return 1;
}

/* The whole of certificate checking: is the fingerprint one that we know? */
static int verify(X509_STORE_CTX *store, void *ctx)
{
    SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct tls *t = SSL_get_app_data(ssl);
    X509 *x = X509_STORE_CTX_get0_cert(store);
    (void)ctx;
    if (x != NULL && cert_digest_of(x, t->digest) == 0 && t->allow(t->allow_ctx, t->digest))
        return 1;
    t->refused = 1;
    X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_REJECTED);
    return 0;
}

static int ctx_configure(SSL_CTX *ssl, const struct cert *c)
{
    SSL_CTX_set_options(ssl, SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION
                        | SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_CLEANSE_PLAINTEXT);
    SSL_CTX_set_mode(ssl, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_verify(ssl, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    SSL_CTX_set_cert_verify_callback(ssl, verify, NULL);
    return SSL_CTX_set_min_proto_version(ssl, TLS1_3_VERSION) == 1
        && SSL_CTX_set_max_proto_version(ssl, TLS1_3_VERSION) == 1
        && SSL_CTX_set_num_tickets(ssl, 0) == 1
        && SSL_CTX_set_ciphersuites(ssl, "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:"
                                    "TLS_CHACHA20_POLY1305_SHA256") == 1
        && SSL_CTX_set1_groups_list(ssl, "X25519:P-256") == 1
        && SSL_CTX_use_certificate(ssl, cert_x509(c)) == 1
        && SSL_CTX_use_PrivateKey(ssl, cert_key(c)) == 1;
}

static BIO_METHOD *bio_method(void)
{
    BIO_METHOD *m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "obscura buffers");
    if (m != NULL && BIO_meth_set_write(m, bio_write) == 1 && BIO_meth_set_read(m, bio_read) == 1
        && BIO_meth_set_ctrl(m, bio_ctrl) == 1 && BIO_meth_set_create(m, bio_create) == 1)
        return m;
    BIO_meth_free(m);
    return NULL;
}

struct tls_ctx *tls_ctx_new(const struct cert *c, struct err *e)
{
    struct tls_ctx *ctx = mem_new(1, sizeof *ctx);
    if (ctx == NULL) {
        err_set(e, ERR_FAILED, "no memory for TLS");
        return NULL;
    }
    memcpy(ctx->fingerprint, cert_fingerprint(c), sizeof ctx->fingerprint);
    ctx->rekey_after = rekey_default;
    ctx->bio = bio_method();
    ctx->ssl = SSL_CTX_new(TLS_method());
    if (ctx->bio != NULL && ctx->ssl != NULL && ctx_configure(ctx->ssl, c))
        return ctx;
    const char *why = ERR_reason_error_string(ERR_peek_last_error());
    err_set(e, ERR_FAILED, "cannot set TLS up: %s", why != NULL ? why : "no memory");
    ERR_clear_error();
    tls_ctx_free(ctx);
    return NULL;
}

void tls_ctx_free(struct tls_ctx *c)
{
    if (c == NULL)
        return;
    SSL_CTX_free(c->ssl);
    BIO_meth_free(c->bio);
    mem_free(c);
}

void tls_ctx_rekey_after(struct tls_ctx *c, uint64_t records)
{
    c->rekey_after = records;
}

struct tls *tls_new(struct tls_ctx *c, struct carrier *over, int server, tls_allow_fn allow,
                    void *ctx)
{
    struct tls *t = mem_new(1, sizeof *t);
    if (t == NULL)
        return NULL;
    *t = (struct tls){ .ctx = c, .carrier = over, .allow = allow, .allow_ctx = ctx };
    t->ssl = SSL_new(c->ssl);
    BIO *bio = BIO_new(c->bio);
    if (t->ssl == NULL || bio == NULL) {
        BIO_free(bio);
        tls_free(t);
        return NULL;
    }
    BIO_set_data(bio, t);
    SSL_set_bio(t->ssl, bio, bio);
    SSL_set_app_data(t->ssl, t);
    if (server)
        SSL_set_accept_state(t->ssl);
    else
        SSL_set_connect_state(t->ssl);
    return t;
}

void tls_free(struct tls *t)
{
    if (t == NULL)
        return;
    SSL_free(t->ssl);
    mem_free(t);
}

/* Whether the reason is an alert by which the peer turns our certificate down. */
static int is_refusal(int reason)
{
    static const int alerts[] = {
        SSL_AD_BAD_CERTIFICATE, SSL_AD_UNSUPPORTED_CERTIFICATE, SSL_AD_CERTIFICATE_REVOKED,
        SSL_AD_CERTIFICATE_EXPIRED, SSL_AD_CERTIFICATE_UNKNOWN, SSL_AD_UNKNOWN_CA,
        SSL_AD_ACCESS_DENIED, SSL_AD_CERTIFICATE_REQUIRED,
    };
    for (size_t i = 0; i < sizeof alerts / sizeof alerts[0]; i++)
        if (reason == ALERT + alerts[i])
            return 1;
    return 0;
}

static enum tls_result fail(struct tls *t, struct err *e)
{
    unsigned long code = ERR_peek_error();
    int reason = ERR_GET_REASON(code);
    const char *text = ERR_reason_error_string(code);
    char theirs[CERT_FINGERPRINT];
    if (t->refused) {
        fingerprint_format(theirs, t->digest);
        err_set(e, ERR_PEER, "its certificate has the fingerprint %s, which the configuration "
                "does not list", theirs);
    } else if (is_refusal(reason)) {
        err_set(e, ERR_PEER, "it refused our certificate: list its fingerprint %s there",
                t->ctx->fingerprint);
    } else if (!SSL_is_init_finished(t->ssl)) {
        err_set(e, ERR_PEER, "no TLS 1.3 handshake with it: %s", text != NULL ? text : "unknown");
    } else {
        err_set(e, ERR_PEER, "TLS failed: %s", text != NULL ? text : "unknown");
    }
    ERR_clear_error();
    return TLS_FAILED;
}

/* What the outcome of an SSL_ call means. */
static enum tls_result outcome(struct tls *t, int returned, struct err *e)
{
    switch (SSL_get_error(t->ssl, returned)) {
    case SSL_ERROR_NONE:
        return TLS_DONE;
    case SSL_ERROR_WANT_READ:
        return TLS_AGAIN;
    case SSL_ERROR_ZERO_RETURN:
        return TLS_CLOSED;
    default:
        return fail(t, e);
    }
}

enum tls_result tls_handshake(struct tls *t, struct err *e)
{
    ERR_clear_error();
    return outcome(t, SSL_do_handshake(t->ssl), e);
}

enum tls_result tls_fill(struct tls *t, struct err *e)
{
    return carrier_fill(t->carrier, e);
}

enum tls_result tls_read(struct tls *t, uint8_t *p, size_t n, size_t *got, struct err *e)
{
    ERR_clear_error();
    *got = 0;
    return outcome(t, SSL_read_ex(t->ssl, p, n, got), e);
}

int tls_can_write(const struct tls *t)
{
    return carrier_room(t->carrier) >= SPARE;
}

enum tls_result tls_write(struct tls *t, const uint8_t *p, size_t n, struct err *e)
{
    size_t done = 0;
    ERR_clear_error();
    if (++t->records > t->ctx->rekey_after) {
        t->records = 1;
        if (SSL_key_update(t->ssl, SSL_KEY_UPDATE_NOT_REQUESTED) != 1)
            return fail(t, e);
    }
    int returned = SSL_write_ex(t->ssl, p, n, &done);
    if (returned == 1 && done == n)
        return TLS_DONE;
    return fail(t, e);
}

enum tls_result tls_flush(struct tls *t, struct err *e)
{
    return carrier_flush(t->carrier, e);
}

void tls_close_notify(struct tls *t)
{
    ERR_clear_error();
    if (SSL_is_init_finished(t->ssl) && carrier_room(t->carrier) >= 256)
        SSL_shutdown(t->ssl);
    ERR_clear_error();
}

const uint8_t *tls_peer_digest(const struct tls *t)
{
    return t->digest;
}

int tls_export(struct tls *t, uint8_t secret[static LINK_SECRET])
{
    static const char label[] = "EXPORTER-obscura-link";
    return SSL_export_keying_material(t->ssl, secret, LINK_SECRET, label, sizeof label - 1, NULL,
                                      0, 0) == 1 ? 0 : -1;
}
