/*
 * store.h: a party's correlated randomness made beforehand, on disk: one folder, an item a file.
 *
 * An item is what all deals of one program leave at this party (program.h), for one upload of a
 * model. It may be used once: a difference X - A that is opened twice under one mask A tells the
 * difference of two inputs. So for each kind of item there is a cursor, the number of the next one
 * that may be used, which only moves forward and is on disk before anything is computed with the
 * item; whatever is below it is deleted and its numbers are refused for ever. Every file appears
 * under its name complete and synced, or not at all; so after a crash at any moment an item is
 * whole and unused, or passed over.
 *
 *     K = HKDF-SHA256(secret; "", "obscura store")
 *     k = HKDF-SHA256(K; salt, header)         salt: 32 random bytes in the header
 *     chunk i = AES-256-GCM(k; nonce i || last, 1 MiB of the item), with a tag of 16 bytes
 *
 * The header names the upload, the plan (protocol, program, peers), the serial number, a tag that
 * all parties derive from the run that made the item, and the length. So a file that was cut,
 * extended, reordered, altered, renamed, or made with another secret is refused, and no key and
 * nonce serve twice.
 *
 * What the store cannot see is a folder that was put back from an older copy. The parties compare
 * serial numbers before use, so it is noticed as long as not all of them go back together.
 *
 * All functions may wait for the disk: they are for workers (but store_open, before there is a
 * loop). Different workers may be in different functions at a time, as long as only one moves the
 * cursor of a kind; party_store.c sees to that.
 */
#ifndef OB_SRC_STORE_H
#define OB_SRC_STORE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "net/base_err.h"

enum { STORE_DIGEST = 32, STORE_TAG = 16, STORE_CHUNK = 1 << 20 };

/* What an item is for. */
struct store_kind {
    uint8_t model[STORE_DIGEST];    /* the upload */
    uint8_t plan[STORE_DIGEST];     /* protocol, what its program deals, the parties' identities */
};

/* Which item of its kind: equal at all parties that made it together. serial 0: none. */
struct store_mark {
    uint64_t serial;
    uint8_t tag[STORE_TAG];
};

/* What changes the folder: tests break off at each of them. */
struct store_ops {
    int (*create)(int dir, const char *name);
    ssize_t (*write)(int fd, const void *p, size_t n);
    int (*sync)(int fd);
    int (*link)(int dir, const char *from, const char *to);     /* fails where `to` exists */
    int (*rename)(int dir, const char *from, const char *to);
    int (*unlink)(int dir, const char *name);
};

struct store;
struct store_file;

/* Opens the folder, makes it if need be, and locks it: ERR_USAGE when another process has it. ops
 * NULL: the system's. */
struct store *store_open(const char *dir, const uint8_t *secret, size_t n,
                         const struct store_ops *ops, struct err *e);
void store_close(struct store *s);          /* NULL is legal */
const char *store_path(const struct store *s);

/* The first serial number that no item has had; that of the next item to be used (0: none). */
int store_fresh(struct store *s, const struct store_kind *k, uint64_t *serial, struct err *e);
int store_next(struct store *s, const struct store_kind *k, uint64_t *serial, struct err *e);

/* The item is going to be used now: the cursor moves behind it. ERR_FAILED if it had passed the
 * item already or the disk refuses: then the item must not be used. */
int store_use(struct store *s, const struct store_kind *k, uint64_t serial, struct err *e);

/* Items below `serial` will never be used. */
int store_skip(struct store *s, const struct store_kind *k, uint64_t serial, struct err *e);

/* Removes all items of an upload (NULL: of every upload) and their cursors: it is gone, and nothing
 * can ever ask for them. *items: how many there were. */
int store_forget(struct store *s, const uint8_t *model, unsigned *items, struct err *e);

/* A new item of `bytes` bytes, written piece by piece; it is there after store_commit (which closes
 * the file in any case). A serial number that was there before is refused. */
struct store_file *store_create(struct store *s, const struct store_kind *k,
                                const struct store_mark *mark, uint64_t bytes, struct err *e);
int store_write(struct store_file *f, const void *p, size_t n, struct err *e);
int store_commit(struct store_file *f, struct err *e);

/* An item, to be read from its begin to its end; `bytes` is its length. Nothing comes out that was
 * not authenticated: n is a multiple of STORE_CHUNK, or all that is left. After an error the
 * contents of p are undefined, and the item is to be skipped. */
struct store_file *store_load(struct store *s, const struct store_kind *k, struct store_mark *mark,
                              uint64_t bytes, struct err *e);
int store_read(struct store_file *f, void *p, size_t n, struct err *e);

/* Closes it; what was not committed is gone. NULL is legal. */
void store_drop(struct store_file *f);

#endif
