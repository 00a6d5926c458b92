#include "format/geo_raster.h"

#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cpl_conv.h>
#include <cpl_string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "format/geo_internal.h"

enum { SIDE_MAX = 1000000, BANDS_MAX = 10000, BLOCK_BYTES_MAX = 512 << 20 };

struct geo_raster {
    GDALDatasetH set;
    char *path, *crs;
    geo_raster_about about;
};

/* ---- types --------------------------------------------------------------------------------------------------------- */

static const struct {
    GDALDataType theirs;
    enum number_type ours;
} types[] = {
    {GDT_Byte, NUMBER_U8},    {GDT_Int16, NUMBER_I16},   {GDT_UInt16, NUMBER_U16},  {GDT_Int32, NUMBER_I32},
    {GDT_UInt32, NUMBER_U32}, {GDT_Float32, NUMBER_F32}, {GDT_Float64, NUMBER_F64},
};
enum { TYPES = sizeof types / sizeof *types };

static bool type_of(GDALDataType theirs, enum number_type *ours)
{
    for (int i = 0; i < TYPES; i++)
        if (types[i].theirs == theirs) {
            *ours = types[i].ours;
            return true;
        }
    return false;
}

static GDALDataType their_type(enum number_type ours)
{
    for (int i = 0; i < TYPES; i++)
        if (types[i].ours == ours) return types[i].theirs;
    panic("GDAL has no %s", number_name(ours));
}

/* ---- opening ------------------------------------------------------------------------------------------------------- */

static int sizes_check(geo_raster *r)
{
    geo_raster_about *a = &r->about;
    a->grid.width = GDALGetRasterXSize(r->set);
    a->grid.height = GDALGetRasterYSize(r->set);
    a->bands = GDALGetRasterCount(r->set);
    if (a->grid.width < 1 || a->grid.height < 1 || a->grid.width > SIDE_MAX || a->grid.height > SIDE_MAX)
        return fail(FAILED, "%s: is %d x %d pixels, wanted sides of 1 to %d", r->path, a->grid.width, a->grid.height,
                    SIDE_MAX);
    if (a->bands < 1 || a->bands > BANDS_MAX)
        return fail(FAILED, "%s: has %d bands, wanted 1 to %d", r->path, a->bands, BANDS_MAX);
    return OK;
}

static int bands_check(geo_raster *r)
{
    geo_raster_about *a = &r->about;
    for (int b = 0; b < a->bands; b++) {
        int block_width, block_height;
        enum number_type type;
        GDALRasterBandH band = GDALGetRasterBand(r->set, b + 1);
        GDALDataType theirs = GDALGetRasterDataType(band);
        if (!type_of(theirs, &type))
            return fail(FAILED, "%s: band %d holds %s, wanted integers of 8 to 32 bits or reals", r->path, b + 1,
                        GDALGetDataTypeName(theirs));
        a->type = b && a->type != type ? NUMBER_F64 : type;
        GDALGetBlockSize(band, &block_width, &block_height);
        if ((int64_t)block_width * block_height * (int64_t)number_size(type) > BLOCK_BYTES_MAX)
            return fail(FAILED, "%s: is made of blocks of %d x %d pixels, wanted at most %d MiB in one", r->path,
                        block_width, block_height, BLOCK_BYTES_MAX >> 20);
        if (block_height > a->block_height) a->block_height = block_height;
    }
    return OK;
}

static int place_read(geo_raster *r)
{
    double *t = r->about.grid.transform, inverse[6];
    if (GDALGetGeoTransform(r->set, t) != CE_None || !GDALInvGeoTransform(t, inverse))
        return fail(FAILED, "%s: does not say where its pixels lie on the ground (no geotransform)", r->path);
    r->crs = text_copy(GDALGetProjectionRef(r->set));
    r->about.grid.crs = r->crs;
    return r->crs ? OK : FAILED;
}

static int raster_new(const char *path, geo_raster **out)
{
    geo_raster *r = memory_new(1, sizeof *r);
    if (!r) return FAILED;
    r->path = text_copy(path);
    if (!r->path) {
        free(r);
        return FAILED;
    }
    *out = r;
    return OK;
}

int geo_raster_open(const char *path, geo_raster **out)
{
    static const char *const drivers[] = {"GTiff", "JP2OpenJPEG", NULL};
    static const char *const options[] = {"NUM_THREADS=ALL_CPUS", NULL};
    int rc = OK;
    geo_raster *r = NULL;
    TRY(raster_new(path, &r));
    TRY(geo_open(path, GDAL_OF_RASTER, drivers, options, &r->set));
    TRY(sizes_check(r));
    TRY(bands_check(r));
    TRY(place_read(r));
    *out = r;
    r = NULL;
done:
    geo_raster_close(r);
    return rc;
}

const geo_raster_about *geo_raster_about_of(const geo_raster *r)
{
    return &r->about;
}

bool geo_raster_no_data(const geo_raster *r, int band, double *value)
{
    int there = 0;
    *value = GDALGetRasterNoDataValue(GDALGetRasterBand(r->set, band + 1), &there);
    return there;
}

void geo_raster_close(geo_raster *r)
{
    if (!r) return;
    if (r->set) GDALClose(r->set);
    free(r->crs);
    free(r->path);
    free(r);
}

/* ---- pixels -------------------------------------------------------------------------------------------------------- */

int geo_raster_read(geo_raster *r, const int *bands, int count, int x, int y, int width, int height,
                    enum number_type type, void *out)
{
    int rc = OK, *numbers = memory_new((size_t)count, sizeof *numbers);
    if (!numbers) return FAILED;
    for (int k = 0; k < count; k++) numbers[k] = bands[k] + 1;
    CPLErrorReset();
    if (GDALDatasetRasterIO(r->set, GF_Read, x, y, width, height, out, width, height, their_type(type), count, numbers,
                            0, 0, 0) != CE_None)
        rc = geo_fail(r->path, "cannot be read");
    free(numbers);
    return rc;
}

/* ---- writing ------------------------------------------------------------------------------------------------------- */

static void palette_set(geo_raster *r, const geo_raster_plan *plan)
{
    GDALColorTableH table = GDALCreateColorTable(GPI_RGB);
    for (int k = 0; k < plan->colours; k++) {
        const uint32_t c = plan->palette[k];
        const GDALColorEntry entry = {(short)(c >> 16 & 255), (short)(c >> 8 & 255), (short)(c & 255), 255};
        GDALSetColorEntry(table, k, &entry);
    }
    GDALSetRasterColorTable(GDALGetRasterBand(r->set, 1), table);
    GDALDestroyColorTable(table);
}

int geo_raster_create(const char *path, const geo_raster_plan *plan, geo_raster **out)
{
    static const char *const options[] = {"TILED=YES",        "COMPRESS=DEFLATE",     "PREDICTOR=2", "ZLEVEL=1",
                                          "BIGTIFF=IF_SAFER", "NUM_THREADS=ALL_CPUS", NULL};
    static const char *const plain[] = {"TILED=YES", "COMPRESS=DEFLATE", "ZLEVEL=1", "BIGTIFF=IF_SAFER", NULL};
    int rc = OK;
    geo_raster *r = NULL;
    double transform[6];
    TRY(raster_new(path, &r));
    geo_start();
    CPLErrorReset();
    r->set = GDALCreate(GDALGetDriverByName("GTiff"), path, plan->grid.width, plan->grid.height, plan->bands,
                        their_type(plan->type), (void *)(uintptr_t)(number_is_integer(plan->type) ? options : plain));
    if (!r->set) {
        rc = geo_fail(path, "cannot be made");
        goto done;
    }
    for (int i = 0; i < 6; i++) transform[i] = plan->grid.transform[i];
    if (GDALSetGeoTransform(r->set, transform) != CE_None || GDALSetProjection(r->set, plan->grid.crs) != CE_None) {
        rc = geo_fail(path, "its place on the ground cannot be written");
        goto done;
    }
    for (int b = 0; b < plan->bands && plan->has_no_data; b++)
        GDALSetRasterNoDataValue(GDALGetRasterBand(r->set, b + 1), plan->no_data);
    if (plan->palette) palette_set(r, plan);
    *out = r;
    r = NULL;
done:
    geo_raster_close(r);
    return rc;
}

int geo_raster_write(geo_raster *r, int band, int x, int y, int width, int height, enum number_type type,
                     const void *values)
{
    CPLErrorReset();
    if (GDALRasterIO(GDALGetRasterBand(r->set, band + 1), GF_Write, x, y, width, height, (void *)(uintptr_t)values,
                     width, height, their_type(type), 0, 0) != CE_None)
        return geo_fail(r->path, "cannot be written");
    return OK;
}

/* GDALClose tells nothing in this version's interface: what flushing says is asked for first. */
int geo_raster_finish(geo_raster *r)
{
    int rc = OK;
    CPLErrorReset();
    GDALFlushCache(r->set);
    if (CPLGetLastErrorType() >= CE_Failure) rc = geo_fail(r->path, "cannot be written");
    GDALClose(r->set);
    r->set = NULL;
    if (!rc && CPLGetLastErrorType() >= CE_Failure) rc = geo_fail(r->path, "cannot be written");
    geo_raster_close(r);
    return rc;
}

int geo_raster_publish(const char *finished, const char *path, const char *resampling)
{
    int rc = OK;
    char **options = NULL, *temporary = file_temporary(path);
    geo_raster *from = NULL;
    GDALDatasetH copy;
    TRY_NEW(temporary);
    TRY(geo_raster_open(finished, &from));
    options = CSLSetNameValue(options, "COMPRESS", "DEFLATE");
    options = CSLSetNameValue(options, "BIGTIFF", "IF_SAFER");
    options = CSLSetNameValue(options, "NUM_THREADS", "ALL_CPUS");
    options = CSLSetNameValue(options, "OVERVIEW_RESAMPLING", resampling);
    CPLErrorReset();
    copy = GDALCreateCopy(GDALGetDriverByName("COG"), temporary, from->set, FALSE, options, NULL, NULL);
    if (!copy)
        rc = geo_fail(path, "cannot be made");
    else
        GDALClose(copy);
    if (!rc && CPLGetLastErrorType() >= CE_Failure) rc = geo_fail(path, "cannot be written");
    if (rc)
        unlink(temporary);
    else
        rc = file_commit(temporary, path);
done:
    CSLDestroy(options);
    geo_raster_close(from);
    free(temporary);
    return rc;
}
