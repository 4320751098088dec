#include "net/base_mem.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#ifdef HAVE_JEMALLOC
#include <jemalloc/jemalloc.h>
#endif
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#define ASAN_UNPOISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#endif

enum {
    LINE = 64,                  /* a cache line */
    PAGE = 4096,
    STEPS = 8,                  /* size classes per doubling: at most an eighth is waste */
    CLASSES = STEPS * 64,
    LARGE = 8 * PAGE,           /* from here on blocks start at a page and a colour */
    COLOURS = 16,               /* so that large blocks do not all meet in the same cache sets */
    COLOUR_STEP = 2 * LINE,
    BUCKETS = 1 << 13
};

enum block_state { BLOCK_FREE, BLOCK_OUT, BLOCK_PINNED };

/* What is known of a block. It lies elsewhere, so that taking a block touches none of its pages: a
 * fresh huge page takes the kernel a millisecond, which is for the worker that fills it to spend and
 * not for the loop. */
struct block {
    struct arena *arena;
    void *base;                 /* what the allocator gave */
    void *data;
    size_t held;                /* bytes that the block costs, all in all */
    size_t touched;             /* the longest it was ever asked for: what must be wiped */
    struct block *next;         /* in the class's list of free blocks, or in that of those out */
    struct block *prev;
    struct block *chain;        /* in its bucket */
    unsigned class;
    unsigned state;             /* a block_state */
};

struct arena {
    size_t limit;
    size_t held;                /* bytes in all blocks, out or free */
    size_t used, peak;
    struct block *out;
    struct block *free[CLASSES];
    unsigned colour;
    int dead;                   /* freed by its owner; pinned blocks are still to come back */
    int wipe_given;
};

/* Tests count down to the allocation that is to fail; 0 or less: none. */
static atomic_long fail_at;

static int fails_now(void)
{
    if (atomic_load_explicit(&fail_at, memory_order_relaxed) <= 0)
        return 0;
    return atomic_fetch_sub(&fail_at, 1) == 1;
}

void mem_fail_at(long k)
{
    atomic_store(&fail_at, k);
}

void *mem_new(size_t count, size_t size)
{
    size_t n;
    if (__builtin_mul_overflow(count, size, &n) || fails_now())
        return NULL;
    return calloc(1, n > 0 ? n : 1);
}

void mem_free(void *p)
{
    free(p);
}

void wipe(void *p, size_t n)
{
    if (n > 0)
        explicit_bzero(p, n);
}

/* The smallest class whose size is at least n: multiples of a line at first, then eight steps to
 * each doubling. */
static unsigned class_of(size_t n)
{
    size_t lines = (n + LINE - 1) / LINE;
    if (lines <= STEPS)
        return lines == 0 ? 0 : (unsigned)lines - 1;
    unsigned shift = 0;
    while (((lines - 1) >> shift) >= 2 * STEPS)
        shift++;
    return STEPS * (shift + 1) + (unsigned)((lines - 1) >> shift) - STEPS;
}

static size_t class_size(unsigned class)
{
    if (class < STEPS)
        return (size_t)(class + 1) * LINE;
    unsigned shift = class / STEPS - 1;
    return ((size_t)(class % STEPS + STEPS + 1) << shift) * LINE;
}

/* ---- blocks by their data ---- */

static struct block *bucket[BUCKETS];       /* of all arenas of the process */
static pthread_mutex_t bucket_lock = PTHREAD_MUTEX_INITIALIZER;

static struct block **bucket_of(const void *data)
{
    return &bucket[((uintptr_t)data * 0x9e3779b97f4a7c15u) >> 51];
}

static void block_list(struct block *b)
{
    struct block **at = bucket_of(b->data);
    pthread_mutex_lock(&bucket_lock);
    b->chain = *at;
    *at = b;
    pthread_mutex_unlock(&bucket_lock);
}

static void block_unlist(struct block *b)
{
    struct block **at = bucket_of(b->data);
    pthread_mutex_lock(&bucket_lock);
    while (*at != b)
        at = &(*at)->chain;
    *at = b->chain;
    pthread_mutex_unlock(&bucket_lock);
}

/* The block that is out with this data. */
static struct block *block_of(const void *data)
{
    pthread_mutex_lock(&bucket_lock);
    struct block *b = *bucket_of(data);
    while (b != NULL && b->data != data)
        b = b->chain;
    pthread_mutex_unlock(&bucket_lock);
    if (b == NULL || b->state == BLOCK_FREE)
        abort();        /* given back before: two owners would share the memory */
    return b;
}

/* ---- lists ---- */

static void list_push(struct block **list, struct block *b)
{
    b->prev = NULL;
    b->next = *list;
    if (b->next != NULL)
        b->next->prev = b;
    *list = b;
}

static void list_remove(struct block **list, struct block *b)
{
    if (b->prev != NULL)
        b->prev->next = b->next;
    else
        *list = b->next;
    if (b->next != NULL)
        b->next->prev = b->prev;
}

#ifdef HAVE_JEMALLOC
/* All blocks come from one arena of jemalloc, apart from the program's other memory: what a model's
 * upload or an ended job has given back, wiped, serves the next job with pages that are there. (A
 * fresh page costs more than all arithmetic on it.) jemalloc returns what stays unused. */
static unsigned blocks_arena(void)
{
    static atomic_uint made;            /* number + 1; 0: not made yet */
    unsigned is = atomic_load(&made), index = 0, none = 0;
    size_t n = sizeof index;
    if (is == 0 && mallctl("arenas.create", &index, &n, NULL, 0) == 0 &&
        !atomic_compare_exchange_strong(&made, &none, index + 1))
        is = none;                      /* another thread was first: its own one stays unused */
    else if (is == 0)
        is = index + 1;
    return is - 1;
}
#endif

static void *raw_new(size_t align, size_t n)
{
#ifdef HAVE_JEMALLOC
    return mallocx(n, MALLOCX_ALIGN(align) | MALLOCX_ARENA(blocks_arena()) | MALLOCX_TCACHE_NONE);
#else
    return aligned_alloc(align, (n + align - 1) / align * align);
#endif
}

static void raw_free(void *p)
{
#ifdef HAVE_JEMALLOC
    dallocx(p, MALLOCX_TCACHE_NONE);
#else
    free(p);
#endif
}

struct arena *arena_new(size_t limit)
{
    struct arena *a = mem_new(1, sizeof *a);
    if (a == NULL)
        return NULL;
    a->limit = limit;
    return a;
}

void arena_wipe_given(struct arena *a)
{
    a->wipe_given = 1;
}

/* Wipes a block that is in no arena any more and gives it back to the allocator. */
static void block_drop(struct block *b)
{
    ASAN_UNPOISON_MEMORY_REGION(b->data, class_size(b->class));
    wipe(b->data, b->touched);
    block_unlist(b);            /* before the allocator has a new use for the address */
    raw_free(b->base);
    mem_free(b);
}

/* The same for one that is in no list any more. */
static void block_free(struct arena *a, struct block *b)
{
    a->held -= b->held;
    block_drop(b);
}

struct block *blocks_free(struct block *b, size_t most)
{
    for (size_t done = 0; b != NULL && done < most;) {
        struct block *next = b->next;
        done += b->touched;
        block_drop(b);
        b = next;
    }
    return b;
}

/* Takes all blocks of a list but pinned ones out of the arena, in front of `others`. */
static struct block *list_part(struct arena *a, struct block **list, struct block *others)
{
    for (struct block *b = *list, *next; b != NULL; b = next) {
        next = b->next;
        if (b->state == BLOCK_PINNED)
            continue;
        list_remove(list, b);
        a->held -= b->held;
        b->state = BLOCK_FREE;
        b->next = others;
        others = b;
    }
    return others;
}

struct block *arena_spare(struct arena *a)
{
    struct block *blocks = NULL;
    for (unsigned c = 0; c < CLASSES; c++)
        blocks = list_part(a, &a->free[c], blocks);
    return blocks;
}

struct block *arena_end(struct arena *a)
{
    if (a == NULL)
        return NULL;
    struct block *blocks = list_part(a, &a->out, arena_spare(a));
    a->dead = 1;
    if (a->out == NULL)
        mem_free(a);
    return blocks;
}

void arena_free(struct arena *a)
{
    blocks_free(arena_end(a), SIZE_MAX);
}

void arena_tidy(struct arena *a)
{
    blocks_free(arena_spare(a), SIZE_MAX);
}

/* Gives free blocks back to the allocator, the largest first, until `need` more bytes fit. */
static int arena_trim(struct arena *a, size_t need)
{
    for (unsigned c = CLASSES; c-- > 0 && a->held + need > a->limit;) {
        while (a->free[c] != NULL && a->held + need > a->limit) {
            struct block *b = a->free[c];
            list_remove(&a->free[c], b);
            block_free(a, b);
        }
    }
    return a->held + need > a->limit ? -1 : 0;
}

static struct block *block_new(struct arena *a, unsigned class)
{
    size_t size = class_size(class), align = LINE, offset = 0;
    if (size >= LARGE) {
        align = PAGE;
        offset = LINE + (size_t)(a->colour++ % COLOURS) * COLOUR_STEP;
    }
    size_t held = sizeof(struct block) + size + (size >= LARGE ? COLOURS * COLOUR_STEP : 0);
    if (a->limit > 0 && (held > a->limit || arena_trim(a, held) != 0))
        return NULL;
    struct block *b = mem_new(1, sizeof *b);
    uint8_t *base = b != NULL ? raw_new(align, offset + size) : NULL;
    if (base == NULL) {
        mem_free(b);
        return NULL;
    }
    *b = (struct block){ .arena = a, .base = base, .data = base + offset, .held = held,
                         .class = class };
    block_list(b);
    a->held += held;
    ASAN_POISON_MEMORY_REGION(b->data, size);
    return b;
}

void *arena_take(struct arena *a, size_t n)
{
    if (n > SIZE_MAX / 4 || fails_now())
        return NULL;
    unsigned class = class_of(n);
    struct block *b = a->free[class];
    if (b != NULL)
        list_remove(&a->free[class], b);
    else if ((b = block_new(a, class)) == NULL)
        return NULL;
    list_push(&a->out, b);
    b->state = BLOCK_OUT;
    if (n > b->touched)
        b->touched = n;
    a->used += b->held;
    if (a->used > a->peak)
        a->peak = a->used;
    ASAN_UNPOISON_MEMORY_REGION(b->data, n);
    return b->data;
}

void arena_give(void *block)
{
    if (block == NULL)
        return;
    struct block *b = block_of(block);
    struct arena *a = b->arena;
    list_remove(&a->out, b);
    if (a->dead) {
        block_free(a, b);
        if (a->out == NULL)
            mem_free(a);
        return;
    }
    if (a->wipe_given)
        wipe(block, b->touched);
    list_push(&a->free[b->class], b);
    b->state = BLOCK_FREE;
    a->used -= b->held;
    ASAN_POISON_MEMORY_REGION(b->data, class_size(b->class));
}

void arena_pin(void *block)
{
    if (block != NULL)
        block_of(block)->state = BLOCK_PINNED;
}

void arena_unpin(void *block)
{
    if (block != NULL && !block_of(block)->arena->dead)
        block_of(block)->state = BLOCK_OUT;
}

size_t arena_used(const struct arena *a)
{
    return a->used;
}

size_t arena_peak(const struct arena *a)
{
    return a->peak;
}

#ifdef HAVE_JEMALLOC
/* Read by jemalloc when it starts. Jobs touch tens of megabytes within a fraction of a second:
 * with huge pages, where the kernel has them, a quarter of a party's processor time is saved. */
extern const char *malloc_conf;
const char *malloc_conf = "thp:always";
#endif
