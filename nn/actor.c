#include "nn/actor.h"

#include <math.h>
#include <string.h>

#include "net/base_mem.h"
#include "nn/actor_draw.h"
#include "nn/actor_face.h"
#include "nn/actor_math.h"
#include "nn/actor_play.h"

struct actor {
    int emotion;
    uint64_t seed;
    unsigned frames;
    struct face face;
    struct play play;
};

int actor_emotion(const char *name)
{
    for (int k = 0; k < ACTOR_EMOTIONS; k++)
        if (strcmp(name, play_name[k]) == 0)
            return k;
    return -1;
}

const char *actor_emotion_name(int emotion)
{
    return emotion < 0 || emotion >= ACTOR_EMOTIONS ? NULL : play_name[emotion];
}

struct actor *actor_new(int emotion, uint64_t seed, unsigned frames, struct err *e)
{
    if (emotion < 0 || emotion >= ACTOR_EMOTIONS) {
        err_set(e, ERR_USAGE, "actor: no emotion number %d; there are 0 (angry) to 6 (neutral)",
            emotion);
        return NULL;
    }
    if (frames == 0 || frames > ACTOR_FRAMES_MAX) {
        err_set(e, ERR_USAGE, "actor: %u frames; give a number from 1 to %d", frames,
            ACTOR_FRAMES_MAX);
        return NULL;
    }
    struct actor *a = mem_new(1, sizeof *a);
    if (a == NULL) {
        err_set(e, ERR_FAILED, "actor: no memory");
        return NULL;
    }
    *a = (struct actor){ .emotion = emotion, .seed = seed, .frames = frames };
    face_cast(&a->face, actor_hash(seed, 1));
    play_cast(&a->play, emotion, actor_hash(seed, 2 + (uint64_t)emotion), frames);
    return a;
}

void actor_free(struct actor *a)
{
    mem_free(a);
}

/* A camera opens its iris for a dark face, though not all the way. */
static void light_expose(struct light *l, const struct face *f)
{
    double gain = sqrt(0.40 / f->trait[TRAIT_SKIN]);
    l->ambient *= gain;
    l->key *= gain;
}

int actor_draw(const struct actor *a, unsigned frame, uint8_t *grey, unsigned size, struct err *e)
{
    if (frame >= a->frames)
        return err_set(e, ERR_USAGE, "actor: frame %u of a clip of %u", frame, a->frames);
    if (size == 0 || size > ACTOR_EDGE_MAX)
        return err_set(e, ERR_USAGE, "actor: pictures of %u pixels; give a size from 1 to %d",
            size, ACTOR_EDGE_MAX);

    double act[ACTIONS];
    struct scene s = { .face = a->face, .noise_seed = actor_hash(a->seed, 1000 + frame) };
    play_act(act, &a->play, frame);
    face_pose(&s.shape, &a->face, act);
    play_view(&s.view, &a->play, act, frame);
    play_light(&s.light, &s.noise, &a->play);
    light_expose(&s.light, &a->face);
    s.shape.eye.gaze_x += play_gaze(&a->play, frame);
    return scene_draw(&s, grey, size, e);
}
