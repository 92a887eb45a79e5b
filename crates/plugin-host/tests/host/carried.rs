//! What pages bring along from their document, and what they do not: layers, tags.

use dropleaf_plugin_abi as abi;
use lopdf::{Dictionary, Object};

use crate::samples::{open, reread, sample};
use crate::script::run;

/// A file of these objects, numbered from 1; the first is the catalog.
fn file(objects: &[&str]) -> Vec<u8> {
    let mut bytes = b"%PDF-1.7\n".to_vec();
    let mut table = String::from("0000000000 65535 f \n");
    for (number, object) in (1..).zip(objects) {
        table += &format!("{:010} 00000 n \n", bytes.len());
        bytes.extend(format!("{number} 0 obj\n{object}\nendobj\n").bytes());
    }
    let (at, size) = (bytes.len(), objects.len() + 1);
    let end = format!(
        "xref\n0 {size}\n{table}trailer\n<</Size {size}/Root 1 0 R>>\nstartxref\n{at}\n%%EOF\n"
    );
    bytes.extend(end.bytes());
    bytes
}

/// Three pages of which each shows layers: the first A and B, the second C, the third D. `more` are objects from 10 on.
fn layered(properties: &str, more: &[&str]) -> Vec<u8> {
    let catalog = format!("<</Type/Catalog/Pages 2 0 R/OCProperties {properties}>>");
    let page = |names: &str| {
        format!("<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]/Resources<</Properties<<{names}>>>>>>")
    };
    let pages = [page("/A 6 0 R/B 7 0 R"), page("/C 8 0 R"), page("/D 9 0 R")];
    let mut objects: Vec<&str> = vec![&catalog, "<</Type/Pages/Count 3/Kids[3 0 R 4 0 R 5 0 R]>>"];
    objects.extend(pages.iter().map(String::as_str));
    objects.extend(["<</Type/OCG/Name(A)>>", "<</Type/OCG/Name(B)>>"]);
    objects.extend(["<</Type/OCG/Name(C)>>", "<</Type/OCG/Name(D)>>"]);
    objects.extend(more);
    file(&objects)
}

/// A new document with these pages of these files.
fn assembled(files: &[Vec<u8>], pages: &[(usize, u32)]) -> lopdf::Document {
    let pages: Vec<_> = pages.iter().map(|(file, page)| (*file, *page, 1)).collect();
    joined(files, &pages)
}

/// The same; so many pages come at once.
fn joined(files: &[Vec<u8>], pages: &[(usize, u32, u32)]) -> lopdf::Document {
    let (files, pages) = (files.to_vec(), pages.to_vec());
    let mut documents = vec![open(sample(1))];
    let outcome = run(&mut documents, move |p| {
        let new = p.create(0).expect("created");
        let opened = files.iter().map(|file| p.open(file).expect("opened"));
        let opened: Vec<_> = opened.collect();
        for (file, page, many) in pages {
            let count = p.page_count(new).expect("a count");
            p.import(new, count, opened[file], page, many)
                .expect("imported");
        }
        p.emit(new, "").expect("emitted");
        abi::OK
    });
    reread(&mut outcome.expect("it succeeds").emitted[0].0)
}

/// A value as it stands there, keys sorted and layers by their names.
fn written(pdf: &lopdf::Document, value: &Object) -> String {
    let all = |items: &[Object]| {
        let items: Vec<String> = items.iter().map(|item| written(pdf, item)).collect();
        items.join(" ")
    };
    let entries = |dict: &Dictionary| {
        let entry = |(key, value): (&Vec<u8>, &Object)| {
            format!("{} {}", String::from_utf8_lossy(key), written(pdf, value))
        };
        let mut entries: Vec<String> = dict.iter().map(entry).collect();
        entries.sort();
        entries.join(", ")
    };
    match value {
        Object::Reference(id) => match pdf.get_object(*id) {
            Ok(Object::Dictionary(dict)) if dict.has_type(b"OCG") => {
                let name = dict.get(b"Name").and_then(Object::as_str);
                String::from_utf8_lossy(name.expect("a name")).into_owned()
            }
            Ok(Object::Dictionary(dict)) if dict.has_type(b"Page") => "page".to_owned(),
            Ok(other) => written(pdf, other),
            Err(_) => "nothing".to_owned(),
        },
        Object::Array(items) => format!("[{}]", all(items)),
        Object::Dictionary(dict) => format!("<{}>", entries(dict)),
        Object::String(text, _) => format!("({})", String::from_utf8_lossy(text)),
        Object::Name(name) => format!("/{}", String::from_utf8_lossy(name)),
        other => format!("{other:?}"),
    }
}

fn layers(pdf: &lopdf::Document) -> String {
    let catalog = pdf.catalog().expect("a catalog");
    let properties = catalog.get(b"OCProperties");
    properties.map_or_else(|_| String::new(), |value| written(pdf, value))
}

/// All that a configuration can say, in objects of their own.
fn rich() -> Vec<u8> {
    layered(
        "10 0 R",
        &[
            "<</OCGs 11 0 R/D 12 0 R/Configs[19 0 R]>>",
            "[6 0 R 7 0 R 8 0 R 9 0 R 9 0 R]",
            "<</Name(N)/Creator(M)/BaseState/OFF/ListMode/VisiblePages/Intent[/View/Design]/ON 13 0 R/OFF[9 0 R]/Order 14 0 R
              /Locked[6 0 R 9 0 R]/AS 15 0 R/RBGroups 17 0 R/Foreign 2 0 R>>",
            "[6 0 R 9 0 R]",
            "[6 0 R[(Views)7 0 R 18 0 R][(None)9 0 R]9 0 R[8 0 R]]",
            "[16 0 R<</Event/View/Category[/View]/OCGs[9 0 R]>>]",
            "<</Event/Print/Category[/Print]/OCGs[6 0 R 9 0 R]>>",
            "[[6 0 R 7 0 R 9 0 R][8 0 R 9 0 R]]",
            "[(Deep)8 0 R 9 0 R 14 0 R]",
            "<</Name(Other)/BaseState/OFF/ON[7 0 R 9 0 R]>>",
        ],
    )
}

#[test]
fn a_configuration_comes_along_cut_to_the_layers_that_have_come() {
    let check = |pages: &[(usize, u32)], expected: &str| {
        assert_eq!(layers(&assembled(&[rich()], pages)), expected);
    };
    let head = "Creator (M), Intent [/View /Design], ListMode /VisiblePages";
    check(
        &[(0, 0)],
        &format!(
            "<Configs [<BaseState /OFF, Name (Other), ON [B]>], D <AS [<Category [/Print], Event /Print, OCGs [A]>], \
             BaseState /OFF, {head}, Locked [A], Name (N), ON [A], Order [A [(Views) B [(Deep) A [(Views) B]]]], RBGroups [[A B]]>, OCGs [A B]>"
        ),
    );
    // Page by page, and in whatever order, it comes to the same.
    let whole = layers(&assembled(&[rich()], &[(0, 0), (0, 1), (0, 2)]));
    let by_pages = layers(&assembled(&[rich()], &[(0, 2), (0, 0), (0, 1)]));
    let configuration = |text: &str| text.split(", OCGs [A").next().map(str::to_owned);
    assert!(whole.contains("[(None) D] D [C]"), "{whole}");
    assert!(by_pages.contains("RBGroups [[A B D] [C D]]"), "{by_pages}");
    assert!(configuration(&whole).is_some());
    assert_eq!(
        whole.replace("OCGs [A B C D]>", ""),
        by_pages.replace("OCGs [D A B C]>", "")
    );
}

#[test]
fn documents_with_layers_are_joined() {
    let plain = || {
        layered(
            "<</OCGs[6 0 R 7 0 R]/D<</Name(First)/Order[6 0 R 7 0 R]/OFF[7 0 R]>>>>",
            &[],
        )
    };
    let second = || {
        layered(
            "<</OCGs[6 0 R 7 0 R 8 0 R]/Configs[<</Name(X)/ON[6 0 R]/BaseState/Unchanged>><</Name(Y)/OFF[8 0 R]>>]
             /D<</Name(Second)/BaseState/OFF/ON[6 0 R]/Locked[8 0 R]/Order[[(L)6 0 R 7 0 R]8 0 R]/RBGroups[[6 0 R 7 0 R]]
             /AS[<</Event/Print/Category[/Print]/OCGs[6 0 R 8 0 R]>>]>>>>",
            &[],
        )
    };
    let pdf = assembled(&[plain(), second()], &[(0, 0), (1, 1), (1, 0)]);
    let usage = "AS [<Category [/Print], Event /Print, OCGs [A C]>]";
    assert_eq!(
        layers(&pdf),
        format!(
            "<Configs [<BaseState /Unchanged, Name (X), ON [A]> <BaseState /Unchanged, Name (Y), OFF [C], ON [A B]>], \
             D <{usage}, Locked [C], Name (First), OFF [B B C], ON [A], Order [A B [(L) A B] C], RBGroups [[A B]]>, \
             OCGs [A B C A B]>"
        )
    );
}

#[test]
fn damaged_configurations_cost_no_page() {
    for properties in [
        "[6 0 R]",
        "<</OCGs[6 0 R]>>",
        "<</OCGs[6 0 R]/D 7/Configs 7>>",
        "<</OCGs[6 0 R]/D<</Order 6 0 R/ON(x)/OFF<<>>/AS[7 8[]<<>>]/RBGroups[6 0 R 7[]]/Intent[7(x)]>>/Configs[7[]<<>>]>>",
        "<</OCGs[6 0 R]/D<</Order[1 0 R[10 0 R]null(x)7]>>>>",
    ] {
        let many = format!("[{}]", "10 0 R ".repeat(500));
        let pdf = assembled(&[layered(properties, &[&many])], &[(0, 0), (0, 1)]);
        assert_eq!(pdf.get_pages().len(), 2, "{properties}");
    }
}

#[test]
fn no_link_brings_the_structure_tree_along() {
    let bytes = file(&[
        "<</Type/Catalog/Pages 2 0 R/StructTreeRoot 5 0 R>>",
        "<</Type/Pages/Count 2/Kids[3 0 R 4 0 R]/MediaBox[0 0 9 9]>>",
        "<</Type/Page/Parent 2 0 R/Annots[8 0 R 9 0 R 10 0 R]/StructParents 0>>",
        "<</Type/Page/Parent 2 0 R/StructParents 1>>",
        "<</Type/StructTreeRoot/K[6 0 R 7 0 R]>>",
        "<</S/P/P 5 0 R/Pg 3 0 R/K 0>>",
        "<</S/P/P 5 0 R/Pg 4 0 R/K 0/ActualText(SECRET)>>",
        "<</Type/Annot/Subtype/Link/A<</S/GoTo/D[3 0 R/Fit]/SD[6 0 R/Fit]>>>>",
        "<</Type/Annot/Subtype/Link/A 11 0 R/Foreign 7 0 R>>",
        "<</Type/Annot/Subtype/Link/A<</S/GoToR/F(a.pdf)/D[0/Fit]/SD[(id)/Fit]>>>>",
        "<</S/GoTo/D 12 0 R>>",
        "<</D[3 0 R/Fit]/SD 13 0 R>>",
        "[7 0 R/Fit]",
    ]);
    let pdf = assembled(&[bytes], &[(0, 0)]);
    let all = format!("{:?}", pdf.objects);
    assert!(!all.contains("SECRET"), "{all}");
    let page = pdf.get_pages()[&1];
    let annotations = pdf.get_dictionary(page);
    let annotations = annotations.and_then(|page| page.get(b"Annots"));
    let annotations = written(&pdf, annotations.expect("annotations"));
    assert_eq!(annotations.matches("SD ").count(), 1, "{annotations}");
    assert_eq!(annotations.matches("SD [(id)").count(), 1, "{annotations}");
    assert_eq!(
        annotations.matches("D [page /Fit]").count(),
        2,
        "{annotations}"
    );
}

/// The first page of a document, whose annotations are `links`, with these objects from 5 on; 5 is its tree of names.
fn linked(links: &str, objects: &[&str]) -> String {
    let page = format!("<</Type/Page/Parent 2 0 R/Annots[{links}]>>");
    let mut all = vec![
        "<</Type/Catalog/Pages 2 0 R/Names<</Dests 5 0 R>>>>",
        "<</Type/Pages/Count 2/Kids[3 0 R 4 0 R]/MediaBox[0 0 9 9]>>",
        &page,
        "<</Type/Page/Parent 2 0 R>>",
    ];
    all.extend(objects);
    let pdf = assembled(&[file(&all)], &[(0, 0)]);
    let page = pdf.get_dictionary(pdf.get_pages()[&1]);
    let annotations = page.and_then(|page| page.get(b"Annots"));
    written(&pdf, annotations.expect("annotations"))
}

fn link(name: &str) -> String {
    format!("<</Subtype/Link/Dest({name})>>")
}

#[test]
fn destinations_are_found_wherever_they_stand_in_the_tree_of_names() {
    // In no order, more than can be looked at for each, and with limits that are not true.
    let many: String = (0..5_000)
        .rev()
        .map(|at| format!("(n{at})[3 0 R/FitH {at}]"))
        .collect();
    let many = format!("<</Limits[(x)(y)]/Names[{many}]>>");
    let written = linked(
        &["n4999", "n1", "deep", "held", "none"].map(link).concat(),
        &[
            "<</Kids[6 0 R 6 0 R 7 0 R<</Names[(held)<</D[3 0 R/FitB]>>]>>]>>",
            &many,
            "<</Kids[5 0 R 8 0 R]>>",
            "<</Names 9 0 R>>",
            "[(deep)10 0 R]",
            "[3 0 R/FitV 7]",
        ],
    );
    for expected in [
        "Dest [page /FitH 4999]",
        "Dest [page /FitH 1]",
        "Dest [page /FitV 7]",
        "Dest [page /FitB]",
        "Dest (none)",
    ] {
        assert!(written.contains(expected), "{expected}: {written}");
    }
}

/// To look through all of it for each link would not end.
#[test]
fn any_number_of_links_may_name_what_is_not_there() {
    let kids = format!("<</Kids[{}]>>", "6 0 R ".repeat(1_000));
    let names = format!("<</Names[{}]>>", "(a)[3 0 R/Fit]".repeat(4_000));
    let written = linked(&link("none").repeat(10_000), &[&kids, &names]);
    assert_eq!(written.matches("Dest (none)").count(), 10_000);
}

/// Two pages whose fields hang together; what is said of the second is secret.
fn form() -> Vec<u8> {
    form_of("5 0 R 12 0 R")
}

fn form_of(fields: &str) -> Vec<u8> {
    let catalog = format!(
        "<</Type/Catalog/Pages 2 0 R/AcroForm<</Fields[{fields}]>>/DPartRoot 14 0 R/Secret(SECRET)>>"
    );
    file(&[
        &catalog,
        "<</Type/Pages/Count 2/Kids[3 0 R 4 0 R]/MediaBox[0 0 9 9]>>",
        "<</Type/Page/Parent 2 0 R/Annots[7 0 R 10 0 R]/DPart 15 0 R>>",
        "<</Type/Page/Parent 2 0 R/Annots[8 0 R 9 0 R 13 0 R]/DPart 16 0 R>>",
        "<</T(pay)/Kids 6 0 R>>",
        "[7 0 R 8 0 R 11 0 R]",
        "<</Type/Annot/Subtype/Widget/Parent 5 0 R/FT/Tx/T(total)/V(12)/A 17 0 R/Catalog 1 0 R>>",
        "<</Subtype/Widget/Parent 5 0 R/FT/Tx/T(salary)/V(SECRET)>>",
        "<</Type/Annot/Subtype/Text/Rect[0 0 1 1]/Contents(SECRET)>>",
        "<</Subtype/Text/Rect[0 0 1 1]/Contents(Note)/IRT 9 0 R/Popup 18 0 R>>",
        "<</Parent 5 0 R/T(hidden)/V(SECRET)>>",
        "<</FT/Tx/T(lone)/V(SECRET)/Kids[13 0 R]>>",
        "<</Type/Annot/Subtype/Widget/Parent 12 0 R>>",
        "<</Type/DPartRoot/DPartRootNode 19 0 R>>",
        "<</Type/DPart/Parent 19 0 R/Start 3 0 R>>",
        "<</Type/DPart/Parent 19 0 R/Start 4 0 R/DPM<</Name(SECRET)>>>>",
        "<</S/ResetForm/Fields[8 0 R 11 0 R 12 0 R]/Next<</S/Hide/T 9 0 R>>>>",
        "<</Type/Annot/Subtype/Popup/Parent 10 0 R/Rect[0 0 2 2]>>",
        "<</Type/DPart/Parent 14 0 R/DParts[[15 0 R 16 0 R]]>>",
        "<</FT/Tx/T(data)/Kids[]>>",
    ])
}

fn kids(pdf: &lopdf::Document, field: usize) -> String {
    let form = pdf.catalog().expect("a catalog").get(b"AcroForm");
    let form = form.and_then(Object::as_dict).expect("a form");
    let fields = form.get(b"Fields").and_then(Object::as_array);
    let id = fields.expect("fields")[field].as_reference();
    let field = pdf.get_dictionary(id.expect("a reference"));
    let kids = field.and_then(|field| field.get_deref(b"Kids", pdf));
    let names = kids
        .and_then(Object::as_array)
        .expect("kids")
        .iter()
        .map(|kid| {
            let kid = pdf.get_dictionary(kid.as_reference().expect("a reference"));
            let name = kid.and_then(|kid| kid.get(b"T")).and_then(Object::as_str);
            String::from_utf8_lossy(name.unwrap_or(b"-")).into_owned()
        });
    names.collect::<Vec<_>>().join(" ")
}

#[test]
fn fields_and_notes_of_other_pages_stay_behind() {
    let before = lopdf::Document::load_mem(&form()).expect("it loads");
    assert!(format!("{:?}", before.objects).contains("SECRET"));
    let pdf = assembled(&[form()], &[(0, 0)]);
    let all = format!("{:?}", pdf.objects);
    assert!(!all.contains("SECRET"), "{all}");
    assert!(!all.contains("DPart"), "{all}");
    assert_eq!(kids(&pdf, 0), "total");
    let page = pdf.get_dictionary(pdf.get_pages()[&1]);
    let annotations = page.and_then(|page| page.get(b"Annots"));
    let annotations = annotations.and_then(Object::as_array).expect("annotations");
    let note = written(
        &pdf,
        &Object::Dictionary({
            let note = annotations[1].as_reference().expect("a reference");
            let mut note = pdf.get_dictionary(note).expect("the note").clone();
            let popup = note.get(b"Popup").and_then(Object::as_reference);
            let popup = pdf.get_dictionary(popup.expect("a reference"));
            assert!(popup.expect("the popup").has(b"Rect"));
            note.remove(b"Popup");
            note
        }),
    );
    assert!(note.contains("IRT nothing"), "{note}");
}

#[test]
fn fields_whose_pages_come_one_by_one_are_whole_in_the_end() {
    for pages in [vec![(0, 0), (0, 1)], vec![(0, 1), (0, 0)]] {
        let pdf = assembled(&[form()], &pages);
        let first = pages[0].1 as usize;
        let (pay, lone) = (kids(&pdf, 0), kids(&pdf, 1));
        assert_eq!(pay, ["total salary", "salary total"][first]);
        assert_eq!(lone, "-");
        let all = format!("{:?}", pdf.objects);
        assert_eq!(all.matches("SECRET").count(), 3, "{all}");
        assert!(!all.contains("hidden"), "{all}");
    }
}

#[test]
fn fields_without_a_widget_come_with_all_pages() {
    let pdf = joined(&[form_of("5 0 R 20 0 R")], &[(0, 0, 2)]);
    assert_eq!(kids(&pdf, 0), "total salary hidden");
    assert_eq!(kids(&pdf, 1), "");
}

/// macOS keeps keywords as an array beside the usual text.
#[test]
fn information_goes_along_with_its_lists_of_scalars() {
    let source = file(&[
        "<</Type/Catalog/Pages 2 0 R>>",
        "<</Type/Pages/Count 1/Kids[3 0 R]>>",
        "<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>",
        "<</Keywords(a, b)/AAPL:Keywords 5 0 R/Pages[3 0 R]/Nested[[(a)]]/List[(a) 6 0 R]>>",
        "[(a)(b)]",
        "(c)",
    ]);
    let source = String::from_utf8_lossy(&source).replace("/Root 1 0 R", "/Root 1 0 R/Info 4 0 R");
    let mut documents = vec![open(source.into_bytes())];
    let outcome = run(&mut documents, |p| {
        let part = p.create(abi::DOCUMENT).expect("created");
        p.import(part, 0, abi::DOCUMENT, 0, 1).expect("imported");
        p.emit(part, "").expect("emitted");
        abi::OK
    });
    let mut emitted = outcome.expect("it succeeds").emitted;
    let part = reread(&mut emitted[0].0);
    let info = part.trailer.get(b"Info").and_then(Object::as_reference);
    let info = part.get_dictionary(info.expect("information")).expect("it");
    let list = |key: &[u8]| {
        let items = info.get(key).and_then(Object::as_array).ok()?;
        let items = items.iter().map(|item| item.as_str().expect("a text"));
        Some(
            items
                .map(String::from_utf8_lossy)
                .collect::<Vec<_>>()
                .join(" "),
        )
    };
    assert_eq!(list(b"AAPL:Keywords").as_deref(), Some("a b"));
    assert_eq!(list(b"List").as_deref(), Some("a c"));
    assert_eq!((list(b"Pages"), list(b"Nested")), (None, None));
    assert!(info.has(b"Keywords"));
}

/// The widgets of a button are on three pages; their states are their places, and one of them is on.
#[test]
fn export_values_come_with_their_widgets() {
    let page = |number: u32| {
        format!(
            "<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]/Annots[{} 0 R]>>",
            number + 7
        )
    };
    let widget = |page: u32, state: u32, is: &str| {
        let states = format!("/N<</{state} 10 0 R/Off 10 0 R>>");
        format!("<</Subtype/Widget/P {page} 0 R/Parent 6 0 R/AS/{is}/AP<<{states}>>>>")
    };
    let file = file(&[
        "<</Type/Catalog/Pages 2 0 R/AcroForm<</Fields[6 0 R]>>>>",
        "<</Type/Pages/Count 3/Kids[3 0 R 4 0 R 5 0 R]>>",
        &page(0),
        &page(1),
        &page(2),
        "<</FT/Btn/T(r)/V/2/DV/1/Opt[(red)(green)(blue)]/Kids[7 0 R 8 0 R 9 0 R]>>",
        &widget(3, 0, "Off"),
        &widget(4, 1, "Off"),
        &widget(5, 2, "2"),
        "<</Length 0>>\nstream\n\nendstream",
    ]);
    let field = |pages: &[(usize, u32, u32)]| {
        let pdf = joined(std::slice::from_ref(&file), pages);
        let form = pdf
            .catalog()
            .expect("a catalog")
            .get_deref(b"AcroForm", &pdf);
        let fields = form.and_then(|form| form.as_dict()?.get_deref(b"Fields", &pdf));
        let fields = fields.and_then(Object::as_array).expect("fields");
        let field = pdf.dereference(&fields[0]).expect("a field").1;
        let field = field.as_dict().expect("a field");
        let value = |key: &[u8]| written(&pdf, field.get(key).expect("a value"));
        let kids = field.get_deref(b"Kids", &pdf).and_then(Object::as_array);
        let widgets = kids.expect("kids").iter().map(|kid| {
            let kid = pdf
                .dereference(kid)
                .expect("a widget")
                .1
                .as_dict()
                .expect("a widget");
            let states = kid.get_deref(b"AP", &pdf).and_then(Object::as_dict);
            let states = states.and_then(|all| all.get_deref(b"N", &pdf)?.as_dict());
            let mut names = states.expect("states").iter().map(|(name, _)| name);
            let on = names.find(|name| *name != b"Off").expect("a state");
            let is = written(&pdf, kid.get(b"AS").expect("a state"));
            format!("{}={is}", String::from_utf8_lossy(on))
        });
        let widgets: Vec<String> = widgets.collect();
        format!(
            "{} {} {} {}",
            value(b"Opt"),
            value(b"V"),
            value(b"DV"),
            widgets.join(" ")
        )
    };
    let all = "[(red) (green) (blue)] /2 /1 0=/Off 1=/Off 2=/2";
    assert_eq!(field(&[(0, 0, 3)]), all);
    assert_eq!(field(&[(0, 0, 1), (0, 1, 1), (0, 2, 1)]), all);
    let two = "[(green) (blue)] /1 /0 0=/Off 1=/1";
    assert_eq!(field(&[(0, 1, 2)]), two);
    // In another order, and without the one that the default value names.
    assert_eq!(
        field(&[(0, 2, 1), (0, 0, 1)]),
        "[(blue) (red)] /0 /Off 0=/0 1=/Off"
    );
}
