#include "proto/claim.h"

#include <limits.h>
#include <stdlib.h>

#include <openssl/evp.h>

#include "net/base_bytes.h"
#include "net/base_log.h"
#include "proto/protocol.h"

enum { PER_STEP = 1 << 16 };    /* claims of a step towards one party */

/* GMAC: AES-128-GCM with nothing to encrypt. The key serves one message, so the nonce is zero. */
static int gmac(uint8_t out[static CLAIM_TAG], const uint8_t key[static PRF_KEY], const uint8_t *p,
                size_t n)
{
    static const uint8_t nonce[12];
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    int done, ok = ctx != NULL && EVP_EncryptInit_ex(ctx, EVP_aes_128_gcm(), NULL, key, nonce) == 1;
    while (ok && n > 0) {
        int part = n < INT_MAX / 2 ? (int)n : INT_MAX / 2;
        ok = EVP_EncryptUpdate(ctx, NULL, &done, p, part) == 1;
        p += part;
        n -= (size_t)part;
    }
    ok = ok && EVP_EncryptFinal_ex(ctx, out, &done) == 1 &&
         EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_GET_TAG, CLAIM_TAG, out) == 1;
    EVP_CIPHER_CTX_free(ctx);
    return ok ? 0 : -1;
}

void claim_tag(uint8_t tag[static CLAIM_TAG], const struct prf *pair, uint32_t gate,
               uint64_t block, const void *p, size_t n)
{
    uint8_t key[PRF_KEY], one[CLAIM_TAG];
    prf_fill(pair, gate, USE_CLAIM, block, key, sizeof key);
    if (gmac(one, key, p, n) != 0) {        /* a claim that is not made must not look like one */
        log_line(LOG_ERR, LOG_PROTO, "OpenSSL's AES-128-GCM failed: out of memory, or its "
                 "configuration forbids the cipher; the program ends");
        abort();
    }
    for (int i = 0; i < CLAIM_TAG; i++)
        tag[i] ^= one[i];
    wipe(key, sizeof key);
}

void claim(struct step *s, unsigned with, const void *p, size_t n)
{
    const struct prf *pair = &s->keys->pair[gate_party(s->program->proto, s->gate, with)];
    claim_tag(s->claims.tag[with], pair, s->id,
              (uint64_t)s->number * PER_STEP + s->claims.count[with]++, p, n);
    s->claims.bytes[with] += n;
}
