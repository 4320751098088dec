/*
 * check.h: what a test program needs. Each case prints `ok - name` or `not ok - name`; selftest
 * counts these lines. A program exits 1 if a case failed, 77 if all were skipped.
 */
#ifndef OB_TESTS_CHECK_H
#define OB_TESTS_CHECK_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static unsigned check_bad, check_failed, check_passed, check_skipped;

#define CHECK(cond)                                                                     \
    do {                                                                                \
        if (!(cond)) {                                                                  \
            check_bad++;                                                                \
            fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #cond);        \
        }                                                                               \
    } while (0)

#define CHECK_EQ(a, b)                                                                  \
    do {                                                                                \
        long long check_a = (long long)(a), check_b = (long long)(b);                   \
        if (check_a != check_b) {                                                       \
            check_bad++;                                                                \
            fprintf(stderr, "%s:%d: %s is %lld, expected %s = %lld\n", __FILE__,        \
                    __LINE__, #a, check_a, #b, check_b);                                \
        }                                                                               \
    } while (0)

static inline void check_case(const char *name, void (*fn)(void))
{
    check_bad = 0;
    fn();
    printf("%s - %s\n", check_bad == 0 ? "ok" : "not ok", name);
    fflush(stdout);
    *(check_bad == 0 ? &check_passed : &check_failed) += 1;
}

static inline void check_skip(const char *name, const char *why)
{
    printf("skip - %s # %s\n", name, why);
    check_skipped++;
}

static inline int check_done(void)
{
    if (check_failed > 0)
        return 1;
    return check_passed == 0 && check_skipped > 0 ? 77 : 0;
}

/* A small seeded generator for test inputs (splitmix64): the seed is printed by who uses it. */
static inline uint64_t check_random(uint64_t *state)
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

#define CASE(fn) check_case(#fn, fn)

/* Is this built with the address sanitizer, or with the one for threads? */
#ifdef __SANITIZE_ADDRESS__
enum { CHECK_ADDRESSES = 1 };
#else
enum { CHECK_ADDRESSES = 0 };
#endif
#ifdef __SANITIZE_THREAD__
enum { CHECK_THREADS = 1 };
#else
enum { CHECK_THREADS = 0 };
#endif

/* Of long cases whose point is figures: a sanitizer has nothing to find in them that it would not
 * find in others. */
#define CASE_PLAIN(fn)                                                                  \
    do {                                                                                \
        if (CHECK_ADDRESSES || CHECK_THREADS)                                                            \
            check_skip(#fn, "long, and nothing for a sanitizer");                       \
        else                                                                            \
            CASE(fn);                                                                   \
    } while (0)

/* How often something random is repeated: so often that it proves its point, or with TEST_LONG=1 in
 * the environment (make check-long) often enough to find what is rare. */
static inline unsigned check_times(unsigned some, unsigned many)
{
    const char *wish = getenv("TEST_LONG");
    return wish != NULL && strcmp(wish, "1") == 0 ? many : some;
}

#endif
