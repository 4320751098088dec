/* Keys and certificates: what keygen writes, and every reason to refuse what is loaded. */
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "net/cert.h"
#include "tests/check.h"
#include "tests/node.h"

static char folder[64], key[96], file[96], other_key[96], other_file[96];
static char fingerprint[CERT_FINGERPRINT];

static X509 *read_x509(const char *path)
{
    FILE *f = fopen(path, "r");
    X509 *x = f == NULL ? NULL : PEM_read_X509(f, NULL, NULL, NULL);
    if (f != NULL)
        fclose(f);
    return x;
}

static unsigned mode_of(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 ? st.st_mode & 0777 : 0;
}

static void generate(void)
{
    struct err e = { 0 };
    umask(0);
    CHECK_EQ(cert_generate("party 0", key, file, fingerprint, &e), 0);
    CHECK_EQ(mode_of(key), 0600);
    CHECK_EQ(mode_of(file), 0644);
    X509 *x = read_x509(file);
    CHECK(x != NULL);
    int days = 0, seconds = 0;
    ASN1_TIME_diff(&days, &seconds, NULL, X509_get0_notAfter(x));
    CHECK(days > 20 * 366);
    ASN1_TIME_diff(&days, &seconds, X509_get0_notBefore(x), NULL);
    CHECK(days >= 2);
    EVP_PKEY *public = X509_get0_pubkey(x);
    CHECK_EQ(EVP_PKEY_get_id(public), EVP_PKEY_ED25519);
    CHECK_EQ(X509_verify(x, public), 1);

    unsigned char *der = NULL;
    uint8_t digest[32];
    char text[CERT_FINGERPRINT] = "sha256:";
    int n = i2d_X509(x, &der);
    EVP_Q_digest(NULL, "SHA256", NULL, der, (size_t)n, digest, NULL);
    for (int i = 0; i < 32; i++)
        snprintf(text + 7 + 2 * i, 3, "%02x", digest[i]);
    CHECK(strcmp(text, fingerprint) == 0);
    OPENSSL_free(der);
    X509_free(x);

    char again[CERT_FINGERPRINT];
    CHECK_EQ(cert_generate("party 0", key, file, again, &e), ERR_USAGE);
    CHECK(strstr(e.text, "exists already") != NULL);
    unlink(other_key);
    CHECK_EQ(cert_generate("party 1", other_key, file, again, &e), ERR_USAGE);
    CHECK(access(other_key, F_OK) != 0);        /* no key without its certificate */
    CHECK_EQ(cert_generate("party 1", other_key, other_file, again, &e), 0);
    CHECK(strcmp(again, fingerprint) != 0);
}

static void load(void)
{
    struct err e = { 0 };
    struct cert *c = cert_load(key, file, &e);
    uint8_t digest[CERT_DIGEST];
    char text[CERT_FINGERPRINT];
    CHECK(c != NULL);
    if (c == NULL)
        return;
    CHECK(strcmp(cert_fingerprint(c), fingerprint) == 0);
    CHECK_EQ(fingerprint_parse(digest, fingerprint), 0);
    CHECK(memcmp(digest, cert_digest(c), CERT_DIGEST) == 0);
    CHECK_EQ(cert_fingerprint_of(file, text, &e), 0);
    CHECK(strcmp(text, fingerprint) == 0);
    cert_free(c);
}

static void refuse(const char *k, const char *f, const char *word)
{
    struct err e = { 0 };
    struct cert *c = cert_load(k, f, &e);
    CHECK(c == NULL && e.code == ERR_USAGE);
    if (strstr(e.text, word) == NULL)
        fprintf(stderr, "\"%s\" is not in: %s\n", word, e.text);
    CHECK(strstr(e.text, word) != NULL && strchr(e.text, '\n') == NULL);
    cert_free(c);
}

static void write_file(const char *path, const char *text, mode_t mode)
{
    FILE *f = fopen(path, "w");
    fputs(text, f);
    fclose(f);
    chmod(path, mode);
}

static void refusals(void)
{
    char path[160];
    snprintf(path, sizeof path, "%s/none", folder);
    refuse(path, file, "keygen");
    refuse(key, path, "No such file");
    refuse(folder, file, "not a key file");
    refuse(other_key, file, "does not belong");
    chmod(key, 0640);
    refuse(key, file, "chmod 600");
    chmod(key, 0604);
    refuse(key, file, "can be read by others");
    chmod(key, 0600);
    snprintf(path, sizeof path, "%s/text", folder);
    write_file(path, "hello\n", 0600);
    refuse(path, file, "no private key");
    refuse(key, path, "no certificate");
    refuse(key, key, "no certificate");
    write_file(path, "", 0600);
    refuse(path, file, "no private key");
    unlink(path);
}

/* A certificate of the same key that is over. */
static void expired(void)
{
    char path[160];
    FILE *f = fopen(key, "r");
    EVP_PKEY *k = PEM_read_PrivateKey(f, NULL, NULL, NULL);
    fclose(f);
    X509 *x = X509_new();
    X509_set_version(x, 2);
    X509_gmtime_adj(X509_getm_notBefore(x), -86400 * 10);
    X509_gmtime_adj(X509_getm_notAfter(x), -86400);
    X509_set_pubkey(x, k);
    X509_sign(x, k, NULL);
    snprintf(path, sizeof path, "%s/expired", folder);
    f = fopen(path, "w");
    PEM_write_X509(f, x);
    fclose(f);
    refuse(key, path, "expired");
    unlink(path);
    X509_free(x);
    EVP_PKEY_free(k);
}

static void fingerprints(void)
{
    uint8_t digest[CERT_DIGEST];
    char text[CERT_FINGERPRINT + 8];
    CHECK_EQ(fingerprint_parse(digest, ""), -1);
    CHECK_EQ(fingerprint_parse(digest, "sha256:"), -1);
    snprintf(text, sizeof text, "%s0", fingerprint);
    CHECK_EQ(fingerprint_parse(digest, text), -1);
    snprintf(text, sizeof text, "%s", fingerprint);
    text[10] = 'g';
    CHECK_EQ(fingerprint_parse(digest, text), -1);
    snprintf(text, sizeof text, "%s", fingerprint);
    text[0] = 'S';
    CHECK_EQ(fingerprint_parse(digest, text), -1);
}

int main(void)
{
    node_folder(folder);
    snprintf(key, sizeof key, "%s/key", folder);
    snprintf(file, sizeof file, "%s/cert", folder);
    snprintf(other_key, sizeof other_key, "%s/key1", folder);
    snprintf(other_file, sizeof other_file, "%s/cert1", folder);
    CASE(generate);
    CASE(load);
    CASE(refusals);
    CASE(expired);
    CASE(fingerprints);
    unlink(key);
    unlink(file);
    unlink(other_key);
    unlink(other_file);
    CHECK(rmdir(folder) == 0);  /* nothing else was left behind */
    return check_done();
}
