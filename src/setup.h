/*
 * setup.h: a fresh set of keys, certificates and configuration files for a setting.
 *
 * Makes one key and certificate for every party and for the clients alice and bob, and for each of
 * them a configuration file that names the others by address and fingerprint. Used by `keygen`,
 * and by `demo` in a folder of its own.
 */
#ifndef OB_SRC_SETUP_H
#define OB_SRC_SETUP_H

#include "net/cert.h"
#include "proto/protocol.h"

enum { SETUP_ADDRESS = 128, SETUP_NODES = LINK_PARTIES + 2 };

struct setup {
    const struct protocol *proto;
    const char *dir;                                /* exists */
    char address[LINK_PARTIES][SETUP_ADDRESS];      /* host:port where a party is reached */
    char listen[LINK_PARTIES][SETUP_ADDRESS];       /* host:port where it listens */
    unsigned workers;
    int reveal_scores;
    double connect_timeout;                         /* seconds */

    /* Out. Parties, then alice, then bob. */
    unsigned nodes;
    char name[SETUP_NODES][24];                     /* "party0", "alice"; also the files' name */
    char fingerprint[SETUP_NODES][CERT_FINGERPRINT];
};

/* ERR_USAGE if one of the files exists: nothing has been written then. */
int setup_make(struct setup *s, struct err *e);

#endif
