#include "format/geo.h"

#include <math.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cpl_conv.h>
#include <cpl_error.h>

#include "base/error.h"
#include "base/log.h"
#include "base/memory.h"
#include "format/geo_internal.h"

enum { CACHE_BYTES = 256 << 20, WARNINGS_SHOWN = 20 };

const char *geo_missing(void)
{
    return NULL;
}

/* ---- the library --------------------------------------------------------------------------------------------------- */

/* Failures are told by their callers, who ask for the last message. */
static void CPL_STDCALL message_take(CPLErr severity, CPLErrorNum number, const char *text)
{
    static int shown;
    (void)number;
    if (severity == CE_Warning && shown++ < WARNINGS_SHOWN) log_warning("GDAL: %s", text);
}

static void library_start(void)
{
    CPLSetConfigOption("GDAL_DRIVER_PATH", "disable"); /* no plug-ins */
    CPLSetConfigOption("GDAL_PAM_ENABLED", "NO");      /* no .aux.xml, neither read nor left behind */
    CPLSetConfigOption("GDAL_DISABLE_READDIR_ON_OPEN", "YES");
    GDALSetCacheMax64(CACHE_BYTES);
    GDALAllRegister();
    OSRSetPROJEnableNetwork(FALSE);
    CPLSetErrorHandler(message_take);
}

void geo_start(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, library_start);
}

int geo_fail(const char *path, const char *what)
{
    const char *reason = CPLGetLastErrorMsg();
    return fail(FAILED, "%s: %s%s%.400s", path, what, *reason ? ": " : "", reason);
}

int geo_path_check(const char *path)
{
    struct stat about;
    if (!strncmp(path, "/vsi", 4) || stat(path, &about))
        return fail(FAILED, "%s: there is no such file (networks and virtual file systems are not read)", path);
    return OK;
}

int geo_open(const char *path, unsigned flags, const char *const *drivers, const char *const *options,
             GDALDatasetH *out)
{
    int rc = geo_path_check(path);
    if (rc) return rc;
    geo_start();
    CPLErrorReset();
    *out = GDALOpenEx(path, flags | GDAL_OF_READONLY | GDAL_OF_VERBOSE_ERROR, drivers, options, NULL);
    return *out ? OK : geo_fail(path, "cannot be opened");
}

/* ---- coordinate systems -------------------------------------------------------------------------------------------- */

OGRSpatialReferenceH geo_reference(const char *wkt)
{
    geo_start();
    OGRSpatialReferenceH reference = OSRNewSpatialReference(NULL);
    char *text = (char *)(uintptr_t)wkt; /* moved on by what reads it, not written */
    if (reference && OSRImportFromWkt(reference, &text) == OGRERR_NONE) {
        OSRSetAxisMappingStrategy(reference, OAMS_TRADITIONAL_GIS_ORDER);
        return reference;
    }
    if (reference) OSRRelease(reference);
    fail(FAILED, "the coordinate system \"%.80s\" means nothing to GDAL", wkt);
    return NULL;
}

bool geo_crs_same(const char *a, const char *b)
{
    if (!strcmp(a, b)) return true;
    if (!*a || !*b) return false;
    OGRSpatialReferenceH x = geo_reference(a), y = geo_reference(b);
    bool same = x && y && OSRIsSame(x, y);
    if (x) OSRRelease(x);
    if (y) OSRRelease(y);
    return same;
}

int geo_crs_epsg(const char *crs)
{
    int code = 0;
    OGRSpatialReferenceH reference = *crs ? geo_reference(crs) : NULL;
    if (!reference) return 0;
    if (!OSRGetAuthorityCode(reference, NULL)) OSRAutoIdentifyEPSG(reference);
    const char *authority = OSRGetAuthorityName(reference, NULL), *text = OSRGetAuthorityCode(reference, NULL);
    if (authority && text && !strcmp(authority, "EPSG")) code = atoi(text);
    OSRRelease(reference);
    return code;
}

bool geo_crs_is_geographic(const char *crs)
{
    OGRSpatialReferenceH reference = *crs ? geo_reference(crs) : NULL;
    bool geographic = reference && OSRIsGeographic(reference);
    if (reference) OSRRelease(reference);
    return geographic;
}

int geo_crs_of_epsg(int code, char **wkt)
{
    int rc = OK;
    char *text = NULL;
    geo_start();
    OGRSpatialReferenceH reference = OSRNewSpatialReference(NULL);
    if (!reference || OSRImportFromEPSG(reference, code) != OGRERR_NONE ||
        OSRExportToWkt(reference, &text) != OGRERR_NONE)
        rc = fail(FAILED, "EPSG:%d is no coordinate system that GDAL knows", code);
    else if (!(*wkt = text_copy(text)))
        rc = FAILED;
    CPLFree(text);
    if (reference) OSRRelease(reference);
    return rc;
}

/* ---- grids --------------------------------------------------------------------------------------------------------- */

static void corner(const geo_grid *g, double x, double y, double *X, double *Y)
{
    const double *t = g->transform;
    *X = t[0] + t[1] * x + t[2] * y;
    *Y = t[3] + t[4] * x + t[5] * y;
}

bool geo_grid_covers_same(const geo_grid *a, const geo_grid *b)
{
    const double tolerance =
        0.01 * fmin(hypot(a->transform[1], a->transform[4]), hypot(b->transform[1], b->transform[4]));
    for (int k = 0; k < 3; k++) {
        double x, y, other_x, other_y;
        corner(a, k == 1 ? a->width : 0, k == 2 ? a->height : 0, &x, &y);
        corner(b, k == 1 ? b->width : 0, k == 2 ? b->height : 0, &other_x, &other_y);
        if (!(hypot(x - other_x, y - other_y) <= tolerance)) return false;
    }
    return true;
}
