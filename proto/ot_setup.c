/*
 * ot_setup.c: the two messages of a setup: offers of base transfers, whose choices are the bits of
 * NOT Delta; and the answer to them with the words of the trees.
 */
#include "proto/ot_base.h"
#include "proto/ot_impl.h"

#include <string.h>

#include "net/base_mem.h"

/* Delta is drawn behind what the base transfers draw. */
enum { DELTA_BLOCK = OT_KAPPA * OT_BASE_DRAW / 16 };

static void choices_make(uint64_t choice[2], const struct ot_block *delta)
{
    choice[0] = ~delta->w[0];
    choice[1] = ~delta->w[1];
}

void ot_offer(uint8_t offer[static OT_OFFER], const uint8_t session[static OT_SESSION],
              const struct ot_source *source)
{
    struct ot_block delta;
    uint64_t choice[2];
    prf_fill(source->own, source->gate, source->use, DELTA_BLOCK, &delta, sizeof delta);
    choices_make(choice, &delta);
    ot_base_offer((uint8_t (*)[2][OT_POINT])offer, choice, OT_KAPPA, session, source);
    wipe(&delta, sizeof delta);
    wipe(choice, sizeof choice);
}

int ot_answer(void *state, uint8_t answer[static OT_ANSWER], unsigned k,
              const uint8_t offer[static OT_OFFER], const uint8_t session[static OT_SESSION],
              const struct ot_source *source)
{
    uint8_t key[OT_KAPPA][2][PRF_KEY];
    int refused = ot_base_answer(key, answer, (const uint8_t (*)[2][OT_POINT])offer, OT_KAPPA,
                                 session, source);
    if (!refused)
        ot_plant(state, k, answer + OT_POINT, (const uint8_t (*)[2][PRF_KEY])key);
    wipe(key, sizeof key);
    return refused;
}

int ot_accept(void *state, unsigned k, const uint8_t offer[static OT_OFFER],
              const uint8_t answer[static OT_ANSWER], const uint8_t session[static OT_SESSION],
              const struct ot_source *source)
{
    uint8_t key[OT_KAPPA][PRF_KEY];
    struct ot_block delta;
    uint64_t choice[2];
    prf_again(source->own, source->gate, source->use, DELTA_BLOCK, &delta, sizeof delta);
    choices_make(choice, &delta);
    int refused = ot_base_accept(key, (const uint8_t (*)[2][OT_POINT])offer, answer, choice,
                                 OT_KAPPA, session, source);
    if (!refused)
        refused = ot_puncture(state, k, &delta, answer + OT_POINT,
                              (const uint8_t (*)[PRF_KEY])key);
    wipe(key, sizeof key);
    wipe(&delta, sizeof delta);
    wipe(choice, sizeof choice);
    return refused;
}
