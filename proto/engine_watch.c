/*
 * engine_watch.c: what the engine tells of its work: spans for a trace, and who is waited for.
 *
 * A party waits while no worker runs anything of it. The wait counts for whoever ends it, so the
 * parts add up to all of the time without arithmetic; a party that waits for one that waits for a
 * third names the second, and the second the third.
 */
#include <stdio.h>

#include "proto/engine_st.h"

/* ---- waiting ---- */

void engine_idle(struct engine *en)
{
    if (en->stats.idle_since == 0)
        en->stats.idle_since = en->conf.host->ops->now(en->conf.host);
}

void engine_full(struct engine *en, unsigned party)
{
    en->awaited = party;
    if (en->full_since == 0)
        en->full_since = en->conf.host->ops->now(en->conf.host);
}

static void span(struct engine *en, uint32_t id, unsigned step, struct engine_span s);

void engine_begun(struct engine *en, uint32_t id)
{
    if (en->stats.idle_since == 0 && en->full_since == 0 && en->conf.span == NULL)
        return;
    uint64_t now = en->conf.host->ops->now(en->conf.host);
    if (en->stats.idle_since != 0)
        en->stats.waited_ns[en->awaited] += now - en->stats.idle_since;
    if (en->full_since != 0)
        span(en, 0, 0, (struct engine_span){ .kind = SPAN_FULL, .party = en->awaited,
                                             .from = en->full_since, .to = now });
    span(en, id, en->slot[id].step, (struct engine_span){ .kind = SPAN_GIVEN, .from = now, .to = now });
    en->stats.idle_since = en->full_since = 0;
}

void engine_stats(const struct engine *en, struct engine_stats *s)
{
    char text[200];
    int party;
    *s = en->stats;
    if (s->idle_since != 0 && !en->over && engine_waits(en, text, sizeof text, &party))
        s->waited_ns[party] += en->conf.host->ops->now(en->conf.host) - s->idle_since;
}

int engine_waits(const struct engine *en, char *text, size_t n, int *party)
{
    *party = -1;
    if (en->full_since != 0) {
        *party = (int)en->awaited;
        snprintf(text, n, "the link to party %d has more to send than goes through", *party);
        return 1;
    }
    for (uint32_t i = 0; i < en->program->ngate; i++) {
        const struct slot *slot = &en->slot[i];
        const struct gate *g = &en->program->gate[i];
        if (slot->missing > 0 || slot->step == 0 || slot->step == slot->steps || slot->queued)
            continue;
        for (unsigned from = 0; from < en->proto->parties; from++) {
            size_t bytes = due(en, i, slot->step - 1u, from);
            if (bytes == 0 || inbox_at(en, i, slot->step - 1u, from)->data != NULL)
                continue;
            unsigned level;
            const struct gate_ops *ops = gate_ops(en->proto, g);
            const struct round *round = gate_round(ops, g, slot->step - 1u, &level);
            *party = (int)from;
            snprintf(text, n, "gate %u (%s.%s, layer %u, frame %u) waits for %zu bytes from party"
                     " %u", i, ops->name, round->name, g->layer, g->frame, bytes, from);
            return 1;
        }
    }
    return 0;
}

/* ---- spans ---- */

/* Completes and tells a span, if it is one; FULL belongs to no gate. */
static void span(struct engine *en, uint32_t id, unsigned step, struct engine_span s)
{
    const struct gate *g = &en->program->gate[id];
    const struct gate_ops *ops = gate_ops(en->proto, g);
    unsigned level, waits = s.kind == SPAN_WAIT || s.kind == SPAN_ARRIVAL;
    char text[64];
    if (en->conf.span == NULL || s.to < s.from ||
        (s.to == s.from && s.kind != SPAN_ARRIVAL && s.kind != SPAN_GIVEN))
        return;
    s.gate = g;
    s.id = id;
    s.step = step;
    s.name = text;
    if (s.kind == SPAN_FULL)
        snprintf(text, sizeof text, "full");
    else            /* who waits is called by the round that has sent */
        snprintf(text, sizeof text, "%s.%s", ops->name,
                 gate_round(ops, g, step - waits, &level)->name);
    en->conf.span(en->conf.ctx, &s);
}

void engine_ran(struct engine *en, const struct run *r)
{
    span(en, r->id, r->step.number,
         (struct engine_span){ .kind = SPAN_WORK, .worker = r->work.worker,
                               .from = r->work.started, .to = r->work.ended });
}

void engine_waited(struct engine *en, uint32_t id)
{
    if (en->conf.span != NULL)
        span(en, id, en->slot[id].step,
             (struct engine_span){ .kind = SPAN_WAIT, .from = en->slot[id].since,
                                   .to = en->conf.host->ops->now(en->conf.host) });
}

void engine_arrived(struct engine *en, const struct message *m, unsigned from)
{
    if (en->conf.span == NULL)
        return;
    uint64_t now = en->conf.host->ops->now(en->conf.host);
    span(en, m->stream, m->seq + 1u,
         (struct engine_span){ .kind = SPAN_ARRIVAL, .party = from, .from = now, .to = now });
}
