/*
 * keys.h: the keys of one job.
 *
 * Every pair of parties holds a secret of their link, known to no one else, and each party draws a
 * fresh nonce for every job. The key of a pair for the job is
 *
 *     K = HMAC-SHA256(link secret, "obscura job key" || lo || hi || job || digest || nonces)
 *
 * with the two parties' numbers lo < hi and all parties' nonces in order, so that no key ever
 * serves two jobs, even if a client names the same job twice, and parties that run different plans
 * share nothing.
 */
#ifndef OB_PROTO_KEYS_H
#define OB_PROTO_KEYS_H

#include <stdint.h>

#include "net/base_err.h"
#include "net/link.h"
#include "proto/prf.h"

enum { KEYS_NONCE = 16, KEYS_DIGEST = 32 };

struct keys {
    struct prf pair[LINK_PARTIES];  /* by the other party's number; [self] is not used */
    unsigned self, parties;
};

/* What goes into the keys of a job; secret[self] is not used. */
struct keys_seed {
    unsigned self, parties;
    uint64_t job;
    uint8_t secret[LINK_PARTIES][LINK_SECRET];
    uint8_t nonce[LINK_PARTIES][KEYS_NONCE];
    uint8_t digest[KEYS_DIGEST];
};

int keys_init(struct keys *k, const struct keys_seed *s, struct err *e);
void keys_fini(struct keys *k);     /* wipes */

#endif
