//! The names of properties, and how they are written.

/// Dublin Core.
pub const DC: &str = "http://purl.org/dc/elements/1.1/";
/// What only PDF has.
pub const PDF: &str = "http://ns.adobe.com/pdf/1.3/";
/// XMP itself.
pub const XMP: &str = "http://ns.adobe.com/xap/1.0/";
/// Entries of the Info dictionary that no other namespace knows.
pub const PDFX: &str = "http://ns.adobe.com/pdfx/1.3/";

/// How XMP writes a property.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Plain text.
    Simple,
    /// An `rdf:Alt` with an `x-default`.
    Alternatives,
    /// An `rdf:Seq`.
    Sequence,
    /// An `rdf:Bag`, an item a value.
    Bag,
}

/// A property of XMP.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name {
    /// The namespace's URI.
    pub namespace: String,
    /// The name in it.
    pub local: String,
}

impl Name {
    /// `local` of `namespace`.
    #[must_use]
    pub fn new(namespace: &str, local: &str) -> Self {
        Self {
            namespace: namespace.to_owned(),
            local: local.to_owned(),
        }
    }

    /// The one under which Adobe's programs keep `key` of the Info dictionary: what XML does not allow is written as
    /// U+2182 and four hexadecimal digits.
    #[must_use]
    pub fn custom(key: &str) -> Self {
        let mut local = String::new();
        for (index, character) in key.chars().enumerate() {
            let start = character.is_ascii_alphabetic() || character == '_';
            let plain = start
                || index > 0 && (character.is_ascii_digit() || matches!(character, '-' | '.'));
            if plain {
                local.push(character);
            } else {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    local.push_str(&format!("\u{2182}{unit:04X}"));
                }
            }
        }
        Self::new(PDFX, &local)
    }
}

/// Whether XML 1.0 can hold the character.
#[must_use]
pub fn is_xml(character: char) -> bool {
    matches!(character, '\t' | '\n' | '\r' | ' '..='\u{FFFD}' | '\u{10000}'..)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_xml_does_not_allow_are_escaped() {
        let check = |key, local: &str| assert_eq!(Name::custom(key).local, local, "{key}");
        check("Department", "Department");
        check("Cost centre", "Cost\u{2182}0020centre");
        check("2nd", "\u{2182}0032nd");
        check("a:b", "a\u{2182}003Ab");
        check("ä", "\u{2182}00E4");
    }
}
