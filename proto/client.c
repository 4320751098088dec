#include "proto/client.h"

#include <string.h>

#include <openssl/evp.h>

#include "net/base_bytes.h"

enum { LINE = 8, PIECE = 512 };     /* words of a cache line; words that are hashed at a time */

static size_t whole_lines(size_t words)
{
    return (words + LINE - 1) / LINE * LINE;
}

size_t client_bytes(const struct protocol *p, enum owner of, size_t n, unsigned turns,
                    unsigned party)
{
    const struct sharing *s = protocol_sharing(p, of);
    size_t sum = 0;
    for (unsigned t = 0; t < turns; t++)
        sum += s->bytes(n, turn_role(p, t, party));
    return sum;
}

size_t client_share_stride(const struct protocol *p, size_t n)
{
    return whole_lines(value_words(p, VALUE_SHARE, n));
}

size_t client_pack_stride(const struct protocol *p, const struct geometry *g)
{
    return whole_lines(p->weight_words(g));
}

int client_split(const struct protocol *p, enum owner of, uint8_t *const out[], const uint64_t *x,
                 size_t n, unsigned turns, struct err *e)
{
    const struct sharing *s = protocol_sharing(p, of);
    size_t at[LINK_PARTIES] = { 0 };
    for (unsigned t = 0; t < turns; t++) {
        uint8_t *part[LINK_PARTIES] = { NULL };
        for (unsigned i = 0; i < p->parties; i++)
            part[turn_role(p, t, i)] = out[i] + at[i];
        if (s->split(part, x, n, e) != 0)
            return e->code;
        for (unsigned i = 0; i < p->parties; i++)
            at[i] += s->bytes(n, turn_role(p, t, i));
    }
    return 0;
}

void client_join(const struct protocol *p, enum owner of, uint64_t *share, const uint8_t *in,
                 size_t n, unsigned turns, unsigned party)
{
    const struct sharing *s = protocol_sharing(p, of);
    for (unsigned t = 0; t < turns; t++) {
        unsigned role = turn_role(p, t, party);
        s->join(share + t * client_share_stride(p, n), in, n, role);
        in += s->bytes(n, role);
    }
}

int client_pack(const struct protocol *p, uint64_t *packed, const uint64_t *share,
                const struct geometry *g, unsigned turns, unsigned party)
{
    size_t from = client_share_stride(p, geometry_depth(g) * g->oc), to = client_pack_stride(p, g);
    for (unsigned t = 0; t < turns; t++)
        if (p->weight_pack(packed + t * to, share + t * from, g, turn_role(p, t, party)) != 0)
            return ERR_FAILED;
    return 0;
}

/* Enters one item of one turn. */
static int mark_item(EVP_MD_CTX *md, const struct protocol *p, const uint64_t *share, size_t n,
                     unsigned role, unsigned other, unsigned item)
{
    uint64_t words[PIECE];
    int ok = 1;
    for (size_t i = 0; i < n && ok; i += PIECE) {
        size_t m = n - i < PIECE ? n - i : PIECE;
        p->common(words, share + i, n, m, VALUE_SHARE, role, other, item);
        ok = EVP_DigestUpdate(md, words, m * sizeof *words);
    }
    wipe(words, sizeof words);
    return ok;
}

int client_mark(const struct protocol *p, uint8_t mark[static CLIENT_MARK], const uint64_t *share,
                size_t n, unsigned turns, unsigned party, unsigned other)
{
    unsigned length = CLIENT_MARK;
    memset(mark, 0, CLIENT_MARK);
    if (p->items == NULL)
        return 0;
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    int ok = md != NULL && EVP_DigestInit_ex(md, EVP_sha256(), NULL);
    for (unsigned t = 0; t < turns; t++) {
        unsigned a = turn_role(p, t, party), b = turn_role(p, t, other);
        for (unsigned item = 0; item < p->items(a, b) && ok; item++)
            ok = mark_item(md, p, share + t * client_share_stride(p, n), n, a, b, item);
    }
    ok = ok && EVP_DigestFinal_ex(md, mark, &length);
    EVP_MD_CTX_free(md);
    return ok ? 0 : ERR_FAILED;
}
