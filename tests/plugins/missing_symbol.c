/* Calls a function that nobody has. */
#include "entry.h"
extern int nobody_has_this(void);
static leaf_status run(void *instance, leaf_ctx *ctx) { (void)instance; (void)ctx; return nobody_has_this(); }
static const leaf_operation fault = { sizeof fault, 0, "fault", no_create, run, no_destroy, NULL };
ENTRY(fault, LEAF_MAGIC, LEAF_ABI_MAJOR, LEAF_ABI_MINOR, MANIFEST("missing-symbol", "fault"))
