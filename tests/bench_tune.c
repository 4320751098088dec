/*
 * What slices, groups and windows are worth: the engine runs programs of the default network in the
 * simulator, each on many networks, with a fixed time for each step.
 *
 * The arithmetic is done once, with zeros for inputs, on the thread that measures its processor
 * time: programs with slices of several sizes and with groups of several lengths. What a kind of
 * step takes, by the size of its gate, is a table. The sweep then does no arithmetic at all: steps
 * take what the table says, and messages have the lengths of the plan. So programs are compared
 * without noise, and a run takes a fraction of a second.
 *
 *     bench_tune cost PROTOCOL > TABLE
 *     bench_tune sweep TABLE PROTOCOL SELECTED SLICE,.. WINDOW:GROUP,.. [NETWORK,..]
 *
 * With - for the table the arithmetic is done, and takes what it takes.
 */
#include <inttypes.h>
#include <math.h>

#include "net/sim.h"
#include "nn/compile.h"
#include "nn/lower.h"
#include "nn/model_file.h"
#include "proto/cost.h"
#include "proto/engine_st.h"
#include "tests/bench.h"
#include "tests/nn_model.h"

enum { BUCKETS = 160, STEPS = 40, KINDS = GATE_KINDS, LAYERS = GATE_KINDS, LIST = 16 };

struct line {
    const char *name;
    double rtt, up, down;       /* ms, Mbit/s */
};

static const struct line lines[] = {
    { "loopback", 0.05, 12000, 12000 },
    { "10gbit", 0.5, 10000, 10000 },
    { "10ms", 10, 1000, 1000 },
    { "40ms", 40, 1000, 1000 },
    { "100ms", 100, 1000, 1000 },
    { "250ms", 250, 1000, 1000 },
    { "40ms-100mbit", 40, 100, 100 },
    { "5g", 30, 10, 50 },
};

static void refuse(const char *what, const char *why)
{
    fprintf(stderr, "bench_tune: %s: %s\n", what, why);
    exit(1);
}

/* ---- what steps take ---- */

struct bucket {
    double ns, size;
    uint32_t n;
};

/* By kind, layer (linear maps only), step, and the size's logarithm in quarters of a factor 2. */
static struct bucket table[KINDS][LAYERS][STEPS][BUCKETS];

static unsigned bucket_of(double size)
{
    double b = 4 * log2(size + 1);
    return b < BUCKETS - 1 ? (unsigned)b : BUCKETS - 1;
}

/* Products of a linear map; what a proof works on, told by its memory; else elements. */
static double gate_size(const struct program *p, const struct gate *g, unsigned self)
{
    const struct gate_ops *ops = gate_ops(p->proto, g);
    double size = g->n;
    if (g->kind == GATE_LINEAR)
        size = (double)g->n * (double)geometry_depth(&p->geometry[g->shape]);
    if (g->kind == GATE_DEAL_LINEAR)
        size = g->in_first == 0 ? 1 : g->in_first;
    if (g->kind == GATE_DEAL)
        size = g->in_first;
    if (g->kind == GATE_PROVE || g->kind == GATE_MACS)
        size = (ops->scratch != NULL ? (double)ops->scratch(p, g) : 0) +
               (ops->record != NULL ? (double)ops->record(p, g, self) : 0);
    return size;
}

/* A linear map's layer; the kind of gate for which is dealt. */
static unsigned gate_layer(const struct gate *g)
{
    if (g->kind == GATE_DEAL)
        return g->shape;
    if (g->kind != GATE_LINEAR && g->kind != GATE_DEAL_LINEAR)
        return 0;
    return g->layer < LAYERS - 1 ? g->layer : LAYERS - 1;
}

static struct bucket *row_of(const struct gate *g, unsigned step)
{
    return table[g->kind][gate_layer(g)][step < STEPS ? step : STEPS - 1];
}

static void step_learn(const struct program *p, const struct run *r, unsigned self, double ns)
{
    const struct gate *g = &p->gate[r->id];
    double size = gate_size(p, g, self);
    struct bucket *b = &row_of(g, r->step.number)[bucket_of(size)];
    b->ns += ns;
    b->size += size;
    b->n++;
}

/* Between the two nearest sizes that are known, by straight line; beyond them in proportion. */
static double step_time(const struct program *p, const struct run *r, unsigned self)
{
    const struct gate *g = &p->gate[r->id];
    const struct bucket *row = row_of(g, r->step.number);
    double size = gate_size(p, g, self);
    int at = (int)bucket_of(size), lo = at, hi = at;
    if (row[at].n > 0)
        return row[at].ns / row[at].n;
    while (lo >= 0 && row[lo].n == 0)
        lo--;
    while (hi < BUCKETS && row[hi].n == 0)
        hi++;
    if (lo < 0 && hi == BUCKETS)
        return 2000;
    if (hi == BUCKETS)
        return row[lo].ns / row[lo].size * size;
    double top = row[hi].ns / row[hi].n, top_size = row[hi].size / row[hi].n;
    if (lo < 0)
        return top;
    double low = row[lo].ns / row[lo].n, low_size = row[lo].size / row[lo].n;
    return low + (top - low) * (size - low_size) / (top_size - low_size);
}

static void table_print(const char *proto)
{
    for (unsigned k = 0; k < KINDS; k++)
        for (unsigned l = 0; l < LAYERS; l++)
            for (unsigned s = 0; s < STEPS; s++)
                for (unsigned b = 0; b < BUCKETS; b++) {
                    const struct bucket *t = &table[k][l][s][b];
                    if (t->n > 0)
                        printf("%s %u %u %u %u %.0f %.0f %u\n", proto, k, l, s, b, t->ns, t->size,
                               t->n);
                }
}

static int table_read(const char *path, const char *proto)
{
    FILE *f = fopen(path, "r");
    char name[64];
    unsigned k, l, s, b, n, got = 0;
    double ns, size;
    while (f != NULL && fscanf(f, "%63s %u %u %u %u %lf %lf %u", name, &k, &l, &s, &b, &ns, &size,
                               &n) == 8)
        if (strcmp(name, proto) == 0 && k < KINDS && l < LAYERS && s < STEPS && b < BUCKETS) {
            table[k][l][s][b] = (struct bucket){ ns, size, n };
            got++;
        }
    if (f != NULL)
        fclose(f);
    return got > 0 ? 0 : -1;
}

/* ---- one party: the simulator's host, but work is done here ---- */

struct world;

struct desk {
    struct host host;           /* first: what the engine sees */
    struct host *sim;
    struct world *w;
    unsigned self, links;
    struct keys_seed seed;
    struct keys keys;
    struct arena *arena;
    struct engine *engine;
    struct tails tails;
    struct engine_stats stats;
    struct work *queue, **end, *now;
    struct timer timer;
    struct err err;
    int done;
};

struct world {
    const struct program *program;
    int learns;                 /* does the arithmetic and measures it */
    struct sim *sim;
    struct desk desk[LINK_PARTIES];
    uint64_t began, took;
    uint64_t **input;
};

static struct desk *desk_of(struct host *h)
{
    return (struct desk *)h;
}

static int on_send(struct host *h, unsigned node, struct message m)
{
    return desk_of(h)->sim->ops->send(desk_of(h)->sim, node, m);
}

static size_t on_queued(struct host *h, unsigned node)
{
    return desk_of(h)->sim->ops->queued(desk_of(h)->sim, node);
}

static uint64_t on_now(struct host *h)
{
    return desk_of(h)->sim->ops->now(desk_of(h)->sim);
}

static void work_next(struct desk *d)
{
    struct work *w = d->queue;
    if (d->now != NULL || w == NULL)
        return;
    const struct run *r = (const struct run *)w;    /* its first member */
    d->now = w;
    d->queue = w->next;
    if (d->queue == NULL)
        d->end = &d->queue;
    w->started = on_now(&d->host);
    double ns;
    if (d->w->learns) {
        double from = bench_seconds(CLOCK_THREAD_CPUTIME_ID);
        w->run(w);
        ns = (bench_seconds(CLOCK_THREAD_CPUTIME_ID) - from) * 1e9;
        step_learn(d->w->program, r, d->self, ns);
    } else
        ns = step_time(d->w->program, r, d->self);
    d->sim->ops->arm(d->sim, &d->timer, (uint64_t)ns);
}

static void on_timer(struct timer *t)
{
    struct desk *d = (struct desk *)((char *)t - offsetof(struct desk, timer));
    struct work *w = d->now;
    w->ended = on_now(&d->host);
    d->now = NULL;
    work_next(d);
    w->done(w);
}

static void on_work(struct host *h, struct work *w)
{
    struct desk *d = desk_of(h);
    w->next = NULL;
    *d->end = w;
    d->end = &w->next;
    work_next(d);
}

static const struct host_ops ops = { .send = on_send, .queued = on_queued, .now = on_now,
                                     .work = on_work };

static void on_done(void *ctx, const struct err *e)
{
    struct desk *d = ctx;
    d->done = 1;
    d->err = *e;
    engine_stats(d->engine, &d->stats);
    uint64_t took = on_now(&d->host) - d->w->began;
    d->w->took = took > d->w->took ? took : d->w->took;
}

static size_t input_bytes(const struct value *v)
{
    return v->words * sizeof(uint64_t) + 64;
}

static void inputs_give(struct desk *d)
{
    const struct program *p = d->w->program;
    for (uint32_t v = 0; v < p->nvalue; v++) {
        if (!p->value[v].external)
            continue;
        if (!p->value[v].late) {
            engine_bind(d->engine, v, d->w->input[v]);
            continue;
        }
        size_t n = input_bytes(&p->value[v]);
        uint64_t *words = arena_take(d->arena, n);
        if (words == NULL)
            refuse("a clip", "no memory for it");
        engine_supply(d->engine, v, memset(words, 0, n));
    }
}

static void desk_start(struct desk *d)
{
    struct world *w = d->w;
    const struct engine_conf conf = {
        .host = &d->host, .program = w->program, .tails = &d->tails, .keys = &d->keys,
        .arena = d->arena, .self = d->self, .type = 1, .job = 1, .high_mark = 64u << 20, .ctx = d,
        .done = on_done,
    };
    d->seed.self = d->self;
    d->seed.parties = w->program->proto->parties;
    d->seed.own[0] = (uint8_t)(d->self + 1);
    w->began = on_now(&d->host);
    if (keys_init(&d->keys, &d->seed, &d->err) != 0 ||
        tails_init(&d->tails, w->program, PART_ALL, TAIL_TIME, &d->err) != 0 ||
        (d->engine = engine_new(&conf, &d->err)) == NULL)
        return;
    engine_start(d->engine);
    inputs_give(d);
}

static void on_up(void *ctx, unsigned node, const struct node_info *info)
{
    struct desk *d = ctx;
    memcpy(d->seed.secret[node], info->secret, LINK_SECRET);
    if (++d->links + 1 == d->w->program->proto->parties)
        desk_start(d);
}

static void on_down(void *ctx, unsigned node, const struct err *why)
{
    struct desk *d = ctx;
    (void)node;
    if (!d->done)
        d->err = *why;
}

static uint8_t *on_room(void *ctx, unsigned node, const struct message *head, struct err *why)
{
    return engine_room(((struct desk *)ctx)->engine, node, head, why);
}

static void on_message(void *ctx, unsigned node, struct message m)
{
    engine_message(((struct desk *)ctx)->engine, node, m);
}

static void on_drained(void *ctx, unsigned node)
{
    struct desk *d = ctx;
    (void)node;
    if (d->engine != NULL && !d->done)
        engine_drained(d->engine);
}

static const struct host_events events = { .up = on_up, .down = on_down, .room = on_room,
                                           .message = on_message, .drained = on_drained };

static void desk_open(struct world *w, unsigned i)
{
    struct desk *d = &w->desk[i];
    char name[24];
    snprintf(name, sizeof name, "party %u", i);
    *d = (struct desk){ .host = { .ops = &ops, .workers = 1 }, .w = w, .self = i,
                        .arena = arena_new(0), .timer = { .fire = on_timer } };
    d->end = &d->queue;
    d->sim = sim_node(w->sim, i, name, &d->err);
    if (d->sim == NULL || d->arena == NULL)
        refuse(name, d->err.text);
    d->sim->events = &events;
    d->sim->ctx = d;
}

/* Zeros are shares of zeros, with marks of zeros, in every protocol. */
static void inputs_make(struct world *w)
{
    w->input = calloc(w->program->nvalue, sizeof *w->input);
    for (uint32_t v = 0; w->input != NULL && v < w->program->nvalue; v++)
        if (w->program->value[v].external && !w->program->value[v].late)
            w->input[v] = bench_memory(input_bytes(&w->program->value[v]), 0);
}

static void world_free(struct world *w)
{
    for (unsigned i = 0; i < w->program->proto->parties; i++) {
        engine_free(w->desk[i].engine);
        tails_fini(&w->desk[i].tails);
    }
    sim_free(w->sim);
    for (unsigned i = 0; i < w->program->proto->parties; i++) {
        keys_fini(&w->desk[i].keys);
        arena_free(w->desk[i].arena);
    }
    for (uint32_t v = 0; v < w->program->nvalue; v++)
        free(w->input[v]);
    free(w->input);
}

/* Seconds; *peak gets the most memory of a party, *busy its longest arithmetic. */
static double run(const struct program *p, const struct line *n, int learns, uint64_t *peak,
                  double *busy)
{
    struct world w = { .program = p, .learns = learns };
    struct err e = { 0 };
    struct sim_options o = { .seed = 1, .latency_ns = (uint64_t)(n->rtt * 5e5) };
    for (unsigned i = 0; i < p->proto->parties; i++) {
        o.bits_out[i] = (uint64_t)(n->up * 0.964e6);
        o.bits_in[i] = (uint64_t)(n->down * 0.964e6);
    }
    inputs_make(&w);
    w.sim = sim_new(&o, &e);
    if (w.sim == NULL)
        refuse("simulator", e.text);
    for (unsigned i = 0; i < p->proto->parties; i++)
        desk_open(&w, i);
    sim_run(w.sim, 0, (uint64_t)3600e9);
    *peak = 0;
    *busy = 0;
    for (unsigned i = 0; i < p->proto->parties; i++) {
        const struct desk *d = &w.desk[i];
        if (!d->done || d->err.code != 0)
            refuse("a party did not finish", d->err.text);
        *peak = arena_peak(d->arena) > *peak ? arena_peak(d->arena) : *peak;
        *busy = (double)d->stats.busy_ns > *busy ? (double)d->stats.busy_ns : *busy;
    }
    *busy *= 1e-9;
    world_free(&w);
    return (double)w.took * 1e-9;
}

/* ---- programs ---- */

static struct fixed_model model;

static void load_model(void)
{
    struct model m;
    struct err e = { .text = "cannot be read" };
    const char *source = getenv("srcdir");
    char path[1024];
    size_t n;
    snprintf(path, sizeof path, "%s/data/emotion.obm", source != NULL ? source : ".");
    uint8_t *bytes = file_read_all(path, &n);
    if (bytes == NULL || model_file_parse(&m, NULL, bytes, n, path, &e) != 0 ||
        fixed_lower(&model, &m, LOWER_FRAC, &e) != 0)
        refuse(path, e.text);
    free(bytes);
}

static void program_make(struct compiled *c, const struct protocol *proto, unsigned selected,
                         unsigned slice, unsigned window, unsigned group)
{
    struct err e = { 0 };
    const struct compile_options o = { .frames = 15 * selected - 8, .selected = selected,
                                       .slice = slice, .window = window, .group = group };
    if (compile(c, proto, &model.net, &o, &e) != 0)
        refuse(proto->name, e.text);
}

static void learn(const struct protocol *proto)
{
    static const unsigned slices[] = { 8192, 16384, 32768, 65536, 131072 };
    static const unsigned groups[] = { 1, 2, 4, 8 };
    struct compiled c;
    uint64_t peak;
    double busy;
    for (unsigned i = 0; i < 5; i++) {
        program_make(&c, proto, 4, slices[i], 4, 4);
        double took = run(c.program, &lines[0], 1, &peak, &busy);
        fprintf(stderr, "%u: %.3f s, arithmetic %.3f s\n", i, took, busy);
        compiled_fini(&c);
    }
    for (unsigned i = 0; i < 4; i++) {
        program_make(&c, proto, groups[i], 0, groups[i], groups[i]);
        double took = run(c.program, &lines[0], 1, &peak, &busy);
        fprintf(stderr, "%u: %.3f s, arithmetic %.3f s\n", i, took, busy);
        compiled_fini(&c);
    }
}

/* ---- the sweep ---- */

static unsigned list(unsigned *first, unsigned *second, const char *text)
{
    unsigned n = 0;
    for (const char *p = text; *p != 0 && n < LIST; n++) {
        char *end;
        first[n] = (unsigned)strtoul(p, &end, 10);
        if (*end == ':')
            second[n] = (unsigned)strtoul(end + 1, &end, 10);
        p = *end == ',' ? end + 1 : end;
    }
    return n;
}

static int wanted(const char *names, const char *name)
{
    size_t n = strlen(name);
    for (const char *p = names; p != NULL; p = strchr(p, ',') != NULL ? strchr(p, ',') + 1 : NULL)
        if (strncmp(p, name, n) == 0 && (p[n] == ',' || p[n] == 0))
            return 1;
    return names == NULL;
}

static void sweep(const struct protocol *proto, int learns, unsigned selected, const char *slices,
                  const char *windows, const char *names)
{
    unsigned slice[LIST], window[LIST], group[LIST] = { 0 }, none[LIST];
    unsigned ns = list(slice, none, slices), nw = list(window, group, windows);
    for (unsigned i = 0; i < ns; i++)
        for (unsigned k = 0; k < nw; k++) {
            struct compiled c;
            struct cost cost;
            struct err e;
            program_make(&c, proto, selected, slice[i], window[k], group[k]);
            cost_program(&cost, c.program, &e);
            double frame = (double)cost_frame_memory(c.program, selected) * 1e-6;
            for (size_t n = 0; n < sizeof lines / sizeof *lines; n++) {
                uint64_t peak;
                double busy;
                if (!wanted(names, lines[n].name))
                    continue;
                double t = run(c.program, &lines[n], learns, &peak, &busy);
                printf("%s %u %s %u %u %u %.4f %.0f %.1f %.3f %u %.1f %u\n", proto->name, selected,
                       lines[n].name, slice[i], window[k], group[k], t, (double)peak * 1e-6,
                       frame * (window[k] < selected ? window[k] : selected), busy, cost.rounds,
                       (double)cost_total(&cost) * 1e-6, c.program->ngate);
                fflush(stdout);
            }
            compiled_fini(&c);
        }
}

int main(int argc, char **argv)
{
    int costs = argc == 3 && strcmp(argv[1], "cost") == 0;
    if (!costs && !(argc >= 7 && strcmp(argv[1], "sweep") == 0)) {
        fprintf(stderr, "bench_tune cost PROTOCOL\n"
                        "bench_tune sweep TABLE PROTOCOL SELECTED SLICE,.. WINDOW:GROUP,.. "
                        "[NETWORK,..]\n");
        return 2;
    }
    const struct protocol *proto = protocol_find(argv[costs ? 2 : 3]);
    if (proto == NULL)
        refuse(argv[costs ? 2 : 3], "no such protocol");
    load_model();
    if (costs) {
        learn(proto);
        table_print(proto->name);
        return 0;
    }
    int learns = strcmp(argv[2], "-") == 0;
    if (!learns && table_read(argv[2], proto->name) != 0)
        refuse(argv[2], "has no such table");
    sweep(proto, learns, (unsigned)strtoul(argv[4], NULL, 10), argv[5], argv[6],
          argc > 7 ? argv[7] : NULL);
    return 0;
}
