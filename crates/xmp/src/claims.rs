//! What a packet says that its document is: an archive, accessible, for print. A document that is put together anew may be
//! it no longer, and must then not say so.

use std::collections::BTreeSet;
use std::fmt;

use super::{Edit, Packet};
use crate::property::{Form, Name, PDFX};

/// A standard that documents claim to follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standard {
    /// PDF/A (ISO 19005).
    Archive,
    /// PDF/UA (ISO 14289).
    Accessible,
    /// PDF/X (ISO 15930).
    Print,
    /// PDF/VT (ISO 16612), which needs a tree of its parts.
    VariablePrint,
    /// PDF/E (ISO 24517).
    Engineering,
    /// What a declaration (PDF Association, 2019) says, such as that a document is well tagged.
    Declared,
    /// Factur-X and ZUGFeRD: an invoice is attached.
    Invoice,
}

/// The namespaces of the standards, or how they begin: their writers do not agree on the end.
const NAMESPACES: [(&str, Standard); 9] = [
    ("http://www.aiim.org/pdfa/ns/id", Standard::Archive),
    ("http://www.aiim.org/pdfua/ns/id", Standard::Accessible),
    ("http://www.npes.org/pdfx/ns/id", Standard::Print),
    ("http://www.npes.org/pdfvt/ns/id", Standard::VariablePrint),
    ("http://www.aiim.org/pdfe/ns/id", Standard::Engineering),
    ("http://pdfa.org/declarations/", Standard::Declared),
    ("urn:factur-x:", Standard::Invoice),
    ("urn:zugferd:", Standard::Invoice),
    ("urn:ferd:", Standard::Invoice),
];

/// The keys with which PDF/X before PDF/X-4 claims to be it: in the Info dictionary and, as a copy, in the packet.
pub const PRINT_KEYS: [&str; 2] = ["GTS_PDFXVersion", "GTS_PDFXConformance"];

/// That a document follows a standard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Which one.
    pub standard: Standard,
    /// Its part or version, as it is written there.
    pub part: String,
    /// The level of conformance, in small letters; empty where there is none.
    pub level: String,
}

impl Claim {
    /// What the Info dictionary claims by [`PRINT_KEYS`], whose texts `look` gives.
    pub fn of_info(look: impl Fn(&str) -> Option<String>) -> Option<Self> {
        // The level of conformance is the more exact one.
        let part = PRINT_KEYS.iter().rev().find_map(|key| look(key))?;
        Some(Self {
            standard: Standard::Print,
            part: part.trim().to_owned(),
            level: String::new(),
        })
    }

    /// Whether a drawing in RGB breaks it: PDF/X-1a knows printing colours only (ISO 15930-4, 6.2.3).
    #[must_use]
    pub fn forbids_rgb(&self) -> bool {
        self.standard == Standard::Print && self.part.starts_with("PDF/X-1")
    }

    /// Whether transparency breaks it, which came after PDF/A-1 (ISO 19005-1, 6.4) and PDF/X-3 (ISO 15930-6, 6.2).
    #[must_use]
    pub fn forbids_transparency(&self) -> bool {
        match self.standard {
            Standard::Archive => self.part == "1",
            Standard::Print => ["PDF/X-1", "PDF/X-2", "PDF/X-3"]
                .iter()
                .any(|part| self.part.starts_with(part)),
            _ => false,
        }
    }

    /// Whether it is PDF/A at a level that asks for the looks of pages only, neither for tags nor for attachments.
    #[must_use]
    pub fn is_visual(&self) -> bool {
        let is_visual = match self.level.as_str() {
            "b" | "u" => true,
            "" => self.part == "4",
            _ => false,
        };
        self.standard == Standard::Archive && is_visual
    }
}

impl fmt::Display for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { part, level, .. } = self;
        match self.standard {
            Standard::Archive => write!(f, "PDF/A-{part}{level}"),
            Standard::Accessible => write!(f, "PDF/UA-{part}"),
            Standard::Print | Standard::VariablePrint | Standard::Engineering => f.write_str(part),
            Standard::Declared => f.write_str("what its declarations say"),
            Standard::Invoice => f.write_str("a Factur-X invoice"),
        }
    }
}

impl Packet {
    /// What the packet claims, each standard once.
    #[must_use]
    pub fn claims(&self) -> Vec<Claim> {
        let standards: BTreeSet<Standard> = self.names().filter_map(standard).collect();
        let claim = |standard| {
            let text = |locals: &[&str]| {
                let mut names = self
                    .names()
                    .filter(|name| self::standard(name) == Some(standard));
                let name = names.find(|name| locals.contains(&name.local.as_str()));
                let text = name.and_then(|name| self.get(name)).unwrap_or_default();
                text.trim().to_owned()
            };
            let versions = [
                "part",
                "GTS_PDFXVersion",
                "GTS_PDFVTVersion",
                "ISO_PDFEVersion",
            ];
            Claim {
                standard,
                part: text(&versions),
                level: text(&["conformance"]).to_lowercase(),
            }
        };
        standards.into_iter().map(claim).collect()
    }

    /// The packet without the claims to follow `standards`.
    #[must_use]
    pub fn without(&self, standards: &[Standard]) -> String {
        let claims = self
            .names()
            .filter(|name| standard(name).is_some_and(|found| standards.contains(&found)));
        let edits: Vec<Edit> = claims
            .map(|name| Edit::text(name.clone(), Form::Simple, None))
            .collect();
        self.edited(&edits)
    }

    fn names(&self) -> impl Iterator<Item = &Name> {
        self.properties.iter().map(|property| &property.name)
    }
}

fn standard(name: &Name) -> Option<Standard> {
    if name.namespace == PDFX && PRINT_KEYS.contains(&name.local.as_str()) {
        return Some(Standard::Print);
    }
    let mut namespaces = NAMESPACES.iter();
    let found = namespaces.find(|(start, _)| name.namespace.starts_with(start));
    found.map(|(_, standard)| *standard)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACKET: &str = r#"<r:RDF xmlns:r="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
 <r:Description r:about="" xmlns:pdfaid="http://www.aiim.org/pdfa/ns/id/" pdfaid:part="2" pdfaid:conformance="A"/>
 <r:Description r:about="" xmlns:u="http://www.aiim.org/pdfua/ns/id/"><u:part>1</u:part></r:Description>
 <r:Description r:about="" xmlns:x="http://www.npes.org/pdfx/ns/id/" x:GTS_PDFXVersion="PDF/X-4"/>
 <r:Description r:about="" xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:format>application/pdf</dc:format></r:Description>
</r:RDF>"#;

    fn claims(packet: &Packet) -> Vec<String> {
        packet.claims().iter().map(Claim::to_string).collect()
    }

    #[test]
    fn claims_are_found_in_both_forms_and_go_alone() {
        let packet = Packet::read(PACKET.as_bytes()).expect("a packet");
        assert_eq!(claims(&packet), ["PDF/A-2a", "PDF/UA-1", "PDF/X-4"]);
        let left = packet.without(&[Standard::Archive, Standard::Accessible]);
        let left = Packet::read(left.as_bytes()).expect("a packet");
        assert_eq!(claims(&left), ["PDF/X-4"]);
        let format = Name::new(crate::property::DC, "format");
        assert_eq!(left.get(&format).as_deref(), Some("application/pdf"));
        assert_eq!(packet.without(&[Standard::Invoice]), PACKET);
    }

    #[test]
    fn a_copy_of_the_info_dictionarys_claim_is_one_and_its_other_entries_are_none() {
        let text = r#"<r:RDF xmlns:r="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
 <r:Description r:about="" xmlns:x="http://ns.adobe.com/pdfx/1.3/" x:GTS_PDFXVersion="PDF/X-1:2001" x:Shop="7"/></r:RDF>"#;
        let packet = Packet::read(text.as_bytes()).expect("a packet");
        assert_eq!(claims(&packet), ["PDF/X-1:2001"]);
        let left = packet.without(&[Standard::Print]);
        assert!(!left.contains("GTS_") && left.contains("x:Shop"), "{left}");
    }

    #[test]
    fn what_breaks_a_claim_depends_on_its_part() {
        let check = |part: &str, rgb: bool, transparency: bool| {
            let claim = Claim::of_info(|key| (key == PRINT_KEYS[0]).then(|| part.to_owned()));
            let claim = claim.expect("a claim");
            let found = (claim.forbids_rgb(), claim.forbids_transparency());
            assert_eq!(found, (rgb, transparency), "{part}");
        };
        check("PDF/X-1a:2003", true, true);
        check("PDF/X-3:2002", false, true);
        check("PDF/X-4", false, false);
    }
}
