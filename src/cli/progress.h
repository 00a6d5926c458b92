/* Notes, warnings and progress on stderr: a bar on a terminal, a plain line every few seconds elsewhere, and neither
 * for work that takes less than two seconds. */
#ifndef FURROW_CLI_PROGRESS_H
#define FURROW_CLI_PROGRESS_H

void progress_install(void);
void progress_end(void); /* ends a bar's line; before anything else is printed */

#endif
