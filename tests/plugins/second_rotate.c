/* Offers an operation that a standard plugin offers, too. */
#include "entry.h"
static leaf_status run(void *instance, leaf_ctx *ctx)
{
    (void)instance;
    return run_extension()->set_error(ctx, LEAF_E_FAIL, text("this is the wrong plugin"));
}
static const leaf_operation rotate = { sizeof rotate, 0, "rotate", no_create, run, no_destroy, NULL };
ENTRY(rotate, LEAF_MAGIC, LEAF_ABI_MAJOR, LEAF_ABI_MINOR, MANIFEST("second", "rotate"))
