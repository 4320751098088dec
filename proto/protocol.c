#include "proto/protocol.h"

#include <stdio.h>
#include <string.h>

#include "proto/check.h"
#include "proto/kernel.h"
#include "proto/local.h"

static const struct protocol *const protocols[] = {
    &protocol_replicated, &protocol_trio, &protocol_syrep, &protocol_syrep_mac, &protocol_rep4,
    &protocol_quad, &protocol_semi2k, &protocol_semi2k_silent,
    &protocol_semi2k_owner
};

const struct protocol *protocol_at(unsigned i)
{
    return i < sizeof protocols / sizeof protocols[0] ? protocols[i] : NULL;
}

const struct protocol *protocol_find(const char *name)
{
    for (unsigned i = 0; protocol_at(i) != NULL; i++)
        if (strcmp(protocols[i]->name, name) == 0)
            return protocols[i];
    return NULL;
}

const struct protocol *protocol_named(const char *name, struct err *e)
{
    const struct protocol *p = protocol_find(name);
    char names[200];
    size_t n = 0;
    for (unsigned i = 0; p == NULL && protocol_at(i) != NULL && n < sizeof names; i++)
        n += (size_t)snprintf(names + n, sizeof names - n, "%s%s", i > 0 ? ", " : "",
                              protocol_at(i)->name);
    if (p == NULL)
        err_set(e, ERR_USAGE, "protocol %.40s: not in this release; expected one of %s", name,
                names);
    return p;
}

size_t value_stride(const struct protocol *p, enum value_kind kind, size_t n)
{
    (void)p;
    return kind == VALUE_BITS ? KERNEL_PLANE(n) : n;
}

size_t value_words(const struct protocol *p, enum value_kind kind, size_t n)
{
    return kind == VALUE_DEAL ? n : p->planes[kind] * value_stride(p, kind, n);
}

size_t value_piece(const struct protocol *p, enum value_kind kind, size_t n)
{
    unsigned planes = kind == VALUE_SHARE && p->shown > 0 ? p->shown : p->planes[kind];
    return planes * value_stride(p, kind, n);
}

const struct gate_ops *gate_ops(const struct protocol *p, const struct gate *g)
{
    const struct gate_ops *common = local_gate((enum gate_kind)g->kind);
    if (common == NULL)
        common = check_gate((enum gate_kind)g->kind);
    return common != NULL ? common : p->gate[g->kind];
}

static unsigned round_times(const struct round *r, const struct gate *g)
{
    return r->times == NULL ? 1 : r->times(g);
}

unsigned gate_steps(const struct gate_ops *ops, const struct gate *g)
{
    unsigned steps = 0;
    for (unsigned i = 0; i < ops->nround; i++)
        steps += round_times(&ops->rounds[i], g);
    return steps;
}

const struct round *gate_round(const struct gate_ops *ops, const struct gate *g, unsigned s,
                               unsigned *level)
{
    for (unsigned i = 0; i < ops->nround; i++) {
        unsigned times = round_times(&ops->rounds[i], g);
        if (s < times) {
            *level = s;
            return &ops->rounds[i];
        }
        s -= times;
    }
    return NULL;
}

size_t gate_bytes(const struct protocol *p, const struct gate *g, unsigned s, unsigned from,
                  unsigned to)
{
    unsigned level;
    const struct round *r = gate_round(gate_ops(p, g), g, s, &level);
    if (r == NULL || r->bytes == NULL || from == to)
        return 0;
    return r->bytes(g, level, gate_role(p, g, from), gate_role(p, g, to));
}

int gate_speaks(const struct protocol *p, const struct gate *g)
{
    unsigned steps = gate_steps(gate_ops(p, g), g);
    for (unsigned s = 0; s < steps; s++)
        for (unsigned from = 0; from < p->parties; from++)
            for (unsigned to = 0; to < p->parties; to++)
                if (gate_bytes(p, g, s, from, to) > 0)
                    return 1;
    return 0;
}
