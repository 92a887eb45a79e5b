/* Tries to open a socket while it is loaded, and goes on. */
#include <sys/socket.h>
#include "entry.h"
__attribute__((constructor)) static void try_it(void) { (void)socket(AF_INET, SOCK_STREAM, 0); }
static leaf_status run(void *instance, leaf_ctx *ctx) { (void)instance; (void)ctx; return LEAF_OK; }
static const leaf_operation fault = { sizeof fault, 0, "fault", no_create, run, no_destroy, NULL };
ENTRY(fault, LEAF_MAGIC, LEAF_ABI_MAJOR, LEAF_ABI_MINOR, MANIFEST("constructor-socket", "fault"))
