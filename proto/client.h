/*
 * client.h: what the owners of data and the parties do with a whole input: a protocol's sharing,
 * once for each of so many turns (protocol.h), and the marks by which parties find out whether an
 * owner gave them all the same.
 *
 * Weights and biases are shared for every turn that there is (protocol_turns), a clip and a frame
 * selection for turn 0 alone. A message from an owner to a party holds the parts of its roles in
 * turn 0, 1, .. one after another; a party's memory of the input likewise, `stride` words apart.
 *
 * A mark is a SHA-256 over what two parties both know of an input, in the order of turns and items.
 * Its two makers compare it before they compute anything; an owner who knows how marks are made
 * would have to find a collision. To the other of the two it tells nothing: it holds the same
 * words, or the owner cheats. Semi-honest protocols have no marks (all zeros). A mark says nothing
 * of one turn's sharing against another's: a model may differ by turn, a clip cannot.
 */
#ifndef OB_PROTO_CLIENT_H
#define OB_PROTO_CLIENT_H

#include "proto/protocol.h"

enum { CLIENT_MARK = 32 };

/* Bytes of an owner's message to a party about n elements. */
size_t client_bytes(const struct protocol *p, enum owner of, size_t n, unsigned turns,
                    unsigned party);

/* Words between the parts of an input in a party's memory; in all, `turns` times as many. */
size_t client_share_stride(const struct protocol *p, size_t n);
size_t client_pack_stride(const struct protocol *p, const struct geometry *g);

/* One message for each party; draws fresh randomness and wipes it. 0 or ERR_FAILED. */
int client_split(const struct protocol *p, enum owner of, uint8_t *const out[], const uint64_t *x,
                 size_t n, unsigned turns, struct err *e);

/* A party's shares of all turns; then, of a kernel matrix, the packed operands. 0 or ERR_FAILED. */
void client_join(const struct protocol *p, enum owner of, uint64_t *share, const uint8_t *in,
                 size_t n, unsigned turns, unsigned party);
int client_pack(const struct protocol *p, uint64_t *packed, const uint64_t *share,
                const struct geometry *g, unsigned turns, unsigned party);

/* The mark of what `party` and `other` both know of n joined elements. 0 or ERR_FAILED. */
int client_mark(const struct protocol *p, uint8_t mark[static CLIENT_MARK], const uint64_t *share,
                size_t n, unsigned turns, unsigned party, unsigned other);

#endif
