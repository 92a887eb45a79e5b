//! Cross-references that lead to another object than they are for: nothing is lost in silence, and what is only careless is left.

use dropleaf_plugin_host::{Bill, Document, Limits};
use lopdf::Object;

use crate::samples::{by_hand, reread, save};

/// Two pages with a font and a form; objects from 8 on are `more`.
fn file(more: &[&str]) -> Vec<u8> {
    let page = "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] /Contents 5 0 R /Resources << /Font << /F 6 0 R >> /XObject << /X 7 0 R >> >> >>";
    let mut objects = vec![
        "<< /Type /Catalog /Pages 2 0 R >>",
        "<< /Type /Pages /Kids [3 0 R 4 0 R] /Count 2 >>",
        page,
        page,
        "<< /Length 5 >>\nstream\n/X Do\nendstream",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        "<< /Type /XObject /Subtype /Form /BBox [0 0 9 9] /Length 10 >>\nstream\n0 0 5 5 re\nendstream",
    ];
    objects.extend(more);
    by_hand(&objects, "/Root 1 0 R")
}

/// The same file with another entry for the object `number`.
fn with_entry(file: &[u8], number: usize, entry: &str) -> Vec<u8> {
    let text = String::from_utf8_lossy(file);
    let start = text.find("xref\n").expect("a table");
    let place = start + text[start..].find("00000").expect("its first entry") + 20 * number;
    let mut file = file.to_vec();
    file[place..place + 20].copy_from_slice(entry.as_bytes());
    file
}

/// The entry of `number`.
fn entry(file: &[u8], number: usize) -> String {
    let text = String::from_utf8_lossy(file);
    let head = format!("\n{number} 0 obj");
    let place = text.find(&head).expect("the object") + 1;
    format!("{place:010} 00000 n \n")
}

fn opened(file: &[u8]) -> (Document, Vec<String>) {
    let opened = Document::open(file.to_vec(), &[], &Limits::default(), &Bill::new());
    let (document, warnings) = opened.expect("it opens");
    let told = warnings.into_iter().map(|warning| warning.message);
    (document, told.collect())
}

/// References that lead nowhere.
fn dangling(pdf: &lopdf::Document) -> usize {
    let mut waiting: Vec<&Object> = pdf.objects.values().collect();
    let mut found = 0;
    while let Some(object) = waiting.pop() {
        match object {
            Object::Reference(id) => found += usize::from(!pdf.objects.contains_key(id)),
            Object::Array(items) => waiting.extend(items),
            Object::Dictionary(dict) => waiting.extend(dict.iter().map(|(_, value)| value)),
            Object::Stream(stream) => waiting.extend(stream.dict.iter().map(|(_, value)| value)),
            _ => {}
        }
    }
    found
}

#[test]
fn what_an_entry_leads_past_is_found_and_told() {
    let sound = file(&[]);
    for (number, leads_to) in [(4, 3), (4, 5), (7, 6), (6, 4)] {
        let name = format!("the entry of {number} leads to {leads_to}");
        let file = with_entry(&sound, number, &entry(&sound, leads_to));
        let (mut document, told) = opened(&file);
        assert_eq!(told.len(), 1, "{name}");
        assert!(
            told[0].contains("has been repaired") && told[0].contains("cross-references"),
            "{name}: {told:?}"
        );
        let again = reread(&mut document);
        assert_eq!(again.page_iter().count(), 2, "{name}");
        assert_eq!(dangling(&again), 0, "{name}");
    }
}

/// As after an update of a file whose table is one too low: the entry above leads to what the object was before.
#[test]
fn an_object_from_before_an_update_hides_no_newer_one() {
    let updated = file(&[
        "<< /Type /XObject /Subtype /Form /BBox [0 0 9 9] /Length 10 >>\nstream\n0 0 6 6 re\nendstream",
    ]);
    let (old, new) = (entry(&updated, 7), entry(&updated, 8));
    let updated = with_entry(&with_entry(&updated, 7, &new), 8, &old);
    let updated = String::from_utf8_lossy(&updated).replace("\n8 0 obj", "\n7 0 obj");
    let (mut document, told) = opened(updated.as_bytes());
    assert_eq!(told.len(), 1, "{told:?}");
    let again = reread(&mut document);
    let form = again.objects.values().find_map(|object| {
        let stream = object.as_stream().ok()?;
        stream.dict.has(b"BBox").then_some(stream)
    });
    let content = form.expect("the form").get_plain_content();
    assert_eq!(content.expect("its content"), b"0 0 6 6 re");
}

#[test]
fn a_page_whose_entry_is_free_is_found_if_it_is_counted() {
    let sound = file(&[]);
    let (mut document, told) = opened(&with_entry(&sound, 4, "0000000000 00001 f \n"));
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(reread(&mut document).page_iter().count(), 2);
    let text = String::from_utf8_lossy(&sound).replace("/Count 2", "/Count 1");
    let deleted = with_entry(text.as_bytes(), 4, "0000000000 00001 f \n");
    let (mut document, told) = opened(&deleted);
    assert_eq!(told, Vec::<String>::new());
    assert_eq!(document.facts().expect("its facts").pages, 1);
}

#[test]
fn a_page_that_is_not_in_the_file_at_all_is_told() {
    let text = String::from_utf8_lossy(&file(&[]))
        .replace("[3 0 R 4 0 R] /Count 2", "[3 0 R 9 0 R] /Count 2");
    let (mut document, told) = opened(text.as_bytes());
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(
        told[0].contains("1 page that the page tree does not lead to"),
        "{told:?}"
    );
    assert_eq!(reread(&mut document).page_iter().count(), 1);
}

#[test]
fn careless_entries_change_nothing() {
    let unused = file(&["(asked for by nobody)"]);
    let unused = with_entry(&unused, 8, &entry(&unused, 3));
    let absent = file(&["(asked for, and nowhere)"]);
    let absent = String::from_utf8_lossy(&with_entry(&absent, 8, &entry(&absent, 3)))
        .replace("\n8 0 obj", "\n%  obj ")
        .replace("/Contents 5 0 R", "/Thumb 8 0 R   ");
    for (name, file) in [("unused", unused), ("absent", absent.into_bytes())] {
        let (mut document, told) = opened(&file);
        assert_eq!(told, Vec::<String>::new(), "{name}");
        assert_eq!(save(&mut document), file, "{name}");
    }
}
