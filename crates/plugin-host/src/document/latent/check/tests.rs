//! What passes and what does not.

use super::*;

#[track_caller]
fn check(source: &str, expected: Option<&[ObjectId]>) {
    let mut references = Vec::new();
    let end = Check::new(source.as_bytes(), &mut references).outermost(0);
    let whole = end.is_some_and(|(_, end)| end == source.len());
    assert_eq!(whole.then_some(&references[..]), expected, "{source}");
}

#[test]
fn what_all_readers_read_alike_passes() {
    check("<</A 1/B[2 3.5 -.5 +7 4.]/C(a(b)\\)\\101)>>", Some(&[]));
    check("[12 0 R 12 0 13 1 R null true]", Some(&[(12, 0), (13, 1)]));
    check(
        "<< /K<</L 3 0 R /N#61me /N#20>> /M <48 4> /N false >>",
        Some(&[(3, 0)]),
    );
    check("[<</A#/B#/A#0 /B#zz/C#4 1>>]", Some(&[]));
    check("-17", Some(&[]));
    check("[]", Some(&[]));
    check("<</A<</A<</A 1>>/B 2>>/B 3>>", Some(&[]));
}

#[test]
fn what_readers_could_take_differently_does_not() {
    for source in [
        "<</AB 1/A#42 2>>",
        "<</A#42 1/AB 2>>",
        "<</A#42 1/A#4 2/#41B 3>>",
        "<</K<</A#42 1/#41#42 2>>>>",
        "[1 % comment\n]",
        "[1e5]",
        "[--3]",
        "[1.2.3]",
        "[0.00-41]",
        "[0 0 R]",
        "[1 0 Rx]",
        "[1 70000 R]",
        "[1.5 0 R]",
        "[maybe]",
        "[nullx]",
        "/A#00",
        "/A#00#",
        "[<</A# 1/A#23 2>>]",
        "<</#4c 1>>",
        "<</Type/Obj#53tm>>",
        "<</Type/ObjStm/Linearized 1>>",
        "<</Linearized 1/Type/XRef>>",
        "<</A>>",
        "<</A 1/B 2/A 3>>",
        "<</A<</B 1/B 2>>>>",
        "<<1 2>>",
        "<0g>",
        "(open",
        "[1",
        ".",
        "",
    ] {
        check(source, None);
    }
    check(&"[".repeat(65), None);
    check(&"(".repeat(40), None);
}

#[track_caller]
fn stream(source: &str) -> Option<(usize, usize)> {
    let mut references = Vec::new();
    let mut check = Check::new(source.as_bytes(), &mut references);
    let (passed, _) = check.indirect(0, (7, 0), |id| (id == (8, 0)).then_some(3))?;
    assert!(references.is_empty(), "nothing refers to the length");
    passed.content
}

#[test]
fn a_stream_is_as_long_as_it_says() {
    let tail = "endstream\nendobj";
    let check = |head: &str, content: Option<(usize, usize)>| {
        assert_eq!(stream(&format!("{head}{tail}")), content, "{head}");
    };
    check("7 0 obj<</Length 3>>stream\nabc\n", Some((27, 30)));
    check("7 0 obj\n<</Length 3>>\nstream\r\nabc", Some((30, 33)));
    check("7 0 obj<</Length 8 0 R>>stream\nabc\r\n", Some((31, 34)));
    check("7 0 obj<</Length 9 0 R>>stream\nabc\n", None);
    check("7 0 obj<</Length 2>>stream\nabc\n", None);
    check("7 0 obj<</Length -1>>stream\nabc\n", None);
    check("7 0 obj<</Length 99999>>stream\nabc\n", None);
    check("7 0 obj<<>>stream\nabc\n", None);
    check("7 0 obj<</Length 3>>stream\rabc\n", None);
    check("7 0 obj<</Length 3>>stream abc\n", None);
    check("8 0 obj<</Length 3>>stream\nabc\n", None);
    check("7 1 obj<</Length 3>>stream\nabc\n", None);
}

#[test]
fn an_object_ends_where_it_says() {
    let passes = |source: &str| {
        let mut references = Vec::new();
        let mut check = Check::new(source.as_bytes(), &mut references);
        check.indirect(0, (7, 0), |_| None).is_some()
    };
    assert!(passes("7 0 obj 5 endobj"));
    assert!(passes("7 0 obj[5]endobj\n"));
    assert!(!passes("7 0 obj 5"));
    assert!(!passes("7 0 obj 5 endobject"));
    assert!(!passes("7 0 obj 5 6 endobj"));
    assert!(!passes("70 obj 5 endobj"));
}
