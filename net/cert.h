/*
 * cert.h: who a node is. One long-lived key and self-signed certificate per party and client.
 *
 * Nobody signs certificates and no date decides between peers: each side lists the fingerprints of
 * those it talks to, and the fingerprint is the SHA-256 of the certificate.
 */
#ifndef OB_NET_CERT_H
#define OB_NET_CERT_H

#include <stdint.h>

#include "net/base_err.h"

enum {
    CERT_DIGEST = 32,
    CERT_FINGERPRINT = 7 + 2 * CERT_DIGEST + 1  /* "sha256:", hexadecimal digits, zero */
};

struct cert;
struct x509_st;
struct evp_pkey_st;

/* Makes an Ed25519 key (file mode 0600) and its certificate (0644), and gives the fingerprint.
 * Files that exist are not touched: that is an error. */
int cert_generate(const char *name, const char *key_path, const char *cert_path,
                  char fingerprint[static CERT_FINGERPRINT], struct err *e);

/* Loads both; NULL with *e filled when a file is missing or malformed, the key can be read by
 * others or is not the certificate's, or the certificate has expired. */
struct cert *cert_load(const char *key_path, const char *cert_path, struct err *e);
void cert_free(struct cert *c);

/* The fingerprint of a certificate file, without its key. */
int cert_fingerprint_of(const char *cert_path, char fingerprint[static CERT_FINGERPRINT],
                        struct err *e);

/* Borrowed. */
const char *cert_fingerprint(const struct cert *c);
const uint8_t *cert_digest(const struct cert *c);

/* A secret of the private key's holder, one for each label. 0, or ERR_FAILED. */
int cert_secret(const struct cert *c, const char *label, uint8_t secret[static CERT_DIGEST],
                struct err *e);
struct x509_st *cert_x509(const struct cert *c);
struct evp_pkey_st *cert_key(const struct cert *c);

/* "sha256:hex" and back; parsing gives -1 when the text is anything else. */
void fingerprint_format(char out[static CERT_FINGERPRINT],
                        const uint8_t digest[static CERT_DIGEST]);
int fingerprint_parse(uint8_t digest[static CERT_DIGEST], const char *text);

/* The SHA-256 of a certificate; 0, or -1 when the library is out of memory. */
int cert_digest_of(struct x509_st *x, uint8_t digest[static CERT_DIGEST]);

#endif
