/*
 * cmd_prepare.c: `obscura prepare`: Bob has the parties make correlated randomness for later
 * classifications with his model.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "src/client.h"
#include "src/cmd.h"
#include "src/outcome.h"

struct wish {
    struct client_options client;
    const char *model_name;
    uint64_t frames, count;
};

static const struct option_row rows[] = {
    CLIENT_ROWS,
    { "model-name", 0, OPTION_TEXT, offsetof(struct wish, model_name), "NAME",
      "which of the parties' models (default)", 0, 0 },
    { "frames", 0, OPTION_COUNT, offsetof(struct wish, frames), "N",
      "for clips of N frames (the only length that the model serves)", 1, 65535 },
    { "count", 0, OPTION_COUNT, offsetof(struct wish, count), "K",
      "items to make, one for each classification (1)", 1, 10000 },
    { .name = NULL }
};

static const struct command command = {
    .name = "prepare", .synopsis = "-c FILE [--frames N] [--count K]",
    .summary = "Has the parties make correlated randomness for a model that was provided, and\n"
               "store it: what a classification needs beside its inputs. Each item serves one\n"
               "later classification, which then takes less time.",
    .rows = rows,
    .notes = "For protocols that make such randomness themselves (semi2k, semi2k-silent,\n"
             "semi2k-owner)."
};

struct errand {
    struct client client;
    struct wish wish;
    struct prepare *prepare;
    struct prepare_result result;
};

static void on_progress(void *ctx, unsigned items, double part)
{
    struct errand *r = ctx;
    char detail[48];
    snprintf(detail, sizeof detail, "item %u of %" PRIu64, items + 1, r->wish.count);
    progress_show(&r->client.progress, "preparing", (items + part) / (double)r->wish.count, detail);
}

static void on_done(void *ctx, const struct err *e, const struct prepare_result *result)
{
    struct errand *r = ctx;
    struct err why = *e;
    r->result = *result;
    if (why.code != 0 && result->items > 0)
        err_prefix(&why, "after %u of %" PRIu64 " items", result->items, r->wish.count);
    client_over(&r->client, &why);
}

static int settle(struct errand *r, struct err *e)
{
    struct settings *s = &r->client.settings;
    char text[SETTINGS_TEXT + 32];
    if (client_settings(s, &r->wish.client, 0, e) != 0)
        return e->code;
    if (r->wish.model_name != NULL) {
        snprintf(text, sizeof text, "client.model_name=%.100s", r->wish.model_name);
        if (settings_assign(s, text, e) != 0)
            return e->code;
    }
    if (settings_protocol(s)->deal_plan == NULL)
        return err_set(e, ERR_USAGE, "%s makes nothing beforehand: there is nothing to prepare",
                       s->protocol);
    return client_open(&r->client, &r->wish.client, e);
}

static int start(struct errand *r, struct err *e)
{
    const struct settings *s = &r->client.settings;
    const struct prepare_conf conf = {
        .proto = settings_protocol(s), .model_name = s->model_name,
        .frames = (uint32_t)r->wish.frames, .count = (unsigned)r->wish.count,
        .timeout = s->job_timeout, .ctx = r, .progress = on_progress, .done = on_done
    };
    r->prepare = prepare_new(r->client.node.host, &conf, e);
    client_start(&r->client, e);
    return client_run(&r->client);
}

static json_t *per_party(const struct errand *r, const uint64_t *v)
{
    json_t *list = json_array();
    for (unsigned i = 0; list != NULL && i < settings_protocol(&r->client.settings)->parties; i++)
        json_array_append_new(list, json_integer((json_int_t)v[i]));
    return list;
}

static int report(const struct errand *r, struct err *e)
{
    const struct settings *s = &r->client.settings;
    const struct prepare_result *is = &r->result;
    uint64_t sent = 0, stored = is->stored[0];
    char a[24], b[24];
    for (unsigned i = 0; i < LINK_PARTIES; i++)
        sent += is->bytes[i] * is->items;
    if (r->wish.client.json)
        return json_print(json_pack(
            "{s:s, s:s, s:I, s:I, s:f, s:I, s:I, s:o, s:o}", "model", s->model_name, "protocol",
            s->protocol, "items", (json_int_t)is->items, "selected", (json_int_t)is->selected,
            "seconds", is->seconds, "rounds", (json_int_t)is->rounds, "bytes", (json_int_t)sent,
            "bytes_sent_per_item", per_party(r, is->bytes), "bytes_stored",
            per_party(r, is->stored)), 1, e);
    printf("%u item%s for model '%s' (%u frames looked at) in %.2f s: the parties exchanged %s, "
           "and each stored %s.\n", is->items, is->items == 1 ? "" : "s", s->model_name,
           is->selected, is->seconds, bytes_text(a, (double)sent), bytes_text(b, (double)stored));
    return 0;
}

int cmd_prepare(int argc, char **argv)
{
    struct err e = { 0 };
    struct errand *r = calloc(1, sizeof *r);
    int at;
    if (r == NULL) {
        err_set(&e, ERR_FAILED, "no memory");
        return command_end(&command, &e);
    }
    r->wish.count = 1;
    if (options_parse(&command, argc, argv, &r->wish, &at, &e) == 0) {
        if (at != argc)
            err_set(&e, ERR_USAGE, "'%.40s' is too much (see obscura prepare --help)", argv[at]);
        else if (settle(r, &e) == 0 && start(r, &e) == 0)
            report(r, &e);
        node_close(&r->client.node);
        prepare_free(r->prepare);
    }
    free(r);
    return command_end(&command, &e);
}
