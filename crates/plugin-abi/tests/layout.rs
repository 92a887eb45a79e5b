//! The Rust mirror against the C header: every size, offset and constant, and the header against four standards.
//!
//! Where there is no C compiler nothing can be compared, and the tests pass.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::mem::{offset_of, size_of};
use std::path::{Path, PathBuf};
use std::process::Command;

use dropleaf_plugin_abi as abi;

/// What the mirror says, under the names of the header.
#[derive(Default)]
struct Mirror {
    /// C expression -> value.
    values: BTreeMap<String, i64>,
}

impl Mirror {
    fn value(&mut self, expression: &str, value: impl TryInto<i64>) {
        let value = value.try_into().unwrap_or(i64::MIN);
        self.values
            .insert(format!("(long long)({expression})"), value);
    }

    fn size(&mut self, name: &str, size: usize) {
        self.value(&format!("sizeof({name})"), size);
    }

    fn offset(&mut self, name: &str, member: &str, offset: usize) {
        self.value(&format!("offsetof({name}, {member})"), offset);
    }
}

/// Notes the size of a struct and the offsets of its members; `rust = c` where the names differ.
macro_rules! layout {
    ($mirror:ident, $name:literal, $rust:ty { $($member:ident $(= $c:literal)?),* $(,)? }) => {
        $mirror.size($name, size_of::<$rust>());
        $( $mirror.offset($name, layout!(@name $member $($c)?), offset_of!($rust, $member)); )*
    };
    (@name $member:ident $c:literal) => { $c };
    (@name $member:ident) => { stringify!($member) };
}

macro_rules! constants {
    ($mirror:ident, $($name:ident),* $(,)?) => {
        $( $mirror.value(concat!("LEAF_", stringify!($name)), i64::from(abi::$name)); )*
    };
}

fn mirror() -> Mirror {
    let mut m = Mirror::default();
    m.value("LEAF_MAGIC", i64::from(abi::MAGIC));
    m.value(
        "LEAF_DOCUMENT",
        i64::try_from(abi::DOCUMENT).expect("small"),
    );
    constants!(
        m,
        ABI_MAJOR,
        ABI_MINOR,
        OK,
        E_FAIL,
        E_ARG,
        E_TYPE,
        E_NOT_FOUND,
        E_HANDLE,
        E_THREAD,
        E_LIMIT,
        E_UNSUPPORTED,
        E_CANCELLED,
        E_PANIC,
        E_SYNTAX,
        E_DENIED,
        E_PARAMETERS,
        E_REJECTED,
        NULL,
        BOOL,
        INT,
        REAL,
        NAME,
        STRING,
        ARRAY,
        DICT,
        STREAM,
        REF,
        F_HEX,
        F_INDIRECT,
        LOG_TRACE,
        LOG_DEBUG,
        LOG_INFO,
        LOG_WARN,
        LOG_ERROR,
        STREAM_RAW,
        STREAM_DECODED,
    );
    for (name, size) in [
        ("leaf_status", size_of::<abi::Status>()),
        ("leaf_obj", size_of::<abi::Obj>()),
        ("leaf_doc", size_of::<abi::Doc>()),
        ("leaf_buf", size_of::<abi::Buf>()),
    ] {
        m.size(name, size);
    }
    layout!(m, "leaf_str", abi::Str { ptr, len });
    layout!(m, "leaf_val", abi::Val { type_ = "type", flags, u });
    m.offset(
        "leaf_val",
        "u.ref.gen",
        offset_of!(abi::Val, u) + offset_of!(abi::Reference, gen_),
    );
    m.offset(
        "leaf_val",
        "u.s.len",
        offset_of!(abi::Val, u) + offset_of!(abi::Str, len),
    );
    layout!(m, "leaf_node", abi::Node { type_ = "type", count, key, u });
    m.offset(
        "leaf_node",
        "u.s.len",
        offset_of!(abi::Node, u) + offset_of!(abi::Str, len),
    );
    layout!(
        m,
        "leaf_host",
        abi::Host {
            struct_size,
            abi_major,
            abi_minor,
            name,
            version,
            get_extension
        }
    );
    layout!(
        m,
        "leaf_run_v1",
        abi::RunV1 {
            struct_size,
            reserved,
            log,
            cancelled,
            progress,
            set_error,
            last_error,
            param,
            result,
            temp_dir,
            emit
        }
    );
    layout!(
        m,
        "leaf_cos_v1",
        abi::CosV1 {
            struct_size,
            reserved,
            page_count,
            page,
            page_attr,
            trailer,
            catalog,
            object,
            object_next,
            object_id,
            len,
            dict_get,
            dict_get_raw,
            dict_at,
            array_get,
            array_get_raw,
            view,
            to_syntax,
            from_syntax,
            dict_put,
            dict_remove,
            array_put,
            array_insert,
            array_remove,
            replace,
            add,
            remove,
            page_insert,
            page_remove,
            page_move,
            import_pages,
            release
        }
    );
    layout!(
        m,
        "leaf_stream_v1",
        abi::StreamV1 {
            struct_size,
            reserved,
            get,
            put,
            create,
            buf_new,
            buf_grow,
            put_buf
        }
    );
    layout!(
        m,
        "leaf_doc_v1",
        abi::DocV1 {
            struct_size,
            reserved,
            input_count,
            input,
            bytes,
            set_bytes,
            open,
            create,
            emit,
            is_parsed
        }
    );
    layout!(
        m,
        "leaf_edit_v1",
        abi::EditV1 {
            struct_size,
            reserved,
            dict_merge,
            stream_add
        }
    );
    layout!(
        m,
        "leaf_operation",
        abi::Operation {
            struct_size,
            reserved,
            name,
            create,
            run,
            destroy,
            get_extension
        }
    );
    layout!(
        m,
        "leaf_entry",
        abi::Entry {
            magic,
            abi_major,
            abi_minor,
            struct_size,
            reserved,
            manifest,
            toolchain,
            init,
            deinit,
            operation,
            get_extension
        }
    );
    m
}

fn include() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../include")
}

/// A folder of this test's own, gone with it.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("dropleaf-abi-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a temporary folder");
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // Litter in the temporary folder fails nothing.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn has(compiler: &str) -> bool {
    Command::new(compiler)
        .arg("--version")
        .output()
        .is_ok_and(|output| output.status.success())
}

fn compile(compiler: &str, arguments: &[&str], source: &Path, target: &Path) {
    let output = Command::new(compiler)
        .args(["-Wall", "-Wextra", "-pedantic", "-Werror"])
        .args(arguments)
        .arg("-I")
        .arg(include())
        .arg(source)
        .arg("-o")
        .arg(target)
        .output()
        .expect("the compiler starts");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{compiler} {arguments:?}:\n{said}");
}

#[test]
fn the_mirror_has_the_sizes_offsets_and_constants_of_the_header() {
    if !has("cc") {
        return;
    }
    let mirror = mirror();
    let mut source =
        String::from("#include <stdio.h>\n#include \"dropleaf_plugin.h\"\nint main(void) {\n");
    for expression in mirror.values.keys() {
        writeln!(source, "  printf(\"%lld\\n\", {expression});").expect("writing to memory");
    }
    for id in ["RUN", "COS", "STREAM", "DOC"] {
        writeln!(source, "  puts(LEAF_EXT_{id});").expect("writing to memory");
    }
    source.push_str("  return 0;\n}\n");
    let folder = Folder::new("layout");
    let (file, program) = (folder.0.join("layout.c"), folder.0.join("layout"));
    std::fs::write(&file, source).expect("the source is written");
    compile("cc", &["-std=c11"], &file, &program);
    let output = Command::new(&program).output().expect("the program runs");
    let text = String::from_utf8(output.stdout).expect("digits");
    let mut lines = text.lines();
    for (expression, ours) in &mirror.values {
        let theirs: i64 = lines
            .next()
            .expect("a line each")
            .parse()
            .expect("a number");
        assert_eq!(*ours, theirs, "{expression}");
    }
    for id in [abi::EXT_RUN, abi::EXT_COS, abi::EXT_STREAM, abi::EXT_DOC] {
        assert_eq!(lines.next(), id.to_str().ok());
    }
}

#[test]
fn structs_with_a_size_start_with_it_or_with_the_magic_and_the_version() {
    assert_eq!(offset_of!(abi::Host, struct_size), 0);
    assert_eq!(offset_of!(abi::RunV1, struct_size), 0);
    assert_eq!(offset_of!(abi::CosV1, struct_size), 0);
    assert_eq!(offset_of!(abi::StreamV1, struct_size), 0);
    assert_eq!(offset_of!(abi::DocV1, struct_size), 0);
    assert_eq!(offset_of!(abi::EditV1, struct_size), 0);
    assert_eq!(offset_of!(abi::Operation, struct_size), 0);
    assert_eq!(offset_of!(abi::Entry, magic), 0);
    assert_eq!(size_of::<abi::Val>(), 24);
    assert_eq!(size_of::<abi::Node>(), 40);
}

#[test]
fn the_header_compiles_without_a_warning_in_every_standard() {
    const SOURCE: &str = r#"
#include "dropleaf_plugin.h"
static leaf_status make(const leaf_host *host, leaf_str parameters, void **out, leaf_ctx *err)
{ (void)parameters; (void)err; *out = NULL; return LEAF_HAS(host, get_extension) ? LEAF_OK : LEAF_E_UNSUPPORTED; }
static leaf_status run(void *instance, leaf_ctx *ctx) { (void)instance; (void)ctx; return LEAF_OK; }
static void destroy(void *instance) { (void)instance; }
static const leaf_operation OPERATION = { sizeof(leaf_operation), 0, "nothing", make, run, destroy, NULL };
static const leaf_operation *operation(uint32_t index) { return index == 0 ? &OPERATION : NULL; }
const leaf_entry dropleaf_plugin_v1 = { LEAF_MAGIC, LEAF_ABI_MAJOR, LEAF_ABI_MINOR, sizeof(leaf_entry), 0,
  "{}", "cc", NULL, NULL, operation, NULL };
"#;
    let folder = Folder::new("standards");
    for (compiler, standard, name) in [
        ("cc", "-std=c99", "a.c"),
        ("cc", "-std=c11", "b.c"),
        ("cc", "-std=c17", "c.c"),
        ("c++", "-std=c++17", "d.cpp"),
    ] {
        if !has(compiler) {
            continue;
        }
        let file = folder.0.join(name);
        std::fs::write(&file, SOURCE).expect("the source is written");
        compile(
            compiler,
            &[standard, "-shared", "-fPIC"],
            &file,
            &folder.0.join("plugin.so"),
        );
    }
}
