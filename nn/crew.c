#include "nn/crew.h"

#include <pthread.h>

#include "net/base_mem.h"

struct crew {
    unsigned threads, started;
    pthread_t thread[CREW_MAX];
    pthread_mutex_t lock;
    pthread_cond_t begin, end;
    unsigned turn;              /* counts runs; a change of it starts the others */
    unsigned busy, next, quit;
    void (*work)(void *context, unsigned t);
    void *context;
};

static void *crew_member(void *argument)
{
    struct crew *c = argument;
    unsigned seen = 0;
    pthread_mutex_lock(&c->lock);
    unsigned t = ++c->next;
    for (;;) {
        while (c->turn == seen && !c->quit)
            pthread_cond_wait(&c->begin, &c->lock);
        if (c->quit)
            break;
        seen = c->turn;
        pthread_mutex_unlock(&c->lock);
        c->work(c->context, t);
        pthread_mutex_lock(&c->lock);
        if (--c->busy == 0)
            pthread_cond_signal(&c->end);
    }
    pthread_mutex_unlock(&c->lock);
    return NULL;
}

struct crew *crew_new(unsigned threads, struct err *e)
{
    struct crew *c = mem_new(1, sizeof *c);
    if (c == NULL) {
        err_set(e, ERR_FAILED, "no memory for threads");
        return NULL;
    }
    c->threads = threads < 1 ? 1 : threads > CREW_MAX ? CREW_MAX : threads;
    pthread_mutex_init(&c->lock, NULL);
    pthread_cond_init(&c->begin, NULL);
    pthread_cond_init(&c->end, NULL);
    for (; c->started + 1 < c->threads; c->started++)
        if (pthread_create(&c->thread[c->started], NULL, crew_member, c) != 0) {
            err_set(e, ERR_FAILED, "thread %u of %u cannot be started; try a smaller --threads",
                    c->started + 2, c->threads);
            crew_free(c);
            return NULL;
        }
    return c;
}

void crew_free(struct crew *c)
{
    if (c == NULL)
        return;
    pthread_mutex_lock(&c->lock);
    c->quit = 1;
    pthread_cond_broadcast(&c->begin);
    pthread_mutex_unlock(&c->lock);
    for (unsigned t = 0; t < c->started; t++)
        pthread_join(c->thread[t], NULL);
    pthread_cond_destroy(&c->end);
    pthread_cond_destroy(&c->begin);
    pthread_mutex_destroy(&c->lock);
    mem_free(c);
}

void crew_run(struct crew *c, void (*work)(void *context, unsigned t), void *context)
{
    pthread_mutex_lock(&c->lock);
    c->work = work;
    c->context = context;
    c->busy = c->threads - 1;
    c->turn++;
    pthread_cond_broadcast(&c->begin);
    pthread_mutex_unlock(&c->lock);
    work(context, 0);
    pthread_mutex_lock(&c->lock);
    while (c->busy > 0)
        pthread_cond_wait(&c->end, &c->lock);
    pthread_mutex_unlock(&c->lock);
}

unsigned crew_threads(const struct crew *c)
{
    return c->threads;
}
