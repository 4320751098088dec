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
 *
 * Where there are four parties, every three of them have a key as well, which the fourth lacks:
 *
 *     K = SHA-256("obscura key of three" || missing || job || digest || nonces || contributions)
 *
 * Each of the three draws its contribution and sends it to the other two, over their links. A
 * cheat among the three may send them different ones, or choose its own last. The second hides
 * nothing from it that it should not see: it knows the key by right, and whoever lacks the key is
 * honest then; but by trying contributions it may choose among masks that it knows anyway (see
 * docs/security.md on rounding coins). The first makes two honest parties hold different keys;
 * keys_confirm enters the keys into what each pair claims (claim.h), so that no output leaves.
 */
#ifndef OB_PROTO_KEYS_H
#define OB_PROTO_KEYS_H

#include <stdint.h>

#include "net/base_err.h"
#include "net/link.h"
#include "proto/claim.h"
#include "proto/prf.h"

enum { KEYS_NONCE = 16, KEYS_DIGEST = 32, KEYS_PART = 16 };

struct keys {
    struct prf pair[LINK_PARTIES];  /* by the other party's number; [self] is not used */
    struct prf own;                 /* this party's alone: what it draws for itself */
    struct prf without[LINK_PARTIES];   /* four parties: of all but that one; [self] is not used */
    unsigned self, parties;
};

/* What goes into the keys of a job; secret[self] is not used. */
struct keys_seed {
    unsigned self, parties;
    uint64_t job;
    uint8_t secret[LINK_PARTIES][LINK_SECRET];
    uint8_t nonce[LINK_PARTIES][KEYS_NONCE];
    uint8_t digest[KEYS_DIGEST];
    uint8_t own[KEYS_PART];         /* drawn afresh for every job, told to nobody */
    uint8_t part[LINK_PARTIES][LINK_PARTIES][KEYS_PART];    /* contributions: by whom, for the key
                                                             * that this party lacks */
};

int keys_init(struct keys *k, const struct keys_seed *s, struct err *e);
void keys_fini(struct keys *k);     /* wipes */

/* Claims towards every peer that the keys which both hold are the same. */
void keys_confirm(const struct keys *k, struct claims *c);

#endif
