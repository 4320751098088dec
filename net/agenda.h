/*
 * agenda.h: what is to happen, and when: the event queue of the simulator.
 *
 * A binary heap ordered by (time, order), where `order` counts the calls of agenda_put: events of
 * the same time come in the order in which they were put, whatever the shape of the heap. Events
 * are embedded in the structures that they belong to; places in the heap are reserved beforehand,
 * so that putting an event never fails. It keeps no clock and calls nobody.
 */
#ifndef OB_NET_AGENDA_H
#define OB_NET_AGENDA_H

#include <stddef.h>
#include <stdint.h>

struct event {
    void (*fire)(struct event *e);
    int waits;                  /* only waits (a timer): not a reason to go on */
    uint64_t time;              /* the agenda's from here on */
    uint64_t order;
    size_t place;               /* in the heap, from 1; 0: not in it */
};

struct agenda {
    struct event **items;       /* items[1 .. n] are the heap */
    size_t n;
    size_t size;                /* places that items has */
    size_t reserved;            /* places that are promised */
    size_t busy;                /* events in the heap that do not only wait */
    uint64_t orders;
};

/* Promises room for `count` more events; -1 without memory. */
int agenda_reserve(struct agenda *a, size_t count) __attribute__((warn_unused_result));
void agenda_unreserve(struct agenda *a, size_t count);

/* Puts e at `time`, behind everything else of that time; moves it when it is there already. */
void agenda_put(struct agenda *a, struct event *e, uint64_t time);

/* Takes e out; legal when it is not in. */
void agenda_strike(struct agenda *a, struct event *e);

/* The next event, which stays in; NULL when there is none. */
struct event *agenda_first(const struct agenda *a);

void agenda_fini(struct agenda *a);

#endif
