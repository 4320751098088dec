#include "proto/check.h"

#include <string.h>

#include <openssl/crypto.h>

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

static void check_tags(struct step *s)
{
    for (unsigned r = 0; r < s->program->proto->parties; r++)
        if (s->out[r] != NULL)
            memcpy(s->out[r], s->claimed->tag[gate_party(s->program->proto, s->gate, r)],
                   CLAIM_TAG);
}

/* "All is well", as `sender` says it on the link between this party and role r. */
static void well(const struct step *s, unsigned r, unsigned sender, uint8_t word[static CLAIM_TAG])
{
    prf_fill(&s->keys->pair[gate_party(s->program->proto, s->gate, r)], s->id, USE_WELL, sender,
             word, CLAIM_TAG);
}

static void check_compare(struct step *s)
{
    const struct protocol *proto = s->program->proto;
    for (unsigned r = 0; r < proto->parties; r++) {
        if (s->in[r] == NULL)
            continue;
        unsigned party = gate_party(proto, s->gate, r);
        if (CRYPTO_memcmp(s->in[r], s->claimed->tag[party], CLAIM_TAG) != 0)
            err_set(&s->err, ERR_ABORT, "party %u and party %u do not hold the same words where they "
                    "should: a party cheated (one of the two, or one that sent to them)",
                    s->self, party);
        well(s, r, s->self, s->out[r]);
    }
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
    { .name = "tags", .run = check_tags, .bytes = everybody_bytes },
    { .name = "compare", .run = check_compare, .bytes = everybody_bytes },
    { .name = "well", .run = check_well },
};

static const struct gate_ops barrier_ops = {
    .name = "barrier", .rounds = barrier_rounds, .nround = 2
};
static const struct gate_ops check_ops = { .name = "check", .rounds = check_rounds, .nround = 3 };

const struct gate_ops *check_gate(enum gate_kind kind)
{
    return kind == GATE_BARRIER ? &barrier_ops : kind == GATE_CHECK ? &check_ops : NULL;
}
