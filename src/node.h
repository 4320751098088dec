/*
 * node.h: the real machine under a role: loop, worker pool and mesh, made from the settings.
 */
#ifndef OB_SRC_NODE_H
#define OB_SRC_NODE_H

#include "net/cert.h"
#include "net/loop.h"
#include "net/mesh.h"
#include "net/pool.h"
#include "src/settings.h"

struct node {
    struct loop *loop;
    struct pool *pool;
    struct cert *cert;
    struct mesh *mesh;
    struct host *host;      /* the mesh's */
};

/* Loads the key and makes everything; nothing is connected yet. listen_fd: a socket that listens
 * already, or -1. After a failure node_close is legal. */
int node_open(struct node *n, const struct settings *s, int listen_fd, struct err *e);

/* Frees the host and all that carries it; the role is freed by the caller afterwards. */
void node_close(struct node *n);

#endif
