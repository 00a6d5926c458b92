#include "data_test.h"

#include <math.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"

char data_path[64];
char data_warnings[4096];

static void keep_warning(void *user, const char *text)
{
    (void)user;
    size_t used = strlen(data_warnings);
    snprintf(data_warnings + used, sizeof data_warnings - used, "%s\n", text);
}

int data_test_setup(void **state)
{
    (void)state;
    strcpy(data_path, "/tmp/furrow-data-XXXXXX");
    int descriptor = mkstemp(data_path);
    if (descriptor < 0) return -1;
    close(descriptor);
    data_warnings[0] = 0;
    log_listen(&(log_listener){.warning = keep_warning});
    return 0;
}

int data_test_teardown(void **state)
{
    (void)state;
    log_listen(NULL);
    return unlink(data_path);
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

int small_value(int parcel, int index)
{
    return (7 * parcel + index) % 251; /* fits every type */
}

static void put_value(const small_pack *p, int parcel, int index, void *values)
{
    int value = small_value(parcel, index);
    switch (p->type) {
    case NUMBER_U8: ((uint8_t *)values)[index] = (uint8_t)value; break;
    case NUMBER_F32:
        ((float *)values)[index] = p->damaged && p->damaged == parcel && index == 1 ? INFINITY : (float)value;
        break;
    default: ((uint16_t *)values)[index] = (uint16_t)value;
    }
}

static void append_parcels(const small_pack *p, pack_writer *w)
{
    for (int i = 0; i < p->count; i++) {
        int count = p->dates[i] * p->pixels[i] * p->bands;
        void *values = memory_new((size_t)count, 4);
        assert_non_null(values);
        for (int j = 0; j < count; j++) put_value(p, i, j, values);
        assert_ok(pack_writer_append(w, values, (size_t)count));
        free(values);
    }
}

static size_t day_count(const small_pack *p)
{
    size_t count = p->days_shared ? (size_t)p->dates[0] : 0;
    for (int i = 0; !p->days_shared && i < p->count; i++) count += (size_t)p->dates[i];
    return count;
}

void small_pack_write(const small_pack *p)
{
    static const double mean = 10, std = 2;
    static const double shape_mean[2] = {4, 1}, shape_std[2] = {2, 0};
    pack_labels labels[2];
    size_t nomenclatures = 0;
    if (p->labels) labels[nomenclatures++] = (pack_labels){"crops", p->labels, p->classes};
    if (p->others) labels[nomenclatures++] = (pack_labels){.name = "groups", .values = p->others};
    const pack_feature feature = {"shape", 2, p->shape, shape_mean, shape_std};
    normalisation n = p->norm ? *p->norm : (normalisation){1, 1, (double *)&mean, (double *)&std};
    char names[100][4];
    const char *ids[100];
    for (int i = 0; i < p->count; i++) {
        snprintf(names[i], sizeof names[i], "%d", 10 + i % 90);
        ids[i] = names[i];
    }
    pack_contents c = {.count = (size_t)p->count,
                       .bands = p->bands,
                       .type = p->type,
                       .fingerprint = "test",
                       .ids = ids,
                       .dates = p->dates,
                       .pixels = p->pixels,
                       .days = p->days,
                       .day_count = day_count(p),
                       .days_shared = p->days_shared,
                       .labels = labels,
                       .nomenclatures = nomenclatures,
                       .features = &feature,
                       .feature_count = p->shape ? 1 : 0};
    pack_writer *w = NULL;
    assert_ok(pack_writer_open(data_path, &c, 0, &w));
    append_parcels(p, w);
    assert_ok(pack_writer_finish(w, &n, "test.pkl"));
    pack_writer_close(w);
}

/* ---- opening ----------------------------------------------------------------------------------------------------- */

pixelset_options data_options(void)
{
    return (pixelset_options){.pack = data_path, .sub_classes = {.count = -1}, .npixel = 4, .norm = "pack"};
}

void assert_refused(const pixelset_options *o, bool labels, int code, ...)
{
    pixelset *s = NULL;
    assert_int_equal(pixelset_open(o, labels, &s), code);
    assert_null(s);
    va_list parts;
    va_start(parts, code);
    for (const char *part; (part = va_arg(parts, const char *));) assert_holds(error_message(), part);
    va_end(parts);
}
