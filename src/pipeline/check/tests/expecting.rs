//! What is wrong with `expect`.

use super::*;
use crate::pipeline::checked::{Expect, Pages};

const START: &str = "watch: {folder: inbox}\nsteps: [{uses: repair}]\n";

#[test]
fn faults_of_expect_have_their_place() {
    for (more, place, text) in [
        ("expect: {pages: 0}", "3:17", "pages"),
        ("expect: {pages: some}", "3:17", "`same`"),
        ("expect: {pages: [1]}", "3:17", "pages"),
        ("expect: {opens: 3}", "3:17", "`opens` must be"),
        (
            "expect: {max_growth: [2]}",
            "3:22",
            "`max_growth` must be a number or a text, not a list",
        ),
        (
            "expect: {max_growth: fast}",
            "3:22",
            "is no number, with or without `x`",
        ),
        ("expect: {max_growth: 0x}", "3:22", "more than 0"),
        ("expect: {max_growth: -1}", "3:22", "more than 0"),
        (
            "expect: {max_grow: 2x}",
            "3:10",
            "did you mean `max_growth`?",
        ),
        ("expect: same", "3:9", "`expect` must be a map"),
        ("max_growth: 2x", "3:1", "`expect`"),
    ] {
        let told = faults(&format!("{START}{more}\n"));
        let start = format!("scan.yaml:{place}: ");
        assert!(
            told.starts_with(&start) && told.contains(text),
            "{more}: {told}"
        );
        assert_eq!(told.lines().count(), 1, "{more}: {told}");
    }
}

#[test]
fn what_is_expected_is_read() {
    let read = |more: &str| {
        let pipeline = checked(&format!("{START}{more}\n"));
        pipeline.expect("no faults").expect
    };
    assert_eq!(read(""), Expect::default());
    assert_eq!(read("expect: {}"), Expect::default());
    let all = read("expect: { pages: sum, opens: true, max_growth: 1.5x }");
    let expected = Expect {
        pages: Some(Pages::Sum),
        opens: true,
        max_growth: Some(1.5),
    };
    assert_eq!(all, expected);
    for (text, growth) in [("2", 2.0), ("1.5", 1.5), ("2.0", 2.0), ("'2'", 2.0)] {
        let expect = read(&format!("expect: {{max_growth: {text}}}"));
        assert_eq!(expect.max_growth, Some(growth), "{text}");
    }
    assert_eq!(read("expect: {pages: 7}").pages, Some(Pages::Exactly(7)));
    assert_eq!(read("expect: {pages: same}").pages, Some(Pages::Same));
}
