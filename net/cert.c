#include "net/cert.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>

#include "net/base_mem.h"

enum {
    DAY = 86400,
    BEFORE = 30 * DAY,          /* clocks may be wrong by a month */
    YEARS = 30,
    PEM_MAX = 64 * 1024,
    PATH_SPARE = 16
};

struct cert {
    X509 *x509;
    EVP_PKEY *key;
    uint8_t digest[CERT_DIGEST];
    char fingerprint[CERT_FINGERPRINT];
};

void fingerprint_format(char out[static CERT_FINGERPRINT], const uint8_t digest[static CERT_DIGEST])
{
    static const char digits[] = "0123456789abcdef";
    memcpy(out, "sha256:", 7);
    for (size_t i = 0; i < CERT_DIGEST; i++) {
        out[7 + 2 * i] = digits[digest[i] >> 4];
        out[8 + 2 * i] = digits[digest[i] & 15];
    }
    out[CERT_FINGERPRINT - 1] = '\0';
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

int fingerprint_parse(uint8_t digest[static CERT_DIGEST], const char *text)
{
    if (strlen(text) != CERT_FINGERPRINT - 1 || memcmp(text, "sha256:", 7) != 0)
        return -1;
    for (size_t i = 0; i < CERT_DIGEST; i++) {
        int high = hex_digit(text[7 + 2 * i]), low = hex_digit(text[8 + 2 * i]);
        if (high < 0 || low < 0)
            return -1;
        digest[i] = (uint8_t)(high << 4 | low);
    }
    return 0;
}

int cert_digest_of(struct x509_st *x, uint8_t digest[static CERT_DIGEST])
{
    unsigned n = 0;
    return X509_digest(x, EVP_sha256(), digest, &n) == 1 && n == CERT_DIGEST ? 0 : -1;
}

static int fail_library(struct err *e, const char *what)
{
    const char *why = ERR_reason_error_string(ERR_peek_last_error());
    ERR_clear_error();
    return err_set(e, ERR_FAILED, "%s: %s", what, why != NULL ? why : "the TLS library failed");
}

/* Writes all of it to a new file beside `path` and gives it its name, unless that is taken. */
static int write_new(const char *path, mode_t mode, const void *data, size_t n, struct err *e)
{
    char temp[4096 + PATH_SPARE];
    int failed = 0;
    if ((size_t)snprintf(temp, sizeof temp, "%s.%ld.new", path, (long)getpid()) >= sizeof temp)
        return err_set(e, ERR_USAGE, "the path %.64s... is too long", path);
    int fd = open(temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
    if (fd < 0)
        return err_set(e, ERR_USAGE, "cannot write %s: %s", temp, strerror(errno));
    for (const char *p = data, *end = p + n; p < end && !failed;) {
        ssize_t k = write(fd, p, (size_t)(end - p));
        failed = k < 0 && errno != EINTR ? errno : 0;
        p += k > 0 ? k : 0;
    }
    if (!failed && (fchmod(fd, mode) != 0 || fsync(fd) != 0))
        failed = errno;
    if (close(fd) != 0 && !failed)
        failed = errno;
    if (!failed && link(temp, path) != 0)
        failed = errno;
    unlink(temp);
    if (failed == EEXIST)
        return err_set(e, ERR_USAGE, "%s exists already; remove it first if it is to be replaced",
                       path);
    return failed ? err_set(e, ERR_FAILED, "cannot write %s: %s", path, strerror(failed)) : 0;
}

static X509 *certify(EVP_PKEY *key, const char *name)
{
    unsigned char serial[16];
    X509 *x = X509_new();
    X509_NAME *subject = X509_NAME_new();
    BIGNUM *number = NULL;
    int ok = x != NULL && subject != NULL && RAND_bytes(serial, sizeof serial) == 1;
    serial[0] &= 0x7f;
    serial[0] |= 0x40;
    ok = ok && (number = BN_bin2bn(serial, sizeof serial, NULL)) != NULL
        && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(x)) != NULL
        && X509_set_version(x, X509_VERSION_3) == 1
        && X509_NAME_add_entry_by_txt(subject, "O", MBSTRING_UTF8,
                                      (const unsigned char *)"Obscura", -1, -1, 0) == 1
        && X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8,
                                      (const unsigned char *)name, -1, -1, 0) == 1
        && X509_set_subject_name(x, subject) == 1 && X509_set_issuer_name(x, subject) == 1
        && X509_gmtime_adj(X509_getm_notBefore(x), -(long)BEFORE) != NULL
        && X509_time_adj_ex(X509_getm_notAfter(x), YEARS * 366, 0, NULL) != NULL
        && X509_set_pubkey(x, key) == 1 && X509_sign(x, key, NULL) > 0;
    BN_free(number);
    X509_NAME_free(subject);
    if (ok)
        return x;
    X509_free(x);
    return NULL;
}

/* Writes the key first, so that a certificate without its key never exists. */
static int write_pair(EVP_PKEY *key, X509 *x, const char *key_path, const char *cert_path,
                      struct err *e)
{
    BIO *secret = BIO_new(BIO_s_secmem()), *public = BIO_new(BIO_s_mem());
    char *data;
    int code = 0;
    if (secret == NULL || public == NULL || PEM_write_bio_X509(public, x) != 1
        || PEM_write_bio_PKCS8PrivateKey(secret, key, NULL, NULL, 0, NULL, NULL) != 1) {
        code = fail_library(e, "cannot encode the new key");
        goto out;
    }
    long n = BIO_get_mem_data(secret, &data);
    code = write_new(key_path, 0600, data, (size_t)n, e);
    wipe(data, (size_t)n);
    if (code != 0)
        goto out;
    n = BIO_get_mem_data(public, &data);
    code = write_new(cert_path, 0644, data, (size_t)n, e);
    if (code != 0)
        unlink(key_path);
out:
    BIO_free(secret);
    BIO_free(public);
    return code;
}

int cert_generate(const char *name, const char *key_path, const char *cert_path,
                  char fingerprint[static CERT_FINGERPRINT], struct err *e)
{
    uint8_t digest[CERT_DIGEST];
    int code = 0;
    if (name[0] == '\0' || strlen(name) > 60)
        return err_set(e, ERR_USAGE, "the name of a certificate has 1 to 60 bytes");
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    X509 *x = key == NULL ? NULL : certify(key, name);
    if (x == NULL || cert_digest_of(x, digest) != 0)
        code = fail_library(e, "cannot make a key and certificate");
    else
        code = write_pair(key, x, key_path, cert_path, e);
    if (code == 0)
        fingerprint_format(fingerprint, digest);
    X509_free(x);
    EVP_PKEY_free(key);
    return code;
}

/* Reads a small file into *data (PEM_MAX bytes); a key must be its owner's alone. */
static int read_pem(const char *path, int secret, uint8_t *data, size_t *n, struct err *e)
{
    struct stat st;
    int code = 0;
    const char *what = secret ? "key" : "certificate";
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return err_set(e, ERR_USAGE, "cannot open the %s %s: %s%s", what, path, strerror(errno),
                       errno == ENOENT ? "; obscura keygen makes one" : "");
    *n = 0;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size > PEM_MAX)
        code = err_set(e, ERR_USAGE, "%s is not a %s file", path, what);
    else if (secret && (st.st_mode & 077) != 0)
        code = err_set(e, ERR_USAGE, "the key %s can be read by others (mode %03o): chmod 600 %s",
                       path, (unsigned)st.st_mode & 0777, path);
    while (code == 0 && *n < PEM_MAX) {
        ssize_t k = read(fd, data + *n, PEM_MAX - *n);
        if (k == 0)
            break;
        if (k < 0 && errno != EINTR)
            code = err_set(e, ERR_FAILED, "cannot read the %s %s: %s", what, path,
                           strerror(errno));
        *n += k > 0 ? (size_t)k : 0;
    }
    close(fd);
    return code;
}

/* Nobody is asked for a password. */
static int no_password(char *buf, int size, int writing, void *ctx)
{
    (void)buf, (void)size, (void)writing, (void)ctx;
    return -1;
}

static int load_part(struct cert *c, const char *path, int secret, struct err *e)
{
    size_t n = 0;
    BIO *bio = NULL;
    uint8_t *data = mem_new(1, PEM_MAX);
    if (data == NULL)
        return err_set(e, ERR_FAILED, "no memory to read %s", path);
    int code = read_pem(path, secret, data, &n, e);
    if (code != 0)
        goto out;
    bio = BIO_new_mem_buf(data, (int)n);
    if (bio != NULL && secret)
        c->key = PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL);
    else if (bio != NULL)
        c->x509 = PEM_read_bio_X509(bio, NULL, no_password, NULL);
    if (secret ? c->key == NULL : c->x509 == NULL)
        code = err_set(e, ERR_USAGE, "%s holds no %s in PEM form%s", path,
                       secret ? "private key" : "certificate",
                       secret ? " (one without a password is needed)" : "");
    ERR_clear_error();
out:
    BIO_free(bio);
    wipe(data, PEM_MAX);
    mem_free(data);
    return code;
}

static int check_pair(struct cert *c, const char *key_path, const char *cert_path, struct err *e)
{
    if (X509_check_private_key(c->x509, c->key) != 1) {
        ERR_clear_error();
        return err_set(e, ERR_USAGE, "the key %s does not belong to the certificate %s", key_path,
                       cert_path);
    }
    if (X509_cmp_current_time(X509_get0_notAfter(c->x509)) < 0)
        return err_set(e, ERR_USAGE, "the certificate %s has expired: make a new key and "
                       "certificate with obscura keygen, and tell the others its fingerprint",
                       cert_path);
    if (cert_digest_of(c->x509, c->digest) != 0)
        return fail_library(e, "cannot take the fingerprint of the certificate");
    fingerprint_format(c->fingerprint, c->digest);
    return 0;
}

struct cert *cert_load(const char *key_path, const char *cert_path, struct err *e)
{
    struct cert *c = mem_new(1, sizeof *c);
    if (c == NULL) {
        err_set(e, ERR_FAILED, "no memory for a certificate");
        return NULL;
    }
    if (load_part(c, key_path, 1, e) == 0 && load_part(c, cert_path, 0, e) == 0
        && check_pair(c, key_path, cert_path, e) == 0)
        return c;
    cert_free(c);
    return NULL;
}

void cert_free(struct cert *c)
{
    if (c == NULL)
        return;
    X509_free(c->x509);
    EVP_PKEY_free(c->key);
    mem_free(c);
}

int cert_fingerprint_of(const char *cert_path, char fingerprint[static CERT_FINGERPRINT],
                        struct err *e)
{
    struct cert c = { 0 };
    int code = load_part(&c, cert_path, 0, e);
    if (code == 0 && cert_digest_of(c.x509, c.digest) != 0)
        code = fail_library(e, "cannot take the fingerprint of the certificate");
    if (code == 0)
        fingerprint_format(fingerprint, c.digest);
    X509_free(c.x509);
    return code;
}

const char *cert_fingerprint(const struct cert *c)
{
    return c->fingerprint;
}

const uint8_t *cert_digest(const struct cert *c)
{
    return c->digest;
}

int cert_secret(const struct cert *c, const char *label, uint8_t secret[static CERT_DIGEST],
                struct err *e)
{
    unsigned char *der = NULL;
    unsigned n = CERT_DIGEST;
    int length = i2d_PrivateKey(c->key, &der), ok = 0;
    if (length > 0) {
        ok = HMAC(EVP_sha256(), der, length, (const unsigned char *)label, strlen(label), secret,
                  &n) != NULL;
        wipe(der, (size_t)length);
    }
    OPENSSL_free(der);
    return ok ? 0 : err_set(e, ERR_FAILED, "no secret can be derived from the private key");
}

struct x509_st *cert_x509(const struct cert *c)
{
    return c->x509;
}

struct evp_pkey_st *cert_key(const struct cert *c)
{
    return c->key;
}
