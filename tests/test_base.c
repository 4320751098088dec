/* Errors, log levels, memory and byte readers. */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "net/base_bytes.h"
#include "net/base_err.h"
#include "net/base_log.h"
#include "net/base_mem.h"
#include "tests/check.h"

static void errors(void)
{
    struct err e = { 0 };
    CHECK_EQ(err_set(&e, ERR_INPUT, "%s:%d: bad", "file", 7), ERR_INPUT);
    CHECK_EQ(e.code, ERR_INPUT);
    CHECK(strcmp(e.text, "file:7: bad") == 0);
    CHECK_EQ(err_prefix(&e, "party %d", 1), ERR_INPUT);
    CHECK(strcmp(e.text, "party 1: file:7: bad") == 0);
    CHECK_EQ(err_set(NULL, ERR_PEER, "nobody reads this"), ERR_PEER);
    err_set(&e, ERR_USAGE, "%s", "two\nlines\x1b[2J\x7f");
    err_prefix(&e, "a\tb");
    CHECK(strcmp(e.text, "a?b: two?lines?[2J?") == 0);
    char longer[2000];
    memset(longer, 'x', sizeof longer);
    longer[sizeof longer - 1] = '\0';
    err_set(&e, ERR_FAILED, "%s", longer);
    CHECK_EQ(strlen(e.text), sizeof e.text - 1);
    err_prefix(&e, "%s", longer);
    CHECK_EQ(strlen(e.text), sizeof e.text - 1);
}

static void log_levels(void)
{
    CHECK_EQ(log_configure("notice"), 0);
    CHECK(log_enabled(LOG_NET, LOG_NOTICE) && !log_enabled(LOG_NET, LOG_INFO));
    CHECK_EQ(log_configure("error,net=debug"), 0);
    CHECK(log_enabled(LOG_NET, LOG_DEBUG) && !log_enabled(LOG_NN, LOG_WARN));
    CHECK_EQ(log_configure("loud"), -1);
    CHECK_EQ(log_configure("nobody=debug"), -1);
    CHECK_EQ(log_configure("notice"), 0);
}

/* Takes and gives blocks at random and keeps its own account of them. */
static void arena_random(void)
{
    enum { SLOTS = 64 };
    uint64_t seed = 20240611, expect[SLOTS] = { 0 };
    uint8_t *slot[SLOTS] = { 0 };
    size_t n[SLOTS] = { 0 };
    struct arena *a = arena_new(0);
    printf("# seed %llu\n", (unsigned long long)seed);
    for (int step = 0; step < 20000; step++) {
        unsigned i = check_random(&seed) % SLOTS;
        if (slot[i] != NULL) {
            for (size_t k = 0; k < n[i]; k += 97)
                if (slot[i][k] != (uint8_t)(expect[i] + k))
                    CHECK(!"another block's bytes");
            arena_give(slot[i]);
            slot[i] = NULL;
            continue;
        }
        n[i] = check_random(&seed) % (1u << (check_random(&seed) % 18));
        slot[i] = arena_take(a, n[i]);
        CHECK(slot[i] != NULL && (uintptr_t)slot[i] % 64 == 0);
        CHECK(n[i] < 32768 || (uintptr_t)slot[i] % 4096 >= 64);
        expect[i] = check_random(&seed);
        for (size_t k = 0; k < n[i]; k++)
            slot[i][k] = (uint8_t)(expect[i] + k);
    }
    size_t used = 0;
    for (unsigned i = 0; i < SLOTS; i++)
        if (slot[i] != NULL)
            used += n[i];
    CHECK(arena_used(a) >= used && arena_peak(a) >= arena_used(a));
    for (unsigned i = 0; i < SLOTS; i++)
        arena_give(slot[i]);
    CHECK_EQ(arena_used(a), 0);
    arena_free(a);
}

static void arena_reuse_and_waste(void)
{
    struct arena *a = arena_new(0);
    void *p = arena_take(a, 100000), *q;
    arena_give(p);
    CHECK((q = arena_take(a, 99999)) == p);
    arena_give(q);
    for (size_t n = 4096; n < (64u << 20); n += n / 3 + 1) {
        size_t before = arena_used(a);
        p = arena_take(a, n);
        CHECK(p != NULL && arena_used(a) - before <= n + n / 8 + 4096);
        arena_give(p);
    }
    arena_free(a);
}

static void arena_limit(void)
{
    struct arena *a = arena_new(1 << 20);
    CHECK(arena_take(a, 2 << 20) == NULL);
    void *p = arena_take(a, 600000);
    CHECK(p != NULL && arena_take(a, 600000) == NULL);
    arena_give(p);
    void *q = arena_take(a, 900000);       /* the free block of 600000 makes room */
    CHECK(q != NULL);
    CHECK(arena_take(a, SIZE_MAX) == NULL && arena_take(a, SIZE_MAX - 64) == NULL);
    CHECK(arena_used(a) <= 1 << 20);
    arena_give(q);
    p = arena_take(a, 0);
    CHECK(p != NULL);
    arena_give(p);
    arena_give(NULL);
    arena_free(a);
    arena_free(NULL);
}

/* What a host has pinned outlives its arena. */
static void arena_pins(void)
{
    struct arena *a = arena_new(0);
    uint8_t *p = arena_take(a, 1000), *q = arena_take(a, 70000), *r = arena_take(a, 10);
    memset(p, 1, 1000);
    memset(q, 2, 70000);
    arena_pin(p);
    arena_pin(q);
    arena_pin(r);
    arena_unpin(r);
    arena_free(a);
    CHECK(p[999] == 1 && q[69999] == 2);
    arena_unpin(p);
    arena_give(q);
    CHECK(p[999] == 1);
    arena_give(p);
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
/* Looks for a pattern in all of this process's writable memory. */
static int find_pattern(const uint8_t *pattern, size_t n)
{
    FILE *maps = fopen("/proc/self/maps", "r");
    char line[512];
    static uint8_t page[4096];
    int found = 0, mem = open("/proc/self/mem", O_RDONLY);
    while (maps != NULL && fgets(line, sizeof line, maps) != NULL) {
        unsigned long from, to;
        char mode[8];
        if (sscanf(line, "%lx-%lx %7s", &from, &to, mode) != 3 || mode[0] != 'r' || mode[1] != 'w')
            continue;
        for (unsigned long at = from; at < to; at += sizeof page) {
            if (pread(mem, page, sizeof page, (off_t)at) != (ssize_t)sizeof page)
                continue;
            for (size_t k = 0; k + n <= sizeof page; k += n)
                found += memcmp(page + k, pattern, n) == 0;
        }
        memset(page, 0, sizeof page);
    }
    close(mem);
    if (maps != NULL)
        fclose(maps);
    return found;
}

/* The pattern is never in memory as a whole but in the arena: it is built from its complement. */
static void arena_wipes(void)
{
    uint8_t pattern[64];
    uint64_t seed = 77;
    for (size_t i = 0; i < sizeof pattern; i++)
        pattern[i] = (uint8_t)check_random(&seed);
    struct arena *a = arena_new(0);
    uint8_t *p = arena_take(a, 1 << 20), *q = arena_take(a, 4096);
    for (size_t i = 0; i < 1 << 20; i++)
        p[i] = pattern[i % 64];
    memcpy(q, p, 4096);
    arena_give(p);
    CHECK(find_pattern(pattern, 64) > 4000);
    arena_free(a);
    CHECK(find_pattern(pattern, 64) <= 2);      /* `pattern` itself, and the search's buffer */

    /* A block that makes room for another goes back to the allocator, which keeps the pages. */
    a = arena_new(93000);
    p = arena_take(a, 3000);
    for (size_t i = 0; i < 3000; i++)
        p[i] = pattern[i % 64];
    arena_give(p);
    q = arena_take(a, 90000);
    CHECK(q != NULL);
    CHECK(find_pattern(pattern, 64) <= 2);
    arena_free(a);

    /* In two parts, the second of which may come later. */
    a = arena_new(0);
    p = arena_take(a, 3000);
    for (size_t i = 0; i < 3000; i++)
        p[i] = pattern[i % 64];
    struct block *blocks = arena_end(a);
    CHECK(find_pattern(pattern, 64) > 40);
    CHECK(blocks_free(blocks, SIZE_MAX) == NULL);
    CHECK(find_pattern(pattern, 64) <= 2);
}
#endif

static void *blocks_thread(void *blocks)
{
    unsigned parts = 0;
    for (struct block *b = blocks; b != NULL; parts++)
        b = blocks_free(b, 50000);
    return (void *)(uintptr_t)parts;
}

/* What has left an arena is another thread's; the arena goes on, or ends with what is pinned. */
static void arena_parts(void)
{
    pthread_t thread[2];
    struct arena *a = arena_new(0);
    uint8_t *p = arena_take(a, 70000), *q = arena_take(a, 100), *r = arena_take(a, 2 << 20);
    memset(p, 1, 70000);
    memset(q, 2, 100);
    memset(r, 3, 2 << 20);
    arena_give(p);
    arena_give(r);
    size_t used = arena_used(a);
    pthread_create(&thread[0], NULL, blocks_thread, arena_spare(a));
    CHECK_EQ(arena_used(a), used);
    CHECK(arena_spare(a) == NULL);
    for (int i = 0; i < 100; i++)       /* the table of blocks serves both threads */
        CHECK((p = arena_take(a, 5000)) != NULL);
    arena_pin(q);
    pthread_create(&thread[1], NULL, blocks_thread, arena_end(a));
    for (int i = 0; i < 100; i++)
        CHECK_EQ(q[i], 2);
    arena_give(q);                      /* the last: the arena is gone */
    void *parts[2];
    pthread_join(thread[0], &parts[0]);
    pthread_join(thread[1], &parts[1]);
    CHECK_EQ((uintptr_t)parts[0], 2);   /* of 70,000 bytes and 2 MB */
    CHECK_EQ((uintptr_t)parts[1], 10);  /* of 100 times 5,000 */
    CHECK(arena_end(NULL) == NULL && blocks_free(NULL, 1) == NULL);
}

#if defined(HAVE_JEMALLOC) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
/* Whoever takes fresh memory is not who pays for its pages. */
static void taking_touches_nothing(void)
{
    enum { N = 32, SIZE = 4 << 20 };
    struct rusage before, after;
    struct arena *a = arena_new(0);
    uint8_t *p[N];
    getrusage(RUSAGE_THREAD, &before);
    for (int i = 0; i < N; i++)
        p[i] = arena_take(a, SIZE);
    getrusage(RUSAGE_THREAD, &after);
    CHECK(p[N - 1] != NULL);
    long taken = after.ru_minflt - before.ru_minflt;
    for (int i = 0; i < N; i++)
        p[i][SIZE / 2] = 1;
    getrusage(RUSAGE_THREAD, &before);
    printf("# %d blocks: %ld faults when taken, %ld when written\n", N, taken,
           before.ru_minflt - after.ru_minflt);
    CHECK(taken < N / 2);
    CHECK(before.ru_minflt - after.ru_minflt >= N / 2);
    arena_free(a);
}
#endif

static void double_give_aborts(void)
{
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        struct arena *a = arena_new(0);
        void *p = arena_take(a, 10);
        signal(SIGABRT, SIG_DFL);
        arena_give(p);
        arena_give(p);
        _exit(0);
    }
    int status = 0;
    waitpid(pid, &status, 0);
    CHECK(WIFSIGNALED(status) || WEXITSTATUS(status) != 0);
}

static void allocation_failures(void)
{
    struct arena *a = arena_new(0);
    mem_fail_at(2);
    void *p = mem_new(3, 5), *q = mem_new(3, 5), *r = mem_new(3, 5);
    CHECK(p != NULL && q == NULL && r != NULL);
    mem_free(p);
    mem_free(r);
    mem_fail_at(1);
    CHECK(arena_take(a, 8) == NULL);
    p = arena_take(a, 8);
    CHECK(p != NULL);
    mem_fail_at(1);
    CHECK(arena_new(0) == NULL);
    mem_fail_at(0);
    volatile size_t half = SIZE_MAX / 2;
    CHECK(mem_new(half, 3) == NULL);
    arena_free(a);
}

static void wiping(void)
{
    uint8_t b[100];
    memset(b, 7, sizeof b);
    wipe(b + 10, 80);
    for (int i = 0; i < 100; i++)
        CHECK_EQ(b[i], i < 10 || i >= 90 ? 7 : 0);
    wipe(NULL, 0);
}

static void bytes(void)
{
    const uint8_t in[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16 };
    struct reader r = { .p = in, .n = sizeof in };
    CHECK_EQ(read_u8(&r), 1);
    CHECK_EQ(read_u16(&r), 0x0302);
    CHECK_EQ(read_u32(&r), 0x07060504);
    CHECK_EQ(read_u64(&r), 0x0f0e0d0c0b0a0908);
    CHECK(!r.bad && r.n == 1);
    CHECK_EQ(read_u16(&r), 0);
    CHECK(r.bad);
    CHECK_EQ(read_u8(&r), 0);   /* stays bad, though a byte is left */
    uint8_t out[8];
    put_u64(out, 0x0123456789abcdef);
    CHECK(out[0] == 0xef && out[7] == 0x01 && get_u64(out) == 0x0123456789abcdef);
    CHECK(get_u16(out) == 0xcdef && get_u32(out + 4) == 0x01234567);
}

/* What is given back is wiped at once, where that was asked for; what was let go can be had again. */
static void arena_wipes_and_lets_go(void)
{
    enum { N = 5000 };
    struct arena *a = arena_new(0);
    arena_wipe_given(a);
    uint8_t *p = arena_take(a, N), any = 0;
    memset(p, 0xaa, N);
    arena_give(p);
    uint8_t *again = arena_take(a, N);
    CHECK(again == p);                  /* the same block, so its old contents would show */
    for (int k = 0; k < N; k++)
        any |= again[k];
    CHECK_EQ(any, 0);
    uint8_t *kept = arena_take(a, N);
    memset(kept, 0x55, N);
    arena_give(again);
    arena_tidy(a);
    CHECK(arena_used(a) > 0);           /* what is out stays out */
    for (int k = 0; k < N; k++)
        any |= kept[k] ^ 0x55;
    CHECK_EQ(any, 0);
    CHECK((again = arena_take(a, N)) != NULL);
    arena_give(again);
    arena_give(kept);
    CHECK_EQ(arena_used(a), 0);
    arena_free(a);
}

int main(void)
{
    CASE(errors);
    CASE(log_levels);
    CASE(arena_random);
    CASE(arena_wipes_and_lets_go);
    CASE(arena_reuse_and_waste);
    CASE(arena_limit);
    CASE(arena_pins);
    CASE(arena_parts);
#if defined(HAVE_JEMALLOC) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    CASE(taking_touches_nothing);
#else
    check_skip("taking_touches_nothing", "malloc keeps what it knows of a block beside it");
#endif
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    CASE(arena_wipes);
#else
    check_skip("arena_wipes", "a sanitizer's allocator keeps freed pages its own way");
#endif
    CASE(double_give_aborts);
    CASE(allocation_failures);
    CASE(wiping);
    CASE(bytes);
    return check_done();
}
