/*
 * prf_ledger.c: no word may serve two purposes, checked at run time.
 *
 * The intervals that were drawn stand in a balanced tree. They are disjoint, so that two intervals
 * of one stream are ordered if they do not meet, and count as equal if they do: to insert is to
 * find out. Ranges, not contents: there is nothing secret here.
 */
#include "proto/prf_impl.h"

#include <pthread.h>
#include <search.h>
#include <stdlib.h>

#include "net/base_log.h"
#include "net/base_mem.h"

struct interval {
    uint32_t gate, use;
    uint64_t first, last;       /* blocks, both inclusive */
};

struct prf_ledger {
    pthread_mutex_t mutex;
    void *root;                 /* of tsearch */
};

static int interval_compare(const void *pa, const void *pb)
{
    const struct interval *a = pa, *b = pb;
    if (a->gate != b->gate)
        return a->gate < b->gate ? -1 : 1;
    if (a->use != b->use)
        return a->use < b->use ? -1 : 1;
    if (a->last < b->first)
        return -1;
    return a->first > b->last;
}

struct prf_ledger *ledger_new(void)
{
    struct prf_ledger *l = calloc(1, sizeof *l);
    if (l != NULL && pthread_mutex_init(&l->mutex, NULL) != 0) {
        free(l);
        return NULL;
    }
    return l;
}

void ledger_free(struct prf_ledger *l)
{
    if (l == NULL)
        return;
    tdestroy(l->root, free);
    pthread_mutex_destroy(&l->mutex);
    free(l);
}

static _Noreturn void ledger_die(const struct interval *i, const char *what)
{
    log_line(LOG_ERR, LOG_PROTO, "random words of gate %u, use %u, blocks %llu to %llu: %s; this "
             "is a fault of the program, please report it", i->gate, i->use,
             (unsigned long long)i->first, (unsigned long long)i->last, what);
    abort();
}

void ledger_draw(struct prf_ledger *l, uint32_t gate, uint32_t use, uint64_t block,
                 uint64_t count)
{
    if (count == 0)
        return;
    struct interval drawn = { .gate = gate, .use = use, .first = block, .last = block + count - 1 };
    if (drawn.last < drawn.first)
        ledger_die(&drawn, "the block counter runs over");

    /* Plain malloc, which tests of failing allocations leave alone. */
    struct interval *own = malloc(sizeof *own);
    if (own == NULL)
        ledger_die(&drawn, "no memory for the ledger of the debug build");
    *own = drawn;

    pthread_mutex_lock(&l->mutex);
    struct interval *const *found = tsearch(own, &l->root, interval_compare);
    pthread_mutex_unlock(&l->mutex);
    if (found == NULL)
        ledger_die(&drawn, "no memory for the ledger of the debug build");
    if (*found != own)
        ledger_die(&drawn, "drawn twice under one key");
}
