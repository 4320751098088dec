/*
 * check.h: the gates that end a program of a malicious setting.
 *
 * BARRIER  every party tells every other that all gates before are done at its side. Complete when
 *          all have told: from then on no message of those gates can change, and public coins
 *          that depend on nothing may be shown.
 *
 * CHECK    the tags of all claims (claim.h) are compared at once. Party p has tags T_pq, which
 *          should equal T_qp, and computes
 *
 *              V_p = XOR over q of GMAC_{k(p, q)}(T_pq)
 *
 *          with a new key k of each pair, so that the XOR of all V_p is zero if all pairs agree.
 *          round 1: each party commits to V_p (SHA-256) towards all others;
 *          round 2: once it has everybody's commitment, it shows V_p;
 *          round 3: whoever finds all commitments kept and the XOR zero says so to everybody: the
 *          word F(K_ab; WELL, sender), which only the two ends of a link know, so that nobody can
 *          say it for another.
 *          The gate is complete, and the program with it, when everybody has said so.
 *
 * Three rounds, parties (parties - 1) 64 bytes. A party that finds a difference says nothing but
 * ABORT: its word is missing, so no honest party lets any piece of an output go (unanimous abort of
 * the honest parties; a cheat that withholds its own word from some stops those, and the others
 * have no output either, since pieces of all are needed).
 *
 * That a difference is found: let honest a and b have T_ab != T_ba. GMAC with the key k(a, b) adds
 * the same pad to V_a and to V_b, and to their XOR (T_ab ^ T_ba) H^2, H = AES_k(0). No third party
 * knows either, so it sees V_a and V_b as two uniform words (to 2^-126), and it had to commit to
 * its own V before the last of them was shown: the XOR is zero with probability 2^-126.
 *
 * That it tells nothing: by the same words, where two honest parties differ, what a cheat sees of
 * all honest parties is uniform, whatever they hold in tags towards the cheat itself. That matters:
 * a cheat can make one honest party's shares wrong, and if that party later states, towards the
 * cheat, bytes that it computed from them, its tag depends on an error times shares that the
 * cheat lacks. Tags compared pair by pair would show it. Where no two honest parties differ, what
 * they hold towards the cheat is known to it.
 */
#ifndef OB_PROTO_CHECK_H
#define OB_PROTO_CHECK_H

#include "proto/protocol.h"

/* The ops of BARRIER and CHECK; NULL for other kinds. */
const struct gate_ops *check_gate(enum gate_kind kind);

#endif
