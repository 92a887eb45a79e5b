/* dropleaf_plugin.h - the Dropleaf plugin ABI, major 1.  C99; no other header is needed.
 * SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * A plugin is a shared library that exports one data symbol, dropleaf_plugin_v1, and offers
 * operations.  A host (a single-use, sandboxed worker process) loads it, creates an operation with
 * checked parameters, runs it over a document and ends.
 *
 * VERSIONING
 *  V1 The entry symbol's name carries the major.  No other exported symbol is looked at.
 *  V2 Within a major nothing is moved, removed or retyped.  Structs with struct_size grow at the
 *     end only; struct_size is sizeof() as the WRITER compiled it.  Touch a member only if
 *     LEAF_HAS(p, member).  Structs without struct_size (leaf_str, leaf_val, leaf_node) never change.
 *  V3 A new group of functions is a new extension id "leaf.NAME/REV".  A published REV is frozen;
 *     drafts are "leaf.draft.NAME/REV" and may vanish.  Third parties: "com.vendor.NAME/REV".
 *  V4 The host loads a plugin iff majors are equal and entry.abi_minor <= the host's minor.
 *  V5 Fixed-width integers only; no bool, enum, long, bit-field or varargs in any signature.
 *     Unknown status: treat as LEAF_E_FAIL.  Unknown value type: opaque, pass it back.
 * OWNERSHIP
 *  O1 No allocation changes hands; neither side frees what the other allocated.
 *  O2 Pointers given TO the host are read (copied) during that call only.
 *  O3 leaf_str views FROM the host are read-only and die at the first of: the next [mut] call on
 *     that document, the end of the run.  [scratch] views die at the next call of that function.
 *     The call that ends a view may be given it.
 *  O4 Handles (leaf_obj, leaf_doc, leaf_buf) are integers with a generation, checked on every call:
 *     a stale or forged one gives LEAF_E_HANDLE, never undefined behaviour.  They die at the end of
 *     the run; release() early only in long loops.  A container has one handle, however often it was
 *     got: it ends when it has been released as often as it was given.  A document that was emitted
 *     goes on when it is released, and takes less memory: do so when emitting many.
 *  O5 The entry, operations, manifest and vtables are constant and live as long as the library; the
 *     library is never unloaded (the process ends instead; atexit handlers and destructors do NOT run).
 * THREADS   one operation runs at a time in a worker; instances are not shared between workers.
 *  [main]        entry.init, entry.operation      - once, on the worker's main thread
 *  [run-thread]  create/run/destroy and everything that takes leaf_ctx, unless marked otherwise.
 *                From another thread the host answers LEAF_E_THREAD.
 *  [any-thread]  so marked.  A plugin may start threads inside run() and MUST join them before it
 *                returns; leftovers are counted and reported, and their worker is not used again.  That
 *                goes for the threads of a runtime (Go, Ada, Nim), too, which is tolerated.  Limited
 *                memory counts whole stacks: at 8 MiB each there is room for about 127 threads in 1 GiB.
 * ERRORS
 *  E1 0 is success, negative is failure; out-parameters are written on success only.
 *  E2 run() reports text with set_error() and returns the code.  On failure EVERY change of this
 *     run is rolled back by the host; the pipeline's policy decides stop, skip or retry.
 *  E3 No exception, panic, signal or longjmp crosses the boundary in either direction.
 * CONDUCT  Not allowed (the sandbox answers EPERM or EACCES): new processes, sockets, files outside
 *     the granted ones, signals to others, raising limits.  Also: no exit(), no signal handlers for
 *     SEGV/BUS/ABRT/CHLD (a runtime's own are tolerated), no setlocale/chdir/putenv; do not close descriptors you did not open.
 *     stdout and stderr are captured as log lines; they carry no data.
 */
#ifndef DROPLEAF_PLUGIN_H
#define DROPLEAF_PLUGIN_H
#include <stddef.h>
#include <stdint.h>
#if defined(_WIN32)
# define LEAF_EXPORT __declspec(dllexport)
# define LEAF_CALL __cdecl
#else
# define LEAF_EXPORT __attribute__((visibility("default")))
# define LEAF_CALL
#endif
#ifdef __cplusplus
extern "C" {
#endif

#define LEAF_MAGIC 0x4641454Cu                /* bytes 'L' 'E' 'A' 'F' */
#define LEAF_ABI_MAJOR 1u
#define LEAF_ABI_MINOR 0u
#define LEAF_END_OF(p, m) ((size_t)((const char *)&(p)->m - (const char *)(p)) + sizeof((p)->m))
#define LEAF_HAS(p, m) ((p) != NULL && LEAF_END_OF(p, m) <= (p)->struct_size)

typedef int32_t leaf_status;
#define LEAF_OK             0
#define LEAF_E_FAIL        -1   /* see the set_error text; may be retried */
#define LEAF_E_ARG         -2   /* an argument is out of range */
#define LEAF_E_TYPE        -3   /* the object has another type */
#define LEAF_E_NOT_FOUND   -4   /* key, index, object */
#define LEAF_E_HANDLE      -5   /* stale or forged handle */
#define LEAF_E_THREAD      -6   /* called from another thread */
#define LEAF_E_LIMIT       -7   /* memory, size, depth or decompression limit */
#define LEAF_E_UNSUPPORTED -8
#define LEAF_E_CANCELLED   -9   /* cancelled() was seen; return this from run() */
#define LEAF_E_PANIC      -10   /* caught panic or exception at the boundary */
#define LEAF_E_SYNTAX     -11   /* bad COS syntax or unreadable PDF */
#define LEAF_E_DENIED     -12   /* not granted by the operator */
#define LEAF_E_PARAMETERS -13   /* create(): parameters refused */
#define LEAF_E_REJECTED   -14   /* run(): this document cannot be done, now or later (no retry) */

typedef struct leaf_str { const uint8_t *ptr; size_t len; } leaf_str; /* not NUL-terminated; ptr may be anything if len is 0 */
typedef uint64_t leaf_obj;                    /* handle of an array, dictionary or stream; 0 = none */
typedef uint64_t leaf_doc;                    /* handle of a document; LEAF_DOCUMENT = the run's own */
typedef uint64_t leaf_buf;                    /* handle of a host buffer; 0 = none */
typedef struct leaf_ctx leaf_ctx;             /* one run of one operation */
#define LEAF_DOCUMENT ((leaf_doc)1)

/* COS values (ISO 32000-2, 7.3).  Scalars travel by value, containers as handles. */
#define LEAF_NULL   0u
#define LEAF_BOOL   1u   /* u.i 0/1 */
#define LEAF_INT    2u   /* u.i */
#define LEAF_REAL   3u   /* u.r: written with the digits it takes to read the same double, or the same float if it is one (0.1f
                          * is 0.1); at most 3.4e38.  A file that is damaged, encrypted or odd in its form is read with the 7 digits of a float */
#define LEAF_NAME   4u   /* u.s, without '/', #xx decoded */
#define LEAF_STRING 5u   /* u.s, raw bytes; LEAF_F_HEX keeps the <..> form */
#define LEAF_ARRAY  6u   /* u.obj */
#define LEAF_DICT   7u   /* u.obj */
#define LEAF_STREAM 8u   /* u.obj */
#define LEAF_REF    9u   /* u.ref */
#define LEAF_F_HEX      1u
#define LEAF_F_INDIRECT 2u                    /* out: the value was reached through a reference */
typedef struct leaf_val { uint32_t type, flags;
  union { int64_t i; double r; struct { uint32_t num, gen; } ref; leaf_obj obj; leaf_str s; } u; } leaf_val; /* 24 bytes */
/* Preorder node of view(): count = direct children; key is empty inside arrays. */
typedef struct leaf_node { uint32_t type, count; leaf_str key;
  union { int64_t i; double r; struct { uint32_t num, gen; } ref; leaf_str s; } u; } leaf_node; /* 40 bytes */

/* ---- host ---------------------------------------------------------------------------------- */
typedef struct leaf_host { uint32_t struct_size; uint16_t abi_major, abi_minor;
  const char *name, *version;                 /* informative */
  /* [any-thread] a constant answer; NULL if this host lacks it.  Valid for the life of the process. */
  const void *(LEAF_CALL *get_extension)(const struct leaf_host *, const char *id);
} leaf_host;

#define LEAF_EXT_RUN "leaf.run/1"             /* always present */
#define LEAF_LOG_TRACE 0
#define LEAF_LOG_DEBUG 1
#define LEAF_LOG_INFO  2
#define LEAF_LOG_WARN  3                      /* becomes a warning of the job */
#define LEAF_LOG_ERROR 4
typedef struct leaf_run_v1 { uint32_t struct_size, reserved;
  /* [any-thread] fields: JSON object text or empty */
  void        (LEAF_CALL *log)(leaf_ctx *, int32_t level, leaf_str message, leaf_str fields);
  int32_t     (LEAF_CALL *cancelled)(leaf_ctx *);                       /* [any-thread] poll often; SIGKILL follows */
  void        (LEAF_CALL *progress)(leaf_ctx *, uint64_t done, uint64_t total); /* [any-thread] pages, or what the operation counts */
  leaf_status (LEAF_CALL *set_error)(leaf_ctx *, leaf_status code, leaf_str message); /* returns code */
  leaf_status (LEAF_CALL *last_error)(leaf_ctx *, leaf_str *message);   /* [scratch] why the last host call failed */
  /* [scratch] JSON text of a value of this job: "job.id", "input.name", "part.index", "part.count", ... */
  leaf_status (LEAF_CALL *param)(leaf_ctx *, leaf_str name, leaf_str *json);
  leaf_status (LEAF_CALL *result)(leaf_ctx *, leaf_str name, leaf_str json); /* a value later steps see as steps.<id>.<name>; all of a run: 256 KiB, 64 levels; else LEAF_E_LIMIT */
  leaf_status (LEAF_CALL *temp_dir)(leaf_ctx *, leaf_str *path);        /* granted scratch folder, or LEAF_E_DENIED */
  leaf_status (LEAF_CALL *emit)(leaf_ctx *, leaf_str name, leaf_str mime, leaf_str bytes); /* side artifact: text, JSON, images */
} leaf_run_v1;

#define LEAF_EXT_COS "leaf.cos/1"             /* parses the document at the first call */
typedef struct leaf_cos_v1 { uint32_t struct_size, reserved;
  /* Reading.  *_get resolves references (LEAF_F_INDIRECT set); *_raw returns LEAF_REF as it stands. */
  leaf_status (LEAF_CALL *page_count)(leaf_ctx *, leaf_doc, uint32_t *out);
  leaf_status (LEAF_CALL *page)(leaf_ctx *, leaf_doc, uint32_t index, leaf_obj *out);      /* index from 0 */
  leaf_status (LEAF_CALL *page_attr)(leaf_ctx *, leaf_obj page, leaf_str key, leaf_val *out); /* with inheritance */
  leaf_status (LEAF_CALL *trailer)(leaf_ctx *, leaf_doc, leaf_obj *out); /* /Type /XRef in it asks for object streams at save (PDF 1.5) */
  leaf_status (LEAF_CALL *catalog)(leaf_ctx *, leaf_doc, leaf_obj *out);
  leaf_status (LEAF_CALL *object)(leaf_ctx *, leaf_doc, uint32_t num, uint32_t gen, leaf_val *out);
  leaf_status (LEAF_CALL *object_next)(leaf_ctx *, leaf_doc, uint32_t *num, uint32_t *gen); /* in order of number; start 0,0; LEAF_E_NOT_FOUND past the last */
  leaf_status (LEAF_CALL *object_id)(leaf_ctx *, leaf_obj, uint32_t *num, uint32_t *gen);   /* LEAF_E_NOT_FOUND if direct */
  leaf_status (LEAF_CALL *len)(leaf_ctx *, leaf_obj, size_t *out);                          /* array or dictionary entries; raw stream bytes */
  leaf_status (LEAF_CALL *dict_get)(leaf_ctx *, leaf_obj, leaf_str key, leaf_val *out);     /* also on streams: their dictionary */
  leaf_status (LEAF_CALL *dict_get_raw)(leaf_ctx *, leaf_obj, leaf_str key, leaf_val *out);
  leaf_status (LEAF_CALL *dict_at)(leaf_ctx *, leaf_obj, size_t i, leaf_str *key, leaf_val *out); /* raw; file order */
  leaf_status (LEAF_CALL *array_get)(leaf_ctx *, leaf_obj, size_t i, leaf_val *out);
  leaf_status (LEAF_CALL *array_get_raw)(leaf_ctx *, leaf_obj, size_t i, leaf_val *out);
  leaf_status (LEAF_CALL *view)(leaf_ctx *, leaf_obj, const leaf_node **out, size_t *n);    /* [scratch] the whole value, no call per key */
  leaf_status (LEAF_CALL *to_syntax)(leaf_ctx *, leaf_obj, leaf_str *out);                  /* [scratch] */
  /* Writing [mut].  A handle to an indirect object is stored as a reference, a direct one is copied. */
  leaf_status (LEAF_CALL *from_syntax)(leaf_ctx *, leaf_doc, leaf_str src, leaf_obj *out);  /* a new direct array or dictionary */
  leaf_status (LEAF_CALL *dict_put)(leaf_ctx *, leaf_obj, leaf_str key, const leaf_val *);
  leaf_status (LEAF_CALL *dict_remove)(leaf_ctx *, leaf_obj, leaf_str key);
  leaf_status (LEAF_CALL *array_put)(leaf_ctx *, leaf_obj, size_t i, const leaf_val *);     /* i == len appends */
  leaf_status (LEAF_CALL *array_insert)(leaf_ctx *, leaf_obj, size_t i, const leaf_val *);
  leaf_status (LEAF_CALL *array_remove)(leaf_ctx *, leaf_obj, size_t i);
  leaf_status (LEAF_CALL *replace)(leaf_ctx *, leaf_obj, const leaf_val *);                 /* value in place, same object id */
  leaf_status (LEAF_CALL *add)(leaf_ctx *, leaf_doc, const leaf_val *, uint32_t *num, uint32_t *gen); /* new indirect object */
  leaf_status (LEAF_CALL *remove)(leaf_ctx *, leaf_doc, uint32_t num, uint32_t gen);        /* drop an indirect object */
  leaf_status (LEAF_CALL *page_insert)(leaf_ctx *, leaf_doc, uint32_t at, leaf_obj page);
  leaf_status (LEAF_CALL *page_remove)(leaf_ctx *, leaf_doc, uint32_t at, uint32_t count);
  leaf_status (LEAF_CALL *page_move)(leaf_ctx *, leaf_doc, uint32_t from, uint32_t to);     /* keeps the page's object id */
  /* Deep copy from another document; what the pages share is copied once per pair of documents. Layers
   and form fields come along; links and actions that name their destination get the destination itself. */
  leaf_status (LEAF_CALL *import_pages)(leaf_ctx *, leaf_doc dst, uint32_t at, leaf_doc src, uint32_t first, uint32_t count);
  leaf_status (LEAF_CALL *release)(leaf_ctx *, uint64_t handle);
} leaf_cos_v1;

#define LEAF_EXT_STREAM "leaf.stream/1"
#define LEAF_STREAM_RAW     0u
#define LEAF_STREAM_DECODED 1u                /* all filters but image ones (DCT, JPX, JBIG2, CCITT) */
typedef struct leaf_stream_v1 { uint32_t struct_size, reserved;
  leaf_status (LEAF_CALL *get)(leaf_ctx *, leaf_obj, uint32_t mode, leaf_str *out);         /* [scratch] when DECODED; decoded size is limited: LEAF_E_LIMIT */
  leaf_status (LEAF_CALL *put)(leaf_ctx *, leaf_obj, uint32_t mode, leaf_str bytes);        /* [mut] DECODED: the host drops Filter and compresses at save */
  leaf_status (LEAF_CALL *create)(leaf_ctx *, leaf_doc, leaf_obj dict_or_0, uint32_t mode, leaf_str bytes, leaf_obj *out); /* [mut] a new indirect stream */
  /* Zero-copy: host memory that the plugin fills, then moves in.  ptr dies at buf_grow and put_buf. */
  leaf_status (LEAF_CALL *buf_new)(leaf_ctx *, size_t capacity, leaf_buf *out, uint8_t **ptr);
  leaf_status (LEAF_CALL *buf_grow)(leaf_ctx *, leaf_buf, size_t capacity, uint8_t **ptr);
  leaf_status (LEAF_CALL *put_buf)(leaf_ctx *, leaf_obj, uint32_t mode, leaf_buf, size_t len); /* [mut] the buffer is gone after */
} leaf_stream_v1;

#define LEAF_EXT_DOC "leaf.doc/1"             /* whole documents; conversions are counted on the job's bill */
typedef struct leaf_doc_v1 { uint32_t struct_size, reserved;
  uint32_t    (LEAF_CALL *input_count)(leaf_ctx *);                                         /* >= 1; more for an operation with "inputs": "all" */
  leaf_status (LEAF_CALL *input)(leaf_ctx *, uint32_t i, leaf_doc *out);                    /* 0 is LEAF_DOCUMENT */
  leaf_status (LEAF_CALL *bytes)(leaf_ctx *, leaf_doc, leaf_str *out);                      /* view; saves first if edited, cached after */
  leaf_status (LEAF_CALL *set_bytes)(leaf_ctx *, leaf_doc, leaf_str);                       /* [mut] handles of that document die */
  leaf_status (LEAF_CALL *open)(leaf_ctx *, leaf_str bytes, leaf_doc *out);                 /* another document, e.g. for import_pages */
  leaf_status (LEAF_CALL *create)(leaf_ctx *, leaf_doc like_or_0, leaf_doc *out);           /* an empty one; `like` lends version, Info and encryption */
  /* Gives a document to the rest of the pipeline, once.  Once called, the run's own documents go no further unless
   * they are emitted too; a run that emits none lets all of them go on.  label: up to 200 bytes of UTF-8, for file names ({{ part.label }}); may be empty. */
  leaf_status (LEAF_CALL *emit)(leaf_ctx *, leaf_doc, leaf_str label);
  leaf_status (LEAF_CALL *is_parsed)(leaf_ctx *, leaf_doc, int32_t *parsed, int32_t *dirty); /* to choose the cheap way */
} leaf_doc_v1;

#define LEAF_EXT_EDIT "leaf.edit/1"           /* common changes in one call; a host may lack it */
typedef struct leaf_edit_v1 { uint32_t struct_size, reserved;
  /* [mut] Sets the keys of `src`, a dictionary in PDF syntax, in a dictionary or a stream: all of them or, on failure, none.
   * As from_syntax() and a dict_put() for each would; references in `src` stay references. */
  leaf_status (LEAF_CALL *dict_merge)(leaf_ctx *, leaf_obj, leaf_str src);
  /* [mut] stream.create() that answers the number: a new indirect stream with the keys of `dict`, a dictionary in PDF
   * syntax, or none if it is empty. */
  leaf_status (LEAF_CALL *stream_add)(leaf_ctx *, leaf_doc, leaf_str dict, uint32_t mode, leaf_str bytes, uint32_t *num, uint32_t *gen);
} leaf_edit_v1;

/* ---- plugin -------------------------------------------------------------------------------- */
typedef struct leaf_operation { uint32_t struct_size, reserved;
  const char *name;                           /* as in the manifest */
  /* parameters: JSON text, already valid against the manifest's schema.  *out may be NULL. */
  leaf_status (LEAF_CALL *create)(const leaf_host *, leaf_str parameters, void **out, leaf_ctx *err);
  leaf_status (LEAF_CALL *run)(void *instance, leaf_ctx *);
  void        (LEAF_CALL *destroy)(void *instance);
  const void *(LEAF_CALL *get_extension)(void *instance, const char *id);                   /* may be NULL */
} leaf_operation;

typedef struct leaf_entry { uint32_t magic; uint16_t abi_major, abi_minor; uint32_t struct_size, reserved;
  const char *manifest;                       /* JSON, static; see docs/plugins.md */
  const char *toolchain;                      /* "rustc 1.95, dropleaf-plugin-sdk 0.1" - for crash reports */
  leaf_status (LEAF_CALL *init)(const leaf_host *);         /* may be NULL; fast, no threads, no I/O */
  void        (LEAF_CALL *deinit)(void);                    /* may be NULL; reserved, not called by v1 hosts */
  const leaf_operation *(LEAF_CALL *operation)(uint32_t index); /* NULL past the last */
  const void *(LEAF_CALL *get_extension)(const char *id);   /* may be NULL */
} leaf_entry;
LEAF_EXPORT extern const leaf_entry dropleaf_plugin_v1;     /* the one symbol that counts: data, readable without running code */

#ifdef __cplusplus
}
#endif
#endif
