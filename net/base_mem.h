/*
 * base_mem.h: memory that is counted, capped, aligned and wiped.
 *
 * An arena belongs to one job (or one model). Blocks are taken and given back on the loop thread
 * only; a block given back keeps its contents until it is taken again, and every byte that the
 * arena ever handed out is wiped when the arena is freed. So a job touches a small working set of
 * pages again and again, pays for wiping once, and leaves nothing behind.
 *
 * Sizes are rounded up by an eighth at most. The limit counts free blocks too, but those go back to
 * the system before a block is refused.
 *
 * Blocks start on a cache line and never at the small page offsets that make socket reads slow.
 * Taking one touches none of its pages: those that are fresh are made by who writes there first.
 * With jemalloc, all arenas together have one of its arenas; without (sanitizer builds), malloc.
 */
#ifndef OB_NET_BASE_MEM_H
#define OB_NET_BASE_MEM_H

#include <stddef.h>
#include <stdint.h>

struct arena;
struct block;                   /* one or, linked, many: in no arena any more, but not wiped yet */

/* A new arena that holds at most `limit` bytes at a time (0: no limit); NULL without memory. */
struct arena *arena_new(size_t limit);

/* From now on, blocks are wiped when they are given back: for small ones with secrets, in an arena
 * that lives long. */
void arena_wipe_given(struct arena *a);

/* Wipes the free blocks and lets them go: other arenas may have them. */
void arena_tidy(struct arena *a);

/* Wipes and frees everything the arena ever handed out, taken or not, but for what a host has
 * pinned. NULL is legal. */
void arena_free(struct arena *a);

/* arena_tidy and arena_free in two parts, since wiping takes long where there is much: the loop
 * thread takes the blocks out of the arena, and any thread wipes them and lets them go: until
 * `most` bytes are wiped, or more by a part of the last block; gives those that are left. NULL is
 * legal (but for arena_spare), and says that there are none. */
struct block *arena_spare(struct arena *a) __attribute__((warn_unused_result));
struct block *arena_end(struct arena *a) __attribute__((warn_unused_result));
struct block *blocks_free(struct block *b, size_t most);

/* A block of n bytes with undefined contents, 64-byte aligned; NULL when the limit or memory is
 * exhausted. n = 0 gives a block too. */
void *arena_take(struct arena *a, size_t n) __attribute__((warn_unused_result));

/* Gives a block back to the arena that it came from. NULL is legal. */
void arena_give(void *block);

/* A host pins the blocks that it holds (queued to be sent, or being received into). If their arena
 * is freed meanwhile, a pinned block lives on, and the arena ends when the last one is given back.
 * NULL is legal. */
void arena_pin(void *block);
void arena_unpin(void *block);

/* Bytes in blocks that are out now, and the most there ever were. */
size_t arena_used(const struct arena *a);
size_t arena_peak(const struct arena *a);

/* Zeroes n bytes in a way that the compiler keeps. */
void wipe(void *p, size_t n);

/* calloc and free for long-lived structures; a test can make the k-th allocation (mem_new or
 * arena_take) from now fail. mem_new gives zeroed memory, or NULL. */
void *mem_new(size_t count, size_t size) __attribute__((warn_unused_result));
void mem_free(void *p);
void mem_fail_at(long k);       /* tests: k = 1 fails the next one; 0 never */

#endif
