/* A Dropleaf plugin in C99, written from include/dropleaf_plugin.h alone.
 *
 * It offers one operation, `add-margin`: the media box and the crop box of every page grow by the same number of
 * points on each side.  Parameters: {"points": 36}.
 *
 * Build: make
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */
#include "dropleaf_plugin.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Beyond this a page box means nothing to most programs (ISO 32000-1, annex C.2). */
#define MOST_POINTS 14400.0

typedef struct add_margin {
    const leaf_run_v1 *run;
    const leaf_cos_v1 *cos;
    double points;
} add_margin;

static leaf_str str(const char *text)
{
    leaf_str view;
    view.ptr = (const uint8_t *)text;
    view.len = strlen(text);
    return view;
}

/* ---- parameters ---------------------------------------------------------------------------- */

/* The host has checked the parameters against the schema below, so that they are an object whose one member is
 * `points`, a number.  All that is left is to find it.  Answers 0 if it is not there after all. */
static int read_points(leaf_str json, double *points)
{
    static const char key[] = "\"points\"";
    char text[64];
    const char *json_text = (const char *)json.ptr;
    size_t at = 0, length = 0;
    char *end = NULL;

    while (at + sizeof key - 1 <= json.len && memcmp(json_text + at, key, sizeof key - 1) != 0)
        at++;
    if (at + sizeof key - 1 > json.len)
        return 0;
    at += sizeof key - 1;
    while (at < json.len && strchr(" \t\r\n:", json_text[at]) != NULL)
        at++;
    while (at + length < json.len && length < sizeof text - 1
           && strchr("+-.0123456789eE", json_text[at + length]) != NULL) {
        text[length] = json_text[at + length];
        length++;
    }
    text[length] = '\0';
    errno = 0;
    *points = strtod(text, &end);
    return length > 0 && *end == '\0' && errno == 0;
}

/* ---- the work ------------------------------------------------------------------------------ */

/* The document's own fault: it is not tried again. */
static leaf_status reject(const add_margin *self, leaf_ctx *ctx, uint32_t page, const char *why)
{
    char message[256];

    snprintf(message, sizeof message, "page %u: %s", (unsigned)page + 1, why);
    return self->run->set_error(ctx, LEAF_E_REJECTED, str(message));
}

/* A call to the host has failed with `code`; the host knows why. */
static leaf_status fail(const add_margin *self, leaf_ctx *ctx, leaf_status code, uint32_t page)
{
    leaf_str why = {NULL, 0};
    char message[256];

    if (self->run->last_error(ctx, &why) != LEAF_OK)
        why.len = 0;
    snprintf(message, sizeof message, "page %u: %.*s", (unsigned)page + 1, (int)(why.len < 200 ? why.len : 200),
             why.len > 0 ? (const char *)why.ptr : "");
    return self->run->set_error(ctx, code, str(message));
}

/* Reads four numbers; 0 if the array holds anything else. */
static int read_box(const add_margin *self, leaf_ctx *ctx, leaf_obj array, double box[4])
{
    size_t length = 0, i;

    if (self->cos->len(ctx, array, &length) != LEAF_OK || length != 4)
        return 0;
    for (i = 0; i < 4; i++) {
        leaf_val corner;
        if (self->cos->array_get(ctx, array, i, &corner) != LEAF_OK)
            return 0;
        if (corner.type == LEAF_INT)
            box[i] = (double)corner.u.i;
        else if (corner.type == LEAF_REAL)
            box[i] = corner.u.r;
        else
            return 0;
    }
    return 1;
}

/* Corners may be given in any order. */
static void sort_pair(double *low, double *high)
{
    if (*low > *high) {
        double swap = *low;
        *low = *high;
        *high = swap;
    }
}

/* Grows the box `key` of a page.  A box that the page does not have is left alone, unless it must have it. */
static leaf_status grow(const add_margin *self, leaf_ctx *ctx, leaf_obj page, uint32_t index, const char *key, int required)
{
    leaf_val value;
    leaf_obj array;
    double box[4];
    size_t i;
    leaf_status status = self->cos->page_attr(ctx, page, str(key), &value);

    if (status == LEAF_E_NOT_FOUND && !required)
        return LEAF_OK;
    if (status == LEAF_E_NOT_FOUND)
        return reject(self, ctx, index, "it has no MediaBox (the operation `repair` gives it one)");
    if (status != LEAF_OK)
        return fail(self, ctx, status, index);
    if (value.type != LEAF_ARRAY || !read_box(self, ctx, value.u.obj, box))
        return reject(self, ctx, index, "a page box is not an array of four numbers");
    sort_pair(&box[0], &box[2]);
    sort_pair(&box[1], &box[3]);
    box[0] -= self->points;
    box[1] -= self->points;
    box[2] += self->points;
    box[3] += self->points;
    if (box[0] >= box[2] || box[1] >= box[3])
        return reject(self, ctx, index, "nothing would be left of it");

    /* A new array: the old one may be another page's too. */
    status = self->cos->from_syntax(ctx, LEAF_DOCUMENT, str("[]"), &array);
    for (i = 0; status == LEAF_OK && i < 4; i++) {
        memset(&value, 0, sizeof value);
        value.type = LEAF_REAL;
        value.u.r = box[i];
        status = self->cos->array_put(ctx, array, i, &value);
    }
    if (status == LEAF_OK) {
        memset(&value, 0, sizeof value);
        value.type = LEAF_ARRAY;
        value.u.obj = array;
        status = self->cos->dict_put(ctx, page, str(key), &value);
    }
    return status == LEAF_OK ? LEAF_OK : fail(self, ctx, status, index);
}

static leaf_status LEAF_CALL add_margin_run(void *instance, leaf_ctx *ctx)
{
    const add_margin *self = instance;
    uint32_t count = 0, index;
    leaf_status status = self->cos->page_count(ctx, LEAF_DOCUMENT, &count);

    if (status != LEAF_OK)
        return self->run->set_error(ctx, status, str("the pages cannot be counted"));
    for (index = 0; index < count; index++) {
        leaf_obj page;
        if (self->run->cancelled(ctx))
            return LEAF_E_CANCELLED;
        status = self->cos->page(ctx, LEAF_DOCUMENT, index, &page);
        if (status != LEAF_OK)
            return fail(self, ctx, status, index);
        /* The crop box first: where it is inherited, it is the old one's size. */
        status = grow(self, ctx, page, index, "CropBox", 0);
        if (status == LEAF_OK)
            status = grow(self, ctx, page, index, "MediaBox", 1);
        if (status != LEAF_OK)
            return status; /* The host undoes the pages that were done. */
        self->run->progress(ctx, (uint64_t)index + 1, count);
    }
    return LEAF_OK;
}

/* ---- what the host calls ------------------------------------------------------------------- */

static leaf_status LEAF_CALL add_margin_create(const leaf_host *host, leaf_str parameters, void **out, leaf_ctx *err)
{
    const leaf_run_v1 *run = host->get_extension(host, LEAF_EXT_RUN);
    const leaf_cos_v1 *cos = host->get_extension(host, LEAF_EXT_COS);
    add_margin *self;
    double points = 0;

    if (!LEAF_HAS(run, emit))
        return LEAF_E_UNSUPPORTED;
    if (!LEAF_HAS(cos, release))
        return run->set_error(err, LEAF_E_UNSUPPORTED, str("this host has no `leaf.cos/1`"));
    if (!read_points(parameters, &points) || !(points >= -MOST_POINTS && points <= MOST_POINTS))
        return run->set_error(err, LEAF_E_PARAMETERS, str("`points` must be a number from -14400 to 14400"));
    self = malloc(sizeof *self);
    if (self == NULL)
        return run->set_error(err, LEAF_E_LIMIT, str("out of memory"));
    self->run = run;
    self->cos = cos;
    self->points = points;
    *out = self;
    return LEAF_OK;
}

static void LEAF_CALL add_margin_destroy(void *instance)
{
    free(instance);
}

static const leaf_operation ADD_MARGIN = {
    sizeof(leaf_operation), 0, "add-margin", add_margin_create, add_margin_run, add_margin_destroy, NULL,
};

static const leaf_operation *LEAF_CALL operation(uint32_t index)
{
    return index == 0 ? &ADD_MARGIN : NULL;
}

static const char MANIFEST[] =
    "{"
    "  \"name\": \"margins\","
    "  \"version\": \"0.1.0\","
    "  \"description\": \"Give pages a margin\","
    "  \"license\": \"MIT OR Apache-2.0\","
    "  \"operations\": [ {"
    "    \"name\": \"add-margin\","
    "    \"summary\": \"Grow every page by the same margin on each side\","
    "    \"parameters\": {"
    "      \"type\": \"object\", \"additionalProperties\": false, \"required\": [\"points\"],"
    "      \"properties\": { \"points\": {"
    "        \"type\": \"number\", \"minimum\": -14400, \"maximum\": 14400,"
    "        \"description\": \"Points (1/72 inch) to add on each side; negative ones take away.\" } } },"
    "    \"needs\": [\"leaf.run/1\", \"leaf.cos/1\"],"
    "    \"examples\": [ { \"title\": \"Half an inch all round\", \"with\": { \"points\": 36 } } ]"
    "  } ]"
    "}";

LEAF_EXPORT const leaf_entry dropleaf_plugin_v1 = {
    LEAF_MAGIC, LEAF_ABI_MAJOR, LEAF_ABI_MINOR, sizeof(leaf_entry), 0, MANIFEST, "C", NULL, NULL, operation, NULL,
};
