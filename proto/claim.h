/*
 * claim.h: what two parties hold to be equal, without saying what it is.
 *
 * In a malicious setting most cheating shows as two honest parties holding different bytes where
 * both should hold the same: a message and what a second sender would have sent, a product and
 * its check. Each states the bytes with claim(); the last gate of a program compares, for all
 * pairs of parties at once (check.h), one tag over all of their claims:
 *
 *     tag(a, b) = XOR over the claims c of a and b of GMAC_{k(c)}(bytes of c)
 *     k(c)      = F(K_ab; gate, USE_CLAIM, step and number of the claim within the step)
 *
 * with K_ab the job's key of the pair. GMAC (NIST SP 800-38D; GHASH under AES-128) is a universal
 * hash with a fresh key for each claim: if the honest a and b state different bytes of the same
 * length in some claim, their tags are equal with probability at most (n / 16 + 1) / 2^128, as
 * a third party that caused the difference knows nothing of k(c). A claim is XORed in, so gates may
 * finish in any order. What one side states and the other does not at all also differs.
 *
 * Why not a hash without a key: this one is several times as fast, and nothing needs to withstand
 * a and b themselves: a cheat who is one of the two could as well state what suits it.
 */
#ifndef OB_PROTO_CLAIM_H
#define OB_PROTO_CLAIM_H

#include <stddef.h>
#include <stdint.h>

#include "net/link.h"
#include "proto/prf.h"

enum { CLAIM_TAG = 16 };

/* Uses of randomness that no protocol may take for its own. */
enum { USE_CLAIM = 0x7f000000, USE_CONFIRM, USE_WELL, USE_SUM };

/* Tags so far, by role in a step, by party in an engine; and how many claims there were. */
struct claims {
    uint8_t tag[LINK_PARTIES][CLAIM_TAG];
    uint32_t count[LINK_PARTIES];
    uint64_t bytes[LINK_PARTIES];
};

struct step;

/* This step's party and the one in role `with` hold the same n bytes here. Both call this in the
 * same step of the gate, and in the same order where there are several. */
void claim(struct step *s, unsigned with, const void *p, size_t n);

/* The tag of n bytes under the key of a pair is XORed into `tag`. */
void claim_tag(uint8_t tag[static CLAIM_TAG], const struct prf *pair, uint32_t gate,
               uint64_t block, const void *p, size_t n);

#endif
