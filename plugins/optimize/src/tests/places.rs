//! Images that may be drawn where nobody looked keep their size.

use super::*;

#[test]
fn an_image_that_is_also_used_where_nobody_looks_keeps_its_size() {
    let document = Sample::new("s", 1)
        .content(0, "q 72 0 0 48 0 0 cm /I Do Q /P cs /P scn 0 0 9 9 re f")
        .edit(|document, pages| {
            let id = image(document, jpeg(600, 400, 3, 75, true), 600, 400, Dictionary::new());
            let pattern = dictionary! {
                "Type" => "Pattern", "PatternType" => 1, "PaintType" => 1, "TilingType" => 1, "XStep" => 500, "YStep" => 500,
                "BBox" => vec![0.into(), 0.into(), 500.into(), 500.into()],
                "Resources" => dictionary! { "XObject" => dictionary! { "X" => id } },
            };
            let pattern = document.add_object(Stream::new(pattern, b"500 0 0 500 0 0 cm /X Do".to_vec()));
            let resources = dictionary! {
                "XObject" => dictionary! { "I" => id }, "Pattern" => dictionary! { "P" => pattern },
            };
            document.get_dictionary_mut(pages[0]).expect("a page").set("Resources", resources);
        })
        .bytes();
    let found = images(optimize(dpi_150(), &document).document());
    assert_eq!((found[0].0, found[0].1), (600, 400));
}

/// A page that draws an image small, and something else that draws the page's image by name: all that `add` gives the page.
fn drawn_by_name(
    content: &str,
    add: impl FnOnce(&mut lopdf::Document, &mut Dictionary),
) -> Vec<u8> {
    let content = format!("q 72 0 0 48 0 0 cm /I Do Q {content}");
    Sample::new("s", 1)
        .content(0, &content)
        .edit(|document, pages| {
            let id = image(
                document,
                jpeg(600, 400, 3, 75, true),
                600,
                400,
                Dictionary::new(),
            );
            let mut page = document.get_dictionary(pages[0]).expect("a page").clone();
            page.set(
                "Resources",
                dictionary! { "XObject" => dictionary! { "I" => id } },
            );
            add(document, &mut page);
            document.set_object(pages[0], page);
        })
        .bytes()
}

fn set_resource(page: &mut Dictionary, category: &str, of: Dictionary) {
    let resources = page
        .get_mut(b"Resources")
        .and_then(Cos::as_dict_mut)
        .expect("resources");
    resources.set(category, of);
}

#[test]
fn an_image_that_may_be_drawn_by_its_name_on_the_page_keeps_its_size() {
    const LARGE: &str = "500 0 0 500 0 0 cm /I Do";
    let form = |content: &str| {
        Stream::new(
            dictionary! { "Subtype" => "Form" },
            content.as_bytes().to_vec(),
        )
    };
    let appearance = |drawn: &str| {
        let drawn = form(drawn);
        drawn_by_name("", move |document, page| {
            let drawn = document.add_object(drawn);
            let annotation =
                dictionary! { "Subtype" => "Stamp", "AP" => dictionary! { "N" => drawn } };
            let annotation = document.add_object(annotation);
            page.set("Annots", vec![annotation.into()]);
        })
    };
    let pattern = drawn_by_name("/Pattern cs /P scn 0 0 9 9 re f", |document, page| {
        let dict = dictionary! { "PatternType" => 1, "Resources" => Dictionary::new() };
        let pattern = document.add_object(Stream::new(dict, LARGE.into()));
        set_resource(page, "Pattern", dictionary! { "P" => pattern });
    });
    let glyph = drawn_by_name("BT /T 500 Tf (a) Tj ET", |document, page| {
        let glyph = document.add_object(Stream::new(Dictionary::new(), LARGE.into()));
        let font = dictionary! { "Type" => "Font", "Subtype" => "Type3", "CharProcs" => dictionary! { "a" => glyph } };
        let font = document.add_object(font);
        set_resource(page, "Font", dictionary! { "T" => font });
    });
    let inner = drawn_by_name("/F Do", |document, page| {
        let mut inner = form(LARGE);
        inner
            .dict
            .set("Resources", dictionary! { "ProcSet" => vec!["PDF".into()] });
        let inner = document.add_object(inner);
        let resources = page
            .get_mut(b"Resources")
            .and_then(Cos::as_dict_mut)
            .expect("resources");
        let named = resources
            .get_mut(b"XObject")
            .and_then(Cos::as_dict_mut)
            .expect("objects");
        named.set("F", inner);
    });
    let odd = drawn_by_name("500 0 0 500 --50 50 cm /I Do", |_, _| {});
    let after_inline = "BI /W 1 /H 1 /BPC 8 /CS /G ID x EI Q (\u{e9}) Tj 500 0 0 500 0 0 cm /I Do";
    let after_inline = drawn_by_name(after_inline, |_, _| {});
    for (what, document, width) in [
        ("an appearance", appearance(LARGE), 600),
        (
            "one that draws nothing by name",
            appearance("0 0 9 9 re f"),
            150,
        ),
        ("a pattern", pattern, 600),
        ("a glyph", glyph, 600),
        ("a form with other resources", inner, 600),
        ("a number that is none", odd, 600),
        ("behind an inline image", after_inline, 600),
    ] {
        let found = images(optimize(dpi_150(), &document).document());
        assert_eq!(found[0].0, width, "{what}");
    }
}

/// A page that draws an image, and the first of forms without resources, each of which draws the next one eight times.
fn nested_forms(levels: usize) -> Vec<u8> {
    Sample::new("s", 1)
        .content(0, "q 72 0 0 48 0 0 cm /I Do Q /X0 Do")
        .edit(|document, pages| {
            let fine = jpeg(600, 400, 3, 75, true);
            let mut named = Dictionary::new();
            named.set("I", image(document, fine, 600, 400, Dictionary::new()));
            for level in 0..levels {
                let form = dictionary! { "Type" => "XObject", "Subtype" => "Form" };
                let next = format!("/X{} Do ", level + 1).repeat(8);
                let form = document.add_object(Stream::new(form, next.into_bytes()));
                named.set(format!("X{level}"), form);
            }
            let page = document.get_dictionary_mut(pages[0]).expect("a page");
            page.set("Resources", dictionary! { "XObject" => named });
        })
        .bytes()
}

#[test]
fn forms_are_followed_as_long_as_there_is_an_end_to_it() {
    let width = |levels| images(optimize(dpi_150(), &nested_forms(levels)).document())[0].0;
    // Eight times eight times eight, and so on: whether the image is drawn larger anywhere is not known.
    assert_eq!(width(15), 600);
}
