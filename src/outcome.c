#include "src/outcome.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static json_int_t whole(uint64_t v)
{
    return v > INT64_MAX ? INT64_MAX : (json_int_t)v;
}

void account_from(struct account *a, const struct job_report *r, const struct protocol *proto)
{
    *a = (struct account){
        .job = r->job, .code = r->code, .frames = r->frames, .selected = r->selected,
        .messages = r->stats.messages, .rounds = r->stats.rounds, .input_bytes = r->input_bytes,
        .input_seconds = r->input_seconds, .run_seconds = r->run_seconds,
        .memory_bytes = r->memory_peak, .planned_rounds = r->planned_rounds,
        .planned_bytes = r->planned_bytes
    };
    static const char *const material[] = { "", "made", "stored" };
    a->prepare = r->prepare;
    a->bytes_offline = r->stats.dealt;
    a->stored_bytes = r->stored_bytes;
    snprintf(a->material, sizeof a->material, "%s", material[r->material]);
    snprintf(a->text, sizeof a->text, "%s", r->text);
    a->parties = proto->parties;
    for (unsigned i = 0; i < proto->parties; i++) {
        a->bytes_sent += r->stats.sent[i];
        a->bytes_received += r->stats.received[i];
        a->waited_seconds[i] = (double)r->stats.waited_ns[i] * 1e-9;
        a->queued_seconds[i] = (double)r->stats.queued_ns[i] * 1e-9;
    }
    a->busy_seconds = (double)r->stats.busy_ns * 1e-9;
}

void outcome_prepared(struct outcome *o, unsigned party, const struct account *a)
{
    o->prepared.bytes += a->bytes_sent;
    o->prepared.stored += a->stored_bytes;
    if (party == 0) {
        o->prepared.items++;
        o->prepared.seconds += a->run_seconds;
    }
}

json_t *outcome_times(const double *seconds, unsigned n)
{
    json_t *list = json_array();
    for (unsigned i = 0; list != NULL && i < n; i++)
        json_array_append_new(list, json_real(seconds[i]));
    return list;
}

static void parse_times(double seconds[static LINK_PARTIES], json_t *list)
{
    size_t i;
    json_t *v;
    json_array_foreach(list, i, v)
        if (i < LINK_PARTIES)
            seconds[i] = json_number_value(v);
}

json_t *account_json(const struct account *a)
{
    char job[17];
    snprintf(job, sizeof job, "%016" PRIx64, a->job);
    json_t *j = json_pack(
        "{s:s, s:i, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:f, s:f, s:f, s:I, s:I, s:I, s:b, s:s, s:I,"
        " s:I, s:f, s:o, s:o, s:{s:I, s:I}}", "job", job, "code", a->code,
        "frames", whole(a->frames), "selected", whole(a->selected),
        "bytes_sent", whole(a->bytes_sent), "bytes_received", whole(a->bytes_received),
        "bytes_wire", whole(a->bytes_wire), "messages", whole(a->messages),
        "rounds", whole(a->rounds), "cpu_seconds", a->cpu_seconds,
        "input_seconds", a->input_seconds, "run_seconds", a->run_seconds,
        "peak_rss_bytes", whole(a->peak_rss_bytes), "memory_bytes", whole(a->memory_bytes),
        "input_bytes", whole(a->input_bytes), "prepare", a->prepare, "material", a->material,
        "bytes_offline", whole(a->bytes_offline), "bytes_stored", whole(a->stored_bytes),
        "busy_seconds", a->busy_seconds,
        "waited_seconds", outcome_times(a->waited_seconds, a->parties),
        "queued_seconds", outcome_times(a->queued_seconds, a->parties),
        "plan", "rounds", whole(a->planned_rounds), "bytes", whole(a->planned_bytes));
    if (j != NULL && a->code != 0)
        json_object_set_new(j, "error", json_string(a->text));
    return j;
}

int account_parse(struct account *a, const char *text, struct err *e)
{
    const char *job = NULL, *material = NULL;
    json_int_t v[14] = { 0 };
    json_error_t bad;
    json_t *waits, *queued;
    *a = (struct account){ 0 };
    json_t *j = json_loads(text, 0, &bad);
    int failed = j == NULL || json_unpack(j,
        "{s:s, s:i, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:F, s:F, s:F, s:I, s:I, s:I, s:b, s:s, s:I,"
        " s:I, s:F, s:o, s:o, s:{s:I, s:I}}", "job", &job, "code", &a->code,
        "frames", &v[0], "selected", &v[1],
        "bytes_sent", &v[2], "bytes_received", &v[3], "bytes_wire", &v[4], "messages", &v[5],
        "rounds", &v[6], "cpu_seconds", &a->cpu_seconds, "input_seconds", &a->input_seconds,
        "run_seconds", &a->run_seconds, "peak_rss_bytes", &v[7], "memory_bytes", &v[8],
        "input_bytes", &v[9], "prepare", &a->prepare, "material", &material,
        "bytes_offline", &v[12], "bytes_stored", &v[13], "busy_seconds", &a->busy_seconds,
        "waited_seconds", &waits, "queued_seconds", &queued,
        "plan", "rounds", &v[10], "bytes", &v[11]) != 0;
    if (!failed) {
        a->job = strtoull(job, NULL, 16);
        a->parties = (unsigned)json_array_size(waits);
        parse_times(a->waited_seconds, waits);
        parse_times(a->queued_seconds, queued);
        a->frames = (uint32_t)v[0];
        a->selected = (uint32_t)v[1];
        a->bytes_sent = (uint64_t)v[2];
        a->bytes_received = (uint64_t)v[3];
        a->bytes_wire = (uint64_t)v[4];
        a->messages = (uint64_t)v[5];
        a->rounds = (uint32_t)v[6];
        a->peak_rss_bytes = (uint64_t)v[7];
        a->memory_bytes = (uint64_t)v[8];
        a->input_bytes = (uint64_t)v[9];
        a->planned_rounds = (uint32_t)v[10];
        a->planned_bytes = (uint64_t)v[11];
        a->bytes_offline = (uint64_t)v[12];
        a->stored_bytes = (uint64_t)v[13];
        snprintf(a->material, sizeof a->material, "%s", material);
    }
    json_decref(j);
    return failed ? err_set(e, ERR_FAILED, "a party's account cannot be read") : 0;
}

static json_t *scores_json(const struct alice_result *r)
{
    if (!r->have_scores)
        return json_null();
    json_t *list = json_array();
    for (uint32_t i = 0; list != NULL && i < r->nclass; i++)
        json_array_append_new(list, json_real(r->scores[i]));
    return list;
}

/* Alice knows the plan of the whole; the parties whether they could leave the deals out. */
static json_t *plan_json(const struct outcome *o)
{
    uint32_t rounds = o->have_parties ? o->party[0].planned_rounds : o->result.planned_rounds;
    json_t *bytes = json_array();
    for (unsigned i = 0; bytes != NULL && i < o->proto->parties; i++)
        json_array_append_new(bytes, json_integer(whole(
            o->have_parties ? o->party[i].planned_bytes : o->result.planned_bytes[i])));
    return json_pack("{s:I, s:o}", "rounds", whole(rounds), "bytes", bytes);
}

/* Adds what only the parties know. */
static void add_parties(json_t *j, const struct outcome *o)
{
    uint64_t sent = 0, offline = 0, input = 0, rounds = 0;
    const char *material = o->party[0].material;
    json_t *list = json_array();
    for (unsigned i = 0; i < o->proto->parties; i++) {
        const struct account *a = &o->party[i];
        sent += a->bytes_sent;
        offline += a->bytes_offline;
        input += a->input_bytes;
        rounds = a->rounds > rounds ? a->rounds : rounds;
        json_array_append_new(list, json_pack(
            "{s:i, s:I, s:I, s:I, s:I, s:f, s:I, s:f, s:o, s:o}", "party", (int)i,
            "bytes_sent", whole(a->bytes_sent), "bytes_received", whole(a->bytes_received),
            "bytes_wire", whole(a->bytes_wire), "messages", whole(a->messages),
            "cpu_seconds", a->cpu_seconds, "peak_rss_bytes", whole(a->peak_rss_bytes),
            "busy_seconds", a->busy_seconds,
            "waited_seconds", outcome_times(a->waited_seconds, o->proto->parties),
            "queued_seconds", outcome_times(a->queued_seconds, o->proto->parties)));
    }
    json_object_set_new(j, "rounds", json_integer(whole(rounds)));
    json_object_set_new(j, "bytes", json_pack("{s:I, s:I, s:I, s:I}", "total", whole(sent),
                                              "input", whole(input), "offline", whole(offline),
                                              "online", whole(sent - offline)));
    json_object_set_new(j, "material", material[0] != '\0' ? json_string(material) : json_null());
    if (o->prepared.items > 0)
        json_object_set_new(j, "prepare", json_pack(
            "{s:I, s:f, s:I, s:I}", "items", (json_int_t)o->prepared.items, "seconds",
            o->prepared.seconds, "bytes", whole(o->prepared.bytes), "bytes_stored",
            whole(o->prepared.stored)));
    json_object_set_new(j, "parties", list);
}

json_t *outcome_json(const struct outcome *o)
{
    const struct alice_result *r = &o->result;
    json_t *j = json_pack(
        "{s:i, s:s, s:o, s:s, s:s?, s:I, s:I, s:{s:f, s:f, s:f, s:f}}",
        "label", (int)r->label, "class", r->class_name, "scores", scores_json(r),
        "protocol", o->proto->name, "verified", o->proto->verified,
        "frames", whole(r->frames), "selected", whole(r->selected),
        "seconds", "total", r->seconds_total, "input", r->seconds_input, "offline", 0.0,
        "online", r->seconds_total);
    if (j == NULL)
        return NULL;
    if (o->have_parties)
        add_parties(j, o);
    else
        json_object_set_new(j, "bytes", json_pack("{s:I}", "input", whole(r->input_bytes)));
    json_object_set_new(j, "plan", plan_json(o));
    return j;
}

static void parse_scores(struct alice_result *r, json_t *scores)
{
    size_t i;
    json_t *v;
    r->have_scores = json_is_array(scores);
    json_array_foreach(scores, i, v)
        if (i < FIXED_CLASSES) {
            r->scores[i] = json_number_value(v);
            r->nclass = (uint32_t)i + 1;
        }
}

int outcome_parse(struct outcome *o, const char *text, struct err *e)
{
    struct alice_result *r = &o->result;
    const char *class = NULL;
    json_int_t label, frames, selected, rounds, input;
    json_t *scores, *bytes, *v, *j = json_loads(text, 0, NULL);
    size_t i;
    int failed = j == NULL || json_unpack(j,
        "{s:I, s:s, s:o, s:I, s:I, s:{s:F, s:F}, s:{s:I}, s:{s:I, s:o}}",
        "label", &label, "class", &class, "scores", &scores, "frames", &frames,
        "selected", &selected, "seconds", "total", &r->seconds_total, "input", &r->seconds_input,
        "bytes", "input", &input, "plan", "rounds", &rounds, "bytes", &bytes) != 0;
    if (!failed) {
        r->label = (unsigned)label;
        snprintf(r->class_name, sizeof r->class_name, "%s", class);
        r->frames = (uint32_t)frames;
        r->selected = (uint32_t)selected;
        r->planned_rounds = (uint32_t)rounds;
        r->input_bytes = (uint64_t)input;
        parse_scores(r, scores);
        json_array_foreach(bytes, i, v)
            if (i < LINK_PARTIES)
                r->planned_bytes[i] = (uint64_t)json_integer_value(v);
    }
    json_decref(j);
    return failed ? err_set(e, ERR_FAILED, "Alice's result cannot be read") : 0;
}

int json_print(json_t *j, int indent, struct err *e)
{
    size_t flags = JSON_REAL_PRECISION(9) | (indent ? JSON_INDENT(2) : JSON_COMPACT);
    int bad = j == NULL || json_dumpf(j, stdout, flags) != 0 || putchar('\n') == EOF ||
              fflush(stdout) != 0;
    json_decref(j);
    return bad ? err_set(e, ERR_FAILED, "the result cannot be written to standard output") : 0;
}

const char *bytes_text(char text[static 24], double bytes)
{
    static const char *const units[] = { "B", "kB", "MB", "GB", "TB" };
    unsigned u = 0;
    while (bytes >= 1000 && u < 4) {
        bytes /= 1000;
        u++;
    }
    snprintf(text, 24, u == 0 ? "%.0f %s" : "%.4g %s", bytes, units[u]);
    return text;
}

void outcome_print(const struct outcome *o, FILE *f)
{
    const struct alice_result *r = &o->result;
    char a[24], b[24];
    fprintf(f, "The clip shows: %s (class %u), from %u of %u frames in %.2f s", r->class_name,
            r->label, r->selected, r->frames, r->seconds_total);
    if (o->have_parties) {
        uint64_t sent = 0, offline = 0, input = 0, rounds = 0;
        const struct prepared *before = &o->prepared;
        for (unsigned i = 0; i < o->proto->parties; i++) {
            sent += o->party[i].bytes_sent;
            offline += o->party[i].bytes_offline;
            input += o->party[i].input_bytes;
            rounds = o->party[i].rounds > rounds ? o->party[i].rounds : rounds;
        }
        fprintf(f, " (and %.2f s to share the inputs); the parties exchanged %s in %" PRIu64
                " rounds, beside %s of inputs.\n", r->seconds_input, bytes_text(a, (double)sent),
                rounds, bytes_text(b, (double)input));
        if (offline > 0)
            fprintf(f, "Of these, %s depend on the clip; %s do not.\n",
                    bytes_text(a, (double)(sent - offline)), bytes_text(b, (double)offline));
        if (before->items > 0)
            fprintf(f, "Before it, %u item%s of correlated randomness took %.2f s and %s between "
                    "the parties; this classification %s.\n", before->items,
                    before->items == 1 ? "" : "s", before->seconds,
                    bytes_text(a, (double)before->bytes),
                    strcmp(o->party[0].material, "stored") == 0 ? "used one" : "used none");
        if (o->proto->verified != NULL)
            fprintf(f, "The computation was verified (%s) before the label left the parties.\n",
                    o->proto->verified);
    } else {
        fprintf(f, ", after %.2f s to share it.\n", r->seconds_input);
    }
    for (uint32_t i = 0; r->have_scores && i < r->nclass; i++)
        fprintf(f, "  score of class %u: %.6f\n", i, r->scores[i]);
}
