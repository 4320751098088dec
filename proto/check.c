#include "proto/check.h"

#include <string.h>

#include <openssl/crypto.h>

#include "net/base_bytes.h"

static size_t everybody_bytes(const struct gate *g, unsigned level, unsigned from, unsigned to)
{
    (void)g;
    (void)level;
    return from == to ? 0 : CLAIM_TAG;
}

static size_t told_bytes(const struct gate *g, unsigned level, unsigned from, unsigned to)
{
    (void)g;
    (void)level;
    return from == to ? 0 : 1;
}

/* ---- barrier ---- */

static void barrier_tell(struct step *s)
{
    for (unsigned r = 0; r < s->program->proto->parties; r++)
        if (s->out[r] != NULL)
            s->out[r][0] = 1;
}

/* The token is no secret and has no contents. */
static void token(struct step *s)
{
    const struct protocol *proto = s->program->proto;
    memset(s->z, 0, value_words(proto, VALUE_BITS, 1) * sizeof *s->z);
}

static void barrier_done(struct step *s)
{
    for (unsigned r = 0; r < s->program->proto->parties; r++)
        if (s->in[r] != NULL && s->in[r][0] != 1)
            err_set(&s->err, ERR_ABORT, "party %u broke the protocol at a barrier",
                    gate_party(s->program->proto, s->gate, r));
    token(s);
}

/* ---- check ---- */

/* z += x y in GF(2^128), modulo t^128 + t^7 + t^2 + t + 1; the time it takes tells nothing. */
static void gf_add_product(uint64_t z[static 2], const uint8_t x[static 16],
                           const uint8_t y[static 16])
{
    uint64_t low = get_u64(x), high = get_u64(x + 8);
    for (unsigned i = 0; i < 128; i++) {
        uint64_t bit = -(uint64_t)(y[i / 8] >> (i % 8) & 1), top = -(high >> 63);
        z[0] ^= low & bit;
        z[1] ^= high & bit;
        high = high << 1 | low >> 63;
        low = low << 1 ^ (top & 0x87);
    }
}

void check_sum(uint8_t out[static CLAIM_TAG], const struct keys *keys, const struct claims *c,
               uint32_t gate, unsigned verifier)
{
    uint64_t z[2] = { 0 };
    uint8_t word[2][CLAIM_TAG];         /* r, m */
    for (unsigned p = 0; p < keys->parties; p++) {
        if (p == keys->self)
            continue;
        prf_fill(&keys->pair[p], gate, USE_SUM, 2 * verifier, word, sizeof word);
        gf_add_product(z, word[0], c->tag[p]);
        z[0] ^= get_u64(word[1]);
        z[1] ^= get_u64(word[1] + 8);
    }
    put_u64(out, z[0]);
    put_u64(out + 8, z[1]);
    wipe(word, sizeof word);
}

static void check_send(struct step *s)
{
    for (unsigned r = 0; r < s->program->proto->parties; r++)
        if (s->out[r] != NULL)
            check_sum(s->out[r], s->keys, s->claimed, s->id,
                      gate_party(s->program->proto, s->gate, r));
}

/* "All is well", as `sender` says it on the link between this party and role r. */
static void well(const struct step *s, unsigned r, unsigned sender, uint8_t word[static CLAIM_TAG])
{
    prf_fill(&s->keys->pair[gate_party(s->program->proto, s->gate, r)], s->id, USE_WELL, sender,
             word, CLAIM_TAG);
}

static void check_compare(struct step *s)
{
    static const uint8_t zero[CLAIM_TAG];
    uint8_t sum[CLAIM_TAG];
    check_sum(sum, s->keys, s->claimed, s->id, s->self);
    for (unsigned r = 0; r < s->program->proto->parties; r++)
        for (unsigned i = 0; s->in[r] != NULL && i < CLAIM_TAG; i++)
            sum[i] ^= s->in[r][i];
    if (CRYPTO_memcmp(sum, zero, CLAIM_TAG) != 0)
        err_set(&s->err, ERR_ABORT, "two parties do not hold the same words where they should: a "
                "party cheated");
    for (unsigned r = 0; r < s->program->proto->parties; r++)
        if (s->out[r] != NULL)
            well(s, r, s->self, s->out[r]);
}

static void check_well(struct step *s)
{
    for (unsigned r = 0; r < s->program->proto->parties; r++) {
        uint8_t word[CLAIM_TAG];
        if (s->in[r] == NULL)
            continue;
        unsigned party = gate_party(s->program->proto, s->gate, r);
        well(s, r, party, word);
        if (CRYPTO_memcmp(s->in[r], word, CLAIM_TAG) != 0)
            err_set(&s->err, ERR_ABORT, "party %u did not say that its checks passed", party);
    }
    token(s);
}

static const struct round barrier_rounds[] = {
    { .name = "tell", .run = barrier_tell, .bytes = told_bytes },
    { .name = "done", .run = barrier_done },
};

static const struct round settle_rounds[] = { { .name = "done", .run = token } };

static const struct round check_rounds[] = {
    { .name = "sums", .run = check_send, .bytes = everybody_bytes },
    { .name = "compare", .run = check_compare, .bytes = everybody_bytes },
    { .name = "well", .run = check_well },
};

static const struct gate_ops barrier_ops = {
    .name = "barrier", .rounds = barrier_rounds, .nround = 2
};
static const struct gate_ops settle_ops = {
    .name = "settle", .rounds = settle_rounds, .nround = 1
};
static const struct gate_ops check_ops = { .name = "check", .rounds = check_rounds, .nround = 3 };

const struct gate_ops *check_gate(enum gate_kind kind)
{
    switch (kind) {
    case GATE_BARRIER:
        return &barrier_ops;
    case GATE_SETTLE:
        return &settle_ops;
    case GATE_CHECK:
        return &check_ops;
    default:
        return NULL;
    }
}
