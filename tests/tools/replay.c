/* The main of a fuzz target that is built without libFuzzer: hands it every file that is named, and every file of a
 * folder that is named. With --damage STEP each is cut off at every STEP-th byte as well, and each STEP-th byte of it is
 * flipped in three ways. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static size_t step; /* 0: whole files alone */

static void replay_damaged(uint8_t *bytes, size_t length)
{
    static const uint8_t flips[] = {0x01, 0x41, 0xff};
    for (size_t cut = 0; cut < length; cut += step) {
        uint8_t *rest = malloc(cut + 1); /* its own, so that a sanitizer sees what is read behind the end */
        if (!rest) return;
        memcpy(rest, bytes, cut);
        LLVMFuzzerTestOneInput(rest, cut);
        free(rest);
    }
    for (size_t at = 0; at < length; at += step)
        for (size_t i = 0; i < sizeof flips; i++) {
            bytes[at] = (uint8_t)(bytes[at] ^ flips[i]);
            LLVMFuzzerTestOneInput(bytes, length);
            bytes[at] = (uint8_t)(bytes[at] ^ flips[i]);
        }
}

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
    if (!failed && step) replay_damaged(bytes, length);
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
    int failed = 0, first = 1;
    if (count > 2 && !strcmp(arguments[1], "--damage")) {
        step = strtoul(arguments[2], NULL, 10);
        first = 3;
    }
    for (int i = first; i < count; i++) {
        DIR *folder = opendir(arguments[i]);
        failed |= folder ? replay_folder(arguments[i], folder) : replay(arguments[i]);
    }
    return failed;
}
