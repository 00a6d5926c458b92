#include "model/definition.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"

const model_def *const definitions[DEFINITIONS] = {&psetae_def,   &pseltae_def,   &psegru_def,     &psetempcnn_def,
                                                   &utae_def,     &uconvlstm_def, &buconvlstm_def, &fpn_def,
                                                   &convlstm_def, &convgru_def,   &unet3d_def};

/* "psetae, pseltae, ... or convgru" */
static char *arch_names(void)
{
    char *all = text_copy("");
    for (int i = 0; i < DEFINITIONS && all; i++) {
        const char *between = i == 0 ? "" : i + 1 < DEFINITIONS ? ", " : " or ";
        char *longer = text_format("%s%s%s", all, between, definitions[i]->arch);
        free(all);
        all = longer;
    }
    return all;
}

static int definition_named(const char *arch, const char *where, const model_def **out)
{
    const char *names[DEFINITIONS + 1] = {0};
    for (int i = 0; arch && i < DEFINITIONS; i++) {
        names[i] = definitions[i]->arch;
        if (strcmp(arch, definitions[i]->arch)) continue;
        *out = definitions[i];
        return OK;
    }
    char *wanted = arch_names();
    const char *near = arch ? nearest_word(arch, names) : NULL;
    int rc = !arch ? fail(USAGE, "%s.arch is missing, wanted %s", where, wanted ? wanted : "a network")
                   : fail(USAGE, "%s.arch is \"%s\", wanted %s%s%s%s", where, arch, wanted ? wanted : "a network",
                          near ? " (did you mean " : "", near ? near : "", near ? "?)" : "");
    free(wanted);
    return rc;
}

int definition_find(const cJSON *config, const char *where, const model_def **out)
{
    const cJSON *arch = cJSON_GetObjectItemCaseSensitive(config, "arch");
    return definition_named(cJSON_IsString(arch) ? arch->valuestring : NULL, where, out);
}

int model_arch_kind(const char *arch, enum model_kind *out)
{
    const model_def *def = NULL;
    int rc = definition_named(arch, "model", &def);
    if (!rc) *out = def->kind;
    return rc;
}

bool definition_has_setting(const model_def *def, const char *key)
{
    for (const field *f = def->fields; f->key; f++)
        if (!strcmp(f->key, key)) return true;
    return false;
}

bool model_has_setting(const cJSON *config, const char *key)
{
    const model_def *def = NULL;
    return !definition_find(config, "model", &def) && definition_has_setting(def, key);
}

/* The first of the names that is one of the network's settings; NULL: none. */
static const char *first_setting(const model_def *def, const char *const *names)
{
    while (*names && !definition_has_setting(def, *names)) names++;
    return *names;
}

size_keys definition_size_keys(const model_def *def)
{
    static const char *const bands[] = {"input_dim", "in_channel", NULL};
    static const char *const classes[] = {"out_conv", "num_classes", "n_classes", NULL};
    return (size_keys){first_setting(def, bands), first_setting(def, classes)};
}

size_keys model_config_size_keys(const cJSON *config)
{
    const model_def *def = NULL;
    return definition_find(config, "model", &def) ? (size_keys){NULL, NULL} : definition_size_keys(def);
}

/* `text` (taken) with the help of `fields` behind it; NULL when either is. */
static char *help_add(char *text, const field *fields, char *title)
{
    char *keys = text && title ? schema_help(fields, title) : NULL;
    char *longer = keys ? text_format("%s%s%s", text, *text ? "\n" : "", keys) : NULL;
    free(title);
    free(keys);
    free(text);
    return longer;
}

char *model_help(void)
{
    char *all = text_copy("");
    for (int i = 0; i < DEFINITIONS && all; i++)
        all = help_add(all, definitions[i]->fields,
                       text_format("\"arch\": \"%s\" (%s)", definitions[i]->arch, definitions[i]->title));
    return help_add(all, paps_fields, text_copy("\"head\": {\"arch\": \"paps\"} (PaPs, on an image network)"));
}
