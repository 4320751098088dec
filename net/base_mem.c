#include "net/base_mem.h"

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
    LINE = 64,                  /* a cache line, and the header of a block */
    PAGE = 4096,
    STEPS = 8,                  /* size classes per doubling: at most an eighth is waste */
    CLASSES = STEPS * 64,
    LARGE = 8 * PAGE,           /* from here on blocks start at a page and a colour */
    COLOURS = 16,               /* so that large blocks do not all meet in the same cache sets */
    COLOUR_STEP = 2 * LINE
};

enum block_state { BLOCK_FREE, BLOCK_OUT, BLOCK_PINNED };

/* Before the data of each block; one cache line. */
struct block {
    struct arena *arena;
    void *base;                 /* what the allocator gave */
    size_t held;                /* bytes that the block costs, all in all */
    size_t touched;             /* the longest it was ever asked for: what must be wiped */
    struct block *next;         /* in the class's list of free blocks, or in that of those out */
    struct block *prev;
    unsigned class;
    unsigned state;             /* a block_state */
} __attribute__((aligned(64)));

_Static_assert(sizeof(struct block) == LINE, "the header of a block is one cache line");

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

static void *block_data(struct block *b)
{
    return (uint8_t *)b + LINE;
}

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

/* Wipes a block that is in no list any more and gives it back to the allocator. */
static void block_free(struct arena *a, struct block *b)
{
    void *base = b->base;
    a->held -= b->held;
    ASAN_UNPOISON_MEMORY_REGION(block_data(b), class_size(b->class));
    wipe(block_data(b), b->touched);
    raw_free(base);
}

static void list_free(struct arena *a, struct block **list)
{
    for (struct block *b = *list, *next; b != NULL; b = next) {
        next = b->next;
        if (b->state == BLOCK_PINNED)
            continue;
        list_remove(list, b);
        block_free(a, b);
    }
}

void arena_free(struct arena *a)
{
    if (a == NULL)
        return;
    list_free(a, &a->out);
    for (unsigned c = 0; c < CLASSES; c++)
        list_free(a, &a->free[c]);
    a->dead = 1;
    if (a->out == NULL)
        mem_free(a);
}

void arena_tidy(struct arena *a)
{
    for (unsigned c = 0; c < CLASSES; c++)
        list_free(a, &a->free[c]);
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
        offset = (size_t)(a->colour++ % COLOURS) * COLOUR_STEP;
    }
    size_t held = LINE + size + (size >= LARGE ? COLOURS * COLOUR_STEP : 0);
    if (a->limit > 0 && (held > a->limit || arena_trim(a, held) != 0))
        return NULL;
    uint8_t *base = raw_new(align, held);
    if (base == NULL)
        return NULL;
    struct block *b = (struct block *)(base + offset);
    *b = (struct block){ .arena = a, .base = base, .held = held, .class = class };
    a->held += held;
    ASAN_POISON_MEMORY_REGION(block_data(b), size);
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
    ASAN_UNPOISON_MEMORY_REGION(block_data(b), n);
    return block_data(b);
}

static struct block *block_of(void *data)
{
    struct block *b = (struct block *)((uint8_t *)data - LINE);
    if (b->state == BLOCK_FREE)
        abort();        /* given back before: two owners would share the memory */
    return b;
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
    ASAN_POISON_MEMORY_REGION(block_data(b), class_size(b->class));
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
