/* Reference results of networks for parcels: x B x T x C x S, mask B x T x S, extra B x T x E, positions T. */
#include "verify/reference.h"

#include <stdlib.h>

#include "base/error.h"
#include "base/memory.h"

static const char table_path[] = "/weights/temporal_encoder.position_enc.weight";

int reference_upload(reference_input *r, const void *values, size_t count, buffer **out)
{
    int rc = buffer_new(r->device, count * 4, out);
    return rc ? rc : buffer_write(*out, 0, values, count * 4);
}

static int upload_array(reference_input *r, const char *path, enum number_type type, size_t count, buffer **out)
{
    void *values = memory_new(count, 4);
    if (!values) return FAILED;
    int rc = h5_read(r->file, path, type, count, values);
    if (!rc) rc = reference_upload(r, values, count, out);
    free(values);
    return rc;
}

void reference_channels_last(const float *from, size_t images, size_t channels, size_t pixels, float *to)
{
    for (size_t i = 0; i < images; i++)
        for (size_t c = 0; c < channels; c++)
            for (size_t p = 0; p < pixels; p++)
                to[(i * pixels + p) * channels + c] = from[(i * channels + c) * pixels + p];
}

/* x is stored B x T x C x S; the network wants frames x S x C. */
static int upload_x(reference_input *r)
{
    int rc = OK;
    float *stored = NULL, *turned = NULL;
    size_t frames = (size_t)r->batch.frames, bands = (size_t)r->input.bands, pixels = (size_t)r->input.npixel;
    size_t count = frames * bands * pixels;
    TRY_NEW(stored = memory_new(count, sizeof *stored));
    TRY_NEW(turned = memory_new(count, sizeof *turned));
    TRY(h5_read(r->file, "/input/x", NUMBER_F32, count, stored));
    reference_channels_last(stored, frames, bands, pixels, turned);
    TRY(reference_upload(r, turned, count, &r->batch.x));
done:
    free(stored);
    free(turned);
    return rc;
}

static int upload_offsets(reference_input *r)
{
    int32_t *offsets = memory_new((size_t)r->batch.samples + 1, sizeof *offsets);
    if (!offsets) return FAILED;
    for (int i = 0; i <= r->batch.samples; i++) offsets[i] = i * r->batch.longest;
    int rc = reference_upload(r, offsets, (size_t)r->batch.samples + 1, &r->batch.offsets);
    free(offsets);
    return rc;
}

static int check_positions(const reference_input *r, const int32_t *positions)
{
    for (int t = 0; t < r->batch.longest; t++)
        if (abs(positions[t] / 2) > REFERENCE_DAY_MAX)
            return fail(FAILED, "%s: /input/positions[%d] is %d days", h5_path(r->file), t, positions[t]);
    return OK;
}

static h5 *table_file(const reference_input *r)
{
    return r->weights ? r->weights : r->file;
}

/* Weights carry a table with a line a date, or, where positions count 1, 2, ..., a line a number from 0. Where the
 * file has one it is used: reference results are made with whatever it holds, sinusoids or not. */
static int read_table(reference_input *r, bool dates, int32_t *positions)
{
    int rc = OK;
    h5_about about;
    float *table = NULL;
    TRY(h5_read_new(table_file(r), table_path, NUMBER_F32, REFERENCE_VALUES_MAX, (void **)&table, &about));
    size_t wanted = (size_t)r->batch.longest + (dates ? 0 : 1);
    if (about.rank != 2 || about.shape[0] < wanted || about.shape[0] > REFERENCE_DAY_MAX) {
        rc = fail(FAILED, "%s: %s has %zu lines; wanted %zu or more", h5_path(table_file(r)), table_path,
                  about.rank ? about.shape[0] : 0, wanted);
        goto done;
    }
    TRY(reference_upload(r, table, about.count, &r->table));
    r->input.table_channels = (int)about.shape[1];
    r->input.first_position = 0;
    r->input.position_lines = (int)about.shape[0];
    for (int t = 0; t < r->batch.longest; t++) positions[t] = t + (dates ? 0 : 1);
done:
    free(table);
    return rc;
}

/* The days that /input/positions gives for all parcels, or 1, 2, ... */
static int read_positions(reference_input *r, bool dates, int32_t *positions)
{
    int rc = OK;
    for (int t = 0; t < r->batch.longest; t++) positions[t] = t + 1;
    if (dates) TRY(h5_read(r->file, "/input/positions", NUMBER_I32, (size_t)r->batch.longest, positions));
    TRY(check_positions(r, positions));
    int first = positions[0], last = positions[0];
    for (int t = 1; t < r->batch.longest; t++) {
        if (positions[t] < first) first = positions[t];
        if (positions[t] > last) last = positions[t];
    }
    r->input.first_position = first;
    r->input.position_lines = last - first + 1;
done:
    return rc;
}

static int upload_positions(reference_input *r, bool dates)
{
    int rc = OK;
    size_t count = (size_t)r->batch.frames;
    int32_t *positions = memory_new((size_t)r->batch.longest, sizeof *positions), *lines = NULL;
    bool table;
    TRY_NEW(positions);
    TRY_NEW(lines = memory_new(count, sizeof *lines));
    TRY(h5_exists(table_file(r), table_path, &table));
    TRY(table ? read_table(r, dates, positions) : read_positions(r, dates, positions));
    for (size_t i = 0; i < count; i++) lines[i] = positions[i % (size_t)r->batch.longest] - r->input.first_position;
    TRY(reference_upload(r, lines, count, &r->batch.positions));
done:
    free(positions);
    free(lines);
    return rc;
}

/* A label that is no class would make a kernel read past its row. */
static int upload_target(reference_input *r, int classes)
{
    int rc = OK;
    int32_t *target = memory_new((size_t)r->batch.samples, sizeof *target);
    TRY_NEW(target);
    TRY(h5_read(r->file, "/input/target", NUMBER_I32, (size_t)r->batch.samples, target));
    for (int i = 0; i < r->batch.samples; i++)
        if (target[i] < 0 || target[i] >= classes) {
            rc = fail(FAILED, "%s: /input/target[%d] is %d; wanted a class from 0 to %d", h5_path(r->file), i,
                      target[i], classes - 1);
            goto done;
        }
    TRY(reference_upload(r, target, (size_t)r->batch.samples, &r->batch.target));
done:
    free(target);
    return rc;
}

static int read_sizes(reference_input *r)
{
    h5_about about;
    int rc = h5_about_of(r->file, "/input/x", &about);
    if (rc) return rc;
    bool fits = !about.text && about.rank == 4 && about.count > 0 && about.count < REFERENCE_VALUES_MAX;
    if (!fits)
        return fail(FAILED, "%s: /input/x has %d dimensions; wanted parcels x dates x bands x pixels", h5_path(r->file),
                    about.rank);
    r->batch.samples = (int)about.shape[0];
    r->batch.longest = (int)about.shape[1];
    r->input.bands = (int)about.shape[2];
    r->input.npixel = (int)about.shape[3];
    r->batch.rows = r->batch.samples;
    r->batch.frames = r->batch.samples * r->batch.longest;
    bool extra;
    rc = h5_exists(r->file, "/input/extra", &extra);
    if (rc || !extra) return rc;
    rc = h5_about_of(r->file, "/input/extra", &about);
    if (!rc && about.rank != 3)
        rc = fail(FAILED, "%s: /input/extra has %d dimensions; wanted 3", h5_path(r->file), about.rank);
    if (!rc) r->input.extra = (int)about.shape[2];
    return rc;
}

int reference_read_parcels(reference_input *r, const model *m)
{
    int rc = OK;
    bool target;
    TRY(read_sizes(r));
    size_t frames = (size_t)r->batch.frames;
    TRY(upload_x(r));
    TRY(upload_array(r, "/input/mask", NUMBER_F32, frames * (size_t)r->input.npixel, &r->batch.mask));
    if (model_extra(m))
        TRY(upload_array(r, "/input/extra", NUMBER_F32, frames * (size_t)r->input.extra, &r->batch.extra));
    TRY(upload_offsets(r));
    TRY(upload_positions(r, model_positions_are_dates(m)));
    TRY(h5_exists(r->file, "/input/target", &target));
    if (target) TRY(upload_target(r, model_classes(m)));
    r->input.longest = r->batch.longest;
    r->input.position_table = r->table;
done:
    return rc;
}

void reference_free(reference_input *r)
{
    buffer_free(r->batch.x);
    buffer_free(r->batch.mask);
    buffer_free(r->batch.extra);
    buffer_free(r->batch.offsets);
    buffer_free(r->batch.positions);
    buffer_free(r->batch.target);
    buffer_free(r->batch.heatmap);
    buffer_free(r->batch.instances);
    buffer_free(r->table);
    r->table = NULL;
    r->batch = (batch){0};
}
