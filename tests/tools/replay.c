/* The main of a fuzz target that is built without libFuzzer: hands it every file that is named, and every file of a
 * folder that is named. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static int replay(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (!file || fseek(file, 0, SEEK_END)) return 1;
    long size = ftell(file);
    rewind(file);
    size_t length = size < 0 ? 0 : (size_t)size;
    uint8_t *bytes = malloc(length + 1);
    int failed = !bytes || fread(bytes, 1, length, file) != length;
    fclose(file);
    if (!failed) LLVMFuzzerTestOneInput(bytes, length);
    free(bytes);
    return failed;
}

static int replay_folder(const char *path, DIR *folder)
{
    char name[4096];
    int failed = 0;
    for (struct dirent *entry; (entry = readdir(folder));) {
        if (entry->d_name[0] == '.') continue;
        snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
        failed |= replay(name);
    }
    closedir(folder);
    return failed;
}

int main(int count, char **arguments)
{
    int failed = 0;
    for (int i = 1; i < count; i++) {
        DIR *folder = opendir(arguments[i]);
        failed |= folder ? replay_folder(arguments[i], folder) : replay(arguments[i]);
    }
    return failed;
}
