#include "format/png.h"

#include <png.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"

int png_save(const char *path, int width, int height, const uint8_t *rgb)
{
    int rc = OK;
    png_image image = {.version = PNG_IMAGE_VERSION,
                       .width = (png_uint_32)width,
                       .height = (png_uint_32)height,
                       .format = PNG_FORMAT_RGB};
    char *temporary = file_temporary(path);
    TRY_NEW(temporary);
    if (!png_image_write_to_file(&image, temporary, 0, rgb, 0, NULL)) {
        rc = fail(FAILED, "%s: cannot be written: %s", path, image.message);
        remove(temporary);
        goto done;
    }
    TRY(file_commit(temporary, path));
done:
    free(temporary);
    return rc;
}
