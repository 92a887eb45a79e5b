//! No input makes the check panic, and none makes it slow.

use super::*;
use proptest::prelude::*;
use std::time::Instant;

const VALID: &str = include_str!("../../../../pipelines/receive.yaml");

fn run(bytes: &[u8]) -> Result<Pipeline, Vec<Fault>> {
    let result = check("scan", "scan.yaml", bytes, &catalog(), &surroundings());
    if let Err(faults) = &result {
        assert!(!faults.is_empty());
        assert!(faults.len() <= MAX_FAULTS);
        for fault in faults {
            assert!(
                !fault.message.is_empty() && !fault.to_string().contains('\n'),
                "{fault}"
            );
        }
    }
    result
}

/// A valid pipeline with pieces cut out, doubled or put in.
fn mutated() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        any::<u8>().prop_map(|byte| vec![byte]),
        prop::sample::select(vec![
            "{{",
            "}}",
            "{%",
            "%}",
            "'",
            "\"",
            ":",
            ": ",
            "- ",
            "\n",
            "\n  ",
            "[",
            "]",
            "{",
            "}",
            "&a ",
            "*a",
            "!!str ",
            "|",
            ">",
            "#",
            "\t",
            "---\n",
            "...",
            "? ",
            "~",
            "null",
            "1e999",
            "0x",
            "\u{feff}",
            "é",
            "😀",
            "\\",
            "\\u12",
            "{{ input.stem | date }}",
            "<<: ",
            "\0",
            "%",
            "@",
            "`",
        ])
        .prop_map(|text| text.as_bytes().to_vec()),
    ];
    prop::collection::vec((any::<prop::sample::Index>(), 0_usize..12, piece), 1..6).prop_map(
        |edits| {
            let mut bytes = VALID.as_bytes().to_vec();
            for (at, length, piece) in edits {
                let at = at.index(bytes.len());
                let end = (at + length).min(bytes.len());
                bytes.splice(at..end, piece);
            }
            bytes
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_bytes(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = run(&bytes);
    }

    #[test]
    fn random_yaml(text in "[a-z:\\-\\[\\]{}\"'|>&*!%#@ \n\t]{0,120}") {
        let _ = run(text.as_bytes());
    }

    #[test]
    fn mutated_pipelines(bytes in mutated()) {
        let _ = run(&bytes);
    }

    #[test]
    fn random_templates(text in "(\\{\\{|\\}\\}|\\{%|%\\}|[a-z.|()'\\[\\]+~ 0-9é]){0,40}") {
        let name = serde_json::to_string(&text).expect("JSON");
        let _ = run(format!("watch: {{folder: i}}\nsteps: [{{uses: repair, if: {name}}}]\noutput: {{name: {name}, folder: {name}}}\n").as_bytes());
    }
}

#[test]
fn hostile_texts_end_soon() {
    let mebibyte = 1 << 20;
    let fill = |piece: &str| piece.repeat(mebibyte / piece.len());
    let mut bomb = "a0: &a0 [x]\n".to_owned();
    for level in 1..30 {
        bomb.push_str(&format!(
            "a{level}: &a{level} [*a{0}, *a{0}, *a{0}, *a{0}]\n",
            level - 1
        ));
    }
    let long_key = format!("{}:\n{}", "k".repeat(200), fill(" a: 1\n"));
    for text in [
        bomb,
        long_key,
        fill("["),
        fill("{"),
        fill("- "),
        fill("? "),
        fill("{a: "),
        fill("a: [\n"),
        fill("\"\\u"),
        fill("'"),
        fill("!"),
        fill("&a "),
        fill("*a "),
        fill("%"),
        fill("#"),
        fill("x: y\n"),
        fill("- x\n"),
        fill("k"),
        fill("k "),
        fill("a,"),
        format!("[{}", fill("a,")),
        format!("{{{}", fill("a,")),
        format!(
            "description: \"{}\"",
            fill("{{ x }}").split_at(mebibyte - 100).0
        ),
        format!(
            "watch: {{folder: i}}\nsteps: [{{uses: repair}}]\noutput:\n  name: \"{}\"",
            "{{ x }}".repeat(2000)
        ),
        format!(
            "watch: {{folder: i}}\nsteps: [{{uses: set-metadata, with: {{custom: {{{}}}}}}}]",
            "a: '{{ x }}', ".repeat(3000)
        ),
        format!(
            "watch: {{folder: i}}\nsteps:\n{}",
            "- {uses: rotate, with: {a: b}}\n".repeat(20_000)
        ),
        format!("watch:\n  include: [{}]", "'*.pdf', ".repeat(40_000)),
        format!("watch:\n  include: ['{}']", "{a,b}".repeat(300)),
    ] {
        let start = Instant::now();
        let _ = run(text.as_bytes());
        let taken = start.elapsed();
        assert!(
            taken.as_secs() < 20,
            "{taken:?}: {}",
            &text[..60.min(text.len())]
        );
    }
}
