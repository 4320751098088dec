/*
 * cmd_actor.c: `obscura actor`: a clip of a drawn acting face, as published text and as a film.
 *
 * The text holds the 48 x 48 pictures that a private run takes; the film shows the same acting
 * larger. Nobody's face is in either. Or a whole cast: a folder of films named as those of RAVDESS
 * are, every actor in every emotion, to train and evaluate with.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "net/base_err.h"
#include "net/base_mem.h"
#include "nn/actor.h"
#include "nn/video_out.h"
#include "nn/video_text.h"
#include "src/cmd.h"
#include "src/options.h"
#include "src/output.h"

enum { CROP_EDGE = 48, NAME_LIMIT = 4000 };

struct wish {
    const char *emotion, *base, *cast;
    uint64_t seed, frames, size, actors;
    int json;
};

static const struct option_row rows[] = {
    { "emotion", 'e', OPTION_TEXT, offsetof(struct wish, emotion), "NAME",
      "angry, disgust, fear, happy, sad, surprise or neutral (happy)", 0, 0 },
    { "seed", 's', OPTION_COUNT, offsetof(struct wish, seed), "N",
      "who plays, and how (17)", 0, 0x1p53 },
    { "frames", 'n', OPTION_COUNT, offsetof(struct wish, frames), "N",
      "length at 30 frames per second (97)", 1, ACTOR_FRAMES_MAX },
    { "size", 0, OPTION_COUNT, offsetof(struct wish, size), "PIXELS",
      "edge of the film's pictures (384)", 16, ACTOR_EDGE_MAX },
    { "output", 'o', OPTION_TEXT, offsetof(struct wish, base), "BASE",
      "writes BASE.txt and BASE.mp4 (actor)", 0, 0 },
    { "ravdess", 0, OPTION_TEXT, offsetof(struct wish, cast), "DIR",
      "a folder of films instead: every emotion of every actor, named as RAVDESS's are", 0, 0 },
    { "actors", 0, OPTION_COUNT, offsetof(struct wish, actors), "N",
      "how many of them, with seeds from --seed on (24)", 1, 99 },
    { "json", 'j', OPTION_FLAG, offsetof(struct wish, json), NULL,
      "prints one JSON object", 0, 0 },
    { 0 }
};

static const struct command command = {
    .name = "actor",
    .synopsis = "[OPTION]..",
    .summary = "Draws a face that plays an emotion: a clip to try private classification with.",
    .rows = rows,
    .notes = "The same emotion, seed and number of frames give the same pictures. BASE.txt holds\n"
        "them at 48 x 48 in the published format, BASE.mp4 is the film to look at.",
};

/* Everything that is open while a clip is drawn. */
struct studio {
    struct actor *actor;
    struct video crops;
    struct output text;
    struct video_out *film;
    uint8_t *picture;           /* size x size */
};

static void studio_close(struct studio *s)
{
    video_out_free(s->film);
    output_drop(&s->text);
    video_fini(&s->crops);
    actor_free(s->actor);
    mem_free(s->picture);
}

/* text NULL: the film alone. */
static int studio_open(struct studio *s, const struct wish *w, int emotion, uint64_t seed,
    const char *text, const char *film, struct err *e)
{
    s->actor = actor_new(emotion, seed, (unsigned)w->frames, e);
    if (s->actor == NULL)
        return e->code;
    s->picture = mem_new(w->size, w->size);
    if (s->picture == NULL)
        return err_set(e, ERR_FAILED, "no memory for a picture");
    if (text != NULL && (video_init(&s->crops, (uint32_t)w->frames, CROP_EDGE, CROP_EDGE, 1, e) != 0
        || output_open(&s->text, text, 0, e) != 0))
        return e->code;
    s->film = video_out_new(film, (unsigned)w->size, (unsigned)w->size, ACTOR_RATE, e);
    return s->film == NULL ? e->code : 0;
}

static int studio_crop(struct studio *s, unsigned frame, struct err *e)
{
    enum { N = CROP_EDGE * CROP_EDGE };
    uint8_t crop[N];
    if (actor_draw(s->actor, frame, crop, CROP_EDGE, e) != 0)
        return e->code;
    for (unsigned k = 0; k < N; k++)
        s->crops.value[(size_t)frame * N + k] = crop[k] / 255.0;
    return 0;
}

/* One frame, small into the crops and large into the film. */
static int studio_shoot(struct studio *s, const struct wish *w, unsigned frame, struct err *e)
{
    if (s->crops.value != NULL && studio_crop(s, frame, e) != 0)
        return e->code;
    if (actor_draw(s->actor, frame, s->picture, (unsigned)w->size, e) != 0)
        return e->code;
    return video_out_add(s->film, s->picture, e);
}

static int studio_finish(struct studio *s, const char *text, struct err *e)
{
    size_t n;
    if (text == NULL)
        return video_out_finish(s->film, e);
    char *decimals = video_write(&s->crops, &n);
    if (decimals == NULL)
        return err_set(e, ERR_FAILED, "%s: no memory", text);
    size_t written = fwrite(decimals, 1, n, s->text.f);
    free(decimals);
    if (written != n)
        return err_set(e, ERR_FAILED, "%s: writing failed; is the disk full?", text);
    if (video_out_finish(s->film, e) != 0)
        return e->code;
    return output_commit(&s->text, e);
}

static int report(const struct wish *w, const char *text, const char *film, struct err *e)
{
    if (!w->json) {
        printf("%s\n%s\n", text, film);
        return 0;
    }
    json_t *j = json_pack("{s:s, s:I, s:I, s:s, s:s}", "emotion", w->emotion, "seed",
        (json_int_t)w->seed, "frames", (json_int_t)w->frames, "text", text, "video", film);
    if (j == NULL)
        return err_set(e, ERR_FAILED, "the names cannot be written as JSON (not UTF-8?)");
    json_dumpf(j, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(j);
    return 0;
}

static int play(const struct wish *w, int emotion, uint64_t seed, const char *text,
    const char *film, struct err *e)
{
    struct studio s = { 0 };
    int code = studio_open(&s, w, emotion, seed, text, film, e);
    for (unsigned k = 0; k < w->frames && code == 0; k++)
        code = studio_shoot(&s, w, k, e);
    if (code == 0)
        code = studio_finish(&s, text, e);
    studio_close(&s);
    return code;
}

static int play_one(const struct wish *w, struct err *e)
{
    char text[NAME_LIMIT + 8], film[NAME_LIMIT + 8];
    int emotion = actor_emotion(w->emotion);
    if (emotion < 0)
        return err_set(e, ERR_USAGE, "--emotion: '%.40s' is none of angry, disgust, fear, happy, "
            "sad, surprise, neutral", w->emotion);
    snprintf(text, sizeof text, "%s.txt", w->base);
    snprintf(film, sizeof film, "%s.mp4", w->base);
    int code = play(w, emotion, w->seed, text, film, e);
    return code != 0 ? code : report(w, text, film, e);
}

/* Actor number k in every emotion: DIR/Actor_KK/02-01-EE-01-01-01-KK.mp4. */
static int play_actor(const struct wish *w, unsigned k, struct err *e)
{
    /* RAVDESS's numbers of the classes, in their order. */
    static const int code_of[ACTOR_EMOTIONS] = { 5, 7, 6, 3, 4, 8, 1 };
    char film[NAME_LIMIT + 80];
    snprintf(film, sizeof film, "%s/Actor_%02u", w->cast, k);
    mkdir(film, 0777);          /* if it cannot be made, writing into it says why */
    for (int emotion = 0; emotion < ACTOR_EMOTIONS; emotion++) {
        snprintf(film, sizeof film, "%s/Actor_%02u/02-01-%02d-01-01-01-%02u.mp4", w->cast, k,
                 code_of[emotion], k);
        if (play(w, emotion, w->seed + k - 1, NULL, film, e) != 0)
            return e->code;
    }
    return 0;
}

static int play_cast(const struct wish *w, struct err *e)
{
    mkdir(w->cast, 0777);
    for (unsigned k = 1; k <= w->actors; k++)
        if (play_actor(w, k, e) != 0)
            return e->code;
    if (w->json)
        printf("{ \"actors\": %u, \"films\": %u }\n", (unsigned)w->actors,
               (unsigned)w->actors * ACTOR_EMOTIONS);
    else
        printf("%s: %u films of %u actors\n", w->cast, (unsigned)w->actors * ACTOR_EMOTIONS,
               (unsigned)w->actors);
    return 0;
}

static int run(const struct wish *w, struct err *e)
{
    const char *name = w->cast != NULL ? w->cast : w->base;
    if (name[0] == '\0' || strlen(name) > NAME_LIMIT)
        return err_set(e, ERR_USAGE, "--%s: give a name of 1 to %d bytes",
            w->cast != NULL ? "ravdess" : "output", NAME_LIMIT);
    return w->cast != NULL ? play_cast(w, e) : play_one(w, e);
}

int cmd_actor(int argc, char **argv)
{
    struct wish w = {
        .emotion = "happy", .base = "actor", .seed = 17, .frames = ACTOR_FRAMES, .size = 384,
        .actors = 24,
    };
    struct err e = { 0 };
    int operand = argc;
    if (options_parse(&command, argc, argv, &w, &operand, &e) == 0) {
        if (operand < argc)
            err_set(&e, ERR_USAGE, "'%.60s': no operands here (see obscura actor --help)",
                argv[operand]);
        else
            run(&w, &e);
    }
    return command_end(&command, &e);
}
