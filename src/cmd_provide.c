/*
 * cmd_provide.c: `obscura provide`: Bob. Reads, checks and lowers the model before anything
 * connects, then runs the role of role.h over TLS.
 */
#include <stdio.h>
#include <stdlib.h>

#include "net/base_log.h"
#include "src/client.h"
#include "src/cmd.h"
#include "src/input.h"
#include "src/outcome.h"
#include "src/owner.h"

struct wish {
    struct client_options client;
    const char *model, *select, *frames, *chunk, *reveal;
};

static const struct option_row rows[] = {
    CLIENT_ROWS,
    { "model", 'm', OPTION_TEXT, offsetof(struct wish, model), "FILE", "the model to share", 0, 0 },
    { "select", 0, OPTION_TEXT, offsetof(struct wish, select), "RULE",
      "frames to look at: every:K, or a file with the matrix", 0, 0 },
    { "frames", 0, OPTION_TEXT, offsetof(struct wish, frames), "LIST",
      "clip lengths to serve, e.g. 97 or 90,97 or 60-120 (at most 64)", 0, 0 },
    { "chunk", 0, OPTION_TEXT, offsetof(struct wish, chunk), "N",
      "clips come in chunks of N frames; how many frames of each are looked at is public", 0, 0 },
    { "reveal", 0, OPTION_TEXT, offsetof(struct wish, reveal), "WHAT",
      "label, or scores as well", 0, 0 },
    { .name = NULL }
};

static const struct command command = {
    .name = "provide", .synopsis = "-c FILE [OPTION]..",
    .summary = "Shares a model and its frame selection with the parties of a setting. No party\n"
               "sees either (but Bob's own, in semi2k-owner); they keep their shares until they\n"
               "end or another model takes the name.",
    .rows = rows
};

struct provide {
    struct client client;
    struct wish wish;
    struct input input;
    struct fixed_model model;
    struct selection own;
    struct owner_selections selections;
    struct bob *bob;
};

static int on_parse(void *ctx, const uint8_t *p, size_t n, const char *path, struct err *e)
{
    struct provide *v = ctx;
    uint32_t frames[OWNER_SELECTIONS];
    unsigned count = 0;
    const char *list = v->client.settings.frames;
    const char *select = v->client.settings.selection;
    if (list[0] != '\0' && owner_frames(frames, &count, list, e) != 0)
        return e->code;
    if (owner_model(&v->model, &v->own, p, n, path, count == 1 ? frames[0] : 0, e) != 0)
        return e->code;
    return owner_select(&v->selections, select, frames, count, &v->own,
                        v->client.settings.chunk, e);
}

/* For people and for `obscura demo`: with --json the result alone is printed. */
static void on_taken(void *ctx)
{
    const struct provide *v = ctx;
    if (v->wish.client.json)
        return;
    printf("Every party takes the model as '%s': clips may be classified while it is shared.\n",
           v->client.settings.model_name);
    fflush(stdout);
}

static void on_progress(void *ctx, double part)
{
    struct provide *v = ctx;
    progress_show(&v->client.progress, "sharing the model", part, "");
}

static void on_done(void *ctx, const struct err *e)
{
    struct provide *v = ctx;
    client_over(&v->client, e);
}

static void on_input(void *ctx, const struct err *e)
{
    struct provide *v = ctx;
    struct err bad = *e;
    struct bob_conf conf = {
        .proto = settings_protocol(&v->client.settings),
        .model_name = v->client.settings.model_name, .model = &v->model,
        .reveal_scores = v->client.settings.reveal == REVEAL_SCORES, .ctx = v,
        .timeout = v->client.settings.job_timeout, .taken = on_taken, .progress = on_progress,
        .done = on_done
    };
    owner_selections_give(&v->selections, &conf);
    if (bad.code == 0)
        v->bob = bob_new(v->client.node.host, &conf, &bad);
    client_start(&v->client, &bad);
}

static int take_text(struct settings *s, const char *key, const char *value, struct err *e)
{
    char text[SETTINGS_PATH + 32];
    if (value == NULL)
        return 0;
    snprintf(text, sizeof text, "client.%s=%s", key, value);
    return settings_assign(s, text, e);
}

static int prepare(struct provide *v, struct err *e)
{
    struct settings *s = &v->client.settings;
    if (client_settings(s, &v->wish.client, 0, e) != 0 ||
        take_text(s, "model", v->wish.model, e) != 0 ||
        take_text(s, "select", v->wish.select, e) != 0 ||
        take_text(s, "frames", v->wish.frames, e) != 0 ||
        take_text(s, "chunk", v->wish.chunk, e) != 0 ||
        take_text(s, "reveal", v->wish.reveal, e) != 0)
        return e->code;
    if (s->model[0] == '\0')
        return err_set(e, ERR_USAGE, "which model? Give --model FILE, or `model = ..` in %s",
                       s->file);
    return client_open(&v->client, &v->wish.client, e);
}

/* Before anything is sent. */
static void warn_of_owner(const struct provide *v)
{
    if ((settings_protocol(&v->client.settings)->flags & PROTOCOL_OWNED) != 0 &&
        !v->wish.client.quiet)
        fprintf(stderr, "obscura provide: note: %s gives party 1 the model in the clear: it must "
                "be your own\n", v->client.settings.protocol);
}

static int report(const struct provide *v, struct err *e)
{
    const struct settings *s = &v->client.settings;
    if (v->wish.client.json) {
        json_t *list = json_array();
        for (unsigned i = 0; i < v->selections.n; i++)
            json_array_append_new(list, json_pack("{s:I, s:I, s:i}", "frames",
                                                  (json_int_t)v->selections.frames[i], "selected",
                                                  (json_int_t)v->selections.selected[i], "chunks",
                                                  chunks_count(&v->selections.chunks[i])));
        return json_print(json_pack("{s:s, s:s, s:o}", "model", s->model_name, "protocol",
                                    s->protocol, "selections", list), 1, e);
    }
    printf("The model is with every party as '%s', for ", s->model_name);
    if (v->selections.n == 1)
        printf("clips of %u frames (%u of them looked at).\n", v->selections.frames[0],
               v->selections.selected[0]);
    else
        printf("clips of %u lengths.\n", v->selections.n);
    return 0;
}

static void run(struct provide *v, struct err *e)
{
    if (prepare(v, e) == 0) {
        warn_of_owner(v);
        v->input = (struct input){ .path = v->client.settings.model, .limit = OWNER_MODEL_LIMIT,
                                   .ctx = v, .parse = on_parse, .done = on_input };
        progress_show(&v->client.progress, "reading the model", 0, "");
        input_start(&v->input, v->client.node.host);
        if (client_run(&v->client) == 0)
            report(v, e);
    }
    node_close(&v->client.node);
    bob_free(v->bob);
    input_fini(&v->input);
    owner_selections_free(&v->selections);
    selection_fini(&v->own);
    fixed_model_fini(&v->model);
}

int cmd_provide(int argc, char **argv)
{
    struct err e = { 0 };
    struct provide *v = calloc(1, sizeof *v);
    int at;
    if (v == NULL)
        err_set(&e, ERR_FAILED, "no memory");
    else if (options_parse(&command, argc, argv, &v->wish, &at, &e) == 0) {
        if (at != argc)
            err_set(&e, ERR_USAGE, "'%.40s' is too much (see obscura provide --help)", argv[at]);
        else
            run(v, &e);
    }
    free(v);
    return command_end(&command, &e);
}
