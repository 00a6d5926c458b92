/* Writes the checkpoints of tests/torch_fixtures.h to files: FOLDER/views.pth.tar and trained.pth.tar, of PyTorch's zip
 * form, and trained.pth, the older stream.
 * usage: torch_files FOLDER */
#include "tests/torch_fixtures.h"

static void put(const char *folder, const char *name, const void *bytes, size_t length)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    put_file(path, bytes, length);
}

static void put_zip(const char *folder, const char *name, const zip_part *parts, size_t count)
{
    size_t length;
    unsigned char *bytes = zip_build(parts, count, false, &length);
    put(folder, name, bytes, length);
    free(bytes);
}

int main(int count, char **arguments)
{
    if (count != 2) return 2;
    put_zip(arguments[1], "views.pth.tar", views_parts, VIEWS_PARTS);
    put_zip(arguments[1], "trained.pth.tar", trained_parts, TRAINED_PARTS);
    put(arguments[1], "trained.pth", trained_stream, trained_stream_length);
    return 0;
}
