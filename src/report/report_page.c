#include "report/report_page.h"

#include "base/error.h"
#include "furrow.h"

/* Columns where there is room for them, one below the other where there is not; what is wide scrolls in its box. */
static const char style[] =
    ":root{color-scheme:light}\n"
    "*{box-sizing:border-box}\n"
    "body{margin:0 auto;padding:1rem;max-width:90rem;font:15px/1.45 system-ui,sans-serif;color:#222;background:#fff;"
    "-webkit-print-color-adjust:exact;print-color-adjust:exact}\n"
    "h1{font-size:1.5rem;margin:.2rem 0}h2{font-size:1.2rem;margin:2rem 0 .6rem;padding-bottom:.2rem;"
    "border-bottom:2px solid #0b5a3e}\n"
    "h3{font-size:1rem;margin:.2rem 0 .5rem;overflow-wrap:anywhere}h3 small{font-weight:400;color:#555}\n"
    ".note,.legend,figcaption{font-size:.85rem;color:#444}.note{margin:.3rem 0 .6rem}\n"
    ".runs{display:grid;gap:1.5rem;grid-template-columns:repeat(auto-fit,minmax(min(100%,26rem),1fr))}\n"
    ".runs>*,.charts>*,.maps>*{min-width:0}\n"
    ".charts{display:grid;gap:1rem;grid-template-columns:repeat(auto-fill,minmax(min(100%,18rem),1fr))}\n"
    ".maps{display:grid;gap:.8rem;grid-template-columns:repeat(auto-fill,minmax(min(100%,20rem),1fr))}\n"
    "figure{margin:0}figure>svg,img{display:block;width:100%;height:auto}.attention{max-width:60rem;"
    "overflow-x:auto}.attention img{min-width:38rem}\n"
    ".legend>span{white-space:nowrap;margin-left:.5rem}.key{width:26px;height:8px;display:inline-block;"
    "vertical-align:middle}\n"
    "svg text{font:11px system-ui,sans-serif;fill:#444}.left{text-anchor:end}.below{text-anchor:middle}\n"
    ".grid{stroke:#ddd}.mark{stroke:#777}svg g path{fill:none;stroke-width:1.8}\n"
    ".train path{stroke:#1f6fb2}.validation path{stroke:#c8610c}.any path{stroke:#555}\n"
    ".train circle{fill:#1f6fb2}.validation circle{fill:#c8610c}\n"
    ".box{overflow-x:auto;max-width:100%}\n"
    "table{border-collapse:collapse;font-variant-numeric:tabular-nums}th,td{padding:.2rem .55rem;"
    "border-bottom:1px solid #ddd;text-align:right;white-space:nowrap}\n"
    "th{font-weight:600}th:first-child{text-align:left}thead th{border-bottom:2px solid #888}\n"
    ".box th:first-child{position:sticky;left:0;background:#fff}.numbers thead th{white-space:normal;"
    "vertical-align:bottom}.numbers th,.numbers td{padding:.2rem .35rem}"
    ".times{font-size:.85rem}.numbers.times th,.numbers.times td{padding:.2rem .25rem}\n"
    ".facts td,.facts th{text-align:left;vertical-align:top}.facts th:first-child{white-space:nowrap}\n"
    ".facts td,.facts thead th{white-space:normal;overflow-wrap:anywhere;min-width:7rem;max-width:34rem}\n"
    ".facts tbody th{font-weight:400;color:#444}.differs td{background:#fff3d6}\n"
    ".share{background:linear-gradient(90deg,#cfe6db var(--v),transparent 0)}.mean>*{border-top:2px solid #888;"
    "font-weight:600}\n"
    ".confusion{font-size:.8rem}.confusion td{text-align:center;padding:.2rem .3rem;min-width:2.1rem;"
    "border:1px solid #e4e4e4}.confusion thead th{text-align:center}.confusion .index{color:#666}\n"
    ".confusion td.total{text-align:right;padding-left:.6rem}\n"
    "@media(max-width:30rem){body{padding:.7rem;font-size:14px}th,td{padding:.2rem .35rem}"
    ".numbers th,.numbers td{padding:.2rem .22rem}"
    ".times{font-size:.74rem}.numbers.times th,.numbers.times td{padding:.2rem .15rem}"
    ".facts th:first-child{white-space:normal;max-width:9rem}"
    ".facts td,.facts thead th{min-width:6.4rem}}\n"
    "@media print{body{padding:0;font-size:9pt;max-width:none}.box,.attention{overflow:visible}.attention "
    "img{min-width:0}h2,h3{break-after:avoid}"
    "figure,tr,.confusion{break-inside:avoid}.runs{grid-template-columns:repeat(auto-fit,minmax(min(100%,20rem),1fr))}"
    "th,td{padding:.1rem .3rem}}\n";

typedef struct page {
    text_file *file;
    const report_run *run;
    int runs, samples, *shown;
} page;

/* ---- parts ------------------------------------------------------------------------------------------------------- */

static bool has_log(const report_run *r)
{
    for (int i = 0; i < r->folds; i++)
        if (cJSON_GetArraySize(r->fold[i].log)) return true;
    return false;
}

static bool has_classes(const report_run *r)
{
    return report_classes(r) != NULL;
}

static bool has_confusion(const report_run *r)
{
    return r->confusion.classes > 0;
}

static bool has_maps(const report_run *r)
{
    return r->maps_count > 0;
}

static bool has_attention(const report_run *r)
{
    return r->attention;
}

static int put_curves(const page *p, const report_run *r)
{
    return report_put_curves(p->file, r);
}

static int put_classes(const page *p, const report_run *r)
{
    report_put_classes(p->file, r);
    return OK;
}

static int put_confusion(const page *p, const report_run *r)
{
    report_put_confusion(p->file, r);
    return OK;
}

static int put_maps(const page *p, const report_run *r)
{
    return report_put_maps(p->file, r, p->samples, p->shown);
}

static int put_attention(const page *p, const report_run *r)
{
    return report_put_attention(p->file, r);
}

static int put_times(const page *p, const report_run *r)
{
    return report_put_times(p->file, r);
}

/* What is put of each run by itself, the runs side by side; only of those that have it. */
static const struct part {
    const char *title;
    bool (*has)(const report_run *r);
    int (*put)(const page *p, const report_run *r);
} parts[] = {
    {"Loss and measures over epochs", has_log, put_curves}, {"Classes", has_classes, put_classes},
    {"Confusion matrix", has_confusion, put_confusion},     {"Maps", has_maps, put_maps},
    {"Attention over dates", has_attention, put_attention}, {"Time and memory", report_is_timed, put_times},
};

static int put_part(const page *p, const struct part *part)
{
    bool any = false;
    for (int i = 0; i < p->runs; i++) any = any || part->has(p->run + i);
    if (!any) return OK;
    text_put_format(p->file, "<section><h2>%s</h2>\n<div class=\"runs\">\n", part->title);
    for (int i = 0; i < p->runs; i++) {
        const report_run *r = p->run + i;
        if (!part->has(r)) continue;
        text_put(p->file, "<div><h3>");
        text_put_xml(p->file, r->folder.path);
        text_put(p->file, " <small>");
        text_put_xml(p->file, r->title);
        text_put(p->file, "</small></h3>\n");
        int rc = part->put(p, r);
        if (rc) return rc;
        text_put(p->file, "</div>\n");
    }
    text_put(p->file, "</div></section>\n");
    return OK;
}

/* ---- the whole --------------------------------------------------------------------------------------------------- */

static void put_title(const page *p)
{
    text_put(p->file, "furrow: ");
    for (int i = 0; i < p->runs && i < 3; i++) {
        text_put(p->file, i ? ", " : "");
        text_put_xml(p->file, p->run[i].folder.path);
    }
    if (p->runs > 3) text_put_format(p->file, " and %d more", p->runs - 3);
}

static int put_page(const page *p)
{
    int rc = OK;
    text_put(p->file, "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
                      "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n<title>");
    put_title(p);
    text_put(p->file, "</title>\n<style>\n");
    text_put(p->file, style);
    text_put_format(p->file, "</style></head><body>\n<h1>%s</h1>\n<p class=\"note\">furrow %s</p>\n",
                    p->runs > 1 ? "Training runs" : "Training run", FURROW_VERSION);
    report_put_summary(p->file, p->run, p->runs);
    for (size_t k = 0; k < sizeof parts / sizeof *parts; k++) TRY(put_part(p, parts + k));
    text_put(p->file, "<section><h2>Configuration</h2>\n");
    if (p->runs > 1) text_put(p->file, "<p class=\"note\">What differs is marked.</p>\n");
    TRY(report_put_settings(p->file, p->run, p->runs));
    text_put(p->file, "</section>\n</body></html>\n");
done:
    return rc;
}

int report_page(const char *path, const report_run *each, int runs, int samples, int *shown)
{
    page p = {NULL, each, runs, samples, shown};
    *shown = 0;
    int rc = text_file_open(path, &p.file);
    if (rc) return rc;
    rc = put_page(&p);
    if (!rc) return text_file_finish(p.file);
    text_file_abandon(p.file);
    return rc;
}
