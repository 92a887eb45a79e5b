//! Small files with very many things in one list, or with one list in very many places: so many that looking at each from each
//! would not end.

use dropleaf_test_support::sample::lopdf;

use super::*;

fn list(items: impl Iterator<Item = u32>) -> String {
    let items: Vec<String> = items.map(|id| format!("{id} 0 R")).collect();
    format!("[{}]", items.join(" "))
}

fn without_the_second(
    catalog: &[(&str, &str)],
    annotations: [&str; 2],
    objects: Vec<(u32, String)>,
) -> testing::Ran {
    let objects: Vec<(u32, &str)> = objects
        .iter()
        .map(|(id, text)| (*id, text.as_str()))
        .collect();
    let pdf = made(catalog, annotations, &objects);
    testing::run::<DeletePages>(json!({ "pages": 2 }), &[pdf]).expect("it runs")
}

fn dict(pdf: &[u8], id: u32) -> lopdf::Dictionary {
    let document = sample::open(pdf);
    document
        .get_dictionary((id, 0))
        .expect("a dictionary")
        .clone()
}

#[test]
fn an_article_may_have_any_number_of_beads_on_a_page() {
    let (first, end) = (1002, 31_002);
    let mut objects = vec![(1000, "<</Type/Thread/F 1002 0 R>>".to_owned())];
    // One bead on the first page, between the last and the first of those on the second.
    let (kept, ring) = (1001, end - 1001);
    for id in kept..end {
        let next = kept + (id - kept + 1) % ring;
        let last = kept + (id - kept + ring - 1) % ring;
        objects.push((id, format!("<</T 1000 0 R/N {next} 0 R/V {last} 0 R>>")));
    }
    let beads = list(first..end);
    let objects: Vec<(u32, &str)> = objects
        .iter()
        .map(|(id, text)| (*id, text.as_str()))
        .collect();
    let pdf = made(&[("Threads", "[1000 0 R]")], ["[]", "[]"], &objects);
    let document = sample::open(&pdf);
    let page = document.get_pages()[&2];
    let parent = document
        .get_dictionary(page)
        .and_then(|page| page.get(b"Parent"));
    let (parent, _) = parent.and_then(Cos::as_reference).expect("a parent");
    let text = format!("<</Type/Page/Parent {parent} 0 R/B {beads}>>");
    let pdf = sample::with_objects(&pdf, &[(page.0, &text)]);
    let ran = testing::run::<DeletePages>(json!({ "pages": 2 }), &[pdf]).expect("it runs");
    let reference = |id, key: &[u8]| {
        dict(ran.document(), id)
            .get(key)
            .and_then(Cos::as_reference)
            .ok()
    };
    assert_eq!(reference(1000, b"F"), Some((kept, 0)));
    assert_eq!(reference(kept, b"N"), Some((kept, 0)));
    assert_eq!(reference(kept, b"V"), Some((kept, 0)));
}

#[test]
fn any_number_of_fields_may_share_a_list_of_kids() {
    let widgets = 2_000_u32..5_000;
    let mut objects = vec![
        (1000, list((0..60_000).map(|_| 1001))),
        (1001, "<</T(q)>>".to_owned()),
    ];
    for id in widgets.clone() {
        let field = id + 10_000;
        objects.push((
            id,
            format!("<</Type/Annot/Subtype/Widget/Parent {field} 0 R>>"),
        ));
        objects.push((field, "<</FT/Btn/Opt[(a)]/T(a)/Kids 1000 0 R>>".to_owned()));
    }
    let fields = list(widgets.clone().map(|id| id + 10_000));
    let form = format!("<</Fields {fields}>>");
    let ran = without_the_second(&[("AcroForm", &form)], ["[]", &list(widgets)], objects);
    let document = sample::open(ran.document());
    assert!(document.get_dictionary((12_000, 0)).is_ok());
    assert!(document.get_dictionary((2_000, 0)).is_err());
}

#[test]
fn any_number_of_pages_may_share_a_list_of_annotations() {
    let pdf = Sample::new("s", 3_000)
        .edit(|document, pages| {
            let note =
                document.add_object(lopdf::dictionary! { "Type" => "Annot", "Subtype" => "Text" });
            let list = document.add_object(vec![Cos::Reference(note); 100_000]);
            for page in pages {
                let page = document.get_dictionary_mut(*page).expect("a page");
                page.set("Annots", list);
            }
        })
        .bytes();
    let ran = testing::run::<DeletePages>(json!({ "pages": 1 }), &[pdf]).expect("it runs");
    assert_eq!(ran.results["pages"], 2_999);
}

/// Two elements, the first on the page that stays.
fn tagged(parents: &str, more: Vec<(u32, String)>) -> testing::Ran {
    let root = "<</Type/StructTreeRoot/K 1000 0 R/ParentTree 1003 0 R>>";
    let mut objects = vec![
        (
            1000,
            "<</S/Document/P 980 0 R/K[1001 0 R 1002 0 R]>>".to_owned(),
        ),
        (1001, "<</S/P/P 1000 0 R/Pg P1/K 0>>".to_owned()),
        (1002, "<</S/P/P 1000 0 R/Pg P2/K 0>>".to_owned()),
        (1003, parents.to_owned()),
    ];
    objects.extend(more);
    without_the_second(&[("StructTreeRoot", root)], ["[]", "[]"], objects)
}

#[test]
fn any_number_of_numbers_may_share_a_list_of_parents() {
    let entries: Vec<String> = (100..60_000).map(|key| format!("{key} 1004 0 R")).collect();
    let parents = format!("<</Nums[{}]>>", entries.join(" "));
    let shared = format!("[{} 1002 0 R]", "1001 0 R ".repeat(60_000));
    let ran = tagged(&parents, vec![(1004, shared)]);
    assert_eq!(ran.warnings, [""; 0]);
    let tree = dict(ran.document(), 1003);
    let numbers = tree.get(b"Nums").and_then(Cos::as_array).expect("a list");
    let document = sample::open(ran.document());
    for entry in [1, 3, 5] {
        let (_, list) = document.dereference(&numbers[entry]).expect("a list");
        let list = list.as_array().expect("a list");
        assert_eq!((list.len(), &list[60_000]), (60_001, &Cos::Null));
    }
}

#[test]
fn a_list_in_too_many_elements_is_no_tree() {
    let elements = 2_000..2_020;
    let mut objects = vec![
        (1004, format!("[{}]", "0 ".repeat(100_000))),
        (
            1000,
            format!("<</S/Document/P 980 0 R/K {}>>", list(elements.clone())),
        ),
    ];
    objects.extend(elements.map(|id| (id, "<</S/P/P 1000 0 R/Pg P1/K 1004 0 R>>".to_owned())));
    let root = "<</Type/StructTreeRoot/K 1000 0 R>>";
    let ran = without_the_second(&[("StructTreeRoot", root)], ["[]", "[]"], objects);
    assert!(ran.warnings[0].starts_with("the tags (structure tree) are damaged"));
}
