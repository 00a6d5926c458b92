/* Damages a file, the same way each time for the same number: cuts it off, flips bytes, or splices it (a piece is taken
 * out, doubled, or copied over another place).
 * usage: damage IN OUT NUMBER */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t state;

/* Steele, Lea and Flood's SplitMix64. */
static uint64_t draw(uint64_t below)
{
    uint64_t z = state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return below ? (z ^ (z >> 31)) % below : 0;
}

/* Every second time near the start, where headers are. */
static size_t place(size_t length)
{
    return (size_t)draw(draw(2) && length > 2048 ? 2048 : length);
}

static void flip(unsigned char *bytes, size_t length)
{
    static const unsigned char telling[] = {0, 1, 0x7f, 0x80, 0xff};
    for (uint64_t i = 0, count = 1 + draw(8); i < count; i++) {
        size_t at = place(length);
        bytes[at] = draw(2) ? (unsigned char)(bytes[at] ^ (1 + draw(255))) : telling[draw(sizeof telling)];
    }
}

/* bytes has room for twice the length; returns the new length. */
static size_t splice(unsigned char *bytes, size_t length)
{
    size_t from = place(length), size = (size_t)draw(length - from < 4096 ? length - from : 4096) + 1, to;
    if (size > length - from) size = length - from;
    switch (draw(3)) {
    case 0: memmove(bytes + from, bytes + from + size, length - from - size); return length - size;
    case 1: memmove(bytes + from + size, bytes + from, length - from); return length + size;
    default:
        to = place(length);
        memmove(bytes + to, bytes + from, size < length - to ? size : length - to);
        return length;
    }
}

static unsigned char *read_all(const char *path, size_t *length)
{
    FILE *file = fopen(path, "rb");
    if (!file || fseek(file, 0, SEEK_END)) return NULL;
    long size = ftell(file);
    rewind(file);
    unsigned char *bytes = size < 0 ? NULL : calloc(2, (size_t)size + 1);
    *length = size < 0 ? 0 : (size_t)size;
    if (bytes && fread(bytes, 1, *length, file) != *length) *length = 0;
    fclose(file);
    return bytes;
}

int main(int count, char **arguments)
{
    size_t length;
    if (count != 4) return 2;
    unsigned char *bytes = read_all(arguments[1], &length);
    uint64_t number = strtoull(arguments[3], NULL, 10);
    if (!bytes || !length) return 1;
    state = number;
    switch (number % 3) {
    case 0: length = place(length); break;
    case 1: flip(bytes, length); break;
    default: length = splice(bytes, length); break;
    }
    FILE *file = fopen(arguments[2], "wb");
    int failed = !file || fwrite(bytes, 1, length, file) != length;
    if (file && fclose(file)) failed = 1;
    free(bytes);
    return failed;
}
