#include "src/settings.h"

#include <stdlib.h>
#include <string.h>

#include "src/number.h"

static int need(const struct settings *s, const char *section, const char *key, const char *value,
                struct err *e)
{
    if (value[0] != '\0')
        return 0;
    return err_set(e, ERR_USAGE, "%s: [%s] needs `%s = ..`", s->file, section, key);
}

static int check_address(const struct settings *s, const char *section, const char *key,
                         const char *address, struct err *e)
{
    const char *colon = strrchr(address, ':');
    uint64_t port;
    if (colon != NULL && colon > address && number_count(&port, colon + 1, 0, 65535, NULL) == 0)
        return 0;
    return err_set(e, ERR_USAGE, "%s: [%s] %s = %.60s: expected HOST:PORT, or [IPV6]:PORT", s->file,
                   section, key, address);
}

static int check_peers(const struct settings *s, const struct protocol *proto, struct err *e)
{
    char section[16] = "peer 0";
    for (unsigned i = 0; i < LINK_PARTIES; i++) {
        section[5] = (char)('0' + i);
        const struct settings_peer *p = &s->peer[i];
        if (i >= proto->parties) {
            if (s->seen_peer[i] != 0)
                return err_set(e, ERR_USAGE, "%s: [%s]: %s has the parties 0 to %u", s->file,
                               section, proto->name, proto->parties - 1);
            continue;
        }
        if (s->party && i == s->index)
            continue;
        if (need(s, section, "address", p->address, e) != 0 ||
            check_address(s, section, "address", p->address, e) != 0 ||
            need(s, section, "fingerprint", p->fingerprint, e) != 0)
            return e->code;
    }
    return 0;
}

static int check_party(const struct settings *s, const struct protocol *proto, struct err *e)
{
    if (s->seen[0] != 0 && (s->seen[0] & 1) == 0)
        return err_set(e, ERR_USAGE, "%s: [party] needs `index = ..`", s->file);
    if (s->index >= proto->parties)
        return err_set(e, ERR_USAGE, "%s: [party] index = %u: %s has the parties 0 to %u", s->file,
                       s->index, proto->name, proto->parties - 1);
    if (need(s, "party", "listen", s->listen, e) != 0 ||
        check_address(s, "party", "listen", s->listen, e) != 0)
        return e->code;
    for (unsigned i = 0; i < s->nclient; i++) {
        const struct settings_client *c = &s->allowed[i];
        if (c->fingerprint[0] == '\0' || c->may == 0)
            return err_set(e, ERR_USAGE, "%s: [client %s] needs `fingerprint = ..` and `may = ..`",
                           s->file, c->name);
    }
    return 0;
}

const struct protocol *settings_protocol(const struct settings *s)
{
    return protocol_find(s->protocol);
}

int settings_check(const struct settings *s, int party, struct err *e)
{
    const char *section = party ? "party" : "client";
    if (party ? !s->party : !s->client)
        return err_set(e, ERR_USAGE, "%s: there is no [%s] section", s->file, section);
    if (s->party && s->client)
        return err_set(e, ERR_USAGE, "%s: [party] and [client] exclude each other", s->file);
    if (need(s, section, "protocol", s->protocol, e) != 0)
        return e->code;
    const struct protocol *proto = protocol_named(s->protocol, e);
    if (proto == NULL)
        return err_prefix(e, "%s: [%s]", s->file, section);
    if (need(s, section, "key", s->key, e) != 0 ||
        need(s, section, "certificate", s->certificate, e) != 0 ||
        (party ? check_party(s, proto, e) : need(s, section, "name", s->name, e)) != 0)
        return e->code;
    return check_peers(s, proto, e);
}
