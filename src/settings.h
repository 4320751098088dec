/*
 * settings.h: what a configuration file says, read and checked.
 *
 * One structure serves parties and clients. Every key can be given on the command line too, as
 * --set 'section.key=value', which wins over the file. A refusal names file and line (or the
 * option), what was found and what was expected. Secrets are never values here, only paths; paths
 * that are not absolute are relative to the file's folder.
 *
 * What this is not: it opens no key and resolves no address (runtime.h does).
 */
#ifndef OB_SRC_SETTINGS_H
#define OB_SRC_SETTINGS_H

#include <stdint.h>

#include "net/base_err.h"
#include "net/link.h"
#include "proto/protocol.h"
#include "src/role.h"

enum { SETTINGS_TEXT = 128, SETTINGS_PATH = 1024, SETTINGS_CLIENTS = 32 };

struct settings_peer {
    char address[SETTINGS_TEXT];        /* host:port; empty: not given */
    char fingerprint[SETTINGS_TEXT];
};

struct settings_client {
    char name[SETTINGS_TEXT];
    char fingerprint[SETTINGS_TEXT];
    uint32_t may;                       /* enum role_right, added up */
};

enum { REVEAL_LABEL, REVEAL_SCORES };
enum { TRANSPORT_EPOLL, TRANSPORT_URING };

struct settings {
    char file[SETTINGS_PATH];
    int party;                          /* the file has a [party] section */
    int client;                         /* the file has a [client] section */
    uint32_t index;
    char name[SETTINGS_TEXT];           /* of a client */
    char protocol[SETTINGS_TEXT];
    char listen[SETTINGS_TEXT];
    char key[SETTINGS_PATH], certificate[SETTINGS_PATH];
    char model[SETTINGS_PATH], selection[SETTINGS_PATH], clip[SETTINGS_PATH];
    char model_name[SETTINGS_TEXT];
    char frames[SETTINGS_TEXT];         /* clip lengths that Bob serves: 97,120-130 */
    char log[SETTINGS_TEXT];
    char congestion[SETTINGS_TEXT];     /* control of TCP; empty: the kernel's own */
    uint32_t workers;                   /* 0: as many as there are cores */
    uint32_t reveal, transport;
    uint32_t max_jobs, max_models, window, lanes;
    uint32_t chunk;                     /* frames of a clip that come at once; 0: all */
    char material[SETTINGS_PATH];       /* where a party stores randomness; empty: nowhere */
    double job_timeout, connect_timeout;
    uint64_t job_memory, model_memory;
    unsigned nclient;
    struct settings_peer peer[LINK_PARTIES];
    struct settings_client allowed[SETTINGS_CLIENTS];
    uint64_t seen[2];                   /* keys of [party] and [client] that were given: for
                                         * "given twice" */
    uint64_t seen_peer[LINK_PARTIES], seen_allowed[SETTINGS_CLIENTS];
};

/* The defaults. */
void settings_init(struct settings *s);

/* Adds what the file says. ERR_USAGE with file:line, or ERR_USAGE when it cannot be read. */
int settings_read(struct settings *s, const char *file, struct err *e);

/* One assignment "section.key=value" from the command line. */
int settings_assign(struct settings *s, const char *text, struct err *e);

/* Whether everything is there that a party (or a client) needs, and fits together. */
int settings_check(const struct settings *s, int party, struct err *e);

/* The protocol, once checked. */
const struct protocol *settings_protocol(const struct settings *s);

#endif
