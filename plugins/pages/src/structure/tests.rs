use dropleaf_plugin_sdk::testing;
use dropleaf_test_support::sample;
use dropleaf_test_support::sample::lopdf::{Document as Pdf, Object as Cos};

use crate::tests::{made, secrets};
use crate::{DeletePages, ExtractPages, json};

fn tagged(root: &str, annotations: [&str; 2], objects: &[(u32, &str)]) -> Vec<u8> {
    made(
        &[("StructTreeRoot", root), ("MarkInfo", "<</Marked true>>")],
        annotations,
        objects,
    )
}

/// A value in words; references as numbers.
fn written(value: &Cos) -> String {
    match value {
        Cos::Reference(id) => format!("{}", id.0),
        Cos::Integer(number) => format!("#{number}"),
        Cos::Null => "null".to_owned(),
        Cos::String(text, _) => format!("({})", String::from_utf8_lossy(text)),
        Cos::Name(name) => format!("/{}", String::from_utf8_lossy(name)),
        Cos::Array(items) => {
            let items: Vec<String> = items.iter().map(written).collect();
            format!("[{}]", items.join(" "))
        }
        Cos::Dictionary(dict) => {
            let entry = |(key, value): (&Vec<u8>, &Cos)| {
                format!("{} {}", String::from_utf8_lossy(key), written(value))
            };
            let entries: Vec<String> = dict.iter().map(entry).collect();
            format!("<{}>", entries.join(", "))
        }
        other => format!("{other:?}"),
    }
}

fn entry(pdf: &Pdf, id: u32, key: &[u8]) -> String {
    let dict = pdf.get_dictionary((id, 0)).ok();
    let value = dict.and_then(|dict| dict.get(key).ok());
    value.map(written).unwrap_or_default()
}

#[test]
fn elements_go_with_the_pages_that_they_are_on() {
    let root = "<</Type/StructTreeRoot/K[1000 0 R]/ParentTree 1020 0 R/IDTree 1021 0 R>>";
    let objects = [
        (
            1000,
            "<</S/Document/P 980 0 R/K[1001 0 R 1002 0 R 1003 0 R 1004 0 R 1005 0 R 1009 0 R]>>",
        ),
        (1001, "<</S/P/P 1000 0 R/Pg P1/K 0>>"),
        (
            1002,
            "<</S/P/P 1000 0 R/Pg P2/K 1030 0 R/ActualText(SECRET)/ID(b)>>",
        ),
        // On both pages.
        (
            1003,
            "<</S/P/P 1000 0 R/Pg P2/K[1 2<</Type/MCR/Pg P1/MCID 1>><</S/Span/Pg P2/K 3/Alt(SECRET)>><</S/Span/Pg P1/K[2<</Type/MCR/Pg P2/MCID 5>>]>>]>>",
        ),
        // A whole section, with a link.
        (
            1004,
            "<</S/Sect/P 1000 0 R/K[1006 0 R 1007 0 R]/Alt(SECRET)>>",
        ),
        // Empty before.
        (1005, "<</S/NonStruct/P 1000 0 R/ID(a)>>"),
        (
            1006,
            "<</S/P/P 1004 0 R/K<</Type/MCR/Pg P2/MCID 7>>/E(SECRET)>>",
        ),
        (
            1007,
            "<</S/Link/P 1004 0 R/K[<</Type/OBJR/Obj 1010 0 R>>]/Alt(SECRET)>>",
        ),
        (1009, "<</S/Figure/P 1000 0 R/Pg P2/Alt(SECRET)>>"),
        (
            1010,
            "<</Subtype/Link/Rect[0 0 1 1]/StructParent 9/Contents(SECRET)>>",
        ),
        (
            1011,
            "<</Subtype/Link/Rect[0 0 1 1]/A<</S/GoTo/D[P1/Fit]/SD[1002 0 R/Fit]>>>>",
        ),
        (1020, "<</Kids[1022 0 R 1023 0 R]>>"),
        (1021, "<</Names[(a)1005 0 R(b)1002 0 R]>>"),
        (
            1022,
            "<</Limits[0 1]/Nums[0[1001 0 R 1003 0 R 1002 0 R]1 1024 0 R]>>",
        ),
        (1023, "<</Limits[9 9]/Nums[9 1007 0 R]>>"),
        (1024, "[1002 0 R 1003 0 R]"),
        (1030, "[0 4]"),
    ];
    let pdf = tagged(root, ["[1011 0 R]", "[1010 0 R]"], &objects);
    assert!(secrets(&pdf).len() > 5);
    for ran in [
        testing::run::<DeletePages>(json!({ "pages": 2 }), &[&pdf]),
        testing::run::<ExtractPages>(json!({ "pages": 1 }), &[&pdf]),
    ] {
        let ran = ran.expect("it runs");
        assert_eq!(secrets(ran.document()), [""; 0]);
        assert_eq!(ran.warnings, [""; 0]);
        let pdf = sample::open(ran.document());
        assert_eq!(entry(&pdf, 1000, b"K"), "[1001 1003 1005]");
        let page = pdf.get_pages()[&1].0;
        let both = format!("[<Type /MCR, Pg {page}, MCID #1> <S /Span, Pg {page}, K [#2]>]");
        assert_eq!(entry(&pdf, 1003, b"K"), both);
        assert_eq!(entry(&pdf, 1003, b"Pg"), "");
        assert_eq!(entry(&pdf, 1020, b"Kids"), "[1022]");
        assert_eq!(entry(&pdf, 1022, b"Nums"), "[#0 [1001 1003 null]]");
        assert_eq!(entry(&pdf, 1022, b"Limits"), "[#0 #0]");
        assert_eq!(entry(&pdf, 1021, b"Names"), "[(a) 1005]");
    }
}

#[test]
fn references_to_content_are_known_without_their_type() {
    let root = "<</Type/StructTreeRoot/K[1000 0 R 1001 0 R 1002 0 R]>>";
    let objects = [
        (
            1000,
            "<</S/P/P 980 0 R/K<</Pg P2/MCID 0>>/ActualText(SECRET)>>",
        ),
        (
            1001,
            "<</S/Link/P 980 0 R/K[<</Obj 1010 0 R>>]/Alt(SECRET)>>",
        ),
        (1002, "<</S/P/P 980 0 R/K<</Pg P1/MCID 0>>>>"),
        (1010, "<</Subtype/Link/Rect[0 0 1 1]/StructParent 9>>"),
    ];
    let pdf = tagged(root, ["[]", "[1010 0 R]"], &objects);
    let ran = testing::run::<DeletePages>(json!({ "pages": 2 }), &[&pdf]).expect("it runs");
    assert_eq!(secrets(ran.document()), [""; 0]);
    let pdf = sample::open(ran.document());
    assert_eq!(entry(&pdf, 980, b"K"), "[1002]");
}

#[test]
fn a_tree_that_is_sound_and_has_nothing_on_the_page_stays_as_it_is() {
    let root = "<</Type/StructTreeRoot/K 1000 0 R/ParentTree<</Nums[0[1000 0 R]]>>>>";
    let pdf = tagged(
        root,
        ["[]", "[]"],
        &[(1000, "<</S/P/P 980 0 R/Pg P1/K[0 1]>>")],
    );
    let ran = testing::run::<DeletePages>(json!({ "pages": 2 }), &[&pdf]).expect("it runs");
    let before = sample::open(&pdf);
    let after = sample::open(ran.document());
    for key in [&b"K"[..], b"ParentTree"] {
        assert_eq!(entry(&after, 980, key), entry(&before, 980, key));
    }
    let ran = testing::run::<DeletePages>(json!({ "pages": 1 }), &[&pdf]).expect("it runs");
    let after = sample::open(ran.document());
    assert_eq!(entry(&after, 980, b"K"), "");
    assert_eq!(entry(&after, 980, b"ParentTree"), "<Nums []>");
}

#[test]
fn trees_of_numbers_may_stand_in_themselves() {
    let root = "<</Type/StructTreeRoot/K[1000 0 R 1001 0 R]/ParentTree 1020 0 R>>";
    let objects = [
        // The root is no element, and is used while its elements are walked.
        (1000, "<</S/P/P 980 0 R/Pg P1/K[0 980 0 R]>>"),
        (1001, "<</S/P/P 980 0 R/Pg P2/K 0/Alt(SECRET)>>"),
        (
            1020,
            "<</Kids[<</Limits[0 0]/Nums[0[1000 0 R]]>><</Limits[1 1]/Nums[1[1001 0 R]]>>1020 0 R 980 0 R]>>",
        ),
    ];
    let pdf = tagged(root, ["[]", "[]"], &objects);
    let ran = testing::run::<DeletePages>(json!({ "pages": 2 }), &[&pdf]).expect("it runs");
    assert_eq!(secrets(ran.document()), [""; 0]);
    let pdf = sample::open(ran.document());
    let kids = entry(&pdf, 1020, b"Kids");
    assert!(
        kids.starts_with("[<Limits [#0 #0], Nums [#0 [1000]]>"),
        "{kids}"
    );
    assert!(!kids.contains("#1"), "{kids}");
}

#[test]
fn a_tree_that_cannot_be_walked_goes_as_a_whole() {
    let root = "<</Type/StructTreeRoot/K 1000 0 R/ParentTree 1000 0 R>>";
    let check = |objects: &[(u32, &str)], expected: usize| {
        let pdf = tagged(root, ["[]", "[]"], objects);
        let ran = testing::run::<DeletePages>(json!({ "pages": 2 }), &[&pdf]).expect("it runs");
        assert_eq!(ran.warnings.len(), expected, "{:?}", ran.warnings);
        let pdf = sample::open(ran.document());
        let catalog = pdf.catalog().expect("a catalog");
        assert_eq!(catalog.has(b"StructTreeRoot"), expected == 0);
        assert_eq!(catalog.has(b"MarkInfo"), expected == 0);
        assert_eq!(secrets(ran.document()), [""; 0]);
    };
    let circle = [
        (1000, "<</S/P/K[1001 0 R]>>"),
        (1001, "<</S/P/K[1000 0 R 1002 0 R]>>"),
        (1002, "<</S/P/Pg P2/K 0/Alt(SECRET)>>"),
    ];
    check(&circle, 1);
    let chain = |depth: u32| -> Vec<(u32, String)> {
        let link = |id| (id, format!("<</S/P/K[{} 0 R]>>", id + 1));
        let last = (1000 + depth, "<</S/P/Pg P2/K 0/Alt(SECRET)>>".to_owned());
        (1000..1000 + depth).map(link).chain([last]).collect()
    };
    for (depth, expected) in [(150, 0), (5000, 1)] {
        let chain = chain(depth);
        let chain: Vec<(u32, &str)> = chain
            .iter()
            .map(|(id, text)| (*id, text.as_str()))
            .collect();
        check(&chain, expected);
    }
    // The same element in two places, and things that are none.
    let odd = [
        (
            1000,
            "<</S/P/K[1001 0 R 1001 0 R 1002 0 R P1 P2 2 0 R 7.5 null(x)[1001 0 R]]>>",
        ),
        (1001, "<</S/P/Pg P2/K 0/Alt(SECRET)>>"),
        (1002, "<</S(x)/K 1002 0 R>>"),
    ];
    check(&odd, 0);
}

#[test]
fn elements_that_are_in_no_tree_and_something_leads_to_go() {
    let root = "<</Type/StructTreeRoot/K[1001 0 R]>>";
    let outline = "<</First 1010 0 R/Last 1010 0 R/Count 1>>";
    let jump = "<</S/GoTo/D[P1/Fit]/SD[1003 0 R/Fit]>>";
    let named = "<</Dests<</Kids[<</Names[(n)<</D[P1/Fit]/SD[1005 0 R/Fit]>>]>>]>>>>";
    let next = format!("<</S/Named/N/NextPage/Next[{jump}]>>");
    let link = format!(
        "<</Subtype/Link/Rect[0 0 1 1]/A{next}/AA<</E<</S/GoTo/D[P1/Fit]/SD[1004 0 R/Fit]>>>>>>"
    );
    let objects = [
        (1001, "<</S/P/P 980 0 R/Pg P1/K 0>>"),
        (1002, "<</S/P/P 1009 0 R/Pg P2/K 0/Alt(SECRET)>>"),
        (1003, "<</S/P/P 1009 0 R/Pg P2/K 1/Alt(SECRET)>>"),
        (1004, "<</Type/StructElem/S/P/P 1009 0 R/Alt(SECRET)>>"),
        (1005, "<</S/P/P 1009 0 R/K 1002 0 R/Alt(SECRET)>>"),
        (1009, "<</Type/StructTreeRoot/K[1002 0 R 1003 0 R]>>"),
        (
            1010,
            "<</Title(t)/Parent 981 0 R/Dest[P1/Fit]/SE 1002 0 R/Next 1011 0 R>>",
        ),
        (
            1011,
            "<</Title(t)/Parent 981 0 R/Dest[P1/Fit]/SE 1001 0 R/Prev 1010 0 R>>",
        ),
        (1012, link.as_str()),
    ];
    let links = ["[1012 0 R]", "[]"];
    for (root, left) in [(("StructTreeRoot", root), "#0"), (("X", "7"), "")] {
        let catalog = [root, ("Outlines", outline), ("Names", named)];
        let pdf = made(&catalog, links, &objects);
        assert_eq!(secrets(&pdf).len(), 4);
        let ran = testing::run::<DeletePages>(json!({ "pages": 2 }), &[&pdf]).expect("it runs");
        assert_eq!(secrets(ran.document()), [""; 0]);
        let pdf = sample::open(ran.document());
        assert_eq!(entry(&pdf, 1001, b"K"), left);
        assert_eq!(entry(&pdf, 1010, b"Title"), "(t)");
    }
}
