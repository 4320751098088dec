/*
 * prf.h: pseudo-random words without order.
 *
 * Every word is a function of (key, gate, use, index), never "the next one": tasks may overlap in
 * any order on any party and the shares still match.
 *
 *     block(gate, use, j) = AES-128_key( le64(j) || le32(gate) || le32(use) )
 *
 * The key is fresh for each job and pair of holders (session, job and holders go into its
 * derivation, see keys.h); `gate` numbers the gate instance in the plan, which fixes layer, slice
 * and labelling; `use` names the mask within the gate. As a PRF this is AES under the PRP/PRF
 * switching lemma: fewer than 2^40 blocks per key leave an advantage under 2^-48.
 *
 * In a build with --enable-debug, every draw is entered in a ledger, and a word that is drawn
 * twice under one key by one holder ends the program: no word may serve two purposes.
 */
#ifndef OB_PROTO_PRF_H
#define OB_PROTO_PRF_H

#include <stddef.h>
#include <stdint.h>

enum { PRF_KEY = 16 };

struct prf_ledger;

struct prf {
    _Alignas(64) uint8_t schedule[11][16];  /* AES-128 round keys */
    struct prf_ledger *ledger;              /* debug builds; NULL otherwise */
};

/* Expands the key. prf_fini wipes it (and ends the ledger). */
void prf_init(struct prf *k, const uint8_t key[static PRF_KEY]);
void prf_fini(struct prf *k);

/* out[0 .. n) = the bytes of the stream (gate, use) from byte 16 * block on. Thread-safe. */
void prf_fill(const struct prf *k, uint32_t gate, uint32_t use, uint64_t block,
              void *out, size_t n);

/* The same for words that this party has drawn before and that serve the same purpose once more,
 * because something is proved of it: the ledger does not count them. */
void prf_again(const struct prf *k, uint32_t gate, uint32_t use, uint64_t block,
               void *out, size_t n);

/* out[0 .. n) = words [first, first + n) of what a seed stands for, which a client sends in place
 * of them; first is even. */
void prf_expand(const uint8_t seed[static PRF_KEY], size_t first, uint64_t *out, size_t n);

/* For keys that are many and lie in flat memory: the round keys, 16-byte aligned; prf_fill from
 * them alone, outside any ledger; and AES itself, of the n / 16 blocks at p, in place. */
void prf_schedule(uint8_t schedule[static 11][16], const uint8_t key[static PRF_KEY]);
void prf_stream(const uint8_t schedule[static 11][16], uint32_t gate, uint32_t use, uint64_t block,
                void *out, size_t n);
void prf_permute(const uint8_t schedule[static 11][16], void *p, size_t n);

/* Which implementation the processor got ("vaes", "aesni", "openssl"); tests can force one by
 * name, and get -1 when this machine has not got it. */
const char *prf_isa(void);
int prf_force(const char *isa);

#endif
