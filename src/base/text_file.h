/* A text file in the making: written piece by piece under a temporary name, synced and renamed at its end, so that a
 * reader sees all of it or nothing. The first error is remembered and given by text_file_finish. */
#ifndef FURROW_BASE_TEXT_FILE_H
#define FURROW_BASE_TEXT_FILE_H

typedef struct text_file text_file;

/* FAILED, naming the file, when its temporary cannot be made. */
int text_file_open(const char *path, text_file **out);

void text_put(text_file *f, const char *text);
void text_put_format(text_file *f, const char *format, ...) __attribute__((format(printf, 2, 3)));
void text_put_csv(text_file *f, const char *prefix, const char *value); /* a field of RFC 4180, quoted where need be */
void text_put_json(text_file *f, const char *value);                    /* a string with its quotes (RFC 8259) */
void text_put_xml(text_file *f, const char *value);                     /* character data or an attribute's value */

int text_file_finish(text_file *f);   /* closes, syncs and renames; frees. Of an error nothing is left */
void text_file_abandon(text_file *f); /* removes what was written; frees. NULL is fine */

#endif
