/*
 * semi2k_setup.c: GATE_SETUP: base transfers each way, keys of ring-LWE.
 */
#include <string.h>

#include "proto/rlwe.h"
#include "proto/semi2k.h"

enum { SETUP_SESSION = 1, SETUP_SEED = 8 };     /* uses of the pair's key; + a role */

struct setup_at semi2k_setup_at(void)
{
    struct setup_at a = { .give = 0 };
    size_t state = ot_state_bytes(OT_FIELD) / 8;
    a.take = state;
    a.tables = 2 * state;
    a.secret = a.tables + RLWE_TABLES;
    a.public = a.secret + RLWE_POLY;
    a.end = a.public + RLWE_CIPHER;
    return a;
}

static const struct prf *pair_key(const struct step *s)
{
    return &s->keys->pair[1 - s->keys->self];
}

/* What names the direction in which `role` sends rows. */
static void session_of(uint8_t session[static OT_SESSION], const struct step *s, unsigned role)
{
    prf_fill(pair_key(s), s->id, SETUP_SESSION + role, 0, session, OT_SESSION);
}

static void session_again(uint8_t session[static OT_SESSION], const struct step *s, unsigned role)
{
    prf_again(pair_key(s), s->id, SETUP_SESSION + role, 0, session, OT_SESSION);
}

/* Memory: the own offer, then what ring-LWE works in. */
static size_t setup_scratch(const struct program *p, const struct gate *g)
{
    (void)p;
    (void)g;
    return OT_OFFER + RLWE_SCRATCH * 8;
}

static void offer_transfers(struct step *s)
{
    uint8_t session[OT_SESSION];
    struct ot_source source = { &s->keys->own, s->id, SEMI2K_SEND };
    session_of(session, s, s->role);
    ot_offer(s->scratch, session, &source);
    memcpy(s->out[1 - s->role], s->scratch, OT_OFFER);
    rlwe_tables(s->z + semi2k_setup_at().tables);
}

/* The own keys of ring-LWE, of which the public one goes behind the offer. */
static void offer_key(struct step *s)
{
    struct setup_at at = semi2k_setup_at();
    uint8_t seed[RLWE_SEED];
    struct rlwe_source key = { &s->keys->own, s->id, SEMI2K_KEY, 0 };
    prf_fill(pair_key(s), s->id, SETUP_SEED + s->role, 0, seed, sizeof seed);
    rlwe_keygen(s->z + at.secret, s->out[1 - s->role] + OT_OFFER, s->z + at.tables, seed, &key,
                (uint64_t *)(s->scratch + OT_OFFER));
}

static void setup_offer(struct step *s)
{
    offer_transfers(s);
    offer_key(s);
}

static void answer_transfers(struct step *s)
{
    uint8_t session[OT_SESSION];
    struct ot_source source = { &s->keys->own, s->id, SEMI2K_TAKE };
    session_of(session, s, 1 - s->role);
    if (ot_answer(s->z + semi2k_setup_at().take, s->out[1 - s->role], OT_FIELD,
                  s->in[1 - s->role], session, &source) != 0)
        err_set(&s->err, ERR_ABORT, "the other party's offer of base transfers is none");
}

static void take_key(struct step *s)
{
    struct setup_at at = semi2k_setup_at();
    uint8_t seed[RLWE_SEED];
    prf_fill(pair_key(s), s->id, SETUP_SEED + 1 - s->role, 0, seed, sizeof seed);
    rlwe_load(s->z + at.public, s->in[1 - s->role] + OT_OFFER, seed, s->z + at.tables);
}

static void setup_answer(struct step *s)
{
    answer_transfers(s);
    take_key(s);
}

static void setup_accept(struct step *s)
{
    struct setup_at at = semi2k_setup_at();
    uint8_t session[OT_SESSION];
    struct ot_source source = { &s->keys->own, s->id, SEMI2K_SEND };
    session_again(session, s, s->role);
    if (ot_accept(s->z + at.give, OT_FIELD, s->scratch, s->in[1 - s->role], session, &source) != 0)
        err_set(&s->err, ERR_ABORT, "the other party's answer to base transfers is none");
}

static size_t offer_bytes(const struct gate *g, unsigned level, unsigned from, unsigned to)
{
    (void)g;
    (void)level;
    return from != to ? OT_OFFER + RLWE_CIPHER_BYTES : 0;
}

static size_t setup_answer_bytes(const struct gate *g, unsigned level, unsigned from, unsigned to)
{
    (void)g;
    (void)level;
    return from != to ? OT_ANSWER : 0;
}

static const struct round setup_rounds[] = {
    { .name = "offer", .run = setup_offer, .bytes = offer_bytes },
    { .name = "answer", .run = setup_answer, .bytes = setup_answer_bytes },
    { .name = "accept", .run = setup_accept },
};

const struct gate_ops semi2k_setup_both = {
    .name = "setup", .rounds = setup_rounds, .nround = 3, .scratch = setup_scratch
};

/* With an owner: party 0 alone has keys of ring-LWE, and party 1 its public one. */
static void owner_offer(struct step *s)
{
    struct setup_at at = semi2k_setup_at();
    offer_transfers(s);
    memset(s->z + at.secret, 0, (at.end - at.secret) * sizeof *s->z);
    if (s->self == 0)
        offer_key(s);
}

static void owner_answer(struct step *s)
{
    answer_transfers(s);
    if (s->self == 1)
        take_key(s);
}

static size_t owner_offer_bytes(const struct gate *g, unsigned level, unsigned from, unsigned to)
{
    (void)level;
    if (from == to)
        return 0;
    return OT_OFFER + (semi2k_party(g, from) == 0 ? RLWE_CIPHER_BYTES : 0);
}

static const struct round owner_setup_rounds[] = {
    { .name = "offer", .run = owner_offer, .bytes = owner_offer_bytes },
    { .name = "answer", .run = owner_answer, .bytes = setup_answer_bytes },
    { .name = "accept", .run = setup_accept },
};

const struct gate_ops semi2k_setup_owner = {
    .name = "setup", .rounds = owner_setup_rounds, .nround = 3, .scratch = setup_scratch
};
