#include "nn/acted.h"

#include <string.h>

#include "nn/actor.h"

static int draw(uint8_t *grey, int emotion, unsigned edge, uint64_t seed, unsigned frame,
                struct err *e)
{
    struct actor *a = actor_new(emotion, seed, ACTOR_FRAMES, e);
    if (a == NULL)
        return e != NULL ? e->code : ERR_FAILED;
    int code = actor_draw(a, frame, grey, edge, e);
    actor_free(a);
    return code;
}

int acted_draw(uint8_t *grey, unsigned edge, uint64_t seed, uint64_t k, int held, struct err *e)
{
    enum { KIND = 0x61637468 };
    struct chance c = chance_of(seed, KIND, k, held != 0);
    uint64_t who = (held ? ACTED_FREE : 2 * ACTED_FREE) + chance_u64(&c) % ACTED_FREE;
    unsigned frame = (unsigned)chance_below(&c, ACTOR_FRAMES);
    return draw(grey, (int)(k % ACTOR_EMOTIONS), edge, who, frame, e);
}

int acted_fits(const struct dataset *d)
{
    if (d->nclass != ACTOR_EMOTIONS || d->h != d->w || d->h > ACTOR_EDGE_MAX)
        return 0;
    for (int k = 0; k < ACTOR_EMOTIONS; k++)
        if (strcmp(d->class_name[k], actor_emotion_name(k)) != 0)
            return 0;
    return 1;
}
