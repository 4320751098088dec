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

/* The key that all but `missing` hold. */
static int key_of_three(struct prf *out, const struct keys_seed *s, unsigned missing)
{
    static const char three[] = "obscura key of three";
    uint8_t head[sizeof three + 1 + 8], key[32];
    unsigned n = sizeof key;
    memcpy(head, three, sizeof three);
    head[sizeof three] = (uint8_t)missing;
    put_u64(head + sizeof three + 1, s->job);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    int ok = ctx != NULL && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) &&
             EVP_DigestUpdate(ctx, head, sizeof head) &&
             EVP_DigestUpdate(ctx, s->digest, KEYS_DIGEST) &&
             EVP_DigestUpdate(ctx, s->nonce, s->parties * KEYS_NONCE);
    for (unsigned i = 0; i < s->parties; i++)
        ok = ok && (i == missing || EVP_DigestUpdate(ctx, s->part[i][missing], KEYS_PART));
    ok = ok && EVP_DigestFinal_ex(ctx, key, &n);
    EVP_MD_CTX_free(ctx);
    if (ok)
        prf_init(out, key);
    wipe(key, sizeof key);
    return ok ? 0 : -1;
}

int keys_init(struct keys *k, const struct keys_seed *s, struct err *e)
{
    *k = (struct keys){ .self = s->self, .parties = s->parties };
    prf_init(&k->own, s->own);
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
        if (s->parties == 4 && key_of_three(&k->without[peer], s, peer) != 0) {
            keys_fini(k);
            return err_set(e, ERR_FAILED,
                           "the keys of a job could not be derived (SHA-256 failed)");
        }
    }
    return 0;
}

void keys_fini(struct keys *k)
{
    prf_fini(&k->own);
    for (unsigned peer = 0; peer < k->parties; peer++)
        if (peer != k->self) {
            prf_fini(&k->pair[peer]);
            prf_fini(&k->without[peer]);
        }
    wipe(k, sizeof *k);
}

void keys_confirm(const struct keys *k, struct claims *c)
{
    for (unsigned j = 0; k->parties == 4 && j < k->parties; j++) {
        uint8_t word[2 * PRF_KEY];      /* two blocks: no two keys are found that agree in both */
        if (j == k->self)
            continue;
        prf_fill(&k->without[j], UINT32_MAX, USE_CONFIRM, 0, word, sizeof word);
        for (unsigned peer = 0; peer < k->parties; peer++)
            if (peer != j && peer != k->self)
                claim_tag(c->tag[peer], &k->pair[peer], UINT32_MAX, j, word, sizeof word);
        wipe(word, sizeof word);
    }
}
