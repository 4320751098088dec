/*
 * Making connections: looking names up, trying address after address, pausing ever longer.
 */
#include "net/mesh_st.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <unistd.h>

#include "net/base_log.h"

static const uint64_t backoff_least = 20000000u;
static const uint64_t backoff_most = 1000000000u;

/* A socket on its way to the address, or -1 with errno. */
static int connect_start(const struct addr *a)
{
    int fd = socket(a->sa.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    if (connect(fd, (const struct sockaddr *)&a->sa, a->n) == 0 || errno == EINPROGRESS)
        return fd;
    int failed = errno;
    close(fd);
    errno = failed;
    return -1;
}

static void pause_then_dial(struct node *n)
{
    n->backoff = n->backoff == 0 ? backoff_least : 2 * n->backoff;
    if (n->backoff > backoff_most)
        n->backoff = backoff_most;
    loop_arm(n->mesh->loop, &n->redial, n->backoff);
}

static int is_wanted(const struct node *n)
{
    return n->dials && n->link == NULL && !n->given_up && !n->mesh->stopping;
}

static void try_addresses(struct node *n)
{
    while (n->next_addr < n->lookup.count) {
        const struct addr *a = &n->lookup.found[n->next_addr++];
        char where[ADDR_TEXT];
        addr_format(a, where);
        int fd = connect_start(a);
        if (fd >= 0 && mesh_contact(n->mesh, fd, where, n, NULL, 0) == 0)
            return;
        err_set(&n->last, ERR_PEER, "%s at %s: cannot connect: %s", n->name, where,
                strerror(fd >= 0 ? ENOMEM : errno));
    }
    pause_then_dial(n);
}

int node_dial_lanes(struct contact *first, struct err *e)
{
    struct node *n = first->node;
    const struct addr *a = &n->lookup.found[n->next_addr - 1];
    char where[ADDR_TEXT];
    addr_format(a, where);
    for (unsigned i = 1; i < n->lanes; i++) {
        int fd = connect_start(a);
        if (fd < 0 || mesh_contact(n->mesh, fd, where, n, first, i) != 0)
            return err_set(e, ERR_PEER, "lane %u cannot connect: %s", i,
                           strerror(fd >= 0 ? ENOMEM : errno));
    }
    return 0;
}

void node_lookup_done(struct lookup *l)
{
    struct node *n = mesh_member(l, offsetof(struct node, lookup));
    if (!is_wanted(n))
        return;
    n->next_addr = 0;
    if (l->count == 0)
        err_set(&n->last, ERR_PEER, "%s at %s: %s", n->name, n->address, l->err.text);
    try_addresses(n);
}

void node_dial(struct node *n)
{
    if (is_wanted(n) && !n->lookup.busy)
        lookup_start(&n->lookup, n->mesh->pool);
}

void node_retry(struct node *n, const struct err *why)
{
    if (strcmp(n->last.text, why->text) != 0)
        log_line(LOG_INFO, LOG_NET, "%s", why->text);
    n->last = *why;
    if (!is_wanted(n))
        return;
    if (n->next_addr < n->lookup.count)
        try_addresses(n);
    else
        pause_then_dial(n);
}

void node_redial(struct timer *t)
{
    node_dial(mesh_member(t, offsetof(struct node, redial)));
}

/* The time to get a link is over. A party goes on dialling, a client does not. */
void node_impatient(struct timer *t)
{
    struct node *n = mesh_member(t, offsetof(struct node, patience));
    struct mesh *m = n->mesh;
    double seconds = (double)m->connect_ns / 1e9;
    struct err e;
    if (n->up)
        return;
    if (!n->dials)
        err_set(&e, ERR_PEER, "%s has not connected within %.3g s%s%.300s", n->name, seconds,
                n->last.code != 0 ? "; last try: " : ": is it running, and does it know our "
                "address and fingerprint?", n->last.text);
    else
        err_set(&e, ERR_PEER, "no link to %s at %s within %.3g s%s%.300s", n->name, n->address,
                seconds, n->last.code != 0 ? "; last try: " : "", n->last.text);
    n->given_up = m->self == MESH_CLIENT;
    if (n->given_up)
        loop_disarm(m->loop, &n->redial);
    node_report_down(n, &e);
}
