/*
 * store_file.c: one item of a store: header, chunks, tags.
 */
#include "src/store_st.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/rand.h>

#include "net/base_bytes.h"
#include "net/base_mem.h"

enum {
    MAGIC = 8, SALT = 32, GCM_TAG = 16, NONCE = 12,
    AT_MODEL = MAGIC, AT_PLAN = AT_MODEL + STORE_DIGEST, AT_SERIAL = AT_PLAN + STORE_DIGEST,
    AT_TAG = AT_SERIAL + 8, AT_BYTES = AT_TAG + STORE_TAG, AT_SALT = AT_BYTES + 8,
    HEADER = AT_SALT + SALT
};

static const char magic[MAGIC] = "OBSTORE1";

struct store_file {
    struct store *s;
    int fd, writing;
    char name[STORE_NAME], temp[STORE_NAME];
    uint8_t header[HEADER], key[STORE_KEY];
    EVP_CIPHER_CTX *ctx;
    uint64_t bytes, done;           /* done: in whole chunks */
    size_t held;                    /* bytes in `plain` */
    uint8_t plain[STORE_CHUNK], sealed[STORE_CHUNK + GCM_TAG];
};

static void header_put(struct store_file *f, const struct store_kind *k,
                       const struct store_mark *mark)
{
    memcpy(f->header, magic, MAGIC);
    memcpy(f->header + AT_MODEL, k->model, STORE_DIGEST);
    memcpy(f->header + AT_PLAN, k->plan, STORE_DIGEST);
    put_u64(f->header + AT_SERIAL, mark->serial);
    memcpy(f->header + AT_TAG, mark->tag, STORE_TAG);
    put_u64(f->header + AT_BYTES, f->bytes);
}

static uint64_t file_bytes(uint64_t bytes)
{
    return HEADER + bytes + (bytes + STORE_CHUNK - 1) / STORE_CHUNK * GCM_TAG;
}

static int file_key(struct store_file *f, struct err *e)
{
    if (store_derive(f->key, f->s->key, STORE_KEY, f->header + AT_SALT, SALT, f->header,
                     sizeof f->header) != 0)
        return store_fail(f->s, f->name, "a key could not be derived", e);
    return 0;
}

/* Seals (or opens) a chunk of n bytes, whose nonce says where it is and whether it is the last; the
 * tag stands behind the sealed bytes. 0, or -1. */
static int chunk(struct store_file *f, uint8_t *plain, uint8_t *sealed, size_t n)
{
    uint8_t nonce[NONCE];
    int k, seal = f->writing;
    put_u64(nonce, f->done / STORE_CHUNK);
    put_u32(nonce + 8, f->done + n == f->bytes);
    if (EVP_CipherInit_ex(f->ctx, EVP_aes_256_gcm(), NULL, f->key, nonce, seal) != 1 ||
        EVP_CipherUpdate(f->ctx, seal ? sealed : plain, &k, seal ? plain : sealed, (int)n) != 1 ||
        (!seal && EVP_CIPHER_CTX_ctrl(f->ctx, EVP_CTRL_AEAD_SET_TAG, GCM_TAG, sealed + n) != 1) ||
        EVP_CipherFinal_ex(f->ctx, (seal ? sealed : plain) + n, &k) != 1 ||
        (seal && EVP_CIPHER_CTX_ctrl(f->ctx, EVP_CTRL_AEAD_GET_TAG, GCM_TAG, sealed + n) != 1))
        return -1;
    f->done += n;
    return 0;
}

static struct store_file *file_new(struct store *s, const struct store_kind *k, uint64_t serial,
                                   uint64_t bytes, struct err *e)
{
    struct store_file *f = mem_new(1, sizeof *f);
    if (f == NULL || (f->ctx = EVP_CIPHER_CTX_new()) == NULL) {
        err_set(e, ERR_FAILED, "%s: no memory", s->path);
        mem_free(f);
        return NULL;
    }
    f->s = s;
    f->fd = -1;
    f->bytes = bytes;
    store_name(f->name, k, serial, "");
    store_name(f->temp, k, serial, ".new");
    return f;
}

void store_drop(struct store_file *f)
{
    if (f == NULL)
        return;
    if (f->fd >= 0)
        close(f->fd);
    if (f->fd >= 0 && f->writing)
        f->s->ops->unlink(f->s->dir, f->temp);
    EVP_CIPHER_CTX_free(f->ctx);
    wipe(f, sizeof *f);
    mem_free(f);
}

/* ---- writing ---- */

static int create(struct store_file *f, const struct store_kind *k, const struct store_mark *mark,
                  struct err *e)
{
    uint64_t next;
    if (store_cursor(f->s, k, &next, e) != 0)
        return e->code;
    if (mark->serial < next || faccessat(f->s->dir, f->name, F_OK, 0) == 0)
        return store_fail(f->s, f->name, "there was such an item before", e);
    header_put(f, k, mark);
    if (RAND_bytes(f->header + AT_SALT, SALT) != 1)
        return store_fail(f->s, f->name, "no random bytes from OpenSSL", e);
    f->writing = 1;
    f->fd = f->s->ops->create(f->s->dir, f->temp);
    if (f->fd < 0)
        return store_fail(f->s, f->temp, strerror(errno), e);
    return file_key(f, e) != 0 ? e->code
                               : store_write_all(f->s, f->fd, f->header, HEADER, f->temp, e);
}

struct store_file *store_create(struct store *s, const struct store_kind *k,
                                const struct store_mark *mark, uint64_t bytes, struct err *e)
{
    struct store_file *f = file_new(s, k, mark->serial, bytes, e);
    if (f != NULL && create(f, k, mark, e) != 0) {
        store_drop(f);
        return NULL;
    }
    return f;
}

static int flush(struct store_file *f, struct err *e)
{
    size_t n = f->held;
    f->held = 0;
    if (chunk(f, f->plain, f->sealed, n) != 0)
        return store_fail(f->s, f->temp, "a chunk could not be encrypted", e);
    return store_write_all(f->s, f->fd, f->sealed, n + GCM_TAG, f->temp, e);
}

int store_write(struct store_file *f, const void *p, size_t n, struct err *e)
{
    const uint8_t *at = p;
    if (n > f->bytes - f->done - f->held)
        return store_fail(f->s, f->temp, "an item is longer than was said", e);
    while (n > 0) {
        size_t k = STORE_CHUNK - f->held < n ? STORE_CHUNK - f->held : n;
        memcpy(f->plain + f->held, at, k);
        f->held += k;
        at += k;
        n -= k;
        if ((f->held == STORE_CHUNK || f->done + f->held == f->bytes) && flush(f, e) != 0)
            return e->code;
    }
    return 0;
}

int store_commit(struct store_file *f, struct err *e)
{
    struct store *s = f->s;
    int code = 0;
    if (f->done != f->bytes)
        code = store_fail(s, f->temp, "an item is shorter than was said", e);
    else if (s->ops->sync(f->fd) != 0 || s->ops->link(s->dir, f->temp, f->name) != 0 ||
             s->ops->unlink(s->dir, f->temp) != 0 || s->ops->sync(s->dir) != 0)
        code = store_fail(s, f->name, strerror(errno), e);
    store_drop(f);
    return code;
}

/* ---- reading ---- */

/* Is the header that of the item which the name promises? */
static int header_check(struct store_file *f, const struct store_kind *k, uint64_t serial,
                        struct err *e)
{
    struct stat st;
    const uint8_t *h = f->header;
    if (fstat(f->fd, &st) != 0 || read(f->fd, f->header, HEADER) != HEADER ||
        memcmp(h, magic, MAGIC) != 0)
        return store_fail(f->s, f->name, "no item of a store", e);
    if (memcmp(h + AT_MODEL, k->model, STORE_DIGEST) != 0 ||
        memcmp(h + AT_PLAN, k->plan, STORE_DIGEST) != 0)
        return store_fail(f->s, f->name, "an item for another model, program or peer", e);
    if (get_u64(h + AT_SERIAL) != serial)
        return store_fail(f->s, f->name, "another item under this one's name", e);
    if (get_u64(h + AT_BYTES) != f->bytes || (uint64_t)st.st_size != file_bytes(f->bytes))
        return store_fail(f->s, f->name, "cut short, or altered", e);
    return 0;
}

struct store_file *store_load(struct store *s, const struct store_kind *k, struct store_mark *mark,
                              uint64_t bytes, struct err *e)
{
    struct store_file *f = file_new(s, k, mark->serial, bytes, e);
    if (f == NULL)
        return NULL;
    f->fd = openat(s->dir, f->name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    int code = f->fd < 0 ? store_fail(s, f->name, strerror(errno), e)
                         : header_check(f, k, mark->serial, e);
    if (code == 0 && file_key(f, e) == 0) {
        memcpy(mark->tag, f->header + AT_TAG, STORE_TAG);
        return f;
    }
    store_drop(f);
    return NULL;
}

static int read_all(int fd, uint8_t *p, size_t n)
{
    while (n > 0) {
        ssize_t k = read(fd, p, n);
        if (k == 0 || (k < 0 && errno != EINTR))
            return -1;
        p += k > 0 ? k : 0;
        n -= k > 0 ? (size_t)k : 0;
    }
    return 0;
}

int store_read(struct store_file *f, void *p, size_t n, struct err *e)
{
    uint8_t *at = p;
    if (n > f->bytes - f->done || (n % STORE_CHUNK != 0 && n != f->bytes - f->done))
        return store_fail(f->s, f->name, "read in pieces that are not its own", e);
    while (n > 0) {
        size_t k = n < STORE_CHUNK ? n : STORE_CHUNK;
        if (read_all(f->fd, f->sealed, k + GCM_TAG) != 0 || chunk(f, at, f->sealed, k) != 0)
            return store_fail(f->s, f->name, "altered, or made with another key", e);
        at += k;
        n -= k;
    }
    return 0;
}
