#include "proto/keys.h"

#include <string.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "net/base_bytes.h"

static const char label[] = "obscura job key";

enum { TEXT = sizeof label + 2 + 8 + KEYS_DIGEST + LINK_PARTIES * KEYS_NONCE };

/* The text that is authenticated with the link's secret: all of it public. */
static size_t key_text(uint8_t text[static TEXT], const struct keys_seed *s, unsigned peer)
{
    uint8_t *p = text;
    memcpy(p, label, sizeof label);
    p += sizeof label;
    *p++ = (uint8_t)(s->self < peer ? s->self : peer);
    *p++ = (uint8_t)(s->self < peer ? peer : s->self);
    put_u64(p, s->job);
    p += 8;
    memcpy(p, s->digest, KEYS_DIGEST);
    p += KEYS_DIGEST;
    memcpy(p, s->nonce, s->parties * KEYS_NONCE);
    p += s->parties * KEYS_NONCE;
    return (size_t)(p - text);
}

int keys_init(struct keys *k, const struct keys_seed *s, struct err *e)
{
    *k = (struct keys){ .self = s->self, .parties = s->parties };
    for (unsigned peer = 0; peer < s->parties; peer++) {
        if (peer == s->self)
            continue;
        uint8_t text[TEXT], mac[32];
        unsigned n = sizeof mac;
        size_t length = key_text(text, s, peer);
        if (HMAC(EVP_sha256(), s->secret[peer], LINK_SECRET, text, length, mac, &n) == NULL) {
            keys_fini(k);
            return err_set(e, ERR_FAILED, "the keys of a job could not be derived (HMAC failed)");
        }
        prf_init(&k->pair[peer], mac);
        wipe(mac, sizeof mac);
    }
    return 0;
}

void keys_fini(struct keys *k)
{
    for (unsigned peer = 0; peer < k->parties; peer++)
        if (peer != k->self)
            prf_fini(&k->pair[peer]);
    wipe(k, sizeof *k);
}
