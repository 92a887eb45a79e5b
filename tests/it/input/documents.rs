//! Files that are no sound PDF: broken, locked, empty, something else, or made to do harm.

use crate::PROGRAM;
use crate::input::{GOOD, explain, still_works};
use dropleaf_test_support::daemon::TestHome;
use dropleaf_test_support::feed::Event;
use dropleaf_test_support::sample::lopdf::{Object, dictionary};
use dropleaf_test_support::{hostile, sample};

/// Short waits for files that will never be whole; small limits for those that blow up.
const CONFIG: &str = "\
settling: { not_pdf_seconds: 1, truncated_seconds: 1, incomplete_seconds: 1 }
max_decoded_mb: 16
worker_memory_mb: 512
";

const TURN: &str = "\
watch: { folder: inbox/turn, quiet: 0s }
retry: { attempts: 2, backoff: 250ms }
steps:
  - uses: rotate
    with: { angle: 90 }
";

const READ: &str = "\
watch: { folder: inbox/read, quiet: 0s }
steps: [{ uses: extract-text }]
";

const UNLOCK: &str = "\
watch: { folder: inbox/unlock, quiet: 0s }
passwords: [wrong, secret]
steps:
  - uses: rotate
    with: { angle: 90 }
";

/// What becomes of a file.
enum End {
    /// The job fails with this problem, and says this.
    Fails(&'static str, &'static str),
    /// So many pages come out, and a warning of this code is given if any.
    ComesOut(usize, Option<&'static str>),
}

use End::{ComesOut, Fails};

fn table() -> Vec<(&'static str, &'static str, Vec<u8>, End)> {
    let locked = || {
        sample::Sample::new("locked", 2)
            .encrypted("secret", "owner")
            .bytes()
    };
    let damaged = "pdf-damaged";
    let limit = "too-large";
    vec![
        (
            "turn",
            "cut-off.pdf",
            hostile::cut_off(),
            ComesOut(1, Some("repaired")),
        ),
        (
            "turn",
            "offsets.pdf",
            hostile::wrong_offsets(),
            ComesOut(1, Some("repaired")),
        ),
        (
            "turn",
            "noise.pdf",
            hostile::noise(),
            Fails(damaged, "damaged beyond repair"),
        ),
        (
            "turn",
            "locked.pdf",
            locked(),
            Fails("pdf-encrypted", "needs a password"),
        ),
        ("unlock", "unlocked.pdf", locked(), ComesOut(2, None)),
        (
            "turn",
            "letter.pdf",
            b"Dear Sir or Madam,\n".repeat(99),
            Fails("not-a-pdf", "not a PDF"),
        ),
        (
            "turn",
            "image.pdf",
            b"\x89PNG\r\n\x1a\n".repeat(99),
            Fails("not-a-pdf", "PNG image"),
        ),
        (
            "turn",
            "zeros.pdf",
            vec![0; 5000],
            Fails("not-a-pdf", "zeros only"),
        ),
        (
            "turn",
            "arrays.pdf",
            hostile::nested_arrays(100_000),
            ComesOut(1, Some("repaired")),
        ),
        (
            "turn",
            "dictionaries.pdf",
            hostile::nested_dictionaries(100_000),
            ComesOut(1, Some("repaired")),
        ),
        (
            "turn",
            "deep-tree.pdf",
            hostile::deep_pages(5_000),
            ComesOut(1, None),
        ),
        (
            "turn",
            "circle.pdf",
            hostile::circular_pages(),
            Fails(damaged, "has no pages"),
        ),
        (
            "turn",
            "doubling.pdf",
            hostile::doubling_pages(),
            ComesOut(2, None),
        ),
        (
            "turn",
            "own-parent.pdf",
            hostile::own_parent(),
            ComesOut(1, None),
        ),
        (
            "turn",
            "no-pages.pdf",
            hostile::no_pages(),
            Fails(damaged, "has no pages"),
        ),
        (
            "turn",
            "objects.pdf",
            hostile::object_stream_bomb(64 << 20),
            Fails(limit, "exceeds a limit"),
        ),
        (
            "turn",
            "references.pdf",
            hostile::cross_reference_bomb(64 << 20),
            Fails(limit, "exceeds a limit"),
        ),
        (
            "read",
            "content.pdf",
            hostile::content_bomb(64 << 20),
            ComesOut(1, None),
        ),
        (
            "turn",
            "untouched.pdf",
            hostile::content_bomb(64 << 20),
            ComesOut(1, None),
        ),
    ]
}

#[test]
fn every_bad_file_ends_with_a_clear_word_and_its_original_is_kept() {
    let home = TestHome::new(PROGRAM);
    home.write("config.yaml", CONFIG);
    for (id, yaml) in [
        ("turn", TURN),
        ("read", READ),
        ("unlock", UNLOCK),
        ("good", GOOD),
    ] {
        home.pipeline(id, yaml);
    }
    let daemon = home.serve();
    let mut feed = daemon.follow("/events");
    let table = table();
    for (pipeline, name, bytes, _) in &table {
        home.drop_file(&format!("inbox/{pipeline}"), name, bytes);
    }
    let stories = feed.until_ended(table.len());
    let mut wrong = Vec::new();
    for (pipeline, name, bytes, end) in &table {
        let story = &stories[*name];
        let said = explain(&home, &daemon, &format!("inbox/{pipeline}/{name}"));
        if let Err(why) = compare(end, story, &said) {
            wrong.push(format!("{name}: {why}\n{said}"));
            continue;
        }
        let kept = match end {
            Fails(..) => "failed",
            ComesOut(..) => "archive",
        };
        let kept = home.path(format!("{kept}/{pipeline}/{name}"));
        assert_eq!(
            std::fs::read(kept).ok().as_ref(),
            Some(bytes),
            "{name}: the original is kept as it was"
        );
        if let Fails(_, text) = end {
            let note = home.path(format!("failed/{pipeline}/{name}.error.txt"));
            let note = std::fs::read_to_string(note).expect("the note is there");
            assert!(note.contains(text), "{name}: {note}");
            assert!(note.contains("What to do"), "{name}: {note}");
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    let output = std::fs::read(home.path("outbox/unlock/unlocked.pdf")).expect("it came out");
    assert!(
        sample::open(&output).get_pages().is_empty(),
        "what came encrypted goes encrypted"
    );
    assert_eq!(sample::open_with(&output, "secret").get_pages().len(), 2);
    still_works(&home, &daemon, "after.pdf");
}

fn compare(end: &End, story: &[Event], explained: &str) -> Result<(), String> {
    let last = story.last().expect("it ended");
    let warned = |code: &str| {
        story
            .iter()
            .any(|event| event.name == "job.warned" && event.data["code"] == code)
    };
    match end {
        Fails(code, text) => {
            let problem = &last.data["problem"];
            let right = last.name == "job.failed"
                && problem["type"] == format!("/problems/{code}")
                && problem["detail"]
                    .as_str()
                    .is_some_and(|detail| detail.contains(text))
                && problem["hint"].is_string()
                && explained.contains(text);
            right
                .then_some(())
                .ok_or_else(|| format!("{}: {}", last.name, last.data))
        }
        ComesOut(pages, warning) => {
            let artifacts = last.data["artifacts"].as_array();
            let found = artifacts
                .into_iter()
                .flatten()
                .find_map(|artifact| artifact["pages"].as_u64());
            let right = last.name == "job.succeeded"
                && found == Some(*pages as u64)
                && warning.is_none_or(warned);
            let names: Vec<_> = story
                .iter()
                .map(|event| (&event.name, &event.data["code"]))
                .collect();
            right
                .then_some(())
                .ok_or_else(|| format!("{names:?} {}", last.data))
        }
    }
}

#[test]
fn an_empty_file_stays_is_reported_and_is_taken_once_it_has_content() {
    let home = TestHome::new(PROGRAM);
    home.write("config.yaml", CONFIG);
    home.pipeline("good", GOOD);
    let daemon = home.serve();
    let mut feed = daemon.follow("/files/events?path=inbox/good/empty.pdf");
    home.drop_file("inbox/good", "empty.pdf", b"");
    let settling = feed.until_named("file.settling");
    let reason = settling.data["reason"].as_str().unwrap_or_default();
    assert!(
        reason.contains("0 bytes") && reason.contains("copy it again"),
        "{reason}"
    );
    feed.until_named("file.incomplete");
    let said = explain(&home, &daemon, "inbox/good/empty.pdf");
    assert!(said.contains("it is empty (0 bytes)"), "{said}");
    assert!(home.path("inbox/good/empty.pdf").is_file(), "it stays");
    still_works(&home, &daemon, "beside.pdf");
    home.write("inbox/good/empty.pdf", sample::pdf(1));
    feed.until_named("job.succeeded");
    assert!(home.path("outbox/good/empty.pdf").is_file());
}

#[test]
fn a_signed_document_may_be_read_and_is_told_or_refused_where_it_is_changed() {
    let home = TestHome::new(PROGRAM);
    for (name, says, step) in [
        ("turn", "process", "uses: rotate, with: { angle: 90 }"),
        ("read", "process", "uses: extract-text"),
        ("keep", "refuse", "uses: extract-text"),
        (
            "guard",
            "refuse",
            "uses: extract-text }, { id: turn, uses: rotate, with: { angle: 90 }",
        ),
    ] {
        let yaml = format!(
            "watch: {{ folder: inbox/{name}, quiet: 0s }}\non_signed: {says}\nsteps: [{{ {step} }}]\n"
        );
        home.pipeline(name, &yaml);
    }
    let daemon = home.serve();
    let pdf = signed();
    for (name, warned, refused) in [
        ("turn", Some("signature-broken"), None),
        ("read", None, None),
        ("keep", None, None),
        ("guard", None, Some("/problems/pdf-signed")),
    ] {
        let mut feed = daemon.follow(&format!("/pipelines/{name}/events"));
        home.drop_file(&format!("inbox/{name}"), "a.pdf", &pdf);
        let ended = feed.until_ended(1);
        let told = |what: &str, pointer: &str| -> Vec<String> {
            let events = ended.values().flatten().filter(|event| event.name == what);
            let texts = events.filter_map(|event| event.data.pointer(pointer)?.as_str());
            texts.map(str::to_owned).collect()
        };
        let expected = |code: Option<&str>| code.map(str::to_owned).into_iter().collect::<Vec<_>>();
        assert_eq!(told("job.warned", "/code"), expected(warned), "{name}");
        let problem = |member: &str| told("job.failed", &format!("/problem/{member}"));
        assert_eq!(problem("type"), expected(refused), "{name}");
        let step = refused.map(|_| "turn");
        assert_eq!(problem("step"), expected(step), "{name}");
    }
    let kept = std::fs::read(home.path("outbox/keep/a.pdf")).expect("the delivered file");
    assert!(kept == pdf, "what only was read is delivered as it came");
}

/// A document with a signature.
fn signed() -> Vec<u8> {
    let document = sample::Sample::new("s", 2).field("sign", "").edit(|pdf, _| {
        let value = dictionary! { "Type" => "Sig", "ByteRange" => vec![0.into()], "Contents" => Object::string_literal("x") };
        let mut dicts = pdf.objects.values_mut().filter_map(|object| object.as_dict_mut().ok());
        dicts.find(|dict| dict.has(b"T")).expect("the field").set("V", value);
    });
    document.bytes()
}

#[test]
fn the_pipelines_that_come_along_leave_signed_documents_as_they_are() {
    let home = TestHome::new(PROGRAM);
    for (name, text) in [
        ("receive", include_str!("../../../pipelines/receive.yaml")),
        ("archive", include_str!("../../../pipelines/archive.yaml")),
    ] {
        assert!(text.contains(&format!("folder: inbox/{name}")));
        home.pipeline(name, text);
    }
    let daemon = home.serve();
    let pdf = signed();
    for name in ["receive", "archive"] {
        let mut feed = daemon.follow(&format!("/pipelines/{name}/events"));
        home.drop_file(&format!("inbox/{name}"), "a.pdf", &pdf);
        let done = feed.until_named("job.succeeded");
        let made = done.data["artifacts"].as_array().expect("what was made");
        let document = made.iter().find(|artifact| artifact["kind"] == "document");
        let file = document.and_then(|document| document["path"].as_str());
        let file = file.expect("a path");
        assert!(
            std::fs::read(file).expect("the delivered file") == pdf,
            "{name}"
        );
    }
}
