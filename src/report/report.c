/* furrow_report: run folders as a page to look at. Only what folders hold is read: no device, no pack. */
#include <stdlib.h>

#include "base/error.h"
#include "base/memory.h"
#include "furrow.h"
#include "report/report_page.h"
#include "run/session.h"

static cJSON *about(const report_run *r)
{
    cJSON *run_about = cJSON_CreateObject();
    cJSON_AddStringToObject(run_about, "run", r->folder.path);
    cJSON_AddStringToObject(run_about, "network", r->title);
    cJSON_AddNumberToObject(run_about, "folds", r->folds);
    return run_about;
}

int furrow_report(const furrow_report_options *o, char **json)
{
    int rc = OK, shown;
    report_run *each = memory_new((size_t)o->runs, sizeof *each);
    cJSON *all = cJSON_CreateObject(), *list = cJSON_AddArrayToObject(all, "runs");
    *json = NULL;
    TRY_NEW(each);
    if (o->maps_count > o->runs) {
        rc = fail(USAGE, "%d folders of maps are given for %d runs; wanted one for each run at most", o->maps_count,
                  o->runs);
        goto done;
    }
    for (int i = 0; i < o->runs; i++) {
        TRY(report_run_read(o->run[i], i < o->maps_count ? o->maps[i] : NULL, each + i));
        json_append(list, about(each + i));
    }
    TRY(report_page(o->out, each, o->runs, o->samples, &shown));
    cJSON_AddStringToObject(all, "out", o->out);
    cJSON_AddNumberToObject(all, "pictures", shown);
    rc = json_text(all, json);
    all = NULL;
done:
    for (int i = 0; each && i < o->runs; i++) report_run_free(each + i);
    free(each);
    cJSON_Delete(all);
    return rc;
}
