/*
 * ot_base.c: base transfers. libsodium's random numbers are not used, so it needs no sodium_init.
 */
#include "proto/ot_base.h"

#include <string.h>

#include <sodium.h>

#include "net/base_bytes.h"
#include "net/base_mem.h"

enum { WIDE = 64 };     /* bytes that are reduced to a scalar, or mapped to the group */

struct transfer {
    const uint8_t *session;
    uint32_t number;
};

/* BLAKE2b-512 of label, session, number, branch, and n further bytes. */
static void transfer_hash(uint8_t out[static WIDE], const char label[static 16],
                          const struct transfer *t, uint8_t branch, const void *data, size_t n)
{
    crypto_generichash_state h;
    uint8_t number[5];
    put_u32(number, t->number);
    number[4] = branch;
    crypto_generichash_init(&h, NULL, 0, WIDE);
    crypto_generichash_update(&h, (const uint8_t *)label, 16);
    crypto_generichash_update(&h, t->session, OT_SESSION);
    crypto_generichash_update(&h, number, sizeof number);
    crypto_generichash_update(&h, data, n);
    crypto_generichash_final(&h, out, WIDE);
    wipe(&h, sizeof h);
}

/* The element H(session, i, branch, other). */
static void point_hash(uint8_t out[static OT_POINT], const struct transfer *t, uint8_t branch,
                       const uint8_t other[static OT_POINT])
{
    uint8_t wide[WIDE];
    transfer_hash(wide, "obscura OT point", t, branch, other, OT_POINT);
    crypto_core_ristretto255_from_hash(out, wide);
}

static void key_derive(uint8_t key[static PRF_KEY], const struct transfer *t, uint8_t branch,
                       const uint8_t offer[2][OT_POINT], const uint8_t *answer,
                       const uint8_t *secret)
{
    uint8_t all[4][OT_POINT], wide[WIDE];
    memcpy(all[0], offer[0], OT_POINT);
    memcpy(all[1], offer[1], OT_POINT);
    memcpy(all[2], answer, OT_POINT);
    memcpy(all[3], secret, OT_POINT);
    transfer_hash(wide, "obscura OT key..", t, branch, all, sizeof all);
    memcpy(key, wide, PRF_KEY);
    wipe(all, sizeof all);
    wipe(wide, sizeof wide);
}

/* An encoding of an element that is not the neutral one: public. */
static int point_valid(const uint8_t p[static OT_POINT])
{
    return crypto_core_ristretto255_is_valid_point(p) == 1 && !sodium_is_zero(p, OT_POINT);
}

/* out = bit ? b : a. */
static void point_select(uint8_t out[static OT_POINT], uint8_t bit, const uint8_t *a,
                         const uint8_t *b)
{
    uint8_t mask = (uint8_t)-bit;
    __asm__("" : "+r"(mask));       /* the compiler may not learn that it is 0 or 255 */
    for (unsigned i = 0; i < OT_POINT; i++)
        out[i] = (uint8_t)(a[i] ^ (mask & (a[i] ^ b[i])));
}

static uint8_t choice_bit(const uint64_t *choice, size_t i)
{
    return choice[i / 64] >> (i % 64) & 1;
}

/* r_c is computed for both choices, and one is taken: libsodium checks encodings as if they came
 * from outside, which must not see what hangs on the choice. */
static void offer_one(uint8_t offer[2][OT_POINT], uint8_t choice, const struct transfer *t,
                      const uint8_t drawn[static OT_BASE_DRAW])
{
    uint8_t x[OT_POINT], xg[OT_POINT], other[OT_POINT], hashed[OT_POINT], own[2][OT_POINT];
    crypto_core_ristretto255_scalar_reduce(x, drawn);
    if (crypto_scalarmult_ristretto255_base(xg, x) != 0)
        memset(xg, 0, sizeof xg);       /* x = 0, which does not happen */
    crypto_core_ristretto255_from_hash(other, drawn + WIDE);
    for (uint8_t b = 0; b < 2; b++) {
        point_hash(hashed, t, b, other);
        crypto_core_ristretto255_sub(own[b], xg, hashed);
    }
    point_select(own[0], choice, own[0], own[1]);
    point_select(offer[0], choice, own[0], other);
    point_select(offer[1], choice, other, own[0]);
    wipe(x, sizeof x);
    wipe(xg, sizeof xg);
    wipe(own, sizeof own);
}

void ot_base_offer(uint8_t (*offer)[2][OT_POINT], const uint64_t *choice, size_t n,
                   const uint8_t session[static OT_SESSION], const struct ot_source *source)
{
    uint8_t drawn[OT_BASE_DRAW];
    for (size_t i = 0; i < n; i++) {
        struct transfer t = { session, (uint32_t)i };
        prf_fill(source->own, source->gate, source->use, i * (OT_BASE_DRAW / 16), drawn,
                 sizeof drawn);
        offer_one(offer[i], choice_bit(choice, i), &t, drawn);
    }
    wipe(drawn, sizeof drawn);
}

/* Both keys of one transfer. */
static int answer_one(uint8_t key[2][PRF_KEY], const uint8_t offer[2][OT_POINT],
                      const uint8_t *answer, const uint8_t *y, const struct transfer *t)
{
    if (!point_valid(offer[0]) || !point_valid(offer[1]) ||
        memcmp(offer[0], offer[1], OT_POINT) == 0)
        return -1;
    uint8_t point[OT_POINT], secret[OT_POINT];
    for (uint8_t b = 0; b < 2; b++) {
        point_hash(point, t, b, offer[1 - b]);
        crypto_core_ristretto255_add(point, point, offer[b]);
        if (crypto_scalarmult_ristretto255(secret, y, point) != 0)
            return -1;      /* the neutral element: nobody hits it but by a broken hash */
        key_derive(key[b], t, b, offer, answer, secret);
    }
    wipe(secret, sizeof secret);
    return 0;
}

int ot_base_answer(uint8_t (*key)[2][PRF_KEY], uint8_t answer[static OT_POINT],
                   const uint8_t (*offer)[2][OT_POINT], size_t n,
                   const uint8_t session[static OT_SESSION], const struct ot_source *source)
{
    uint8_t drawn[WIDE], y[OT_POINT];
    prf_fill(source->own, source->gate, source->use, 0, drawn, sizeof drawn);
    crypto_core_ristretto255_scalar_reduce(y, drawn);
    int refused = crypto_scalarmult_ristretto255_base(answer, y) != 0;
    for (size_t i = 0; i < n && !refused; i++) {
        struct transfer t = { session, (uint32_t)i };
        refused = answer_one(key[i], offer[i], answer, y, &t) != 0;
    }
    wipe(drawn, sizeof drawn);
    wipe(y, sizeof y);
    return refused ? -1 : 0;
}

int ot_base_accept(uint8_t (*key)[PRF_KEY], const uint8_t (*offer)[2][OT_POINT],
                   const uint8_t answer[static OT_POINT], const uint64_t *choice, size_t n,
                   const uint8_t session[static OT_SESSION], const struct ot_source *source)
{
    uint8_t drawn[WIDE], x[OT_POINT], secret[OT_POINT];
    int refused = !point_valid(answer);
    for (size_t i = 0; i < n && !refused; i++) {
        struct transfer t = { session, (uint32_t)i };
        prf_again(source->own, source->gate, source->use, i * (OT_BASE_DRAW / 16), drawn,
                  sizeof drawn);
        crypto_core_ristretto255_scalar_reduce(x, drawn);
        refused = crypto_scalarmult_ristretto255(secret, x, answer) != 0;
        key_derive(key[i], &t, choice_bit(choice, i), offer[i], answer, secret);
    }
    wipe(drawn, sizeof drawn);
    wipe(x, sizeof x);
    wipe(secret, sizeof secret);
    return refused ? -1 : 0;
}
