#include <stdlib.h>
#include <string.h>

#include "nn/compile.h"
#include "src/bench.h"
#include "src/owner.h"

enum { LABELS = LAYER_VERIFY + 1 };

struct times {
    double seconds[LABELS];
};

static void on_span(void *ctx, const struct engine_span *s)
{
    struct times *t = ctx;
    if (s->kind == SPAN_WORK && s->gate->layer < LABELS)
        t->seconds[s->gate->layer] += (double)(s->to - s->from) * 1e-9;
}

static int times_take(struct times *t, const struct bench *b, const struct protocol *proto,
                      struct err *e)
{
    char select[32];
    struct outcome o = { 0 };
    const struct demo_conf conf = {
        .proto = proto, .clip = b->w->clip, .model = b->w->model, .frames = b->frames,
        .select = select, .workers = 1, .quiet = 1, .timeout = b->w->timeout, .seed = b->w->seed,
        .span = on_span, .ctx = t
    };
    snprintf(select, sizeof select, "every:%u",
             (b->frames + b->one[0].selected - 1) / b->one[0].selected);
    return demo_sim(&conf, &o, e);
}

/* The layers in the order in which the program first comes to them. */
static int layers_find(struct bench *b, const struct program *p, const struct fixed_net *net,
                       const struct times *t, struct err *e)
{
    char seen[LABELS] = { 0 };
    for (uint32_t i = 0; i < p->ngate; i++) {
        uint16_t label = p->gate[i].layer;
        struct cost cost;
        if (label >= LABELS || seen[label] || b->nlayer == BENCH_LIST * BENCH_LAYERS)
            continue;
        seen[label] = 1;
        if (cost_layer(&cost, p, label, e) != 0)
            return e->code;
        struct bench_layer *l = &b->layer[b->nlayer++];
        *l = (struct bench_layer){ .proto = p->proto, .bytes = cost_total(&cost),
                                   .rounds = cost.rounds, .seconds = t->seconds[label] };
        compile_layer_name(net, label, l->name, sizeof l->name);
    }
    return 0;
}

static int layers_of(struct bench *b, const struct protocol *proto, const struct fixed_model *m,
                     struct err *e)
{
    struct compiled compiled = { 0 };
    struct times *t = calloc(1, sizeof *t);
    const struct compile_options options = { .frames = b->frames, .selected = b->one[0].selected };
    int code = t == NULL ? err_set(e, ERR_FAILED, "no memory") : times_take(t, b, proto, e);
    if (code == 0)
        code = compile(&compiled, proto, &m->net, &options, e);
    if (code == 0)
        code = layers_find(b, compiled.program, &m->net, t, e);
    compiled_fini(&compiled);
    free(t);
    return code;
}

int bench_chain(const struct bench *b, struct bench_case *c, struct err *e)
{
    struct fixed_model m = { 0 };
    struct selection own = { 0 };
    struct compiled compiled = { 0 };
    struct cost_chain chain = { 0 };
    const struct compile_options options = { .frames = b->frames, .selected = c->selected };
    int code = owner_model_file(&m, &own, b->w->model, b->frames, e);
    if (code == 0)
        code = compile(&compiled, c->proto, &m.net, &options, e);
    if (code == 0)
        code = cost_chain(&chain, compiled.program, c->prepared.items > 0 ? PART_ONLINE : PART_ALL,
                          e);
    if (code == 0)
        c->chain = bench_chain_seconds(c->network, c->proto->parties, &chain);
    cost_chain_fini(&chain);
    compiled_fini(&compiled);
    fixed_model_fini(&m);
    selection_fini(&own);
    return code;
}

int bench_layers(struct bench *b, struct err *e)
{
    struct fixed_model m = { 0 };
    struct selection own = { 0 };
    int code = owner_model_file(&m, &own, b->w->model, b->frames, e);
    for (unsigned i = 0; i < b->w->nprotocol && code == 0; i++)
        code = layers_of(b, b->w->protocol[i], &m, e);
    fixed_model_fini(&m);
    selection_fini(&own);
    return code;
}
