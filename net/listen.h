/*
 * listen.h: the socket on which a party takes connections.
 */
#ifndef OB_NET_LISTEN_H
#define OB_NET_LISTEN_H

#include "net/addr.h"

struct listener;

/* Listens on "host:port" (port 0: any), or, when fd > 0, on that socket, which becomes its own.
 * Nothing is accepted before listener_start. NULL with *e filled. */
struct listener *listener_new(struct loop *l, const char *address, int fd, struct err *e);
void listener_free(struct listener *l);

/* Hands each connection over as a non-blocking descriptor, with the address it comes from. */
int listener_start(struct listener *l, void (*accepted)(void *ctx, int fd, const char *from),
                   void *ctx, struct err *e);

/* The address it is bound to. */
const char *listener_address(const struct listener *l);
unsigned listener_port(const struct listener *l);

#endif
