/*
 * party_wipe.c: the memory of what has ended, wiped on a worker and in bites: a job leaves hundreds of
 * megabytes, which would keep the loop for some 20 ms, and the worker for as long.
 */
#include "src/party_st.h"

enum { BITE = 8 << 20 };        /* bytes; about a millisecond */

struct wiping {
    struct work work;
    struct party *party;
    struct block *blocks;
    struct wiping *next;
};

static void wipe_run(struct work *w)
{
    struct wiping *x = (struct wiping *)(void *)w;
    x->blocks = blocks_free(x->blocks, BITE);
}

static void wipe_done(struct work *w)
{
    struct wiping *x = (struct wiping *)(void *)w;
    struct wiping **at = &x->party->wiping;
    if (x->blocks != NULL) {        /* behind what others have for the workers by now */
        x->party->host->ops->work(x->party->host, w);
        return;
    }
    while (*at != x)
        at = &(*at)->next;
    *at = x->next;
    mem_free(x);
}

void party_wipe(struct party *p, struct block *blocks)
{
    if (blocks == NULL)
        return;
    struct wiping *x = mem_new(1, sizeof *x);
    if (x == NULL) {
        blocks_free(blocks, SIZE_MAX);
        return;
    }
    *x = (struct wiping){ .work = { .run = wipe_run, .done = wipe_done }, .party = p,
                          .blocks = blocks, .next = p->wiping };
    p->wiping = x;
    p->host->ops->work(p->host, &x->work);
}

void party_wipe_all(struct party *p)
{
    for (struct wiping *x = p->wiping, *next; x != NULL; x = next) {
        next = x->next;
        blocks_free(x->blocks, SIZE_MAX);
        mem_free(x);
    }
    p->wiping = NULL;
}
