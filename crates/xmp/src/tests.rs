use super::*;

/// A packet as programs write them: both forms, a foreign namespace, entities, several descriptions, padding.
const PACKET: &str = concat!(
    "<?xpacket begin=\"\u{FEFF}\" id=\"W5M0MpCehiHzreSzNTczkc9d\"?>\n",
    r#"<x:xmpmeta xmlns:x="adobe:ns:meta/">
<r:RDF xmlns:r="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
 <r:Description r:about="uuid:1" xmlns:p="http://ns.adobe.com/pdf/1.3/"
   xmlns:pdfaid="http://www.aiim.org/pdfa/ns/id/" pdfaid:part="2"   p:Producer="Old &amp; Co" pdfaid:conformance="B"/>
 <r:Description r:about="uuid:1" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:my="urn:mine">
  <dc:title><r:Alt><r:li xml:lang="de">Titel</r:li><r:li xml:lang="x-default">Fish &amp; &#x43;hips</r:li></r:Alt></dc:title>
  <dc:creator><r:Seq><r:li>A</r:li> <r:li>B</r:li></r:Seq></dc:creator>
  <my:thing r:parseType="Resource"><my:inner>kept</my:inner></my:thing>
  <dc:empty/>
 </r:Description>
</r:RDF></x:xmpmeta>
            
<?xpacket end="w"?>"#
);

fn title(value: Option<&str>) -> Edit {
    Edit::text(
        Name::new(DC, "title"),
        Form::Alternatives,
        value.map(str::to_owned),
    )
}

fn producer(value: Option<&str>) -> Edit {
    Edit::text(
        Name::new(PDF, "Producer"),
        Form::Simple,
        value.map(str::to_owned),
    )
}

#[test]
fn both_forms_of_a_property_are_read() {
    let packet = Packet::read(PACKET.as_bytes()).expect("a packet");
    let get = |space, local| packet.get(&Name::new(space, local));
    assert_eq!(get(DC, "title").as_deref(), Some("Fish & Chips"));
    assert_eq!(get(DC, "creator").as_deref(), Some("A; B"));
    assert_eq!(get(PDF, "Producer").as_deref(), Some("Old & Co"));
    assert_eq!(get(DC, "empty").as_deref(), Some(""));
    assert_eq!(get(DC, "none"), None);
}

#[test]
fn an_edit_leaves_every_other_byte() {
    let packet = Packet::read(PACKET.as_bytes()).expect("a packet");
    assert_eq!(packet.edited(&[]), PACKET);
    let edited = packet.edited(&[title(Some("<New>")), producer(None)]);
    let kept = [
        "xmlns:my=\"urn:mine\"",
        "<my:inner>kept</my:inner>",
        "pdfaid:part=\"2\" pdfaid:conformance=\"B\"/>",
        "</x:xmpmeta>\n    ",
    ];
    for kept in kept {
        assert!(edited.contains(kept), "{kept} in {edited}");
    }
    for gone in ["Titel", "Chips", "Old"] {
        assert!(!edited.contains(gone), "{gone} in {edited}");
    }
    assert!(
        edited.contains("rdf:about=\"uuid:1\" xmlns:rdf"),
        "{edited}"
    );
    let again = Packet::read(edited.as_bytes()).expect("still a packet");
    assert_eq!(again.get(&Name::new(DC, "title")).as_deref(), Some("<New>"));
    assert_eq!(again.get(&Name::new(PDF, "Producer")), None);
    assert_eq!(
        again.get(&Name::new(DC, "creator")).as_deref(),
        Some("A; B")
    );
}

#[test]
fn a_new_packet_and_an_empty_one_take_properties() {
    let slash = r#"<q:RDF xmlns:q="http://www.w3.org/1999/02/22-rdf-syntax-ns#"/>"#;
    for packet in [
        Packet::empty(),
        Packet::read(slash.as_bytes()).expect("a packet"),
    ] {
        let bag = Edit {
            name: Name::new(DC, "subject"),
            form: Form::Bag,
            values: Some(vec!["a & b".to_owned(), "c, d".to_owned()]),
        };
        let edited = packet.edited(&[title(Some("T")), bag]);
        let again = Packet::read(edited.as_bytes()).expect("still a packet");
        assert_eq!(
            again.get(&Name::new(DC, "title")).as_deref(),
            Some("T"),
            "{edited}"
        );
        assert_eq!(
            again.get(&Name::new(DC, "subject")).as_deref(),
            Some("a & b; c, d")
        );
        assert_eq!(again.items(&Name::new(DC, "subject")), ["a & b", "c, d"]);
    }
}

#[test]
fn other_encodings_are_read() {
    let units: Vec<u16> = PACKET.encode_utf16().collect();
    let big: Vec<u8> = units.iter().flat_map(|unit| unit.to_be_bytes()).collect();
    let little: Vec<u8> = [0xFF, 0xFE]
        .into_iter()
        .chain(units.iter().flat_map(|unit| unit.to_le_bytes()))
        .collect();
    let marked = ["\u{FEFF}", PACKET].concat().into_bytes();
    for bytes in [big, little, marked] {
        let packet = Packet::read(&bytes).expect("a packet");
        assert_eq!(
            packet.get(&Name::new(DC, "title")).as_deref(),
            Some("Fish & Chips")
        );
    }
}

#[test]
fn what_is_no_packet_is_refused_with_a_reason() {
    let cut = &PACKET[..PACKET.len() / 2];
    for text in [
        "",
        "hello",
        "<a><b></a>",
        cut,
        "<x:RDF/>",
        "<r:RDF xmlns:r=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\">",
    ] {
        let reason = Packet::read(text.as_bytes()).expect_err(text);
        assert!(!reason.is_empty());
    }
}
