/*
 * sim_st.h: the layout that the files of the simulator share: sim.c (nodes and the run),
 * sim_link.c (links and messages), sim_local.c (timers, work, files). Nobody else includes it.
 */
#ifndef OB_NET_SIM_ST_H
#define OB_NET_SIM_ST_H

#include <sys/queue.h>

#include "net/agenda.h"
#include "net/sim.h"

/* The structure of which *e is a member. */
#define SIM_OWNER(e, type, member) ((type *)(void *)((char *)(e) - offsetof(type, member)))

/* The order of messages within one (link, direction, job, stream) where delays are random. */
struct flow {
    struct side *from;
    uint64_t job;
    uint32_t stream;
    unsigned packets;               /* on their way; the flow is forgotten after the last */
    uint64_t last;                  /* when the last one reaches the receiver's card */
    struct flow *next;
};

/* A part of a message on its way, from the moment when its first bit leaves. */
struct piece {
    TAILQ_ENTRY(piece) next;
    struct packet *packet;
    uint64_t span_out, span_in;     /* ns on the sender's wire, and on the receiver's */
    struct event move;              /* its first, then its last bit reaches the receiver */
};

/* A message on its way. Until it has left it belongs to the sender's queue. */
struct packet {
    LIST_ENTRY(packet) all;
    TAILQ_ENTRY(packet) turn;       /* in the queue of the sender's side */
    int waits;                      /* is in that queue: a part of it has not begun to leave */
    int left;                       /* has left: the payload is a copy of the simulator's */
    struct side *from;
    struct flow *flow;              /* NULL when nothing can overtake */
    uint64_t late;                  /* random delay, beside the latency */
    size_t handed, begun;           /* bytes that no other overtakes; that have begun to leave */
    size_t leaving;                 /* bytes that are on the sender's wire now */
    struct message m;
    TAILQ_HEAD(pieces, piece) pieces;
    struct event leave;             /* the last bit of a piece leaves the sender */
};

enum side_state { SIDE_FRESH, SIDE_UP, SIDE_CLOSING, SIDE_DOWN };

/* One end of a link. */
struct side {
    struct node *node;
    struct side *peer;
    enum side_state state;
    int over;                       /* the queue went over the high mark: `drained` is owed */
    int bye_at_once;                /* the bye waits for nothing that is being received */
    TAILQ_HEAD(, packet) out;       /* wait for the serialiser */
    size_t queued;
    size_t handed;                  /* of them, bytes that nothing overtakes any more */
    struct node_info info;          /* who is at the other end */
    struct err why, bye_why;
    struct event up, down;
    struct event bye;               /* news of the end of the link arrives here */
};

struct link {
    STAILQ_ENTRY(link) all;
    struct side side[2];
};

/* A timer or a read of a node. */
struct task {
    LIST_ENTRY(task) all;
    struct node *node;
    struct timer *timer;
    struct file_read *file;
    struct event ev;
};

struct bench {                      /* a virtual worker */
    struct node *node;
    struct work *work;              /* NULL: idle */
    struct event ev;                /* its work begins, then ends */
};

struct node {
    struct host host;               /* first: the host that the role sees */
    struct sim *sim;
    struct node *next;              /* of all nodes that ever were */
    unsigned number;
    int alive;
    char name[sizeof((struct node_info *)0)->name];
    struct side *sides[SIM_NODES];  /* NULL where there is no link now */
    uint64_t wire[SIM_NODES], moved[SIM_NODES];
    struct packet *sending;         /* of which a piece crosses the serialiser */
    unsigned turn;                  /* whose link had it last */
    uint64_t in_free;               /* when the receiver's serialiser is free again */
    struct bench *benches;
    unsigned busy;                  /* of them */
    struct work *work, **work_end;  /* not begun */
    LIST_HEAD(, task) tasks;
};

/* A crash or a stall that was asked for. */
struct blow {
    struct blow *next;
    struct sim *sim;
    unsigned a, b;                  /* a == b: the crash of a node */
    struct event ev;
};

enum { SIM_FLOWS = 1024 };

enum { SIM_PASS, SIM_SWALLOW, SIM_TWICE };      /* what `tamper` answers */

struct sim {
    struct sim_options o;
    struct agenda agenda;
    uint64_t now;
    uint64_t random;                /* state of the generator for delays */
    uint64_t links_made;
    unsigned busy;                  /* virtual workers of all nodes that have work */
    int started, stopped;
    int broken;                     /* an event was lost for want of memory */
    struct arena *arena;            /* payloads on their way */
    struct node *nodes[SIM_NODES];  /* those alive */
    struct node *every;
    uint8_t silent[SIM_NODES][SIM_NODES];
    LIST_HEAD(, packet) packets;
    STAILQ_HEAD(, link) links;
    struct blow *blows;
    struct flow *flows[SIM_FLOWS];
};

/* Time far ahead stays there. */
static inline uint64_t sim_later(uint64_t time, uint64_t more)
{
    return more > UINT64_MAX - time ? UINT64_MAX : time + more;
}

static inline uint64_t sim_splitmix(uint64_t *state)
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* Ends the simulation because an event would be lost: nothing after it could be believed. */
void sim_break(struct sim *s, const char *what);

/* The part of host_ops that goes over links. */
int sim_link_send(struct host *h, unsigned node, struct message m);
size_t sim_link_queued(struct host *h, unsigned node);
void sim_link_drop(struct host *h, unsigned node, const char *why);
uint64_t sim_link_wire(struct host *h, unsigned node);
uint64_t sim_link_moved(struct host *h, unsigned node);

/* A link between two nodes, which comes up one latency after the start; -1 without memory. */
int sim_link_new(struct node *a, struct node *b);
void sim_link_start(struct link *l);
void sim_links_lose(struct node *n);                /* the node has stopped */
void sim_links_free(struct sim *s);             /* the agenda is not to be used after it */

/* The node's own part of host_ops, and its beginning and end. */
int sim_node_benches(struct node *n);               /* 0, or -1 without memory */
void sim_node_quiet(struct node *n);                /* forgets timers, work and reads */
void sim_node_arm(struct host *h, struct timer *t, uint64_t after_ns);
void sim_node_disarm(struct host *h, struct timer *t);
void sim_node_work(struct host *h, struct work *w);
void sim_node_read(struct host *h, struct file_read *f);

#endif
