/* Calls the host from a thread that does not run the operation. */
#include <pthread.h>
#include "entry.h"
static leaf_status answer;
static void *elsewhere(void *ctx)
{
    uint32_t pages;
    answer = cos_extension()->page_count((leaf_ctx *)ctx, LEAF_DOCUMENT, &pages);
    return NULL;
}
static leaf_status run(void *instance, leaf_ctx *ctx)
{
    pthread_t thread;
    (void)instance;
    if (pthread_create(&thread, NULL, elsewhere, ctx) != 0) return LEAF_E_FAIL;
    pthread_join(thread, NULL);
    return run_extension()->set_error(ctx, answer, text("called from another thread"));
}
static const leaf_operation fault = { sizeof fault, 0, "fault", no_create, run, no_destroy, NULL };
ENTRY(fault, LEAF_MAGIC, LEAF_ABI_MAJOR, LEAF_ABI_MINOR, MANIFEST("other-thread", "fault"))
