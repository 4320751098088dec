#include "proto/check.h"

#include <string.h>

#include <openssl/crypto.h>
#include <openssl/sha.h>

static size_t everybody_bytes(const struct gate *g, unsigned level, unsigned from, unsigned to)
{
    (void)g;
    (void)level;
    return from == to ? 0 : CLAIM_TAG;
}

static size_t commit_bytes(const struct gate *g, unsigned level, unsigned from, unsigned to)
{
    (void)g;
    (void)level;
    return from == to ? 0 : SHA256_DIGEST_LENGTH;
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

static size_t check_scratch(const struct program *p, const struct gate *g)
{
    (void)g;
    return p->proto->parties * SHA256_DIGEST_LENGTH;
}

/* V: the sum of this party's tags, each under a new key of the pair. */
static void check_sum(const struct step *s, uint8_t sum[static CLAIM_TAG])
{
    memset(sum, 0, CLAIM_TAG);
    for (unsigned q = 0; q < s->program->proto->parties; q++)
        if (q != s->self)
            claim_tag(sum, &s->keys->pair[q], s->id, 0, s->claimed->tag[q], CLAIM_TAG);
}

static void check_commit(struct step *s)
{
    uint8_t sum[CLAIM_TAG], digest[SHA256_DIGEST_LENGTH];
    check_sum(s, sum);
    SHA256(sum, sizeof sum, digest);
    for (unsigned r = 0; r < s->program->proto->parties; r++)
        if (s->out[r] != NULL)
            memcpy(s->out[r], digest, sizeof digest);
}

/* Everybody has committed towards this party: it may show what it has. */
static void check_open(struct step *s)
{
    uint8_t sum[CLAIM_TAG];
    check_sum(s, sum);
    for (unsigned r = 0; r < s->program->proto->parties; r++)
        if (s->out[r] != NULL) {
            memcpy(s->scratch + r * SHA256_DIGEST_LENGTH, s->in[r], SHA256_DIGEST_LENGTH);
            memcpy(s->out[r], sum, sizeof sum);
        }
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
    const struct protocol *proto = s->program->proto;
    uint8_t sum[CLAIM_TAG], digest[SHA256_DIGEST_LENGTH];
    check_sum(s, sum);
    for (unsigned r = 0; r < proto->parties; r++) {
        if (s->in[r] == NULL)
            continue;
        SHA256(s->in[r], CLAIM_TAG, digest);
        if (CRYPTO_memcmp(digest, s->scratch + r * sizeof digest, sizeof digest) != 0)
            err_set(&s->err, ERR_ABORT, "party %u does not show what it committed to",
                    gate_party(proto, s->gate, r));
        for (unsigned k = 0; k < CLAIM_TAG; k++)
            sum[k] ^= s->in[r][k];
        well(s, r, s->self, s->out[r]);
    }
    if (CRYPTO_memcmp(sum, zero, sizeof sum) != 0)
        err_set(&s->err, ERR_ABORT, "two parties do not hold the same words where they should: a "
                "party cheated");
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

static const struct round check_rounds[] = {
    { .name = "commit", .run = check_commit, .bytes = commit_bytes },
    { .name = "open", .run = check_open, .bytes = everybody_bytes },
    { .name = "compare", .run = check_compare, .bytes = everybody_bytes },
    { .name = "well", .run = check_well },
};

static const struct gate_ops barrier_ops = {
    .name = "barrier", .rounds = barrier_rounds, .nround = 2
};
static const struct gate_ops check_ops = {
    .name = "check", .rounds = check_rounds, .nround = 4, .scratch = check_scratch
};

const struct gate_ops *check_gate(enum gate_kind kind)
{
    return kind == GATE_BARRIER ? &barrier_ops : kind == GATE_CHECK ? &check_ops : NULL;
}
