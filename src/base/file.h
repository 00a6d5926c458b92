/* Files: read whole with a limit, written so that a reader sees the old or the new content and nothing between. */
#ifndef FURROW_BASE_FILE_H
#define FURROW_BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>

/* Reads the whole of `path` (at most `limit` bytes) into *out, with a 0 byte after it that is not counted. */
int file_read(const char *path, size_t limit, char **out, size_t *length);

/* Writes to a temporary name in the same folder, syncs, renames, syncs the folder. On failure nothing is left. */
int file_write(const char *path, const void *bytes, size_t length);

/* For writers that need a name (HDF5): file_temporary gives the temporary name for `path`;
 * file_commit syncs it and renames it to `path`; on failure it is removed. */
char *file_temporary(const char *path);
int file_commit(const char *temporary, const char *path);
/* The same, but what was at `path` is called `before` from now on: at any moment one of the two is there, whole. NULL:
 * it is replaced. */
int file_commit_keeping(const char *temporary, const char *path, const char *before);

int folder_make(const char *path); /* with its parents; fine when it exists */
bool file_exists(const char *path);

/* FAILED, with both numbers, where the file system that `path` will lie on has no room for `bytes`: said before the work
 * rather than after half of it. */
int file_room(const char *path, double bytes);
char *path_join(const char *folder, const char *name); /* a new string; NULL when out of memory */

/* The names in `folder` that end in `suffix` ("" for all), sorted by bytes, without . and ..;
 * freed with folder_free. */
int folder_list(const char *folder, const char *suffix, char ***names, size_t *count);
void folder_free(char **names, size_t count);

/* Takes away what a killed run was writing under temporary names, which nothing else removes. */
int folder_clear_temporaries(const char *folder);

/* Where furrow keeps programs, tuning and self-test results: FURROW_CACHE_DIR, else XDG_CACHE_HOME/furrow, else
 * ~/.cache/furrow. A new string; the folder exists afterwards. NULL with the message set when it cannot be made. */
char *cache_folder(void);

#endif
