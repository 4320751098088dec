/*
 * node.h: keys, certificates and listening sockets for tests that need a few nodes.
 */
#ifndef OB_TESTS_NODE_H
#define OB_TESTS_NODE_H

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/cert.h"

enum { NODE_CONFS = 8 };

struct node_conf {
    unsigned count;
    struct cert *cert[NODE_CONFS];
    int listen_fd[NODE_CONFS];
    char address[NODE_CONFS][32];
};

static inline void node_folder(char out[static 64])
{
    snprintf(out, 64, "/tmp/obscura-test-XXXXXX");
    if (mkdtemp(out) == NULL) {
        perror("mkdtemp");
        exit(1);
    }
}

/* A fresh key and certificate; their files are gone again. */
static inline struct cert *node_cert(const char *name)
{
    char folder[64], key[96], file[96], fingerprint[CERT_FINGERPRINT];
    struct err e = { 0 };
    struct cert *c = NULL;
    node_folder(folder);
    snprintf(key, sizeof key, "%s/key", folder);
    snprintf(file, sizeof file, "%s/cert", folder);
    if (cert_generate(name, key, file, fingerprint, &e) == 0)
        c = cert_load(key, file, &e);
    if (c == NULL)
        fprintf(stderr, "%s\n", e.text);
    unlink(key);
    unlink(file);
    rmdir(folder);
    return c;
}

/* A socket that listens on a free port of 127.0.0.1, and its address as text. */
static inline int node_listen(char address[static 32])
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t n = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof a) != 0 || listen(fd, 64) != 0
        || getsockname(fd, (struct sockaddr *)&a, &n) != 0) {
        perror("listening on 127.0.0.1");
        exit(1);
    }
    snprintf(address, 32, "127.0.0.1:%u", ntohs(a.sin_port));
    return fd;
}

static inline int node_conf_init(struct node_conf *nc, unsigned count)
{
    *nc = (struct node_conf){ .count = count };
    for (unsigned i = 0; i < count; i++) {
        char name[16];
        snprintf(name, sizeof name, "node %u", i);
        nc->cert[i] = node_cert(name);
        if (nc->cert[i] == NULL)
            return -1;
        nc->listen_fd[i] = node_listen(nc->address[i]);
    }
    return 0;
}

static inline void node_conf_fini(struct node_conf *nc)
{
    for (unsigned i = 0; i < nc->count; i++)
        cert_free(nc->cert[i]);
}

#endif
