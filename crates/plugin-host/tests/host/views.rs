//! Views that the host gave stay good until the next call that changes something, whatever a call that only reads does.

use dropleaf_plugin_abi as abi;

use crate::samples::{by_hand, open};
use crate::script::{Plugin, Value, edit};

/// Fills memory that is free.
fn litter() {
    let litter: Vec<Vec<u8>> = (1..400).map(|size| vec![b'Z'; size * 16]).collect();
    assert_eq!(litter.len(), 399);
}

fn kids(p: &Plugin, node: abi::Obj) -> abi::Obj {
    p.get(node, "Kids").expect("kids").obj()
}

#[test]
fn a_view_outlives_a_look_at_pages_that_hang_elsewhere_now() {
    let page = "<</Type/Page/Parent 3 0 R/MediaBox[0 0 9 9]>>";
    let all: Vec<String> = (5..65).map(|id| format!("{id} 0 R")).collect();
    let from = format!(
        "<</Type/Pages/Parent 2 0 R/Kids[{}]/Count 60>>",
        all.join(" ")
    );
    let mut objects = vec![
        "<</Type/Catalog/Pages 2 0 R>>",
        "<</Type/Pages/Kids[3 0 R 4 0 R]/Count 60>>",
        from.as_str(),
        "<</Type/Pages/Parent 2 0 R/Kids[]/Count 0>>",
    ];
    objects.extend(std::iter::repeat_n(page, 60));
    edit(open(by_hand(&objects, "/Root 1 0 R")), |p| {
        let page = p.page(abi::DOCUMENT, 0).expect("a page");
        p.put(page, "Rotate", &Value::Int(90)).expect("put");
        let nodes = p.catalog(abi::DOCUMENT).expect("a catalog");
        let nodes = kids(p, p.get(nodes, "Pages").expect("a root").obj());
        let from = kids(p, p.at(nodes, 0).expect("a node").obj());
        let to = kids(p, p.at(nodes, 1).expect("a node").obj());
        for index in 0..60 {
            let kid = Value::Ref(5 + index as u32, 0);
            p.drop_at(from, 0).expect("dropped");
            p.put_at(to, index, &kid).expect("put");
        }
        let mut value = Value::Null.raw();
        let key = abi::Str::new(b"Type");
        // SAFETY: the context of this run, and room for the answer; what is read is a view that no later call has ended.
        let view = unsafe {
            let got = (p.cos.dict_get)(p.ctx, page, key, &raw mut value);
            assert_eq!(got, abi::OK);
            value.u.s
        };
        assert_eq!(p.page_count(abi::DOCUMENT), Ok(60));
        litter();
        // SAFETY: as above.
        assert_eq!(unsafe { view.as_bytes() }, b"Page");
        abi::OK
    });
}

#[test]
fn a_view_of_a_new_stream_outlives_a_look_that_makes_a_page_of_it() {
    const TEXT: [u8; 3_000] = [b'x'; 3_000];
    let objects = [
        "<</Type/Catalog/Pages 2 0 R>>",
        "<</Type/Pages/Kids[3 0 R]/Count 1>>",
        "<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>",
    ];
    edit(open(by_hand(&objects, "/Root 1 0 R")), |p| {
        let dict = "<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>";
        let new = p.add_stream(dict, abi::STREAM_RAW, &TEXT).expect("added");
        let root = p.catalog(abi::DOCUMENT).expect("a catalog");
        let kids = kids(p, p.get(root, "Pages").expect("a root").obj());
        let stream = p.object(abi::DOCUMENT, new.0, new.1).expect("there").obj();
        p.put_at(kids, 1, &Value::Ref(new.0, new.1)).expect("put");
        let mut view = abi::Str::EMPTY;
        // SAFETY: as above.
        let got = unsafe { (p.streams.get)(p.ctx, stream, abi::STREAM_RAW, &raw mut view) };
        assert_eq!(got, abi::OK);
        assert_eq!(p.page_count(abi::DOCUMENT), Ok(2));
        litter();
        // SAFETY: as above.
        assert!(unsafe { view.as_bytes() } == TEXT);
        abi::OK
    });
}
