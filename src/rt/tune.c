/* Choosing between forms of a kernel by measuring them on the device.
 *
 * A choice comes from, in this order: FURROW_FORM, what was imported, what this process has used, the disk, measuring.
 * Where programs come from a folder alone, its choices stand in the disk's place: those on the disk may name programs
 * that it does not hold. Races are then among the forms that it does hold.
 * Measuring: one warm-up each (the driver may compile), then rounds in which every form still in the race runs in
 * turn, so that a machine that slows down slows all of them; a form's time is the least of its rounds. */
#include "rt/internal.h"

#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/schema.h"

enum {
    ROUNDS = 5,
    REPEATS_MAX = 16,       /* launches in one timing, so that waiting for the device weighs little */
    TIMING_WANTED = 500000, /* nanoseconds in one timing */
    BUDGET = 60000000,      /* nanoseconds for all rounds; the first round is always whole */
    HOPELESS = 3,           /* a form so many times slower than the best leaves the race */
    FORMS_MAX = 64,
    IMPORTED_MAX = 10000, /* choices: a run has hundreds */
};

typedef struct choice {
    char *key, *form;
    uint64_t hash;
    bool wanted; /* asked for other than in a rehearsal */
} choice;

struct tuning {
    choice *used, *imported;
    size_t used_count, used_capacity, imported_count, imported_capacity;
    struct store *disk;
};

/* ---- lists of choices ------------------------------------------------------------------------------------------- */

static choice *choice_find(choice *list, size_t count, const char *key)
{
    uint64_t hash = hash_text(HASH_START, key);
    for (size_t i = 0; i < count; i++)
        if (list[i].hash == hash && !strcmp(list[i].key, key)) return &list[i];
    return NULL;
}

static int choice_set(choice **list, size_t *count, size_t *capacity, const char *key, const char *form)
{
    char *form_copy = text_copy(form), *key_copy = NULL;
    if (!form_copy) return FAILED;
    choice *old = choice_find(*list, *count, key);
    if (old) {
        free(old->form);
        old->form = form_copy;
        return OK;
    }
    void *items = *list;
    int rc = memory_grow(&items, capacity, *count + 1, sizeof **list);
    *list = items;
    if (!rc && !(key_copy = text_copy(key))) rc = FAILED;
    if (rc) {
        free(form_copy);
        return rc;
    }
    (*list)[(*count)++] = (choice){key_copy, form_copy, hash_text(HASH_START, key), false};
    return OK;
}

static void choices_clear(choice *list, size_t *count)
{
    for (size_t i = 0; i < *count; i++) {
        free(list[i].key);
        free(list[i].form);
    }
    *count = 0;
}

static int form_index(const char *const *forms, int count, const char *form)
{
    for (int i = 0; form && i < count; i++)
        if (!strcmp(forms[i], form)) return i;
    return -1;
}

/* ---- what is known ---------------------------------------------------------------------------------------------- */

static int tuning_get(device *d, struct tuning **out)
{
    int rc = OK;
    struct tuning *t = NULL;
    if (!d->tuning) {
        TRY_NEW(t = memory_new(1, sizeof *t));
        TRY(store_open(d, "tune", &t->disk));
        d->tuning = t;
        t = NULL;
    }
    *out = d->tuning;
done:
    free(t);
    return rc;
}

/* FURROW_FORM="linear=simt,attention=b": the form of the first item whose left side begins the key; -1: none. */
static int forced_form(const char *key, const char *const *forms, int count)
{
    const char *text = getenv("FURROW_FORM");
    while (text && *text) {
        size_t length = strcspn(text, ",");
        const char *equals = memchr(text, '=', length);
        size_t prefix = equals ? (size_t)(equals - text) : length;
        if (equals && !strncmp(key, text, prefix)) {
            for (int i = 0; i < count; i++)
                if (strlen(forms[i]) == length - prefix - 1 && !strncmp(forms[i], equals + 1, length - prefix - 1))
                    return i;
            log_warning("FURROW_FORM: %s has no form \"%.*s\"; measuring", key, (int)(length - prefix - 1), equals + 1);
            return -1;
        }
        text += length;
        if (*text == ',') text++;
    }
    return -1;
}

/* FURROW_TUNE=none: the first form serves. For simulators, where measuring takes minutes and says nothing. */
static bool measures_nothing(void)
{
    const char *text = getenv("FURROW_TUNE");
    return text && !strcmp(text, "none");
}

static int imported_form(struct tuning *t, const char *key, const char *const *forms, int count)
{
    choice *c = choice_find(t->imported, t->imported_count, key);
    if (!c) return -1;
    int form = form_index(forms, count, c->form);
    if (form < 0) log_warning("the recorded form \"%s\" of %s does not exist here; measuring anew", c->form, key);
    return form;
}

/* ---- measuring -------------------------------------------------------------------------------------------------- */

typedef struct race {
    device *device;
    int (*run)(void *user, int form);
    void *user;
    int repeats[FORMS_MAX];
    int64_t best[FORMS_MAX]; /* nanoseconds a run; -1: the form is out */
} race;

/* Nanoseconds of one run among `repeats`, or a code. */
static int time_form(race *r, int form, int repeats, int64_t *nanoseconds)
{
    int rc = OK;
    int64_t from = clock_nanoseconds();
    for (int i = 0; i < repeats; i++) TRY(r->run(r->user, form));
    TRY(device_finish(r->device));
    *nanoseconds = (clock_nanoseconds() - from) / repeats;
done:
    return rc;
}

static int64_t fastest(const race *r, int count)
{
    int64_t best = -1;
    for (int i = 0; i < count; i++)
        if (r->best[i] >= 0 && (best < 0 || r->best[i] < best)) best = r->best[i];
    return best;
}

/* Each form once to warm up, once to learn how long it takes. */
static void qualify(race *r, int count)
{
    for (int i = 0; i < count; i++) {
        int64_t once = 0;
        r->best[i] = -1;
        if (time_form(r, i, 1, &once) || time_form(r, i, 1, &once)) continue;
        r->best[i] = once;
        int64_t repeats = TIMING_WANTED / (once > 0 ? once : 1);
        r->repeats[i] = repeats < 1 ? 1 : repeats > REPEATS_MAX ? REPEATS_MAX : (int)repeats;
    }
}

static void run_rounds(race *r, int count)
{
    int64_t from = clock_nanoseconds();
    for (int round = 0; round < ROUNDS; round++)
        for (int i = 0; i < count; i++) {
            int64_t nanoseconds = 0;
            if (r->best[i] < 0 || r->best[i] > HOPELESS * fastest(r, count)) continue;
            if (round > 0 && clock_nanoseconds() - from > BUDGET) return;
            if (time_form(r, i, r->repeats[i], &nanoseconds))
                r->best[i] = -1;
            else if (nanoseconds < r->best[i] || round == 0)
                r->best[i] = nanoseconds;
        }
}

static int measure(device *d, const char *key, int count, int (*run)(void *user, int form), void *user, int *chosen)
{
    race r = {.device = d, .run = run, .user = user};
    int rc = device_finish(d);
    if (rc) return rc;
    if (!d->tune_announced) log_note("measuring kernel forms on %s; the choices are kept", d->about.name);
    d->tune_announced = true;
    bool before = device_rehearse(d, true);
    qualify(&r, count);
    run_rounds(&r, count);
    device_rehearse(d, before);
    int64_t best = fastest(&r, count);
    for (int i = 0; i < count; i++)
        if (best >= 0 && r.best[i] == best) {
            *chosen = i;
            return OK;
        }
    return fail_within(FAILED, "no form of %s works on %s", key, d->about.name);
}

static const char *remembered_form(const device *d, const struct tuning *t, const char *key)
{
    return d->binaries ? binaries_form(d->binaries, key) : store_get(t->disk, key);
}

/* ---- the interface ---------------------------------------------------------------------------------------------- */

int tune_choose(device *d, const char *key, const char *const *forms, int count, int (*run)(void *user, int form),
                void *user, int *chosen)
{
    int rc = OK, form = -1;
    struct tuning *t;
    if (count < 1 || count > FORMS_MAX) return fail(FAILED, "%s has %d forms; wanted 1 to %d", key, count, FORMS_MAX);
    TRY(tuning_get(d, &t));
    choice *used = choice_find(t->used, t->used_count, key);
    if (used && (form = form_index(forms, count, used->form)) >= 0) {
        used->wanted = used->wanted || !d->rehearsing;
        *chosen = form;
        return OK;
    }
    form = forced_form(key, forms, count);
    if (form < 0) form = imported_form(t, key, forms, count);
    if (form < 0) form = form_index(forms, count, remembered_form(d, t, key));
    if (form < 0 && (count == 1 || measures_nothing())) form = 0;
    if (form < 0) {
        TRY(measure(d, key, count, run, user, &form));
        if (!d->binaries && !d->collecting) TRY(store_set(t->disk, key, forms[form]));
    }
    TRY(choice_set(&t->used, &t->used_count, &t->used_capacity, key, forms[form]));
    choice_find(t->used, t->used_count, key)->wanted = !d->rehearsing;
    *chosen = form;
done:
    return rc;
}

void tune_forget(device *d)
{
    struct tuning *t;
    if (tuning_get(d, &t)) return;
    choices_clear(t->used, &t->used_count);
    choices_clear(t->imported, &t->imported_count);
    store_clear(t->disk);
}

static int by_key(const void *a, const void *b)
{
    return strcmp(((const choice *)a)->key, ((const choice *)b)->key);
}

/* Sorted, without what only took part in races, with what was imported: so the text does not tell whether the forms
 * were measured or remembered, nor whether a run was stopped and resumed. */
char *tune_export(const device *d)
{
    const struct tuning *t = d->tuning;
    const size_t most = t ? t->used_count + t->imported_count : 0;
    choice *all = memory_new(most + 1, sizeof *all);
    if (!all) return NULL;
    size_t count = 0;
    for (size_t i = 0; t && i < t->used_count; i++)
        if (t->used[i].wanted) all[count++] = t->used[i];
    for (size_t i = 0; t && i < t->imported_count; i++)
        if (!choice_find(all, count, t->imported[i].key)) all[count++] = t->imported[i];
    qsort(all, count, sizeof *all, by_key);
    cJSON *object = cJSON_CreateObject();
    for (size_t i = 0; i < count; i++) cJSON_AddStringToObject(object, all[i].key, all[i].form);
    free(all);
    char *text = json_print(object, true);
    cJSON_Delete(object);
    return text;
}

int tune_import(device *d, const char *json)
{
    int rc = OK;
    struct tuning *t;
    cJSON *object = NULL, *item = NULL;
    TRY(json_parse(json, strlen(json), "the list of kernel forms", &object));
    if (cJSON_GetArraySize(object) > IMPORTED_MAX) {
        rc = fail(FAILED, "the list of kernel forms has %d entries, wanted at most %d", cJSON_GetArraySize(object),
                  IMPORTED_MAX);
        goto done;
    }
    if (!cJSON_IsObject(object)) {
        rc = fail(FAILED, "the list of kernel forms is not a JSON object");
        goto done;
    }
    cJSON_ArrayForEach(item, object) {
        if (!cJSON_IsString(item)) {
            rc = fail(FAILED, "the list of kernel forms: \"%s\" is not a text", item->string);
            goto done;
        }
    }
    TRY(tuning_get(d, &t));
    cJSON_ArrayForEach(item, object)
        TRY(choice_set(&t->imported, &t->imported_count, &t->imported_capacity, item->string, item->valuestring));
    choices_clear(t->used, &t->used_count); /* so that the imported ones win from now on */
done:
    cJSON_Delete(object);
    return rc;
}

void tuning_save(device *d)
{
    if (d->tuning) store_save(d, d->tuning->disk);
}

void tuning_free(device *d)
{
    struct tuning *t = d->tuning;
    if (!t) return;
    store_free(t->disk);
    choices_clear(t->used, &t->used_count);
    choices_clear(t->imported, &t->imported_count);
    free(t->used);
    free(t->imported);
    free(t);
    d->tuning = NULL;
}
