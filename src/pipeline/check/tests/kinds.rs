//! Texts and numbers beside each other in conditions and templates.

use super::*;

fn with_condition(condition: &str) -> String {
    format!(
        "watch: {{folder: inbox}}\nsteps: [{{uses: repair, id: r}}, {{uses: repair, if: \"{condition}\"}}]\n"
    )
}

#[test]
fn a_text_compared_with_a_number_is_a_fault_where_both_are_known() {
    let all: Vec<String> = [
        "pdf.version > 99",
        "now | date('%H') > 99",
        "pdf.pages > env.SCAN_PASSWORD",
        "input.size < '5'",
        "pdf.pages == 'five'",
        "pdf['version'] != 1.7",
        "now | date('%u') in [6, 7]",
        "pdf.pages not in ['1', '2']",
        "1 < pdf.version < 3",
        "(input.stem ~ 1) > 4 and pdf.pages > 1",
    ]
    .iter()
    .map(|condition| faults(&with_condition(condition)))
    .collect();
    insta::assert_snapshot!(all.join("\n"), @r###"
    scan.yaml:2:52: `pdf.version` is a text and `99` is a number: the two cannot be compared by size (make a number of the text: `pdf.version | float`)
    scan.yaml:2:52: `now | date('%H')` is a text and `99` is a number: the two cannot be compared by size (make a number of the text: `now | date('%H') | int`)
    scan.yaml:2:52: `pdf.pages` is a number and `env.SCAN_PASSWORD` is a text: the two cannot be compared by size (make a number of the text: `env.SCAN_PASSWORD | int`)
    scan.yaml:2:52: `input.size` is a number and `'5'` is a text: the two cannot be compared by size (write the number without quotes: `5`)
    scan.yaml:2:52: `pdf.pages` is a number and `'five'` is a text: the two are never equal (compare with a number)
    scan.yaml:2:52: `pdf.version` is a text and `1.7` is a number: the two are never equal (make a number of the text: `pdf.version | float`)
    scan.yaml:2:52: `now | date('%u')` is a text and `6` is a number: the two are never equal (make a number of the text: `now | date('%u') | int`)
    scan.yaml:2:52: `pdf.pages` is a number and `'1'` is a text: the two are never equal (write the number without quotes: `1`)
    scan.yaml:2:52: `1` is a number and `pdf.version` is a text: the two cannot be compared by size (make a number of the text: `pdf.version | float`)
    scan.yaml:2:56: `pdf.version` is a text and `3` is a number: the two cannot be compared by size (make a number of the text: `pdf.version | float`)
    scan.yaml:2:53: `(...)` is a text and `4` is a number: the two cannot be compared by size (make a number of the text: `(...) | int`)
    "###);
}

#[test]
fn what_may_be_of_one_sort_is_no_fault() {
    for condition in [
        "pdf.pages > 1",
        "pdf.version | float > 1.6",
        "pdf.version > '1.6'",
        "pdf.version == '1.7'",
        "now | date('%u') in ['6', '7']",
        "now | date('%u') | int in [6, 7]",
        "'a' in input.stem",
        "pdf.signed == 1",
        "steps.r.words > 5",
        "env.MOST | default(5) > pdf.pages",
        "(pdf.pages if pdf.signed else pdf.version) > 3",
        "pdf.pages in [1, '2']",
        "pdf.title == none",
    ] {
        let checked = checked(&with_condition(condition));
        assert!(checked.is_ok(), "{condition}: {checked:?}");
    }
}

#[test]
fn templates_compare_like_conditions() {
    let with_name = |name: &str| {
        format!(
            "watch: {{folder: inbox}}\nsteps: [{{uses: repair}}]\noutput: {{name: \"{name}\"}}\n"
        )
    };
    assert_eq!(
        faults(&with_name("{% if pdf.version > 1 %}a{% endif %}.pdf")),
        "scan.yaml:3:23: `pdf.version` is a text and `1` is a number: the two cannot be compared by size \
         (make a number of the text: `pdf.version | float`)"
    );
    let own = "{% set pdf = {'version': 2} %}{% if pdf.version > 1 %}a{% endif %}.pdf";
    assert!(checked(&with_name(own)).is_ok());
}
