//! Opening and saving: what is refused and why, what is repaired, what a job is billed for.

use dropleaf_plugin_abi as abi;
use dropleaf_plugin_host::{Bill, Document, Input, Limits, OpenError};
use lopdf::dictionary;

use crate::samples::{by_hand, bytes_of, engine_document, numbers, open, reread, sample, save};
use crate::script::{Value, edit, run};

fn refusal(bytes: &[u8]) -> String {
    match Document::open(bytes, &[], &Limits::default(), &Bill::new()) {
        Ok(_) => "opened".to_owned(),
        Err(error) => error.to_string(),
    }
}

#[test]
fn what_is_no_pdf_is_named() {
    assert_eq!(refusal(b""), "the file is empty");
    assert_eq!(
        refusal(b"PK\x03\x04 word"),
        "not a PDF: it looks like a ZIP archive or an office document"
    );
    assert_eq!(
        refusal(b"hello"),
        "not a PDF: no `%PDF-` in its first 1024 bytes"
    );
    assert_eq!(refusal(&[0; 4096]), "not a PDF: it starts with zeros only");
    assert!(
        refusal(b"%PDF-1.7\nnothing else").starts_with("the document is damaged beyond repair")
    );
}

#[test]
fn a_file_over_the_size_limit_is_refused_unread() {
    let limits = Limits {
        max_input: 100,
        ..Limits::default()
    };
    let bill = Bill::new();
    let refused = Document::open(sample(1), &[], &limits, &bill).err();
    assert!(
        matches!(refused, Some(OpenError::TooLarge { limit: 100, .. })),
        "{refused:?}"
    );
    assert_eq!(bill.parses(), 0);
}

#[test]
fn an_untouched_document_is_saved_as_it_came() {
    let bytes = sample(3);
    let bill = Bill::new();
    let (mut document, _) =
        Document::open(bytes.clone(), &[], &Limits::default(), &bill).expect("it opens");
    assert_eq!(save(&mut document), bytes);
    assert_eq!((bill.parses(), bill.saves()), (1, 0));
}

#[test]
fn a_changed_document_has_the_same_first_identifier_and_a_new_second_one() {
    let changed = |angle: i64| {
        let mut documents = vec![open(sample(2))];
        let outcome = run(&mut documents, move |p| {
            let page = p.page(abi::DOCUMENT, 0).expect("a page");
            p.put(page, "Rotate", &Value::Int(angle)).expect("put");
            abi::OK
        });
        outcome.expect("it runs");
        let id = reread(&mut documents[0]).trailer.get(b"ID").cloned();
        let id = id.and_then(|id| id.as_array().cloned()).expect("two");
        let half = |index: usize| id[index].as_str().expect("text").to_vec();
        (half(0), half(1))
    };
    let (first, second) = changed(90);
    assert_eq!(first, b"0123456789abcdef");
    assert!(second != first && second != changed(180).1);
    assert_eq!(second, changed(90).1, "the same for the same");
}

#[test]
fn a_mapped_file_opens_like_any_other() {
    let mut file = tempfile::tempfile().expect("a file");
    std::io::Write::write_all(&mut file, &sample(2)).expect("written");
    let input = Input::map(&file).expect("mapped");
    let (mut document, _) =
        Document::open(input, &[], &Limits::default(), &Bill::new()).expect("it opens");
    assert_eq!(document.facts().expect("facts").pages, 2);
}

#[test]
fn many_steps_cost_one_parse_and_one_save() {
    let bill = Bill::new();
    let (document, _) =
        Document::open(sample(5), &[], &Limits::default(), &bill).expect("it opens");
    let mut documents = vec![document];
    for angle in [90, 180, 270] {
        let outcome = run(&mut documents, move |p| {
            for index in 0..p.page_count(abi::DOCUMENT).expect("a count") {
                let page = p.page(abi::DOCUMENT, index).expect("a page");
                p.put(page, "Rotate", &Value::Int(angle)).expect("put");
            }
            abi::OK
        });
        outcome.expect("the step succeeds");
    }
    let first = save(&mut documents[0]);
    assert_eq!((bill.parses(), bill.saves()), (1, 1));
    let again = save(&mut documents[0]);
    assert_eq!(first, again, "saving is deterministic");
}

#[test]
fn facts_tell_what_templates_ask() {
    let facts = open(sample(4)).facts().expect("facts");
    assert_eq!(
        (facts.pages, facts.signed, facts.encrypted),
        (4, false, false)
    );
    assert_eq!(
        (
            facts.version.as_str(),
            facts.title.as_str(),
            facts.author.as_str()
        ),
        ("1.7", "A sample", "")
    );
}

#[test]
fn a_signature_field_with_a_value_is_seen() {
    let mut pdf = engine_document(1);
    let signature = pdf.add_object(dictionary! {
        "Type" => "Sig",
        "ByteRange" => vec![0.into(), 1.into(), 2.into(), 3.into()],
        "Contents" => lopdf::Object::string_literal("x"),
    });
    let field = pdf.add_object(dictionary! { "FT" => "Sig", "V" => signature });
    let form = pdf.add_object(dictionary! { "SigFlags" => 3, "Fields" => vec![field.into()] });
    pdf.catalog_mut().expect("a catalog").set("AcroForm", form);
    assert!(open(bytes_of(&mut pdf)).facts().expect("facts").signed);
}

#[test]
fn a_stream_without_a_length_is_repaired_with_its_contents() {
    let bytes = by_hand(
        &[
            "<< /Type /Catalog /Pages 2 0 R >>",
            "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] /Contents 4 0 R >>",
            "<< >>\nstream\n0 0 9 9 re f\nendstream",
        ],
        "/Root 1 0 R",
    );
    let (mut document, warnings) =
        Document::open(bytes, &[], &Limits::default(), &Bill::new()).expect("it opens");
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert_eq!(warnings[0].code, "repaired");
    assert!(
        warnings[0].message.contains("unreadable object"),
        "{}",
        warnings[0].message
    );
    let pdf = reread(&mut document);
    let page = pdf.page_iter().next().expect("a page");
    assert!(pdf.get_page_content(page).starts_with(b"0 0 9 9 re f"));
}

#[test]
fn a_file_with_its_end_cut_off_is_repaired() {
    let mut bytes = sample(3);
    bytes.truncate(bytes.len() - 200);
    let (mut document, warnings) =
        Document::open(bytes, &[], &Limits::default(), &Bill::new()).expect("it opens");
    assert_eq!(warnings[0].code, "repaired");
    assert_eq!(document.facts().expect("facts").pages, 3);
}

#[test]
fn odd_page_trees_are_read_as_readers_read_them() {
    const PAGE: &str = "<< /Type /Page /MediaBox [0 0 9 9] >>";
    let cases: [(&str, &[&str], u32); 8] = [
        (
            "a direct page tree",
            &[
                "<< /Type /Catalog /Pages << /Kids [2 0 R] /Count 1 >> >>",
                PAGE,
            ],
            1,
        ),
        (
            "direct kids",
            &[
                "<< /Type /Catalog /Pages 2 0 R >>",
                "<< /Kids [<< /Type /Page >> << /Type /Page >>] >>",
            ],
            2,
        ),
        (
            "no types",
            &[
                "<< /Pages 2 0 R >>",
                "<< /Kids [3 0 R] >>",
                "<< /MediaBox [0 0 9 9] >>",
            ],
            1,
        ),
        (
            "a page as the root",
            &["<< /Type /Catalog /Pages 2 0 R >>", PAGE],
            1,
        ),
        (
            "a wrong count",
            &[
                "<< /Type /Catalog /Pages 2 0 R >>",
                "<< /Kids [3 0 R] /Count 99 >>",
                PAGE,
            ],
            1,
        ),
        (
            "a cycle",
            &[
                "<< /Type /Catalog /Pages 2 0 R >>",
                "<< /Kids [3 0 R 2 0 R] /Count 2 >>",
                PAGE,
            ],
            1,
        ),
        (
            "one page twice",
            &[
                "<< /Type /Catalog /Pages 2 0 R >>",
                "<< /Kids [3 0 R 3 0 R] /Count 2 >>",
                PAGE,
            ],
            2,
        ),
        (
            "an indirect list",
            &[
                "<< /Pages 2 0 R >>",
                "<< /Kids 3 0 R /Count 1 >>",
                "[4 0 R]",
                PAGE,
            ],
            1,
        ),
    ];
    for (name, objects, pages) in cases {
        let bytes = by_hand(objects, "/Root 1 0 R");
        let opened = Document::open(bytes, &[], &Limits::default(), &Bill::new());
        let (mut document, _) = opened.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(document.facts().expect("facts").pages, pages, "{name}");
        document.rewrite();
        assert_eq!(
            reread(&mut document).page_iter().count(),
            pages as usize,
            "{name}"
        );
    }
}

#[test]
fn a_stream_that_describes_objects_and_inflates_without_end_meets_the_limit() {
    let mut pdf = lopdf::Document::with_version("1.5");
    let mut bomb = lopdf::Stream::new(
        dictionary! { "Type" => "ObjStm", "N" => 1, "First" => 4 },
        vec![b' '; 2 << 20],
    );
    bomb.compress().expect("compressed");
    let bytes = by_hand(&["<< /Type /Catalog >>"], "/Root 1 0 R");
    pdf.add_object(bomb);
    let mut object = Vec::new();
    lopdf::Writer::write_object(&mut object, pdf.objects.values().next().expect("the bomb"))
        .expect("written");
    let at = bytes.len();
    let mut file = b"%PDF-1.5\n2 0 obj\n".to_vec();
    file.extend(object);
    file.extend(b"\nendobj\n1 0 obj\n<< /Type /Catalog >>\nendobj\n");
    assert!(at > 0);
    let limits = Limits {
        max_decoded: 1 << 20,
        ..Limits::default()
    };
    let start = file.len();
    let second = file
        .windows(7)
        .position(|window| window == b"1 0 obj")
        .expect("the catalog");
    file.extend(
        format!("xref\n0 3\n0000000000 65535 f \n{second:010} 00000 n \n0000000009 00000 n \n")
            .bytes(),
    );
    file.extend(format!("trailer\n<< /Size 3 /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n").bytes());
    let refused = Document::open(file, &[], &limits, &Bill::new()).err();
    assert!(matches!(refused, Some(OpenError::Limit(_))), "{refused:?}");
}

#[test]
fn a_removed_page_takes_what_only_it_used_out_of_the_file() {
    let whole = save(&mut {
        let mut document = open(sample(50));
        document.rewrite();
        document
    });
    let mut document = edit(open(sample(50)), |p| {
        p.remove_pages(abi::DOCUMENT, 1, 49).expect("removed");
        abi::OK
    });
    let one = save(&mut document);
    assert!(
        one.len() * 3 < whole.len(),
        "{} of {}",
        one.len(),
        whole.len()
    );
    assert_eq!(
        numbers(&lopdf::Document::load_mem(&one).expect("readable")),
        [0]
    );
}

#[test]
fn a_document_that_a_step_left_without_pages_does_not_go_on() {
    let mut documents = vec![open(sample(2))];
    let refused = run(&mut documents, |p| {
        p.remove_pages(abi::DOCUMENT, 0, 2).expect("removed");
        abi::OK
    });
    let refused = refused.err().expect("refused");
    assert!(refused.message.contains("without pages"), "{refused}");
    assert_eq!(numbers(&reread(&mut documents[0])), [0, 1]);
}

#[test]
fn pages_are_found_though_the_tree_or_the_whole_end_is_gone() {
    let page = "<< /Type /Page /MediaBox [0 0 9 9] /Contents 4 0 R >>";
    let content = "<< /Length 11 >>\nstream\n0 0 9 9 re\n\nendstream";
    let lost_tree = by_hand(
        &["<< /Type /Catalog >>", page, page, content],
        "/Root 1 0 R",
    );
    let mut lost_end = by_hand(&["(no catalog)", page, page, content], "");
    let end = lost_end
        .windows(4)
        .position(|window| window == b"xref")
        .expect("its end");
    lost_end.truncate(end);
    let one_line = String::from_utf8_lossy(&lost_end).replace("endobj\n", "endobj ");
    let one_line = one_line.into_bytes();
    for (name, bytes) in [
        ("tree", lost_tree),
        ("end", lost_end),
        ("end, and all on one line", one_line),
    ] {
        let opened = Document::open(bytes, &[], &Limits::default(), &Bill::new());
        let (mut document, warnings) = opened.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(warnings[0].code, "repaired", "{name}");
        assert_eq!(reread(&mut document).page_iter().count(), 2, "{name}");
    }
    let none = by_hand(
        &[
            "<< /Type /Catalog /Pages 2 0 R >>",
            "<< /Type /Pages /Kids [] /Count 0 >>",
        ],
        "/Root 1 0 R",
    );
    assert_eq!(
        refusal(&none),
        "the document is damaged beyond repair: it has no pages"
    );
}

/// What a linearized file says of itself is not written again, so no page and no catalog may be sought in it.
#[test]
fn nothing_of_the_document_is_found_in_a_linearization_dictionary() {
    let page = "<< /Type /Page /Parent 3 0 R /MediaBox [0 0 9 9] >>";
    let itself = "<< /Linearized 1 /L 999 /O 4 /E 9 /N 1 /T 9 /H [9 9] >>";
    let cases: [(&str, [&str; 4], &str); 3] = [
        (
            "as the catalog",
            [
                itself,
                "<< /Type /Catalog /Pages 3 0 R >>",
                "<< /Type /Pages /Kids [4 0 R] /Count 1 >>",
                page,
            ],
            "/Root 1 0 R",
        ),
        (
            "as the catalog of a file that has none",
            [itself, "<< >>", "<< /Type /Pages /Kids [4 0 R] >>", page],
            "/Root 1 0 R",
        ),
        (
            "as a page",
            [
                itself,
                "<< /Type /Catalog /Pages 3 0 R >>",
                "<< /Type /Pages /Kids [1 0 R 4 0 R] /Count 2 >>",
                page,
            ],
            "/Root 2 0 R",
        ),
    ];
    for (name, objects, trailer) in cases {
        let opened = Document::open(
            by_hand(&objects, trailer),
            &[],
            &Limits::default(),
            &Bill::new(),
        );
        let (mut document, _) = opened.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(document.facts().expect("facts").pages, 1, "{name}");
        document.rewrite();
        let (mut again, warnings) =
            Document::open(save(&mut document), &[], &Limits::default(), &Bill::new())
                .unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(warnings.is_empty(), "{name}: {warnings:?}");
        assert_eq!(again.facts().expect("facts").pages, 1, "{name}");
    }
}

/// No reader finds an object whose number is 0, so nothing that matters may be left there, or be left to be found there.
#[test]
fn what_has_no_number_is_not_there() {
    let page = "<< /Type /Page /MediaBox [0 0 9 9] /Contents 4 0 R >>";
    let content = "<< /Length 11 >>\nstream\n0 0 9 9 re\n\nendstream";
    let file = by_hand(
        &["<< /Type /Catalog /Pages 2 0 R >>", page, page, content],
        "/Root 0 0 R",
    );
    let text = String::from_utf8_lossy(&file).replace("1 0 obj", "0 0 obj");
    let opened = Document::open(text.into_bytes(), &[], &Limits::default(), &Bill::new());
    let (mut document, warnings) = opened.expect("it has pages");
    assert!(
        warnings[0].message.contains("an object without a number"),
        "{}",
        warnings[0].message
    );
    let again = reread(&mut document);
    assert_eq!(again.page_iter().count(), 2);
    assert!(again.objects.keys().all(|id| id.0 > 0));
    let root = again
        .trailer
        .get(b"Root")
        .and_then(lopdf::Object::as_reference);
    assert!(matches!(root, Ok((1.., _))), "{root:?}");
}

/// Before PDF 1.2 a name could have a `#` that is no escape. The engine loses each object with such a name.
#[test]
fn a_name_with_a_stray_number_sign_keeps_its_page() {
    let file = by_hand(
        &[
            "<< /Type /Catalog /Pages 2 0 R >>",
            "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] /Contents 4 0 R /Resources << /XObject << /Im#1 5 0 R /Im# 5 0 R >> >> >>",
            "<< /Length 8 >>\nstream\n/Im#1 Do\nendstream",
            "<< /Type /XObject /Subtype /Form /BBox [0 0 9 9] /Length 10 >>\nstream\n0 0 5 5 re\nendstream",
        ],
        "/Root 1 0 R",
    );
    // With a comment in it the engine reads the file, and the repairer what the engine has lost.
    let odd = String::from_utf8_lossy(&file).replace(
        "/MediaBox [0 0 9 9] /Contents",
        "/MediaBox [0 0 9 9]%\n/Contents",
    );
    let opened = Document::open(odd.into_bytes(), &[], &Limits::default(), &Bill::new());
    let (mut mended, warnings) = opened.expect("it is repaired");
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert_eq!(mended.facts().expect("its facts").pages, 1);
    let mended = String::from_utf8_lossy(&save(&mut mended)).into_owned();
    assert!(
        mended.contains("/Im# ") && mended.contains("/Im#1 "),
        "{mended}"
    );
    let mut documents = vec![open(file)];
    run(&mut documents, |p| {
        let page = p.page(abi::DOCUMENT, 0).expect("the page");
        p.put(page, "Rotate", &Value::Int(90)).expect("turned");
        abi::OK
    })
    .expect("it runs");
    let saved = save(&mut documents[0]);
    let text = String::from_utf8_lossy(&saved).into_owned();
    assert!(
        text.contains("/Im#1 ") || text.contains("/Im#231 "),
        "{text}"
    );
    assert!(text.contains("/Rotate 90"), "{text}");
    let mut again = open(saved);
    assert_eq!(again.facts().expect("its facts").pages, 1);
}
