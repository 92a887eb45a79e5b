//! What is said of pages by their place, and has to be said otherwise when pages go or change places.

use super::*;

/// An object in PDF syntax, as far as these tests write it.
fn written(value: &Cos) -> String {
    match value {
        Cos::Reference(id) => format!("{} 0 R", id.0),
        Cos::Integer(number) => number.to_string(),
        Cos::String(text, _) => format!("({})", String::from_utf8_lossy(text)),
        Cos::Name(name) => format!("/{}", String::from_utf8_lossy(name)),
        Cos::Array(items) => {
            let items: Vec<String> = items.iter().map(written).collect();
            format!("[{}]", items.join(" "))
        }
        Cos::Dictionary(dict) => {
            let entry = |(key, value): (&Vec<u8>, &Cos)| {
                format!("/{} {}", String::from_utf8_lossy(key), written(value))
            };
            let entries: Vec<String> = dict.iter().map(entry).collect();
            format!("<<{}>>", entries.join(" "))
        }
        other => format!("{other:?}"),
    }
}

fn entry(pdf: &[u8], id: u32, key: &str) -> String {
    let document = sample::open(pdf);
    let dict = document.get_dictionary((id, 0)).ok();
    let value = dict.and_then(|dict| dict.get(key.as_bytes()).ok());
    value.map(written).unwrap_or_default()
}

fn without(page: u32, pdf: &[u8]) -> testing::Ran {
    testing::run::<DeletePages>(json!({ "pages": page }), &[pdf]).expect("it runs")
}

/// A field with a widget on the second page and two on the first; the states are `states`.
fn buttons(field: &str, states: [&str; 3]) -> Vec<u8> {
    let widget = |page: &str, state: &str, is: &str| {
        let states = format!("/N<</{state} 1012 0 R/Off 1012 0 R>>/D<</{state} 1012 0 R>>");
        format!("<</Type/Annot/Subtype/Widget/P {page}/Parent 1000 0 R/AS/{is}/AP<<{states}>>>>")
    };
    let widgets = [
        widget("P2", states[0], "Off"),
        widget("P1", states[1], states[1]),
        widget("P1", states[2], "Off"),
    ];
    let field = format!("<</T(r)/Kids[1001 0 R 1002 0 R 1003 0 R]{field}>>");
    let objects = [
        (1000, field.as_str()),
        (1001, &widgets[0]),
        (1002, &widgets[1]),
        (1003, &widgets[2]),
        (1012, "<</Length 0>>\nstream\n\nendstream"),
    ];
    let annotations = ["[1002 0 R 1003 0 R]", "[1001 0 R]"];
    made(
        &[("AcroForm", "<</Fields[1000 0 R]>>")],
        annotations,
        &objects,
    )
}

#[test]
fn export_values_stay_with_their_widgets() {
    let field = "/FT/Btn/Ff 49152/V/1/DV/0/Opt[(red)(green)(blue)]";
    let pdf = buttons(field, ["0", "1", "2"]);
    let ran = without(2, &pdf);
    let after = |id, key| entry(ran.document(), id, key);
    assert_eq!(after(1000, "Kids"), "[1002 0 R 1003 0 R]");
    assert_eq!(after(1000, "Opt"), "[(green) (blue)]");
    // The state is the place, so it is another one, and so is the value. The default was on the dropped page.
    assert_eq!(after(1000, "V"), "/0");
    assert_eq!(after(1000, "DV"), "/Off");
    assert_eq!(after(1002, "AS"), "/0");
    assert_eq!(after(1003, "AS"), "/Off");
    let appearances = "<</N <</0 1012 0 R /Off 1012 0 R>> /D <</0 1012 0 R>>>>";
    assert_eq!(after(1002, "AP"), appearances);
    assert_eq!(after(1003, "AP"), appearances.replace("/0 ", "/1 "));

    let ran = without(1, &pdf);
    let after = |id, key| entry(ran.document(), id, key);
    assert_eq!(after(1000, "Opt"), "[(red)]");
    assert_eq!(after(1000, "V"), "/Off");
    assert_eq!(after(1000, "DV"), "/0");
}

#[test]
fn states_that_are_names_of_their_own_stay() {
    let field = "/FT/Btn/V/b/Opt[(red)(green)(blue)]";
    let ran = without(2, &buttons(field, ["a", "b", "0"]));
    let after = |id, key| entry(ran.document(), id, key);
    assert_eq!(after(1000, "Opt"), "[(green) (blue)]");
    assert_eq!(after(1000, "V"), "/b");
    assert_eq!(after(1002, "AS"), "/b");
    // What can be chosen in a choice is no matter of its widgets.
    let field = "/FT/Ch/V(1)/Opt[(1)(2)(3)]";
    let ran = without(2, &buttons(field, ["0", "1", "2"]));
    assert_eq!(entry(ran.document(), 1000, "Opt"), "[(1) (2) (3)]");
}

#[test]
fn pages_to_print_and_document_parts_hold_for_the_order_that_was() {
    let preferences = "<</PrintPageRange[2 2]/NumCopies 2>>";
    let parts = "<</Type/DPartRoot/DPartRootNode<</Type/DPart/Start P1/End P2>>>>";
    let catalog = [("ViewerPreferences", preferences), ("DPartRoot", parts)];
    let pdf = made(&catalog, ["[]", "[]"], &[]);
    let reversed = testing::run::<Reverse>(json!({}), &[&pdf]).expect("it runs");
    let turned = json!({ "pages": "2,1" });
    let turned = testing::run::<ExtractPages>(turned, &[&pdf]).expect("it runs");
    for ran in [reversed, turned, without(1, &pdf)] {
        assert_eq!(entry(ran.document(), 980, "NumCopies"), "2");
        assert_eq!(entry(ran.document(), 980, "PrintPageRange"), "");
        assert_eq!(entry(ran.document(), 981, "Type"), "");
        assert_eq!(ran.warnings.len(), 1, "{:?}", ran.warnings);
        assert!(ran.warnings[0].contains("DPartRoot"), "{:?}", ran.warnings);
    }
    let all = testing::run::<ExtractPages>(json!({ "pages": "all" }), &[&pdf]).expect("it runs");
    assert_eq!(entry(all.document(), 980, "PrintPageRange"), "[2 2]");
    assert_eq!((all.warnings.len(), all.saves), (0, 0));
}

/// Two articles: one with beads on both pages, which begins on the second one; one that is on the second page.
#[test]
fn articles_lose_the_beads_of_dropped_pages() {
    let threads = "[1000 0 R 1001 0 R]";
    let bead = |page: &str, next: u32, last: u32, more: &str| {
        format!("<</P {page}/N {next} 0 R/V {last} 0 R/R[0 0 1 1]{more}>>")
    };
    let beads = [
        bead("P2", 1011, 1013, "/T 1000 0 R"),
        bead("P2", 1012, 1010, ""),
        bead("P1", 1013, 1011, ""),
        bead("P1", 1010, 1012, ""),
        bead("P2", 1014, 1014, "/T 1001 0 R"),
    ];
    let mut objects = vec![
        (1000, "<</Type/Thread/F 1010 0 R>>"),
        (1001, "<</Type/Thread/F 1014 0 R/I<</Title(SECRET)>>>>"),
    ];
    objects.extend((1010..).zip(beads.iter().map(String::as_str)));
    let pdf = made(&[("Threads", threads)], ["[]", "[]"], &objects);
    let mut document = sample::open(&pdf);
    let pages: Vec<_> = document.get_pages().into_values().collect();
    for (page, beads) in pages.iter().zip([&[1012, 1013][..], &[1010, 1011, 1014]]) {
        let beads: Vec<Cos> = beads
            .iter()
            .map(|bead| Cos::Reference((*bead, 0)))
            .collect();
        let page = document.get_dictionary_mut(*page).expect("a page");
        page.set("B", beads);
    }
    let mut pdf = Vec::new();
    document.save_to(&mut pdf).expect("saved");
    let ran = without(2, &pdf);
    let after = |id, key| entry(ran.document(), id, key);
    assert_eq!(after(1000, "F"), "1012 0 R");
    assert_eq!(after(1012, "T"), "1000 0 R");
    for (bead, other) in [(1012, "1013 0 R"), (1013, "1012 0 R")] {
        assert_eq!(
            (after(bead, "N"), after(bead, "V")),
            (other.into(), other.into())
        );
    }
    let catalog = sample::open(ran.document());
    let threads = catalog
        .catalog()
        .expect("a catalog")
        .get_deref(b"Threads", &catalog);
    assert_eq!(threads.map(written).ok().as_deref(), Some("[1000 0 R]"));
    assert_eq!(secrets(ran.document()), [""; 0]);
}
