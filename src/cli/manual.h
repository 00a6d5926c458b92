/* Manual pages, made of the tables that parsing and --help are made of. */
#ifndef FURROW_CLI_MANUAL_H
#define FURROW_CLI_MANUAL_H

#include "cli/command.h"

/* `furrow --man PAGE`: prints furrow.1, furrow-COMMAND.1, furrow-COMMAND-KIND.1 or furrow-config.5 as roff; page NULL: the
 * pages' names, one a line. `commands` ends with a name NULL. USAGE: there is no such page. */
int manual_print(const command *commands, const char *page);

#endif
