/*
 * base_log.h: one line per event to standard error, by level and domain.
 *
 * No secret is ever printed: there is no function that formats a share, a key or an input.
 */
#ifndef OB_NET_BASE_LOG_H
#define OB_NET_BASE_LOG_H

enum log_level { LOG_ERR, LOG_WARN, LOG_NOTICE, LOG_INFO, LOG_DEBUG };
enum log_domain { LOG_NET, LOG_PROTO, LOG_NN, LOG_JOB, LOG_DOMAINS };

/* Sets the level from text such as "info" or "notice,net=debug"; -1 when it does not parse. */
int log_configure(const char *spec);

/* A name put before every line of this process ("party 1"); kept by copy, "" for none. */
void log_identity(const char *name);

int log_enabled(enum log_domain domain, enum log_level level);

/* One line: `level domain: text`. Safe from any thread. */
void log_line(enum log_level level, enum log_domain domain, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#endif
