/*
 * program_build.h: what the files that put programs together share.
 *
 *   program.c         values, gates, deals
 *   program_map.c     public sparse maps and their gates
 *   program_stage.c   stages and the gates that check them
 */
#ifndef OB_PROTO_PROGRAM_BUILD_H
#define OB_PROTO_PROGRAM_BUILD_H

#include "proto/program.h"
#include "proto/protocol.h"

/* Makes room for one more entry of `size` bytes; 0, or -1 and the program has failed. */
int program_grow(struct program *p, void *array, uint32_t count, uint32_t *room, size_t size);

/* The number of elements of a value, or 0 when the program has failed or the kind is not one of
 * the two allowed. */
size_t value_size(struct program *p, uint32_t v, int kind, int other);

/* A gate with the labels, turn and wait that new gates get, and no operands. */
struct gate gate_blank(const struct program *p, enum gate_kind kind);

/* Enters a gate whose fields are all set, and before it what it uses up. */
void gate_enter(struct program *p, const struct gate *g);

#endif
