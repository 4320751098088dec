/*
 * local.h: the gates that every linear sharing has for nothing: sparse public maps over ring
 * elements and over bits, and sums over windows. They work plane by plane, or on pairs of planes
 * where elements have two words; a public constant is added by the planes that the protocol names
 * (takes_constant), or by the protocol itself (add_constants).
 */
#ifndef OB_PROTO_LOCAL_H
#define OB_PROTO_LOCAL_H

#include "proto/protocol.h"

/* NULL for kinds that are not local. */
const struct gate_ops *local_gate(enum gate_kind kind);

#endif
