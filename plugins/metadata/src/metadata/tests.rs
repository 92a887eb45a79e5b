use dropleaf_xmp::property::PDF;

use super::*;
use crate::Keywords;

fn map(entries: &[(&str, &str)]) -> Before {
    let entry = |&(key, value): &(&str, &str)| (key.to_owned(), value.to_owned());
    Before {
        texts: entries.iter().map(entry).collect(),
        others: BTreeSet::new(),
    }
}

fn change(entries: &[(&str, Option<&str>)]) -> Change {
    let entry = |&(key, value): &(&str, Option<&str>)| (key.to_owned(), value.map(str::to_owned));
    Change {
        entries: entries.iter().map(entry).collect(),
        keywords: None,
    }
}

fn packet(properties: &[(&str, &str, Form, &str)]) -> Packet {
    let edits: Vec<Edit> = properties
        .iter()
        .map(|&(space, local, form, value)| {
            Edit::text(Name::new(space, local), form, Some(value.to_owned()))
        })
        .collect();
    Packet::read(Packet::empty().edited(&edits).as_bytes()).expect("a packet")
}

fn written(plan: &Plan) -> Vec<(&str, Option<String>)> {
    let text = |values: &Vec<String>| values.join("; ");
    let xmp = plan.xmp.iter();
    xmp.map(|edit| (edit.name.local.as_str(), edit.values.as_ref().map(text)))
        .collect()
}

fn owned<'t>(edits: &[(&'t str, Option<&str>)]) -> Vec<(&'t str, Option<String>)> {
    let edit = |&(name, value): &(&'t str, Option<&str>)| (name, value.map(str::to_owned));
    edits.iter().map(edit).collect()
}

#[test]
fn a_new_packet_says_what_the_info_dictionary_says() {
    let info = map(&[
        ("Title", "T"),
        ("Company", "C"),
        ("CreationDate", "D:2026"),
        ("Trapped", "x"),
    ]);
    let plan = plan(
        &info,
        &Packet::empty(),
        &change(&[("Author", Some("A"))]),
        true,
    );
    assert_eq!(
        plan.info,
        BTreeMap::from([("Author".to_owned(), Some("A".to_owned()))])
    );
    let expected = [
        ("title", Some("T")),
        ("creator", Some("A")),
        ("Company", Some("C")),
        ("CreateDate", Some("2026")),
    ];
    assert_eq!(written(&plan), owned(&expected));
}

#[test]
fn where_the_two_disagree_the_info_dictionary_holds() {
    let packet = packet(&[
        (DC, "title", Form::Alternatives, "other"),
        (DC, "creator", Form::Sequence, "only here"),
        (DC, "description", Form::Alternatives, "same"),
    ]);
    let info = map(&[("Title", "T"), ("Subject", "same"), ("Company", "C")]);
    let plan = plan(
        &info,
        &packet,
        &change(&[("Keywords", Some("a, b"))]),
        false,
    );
    let entry = |key: &str, value: &str| (key.to_owned(), Some(value.to_owned()));
    assert_eq!(
        plan.info,
        BTreeMap::from([entry("Author", "only here"), entry("Keywords", "a, b")])
    );
    let expected = [
        ("title", Some("T")),
        ("subject", Some("a; b")),
        ("Keywords", Some("a, b")),
    ];
    assert_eq!(written(&plan), owned(&expected));
}

#[test]
fn removed_entries_leave_both() {
    let packet = packet(&[
        (XMP, "CreatorTool", Form::Simple, "Scanner"),
        (XMP, "ModifyDate", Form::Simple, "2026"),
    ]);
    let info = map(&[
        ("Creator", "Scanner"),
        ("ModDate", "D:2026"),
        ("Company", "C"),
    ]);
    let gone = change(&[
        ("Creator", None),
        ("Company", None),
        ("ModDate", None),
        ("Author", None),
    ]);
    let plan = plan(&info, &packet, &gone, false);
    assert_eq!(
        plan.info.keys().collect::<Vec<_>>(),
        ["Company", "Creator", "ModDate"]
    );
    assert!(plan.info.values().all(Option::is_none));
    let expected = [("CreatorTool", None), ("ModifyDate", None)];
    assert_eq!(written(&plan), owned(&expected));
}

#[test]
fn dates_that_disagree_become_the_info_dictionarys() {
    let packet = packet(&[
        (XMP, "CreateDate", Form::Simple, "2025-03-04T12:46:34+01:00"),
        (XMP, "ModifyDate", Form::Simple, "2025-03-04T11:46:35Z"),
    ]);
    let nothing = change(&[]);
    let dates = |info: &[(&str, &str)]| plan(&map(info), &packet, &nothing, false);
    let other = dates(&[
        ("CreationDate", "D:20250304114719Z"),
        ("ModDate", "D:20250620160152Z"),
    ]);
    let expected = [
        ("CreateDate", Some("2025-03-04T11:47:19Z")),
        ("ModifyDate", Some("2025-06-20T16:01:52Z")),
    ];
    assert_eq!((written(&other), other.info.len()), (owned(&expected), 0));
    let same = dates(&[
        ("CreationDate", "D:20250304114634Z"),
        ("ModDate", "D:20250304064635-05'00'"),
    ]);
    assert_eq!((same.xmp.len(), same.info.len()), (0, 0));
    let absent = dates(&[("ModDate", "no date")]);
    let expected = (
        "CreationDate".to_owned(),
        Some("D:20250304124634+01'00'".to_owned()),
    );
    assert_eq!(
        (absent.xmp.len(), absent.info),
        (0, BTreeMap::from([expected]))
    );
}

#[test]
fn a_keyword_with_a_comma_is_one() {
    let words = |list: &[&str]| {
        let mut change = Change::default();
        let list = list.iter().map(|&word| word.to_owned()).collect();
        change.keywords(&Keywords::List(list)).expect("keywords");
        change
    };
    let bag = |plan: &Plan| plan.xmp.iter().find(|edit| edit.form == Form::Bag).cloned();
    let nothing = Packet::empty();
    let edit = bag(&plan(&map(&[]), &nothing, &words(&["a,b", " c "]), true)).expect("a bag");
    assert_eq!(edit.values, Some(vec!["a,b".to_owned(), "c".to_owned()]));
    // The same text, cut at its comma by another program.
    let old = packet(&[
        (PDF, "Keywords", Form::Simple, "a,b"),
        (DC, "subject", Form::Bag, "a"),
    ]);
    let info = map(&[("Keywords", "a,b")]);
    let edit = bag(&plan(&info, &old, &words(&["a,b"]), false)).expect("a bag");
    assert_eq!(edit.values, Some(vec!["a,b".to_owned()]));
    assert_eq!(bag(&plan(&info, &old, &change(&[]), false)), None);
    let gone = change(&[("Keywords", None)]);
    let old = packet(&[(DC, "subject", Form::Bag, "a")]);
    let edit = bag(&plan(&map(&[]), &old, &gone, false)).expect("a bag");
    assert_eq!(edit.values, None);
}
