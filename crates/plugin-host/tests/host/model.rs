//! Sequences of page operations against a list of numbers: the document does what the list does, and a run that fails
//! leaves both as they were.

use dropleaf_plugin_abi as abi;
use proptest::prelude::*;

use crate::samples::{numbers, open, reread, sample};
use crate::script::{Plugin, Value, run};

#[derive(Clone, Debug)]
enum Step {
    Remove(u32, u32),
    Move(u32, u32),
    Insert(u32, i64),
    Repeat(u32, u32),
    Import(u32, u32, u32),
    Number(u32, i64),
    KidsDrop(u32),
    Sync,
    Bytes,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        (0..8u32, 1..3u32).prop_map(|(at, count)| Step::Remove(at, count)),
        (0..8u32, 0..8u32).prop_map(|(from, to)| Step::Move(from, to)),
        (0..8u32, 100..200i64).prop_map(|(at, number)| Step::Insert(at, number)),
        (0..8u32, 0..8u32).prop_map(|(at, first)| Step::Repeat(at, first)),
        (0..8u32, 0..3u32, 1..3u32).prop_map(|(at, first, count)| Step::Import(at, first, count)),
        (0..8u32, 200..300i64).prop_map(|(at, number)| Step::Number(at, number)),
        (0..8u32).prop_map(Step::KidsDrop),
        Just(Step::Sync),
        Just(Step::Bytes),
    ];
    prop::collection::vec(step, 1..14)
}

/// What the step does to a list; `false` where it is out of range.
fn imagine(list: &mut Vec<i64>, step: &Step) -> bool {
    let len = list.len();
    match *step {
        Step::Remove(at, count) if (at + count) as usize <= len => {
            drop(list.drain(at as usize..(at + count) as usize))
        }
        Step::Move(from, to) if (from.max(to) as usize) < len => {
            let number = list.remove(from as usize);
            list.insert(to as usize, number);
        }
        Step::Insert(at, number) if at as usize <= len => list.insert(at as usize, number),
        Step::Repeat(at, first) if at as usize <= len && (first as usize) < len => {
            list.insert(at as usize, list[first as usize]);
        }
        Step::Import(at, first, count) if at as usize <= len && first + count <= 3 => {
            list.splice(
                at as usize..at as usize,
                (first..first + count).map(i64::from),
            );
        }
        Step::Number(at, number) if (at as usize) < len => list[at as usize] = number,
        Step::KidsDrop(at) if (at as usize) < len && len > 1 => drop(list.remove(at as usize)),
        Step::Sync | Step::Bytes => {}
        _ => return false,
    }
    true
}

fn perform(p: &Plugin, step: &Step, other: abi::Doc) -> bool {
    let doc = abi::DOCUMENT;
    let answer = match *step {
        Step::Remove(at, count) => p.remove_pages(doc, at, count),
        Step::Move(from, to) => p.move_page(doc, from, to),
        Step::Insert(at, number) => {
            let page = p
                .parse(doc, &format!("<< /MediaBox [0 0 9 9] /Number {number} >>"))
                .expect("parsed");
            p.insert_page(doc, at, page)
        }
        Step::Repeat(at, first) => p.import(doc, at, doc, first, 1),
        Step::Import(at, first, count) => p.import(doc, at, other, first, count),
        Step::Number(at, number) => p
            .page(doc, at)
            .and_then(|page| p.put(page, "Number", &Value::Int(number))),
        Step::KidsDrop(at) => drop_kid(p, at),
        Step::Sync => p
            .catalog(doc)
            .and_then(|catalog| p.get(catalog, "Pages"))
            .and_then(|tree| p.view(tree.obj()).map(drop)),
        Step::Bytes => p.bytes(doc).map(drop),
    };
    answer.is_ok()
}

/// Drops a page behind the host's back, if the tree is flat (it is: the sample is).
fn drop_kid(p: &Plugin, at: u32) -> Result<(), abi::Status> {
    let catalog = p.catalog(abi::DOCUMENT)?;
    let tree = p.get(catalog, "Pages")?.obj();
    let kids = p.get(tree, "Kids")?.obj();
    if p.len(kids)? < 2 {
        return Err(abi::E_ARG);
    }
    p.drop_at(kids, at as usize)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn the_document_does_what_a_list_does(runs in prop::collection::vec((steps(), any::<bool>()), 1..4)) {
        let mut list: Vec<i64> = (0..4).collect();
        let mut documents = vec![open(sample(4))];
        for (steps, fails) in runs {
            let before = list.clone();
            let expected: Vec<bool> = steps.iter().map(|step| imagine(&mut list, step)).collect();
            let fails = fails || list.is_empty();
            let after = list.clone();
            let outcome = run(&mut documents, move |p| {
                let other = p.open(&sample(3)).expect("opened");
                for (step, expected) in steps.iter().zip(expected) {
                    assert_eq!(perform(p, step, other), expected, "{step:?}: {}", p.why());
                }
                let count = p.page_count(abi::DOCUMENT).expect("a count");
                let seen: Vec<Value> = (0..count)
                    .map(|index| p.get(p.page(abi::DOCUMENT, index).expect("a page"), "Number").expect("a number"))
                    .collect();
                let wanted: Vec<Value> = after.iter().map(|number| Value::Int(*number)).collect();
                assert_eq!(seen, wanted);
                if fails { abi::E_FAIL } else { abi::OK }
            });
            prop_assert_eq!(outcome.is_err(), fails);
            if fails {
                list = before;
            }
            prop_assert_eq!(numbers(&reread(&mut documents[0])), list.clone());
        }
    }
}
