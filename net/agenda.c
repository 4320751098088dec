#include "net/agenda.h"

#include <string.h>

#include "net/base_mem.h"

int agenda_reserve(struct agenda *a, size_t count)
{
    size_t need = a->reserved + count + 1;
    if (need > a->size) {
        size_t size = need < 64 ? 128 : 2 * need;
        struct event **items = mem_new(size, sizeof *items);
        if (items == NULL)
            return -1;
        if (a->n > 0)
            memcpy(items, a->items, (a->n + 1) * sizeof *items);
        mem_free(a->items);
        a->items = items;
        a->size = size;
    }
    a->reserved += count;
    return 0;
}

void agenda_unreserve(struct agenda *a, size_t count)
{
    a->reserved -= count;
}

static int is_before(const struct event *x, const struct event *y)
{
    return x->time != y->time ? x->time < y->time : x->order < y->order;
}

static void place_at(struct agenda *a, struct event *e, size_t i)
{
    a->items[i] = e;
    e->place = i;
}

/* Finds the place of e, starting from the hole at i: upwards, then downwards. */
static void settle(struct agenda *a, struct event *e, size_t i)
{
    for (; i > 1 && is_before(e, a->items[i / 2]); i /= 2)
        place_at(a, a->items[i / 2], i);
    for (size_t k; (k = 2 * i) <= a->n; i = k) {
        if (k < a->n && is_before(a->items[k + 1], a->items[k]))
            k++;
        if (!is_before(a->items[k], e))
            break;
        place_at(a, a->items[k], i);
    }
    place_at(a, e, i);
}

void agenda_put(struct agenda *a, struct event *e, uint64_t time)
{
    agenda_strike(a, e);
    e->time = time;
    e->order = a->orders++;
    a->busy += !e->waits;
    a->n++;
    settle(a, e, a->n);
}

void agenda_strike(struct agenda *a, struct event *e)
{
    if (e->place == 0)
        return;
    struct event *last = a->items[a->n--];
    if (last != e)
        settle(a, last, e->place);
    e->place = 0;
    a->busy -= !e->waits;
}

struct event *agenda_first(const struct agenda *a)
{
    return a->n > 0 ? a->items[1] : NULL;
}

void agenda_fini(struct agenda *a)
{
    mem_free(a->items);
    *a = (struct agenda){ .items = NULL };
}
