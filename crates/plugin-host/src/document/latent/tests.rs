//! Which files pass. That those that do read as the engine reads them is tested from outside.

use lopdf::dictionary;

use super::*;

const LIMIT: usize = 1 << 20;
const BODY: [&str; 4] = [
    "<</Type/Catalog/Pages 2 0 R>>",
    "<</Type/Pages/Kids[3 0 R]/Count 1>>",
    "<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]/Contents 4 0 R>>",
    "<</Length 3>>stream\nq Q\nendstream",
];

/// A file of these objects, with the cross-references that belong to them.
fn file(objects: &[&str], trailer: &str) -> Vec<u8> {
    let mut file = b"%PDF-1.4\n".to_vec();
    let mut table = String::new();
    for (number, object) in (1..).zip(objects) {
        table.push_str(&format!("{:010} 00000 n \n", file.len()));
        file.extend(format!("{number} 0 obj\n{object}\nendobj\n").bytes());
    }
    let (start, size) = (file.len(), objects.len() + 1);
    let end = format!(
        "xref\n0 {size}\n0000000000 65535 f \n{table}trailer\n<</Size {size}{trailer}>>\nstartxref\n{start}\n%%EOF\n"
    );
    file.extend(end.bytes());
    file
}

fn plain() -> Vec<u8> {
    file(&BODY, "/Root 1 0 R")
}

fn packed() -> Vec<u8> {
    let mut pdf = lopdf::Document::with_version("1.5");
    let root = pdf.new_object_id();
    let page = pdf.add_object(dictionary! { "Type" => "Page", "Parent" => root });
    pdf.set_object(
        root,
        dictionary! { "Type" => "Pages", "Kids" => vec![page.into()], "Count" => 1 },
    );
    let catalog = pdf.add_object(dictionary! { "Type" => "Catalog", "Pages" => root });
    pdf.trailer.set("Root", catalog);
    let mut bytes = Vec::new();
    pdf.save_modern(&mut bytes).expect("writing to memory");
    bytes
}

fn passes(bytes: &[u8]) -> bool {
    read(&Input::from(bytes), LIMIT).is_some()
}

fn replaced(from: &str, to: &str) -> Vec<u8> {
    let text = String::from_utf8(plain()).expect("it is text");
    assert!(text.contains(from), "{from}");
    text.replacen(from, to, 1).into_bytes()
}

/// The file with a section behind it that says `trailer`.
fn updated(trailer: &str) -> Vec<u8> {
    let mut bytes = plain();
    let start = bytes.len();
    let end =
        format!("xref\n0 0\ntrailer\n<</Size 5/Root 1 0 R{trailer}>>\nstartxref\n{start}\n%%EOF\n");
    bytes.extend(end.bytes());
    bytes
}

/// The text with its offsets `by` further on, and the first row of its table one of an object at the head of the file.
fn shifted(text: &str, by: usize) -> String {
    let at = |row: &str| {
        row.get(..10)
            .and_then(|digits| digits.parse::<usize>().ok())
    };
    let start = text.rfind("xref\n0 ").unwrap_or_default();
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    for line in &mut lines {
        if line.ends_with(" n ") {
            *line = format!("{:010} 00000 n ", at(line).unwrap_or_default() + by);
        } else if line.ends_with(" f ") {
            "0000000009 00000 n ".clone_into(line);
        }
    }
    let count = lines.len();
    lines[count - 2] = start.to_string();
    lines.join("\n") + "\n"
}

fn table_at(bytes: &[u8]) -> usize {
    let found = bytes.windows(5).position(|window| window == b"xref\n");
    found.expect("a table")
}

#[test]
fn files_by_the_book_pass_and_nothing_is_read_for_it() {
    assert!(passes(&plain()));
    assert!(passes(&packed()));
    let at = table_at(&plain());
    assert!(passes(&updated(&format!("/Prev {at}"))));
    let objects = read(&Input::from(plain()), LIMIT).expect("it passes");
    assert!(objects.heap.is_stream((4, 0)) && !objects.heap.is_stream((3, 0)));
    assert_eq!(objects.pdf.version, "1.4");
    assert_eq!(objects.pdf.max_id, 4);
}

#[test]
fn the_slightest_doubt_is_enough() {
    let check = |what: &str, bytes: &[u8]| assert!(!passes(bytes), "{what}");
    check("nothing", b"");
    check("a header further down", &[b"\n", &plain()[..]].concat());
    check(
        "a header with more on its line",
        &replaced("%PDF-1.4\n", "%PDF-1.4 "),
    );
    check("something behind the end", &[&plain()[..], b"x"].concat());
    check("a comment", &replaced("[3 0 R]", "[3 0 R %\n]"));
    check("a wrong offset", &replaced("0000000009 ", "0000000010 "));
    check(
        "an unused number that is in use",
        &replaced("65535 f", "00000 n"),
    );
    let mut unnumbered = b"%PDF-1.4\n0 0 obj\n<<>>\nendobj\n".to_vec();
    let moved = plain().split_off(9);
    let shift = unnumbered.len() - 9;
    unnumbered.extend(moved);
    let text = shifted(&String::from_utf8_lossy(&unnumbered), shift);
    check("an object whose number is 0", text.as_bytes());
    check("another number", &replaced("3 0 obj", "5 0 obj"));
    check(
        "a number that a section has twice",
        &replaced("trailer", "3 1\n0000000009 00000 n \ntrailer"),
    );
    check("a wrong length", &replaced("/Length 3", "/Length 2"));
    check(
        "no end of an object",
        &replaced(
            "9 9]/Contents 4 0 R>>\nendobj",
            "9 9]/Contents 4 0 R>>\n      ",
        ),
    );
    check("no size", &replaced("/Size 5", "/Sise 5"));
    check("no catalog", &replaced("/Root 1 0 R", "/Root 3 0 R"));
    check(
        "encryption",
        &file(&BODY, "/Root 1 0 R/Encrypt<</Filter/Standard>>"),
    );
    check("a hybrid", &file(&BODY, "/Root 1 0 R/XRefStm 9"));
    check(
        "a circle of sections",
        &updated(&format!("/Prev {}", plain().len())),
    );
    check("a section that is not there", &updated("/Prev 99999"));
    check("a section before the file", &updated("/Prev -1"));
    let direct = BODY.map(|object| object.replace("[3 0 R]", "(none)"));
    check(
        "a tree without kids",
        &file(&direct.each_ref().map(String::as_str), "/Root 1 0 R"),
    );
}

#[test]
fn few_objects_with_high_numbers_do_not_pass() {
    let text = String::from_utf8(plain()).expect("it is text");
    let far = |number: u32| {
        let entry = format!("{number} 1\n0000000000 00000 f \ntrailer");
        text.replacen("trailer", &entry, 1).into_bytes()
    };
    assert!(passes(&far(60_000)));
    assert!(!passes(&far(70_000)));
    assert!(!passes(&far(8_388_608)));
    assert!(!passes(&far(u32::MAX)));
}

#[test]
fn packed_objects_must_be_where_the_sections_say() {
    let bytes = packed();
    let objects = read(&Input::from(bytes.clone()), LIMIT).expect("it passes");
    let page = objects
        .heap
        .get((2, 0))
        .and_then(|page| page.as_dict().ok())
        .expect("a page");
    assert!(page.has_type(b"Page"));
    assert!(
        read(&Input::from(bytes), 16).is_none(),
        "more than the limit"
    );
}

#[test]
fn objects_that_lie_in_each_other_are_not_looked_at_again_and_again() {
    let check = |count: usize| {
        let mut bytes = plain();
        let at = table_at(&bytes);
        let (mut nested, mut table) = (String::new(), String::new());
        for number in 5..5 + count {
            table.push_str(&format!("{:010} 00000 n \n", at + nested.len()));
            nested.push_str(&format!("{number} 0 obj("));
        }
        nested.push_str(&"x".repeat(5_000));
        nested.push_str(&")endobj ".repeat(count));
        let rest = String::from_utf8(bytes.split_off(at)).expect("it is text");
        bytes.extend(nested.bytes());
        let rest = rest
            .replace("0 5\n", &format!("0 {}\n", 5 + count))
            .replace("trailer", &format!("{table}trailer"))
            .replace(
                &format!("startxref\n{at}"),
                &format!("startxref\n{}", bytes.len()),
            );
        bytes.extend(rest.bytes());
        passes(&bytes)
    };
    assert!(check(1));
    assert!(!check(20));
}

#[test]
fn a_length_in_much_white_space_is_looked_at_once() {
    let many = 3_000;
    let mut objects: Vec<String> = BODY.map(str::to_owned).to_vec();
    objects.push(format!("3{}", " ".repeat(400_000)));
    objects.extend((0..many).map(|_| "<</Length 5 0 R>>stream\nq Q\nendstream".to_owned()));
    let objects: Vec<&str> = objects.iter().map(String::as_str).collect();
    let bytes = file(&objects, "/Root 1 0 R");
    let begun = std::time::Instant::now();
    assert!(passes(&bytes));
    // Looked at for each of them it is more than a thousand million bytes, many seconds in a build like this.
    assert!(begun.elapsed().as_secs() < 5, "{:?}", begun.elapsed());
}
