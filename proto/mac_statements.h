/*
 * mac_statements.h: what the gates with MACs leave to the proofs of syrep.h: their bits.
 */
#ifndef OB_PROTO_MAC_STATEMENTS_H
#define OB_PROTO_MAC_STATEMENTS_H

#include "proto/mac.h"
#include "proto/syrep.h"

extern const struct statements mac_trunc_statements;

#endif
