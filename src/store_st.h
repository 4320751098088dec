/*
 * store_st.h: what the two files of the store share.
 *
 *   store.c         the folder: names, cursors, what is there
 *   store_file.c    one item: its keys, chunks and tags
 */
#ifndef OB_SRC_STORE_ST_H
#define OB_SRC_STORE_ST_H

#include "src/store.h"

enum { STORE_KEY = 32, STORE_NAME = 96, STORE_PATH = 1024 };

struct store {
    char path[STORE_PATH];
    int dir, lock;
    const struct store_ops *ops;
    uint8_t key[STORE_KEY];
};

/* ---- store.c ---- */

/* Where an item or (serial 0) a kind's cursor is; names end in `suffix`. */
void store_name(char name[static STORE_NAME], const struct store_kind *k, uint64_t serial,
                const char *suffix);
int store_cursor(struct store *s, const struct store_kind *k, uint64_t *next, struct err *e);
int store_write_all(const struct store *s, int fd, const void *p, size_t n, const char *name,
                    struct err *e);
int store_fail(const struct store *s, const char *name, const char *what, struct err *e);

/* HKDF-SHA256; 0, or -1. */
int store_derive(uint8_t out[static STORE_KEY], const uint8_t *secret, size_t n,
                 const uint8_t *salt, size_t nsalt, const void *info, size_t ninfo);

#endif
