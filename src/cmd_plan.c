/*
 * cmd_plan.c: `obscura plan`: compiles the program of a classification and prints what it will
 * cost. Needs no keys, no peers and no secrets but the shapes of a model.
 */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "nn/window.h"
#include "src/cmd.h"
#include "src/options.h"
#include "src/owner.h"
#include "src/outcome.h"

enum { PLAN_LAYERS = FIXED_STAGES + 8, TEXT = 64 };

struct wish {
    const char *protocol, *model, *select, *reveal;
    uint64_t frames, cores, window, chunk;
    double rtt, bandwidth, rate, memory;
    int json;
};

#define AT(m) offsetof(struct wish, m)

static const struct option_row rows[] = {
    { "protocol", 'p', OPTION_TEXT, AT(protocol), "NAME",
      "security setting (replicated-ring; man obscura has the list)", 0, 0 },
    { "model", 'm', OPTION_TEXT, AT(model), "FILE", "the model (the one that is installed)", 0, 0 },
    { "frames", 0, OPTION_COUNT, AT(frames), "N", "length of the clip (97)", 1, SELECTION_FRAMES },
    { "select", 0, OPTION_TEXT, AT(select), "RULE", "frames to look at: every:K (every:15)", 0, 0 },
    { "chunk", 0, OPTION_COUNT, AT(chunk), "N", "the clip comes in chunks of N frames (0: as a "
      "whole)", 0, SELECTION_FRAMES },
    { "reveal", 0, OPTION_TEXT, AT(reveal), "WHAT", "label, or scores as well (label)", 0, 0 },
    { "window", 0, OPTION_COUNT, AT(window), "N",
      "most frames in flight (0: what the memory allows)", 0, 1024 },
    { "memory", 0, OPTION_REAL, AT(memory), "GIB",
      "job_memory of the party that has least, in GiB (4)", 0.001, 1e4 },
    { "rtt", 0, OPTION_REAL, AT(rtt), "MS", "round-trip time of the network (0.1)", 0, 60000 },
    { "bandwidth", 0, OPTION_REAL, AT(bandwidth), "MBIT", "Mbit/s of each party's line (1000)",
      0.001, 1e6 },
    { "cores", 0, OPTION_COUNT, AT(cores), "N", "cores of each party (1)", 1, 1024 },
    { "rate", 0, OPTION_REAL, AT(rate), "G", "ring products of one core, 10^9 per second (4)",
      0.001, 1000 },
    { "json", 'j', OPTION_FLAG, AT(json), NULL, "print one JSON object", 0, 0 },
    { .name = NULL }
};

static const struct command command = {
    .name = "plan", .synopsis = "[OPTION]..",
    .summary = "Prints what a private classification will cost, layer by layer, before anything\n"
               "runs. Rounds and bytes equal, exactly, what the run then counts.",
    .rows = rows,
    .notes = "The forecast is a limit from below: T >= max(compute / cores, bytes / bandwidth,\n"
             "rounds x one-way delay)."
};

struct layer_plan {
    uint16_t label;
    uint32_t gates;
    char name[TEXT], shape[TEXT];
    struct cost cost;
};

struct plan {
    const struct wish *wish;
    const struct protocol *proto;
    struct fixed_model model;
    struct compile_options options;
    struct chunks chunks;
    struct compiled compiled;
    struct cost cost, offline, online;      /* the whole; the parts where there are deals */
    unsigned nlayer;
    struct layer_plan layer[PLAN_LAYERS];
    double compute, network, delay;     /* seconds */
};

static int select_rows(struct plan *p, struct err *e)
{
    uint32_t k = 0;
    if (selection_option(p->wish->select, &k, e) != 0)
        return err_prefix(e, "--select");
    if (k == 0)
        return err_set(e, ERR_USAGE, "--select %.40s: plan knows every:K only", p->wish->select);
    struct selection s;
    int code = selection_every(&s, k, (uint32_t)p->wish->frames, e);
    if (code == 0)
        code = selection_chunks(&p->chunks, &s, (uint32_t)p->wish->chunk, e);
    p->options = (struct compile_options){
        .frames = (uint32_t)p->wish->frames, .selected = s.rows, .chunks = &p->chunks,
        .reveal_scores = p->wish->reveal[0] == 's'
    };
    selection_fini(&s);
    return code == 0 ? 0 : err_prefix(e, "--chunk");
}

static void name_layer(struct plan *p, struct layer_plan *l)
{
    const struct fixed_net *net = &p->model.net;
    compile_layer_name(net, l->label, l->name, sizeof l->name);
    const struct geometry *g = l->label < net->nstage ? &net->stage[l->label].g : NULL;
    if (g != NULL)
        snprintf(l->shape, sizeof l->shape, "%u,%u,%u", g->oh, g->ow, g->oc);
    else if (l->label == LAYER_SELECT)
        snprintf(l->shape, sizeof l->shape, "%u,%u,%u", net->stage[0].g.h, net->stage[0].g.w,
                 net->stage[0].g.c);
    else
        snprintf(l->shape, sizeof l->shape, "%u", l->label >= LAYER_ARGMAX ? 1 : net->nclass);
}

/* The layers in the order in which the program first comes to them. */
static int find_layers(struct plan *p, struct err *e)
{
    const struct program *prog = p->compiled.program;
    for (uint32_t i = 0; i < prog->ngate; i++) {
        unsigned k = 0;
        while (k < p->nlayer && p->layer[k].label != prog->gate[i].layer)
            k++;
        if (k == PLAN_LAYERS)
            return err_set(e, ERR_FAILED, "the program has more than %d layers", PLAN_LAYERS);
        if (k == p->nlayer) {
            p->layer[p->nlayer++].label = prog->gate[i].layer;
            name_layer(p, &p->layer[k]);
            if (cost_layer(&p->layer[k].cost, prog, p->layer[k].label, e) != 0)
                return e->code;
        }
        p->layer[k].gates++;
    }
    return 0;
}

static void forecast(struct plan *p)
{
    uint64_t most = 0;
    for (unsigned i = 0; i < p->proto->parties; i++)
        if (cost_sent(&p->cost, i) > most)
            most = cost_sent(&p->cost, i);
    double local = (double)p->cost.products * p->proto->products;
    p->compute = local / (p->wish->rate * 1e9 * (double)p->wish->cores);
    p->network = (double)most * 8 / (p->wish->bandwidth * 1e6);
    p->delay = p->cost.rounds * p->wish->rtt * 0.5e-3;
}

static double bound(const struct plan *p)
{
    double t = p->compute > p->network ? p->compute : p->network;
    return t > p->delay ? t : p->delay;
}

static int make_plan(struct plan *p, struct err *e)
{
    char path[1200];
    struct selection own = { 0 };
    const char *model = p->wish->model;
    p->proto = protocol_named(p->wish->protocol, e);
    if (p->proto == NULL)
        return e->code;
    if (strcmp(p->wish->reveal, "label") != 0 && strcmp(p->wish->reveal, "scores") != 0)
        return err_set(e, ERR_USAGE, "--reveal %.40s: expected label or scores", p->wish->reveal);
    if (select_rows(p, e) != 0 ||
        (model == NULL && owner_data_path(path, sizeof path, "emotion.obm", e) != 0))
        return e->code;
    int code = owner_model_file(&p->model, &own, model != NULL ? model : path,
                                p->options.frames, e);
    selection_fini(&own);
    if (code == 0)
        code = window_choose(&p->options.window, p->proto, &p->model.net, &p->options,
                             (uint64_t)(p->wish->memory * 0x1p30), (uint32_t)p->wish->window, e);
    if (code == 0)
        code = compile(&p->compiled, p->proto, &p->model.net, &p->options, e);
    if (code == 0)
        code = cost_program(&p->cost, p->compiled.program, e);
    if (code == 0)
        code = cost_part(&p->offline, p->compiled.program, PART_DEALS, e);
    if (code == 0)
        code = cost_part(&p->online, p->compiled.program, PART_ONLINE, e);
    if (code == 0)
        code = find_layers(p, e);
    if (code == 0)
        forecast(p);
    return code;
}

/* ---- for people ---- */

static uint64_t messages_of(const struct cost *c)
{
    uint64_t n = 0;
    for (unsigned i = 0; i < LINK_PARTIES; i++)
        n += c->messages[i];
    return n;
}

static void print_row(const struct plan *p, const char *name, const char *shape, uint32_t gates,
                      const struct cost *c)
{
    printf("%-26s %-10s %6u %14" PRIu64 " %6u", name, shape, gates, c->products, c->rounds);
    for (unsigned i = 0; i < p->proto->parties; i++)
        printf(" %12" PRIu64, cost_sent(c, i));
    printf(" %13" PRIu64 "\n", cost_total(c));
}

static void print_part(const struct plan *p, const char *name, enum program_part part,
                       const struct cost *c)
{
    uint32_t gates = 0;
    for (uint32_t i = 0; i < p->compiled.program->ngate; i++)
        gates += gate_in_part(&p->compiled.program->gate[i], part) != 0;
    print_row(p, name, "", gates, c);
}

static void print_plan(const struct plan *p)
{
    char text[24];
    printf("%s, %u of %u frames, %u at a time\n\n%-26s %-10s %6s %14s %6s", p->proto->name,
           p->options.selected, p->options.frames, p->options.window, "layer", "output", "gates",
           "products", "rounds");
    for (unsigned i = 0; i < p->proto->parties; i++)
        printf("      party %u", i);
    printf("   bytes in all\n");
    for (unsigned i = 0; i < p->nlayer; i++)
        print_row(p, p->layer[i].name, p->layer[i].shape, p->layer[i].gates, &p->layer[i].cost);
    print_row(p, "in all", "", p->compiled.program->ngate, &p->cost);
    if (p->proto->deal_plan != NULL) {
        print_part(p, "  deals, without the clip", PART_DEALS, &p->offline);
        print_part(p, "  online, deals made before", PART_ONLINE, &p->online);
    }
    printf("\n%" PRIu64 " messages; up to %s of memory for values at each party.\n"
           "Rounds of layers overlap between frames, so they do not add up.\n\n",
           messages_of(&p->cost), bytes_text(text, (double)cost_memory(p->compiled.program)));
    printf("Forecast: at least %.3f s, the largest of\n"
           "  %9.3f s  compute   (%" PRIu64 " products x %u, %.3g x 10^9 per second and core, %"
           PRIu64 " core%s)\n"
           "  %9.3f s  bandwidth (the busiest party's bytes at %g Mbit/s)\n"
           "  %9.3f s  delay     (%u rounds x %g ms one way)\n",
           bound(p), p->compute, p->cost.products, p->proto->products, p->wish->rate,
           p->wish->cores, p->wish->cores == 1 ? "" : "s", p->network, p->wish->bandwidth,
           p->delay, p->cost.rounds, p->wish->rtt / 2);
}

/* ---- as JSON ---- */

static json_t *bytes_json(const struct plan *p, const struct cost *c)
{
    json_t *list = json_array();
    for (unsigned i = 0; list != NULL && i < p->proto->parties; i++)
        json_array_append_new(list, json_integer((json_int_t)cost_sent(c, i)));
    return list;
}

static json_t *layers_json(const struct plan *p)
{
    json_t *list = json_array();
    for (unsigned i = 0; list != NULL && i < p->nlayer; i++) {
        const struct layer_plan *l = &p->layer[i];
        json_array_append_new(list, json_pack(
            "{s:s, s:s, s:I, s:I, s:I, s:I, s:o, s:I}", "layer", l->name, "output", l->shape,
            "gates", (json_int_t)l->gates, "products", (json_int_t)l->cost.products,
            "rounds", (json_int_t)l->cost.rounds, "messages", (json_int_t)messages_of(&l->cost),
            "bytes", bytes_json(p, &l->cost), "bytes_total", (json_int_t)cost_total(&l->cost)));
    }
    return list;
}

static json_t *part_json(const struct plan *p, const struct cost *c)
{
    return json_pack("{s:I, s:o, s:I}", "rounds", (json_int_t)c->rounds, "bytes",
                     bytes_json(p, c), "bytes_total", (json_int_t)cost_total(c));
}

static json_t *plan_json(const struct plan *p)
{
    return json_pack(
        "{s:s, s:s?, s:I, s:I, s:I, s:o, s:I, s:o, s:I, s:o, s:o, s:I, s:I, s:I, s:I,"
        " s:{s:f, s:f, s:f, s:f}}",
        "protocol", p->proto->name, "verified", p->proto->verified,
        "frames", (json_int_t)p->options.frames,
        "selected", (json_int_t)p->options.selected,
        "window", (json_int_t)p->options.window, "layers", layers_json(p),
        "rounds", (json_int_t)p->cost.rounds, "bytes", bytes_json(p, &p->cost),
        "bytes_total", (json_int_t)cost_total(&p->cost),
        "offline", part_json(p, &p->offline), "online", part_json(p, &p->online),
        "messages", (json_int_t)messages_of(&p->cost), "gates",
        (json_int_t)p->compiled.program->ngate, "products", (json_int_t)p->cost.products,
        "memory_bytes", (json_int_t)cost_memory(p->compiled.program), "forecast",
        "seconds", bound(p), "compute_seconds", p->compute, "bandwidth_seconds", p->network,
        "delay_seconds", p->delay);
}

static int run(int argc, char **argv, struct err *e)
{
    struct wish w = { .protocol = "replicated-ring", .select = "every:15", .reveal = "label",
                      .frames = 97, .cores = 1, .rtt = 0.1, .bandwidth = 1000, .rate = 4,
                      .memory = 4 };
    int at;
    if (options_parse(&command, argc, argv, &w, &at, e) != 0)
        return e->code;
    if (at != argc)
        return err_set(e, ERR_USAGE, "'%.40s' is too much (see obscura plan --help)", argv[at]);
    struct plan *p = mem_new(1, sizeof *p);
    if (p == NULL)
        return err_set(e, ERR_FAILED, "no memory for a plan");
    p->wish = &w;
    int code = make_plan(p, e);
    if (code == 0 && w.json)
        code = json_print(plan_json(p), 1, e);
    else if (code == 0)
        print_plan(p);
    compiled_fini(&p->compiled);
    fixed_model_fini(&p->model);
    mem_free(p);
    return code;
}

int cmd_plan(int argc, char **argv)
{
    struct err e = { 0 };
    run(argc, argv, &e);
    return command_end(&command, &e);
}
