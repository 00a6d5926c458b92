#include "cli/manual.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINE = 76, NAME = 64 };

static const char date[] = "2026-11-27"; /* of the last change of this file's own text */

/* ---- roff -------------------------------------------------------------------------------------------------------- */

/* A word with what roff would take for its own escaped; returns how many characters that took. */
static int put_word(const char *word, size_t length, bool at_start)
{
    int used = 0;
    if (at_start && (*word == '.' || *word == '\'')) used += printf("\\&");
    for (size_t i = 0; i < length; i++) {
        if (word[i] == '\\')
            used += printf("\\e");
        else if (word[i] == '-')
            used += printf("\\-");
        else
            used += printf("%c", word[i]);
    }
    return used;
}

/* Not "e.g." */
static bool ends_sentence(const char *word, size_t length)
{
    return length > 1 && strchr(".?!", word[length - 1]) && isalnum((unsigned char)word[length - 2]) &&
           !memchr(word, '.', length - 1);
}

/* Flowing text, behind what the line holds already: lines are broken where they are full, and after a sentence, as roff wants it. */
static void put_text_after(int used, const char *text)
{
    while (*text) {
        const size_t blanks = strspn(text, " \n"), length = strcspn(text + blanks, " \n");
        text += blanks;
        if (!length) break;
        if (used && used + 2 * (int)length > LINE) used = printf("\n") * 0;
        if (used) used += printf(" ");
        used += put_word(text, length, used == 0);
        if (ends_sentence(text, length)) used = printf("\n") * 0;
        text += length;
    }
    if (used) printf("\n");
}

static void put_text(const char *text)
{
    put_text_after(0, text);
}

/* Text as it stands; lines that are long in the source go on in the next one. */
static void put_verbatim(const char *text)
{
    printf(".nf\n");
    while (*text) {
        size_t length = strcspn(text, "\n");
        for (size_t at = 0; at < length; at += LINE / 2) {
            const size_t part = length - at < LINE / 2 ? length - at : LINE / 2;
            put_word(text + at, part, at == 0);
            printf(at + part < length ? "\\\n" : "");
        }
        printf("\n");
        text += length + (text[length] == '\n');
    }
    printf(".fi\n");
}

static void put_item(const char *name, const char *text)
{
    printf(".TP\n.B ");
    put_word(name, strlen(name), false);
    printf("\n");
    put_text(text);
}

static void put_upper(const char *text)
{
    for (; *text; text++) {
        if (*text == '-')
            printf("\\-");
        else
            printf("%c", toupper((unsigned char)*text));
    }
}

static void put_head(const char *name, int section, const char *summary)
{
    printf(".TH ");
    put_upper(name);
    printf(" %d %s \"furrow %s\" \"furrow\"\n.SH NAME\n", section, date, FURROW_VERSION);
    put_text_after(put_word(name, strlen(name), false) + printf(" \\-"), summary);
}

/* ---- one command ------------------------------------------------------------------------------------------------- */

/* What a visit looks for. */
typedef struct search {
    const char *page; /* NULL: print the names */
    bool found;
} search;

/* "train CONFIG [...]" -> "furrow-train"; of a kind "pack pastis DIR": two words. */
static void page_name(const char *usage, char name[NAME])
{
    size_t used = (size_t)snprintf(name, NAME, "furrow");
    while (islower((unsigned char)*usage) && used < NAME) {
        const size_t length = strcspn(usage, " ");
        used += (size_t)snprintf(name + used, NAME - used, "-%.*s", (int)length, usage);
        usage += length + (usage[length] == ' ');
    }
}

static bool wanted(search *s, const char *name)
{
    char page[NAME + 4];
    snprintf(page, sizeof page, "%s.1", name);
    if (!s->page) {
        printf("%s\n", page);
        return false;
    }
    if (strcmp(s->page, page)) return false;
    s->found = true;
    return true;
}

/* Usages that stand side by side in the table, one a line. */
static void put_synopsis(const char *usage)
{
    printf(".SH SYNOPSIS\n");
    while (*usage) {
        const char *bar = strstr(usage, " | ");
        const size_t length = bar ? (size_t)(bar - usage) : strlen(usage);
        char one[512];
        snprintf(one, sizeof one, "furrow %.*s", (int)length, usage);
        put_text(one);
        if (bar) printf(".br\n");
        usage += length + (bar ? 3 : 0);
    }
}

static void put_options(const option *o)
{
    printf(".SH OPTIONS\n");
    for (; o->name; o++) {
        printf(".TP\n.BI \\-\\-");
        put_word(o->name, strlen(o->name), false);
        if (o->value) {
            printf(" \" ");
            put_word(o->value, strlen(o->value), false);
            printf("\"");
        }
        printf("\n");
        put_text(o->help);
    }
    put_item("--help", "a summary of this page");
}

static void see_also(bool config)
{
    printf(".SH SEE ALSO\n.BR furrow (1)%s\n", config ? ",\n.BR furrow\\-config (5)" : "");
}

static void options_page(void *user, const char *summary, const command_syntax *s)
{
    char name[NAME];
    page_name(s->usage, name);
    if (!wanted(user, name)) return;
    put_head(name, 1, summary);
    put_synopsis(s->usage);
    printf(".SH DESCRIPTION\n");
    put_text(s->description);
    put_options(s->options);
    printf(".SH EXIT STATUS\n");
    put_text("As of all commands of furrow(1).");
    see_also(strstr(s->usage, "CONFIG") != NULL);
}

static void kinds_page(void *user, const char *command_name, const char *summary, const char *about,
                       const command *kinds)
{
    char name[NAME];
    page_name(command_name, name);
    if (!wanted(user, name)) return;
    put_head(name, 1, summary);
    printf(".SH SYNOPSIS\nfurrow %s KIND ...\n.SH DESCRIPTION\n", command_name);
    put_text(about);
    for (const command *k = kinds; k->name; k++) {
        char line[NAME];
        snprintf(line, sizeof line, "furrow %s %s", command_name, k->name);
        put_item(line, k->summary);
    }
    printf(".SH SEE ALSO\n.BR furrow (1)");
    for (const command *k = kinds; k->name; k++) printf(",\n.BR furrow\\-%s\\-%s (1)", command_name, k->name);
    printf("\n");
}

/* ---- furrow(1) --------------------------------------------------------------------------------------------------- */

typedef struct row {
    const char *name, *text;
} row;

static const row codes[] = {
    {"0", "done"},
    {"1", "the work failed: bad data, a check that does not hold, a full disk"},
    {"2", "wrong usage or configuration"},
    {"3", "no usable OpenCL device"},
    {"130", "interrupted: a second Ctrl-C ends the process at once"},
    {0},
};

static const row variables[] = {
    {"FURROW_DEVICE", "the device to use where neither --device nor the configuration names one: auto, an index as "
                      "furrow devices prints it, a part of a name, cpu, gpu or accelerator"},
    {"FURROW_CACHE_DIR", "moves the caches of compiled programs, measured kernel forms and self-test results"},
    {"FURROW_BINARY_DIR", "loads programs from a folder that furrow devices --build wrote, and compiles nothing"},
    {"FURROW_DEBUG", "sync waits after each kernel and names the one that failed; profile prints the time, GFLOP/s and "
                     "GB/s of each kernel at the end; sync,profile does both"},
    {"FURROW_TILE", "cpu or gpu forces one family of kernel forms on any device"},
    {"FURROW_FORM", "\"KEY=FORM,...\" forces the form of operations whose key begins so"},
    {"FURROW_TUNE", "none takes the first form of each operation, unmeasured; all measures CLBlast on CPUs too"},
    {"FURROW_CL_DIR", "loads kernel text from a folder, for working on kernels"},
    {0},
};

static const row files[] = {
    {"~/.cache/furrow", "the caches; XDG_CACHE_HOME moves them too. May be removed at any time"},
    {"RUN/conf.json", "the resolved configuration of a run, which reproduces it"},
    {"RUN/Fold_k/model.h5", "the best epoch's weights; last.h5 is what --resume goes on from"},
    {0},
};

static void put_rows(const char *title, const row *rows)
{
    printf(".SH %s\n", title);
    for (; rows->name; rows++) put_item(rows->name, rows->text);
}

static void main_page(const command *commands)
{
    put_head("furrow", 1, "crop mapping from satellite image time series, on any OpenCL device");
    printf(".SH SYNOPSIS\nfurrow COMMAND ...\n.br\nfurrow \\-\\-version\n.br\nfurrow \\-\\-completion bash|zsh\n"
           ".SH DESCRIPTION\n");
    put_text("furrow packs public data, and your own in the same form, into HDF5, trains the published crop-mapping "
             "networks on them, and evaluates and predicts with the result: PSE+TAE and PSE+L-TAE for parcels as sets "
             "of pixels, U-TAE for image patches, U-TAE+PaPs for parcels in patches. Runs are described by JSON "
             "configurations.");
    printf(".PP\n");
    put_text("Results go to standard output, messages and progress to standard error. With --json, which every command "
             "has, the result is one JSON document and nothing else is on standard output; a failure is one too, with "
             "the keys error and code.");
    printf(".SH COMMANDS\n");
    for (const command *c = commands; c->name; c++) put_item(c->name, c->summary);
    printf(".PP\n");
    put_text("A run from beginning to end:");
    printf(".PP\n");
    put_verbatim("    furrow pack pixelset FOLDER parcels.h5\n"
                 "    furrow train run.json --set data.pack=parcels.h5\n"
                 "    furrow eval run.json --set data.pack=parcels.h5 --weights results\n"
                 "    furrow predict run.json --set data.pack=parcels.h5 --weights results --out predictions\n");
    put_rows("EXIT STATUS", codes);
    put_rows("ENVIRONMENT", variables);
    put_rows("FILES", files);
    printf(".SH SEE ALSO\n.BR furrow\\-config (5)");
    for (const command *c = commands; c->name; c++) printf(",\n.BR furrow\\-%s (1)", c->name);
    printf("\n.PP\n");
    put_text("The documents that are installed in share/doc/furrow.");
}

static int config_page(void)
{
    char *keys = furrow_config_help();
    if (!keys) return FURROW_FAILED;
    put_head("furrow-config", 5, "the configuration of a run");
    printf(".SH DESCRIPTION\n");
    put_text("A JSON object. An unknown key, a wrong type or a value out of range stops a command with the file, the "
             "key's path, what was wanted and the nearest known key. --set KEY=VALUE overrides a key from the command "
             "line. A published conf.json, which is flat, is read too. Relative paths are taken from where the command "
             "runs.");
    printf(".SH KEYS\n");
    put_verbatim(keys);
    see_also(false);
    free(keys);
    return FURROW_OK;
}

/* ---- any page ---------------------------------------------------------------------------------------------------- */

int manual_print(const command *commands, const char *page)
{
    search s = {.page = page};
    const command_visitor visitor = {&s, options_page, kinds_page};
    if (!page) printf("furrow.1\nfurrow-config.5\n");
    for (const command *c = commands; c->name && !s.found; c++) command_visit(c, &visitor);
    if (!page || s.found) return FURROW_OK;
    if (strcmp(page, "furrow-config.5") == 0) return config_page();
    if (strcmp(page, "furrow.1") == 0) {
        main_page(commands);
        return FURROW_OK;
    }
    fprintf(stderr, "furrow: there is no page %s; furrow --man lists them\n", page);
    return FURROW_USAGE;
}
