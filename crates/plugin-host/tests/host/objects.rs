//! Reading and writing objects.

use dropleaf_plugin_abi as abi;

use crate::samples::{by_hand, open, reread, sample, save};
use crate::script::{Value, edit};

#[test]
fn references_are_followed_or_shown_as_they_stand() {
    edit(open(sample(1)), |p| {
        let page = p.page(abi::DOCUMENT, 0).expect("a page");
        let Ok(Value::Ref(num, 0)) = p.get_raw(page, "Contents") else {
            panic!("contents are indirect");
        };
        let stream = p.get(page, "Contents").expect("contents").obj();
        assert_eq!(p.id(stream), Ok((num, 0)));
        assert_eq!(p.get(page, "Nothing"), Err(abi::E_NOT_FOUND));
        assert_eq!(p.why(), "no key `/Nothing`");
        assert_eq!(p.object(abi::DOCUMENT, 9999, 0), Err(abi::E_NOT_FOUND));
        assert_eq!(p.at(page, 0), Err(abi::E_TYPE));
        abi::OK
    });
}

#[test]
fn objects_are_counted_through_in_order_of_number() {
    edit(open(sample(3)), |p| {
        let (mut at, mut seen) = ((0, 0), Vec::new());
        while let Ok(next) = p.next(abi::DOCUMENT, at) {
            assert!(next > at);
            seen.push(next);
            at = next;
        }
        assert!(seen.len() >= 9);
        assert_eq!(p.next(abi::DOCUMENT, at), Err(abi::E_NOT_FOUND));
        abi::OK
    });
}

#[test]
fn a_view_shows_the_whole_value_in_preorder() {
    edit(open(sample(1)), |p| {
        let dict = p
            .parse(
                abi::DOCUMENT,
                "<< /A [1 2.5 (x)] /B << /C 3 0 R >> /D /N >>",
            )
            .expect("parsed");
        let nodes = p.view(dict).expect("a view");
        // SAFETY: the host wrote them, and no change has come since.
        let keys: Vec<&[u8]> = nodes
            .iter()
            .map(|node| unsafe { node.key.as_bytes() })
            .collect();
        let kinds: Vec<u32> = nodes.iter().map(|node| node.type_).collect();
        let counts: Vec<u32> = nodes.iter().map(|node| node.count).collect();
        assert_eq!(keys, [&b""[..], b"A", b"", b"", b"", b"B", b"C", b"D"]);
        assert_eq!(
            kinds,
            [
                abi::DICT,
                abi::ARRAY,
                abi::INT,
                abi::REAL,
                abi::STRING,
                abi::DICT,
                abi::REF,
                abi::NAME
            ]
        );
        assert_eq!(counts, [3, 3, 0, 0, 0, 1, 0, 0]);
        abi::OK
    });
}

#[test]
fn an_indirect_object_is_put_as_a_reference_and_a_direct_one_as_a_copy() {
    let mut document = edit(open(sample(1)), |p| {
        let page = p.page(abi::DOCUMENT, 0).expect("a page");
        let contents = p.get(page, "Contents").expect("contents");
        p.put(page, "Same", &contents).expect("put");
        let loose = p.parse(abi::DOCUMENT, "<< /X [1] >>").expect("parsed");
        p.put(page, "Copy", &Value::Dict(loose)).expect("put");
        p.put(loose, "X", &Value::Int(9)).expect("put");
        let id = p.add(abi::DOCUMENT, &Value::Dict(loose)).expect("added");
        p.put(page, "Added", &Value::Ref(id.0, id.1)).expect("put");
        abi::OK
    });
    let pdf = reread(&mut document);
    let page = pdf
        .get_dictionary(pdf.page_iter().next().expect("a page"))
        .expect("a dictionary");
    assert_eq!(
        page.get(b"Same").expect("put"),
        page.get(b"Contents").expect("there")
    );
    assert_eq!(
        format!("{:?}", page.get(b"Copy").expect("put")),
        "<</X [1]>>"
    );
    let added = page
        .get(b"Added")
        .and_then(lopdf::Object::as_reference)
        .expect("a reference");
    assert_eq!(
        format!("{:?}", pdf.get_object(added).expect("added")),
        "<</X 9>>"
    );
}

#[test]
fn values_that_a_file_cannot_hold_are_refused() {
    edit(open(sample(1)), |p| {
        let page = p.page(abi::DOCUMENT, 0).expect("a page");
        assert_eq!(p.put(page, "R", &Value::Real(f64::NAN)), Err(abi::E_ARG));
        assert_eq!(p.put(page, "R", &Value::Real(1e300)), Err(abi::E_ARG));
        assert_eq!(
            p.put(page, "N", &Value::Name(vec![b'a', 0])),
            Err(abi::E_ARG)
        );
        assert_eq!(p.put(page, "R", &Value::Ref(0, 0)), Err(abi::E_ARG));
        assert_eq!(p.put(page, "R", &Value::Ref(1, 70_000)), Err(abi::E_ARG));
        assert_eq!(
            p.put_at(
                p.parse(abi::DOCUMENT, "[1]").expect("parsed"),
                2,
                &Value::Null
            ),
            Err(abi::E_NOT_FOUND)
        );
        abi::OK
    });
}

#[test]
fn a_value_cannot_be_nested_without_end() {
    edit(open(sample(1)), |p| {
        let dict = p.parse(abi::DOCUMENT, "<< >>").expect("parsed");
        let refused = (0..200).find_map(|_| p.put(dict, "Deeper", &Value::Dict(dict)).err());
        assert_eq!(refused, Some(abi::E_LIMIT));
        let deep = "[".repeat(500) + &"]".repeat(500);
        assert_eq!(p.parse(abi::DOCUMENT, &deep), Err(abi::E_LIMIT));
        abi::OK
    });
}

#[test]
fn reals_come_back_as_they_were_spelled() {
    edit(open(sample(1)), |p| {
        let list = p
            .parse(abi::DOCUMENT, "[0.1 595.28 -3.0 100]")
            .expect("parsed");
        assert_eq!(p.at(list, 0), Ok(Value::Real(0.1)));
        assert_eq!(p.at(list, 1), Ok(Value::Real(595.28)));
        assert_eq!(p.at(list, 2), Ok(Value::Real(-3.0)));
        assert_eq!(p.at(list, 3), Ok(Value::Int(100)));
        abi::OK
    });
}

#[test]
fn a_replaced_object_keeps_its_number() {
    let mut document = edit(open(sample(1)), |p| {
        let page = p.page(abi::DOCUMENT, 0).expect("a page");
        let resources = p.attribute(page, "Resources").expect("resources").obj();
        let font = p
            .get(p.get(resources, "Font").expect("fonts").obj(), "F1")
            .expect("a font")
            .obj();
        let id = p.id(font).expect("indirect");
        let other = p
            .parse(
                abi::DOCUMENT,
                "<< /Type /Font /Subtype /Type1 /BaseFont /Courier >>",
            )
            .expect("parsed");
        p.replace(font, &Value::Dict(other)).expect("replaced");
        assert_eq!(p.id(font), Ok(id));
        assert_eq!(p.get(font, "BaseFont"), Ok(Value::name("Courier")));
        abi::OK
    });
    let pdf = reread(&mut document);
    let page = pdf.page_iter().next().expect("a page");
    let fonts = pdf.get_page_fonts(page).expect("fonts");
    assert_eq!(
        fonts[&b"F1"[..]]
            .get(b"BaseFont")
            .and_then(lopdf::Object::as_name)
            .expect("a name"),
        b"Courier"
    );
}

#[test]
fn a_value_of_another_document_cannot_be_put() {
    edit(open(sample(1)), |p| {
        let other = p.open(&sample(1)).expect("opened");
        let page = p.page(abi::DOCUMENT, 0).expect("a page");
        let foreign = p.page(other, 0).expect("a page");
        assert_eq!(p.put(page, "X", &Value::Dict(foreign)), Err(abi::E_ARG));
        assert!(p.why().contains("another document"), "{}", p.why());
        abi::OK
    });
}

#[test]
fn numbers_keep_their_digits() {
    let file = by_hand(
        &[
            "<</Type/Catalog/Pages 2 0 R>>",
            "<</Type/Pages/Kids[3 0 R]/Count 1>>",
            "<</Type/Page/Parent 2 0 R/MediaBox[0 0 100.123456789 100]/Own 4 0 R>>",
            "<</GPTS[-17.7143812345 1234567890.5]/Short .5>>",
        ],
        "/Root 1 0 R",
    );
    let given = 16_777_217.25;
    let plain = by_hand(
        &[
            "<</Type/Catalog/Pages 2 0 R>>",
            "<</Type/Pages/Kids[3 0 R]/Count 1>>",
            "<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>",
        ],
        "/Root 1 0 R",
    );
    let mut document = edit(open(plain), move |p| {
        let other = p.open(&file).expect("opened");
        p.import(abi::DOCUMENT, 0, other, 0, 1).expect("imported");
        let page = p.page(abi::DOCUMENT, 0).expect("a page");
        p.put(page, "Given", &Value::Real(given)).expect("put");
        assert_eq!(p.get(page, "Given"), Ok(Value::Real(given)));
        let floating = Value::Real(f64::from(0.1_f32));
        p.put(page, "Float", &floating).expect("put");
        let own = p.get(page, "Own").expect("a dictionary").obj();
        let numbers = p.get(own, "GPTS").expect("an array").obj();
        assert_eq!(p.at(numbers, 1), Ok(Value::Real(1_234_567_890.5)));
        let parsed = p
            .parse(abi::DOCUMENT, "[0.1234567891234/N 1.5]")
            .expect("parsed");
        assert_eq!(p.syntax(parsed).expect("syntax"), "[0.1234567891234/N 1.5]");
        let nodes = p.view(parsed).expect("a view");
        let kinds: Vec<u32> = nodes.iter().map(|node| node.type_).collect();
        assert_eq!(kinds, [abi::ARRAY, abi::REAL, abi::NAME, abi::REAL]);
        p.put(page, "Parsed", &Value::Array(parsed)).expect("put");
        abi::OK
    });
    let saved = save(&mut document);
    let saved = String::from_utf8_lossy(&saved);
    for expected in [
        "[0 0 100.123456789 100]",
        "[-17.7143812345 1234567890.5]",
        "/Short 0.5",
        "/Given 16777217.25",
        "/Float 0.1",
        "/Parsed[0.1234567891234/N 1.5]",
    ] {
        assert!(saved.contains(expected), "{expected} in {saved}");
    }
}
