#include "src/trace.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/output.h"

enum { LANES = 32, NETWORK = 1000, SPANS_MAX = 1 << 22 };
enum { STARVED = SPAN_FULL + 1 };       /* beside the engine's kinds; `to` is the time in line */

static const char head[] = "{\"displayTimeUnit\":\"ms\",\"traceEvents\":[\n";
static const char tail[] = "\n]}\n";

struct span {
    char name[32];
    uint64_t job, from, to;
    uint32_t gate;
    uint16_t frame, layer;
    uint16_t step;
    uint8_t kind, party;
    uint32_t row;               /* worker, or NETWORK + lane */
};

struct trace {
    unsigned party;
    size_t n, room;
    struct span *span;
};

struct trace *trace_new(unsigned party)
{
    struct trace *t = mem_new(1, sizeof *t);
    if (t != NULL)
        t->party = party;
    return t;
}

void trace_free(struct trace *t)
{
    if (t == NULL)
        return;
    free(t->span);
    mem_free(t);
}

/* Room for one more, or NULL. */
static struct span *trace_room(struct trace *t)
{
    if (t->n == t->room) {
        size_t room = t->room == 0 ? 4096 : 2 * t->room;
        struct span *grown = room > SPANS_MAX ? NULL : realloc(t->span, room * sizeof *grown);
        if (grown == NULL)
            return NULL;
        t->span = grown;
        t->room = room;
    }
    return &t->span[t->n++];
}

void trace_span(struct trace *t, uint64_t job, const struct engine_span *s)
{
    struct span *kept = trace_room(t);
    if (kept == NULL)
        return;
    *kept = (struct span){
        .job = job, .from = s->from, .to = s->to, .gate = s->id,
        .frame = s->gate->frame, .layer = s->gate->layer, .step = (uint16_t)s->step,
        .kind = (uint8_t)s->kind, .party = (uint8_t)s->party,
        .row = s->kind == SPAN_WORK ? s->worker : NETWORK
    };
    snprintf(kept->name, sizeof kept->name, "%s", s->name != NULL ? s->name : "gate");
}

void trace_starved(struct trace *t, uint64_t now, uint64_t ns)
{
    struct span *kept = trace_room(t);
    if (kept != NULL)
        *kept = (struct span){ .kind = STARVED, .from = now, .to = ns, .row = NETWORK };
}

static int by_start(const void *a, const void *b)
{
    const struct span *x = a, *y = b;
    return x->from < y->from ? -1 : x->from > y->from;
}

/* Waits overlap: each goes to the first network row that is free by then. */
static void assign_lanes(struct trace *t)
{
    uint64_t free_at[LANES] = { 0 };
    if (t->n > 0)
        qsort(t->span, t->n, sizeof t->span[0], by_start);
    for (size_t i = 0; i < t->n; i++) {
        struct span *s = &t->span[i];
        unsigned lane = 0;
        if (s->kind != SPAN_WAIT && s->kind != SPAN_FULL)
            continue;
        while (lane < LANES - 1 && free_at[lane] > s->from)
            lane++;
        free_at[lane] = s->to;
        s->row = NETWORK + lane;
    }
}

static void write_names(const struct trace *t, FILE *f, int *first)
{
    char seen[NETWORK + LANES] = { 0 };
    fprintf(f, "%s{\"ph\":\"M\",\"pid\":%u,\"name\":\"process_name\","
            "\"args\":{\"name\":\"party %u\"}}", *first ? "" : ",\n", t->party, t->party);
    *first = 0;
    for (size_t i = 0; i < t->n; i++) {
        unsigned row = t->span[i].row;
        if (row >= sizeof seen || seen[row])
            continue;
        seen[row] = 1;
        fprintf(f, ",\n{\"ph\":\"M\",\"pid\":%u,\"tid\":%u,\"name\":\"thread_name\",\"args\":"
                "{\"name\":\"", t->party, row);
        if (row < NETWORK)
            fprintf(f, "worker %u\"}}", row);
        else if (row == NETWORK)
            fputs("network\"}}", f);
        else
            fprintf(f, "network, also waiting %u\"}}", row - NETWORK);
    }
}

static void write_span(const struct trace *t, const struct span *s, FILE *f)
{
    static const char *const category[] = { "work", "network", "arrival", "given", "full" };
    int instant = s->kind == SPAN_ARRIVAL || s->kind == SPAN_GIVEN;
    if (s->kind == STARVED) {
        fprintf(f, ",\n{\"ph\":\"C\",\"pid\":%u,\"name\":\"in line for a processor\",\"cat\":\"starved\","
                "\"ts\":%.3f,\"args\":{\"ms\":%.3f}}", t->party, (double)s->from * 1e-3,
                (double)s->to * 1e-6);
        return;
    }
    fprintf(f, ",\n{\"ph\":\"%s\",\"pid\":%u,\"tid\":%u,\"name\":\"%s\",\"cat\":\"%s\",\"ts\":%.3f,",
            instant ? "i\",\"s\":\"t" : "X", t->party, s->row, s->name,
            category[s->kind], (double)s->from * 1e-3);
    if (!instant)
        fprintf(f, "\"dur\":%.3f,", (double)(s->to - s->from) * 1e-3);
    fprintf(f, "\"args\":{\"job\":\"%016" PRIx64 "\",\"gate\":%u,\"step\":%u,\"frame\":%u,"
            "\"layer\":%u", s->job, s->gate, s->step, s->frame, s->layer);
    if (s->kind == SPAN_ARRIVAL || s->kind == SPAN_FULL)
        fprintf(f, ",\"party\":%u", s->party);
    fputs("}}", f);
}

static void write_spans(struct trace *t, FILE *f, int *first)
{
    assign_lanes(t);
    write_names(t, f, first);
    for (size_t i = 0; i < t->n; i++)
        write_span(t, &t->span[i], f);
}

int trace_write(struct trace *const t[], unsigned n, const char *path, struct err *e)
{
    struct output o;
    int code = output_open(&o, path, 0, e);
    if (code != 0)
        return code;
    int first = 1;
    fputs(head, o.f);
    for (unsigned i = 0; i < n; i++)
        write_spans(t[i], o.f, &first);
    fputs(tail, o.f);
    return output_commit(&o, e);
}

/* The events of one file: all lines but the first and the last. */
static int copy_events(FILE *out, const char *path, int *first, struct err *e)
{
    char *line = NULL;
    size_t room = 0;
    FILE *f = fopen(path, "re");
    if (f == NULL)
        return err_set(e, ERR_FAILED, "%s: %s", path, strerror(errno));
    for (ssize_t n; (n = getline(&line, &room, f)) > 0;) {
        if (strcmp(line, head) == 0 || strcmp(line, tail + 1) == 0)
            continue;
        n -= line[n - 1] == '\n';
        n -= n > 0 && line[n - 1] == ',';
        fprintf(out, "%s%.*s", *first ? "" : ",\n", (int)n, line);
        *first = 0;
    }
    free(line);
    int code = ferror(f) ? err_set(e, ERR_FAILED, "%s: cannot be read", path) : 0;
    fclose(f);
    return code;
}

int trace_join(const char *path, const char *const parts[], unsigned n, struct err *e)
{
    struct output o;
    int code = output_open(&o, path, 0, e), first = 1;
    if (code != 0)
        return code;
    fputs(head, o.f);
    for (unsigned i = 0; i < n && code == 0; i++)
        code = copy_events(o.f, parts[i], &first, e);
    fputs(tail, o.f);
    if (code == 0)
        return output_commit(&o, e);
    output_drop(&o);
    return code;
}
