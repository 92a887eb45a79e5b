use crate::prelude::*;
use crate::testing::{self, Trial};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
enum Deed {
    Panic,
    Reject,
    Fail,
    Log,
    Values,
    Emit,
    Stream,
    Objects,
    Bytes,
    Cancel,
    Temp,
    Other,
    Edit,
    EditBadly,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Do {
    deed: Deed,
}

impl Operation for Do {
    const NAME: &'static str = "do";
    const SUMMARY: &'static str = "Use one part of the SDK";

    fn run(&self, run: &mut Run<'_>) -> Result<()> {
        let document = run.document();
        let page = document.page(0)?;
        page.put("Rotate", 90)?;
        match self.deed {
            Deed::Panic => panic!("on page {}", 1),
            Deed::Reject => Err(Error::rejected("not this one")),
            Deed::Fail => document.page(99).map(|_| ()),
            Deed::Log => {
                log::warn!("odd: {}", 1);
                run.warn("odder");
                run.log(Level::Info, "fine");
                Ok(())
            }
            Deed::Values => {
                run.result("name", run.value("input.name")?)?;
                run.result("none", run.value("no.such")?)?;
                run.artifact("a.txt", "text/plain", b"hello")
            }
            Deed::Emit => emit(run, &document),
            Deed::Stream => stream(run, &document, &page),
            Deed::Objects => objects(&document, &page),
            Deed::Bytes => document.set_bytes(&testing::sample(7)),
            Deed::Cancel => (0..100).try_for_each(|done| run.progress(done, 100)),
            Deed::Temp => run.result("path", run.temp_dir()?),
            Deed::Other => other(run, &document),
            Deed::Edit => edit(&document, &page),
            Deed::EditBadly => document.merge(&page, "<</Rotate 180/Broken"),
        }
    }
}

fn emit(run: &Run<'_>, document: &Document<'_>) -> Result<()> {
    let part = run.create(Some(document))?;
    part.import_pages(0, document, 1, 2)?;
    run.emit(&part, "two pages")?;
    run.emit(document, "")
}

fn stream(run: &Run<'_>, document: &Document<'_>, page: &Object<'_>) -> Result<()> {
    use std::io::Write;
    let contents = page.object("Contents")?.expect("a page has contents");
    assert_eq!(contents.kind(), Kind::Stream);
    let text = contents.decoded()?;
    assert!(String::from_utf8_lossy(&text).contains("page 1 of 3"));
    let mut buffer = run.buffer(4)?;
    buffer.write_all(b"q\n")?;
    buffer.write_all(&text)?;
    buffer.write_all(b"\nQ")?;
    contents.set_buffer(Mode::Decoded, buffer)?;
    drop(run.buffer(1000)?);
    assert!(contents.decoded()?.starts_with(b"q\n"));
    let dict = document.dict([
        ("Type", Value::name("XObject")),
        ("Subtype", Value::name("Form")),
    ])?;
    let form = document.stream(Some(&dict), Mode::Raw, b"raw")?;
    form.set_decoded(b"decoded")?;
    assert_eq!(form.decoded()?, b"decoded");
    assert!(form.id()?.is_some());
    page.put("Form", form)
}

fn objects(document: &Document<'_>, page: &Object<'_>) -> Result<()> {
    assert!(document.objects()?.len() >= 8);
    assert!(
        page.get_raw("Parent")?
            .expect("a parent")
            .as_ref()
            .is_some()
    );
    assert!(page.get("MediaBox")?.is_none());
    let media = page
        .attr("MediaBox")?
        .and_then(|value| value.as_array())
        .expect("inherited");
    assert_eq!(media.numbers()?, [0.0, 0.0, 595.0, 842.0]);
    let list = document.array([1, 2])?;
    page.put("List", list)?;
    let list = page.object("List")?.expect("just put");
    list.push(Value::text("drei"))?;
    list.insert(0, Value::Null)?;
    list.set(1, 1.5)?;
    list.remove_at(2)?;
    assert_eq!(list.len()?, 3);
    let items = list.items()?;
    assert!(items[0].is_null());
    assert_eq!(items[1].as_f64(), Some(1.5));
    assert_eq!(items[2].as_text().as_deref(), Some("drei"));
    assert!(list.at(3)?.is_none());
    let hex = document.parse("<< /Hex <414243> /Name /A#20B /Deep [[1] << /K 3 0 R >>] >>")?;
    let id = document.add(hex)?;
    let hex = document.object(id)?.as_dict().expect("just added");
    assert!(matches!(hex.get("Hex")?, Some(Value::HexString(bytes)) if bytes == b"ABC"));
    assert!(hex.get("Name")?.expect("a name").is_name("A B"));
    let keys: Vec<Vec<u8>> = hex.entries()?.into_iter().map(|(key, _)| key).collect();
    assert_eq!(keys, [&b"Hex"[..], b"Name", b"Deep"]);
    let tree = hex.tree()?;
    assert_eq!(tree.references(), [Ref::new(3, 0)]);
    assert_eq!(tree.get("Hex"), Some(&Tree::String(b"ABC".to_vec())));
    assert!(hex.remove("Name")?);
    assert!(!hex.remove("Name")?);
    hex.replace(document.array([7])?)?;
    assert!(matches!(document.object(id)?, Value::Array(_)));
    document.remove(id)?;
    assert!(document.object(id)?.is_null());
    assert!(document.parse("<< /Broken").is_err());
    assert!(document.catalog()?.to_syntax()?.starts_with(b"<<"));
    Ok(())
}

fn other(run: &Run<'_>, document: &Document<'_>) -> Result<()> {
    assert!(document.held()?.dirty);
    let bytes = document.bytes()?;
    let other = run.open(&bytes)?;
    assert_eq!(other.page_count()?, 3);
    document.import_pages(0, &other, 0, 3)?;
    assert!(run.open(b"no PDF").is_err());
    document.page_move(5, 0)?;
    let copy = document.parse(document.page(0)?.to_syntax()?)?;
    document.page_insert(6, &copy)?;
    assert_eq!(document.pages().count(), 7);
    document.page_remove(0, 1)
}

/// What `leaf.edit/1` has a call for: on dictionaries and streams, direct and not, with references, empty, over what is there.
fn edit(document: &Document<'_>, page: &Object<'_>) -> Result<()> {
    document.merge(
        page,
        "<</Rotate 180/Box[0 0 1.5 -2]/Text(a\\)b)/Name/A#20B/Deep<</K[3 0 R null]>>>>",
    )?;
    document.merge(page, "<<>>")?;
    let contents = page.object("Contents")?.expect("a page has contents");
    document.merge(&contents, "<</Mark true/Metadata 3 0 R>>")?;
    let deep = page.object("Deep")?.expect("just merged");
    document.merge(&deep, "<</K 7/L<</M<414243>>>>>")?;
    document.merge(&document.catalog()?, "<</PageLayout/OneColumn>>")?;
    let plain = document.add_stream("", Mode::Decoded, b"q Q")?;
    let form = "<</Type/XObject/Subtype/Form/BBox[0 0 1 1]/Resources<</X 3 0 R>>>>";
    let form = document.add_stream(form, Mode::Decoded, b"q 1 0 0 1 0 0 cm Q")?;
    let raw = document.add_stream("<</Filter/ASCIIHexDecode>>", Mode::Raw, b"7120 51>")?;
    assert!(document.add_stream("<</Broken", Mode::Raw, b"").is_err());
    let made = document.object(raw)?.as_stream().expect("just made");
    assert_eq!(made.decoded()?, b"q Q");
    page.put("Made", document.array([plain, form, raw])?)
}

fn run(deed: &str) -> Result<testing::Ran, testing::Failed> {
    trial(deed).run(&[testing::sample(3)])
}

fn trial(deed: &str) -> Trial {
    Trial::of::<Do>(json!({ "deed": deed })).value("input.name", "a.pdf")
}

#[test]
fn a_panic_is_an_error_with_its_message_and_undoes_all() {
    let failed = run("panic").expect_err("it panics");
    assert_eq!(
        (failed.status, failed.message.as_str()),
        (crate::abi::E_PANIC, "panicked: on page 1")
    );
    assert!(failed.undone > 0);
}

#[test]
fn errors_keep_status_and_text() {
    let failed = run("reject").expect_err("it rejects");
    assert_eq!(
        (failed.status, failed.message.as_str()),
        (crate::abi::E_REJECTED, "not this one")
    );
    let failed = run("fail").expect_err("there is no such page");
    assert_eq!(failed.status, crate::abi::E_NOT_FOUND);
    assert!(failed.message.contains("99"), "{failed}");
    let failed = trial("explode")
        .run(&[testing::sample(1)])
        .expect_err("no such deed");
    assert_eq!(failed.status, crate::abi::E_PARAMETERS);
    assert!(failed.message.contains("explode"), "{failed}");
}

#[test]
fn the_log_crate_and_warnings_reach_the_job() {
    let ran = run("log").expect("it runs");
    assert_eq!(ran.warnings, ["odd: 1", "odder"]);
    assert_eq!(
        ran.log.last(),
        Some(&(crate::abi::LOG_INFO, "fine".to_owned()))
    );
}

#[test]
fn values_results_and_artifacts_pass() {
    let ran = run("values").expect("it runs");
    assert_eq!(ran.results["name"], "a.pdf");
    assert!(ran.results["none"].is_null());
    assert_eq!(ran.artifacts[0].bytes, b"hello");
}

#[test]
fn emitted_documents_take_the_place_of_the_input() {
    let ran = run("emit").expect("it runs");
    assert_eq!(ran.pages(), [2, 3]);
    assert_eq!(ran.labels, ["two pages", ""]);
}

#[test]
fn streams_objects_bytes_and_pages_are_within_reach() {
    assert_eq!(run("stream").expect("streams").pages(), [3]);
    assert_eq!(run("objects").expect("objects").pages(), [3]);
    assert_eq!(run("bytes").expect("bytes").pages(), [7]);
    assert_eq!(run("other").expect("other documents").pages(), [6]);
}

/// The same deed where the host lacks what it may lack.
fn plainly(deed: &str) -> Result<testing::Ran, testing::Failed> {
    let trial = Trial::on_plain_host::<Do>(json!({ "deed": deed })).value("input.name", "a.pdf");
    trial.run(&[testing::sample(3)])
}

#[test]
fn a_host_without_the_extension_for_changes_gives_the_same_document() {
    for deed in ["edit", "objects", "stream", "emit"] {
        let (one, other) = (run(deed).expect(deed), plainly(deed).expect(deed));
        let text = |ran: &testing::Ran| String::from_utf8_lossy(ran.document()).into_owned();
        assert_eq!(text(&one), text(&other), "{deed}");
        assert_eq!(one.documents, other.documents, "{deed}");
    }
    let (one, other) = (
        run("edit-badly").expect_err("no dictionary"),
        plainly("edit-badly").expect_err("no dictionary"),
    );
    assert_eq!(one.status, other.status, "{one}, {other}");
}

#[test]
fn one_step_costs_one_parse_and_one_save() {
    let ran = run("log").expect("it runs");
    assert_eq!((ran.parses, ran.saves), (1, 1));
}

#[test]
fn a_cancelled_job_ends_at_the_next_report() {
    let failed = trial("cancel")
        .cancel_after(10)
        .run(&[testing::sample(1)])
        .expect_err("cancelled");
    assert_eq!(failed.status, crate::abi::E_CANCELLED);
    assert_eq!(failed.progress.last(), Some(&(10, 100)));
}

#[test]
fn a_scratch_folder_has_to_be_granted() {
    let failed = run("temp").expect_err("not granted");
    assert_eq!(failed.status, crate::abi::E_DENIED);
    let ran = trial("temp")
        .temp_dir("/somewhere")
        .run(&[testing::sample(1)])
        .expect("granted");
    assert_eq!(ran.results["path"], "/somewhere");
}
