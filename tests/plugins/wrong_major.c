/* Built for another major version of the ABI. */
#include "entry.h"
static leaf_status run(void *instance, leaf_ctx *ctx) { (void)instance; (void)ctx; return LEAF_OK; }
static const leaf_operation fault = { sizeof fault, 0, "fault", no_create, run, no_destroy, NULL };
ENTRY(fault, LEAF_MAGIC, LEAF_ABI_MAJOR + 1, LEAF_ABI_MINOR, MANIFEST("wrong-major", "fault"))
