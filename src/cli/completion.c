#include "cli/completion.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

static const char devices[] = "auto cpu gpu accelerator";

/* "pack pastis" of "pack pastis DIR OUT.h5 [...]" */
static void put_name(const char *usage)
{
    const char *between = "";
    while (islower((unsigned char)*usage)) {
        const size_t length = strcspn(usage, " ");
        printf("%s%.*s", between, (int)length, usage);
        usage += length + (usage[length] == ' ');
        between = " ";
    }
}

static void put_names(const command *list)
{
    for (const command *c = list; c->name; c++) printf("%s%s", c == list ? "" : " ", c->name);
}

/* The case that a command's words choose. */
static void put_cases(const command *commands, const command_visitor *visitor)
{
    printf("    case $command in\n");
    for (const command *c = commands; c->name; c++) command_visit(c, visitor);
    printf("    esac\n");
}

/* ---- bash -------------------------------------------------------------------------------------------------------- */

static void bash_options(void *user, const char *summary, const command_syntax *s)
{
    (void)user;
    (void)summary;
    printf("    \"");
    put_name(s->usage);
    printf("\") options=\"");
    for (const option *o = s->options; o->name; o++) printf("--%s ", o->name);
    printf("--help\" values=\" ");
    for (const option *o = s->options; o->name; o++)
        if (o->type != OPTION_FLAG) printf("--%s ", o->name);
    printf("\" ;;\n");
}

static void bash_kinds(void *user, const char *name, const char *summary, const char *about, const command *kinds)
{
    (void)user;
    (void)summary;
    (void)about;
    printf("    \"%s\") kinds=\"", name);
    put_names(kinds);
    printf("\" ;;\n");
}

static void bash(const command *commands)
{
    const command_visitor kinds = {.kinds = bash_kinds}, options = {.options = bash_options};
    printf("# bash completion for furrow; made by furrow --completion bash\n"
           "_furrow()\n{\n"
           "    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} command=${COMP_WORDS[1]}\n"
           "    local kinds= options= values=\n"
           "    COMPREPLY=()\n"
           "    if [ \"$COMP_CWORD\" -eq 1 ]; then\n"
           "        COMPREPLY=($(compgen -W \"");
    put_names(commands);
    printf(" --help --version\" -- \"$word\"))\n"
           "        return\n"
           "    fi\n");
    put_cases(commands, &kinds);
    printf("    if [ -n \"$kinds\" ] && [ \"$COMP_CWORD\" -eq 2 ]; then\n"
           "        COMPREPLY=($(compgen -W \"$kinds --help\" -- \"$word\"))\n"
           "        return\n"
           "    fi\n"
           "    [ -z \"$kinds\" ] || command=\"$command ${COMP_WORDS[2]}\"\n");
    put_cases(commands, &options);
    printf("    if [ \"$before\" = --device ]; then\n"
           "        COMPREPLY=($(compgen -W \"%s\" -- \"$word\"))\n"
           "    elif [[ $values != *\" $before \"* && $word == -* ]]; then\n"
           "        COMPREPLY=($(compgen -W \"$options\" -- \"$word\"))\n"
           "    fi # else files\n"
           "}\n"
           "complete -o default -F _furrow furrow\n",
           devices);
}

/* ---- zsh --------------------------------------------------------------------------------------------------------- */

/* Within single quotes; in the brackets and parts of _arguments' specifications the marks that it takes for its own. */
static void zsh_text(const char *text)
{
    for (; *text; text++) {
        if (*text == '\'')
            printf("'\\''");
        else if (strchr("[]:\\", *text))
            printf("\\%c", *text);
        else
            printf("%c", *text);
    }
}

static void zsh_option(const option *o)
{
    printf(" \\\n            '%s--%s[", o->type == OPTION_SETS || o->type == OPTION_TEXTS ? "*" : "", o->name);
    zsh_text(o->help);
    printf("]");
    if (o->value) {
        printf(":");
        zsh_text(o->value);
        printf(":");
    }
    if (strcmp(o->name, "device") == 0)
        printf("(%s)", devices);
    else if (o->type == OPTION_TEXT || o->type == OPTION_TEXTS)
        printf("_files");
    printf("'");
}

static void zsh_options(void *user, const char *summary, const command_syntax *s)
{
    (void)user;
    (void)summary;
    printf("    \"");
    put_name(s->usage);
    printf("\")\n        _arguments");
    for (const option *o = s->options; o->name; o++) zsh_option(o);
    printf(" \\\n            '--help[how it is used]' '*:file:_files' ;;\n");
}

static void zsh_list(const char *what, const command *list)
{
    printf("        words_of=(");
    for (const command *c = list; c->name; c++) {
        printf(" \\\n            '%s:", c->name);
        zsh_text(c->summary);
        printf("'");
    }
    printf(")\n        _describe %s words_of\n", what);
}

static void zsh_kinds(void *user, const char *name, const char *summary, const char *about, const command *kinds)
{
    (void)user;
    (void)summary;
    (void)about;
    printf("    \"%s\")\n        if (( CURRENT == 2 )); then\n", name);
    zsh_list("kind", kinds);
    printf("        return\n        fi\n        command+=\" ${words[2]}\"\n        shift words\n        (( CURRENT-- "
           ")) ;;\n");
}

static void zsh(const command *commands)
{
    const command_visitor kinds = {.kinds = zsh_kinds}, options = {.options = zsh_options};
    printf("#compdef furrow\n"
           "# zsh completion for furrow; made by furrow --completion zsh\n"
           "_furrow()\n{\n"
           "    local -a words_of\n"
           "    local command=${words[2]}\n"
           "    if (( CURRENT == 2 )); then\n");
    zsh_list("command", commands);
    printf("        return\n    fi\n    shift words\n    (( CURRENT-- ))\n");
    put_cases(commands, &kinds);
    put_cases(commands, &options);
    printf("}\n_furrow \"$@\"\n");
}

/* ---- any shell --------------------------------------------------------------------------------------------------- */

int completion_print(const command *commands, const char *shell)
{
    if (strcmp(shell, "bash") == 0)
        bash(commands);
    else if (strcmp(shell, "zsh") == 0)
        zsh(commands);
    else {
        fprintf(stderr, "furrow: completion for \"%s\" is not known; wanted bash or zsh\n", shell);
        return FURROW_USAGE;
    }
    return FURROW_OK;
}
