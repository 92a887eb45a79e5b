/* Dies in init(). */
#include <stdlib.h>
#include "entry.h"
static leaf_status run(void *instance, leaf_ctx *ctx) { (void)instance; (void)ctx; return LEAF_OK; }
static const leaf_operation fault = { sizeof fault, 0, "fault", no_create, run, no_destroy, NULL };
static const leaf_operation *get_operation(uint32_t index) { return index == 0 ? &fault : NULL; }
static leaf_status die(const leaf_host *host) { (void)host; (void)run_extension; (void)cos_extension; abort(); }
LEAF_EXPORT const leaf_entry dropleaf_plugin_v1 = {
    LEAF_MAGIC, LEAF_ABI_MAJOR, LEAF_ABI_MINOR, sizeof(leaf_entry), 0,
    MANIFEST("init-abort", "fault"), "cc", die, NULL, get_operation, NULL };
