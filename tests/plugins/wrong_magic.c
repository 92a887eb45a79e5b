/* Not our magic number. */
#include "entry.h"
static leaf_status run(void *instance, leaf_ctx *ctx) { (void)instance; (void)ctx; return LEAF_OK; }
static const leaf_operation fault = { sizeof fault, 0, "fault", no_create, run, no_destroy, NULL };
ENTRY(fault, 0x1234u, LEAF_ABI_MAJOR, LEAF_ABI_MINOR, MANIFEST("wrong-magic", "fault"))
