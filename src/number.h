/*
 * number.h: numbers as people write them, with ranges and units.
 *
 * Each function reads the whole text or refuses it: ERR_USAGE, with what was found and what was
 * expected; the caller puts the place (option, file and line) before it with err_prefix.
 */
#ifndef OB_SRC_NUMBER_H
#define OB_SRC_NUMBER_H

#include <stdint.h>

#include "net/base_err.h"

/* A whole decimal number in [min, max]. */
int number_count(uint64_t *v, const char *text, uint64_t min, uint64_t max, struct err *e);

/* A decimal fraction in [min, max]; neither infinite nor "not a number". */
int number_real(double *v, const char *text, double min, double max, struct err *e);

/* A duration with its unit (ms, s, min, h), in seconds. */
int number_seconds(double *v, const char *text, double min, double max, struct err *e);

/* A size with its unit (B, KiB, MiB, GiB), in bytes. */
int number_bytes(uint64_t *v, const char *text, uint64_t min, uint64_t max, struct err *e);

#endif
