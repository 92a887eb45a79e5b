/* Uses handles that it was never given. */
#include "entry.h"
static leaf_status run(void *instance, leaf_ctx *ctx)
{
    uint64_t handle;
    (void)instance;
    for (handle = 0; handle < 4096; handle++) {
        leaf_val out;
        leaf_status status = cos_extension()->dict_get(ctx, handle * 0x9E3779B97F4A7C15u, text("Type"), &out);
        if (status == LEAF_OK) return LEAF_OK;
        if (status != LEAF_E_HANDLE) return status;
    }
    return run_extension()->set_error(ctx, LEAF_E_HANDLE, text("a forged handle was refused"));
}
static const leaf_operation fault = { sizeof fault, 0, "fault", no_create, run, no_destroy, NULL };
ENTRY(fault, LEAF_MAGIC, LEAF_ABI_MAJOR, LEAF_ABI_MINOR, MANIFEST("forged-handle", "fault"))
