//! Values and keys that look like others, and numbers that are none.

use super::*;

#[test]
fn a_number_that_is_not_finite_is_a_fault_at_its_place() {
    let all: Vec<String> = [
        "concurrency: .inf",
        "timeout: .NaN",
        "priority: -.inf",
        "retry: {attempts: +.Inf}",
        "expect: {max_growth: .inf}",
        "original: .nan",
        "output: .INF",
        "description: .nan",
    ]
    .iter()
    .map(|more| {
        faults(&format!(
            "watch: {{folder: inbox}}\nsteps: [{{uses: repair}}]\n{more}\n"
        ))
    })
    .chain([
        faults("watch: {folder: inbox, quiet: .nan}\nsteps: [{uses: repair, if: .nan}]\n"),
        faults("watch: {folder: .inf}\nsteps: [{uses: stamp-text, with: {text: x, size: .nan}}]\n"),
        faults("watch: {folder: inbox}\nsteps: [{uses: rotate, with: {angle: .inf, pgaes: x}}]\n"),
    ])
    .collect();
    insta::assert_snapshot!(all.join("\n"), @r###"
    scan.yaml:3:14: `.inf` is no finite number (write a number, or put it in quotes if it is a text)
    scan.yaml:3:10: `.NaN` is no finite number (write a number, or put it in quotes if it is a text)
    scan.yaml:3:11: `-.inf` is no finite number (write a number, or put it in quotes if it is a text)
    scan.yaml:3:19: `+.Inf` is no finite number (write a number, or put it in quotes if it is a text)
    scan.yaml:3:22: `.inf` is no finite number (write a number, or put it in quotes if it is a text)
    scan.yaml:3:11: `.nan` is no finite number (write a number, or put it in quotes if it is a text)
    scan.yaml:3:9: `.INF` is no finite number (write a number, or put it in quotes if it is a text)
    scan.yaml:3:14: `.nan` is no finite number (write a number, or put it in quotes if it is a text)
    scan.yaml:1:31: `.nan` is no finite number (write a number, or put it in quotes if it is a text)
    scan.yaml:2:28: `.nan` is no finite number (write a number, or put it in quotes if it is a text)
    scan.yaml:1:17: `.inf` is no finite number (write a number, or put it in quotes if it is a text)
    scan.yaml:2:50: `.nan` is no finite number (write a number, or put it in quotes if it is a text)
    scan.yaml:2:38: `.inf` is no finite number (write a number, or put it in quotes if it is a text)
    scan.yaml:2:44: unknown key `pgaes` in `with` (did you mean `pages`?)
    "###);
    let quoted = "watch: {folder: .info}\nsteps: [{uses: stamp-text, with: {text: \".inf\"}}]\n";
    assert!(checked(quoted).is_ok());
}

#[test]
fn what_looks_right_and_is_not_is_told_with_what_it_is() {
    let step = |with: &str| {
        format!("watch: {{folder: inbox}}\nsteps: [{{uses: rotate, with: {{{with}}}}}]\n")
    };
    let top = |line: &str| format!("{line}\nwatch: {{folder: inbox}}\nsteps: [{{uses: repair}}]\n");
    for (yaml, expected) in [
        (
            step("angle: 090"),
            "not the text `090` (write it without the zeros in front: 90)",
        ),
        (
            step("angle: -0180"),
            "(write it without the zeros in front: -180)",
        ),
        (
            step("angle: '90'"),
            "not the text `90` (write it without quotes: 90)",
        ),
        (
            top("concurrency: 08"),
            "not the text `08` (write it without the zeros in front: 8)",
        ),
        (
            step("angle: 90, p\u{430}ges: '1'"),
            "(did you mean `pages`? the `\u{430}` written here is U+0430)",
        ),
        (
            step("angle: 90, pages\u{200b}: '1'"),
            "(did you mean `pages`? a character written here is U+200B)",
        ),
        (step("angle: 90, ширина: 1"), "(known keys: angle, pages)"),
        (top("concurrency:\t8"), "there is a tab behind the `:`"),
        (
            top("description: & x"),
            "(put the whole text in double quotes)",
        ),
    ] {
        let told = faults(&yaml);
        assert!(told.contains(expected), "{yaml}{told}");
    }
}
