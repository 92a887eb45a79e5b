use super::*;

fn map(entries: &[(&str, &str)]) -> BTreeMap<String, String> {
    entries
        .iter()
        .map(|&(key, value)| (key.to_owned(), value.to_owned()))
        .collect()
}

fn change(entries: &[(&str, Option<&str>)]) -> Change {
    let entry = |&(key, value): &(&str, Option<&str>)| (key.to_owned(), value.map(str::to_owned));
    Change(entries.iter().map(entry).collect())
}

fn packet(properties: &[(&str, &str, Form, &str)]) -> Packet {
    let edits: Vec<Edit> = properties
        .iter()
        .map(|&(space, local, form, value)| Edit {
            name: Name::new(space, local),
            form,
            value: Some(value.to_owned()),
        })
        .collect();
    Packet::read(Packet::empty().edited(&edits).as_bytes()).expect("a packet")
}

fn written(plan: &Plan) -> Vec<(&str, Option<&str>)> {
    let xmp = plan.xmp.iter();
    xmp.map(|edit| (edit.name.local.as_str(), edit.value.as_deref()))
        .collect()
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
    assert_eq!(written(&plan), expected);
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
    assert_eq!(
        written(&plan),
        [
            ("title", Some("T")),
            ("subject", Some("a, b")),
            ("Keywords", Some("a, b"))
        ]
    );
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
    assert_eq!(
        written(&plan),
        [("CreatorTool", None), ("ModifyDate", None)]
    );
}

#[test]
fn dates_are_rewritten_as_xmp_has_them() {
    let check =
        |date, expected: Option<&str>| assert_eq!(iso_date(date).as_deref(), expected, "{date}");
    check("D:20261122203333+01'00'", Some("2026-11-22T20:33:33+01:00"));
    check("D:20261122203333-08'30", Some("2026-11-22T20:33:33-08:30"));
    check("D:20261122203333Z", Some("2026-11-22T20:33:33Z"));
    check("D:20261122203333Z00'00'", Some("2026-11-22T20:33:33Z"));
    check("202611222033", Some("2026-11-22T20:33:00"));
    check("D:202611", Some("2026-11"));
    check("yesterday", None);
    check("", None);
}
