//! The fields of several forms in one.

use super::*;

/// Names and values of the fields of a form.
fn fields(pdf: &[u8]) -> Vec<(String, String)> {
    let document = sample::open(pdf);
    let form = dict(&document, &["AcroForm"]);
    let text = |field: &Dictionary, key: &[u8]| {
        let bytes = field.get(key).and_then(Cos::as_str).unwrap_or_default();
        String::from_utf8_lossy(bytes).into_owned()
    };
    let fields = form
        .get_deref(b"Fields", &document)
        .and_then(Cos::as_array)
        .expect("fields");
    let fields = fields
        .iter()
        .map(|field| document.dereference(field).expect("a field").1);
    let fields = fields.map(|field| field.as_dict().expect("a dictionary"));
    fields
        .map(|field| (text(field, b"T"), text(field, b"V")))
        .collect()
}

#[test]
fn fields_of_one_name_stay_two_fields() {
    let a = Sample::new("a", 1)
        .field("name", "Ann")
        .field("city", "Ulm")
        .bytes();
    let b = Sample::new("b", 1).field("name", "Bob").bytes();
    let ran = run(&[a, b.clone(), b]);
    let expected = [
        ("name", "Ann"),
        ("city", "Ulm"),
        ("name+1", "Bob"),
        ("name+2", "Bob"),
    ];
    let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(fields(ran.document()), expected);
    assert_eq!(ran.warnings.len(), 2);
    assert!(
        ran.warnings[0].contains("form field `name` of document `2` is now `name+1`"),
        "{:?}",
        ran.warnings
    );
}

#[test]
fn fields_are_carried_into_a_document_without_a_form() {
    let with_resources = Sample::new("b", 1)
        .field("name", "Bob")
        .edit(|document, _| {
            let font = document.add_object(
                dictionary! { "Type" => "Font", "Subtype" => "Type1", "BaseFont" => "Courier" },
            );
            let catalog = document.catalog_mut().expect("a catalog");
            let form = catalog
                .get_mut(b"AcroForm")
                .and_then(Cos::as_dict_mut)
                .expect("a form");
            form.set(
                "DR",
                dictionary! { "Font" => dictionary! { "Cour" => font } },
            );
            form.set("DA", Cos::string_literal("/Cour 0 Tf"));
        });
    let ran = run(&[sample::pdf(1), with_resources.bytes()]);
    assert_eq!(
        fields(ran.document()),
        [("name".to_owned(), "Bob".to_owned())]
    );
    let document = sample::open(ran.document());
    assert!(dict(&document, &["AcroForm", "DR", "Font", "Cour"]).has(b"BaseFont"));
    assert!(dict(&document, &["AcroForm"]).has(b"DA"));
    let page = document.get_pages()[&2];
    let page = document.get_dictionary(page).expect("a page");
    assert!(
        page.iter().all(|(key, _)| !key.starts_with(b"Dropleaf")),
        "luggage was left on the page"
    );
}

/// A form whose defaults are these; its one field has no type of its own and is calculated.
fn with_defaults(name: &str, font: &str, base: &str, size: u8, side: i64) -> Vec<u8> {
    let sample = Sample::new(name, 1).field(name, "value");
    let sample = sample.edit(|document, _| {
        let fields = dict(document, &["AcroForm"])
            .get(b"Fields")
            .and_then(Cos::as_array)
            .cloned()
            .expect("fields");
        let field = fields[0].as_reference().expect("a reference");
        let own = document.get_dictionary_mut(field).expect("a field");
        own.remove(b"DA");
        let kid = document.add_object(dictionary! {
            "Type" => "Annot", "Subtype" => "Widget", "Parent" => field, "Rect" => vec![0.into(), 0.into(), 9.into(), 9.into()],
            "DA" => Cos::string_literal(format!("0 g /{font} 9 Tf")),
        });
        let own = document.get_dictionary_mut(field).expect("a field");
        own.set("Kids", vec![Cos::from(kid)]);
        let font_object = document.add_object(
            dictionary! { "Type" => "Font", "Subtype" => "Type1", "BaseFont" => base },
        );
        let catalog = document.catalog_mut().expect("a catalog");
        let form = catalog
            .get_mut(b"AcroForm")
            .and_then(Cos::as_dict_mut)
            .expect("a form");
        form.set("DR", dictionary! { "Font" => dictionary! { font => font_object } });
        form.set("DA", Cos::string_literal(format!("/{font} {size} Tf 0 g")));
        form.set("Q", side);
        form.set("CO", fields);
    });
    sample.bytes()
}

#[test]
fn fields_keep_the_type_and_the_side_that_their_form_gave_them() {
    let a = with_defaults("a", "Helv", "Helvetica", 12, 0);
    let b = with_defaults("b", "Helv", "Times-Roman", 12, 2);
    let c = with_defaults("c", "Helv", "Helvetica", 8, 0);
    let ran = run(&[a, b, c]);
    let document = sample::open(ran.document());
    let form = dict(&document, &["AcroForm"]);
    let text = |dict: &Dictionary, key: &[u8]| {
        let bytes = dict.get(key).and_then(Cos::as_str).unwrap_or_default();
        String::from_utf8_lossy(bytes).into_owned()
    };
    assert_eq!(text(&form, b"DA"), "/Helv 12 Tf 0 g");
    let list = |key: &[u8]| form.get(key).and_then(Cos::as_array).cloned();
    let fields = list(b"Fields").expect("fields");
    let told: Vec<(String, Option<i64>, String)> = fields
        .iter()
        .map(|field| {
            let field = document.dereference(field).expect("a field").1;
            let field = field.as_dict().expect("a dictionary");
            let kids = field.get(b"Kids").and_then(Cos::as_array).expect("kids");
            let kid = document.dereference(&kids[0]).expect("a kid").1;
            let side = field.get(b"Q").and_then(Cos::as_i64).ok();
            let below = text(kid.as_dict().expect("a dictionary"), b"DA");
            (text(field, b"DA"), side, below)
        })
        .collect();
    let expected = [
        ("", None, "0 g /Helv 9 Tf"),
        ("/Helv+1 12 Tf 0 g", Some(2), "0 g /Helv+1 9 Tf"),
        ("/Helv 8 Tf 0 g", None, "0 g /Helv 9 Tf"),
    ];
    let expected = expected.map(|(own, side, below)| (own.to_owned(), side, below.to_owned()));
    assert_eq!(told, expected);
    assert_eq!(list(b"CO").ok(), Some(fields));
    let fonts = dict(&document, &["AcroForm", "DR", "Font"]);
    let base = |name: &[u8]| {
        let font = fonts.get_deref(name, &document).and_then(Cos::as_dict);
        let font = font.and_then(|font| font.get(b"BaseFont"));
        font.and_then(Cos::as_name).map(<[u8]>::to_vec).ok()
    };
    assert_eq!(fonts.len(), 2);
    assert_eq!(base(b"Helv").as_deref(), Some(b"Helvetica".as_slice()));
    assert_eq!(base(b"Helv+1").as_deref(), Some(b"Times-Roman".as_slice()));
}

/// A document with a field `name`, and a button and a signature that call it and another one by their names.
fn calling(script: bool) -> Vec<u8> {
    let names = |names: &[&str]| -> Cos {
        names
            .iter()
            .map(|name| Cos::string_literal(*name))
            .collect::<Vec<Cos>>()
            .into()
    };
    let sample = Sample::new("s", 1)
        .field("name", "x")
        .field("other", "y")
        .field("go", "");
    let sample = sample.edit(|document, _| {
        let listed = document.add_object(names(&["name", "names", "na"]));
        let submit = dictionary! { "S" => "SubmitForm", "Fields" => listed };
        let hide = dictionary! { "S" => "Hide", "T" => Cos::string_literal("name"), "Next" => submit };
        let reset = dictionary! { "S" => "ResetForm", "Fields" => names(&["other", "name.first"]), "Next" => hide };
        let lock = dictionary! { "Action" => "Include", "Fields" => names(&["name"]) };
        let code = dictionary! { "S" => "JavaScript", "JS" => Cos::string_literal("1") };
        let mut fields = document.objects.values_mut().filter_map(|object| object.as_dict_mut().ok());
        let button = fields.find(|field| {
            field.get(b"T").and_then(Cos::as_str).is_ok_and(|name| name == b"go")
        });
        let button = button.expect("the button");
        button.set("A", reset);
        button.set("Lock", lock);
        if script {
            button.set("AA", dictionary! { "C" => code });
        }
    });
    sample.bytes()
}

#[test]
fn what_calls_a_field_by_its_name_calls_it_by_the_new_one() {
    let first = Sample::new("a", 1).field("name", "z").bytes();
    let ran = run(&[first.clone(), calling(false)]);
    assert_eq!(ran.warnings.len(), 1, "{:?}", ran.warnings);
    let document = sample::open(ran.document());
    let strings = |value: &Cos| -> Vec<String> {
        let (_, list) = document.dereference(value).expect("a list");
        let items = list.as_array().expect("a list").iter();
        items
            .map(|item| String::from_utf8_lossy(item.as_str().expect("a name")).into_owned())
            .collect()
    };
    let mut dicts = document
        .objects
        .values()
        .filter_map(|object| object.as_dict().ok());
    let button = dicts.find(|dict| dict.has(b"Lock")).expect("the button");
    let at = |dict: &Dictionary, key: &[u8]| {
        dict.get(key)
            .and_then(Cos::as_dict)
            .cloned()
            .expect("a dictionary")
    };
    let reset = at(button, b"A");
    assert_eq!(
        strings(reset.get(b"Fields").expect("fields")),
        ["other", "name+1.first"]
    );
    let hide = at(&reset, b"Next");
    assert_eq!(
        hide.get(b"T").and_then(Cos::as_str).expect("a name"),
        b"name+1"
    );
    let submit = at(&hide, b"Next");
    assert_eq!(
        strings(submit.get(b"Fields").expect("fields")),
        ["name+1", "names", "na"]
    );
    let lock = at(button, b"Lock");
    assert_eq!(strings(lock.get(b"Fields").expect("fields")), ["name+1"]);

    let told = run(&[first, calling(true)]).warnings;
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[1].contains("scripts of document `2`"), "{told:?}");
    let told = run(&[sample::pdf(1), calling(true)]).warnings;
    assert_eq!(told, [""; 0]);
}

#[test]
fn a_field_that_is_on_no_page_is_renamed_too() {
    let hidden = || {
        Sample::new("s", 1).field("seen", "x").edit(|document, _| {
            let field = dictionary! { "FT" => "Tx", "T" => Cos::string_literal("hidden") };
            let field = document.add_object(field);
            let catalog = document.catalog_mut().expect("a catalog");
            let form = catalog.get_mut(b"AcroForm").and_then(Cos::as_dict_mut);
            let fields = form
                .expect("a form")
                .get_mut(b"Fields")
                .and_then(Cos::as_array_mut);
            fields.expect("fields").push(field.into());
        })
    };
    let ran = run(&[hidden().bytes(), hidden().bytes()]);
    let names: Vec<String> = fields(ran.document())
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    assert_eq!(names, ["seen", "hidden", "seen+1", "hidden+1"]);
}
