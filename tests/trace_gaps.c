/*
 * trace_gaps.c: for shell tests: was a party ever idle while it had work? Computed from a trace and
 * the program that was run, which is compiled here again; nothing that the engine says of its own
 * readiness is believed.
 *
 *     trace_gaps TRACE PROTOCOL MODEL FRAMES SELECTED LIMIT-MS [SLEEP-MS]
 *
 * Step 0 of a gate is ready at a party when every gate that makes a value which it reads (or which
 * it has to wait for: `after`) has run its last step there; that of a wall, when all gates before
 * it have. Step s is ready when step s - 1 has run and every message that others owe it has
 * arrived. Before the party's first step is given nothing is ready. A party is idle while none of
 * its workers runs a step and no link is full (then bytes are on their way out, and nothing new is
 * begun on purpose). A gap is a longest time in which a party is idle and the same step is ready
 * and not yet given to the workers, less the time that its loop and its workers meanwhile stood in
 * line for a processor, as the kernel counts it: a machine with more to do than cores delays
 * everybody, and that is not the engine's doing. (A worker may stand in line with a step that it
 * was given, or between the end of one and telling the loop.) Status 1 if one is longer than LIMIT, 2 if the trace lacks
 * something or a step ran before it was ready.
 *
 * SLEEP: the negative control: from the middle of its run on everything at party 0 is taken to be
 * so much later, as if the engine had slept.
 */
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nn/compile.h"
#include "src/owner.h"

struct interval {
    double from, to;
};

/* What a party did, in ms. */
struct past {
    double *from, *to, *given, *came;
                                         /* of steps; of messages: [step][party] */
    struct interval *busy;          /* after `merge`: ascending, apart */
    struct interval *starved;       /* moments, and how long its threads had been in line by then */
    size_t nbusy, nstarved;
    double begin;                   /* when the first step was given */
};

static struct compiled compiled;
static uint32_t *first_step;        /* of a gate; [ngate]: of all */
static struct past past[LINK_PARTIES];

static _Noreturn void bad(const char *what, unsigned party, uint32_t gate, unsigned step)
{
    printf("party %u, gate %u, step %u: %s\n", party, gate, step, what);
    exit(2);
}

static void *array(size_t n)
{
    void *p = calloc(n, sizeof(double));
    if (p == NULL)
        exit(99);
    return p;
}

/* ---- the program ---- */

static void make_program(char **argv)
{
    struct fixed_model m;
    struct selection own = { 0 };
    struct err e = { 0 };
    struct compile_options o = { .frames = (uint32_t)atoi(argv[4]),
                                 .selected = (uint32_t)atoi(argv[5]) };
    const struct protocol *proto = protocol_find(argv[2]);
    if (proto == NULL || owner_model_file(&m, &own, argv[3], o.frames, &e) != 0 ||
        compile(&compiled, proto, &m.net, &o, &e) != 0) {
        printf("%s\n", e.text);
        exit(99);
    }
    const struct program *p = compiled.program;
    first_step = array(p->ngate + 1);
    for (uint32_t i = 0; i < p->ngate; i++)
        first_step[i + 1] = first_step[i] + gate_steps(gate_ops(proto, &p->gate[i]), &p->gate[i]);
    selection_fini(&own);
    fixed_model_fini(&m);
}

/* ---- the trace ---- */

static void take_event(struct past *p, json_t *event)
{
    const char *cat = json_string_value(json_object_get(event, "cat"));
    json_t *args = json_object_get(event, "args");
    double ts = json_number_value(json_object_get(event, "ts")) * 1e-3;
    double end = ts + json_number_value(json_object_get(event, "dur")) * 1e-3;
    uint32_t gate = (uint32_t)json_integer_value(json_object_get(args, "gate"));
    uint32_t step = (uint32_t)json_integer_value(json_object_get(args, "step"));
    unsigned party = (unsigned)json_integer_value(json_object_get(args, "party"));
    if (cat == NULL || strcmp(cat, "network") == 0)
        return;
    if (strcmp(cat, "starved") == 0) {
        p->starved[p->nstarved++] =
            (struct interval){ ts, json_number_value(json_object_get(args, "ms")) };
        return;
    }
    if (strcmp(cat, "full") != 0 &&
        (gate >= compiled.program->ngate || first_step[gate] + step >= first_step[gate + 1]))
        bad("no such step", party, gate, step);
    if (strcmp(cat, "arrival") == 0) {
        p->came[(first_step[gate] + step) * LINK_PARTIES + party] = ts;
        return;
    }
    if (strcmp(cat, "given") == 0) {
        p->given[first_step[gate] + step] = ts;
        p->begin = p->begin == 0 ? ts : fmin(p->begin, ts);
        return;
    }
    if (strcmp(cat, "work") == 0) {
        p->from[first_step[gate] + step] = ts;
        p->to[first_step[gate] + step] = end;
    }
    p->busy[p->nbusy++] = (struct interval){ ts, end };
}

static void read_trace(const char *path)
{
    json_error_t why;
    json_t *j = json_load_file(path, 0, &why), *events = json_object_get(j, "traceEvents"), *event;
    size_t i, n = first_step[compiled.program->ngate];
    for (unsigned k = 0; k < LINK_PARTIES; k++) {
        past[k].from = array(n);
        past[k].to = array(n);
        past[k].given = array(n);
        past[k].came = array(n * LINK_PARTIES);
        past[k].busy = array(2 * (json_array_size(events) + 1));
        past[k].starved = array(2 * (json_array_size(events) + 1));
    }
    json_array_foreach(events, i, event) {
        json_int_t pid = json_integer_value(json_object_get(event, "pid"));
        if (pid < LINK_PARTIES)
            take_event(&past[pid], event);
    }
    json_decref(j);
}

static int earlier(const void *a, const void *b)
{
    double x = ((const struct interval *)a)->from, y = ((const struct interval *)b)->from;
    return x < y ? -1 : x > y;
}

static void merge(struct past *p)
{
    size_t n = 0;
    qsort(p->busy, p->nbusy, sizeof p->busy[0], earlier);
    for (size_t i = 0; i < p->nbusy; i++)
        if (n > 0 && p->busy[i].from <= p->busy[n - 1].to)
            p->busy[n - 1].to = fmax(p->busy[n - 1].to, p->busy[i].to);
        else
            p->busy[n++] = p->busy[i];
    p->nbusy = n;
}

/* Everything from the middle of the busy times on happens later. */
static void sleep_in_the_middle(struct past *p, double ms)
{
    double from = p->busy[p->nbusy / 2].from;
    size_t n = first_step[compiled.program->ngate];
    for (size_t i = 0; i < p->nstarved; i++)
        p->starved[i].from += p->starved[i].from > from ? ms : 0;
    for (size_t i = p->nbusy / 2; i < p->nbusy; i++) {
        p->busy[i].from += ms;
        p->busy[i].to += ms;
    }
    for (size_t i = 0; i < n; i++) {
        p->to[i] += p->from[i] >= from ? ms : 0;
        p->given[i] += p->from[i] >= from ? ms : 0;
        p->from[i] += p->from[i] >= from ? ms : 0;
        for (unsigned k = 0; k < LINK_PARTIES; k++)
            p->came[i * LINK_PARTIES + k] += p->came[i * LINK_PARTIES + k] > from ? ms : 0;
    }
}

/* ---- the judgement ---- */

/* The last ends so far: of all gates, which a wall waits for, and of those of the stage, which a
 * barrier waits for. */
struct ends {
    double all, stage;
};

static void ends_take(struct ends *e, const struct gate *g, double end)
{
    e->all = fmax(e->all, end);
    if (g->kind == GATE_BARRIER)
        e->stage = 0;
    else if (g->kind != GATE_PROVE && g->kind != GATE_MACS && g->kind != GATE_SETTLE)
        e->stage = fmax(e->stage, end);
}

/* When all that makes a value of step 0 is done. */
static double inputs_ready(const struct past *p, uint32_t gate, const double *made,
                           const struct ends *e)
{
    const struct gate *g = &compiled.program->gate[gate];
    double t = g->wall ? e->all : g->kind == GATE_BARRIER ? fmax(e->stage, p->begin) : p->begin;
    for (uint32_t k = 0, v; k < gate_operands(g); k++)
        if ((v = gate_operand(compiled.program, g, PART_ALL, k)) != NO_VALUE)
            t = fmax(t, made[v]);
    return t;
}

static double messages_ready(const struct past *p, unsigned self, uint32_t gate, unsigned step)
{
    const struct protocol *proto = compiled.program->proto;
    uint32_t at = first_step[gate] + step;
    double t = p->to[at - 1];
    for (unsigned from = 0; from < proto->parties; from++)
        if (gate_bytes(proto, &compiled.program->gate[gate], step - 1, from, self) > 0) {
            if (p->came[at * LINK_PARTIES + from] == 0)
                bad("a message never came", self, gate, step);
            t = fmax(t, p->came[at * LINK_PARTIES + from]);
        }
    return t;
}

/* How long the party's threads stood in line for a processor meanwhile. */
static double in_line(const struct past *p, double from, double to)
{
    size_t a = 0;
    while (a + 1 < p->nstarved && p->starved[a + 1].from <= from)
        a++;
    size_t b = a;
    while (b + 1 < p->nstarved && p->starved[b].from < to)
        b++;
    return p->nstarved > 0 ? p->starved[b].to - p->starved[a].to : 0;
}

/* The longest idle time between two moments, without what the machine took. */
static double idle_most(const struct past *p, double from, double to)
{
    size_t low = 0, high = p->nbusy;        /* the first that ends after `from` */
    double most = 0;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (p->busy[middle].to > from)
            high = middle;
        else
            low = middle + 1;
    }
    for (; from < to; from = p->busy[low++].to) {
        double end = low < p->nbusy ? fmin(p->busy[low].from, to) : to;
        if (end - from > most)
            most = fmax(most, end - from - in_line(p, from, end));
        if (low == p->nbusy)
            break;
    }
    return most;
}

/* The longest gap of a party. */
static double judge(unsigned self)
{
    const struct program *program = compiled.program;
    const struct past *p = &past[self];
    double *made = array(program->nvalue), worst = 0;
    struct ends ends = { .all = p->begin };
    uint32_t worst_gate = 0, worst_step = 0;
    for (uint32_t g = 0; g < program->ngate; g++) {
        uint32_t steps = first_step[g + 1] - first_step[g];
        for (uint32_t s = 0; s < steps; s++) {
            double begun = p->from[first_step[g] + s];
            double ready = s == 0 ? inputs_ready(p, g, made, &ends) : messages_ready(p, self, g, s);
            double given = p->given[first_step[g] + s];
            if (begun == 0 || given == 0)
                bad("did not run", self, g, s);
            if (given < ready - 0.001 || begun < given - 0.001)
                bad("ran before it was ready", self, g, s);
            double gap = idle_most(p, ready, given);
            if (gap > worst) {
                worst = gap;
                worst_gate = g;
                worst_step = s;
            }
        }
        double end = p->to[first_step[g + 1] - 1];
        made[program->gate[g].out] = fmax(made[program->gate[g].out], end);
        ends_take(&ends, &program->gate[g], end);
    }
    printf("party %u: longest gap %.3f ms, before gate %u (layer %u, frame %u), step %u\n", self,
           worst, worst_gate, program->gate[worst_gate].layer, program->gate[worst_gate].frame,
           worst_step);
    free(made);
    return worst;
}

int main(int argc, char **argv)
{
    double worst = 0;
    if (argc < 7)
        return 99;
    make_program(argv);
    read_trace(argv[1]);
    for (unsigned i = 0; i < compiled.program->proto->parties; i++) {
        if (past[i].nbusy == 0)
            bad("is not in the trace", i, 0, 0);
        merge(&past[i]);
        if (argc > 7 && i == 0)
            sleep_in_the_middle(&past[i], atof(argv[7]));
        worst = fmax(worst, judge(i));
    }
    for (unsigned k = 0; k < LINK_PARTIES; k++) {
        free(past[k].from);
        free(past[k].to);
        free(past[k].given);
        free(past[k].came);
        free(past[k].busy);
        free(past[k].starved);
    }
    free(first_step);
    compiled_fini(&compiled);
    return worst > atof(argv[6]);
}
