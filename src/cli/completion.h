/* Completion for shells, made of the tables that parsing and --help are made of. */
#ifndef FURROW_CLI_COMPLETION_H
#define FURROW_CLI_COMPLETION_H

#include "cli/command.h"

/* `furrow --completion bash|zsh`: prints the shell's file. `commands` ends with a name NULL. USAGE: another shell. */
int completion_print(const command *commands, const char *shell);

#endif
