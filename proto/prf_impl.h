/*
 * prf_impl.h: what one implementation of the generator brings, and the ledger of debug builds.
 * Private to prf*.c and their test.
 */
#ifndef OB_PROTO_PRF_IMPL_H
#define OB_PROTO_PRF_IMPL_H

#include <stddef.h>
#include <stdint.h>

enum { PRF_BLOCK = 16, PRF_ROUNDS = 10 };

struct prf_impl {
    const char *name;
    /* out[0 .. n) = AES(le64(block) || le64(domain)), AES(le64(block + 1) || le64(domain)) ... */
    void (*fill)(const uint8_t schedule[PRF_ROUNDS + 1][16], uint64_t domain, uint64_t block,
                 uint8_t *out, size_t n);
    /* p[0 .. n) = AES(p), block by block; n is a multiple of 16. */
    void (*permute)(const uint8_t schedule[PRF_ROUNDS + 1][16], uint8_t *p, size_t n);
};

extern const struct prf_impl prf_aesni;     /* AES-NI, eight blocks at a time */
extern const struct prf_impl prf_vaes;      /* VAES on 256 bits, sixteen at a time */

/* What has been drawn under one key. Any thread may enter a draw. */
struct prf_ledger;

struct prf_ledger *ledger_new(void);        /* NULL without memory */
void ledger_free(struct prf_ledger *l);     /* NULL is legal */

/* Enters blocks [block, block + count) of (gate, use). A block entered before ends the program
 * with one line. */
void ledger_draw(struct prf_ledger *l, uint32_t gate, uint32_t use, uint64_t block,
                 uint64_t count);

#endif
