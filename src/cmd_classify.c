/*
 * cmd_classify.c: `obscura classify`: Alice. Reads and checks the clip before anything connects,
 * then runs the role of role.h over TLS.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "src/client.h"
#include "src/clip.h"
#include "src/cmd.h"
#include "src/feed.h"
#include "src/film.h"
#include "src/input.h"
#include "src/outcome.h"
#include "src/owner.h"

struct wish {
    struct client_options client;
    const char *reveal, *model_name;
    double pace;
    uint64_t frames;
    struct faces_wish faces;
};

static const struct option_row rows[] = {
    CLIENT_ROWS,
    { "reveal", 0, OPTION_TEXT, offsetof(struct wish, reveal), "WHAT",
      "label, or scores as well if the others agree", 0, 0 },
    { "model-name", 0, OPTION_TEXT, offsetof(struct wish, model_name), "NAME",
      "which of the parties' models (default)", 0, 0 },
    { "frames", 0, OPTION_COUNT, offsetof(struct wish, frames), "N",
      "the film has N frames: share each chunk as soon as its faces are found", 1,
      EXTRACT_FRAMES_MAX },
    { "pace", 0, OPTION_REAL, offsetof(struct wish, pace), "FPS",
      "share so many frames a second, as if a camera gave them (all at once)", 0.001, 1e6 },
    FACES_ROWS(offsetof(struct wish, faces)),
    { .name = NULL }
};

static const struct command command = {
    .name = "classify", .synopsis = "-c FILE [OPTION].. [CLIP]",
    .summary = "Shares a clip with the parties of a setting, waits, and prints the label.\n"
               "No party sees the clip or the label.",
    .rows = rows,
    .notes = "CLIP is published text (48 x 48 grey values in [0, 1] for each frame), the compact\n"
             "form of obscura frames, or a film: then the faces are cut out of it first, or, with\n"
             "--frames, as it comes: from a pipe, too, or the standard input (-)."
};

struct classify {
    struct client client;
    struct wish wish;
    struct input input;
    struct video clip;
    struct feed feed;
    struct film *film;          /* whose frames are shared as they come; NULL: none */
    struct alice *alice;
    struct outcome outcome;
    int asked, shared;          /* all parties were asked; the clip has begun to leave */
};

static int on_parse(void *ctx, const uint8_t *p, size_t n, const char *path, struct err *e)
{
    struct classify *c = ctx;
    return owner_clip(&c->clip, p, n, path, e);
}

/* "frame 3/7 conv 5x5 64, 1.2 MB, 310 rounds": what party 0 says of the computation. */
static void detail_text(char *text, size_t n, const struct alice_progress *p)
{
    char frame[48] = "", bytes[24];
    text[0] = '\0';
    if (p->has_frame)
        snprintf(frame, sizeof frame, "frame %u/%u ", p->frame + 1, p->selected);
    if (p->rounds > 0)
        snprintf(text, n, "%s%s, %s, %u rounds", frame, p->layer,
                 bytes_text(bytes, (double)p->bytes), p->rounds);
}

static void on_progress(void *ctx, const struct alice_progress *p)
{
    static const char *const words[][2] = {
        { "connect", "connecting" }, { "terms", "agreeing on terms" },
        { "input", "sharing the clip" }, { "compute", "computing" }, { "label", "label" }
    };
    struct classify *c = ctx;
    const char *phase = p->phase;
    char detail[128];
    c->asked |= strcmp(phase, "terms") == 0;
    c->shared |= strcmp(phase, "input") == 0;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strcmp(phase, words[i][0]) == 0)
            phase = words[i][1];
    detail_text(detail, sizeof detail, p);
    progress_show(&c->client.progress, phase, p->part, detail);
}

static void on_done(void *ctx, const struct err *e, const struct alice_result *r)
{
    struct classify *c = ctx;
    if (r != NULL)
        c->outcome.result = *r;
    client_over(&c->client, e);
}

static void on_frame(void *ctx, const double *values)
{
    struct classify *c = ctx;
    alice_frame(c->alice, values, NULL);
}

static void on_ended(void *ctx, const struct err *e)
{
    struct classify *c = ctx;
    alice_frame(c->alice, NULL, e);
}

static void on_want(void *ctx)
{
    struct classify *c = ctx;
    if (c->film != NULL)
        film_want(c->film);
    else
        feed_want(&c->feed);
}

static void on_input(void *ctx, const struct err *e)
{
    struct classify *c = ctx;
    const struct settings *s = &c->client.settings;
    struct err bad = *e;
    struct alice_conf conf = {
        .proto = settings_protocol(s), .model_name = s->model_name,
        .reveal_scores = s->reveal == REVEAL_SCORES, .frames = c->clip.frames, .h = c->clip.h,
        .w = c->clip.w, .c = c->clip.c, .video = c->clip.value, .timeout = s->job_timeout,
        .ctx = c, .progress = on_progress, .done = on_done
    };
    if (c->film != NULL) {
        film_host(c->film, c->client.node.host);
        conf.frames = (uint32_t)c->wish.frames;
        conf.h = conf.w = ALIGN_EDGE;
        conf.c = 1;
    }
    c->feed = (struct feed){ .host = c->client.node.host, .video = &c->clip,
                             .pace = c->wish.pace, .ctx = c, .frame = on_frame };
    if (c->wish.pace > 0 || c->film != NULL) {
        conf.video = NULL;
        conf.want = on_want;
    }
    if (bad.code == 0)
        c->alice = alice_new(c->client.node.host, &conf, &bad);
    client_start(&c->client, &bad);
}

/* A film's faces, before there is a loop that could be kept waiting: all of them, or the first. */
static int take_film(struct classify *c, struct err *e)
{
    struct progress progress;
    const struct clip_source s = { .faces = c->wish.faces, .progress = &progress,
                                   .command = "classify" };
    struct film_conf conf = { .path = c->input.path, .source = s, .ctx = c,
                              .frames = (uint32_t)c->wish.frames, .frame = on_frame,
                              .ended = on_ended };
    progress_init(&progress, c->wish.client.progress, c->wish.client.quiet);
    if (conf.frames == 0)
        return clip_take_film(&c->clip, &s, c->input.path, e);
    conf.source.progress = NULL;
    c->film = film_open(&conf, e);
    return c->film != NULL ? 0 : e->code;
}

/* The clip, if it is a film; else the loop reads it. */
static int take_clip(struct classify *c, struct err *e)
{
    const char *path = c->input.path;
    if (c->wish.pace > 0 && c->wish.frames > 0)
        return err_set(e, ERR_USAGE, "a film that comes by itself has a pace of its own: --frames "
                       "or --pace");
    if (clip_is_film(path))
        return take_film(c, e);
    if (c->wish.frames > 0)
        return err_set(e, ERR_USAGE, "--frames is for films; %s is none", path);
    return 0;
}

static int prepare(struct classify *c, const char *clip, struct err *e)
{
    struct settings *s = &c->client.settings;
    char text[SETTINGS_TEXT + 32];
    if (client_settings(s, &c->wish.client, 0, e) != 0)
        return e->code;
    if (c->wish.reveal != NULL) {
        snprintf(text, sizeof text, "client.reveal=%.100s", c->wish.reveal);
        if (settings_assign(s, text, e) != 0)
            return e->code;
    }
    if (c->wish.model_name != NULL) {
        snprintf(text, sizeof text, "client.model_name=%.100s", c->wish.model_name);
        if (settings_assign(s, text, e) != 0)
            return e->code;
    }
    if (clip == NULL && s->clip[0] == '\0')
        return err_set(e, ERR_USAGE, "which CLIP? (see obscura classify --help)");
    c->input = (struct input){ .path = clip != NULL ? clip : s->clip, .limit = OWNER_CLIP_LIMIT,
                               .ctx = c, .parse = on_parse, .done = on_input };
    return 0;
}

static void attempt(struct classify *c, struct err *e)
{
    *e = (struct err){ 0 };
    c->client.started = c->client.over = c->asked = c->shared = 0;
    if (client_open(&c->client, &c->wish.client, e) == 0) {
        if (c->clip.value != NULL || c->film != NULL)
            on_input(c, e);
        else
            input_start(&c->input, c->client.node.host);
        client_run(&c->client);
    }
    feed_stop(&c->feed);
    if (c->shared) {            /* a worker may wait for a frame, and there is no other attempt */
        film_close(c->film);
        c->film = NULL;
    }
    node_close(&c->client.node);
    if (c->film != NULL)
        film_host(c->film, NULL);
    alice_free(c->alice);
    c->alice = NULL;
}

/* Parties that have just started, or are busy, may refuse: as long as nothing was shared, asking
 * again a moment later costs nothing. */
static void run(struct classify *c, const char *clip, struct err *e)
{
    enum { AGAIN_NS = 200000000 };
    if (prepare(c, clip, e) != 0 || take_clip(c, e) != 0)
        return;
    c->outcome.proto = settings_protocol(&c->client.settings);
    uint64_t end = loop_now() + (uint64_t)(c->client.settings.connect_timeout * 1e9);
    attempt(c, e);
    while (e->code == ERR_PEER && c->asked && !c->shared && loop_now() + AGAIN_NS < end) {
        nanosleep(&(struct timespec){ .tv_nsec = AGAIN_NS }, NULL);
        attempt(c, e);
    }
    if (e->code == 0 && c->wish.client.json)
        json_print(outcome_json(&c->outcome), 0, e);
    else if (e->code == 0)
        outcome_print(&c->outcome, stdout);
    film_close(c->film);
    input_fini(&c->input);
    video_fini(&c->clip);
    wipe(&c->outcome, sizeof c->outcome);
}

int cmd_classify(int argc, char **argv)
{
    struct err e = { 0 };
    struct classify *c = calloc(1, sizeof *c);
    int at;
    if (c == NULL)
        err_set(&e, ERR_FAILED, "no memory");
    else if (options_parse(&command, argc, argv, &c->wish, &at, &e) == 0) {
        if (argc - at > 1)
            err_set(&e, ERR_USAGE, "one CLIP at a time; '%.40s' is too much", argv[at + 1]);
        else
            run(c, at < argc ? argv[at] : NULL, &e);
    }
    free(c);
    return command_end(&command, &e);
}
