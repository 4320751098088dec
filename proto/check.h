/*
 * check.h: the gates that end a program of a malicious setting.
 *
 * BARRIER  every party tells every other that all gates before are done at its side. Complete when
 *          all have told: from then on no message of those gates can change, and public coins
 *          that depend on nothing may be shown.
 *
 * CHECK    round 1: each pair exchanges the tags of its claims (claim.h), 16 bytes each way.
 *          round 2: whose claims all agree says so to everybody: the word F(K_ab; WELL, sender),
 *          which only the two ends of a link know, so that nobody can say it for another.
 *          The gate is complete, and the program with it, when everybody has said so.
 *
 * Two rounds, parties (parties - 1) 32 bytes. A party that finds a difference says nothing but
 * ABORT: its word is missing, so no honest party lets any piece of an output go (unanimous abort of
 * the honest parties; a cheat that withholds its own word from some stops those, and the others
 * have no output either, since pieces of all are needed). What an abort tells: that two parties'
 * claims differ. As the difference is a function of what the cheat knows and chose, it tells
 * nothing about inputs.
 */
#ifndef OB_PROTO_CHECK_H
#define OB_PROTO_CHECK_H

#include "proto/protocol.h"

/* The ops of BARRIER and CHECK; NULL for other kinds. */
const struct gate_ops *check_gate(enum gate_kind kind);

#endif
