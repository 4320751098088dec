/*
 * taint.h: memcheck's marks for secrets, or nothing where its header is missing: marked undefined,
 * a secret that decides a branch or an index is an error under valgrind.
 */
#ifndef OB_TESTS_TAINT_H
#define OB_TESTS_TAINT_H

#include "config.h"

#ifdef HAVE_VALGRIND_MEMCHECK_H
#include <valgrind/memcheck.h>
#else
#define VALGRIND_MAKE_MEM_UNDEFINED(p, n) ((void)(p), (void)(n))
#define VALGRIND_MAKE_MEM_DEFINED(p, n) ((void)(p), (void)(n))
#define VALGRIND_DISABLE_ERROR_REPORTING
#define VALGRIND_ENABLE_ERROR_REPORTING
#endif

#endif
