/* Control messages of every type: what is accepted is packed and read again to the same bytes. */
#include "fuzz.h"
#include "src/wire.h"

union any {
    struct wire_ask ask;
    struct wire_terms terms;
    struct wire_fault fault;
    struct wire_job job;
    struct wire_model model;
    struct wire_mark mark;
    struct wire_progress progress;
    struct wire_prepared prepared;
    struct wire_limits limits;
};

enum { KINDS = 9 };

static int parse(unsigned kind, union any *m, const uint8_t *p, size_t n, struct err *e)
{
    switch (kind) {
    case 0:
        return wire_ask_parse(&m->ask, p, n, e);
    case 1:
        return wire_terms_parse(&m->terms, p, n, e);
    case 2:
        return wire_fault_parse(&m->fault, p, n, e);
    case 3:
        return wire_job_parse(&m->job, p, n, e);
    case 4:
        return wire_model_parse(&m->model, p, n, e);
    case 5:
        return wire_mark_parse(&m->mark, p, n, e);
    case 6:
        return wire_progress_parse(&m->progress, p, n, e);
    case 7:
        return wire_prepared_parse(&m->prepared, p, n, e);
    default:
        return wire_limits_parse(&m->limits, p, n, e);
    }
}

static uint8_t *pack(unsigned kind, struct arena *a, const union any *m, size_t *n)
{
    switch (kind) {
    case 0:
        return wire_ask_pack(a, &m->ask, n);
    case 1:
        return wire_terms_pack(a, &m->terms, n);
    case 2:
        return wire_fault_pack(a, &m->fault, n);
    case 3:
        return wire_job_pack(a, &m->job, n);
    case 4:
        return wire_model_pack(a, &m->model, n);
    case 5:
        return wire_mark_pack(a, &m->mark, n);
    case 6:
        return wire_progress_pack(a, &m->progress, n);
    case 7:
        return wire_prepared_pack(a, &m->prepared, n);
    default:
        return wire_limits_pack(a, &m->limits, n);
    }
}

static void round_trip(unsigned kind, const union any *m, size_t n)
{
    static union any again;
    struct err e;
    size_t n1, n2;
    struct arena *a = arena_new(0);
    uint8_t *one = pack(kind, a, m, &n1);
    FUZZ_NEED(one != NULL && n1 == n && parse(kind, &again, one, n1, &e) == 0);
    uint8_t *two = pack(kind, a, &again, &n2);
    FUZZ_NEED(two != NULL && n2 == n1 && memcmp(one, two, n1) == 0);
    arena_give(one);
    arena_give(two);
    arena_free(a);
}

/* What may be sent at all, by the head. */
static void try_head(const uint8_t *p, size_t n)
{
    struct choices c = { p, n };
    struct err e = { 0 };
    struct message m = { .type = choose_u8(&c) };
    m.n = choose_u16(&c);
    m.stream = choose_u8(&c);
    for (unsigned way = 0; way < 8; way++) {
        int code = wire_allowed(&m, way, &e);
        FUZZ_NEED(code == 0 || code == ERR_ABORT);
        FUZZ_NEED(code != 0 || (m.type != 0 && m.type < WIRE_TYPES && way != 0));
    }
    FUZZ_NEED(wire_type_name(m.type)[0] != '\0');
}

FUZZ_TARGET(wire)
{
    static union any m;
    struct err e = { 0 };
    try_head(p, n);
    if (n == 0 || n > WIRE_CONTROL_MAX)
        return 0;
    unsigned kind = p[0] % KINDS;
    if (parse(kind, &m, p + 1, n - 1, &e) == 0)
        round_trip(kind, &m, n - 1);
    else
        FUZZ_NEED(e.code == ERR_ABORT && e.text[0] != '\0');
    return 0;
}
