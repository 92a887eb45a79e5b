/* What the C plugins beside this file share: a manifest and an operation that does as it is told. */
#ifndef ENTRY_H
#define ENTRY_H
#include "dropleaf_plugin.h"

#define MANIFEST(name, operation) \
    "{\"name\":\"" name "\",\"version\":\"1.0.0\",\"operations\":[{\"name\":\"" operation "\"," \
    "\"summary\":\"A fault\",\"parameters\":{\"type\":\"object\"}}]}"

static inline leaf_str text(const char *s)
{
    leaf_str t = { (const uint8_t *)s, 0 };
    while (s[t.len]) t.len++;
    return t;
}

static const leaf_host *the_host;

static leaf_status no_create(const leaf_host *host, leaf_str parameters, void **out, leaf_ctx *err)
{
    (void)parameters; (void)err;
    the_host = host;
    *out = NULL;
    return LEAF_OK;
}

static void no_destroy(void *instance) { (void)instance; }

static inline const leaf_run_v1 *run_extension(void)
{
    return (const leaf_run_v1 *)the_host->get_extension(the_host, LEAF_EXT_RUN);
}

static inline const leaf_cos_v1 *cos_extension(void)
{
    return (const leaf_cos_v1 *)the_host->get_extension(the_host, LEAF_EXT_COS);
}

#define ENTRY(operation, magic, major, minor, manifest) \
    static const leaf_operation *get_operation(uint32_t index) { return index == 0 ? &operation : NULL; } \
    LEAF_EXPORT const leaf_entry dropleaf_plugin_v1 = { \
        magic, major, minor, sizeof(leaf_entry), 0, manifest, "cc", NULL, NULL, get_operation, NULL };
#endif
