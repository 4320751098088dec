#include "src/store_st.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/kdf.h>

#include "net/base_bytes.h"
#include "net/base_mem.h"

/* Names are "UPLOAD-PLAN-SERIAL" and an ending; the digests' first bytes are enough there, since
 * items hold them in full. */
enum { SHORT = 16, PREFIX = 2 * SHORT + 2, CURSOR_BYTES = 8 + 32 };

static const char item_end[] = ".item", cursor_end[] = ".next", new_end[] = ".new";

/* ---- the system ---- */

static int system_create(int dir, const char *name)
{
    return openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
}

static int system_link(int dir, const char *from, const char *to)
{
    return linkat(dir, from, dir, to, 0);
}

static int system_rename(int dir, const char *from, const char *to)
{
    return renameat(dir, from, dir, to);
}

static int system_unlink(int dir, const char *name)
{
    return unlinkat(dir, name, 0);
}

static const struct store_ops system_ops = {
    .create = system_create, .write = write, .sync = fsync, .link = system_link,
    .rename = system_rename, .unlink = system_unlink
};

int store_fail(const struct store *s, const char *name, const char *what, struct err *e)
{
    return err_set(e, ERR_FAILED, "%.300s/%s: %s", s->path, name, what);
}

int store_write_all(const struct store *s, int fd, const void *p, size_t n, const char *name,
                    struct err *e)
{
    const uint8_t *at = p;
    while (n > 0) {
        ssize_t k = s->ops->write(fd, at, n);
        if (k < 0 && errno != EINTR)
            return store_fail(s, name, strerror(errno), e);
        at += k > 0 ? k : 0;
        n -= k > 0 ? (size_t)k : 0;
    }
    return 0;
}

int store_derive(uint8_t out[static STORE_KEY], const uint8_t *secret, size_t n,
                 const uint8_t *salt, size_t nsalt, const void *info, size_t ninfo)
{
    char hash[] = "SHA256";
    EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
    EVP_KDF_CTX *ctx = kdf != NULL ? EVP_KDF_CTX_new(kdf) : NULL;
    const OSSL_PARAM p[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, hash, 0),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, (void *)(uintptr_t)secret, n),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, (void *)(uintptr_t)salt, nsalt),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, (void *)(uintptr_t)info, ninfo),
        OSSL_PARAM_construct_end()
    };
    int ok = ctx != NULL && EVP_KDF_derive(ctx, out, STORE_KEY, p) == 1;
    EVP_KDF_CTX_free(ctx);
    EVP_KDF_free(kdf);
    return ok ? 0 : -1;
}

/* ---- opening ---- */

static int has_end(const char *name, const char *end)
{
    size_t n = strlen(name), k = strlen(end);
    return n > k && strcmp(name + n - k, end) == 0;
}

/* Calls fn for every name in the folder until it gives something else than 0. */
static int each_name(struct store *s, int (*fn)(void *ctx, const char *name), void *ctx,
                     struct err *e)
{
    struct dirent *d;
    int fd = openat(s->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), code = 0;
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    if (dir == NULL) {
        code = err_set(e, ERR_FAILED, "%s: %s", s->path, strerror(errno));
        if (fd >= 0)
            close(fd);
        return code;
    }
    while (code == 0 && (d = readdir(dir)) != NULL)
        code = fn(ctx, d->d_name);
    closedir(dir);
    return code;
}

/* What a crash has left half written. */
static int remove_new(void *ctx, const char *name)
{
    struct store *s = ctx;
    if (has_end(name, new_end))
        s->ops->unlink(s->dir, name);
    return 0;
}

static int open_folder(struct store *s, struct err *e)
{
    if (mkdir(s->path, 0700) != 0 && errno != EEXIST)
        return err_set(e, ERR_USAGE, "material %s: %s", s->path, strerror(errno));
    s->dir = open(s->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (s->dir < 0)
        return err_set(e, ERR_USAGE, "material %s: %s", s->path, strerror(errno));
    s->lock = openat(s->dir, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (s->lock < 0)
        return err_set(e, ERR_USAGE, "material %s/lock: %s", s->path, strerror(errno));
    if (flock(s->lock, LOCK_EX | LOCK_NB) != 0)
        return err_set(e, ERR_USAGE, "material %s: another party is using this folder: give each "
                       "its own", s->path);
    return each_name(s, remove_new, s, e);
}

struct store *store_open(const char *dir, const uint8_t *secret, size_t n,
                         const struct store_ops *ops, struct err *e)
{
    static const char label[] = "obscura store";
    struct store *s = mem_new(1, sizeof *s);
    if (s == NULL || strlen(dir) >= sizeof s->path) {
        err_set(e, ERR_FAILED, "material: no memory, or the path is too long");
        mem_free(s);
        return NULL;
    }
    snprintf(s->path, sizeof s->path, "%s", dir);
    s->dir = s->lock = -1;
    s->ops = ops != NULL ? ops : &system_ops;
    int code = open_folder(s, e);
    if (code == 0 && store_derive(s->key, secret, n, (const uint8_t *)"", 0, label,
                                  sizeof label - 1) != 0)
        code = err_set(e, ERR_FAILED, "material: a key could not be derived");
    if (code != 0) {
        store_close(s);
        return NULL;
    }
    return s;
}

void store_close(struct store *s)
{
    if (s == NULL)
        return;
    if (s->lock >= 0)
        close(s->lock);
    if (s->dir >= 0)
        close(s->dir);
    wipe(s, sizeof *s);
    mem_free(s);
}

const char *store_path(const struct store *s)
{
    return s->path;
}

/* ---- names ---- */

static void put_hex(char *out, const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        snprintf(out + 2 * i, 3, "%02x", p[i]);
}

void store_name(char name[static STORE_NAME], const struct store_kind *k, uint64_t serial,
                const char *suffix)
{
    put_hex(name, k->model, SHORT / 2);
    name[SHORT] = '-';
    put_hex(name + SHORT + 1, k->plan, SHORT / 2);
    if (serial == 0)
        snprintf(name + 2 * SHORT + 1, STORE_NAME - 2 * SHORT - 1, "%s", cursor_end);
    else
        snprintf(name + 2 * SHORT + 1, STORE_NAME - 2 * SHORT - 1, "-%010" PRIu64 "%s%s", serial,
                 item_end, suffix);
}

/* The serial number in an item's name, if it is of this kind; else 0. */
static uint64_t serial_of(const struct store_kind *k, const char *name)
{
    char same[STORE_NAME];
    if (strlen(name) <= PREFIX || name[PREFIX] < '0' || name[PREFIX] > '9')
        return 0;
    uint64_t serial = strtoull(name + PREFIX, NULL, 10);
    store_name(same, k, serial, "");
    return strcmp(same, name) == 0 ? serial : 0;
}

/* ---- cursors ---- */

/* serial || HMAC(key, name || serial) */
static int cursor_bytes(const struct store *s, const char *name, uint64_t next,
                        uint8_t out[static CURSOR_BYTES])
{
    uint8_t text[STORE_NAME + 8] = { 0 };
    unsigned n = 32;
    snprintf((char *)text, STORE_NAME, "%s", name);
    put_u64(text + STORE_NAME, next);
    put_u64(out, next);
    return HMAC(EVP_sha256(), s->key, sizeof s->key, text, sizeof text, out + 8, &n) != NULL ? 0
                                                                                             : -1;
}

int store_cursor(struct store *s, const struct store_kind *k, uint64_t *next, struct err *e)
{
    char name[STORE_NAME];
    uint8_t is[CURSOR_BYTES + 1], should[CURSOR_BYTES];
    store_name(name, k, 0, "");
    *next = 1;
    int fd = openat(s->dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return errno == ENOENT ? 0 : store_fail(s, name, strerror(errno), e);
    ssize_t n = read(fd, is, sizeof is);
    close(fd);
    *next = n == CURSOR_BYTES ? get_u64(is) : 0;
    if (*next == 0 || cursor_bytes(s, name, *next, should) != 0 ||
        CRYPTO_memcmp(is, should, sizeof should) != 0)
        return store_fail(s, name, "altered, or made with another key: nothing of this folder is "
                          "used", e);
    return 0;
}

/* What is being removed from below a cursor. */
struct below {
    struct store *s;
    const struct store_kind *k;
    uint64_t next;
};

static int remove_below(void *ctx, const char *name)
{
    const struct below *b = ctx;
    uint64_t serial = serial_of(b->k, name);
    if (serial > 0 && serial < b->next)
        b->s->ops->unlink(b->s->dir, name);
    return 0;
}

/* The new cursor is on disk before this returns 0; only then are items removed. */
static int cursor_move(struct store *s, const struct store_kind *k, uint64_t next, struct err *e)
{
    char name[STORE_NAME], temp[STORE_NAME + 8];
    uint8_t bytes[CURSOR_BYTES];
    store_name(name, k, 0, "");
    snprintf(temp, sizeof temp, "%s%s", name, new_end);
    int fd = s->ops->create(s->dir, temp);
    if (fd < 0)
        return store_fail(s, temp, strerror(errno), e);
    int code = cursor_bytes(s, name, next, bytes) != 0
                   ? store_fail(s, name, "no HMAC from OpenSSL", e)
                   : store_write_all(s, fd, bytes, sizeof bytes, temp, e);
    if (code == 0 && s->ops->sync(fd) != 0)
        code = store_fail(s, temp, strerror(errno), e);
    close(fd);
    if (code == 0 && (s->ops->rename(s->dir, temp, name) != 0 || s->ops->sync(s->dir) != 0))
        code = store_fail(s, name, strerror(errno), e);
    if (code == 0)
        each_name(s, remove_below, &(struct below){ s, k, next }, NULL);
    return code;
}

int store_use(struct store *s, const struct store_kind *k, uint64_t serial, struct err *e)
{
    uint64_t next;
    char name[STORE_NAME];
    if (store_cursor(s, k, &next, e) != 0)
        return e->code;
    store_name(name, k, serial, "");
    if (serial < next)
        return store_fail(s, name, "was used or passed over before", e);
    return cursor_move(s, k, serial + 1, e);
}

int store_skip(struct store *s, const struct store_kind *k, uint64_t serial, struct err *e)
{
    uint64_t next;
    if (store_cursor(s, k, &next, e) != 0)
        return e->code;
    return serial > next ? cursor_move(s, k, serial, e) : 0;
}

/* ---- what is there ---- */

struct found {
    const struct store_kind *k;
    uint64_t from, least, most;     /* of the serial numbers from `from` on; 0: none */
};

static int look(void *ctx, const char *name)
{
    struct found *f = ctx;
    uint64_t serial = serial_of(f->k, name);
    if (serial < f->from)
        return 0;
    f->least = f->least == 0 || serial < f->least ? serial : f->least;
    f->most = serial > f->most ? serial : f->most;
    return 0;
}

static int find(struct store *s, struct found *f, struct err *e)
{
    return store_cursor(s, f->k, &f->from, e) != 0 ? e->code : each_name(s, look, f, e);
}

int store_fresh(struct store *s, const struct store_kind *k, uint64_t *serial, struct err *e)
{
    struct found f = { .k = k };
    int code = find(s, &f, e);
    *serial = f.most > 0 ? f.most + 1 : f.from;
    return code;
}

int store_next(struct store *s, const struct store_kind *k, uint64_t *serial, struct err *e)
{
    struct found f = { .k = k };
    int code = find(s, &f, e);
    *serial = f.least;
    return code;
}

/* ---- forgetting ---- */

struct forget {
    struct store *s;
    char prefix[SHORT + 2];         /* empty: everything */
    unsigned items;
};

static int forget_name(void *ctx, const char *name)
{
    struct forget *f = ctx;
    int item = has_end(name, item_end);
    if ((!item && !has_end(name, cursor_end)) ||
        strncmp(name, f->prefix, strlen(f->prefix)) != 0)
        return 0;
    f->items += item && f->s->ops->unlink(f->s->dir, name) == 0;
    if (!item)
        f->s->ops->unlink(f->s->dir, name);
    return 0;
}

int store_forget(struct store *s, const uint8_t *model, unsigned *items, struct err *e)
{
    struct forget f = { .s = s };
    if (model != NULL) {
        put_hex(f.prefix, model, SHORT / 2);
        f.prefix[SHORT] = '-';
    }
    int code = each_name(s, forget_name, &f, e);
    *items = f.items;
    return code;
}
