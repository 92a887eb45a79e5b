/* A Dropleaf plugin in C.  What every function promises: dropleaf_plugin.h. */
#include "dropleaf_plugin.h"
#include <string.h>

static const leaf_run_v1 *run_api;
static const leaf_cos_v1 *cos_api;

static leaf_str text(const char *s) { leaf_str view = { (const uint8_t *)s, strlen(s) }; return view; }

/* Gives every page a quarter turn. */
static leaf_status LEAF_CALL run(void *instance, leaf_ctx *ctx) {
    uint32_t count, index;
    leaf_status status = cos_api->page_count(ctx, LEAF_DOCUMENT, &count);
    (void)instance;
    for (index = 0; status == LEAF_OK && index < count; index++) {
        leaf_obj page;
        leaf_val turned;
        if (run_api->cancelled(ctx)) return LEAF_E_CANCELLED;
        if ((status = cos_api->page(ctx, LEAF_DOCUMENT, index, &page)) != LEAF_OK) break;
        if (cos_api->page_attr(ctx, page, text("Rotate"), &turned) != LEAF_OK || turned.type != LEAF_INT) {
            memset(&turned, 0, sizeof turned);
            turned.type = LEAF_INT;
        }
        turned.flags = 0;
        turned.u.i = (turned.u.i + 90) % 360;
        status = cos_api->dict_put(ctx, page, text("Rotate"), &turned);
        run_api->progress(ctx, index + 1, count);
    }
    return status;
}

static leaf_status LEAF_CALL create(const leaf_host *host, leaf_str parameters, void **out, leaf_ctx *err) {
    (void)parameters; (void)err;
    run_api = (const leaf_run_v1 *)host->get_extension(host, LEAF_EXT_RUN);
    cos_api = (const leaf_cos_v1 *)host->get_extension(host, LEAF_EXT_COS);
    *out = NULL;
    return run_api && cos_api ? LEAF_OK : LEAF_E_UNSUPPORTED;
}

static void LEAF_CALL destroy(void *instance) { (void)instance; }

static const leaf_operation operation = { sizeof(leaf_operation), 0, "@NAME@", create, run, destroy, NULL };

static const leaf_operation *LEAF_CALL operation_at(uint32_t index) { return index == 0 ? &operation : NULL; }

LEAF_EXPORT const leaf_entry dropleaf_plugin_v1 = {
    LEAF_MAGIC, LEAF_ABI_MAJOR, LEAF_ABI_MINOR, sizeof(leaf_entry), 0,
    "{\"name\":\"@NAME@\",\"version\":\"0.1.0\",\"license\":\"MIT\",\"operations\":[{"
    "\"name\":\"@NAME@\",\"summary\":\"Give every page a quarter turn\",\"needs\":[\"leaf.cos/1\"],"
    "\"parameters\":{\"type\":\"object\",\"additionalProperties\":false}}]}",
    "C", NULL, NULL, operation_at, NULL
};
