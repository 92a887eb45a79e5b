//! Pages: inserted, removed, moved, imported; the tree follows.

use dropleaf_plugin_abi as abi;
use lopdf::{Object, dictionary};

use crate::samples::{by_hand, bytes_of, engine_document, numbers, open, reread, sample, save};
use crate::script::{Plugin, Value, edit, run};

#[test]
fn pages_are_removed_moved_and_inserted_where_they_are_said() {
    let mut document = edit(open(sample(6)), |p| {
        p.remove_pages(abi::DOCUMENT, 1, 2).expect("removed");
        p.move_page(abi::DOCUMENT, 0, 3).expect("moved");
        let new = p
            .parse(abi::DOCUMENT, "<< /MediaBox [0 0 10 10] /Number 77 >>")
            .expect("parsed");
        p.insert_page(abi::DOCUMENT, 1, new).expect("inserted");
        assert_eq!(p.page_count(abi::DOCUMENT), Ok(5));
        assert_eq!(p.remove_pages(abi::DOCUMENT, 4, 2), Err(abi::E_ARG));
        assert_eq!(p.move_page(abi::DOCUMENT, 5, 0), Err(abi::E_ARG));
        assert_eq!(p.page(abi::DOCUMENT, 5), Err(abi::E_NOT_FOUND));
        abi::OK
    });
    let pdf = reread(&mut document);
    assert_eq!(numbers(&pdf), [3, 77, 4, 5, 0]);
    let root = pdf
        .catalog()
        .and_then(|catalog| catalog.get(b"Pages"))
        .and_then(Object::as_reference)
        .expect("a root");
    let tree = pdf.get_dictionary(root).expect("the tree");
    assert_eq!(tree.get(b"Count").and_then(Object::as_i64).ok(), Some(5));
    for page in pdf.page_iter() {
        let dict = pdf.get_dictionary(page).expect("a page");
        assert_eq!(
            dict.get(b"Parent").and_then(Object::as_reference).ok(),
            Some(root)
        );
        assert!(dict.has_type(b"Page"));
    }
}

/// Four pages, the first two below a node of their own that turns them.
fn nested() -> Vec<u8> {
    let mut pdf = engine_document(4);
    let root = pdf
        .catalog()
        .and_then(|catalog| catalog.get(b"Pages"))
        .and_then(Object::as_reference)
        .expect("a root");
    let pages: Vec<Object> = pdf.page_iter().map(Object::Reference).collect();
    let inner = pdf.add_object(dictionary! {
        "Type" => "Pages", "Parent" => root, "Kids" => pages[..2].to_vec(), "Count" => 2, "Rotate" => 90,
    });
    let tree = pdf.get_dictionary_mut(root).expect("the tree");
    tree.set("Kids", [&[Object::Reference(inner)], &pages[2..]].concat());
    bytes_of(&mut pdf)
}

#[test]
fn what_a_page_inherited_it_keeps_when_the_tree_is_made_flat() {
    let mut document = edit(open(nested()), |p| {
        let first = p.page(abi::DOCUMENT, 0).expect("a page");
        assert_eq!(p.attribute(first, "Rotate"), Ok(Value::Int(90)));
        assert_eq!(p.attribute(first, "Kids"), Err(abi::E_NOT_FOUND));
        p.move_page(abi::DOCUMENT, 0, 3).expect("moved");
        assert_eq!(p.get(first, "Rotate"), Ok(Value::Int(90)));
        abi::OK
    });
    let pdf = reread(&mut document);
    assert_eq!(numbers(&pdf), [1, 2, 3, 0]);
    let rotations: Vec<i64> = pdf
        .page_iter()
        .map(|page| {
            pdf.get_dictionary(page)
                .expect("a page")
                .get(b"Rotate")
                .and_then(Object::as_i64)
                .unwrap_or(0)
        })
        .collect();
    assert_eq!(rotations, [90, 0, 0, 90]);
    for page in pdf.page_iter() {
        let dict = pdf.get_dictionary(page).expect("a page");
        assert!(dict.has(b"MediaBox") && dict.has(b"Resources"));
    }
}

#[test]
fn a_plugin_that_looks_at_the_tree_sees_it_as_it_is() {
    edit(open(sample(3)), |p| {
        let tree = p
            .get(p.catalog(abi::DOCUMENT).expect("a catalog"), "Pages")
            .expect("a tree")
            .obj();
        p.remove_pages(abi::DOCUMENT, 0, 1).expect("removed");
        assert_eq!(p.get(tree, "Count"), Ok(Value::Int(2)));
        let kids = p.get(tree, "Kids").expect("kids").obj();
        assert_eq!(p.len(kids), Ok(2));
        // And the other way round.
        p.drop_at(kids, 0).expect("dropped");
        assert_eq!(p.page_count(abi::DOCUMENT), Ok(1));
        abi::OK
    });
}

#[test]
fn a_page_that_is_in_the_tree_is_not_inserted_again() {
    edit(open(sample(2)), |p| {
        let page = p.page(abi::DOCUMENT, 0).expect("a page");
        assert_eq!(p.insert_page(abi::DOCUMENT, 2, page), Err(abi::E_ARG));
        p.import(abi::DOCUMENT, 2, abi::DOCUMENT, 0, 1)
            .expect("a copy of one's own page");
        assert_eq!(p.page_count(abi::DOCUMENT), Ok(3));
        let copy = p.page(abi::DOCUMENT, 2).expect("a page");
        p.put(copy, "Rotate", &Value::Int(90)).expect("put");
        assert_eq!(p.get(page, "Rotate"), Err(abi::E_NOT_FOUND));
        abi::OK
    });
}

#[test]
fn what_must_not_be_inserted_changes_nothing() {
    let is_node = |p: &Plugin, tree| p.get(tree, "Type") == Ok(Value::Name(b"Pages".to_vec()));
    let mut document = edit(open(nested()), move |p| {
        let first = p.page(abi::DOCUMENT, 0).expect("a page");
        let Ok(Value::Dict(inner)) = p.get(first, "Parent") else {
            panic!("a page hangs below a node");
        };
        let Ok(Value::Dict(root)) = p.get(inner, "Parent") else {
            panic!("a node hangs below the root");
        };
        for tree in [inner, root] {
            assert_eq!(p.insert_page(abi::DOCUMENT, 0, tree), Err(abi::E_ARG));
            assert!(is_node(p, tree));
        }
        let Ok(Value::Dict(parent)) = p.get(first, "Parent") else {
            panic!("a page hangs below a node");
        };
        assert_eq!(p.id(parent), p.id(inner), "it is not flat");
        assert_eq!(p.page_count(abi::DOCUMENT), Ok(4));
        abi::OK
    });
    assert_eq!(numbers(&reread(&mut document)), [0, 1, 2, 3]);
    // A root whose kids are gone would pass for a page if it said that it is one.
    let spoilt = run(&mut vec![open(sample(2))], move |p| {
        let catalog = p.catalog(abi::DOCUMENT).expect("a catalog");
        let Ok(Value::Dict(root)) = p.get(catalog, "Pages") else {
            panic!("a catalog has pages");
        };
        p.put(root, "Kids", &Value::Bool(true)).expect("put");
        assert_eq!(p.page_count(abi::DOCUMENT), Ok(0));
        assert_eq!(p.insert_page(abi::DOCUMENT, 0, root), Err(abi::E_ARG));
        assert!(is_node(p, root));
        assert_eq!(p.page_count(abi::DOCUMENT), Ok(0));
        abi::OK
    });
    assert!(spoilt.is_err(), "no pages are left");
}

#[test]
fn imported_pages_share_what_they_shared() {
    let mut document = edit(open(sample(1)), |p| {
        let other = p.open(&sample(100)).expect("opened");
        for index in 0..100 {
            p.import(abi::DOCUMENT, 1 + index, other, index, 1)
                .expect("imported");
        }
        abi::OK
    });
    let pdf = reread(&mut document);
    assert_eq!(pdf.page_iter().count(), 101);
    let fonts = pdf
        .objects
        .values()
        .filter(|object| object.as_dict().is_ok_and(|dict| dict.has_type(b"Font")))
        .count();
    assert_eq!(fonts, 2, "one font of each document");
}

#[test]
fn a_link_between_imported_pages_holds_whichever_comes_first() {
    let mut pdf = engine_document(2);
    let pages: Vec<lopdf::ObjectId> = pdf.page_iter().collect();
    for (from, to) in [(0, 1), (1, 0)] {
        let link = pdf.add_object(dictionary! {
            "Subtype" => "Link",
            "P" => pages[from],
            "Dest" => vec![Object::Reference(pages[to]), "Fit".into()],
        });
        let annotations = vec![Object::Reference(link), Object::Reference((9999, 0))];
        pdf.get_dictionary_mut(pages[from])
            .expect("a page")
            .set("Annots", annotations);
    }
    let source = bytes_of(&mut pdf);
    let mut document = edit(open(sample(1)), move |p| {
        let other = p.open(&source).expect("opened");
        p.import(abi::DOCUMENT, 1, other, 0, 1).expect("imported");
        p.import(abi::DOCUMENT, 2, other, 1, 1).expect("imported");
        abi::OK
    });
    let pdf = reread(&mut document);
    let pages: Vec<lopdf::ObjectId> = pdf.page_iter().collect();
    for (from, to) in [(1, 2), (2, 1)] {
        let annotations = pdf.get_page_annotations(pages[from]).expect("annotations");
        assert_eq!(annotations.len(), 1, "the dangling one is gone");
        let dest = annotations[0]
            .get(b"Dest")
            .and_then(Object::as_array)
            .expect("a destination");
        assert_eq!(dest[0], Object::Reference(pages[to]));
        assert_eq!(
            annotations[0].get(b"P").and_then(Object::as_reference).ok(),
            Some(pages[from])
        );
    }
}

#[test]
fn one_document_becomes_many() {
    let mut documents = vec![open(sample(5))];
    let outcome = run(&mut documents, |p| {
        for index in 0..5 {
            let part = p.create(abi::DOCUMENT).expect("created");
            p.import(part, 0, abi::DOCUMENT, index, 1)
                .expect("imported");
            p.emit(part, &format!("{}", index + 1)).expect("emitted");
            assert_eq!(p.emit(part, "again"), Err(abi::E_ARG));
        }
        abi::OK
    });
    let outcome = outcome.expect("it succeeds");
    let labels: Vec<&str> = outcome
        .emitted
        .iter()
        .map(|(_, label)| label.as_str())
        .collect();
    assert_eq!(labels, ["1", "2", "3", "4", "5"]);
    for (index, (mut document, _)) in outcome.emitted.into_iter().enumerate() {
        assert_eq!(numbers(&reread(&mut document)), [index as i64]);
        assert_eq!(document.facts().expect("facts").title, "A sample");
    }
    assert_eq!(documents.len(), 1, "the input was not emitted");
}

#[test]
fn many_documents_become_one() {
    let mut documents: Vec<_> = (1..=4).map(|pages| open(sample(pages))).collect();
    let outcome = run(&mut documents, |p| {
        let mut at = 1;
        for index in 1..4 {
            let input = p.input(index).expect("an input");
            let count = p.page_count(input).expect("a count");
            p.import(abi::DOCUMENT, at, input, 0, count)
                .expect("imported");
            at += count;
        }
        assert_eq!(p.input(4), Err(abi::E_NOT_FOUND));
        abi::OK
    });
    assert!(outcome.expect("it succeeds").emitted.is_empty());
    assert_eq!(
        numbers(&reread(&mut documents[0])),
        [0, 0, 1, 0, 1, 2, 0, 1, 2, 3]
    );
}

#[test]
fn ten_thousand_pages_are_turned_one_by_one_in_no_time_worth_naming() {
    // A guard against anything quadratic, wide enough for a loaded machine.
    let start = std::time::Instant::now();
    let mut document = edit(open(sample(10_000)), |p| {
        for index in 0..10_000 {
            let page = p.page(abi::DOCUMENT, index).expect("a page");
            p.put(page, "Rotate", &Value::Int(90)).expect("put");
            p.put(page, "Type", &Value::name("Page")).expect("put");
        }
        for index in 0..5_000 {
            p.move_page(abi::DOCUMENT, index, 9_999 - index)
                .expect("moved");
            p.remove_pages(abi::DOCUMENT, index, 1).expect("removed");
            p.import(abi::DOCUMENT, index, abi::DOCUMENT, index, 1)
                .expect("imported");
        }
        abi::OK
    });
    assert!(save(&mut document).len() > 10_000);
    assert!(start.elapsed().as_secs() < 60, "{:?}", start.elapsed());
}

#[test]
fn hidden_layers_and_form_fields_come_with_their_pages() {
    let mut pdf = engine_document(2);
    let pages: Vec<lopdf::ObjectId> = pdf.page_iter().collect();
    let layer =
        pdf.add_object(dictionary! { "Type" => "OCG", "Name" => Object::string_literal("Draft") });
    let unused = pdf
        .add_object(dictionary! { "Type" => "OCG", "Name" => Object::string_literal("Elsewhere") });
    let field = pdf.add_object(dictionary! {
        "Subtype" => "Widget", "FT" => "Tx", "T" => Object::string_literal("name"), "P" => pages[0],
    });
    let other =
        pdf.add_object(dictionary! { "Subtype" => "Widget", "FT" => "Tx", "P" => pages[1] });
    let page = pdf.get_dictionary_mut(pages[0]).expect("a page");
    page.set("Annots", vec![Object::Reference(field)]);
    page.set(
        "Resources",
        dictionary! { "Properties" => dictionary! { "L1" => layer } },
    );
    let form = dictionary! { "Fields" => vec![field.into(), other.into()], "DA" => Object::string_literal("/F1 9 Tf") };
    let layers = dictionary! {
        "OCGs" => vec![layer.into(), unused.into()],
        "D" => dictionary! { "OFF" => vec![layer.into()] },
    };
    let catalog = pdf.catalog_mut().expect("a catalog");
    catalog.set("AcroForm", form);
    catalog.set("OCProperties", layers);
    let source = bytes_of(&mut pdf);
    let mut documents = vec![open(sample(1))];
    let outcome = run(&mut documents, move |p| {
        let new = p.create(0).expect("created");
        for _ in 0..2 {
            let other = p.open(&source).expect("opened");
            let count = p.page_count(new).expect("a count");
            p.import(new, count, other, 0, 1).expect("imported");
        }
        p.emit(new, "").expect("emitted");
        abi::OK
    });
    let pdf = reread(&mut outcome.expect("it succeeds").emitted[0].0);
    let catalog = pdf.catalog().expect("a catalog");
    let layers = pdf
        .get_dict_in_dict(catalog, b"OCProperties")
        .expect("layers");
    let off = pdf
        .get_dict_in_dict(layers, b"D")
        .and_then(|d| d.get(b"OFF"))
        .and_then(Object::as_array);
    assert_eq!(off.expect("hidden ones").len(), 2);
    assert_eq!(
        layers
            .get(b"OCGs")
            .and_then(Object::as_array)
            .expect("all")
            .len(),
        2
    );
    let form = pdf.get_dict_in_dict(catalog, b"AcroForm").expect("a form");
    let names: Vec<&[u8]> = form
        .get(b"Fields")
        .and_then(Object::as_array)
        .expect("fields")
        .iter()
        .map(|field| {
            let field = field
                .as_reference()
                .and_then(|id| pdf.get_dictionary(id))
                .expect("a field");
            field.get(b"T").and_then(Object::as_str).expect("a name")
        })
        .collect();
    assert_eq!(names, [&b"name"[..], b"name+1"]);
    assert!(form.has(b"DA"));
}

#[test]
fn a_count_that_a_step_made_a_lie_is_put_right() {
    let mut documents = vec![open(sample(3))];
    run(&mut documents, |p| {
        let catalog = p.catalog(abi::DOCUMENT).expect("the catalog");
        let Ok(Value::Dict(tree)) = p.get(catalog, "Pages") else {
            panic!("a page tree");
        };
        p.put(tree, "Count", &Value::Int(100_000)).expect("put");
        abi::OK
    })
    .expect("it runs");
    let pdf = reread(&mut documents[0]);
    let tree = pdf
        .get_dict_in_dict(pdf.catalog().expect("a catalog"), b"Pages")
        .expect("a page tree");
    assert_eq!(tree.get(b"Count").and_then(Object::as_i64).ok(), Some(3));
}

#[test]
fn pages_that_a_step_has_spoilt_are_put_right() {
    let mut documents = vec![open(sample(4))];
    run(&mut documents, |p| {
        let page = |index| p.page(abi::DOCUMENT, index).expect("a page");
        p.put(page(0), "Type", &Value::Name(b"Catalog".to_vec()))
            .expect("put");
        p.put(page(1), "MediaBox", &Value::Int(5)).expect("put");
        p.put(page(2), "Contents", &Value::Text(b"0 0 m".to_vec()))
            .expect("put");
        abi::OK
    })
    .expect("it runs");
    let pdf = reread(&mut documents[0]);
    let pages: Vec<_> = pdf
        .page_iter()
        .map(|page| pdf.get_dictionary(page).expect("a page"))
        .collect();
    assert_eq!(pages.len(), 4);
    assert!(pages.iter().all(|page| page.has_type(b"Page")));
    let boxes =
        |page: &lopdf::Dictionary| page.get(b"MediaBox").is_ok_and(|it| it.as_array().is_ok());
    assert!(!pages[1].has(b"MediaBox") || boxes(pages[1]));
    assert!(!pages[2].has(b"Contents") && pages[3].has(b"Contents"));
}

#[test]
fn a_link_to_a_page_that_is_gone_leads_to_nothing_that_a_save_adds() {
    let objects = [
        "<</Type/Catalog/Pages 2 0 R>>",
        "<</Type/Pages/Kids[3 0 R 5 0 R]/Count 2/MediaBox[0 0 9 9]>>",
        "<</Type/Page/Parent 2 0 R/Annots[4 0 R]>>",
        "<</Type/Annot/Subtype/Link/Rect[0 0 9 9]/Dest[5 0 R/Fit]/A<</D[6 0 R/Fit]>>>>",
        "<</Type/Page/Parent 2 0 R>>",
    ];
    let mut file = by_hand(&objects, "/Root 1 0 R");
    file[..8].copy_from_slice(b"%PDF-1.5");
    let mut document = edit(open(file), |p| {
        let trailer = p.trailer(abi::DOCUMENT).expect("a trailer");
        p.put(trailer, "Type", &Value::Name(b"XRef".to_vec()))
            .expect("put");
        p.remove_pages(abi::DOCUMENT, 1, 1).expect("removed");
        abi::OK
    });
    let saved = reread(&mut document);
    let link = saved.get_dictionary((4, 0)).expect("the link");
    let dest = link.get(b"Dest").and_then(Object::as_array).expect("there");
    assert_eq!(dest[0].as_reference().ok(), Some((5, 0)));
    let table = &saved.reference_table;
    for number in [5, 6] {
        assert!(
            table.get(number).is_none(),
            "object {number} is another now"
        );
    }
    assert!(table.get(7).is_some(), "something was added");
}
