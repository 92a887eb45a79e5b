/* Dies while it is loaded. */
#include <stdlib.h>
#include "entry.h"
__attribute__((constructor)) static void die(void) { abort(); }
static leaf_status run(void *instance, leaf_ctx *ctx) { (void)instance; (void)ctx; return LEAF_OK; }
static const leaf_operation fault = { sizeof fault, 0, "fault", no_create, run, no_destroy, NULL };
ENTRY(fault, LEAF_MAGIC, LEAF_ABI_MAJOR, LEAF_ABI_MINOR, MANIFEST("constructor-abort", "fault"))
