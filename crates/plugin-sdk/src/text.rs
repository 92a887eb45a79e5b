//! Text strings (ISO 32000-2, 7.9.2.2): PDFDocEncoding, UTF-16 and UTF-8, told apart by their first bytes.

/// The codes of PDFDocEncoding that are not those of Latin-1 (ISO 32000-2, annex D.3): 0x18-0x1F, then 0x80-0xA0.
const LOW: [char; 8] = ['˘', 'ˇ', 'ˆ', '˙', '˝', '˛', '˚', '˜'];
const HIGH: [char; 33] = [
    '•', '†', '‡', '…', '—', '–', 'ƒ', '⁄', '‹', '›', '−', '‰', '„', '“', '”', '‘', '’', '‚', '™',
    'ﬁ', 'ﬂ', 'Ł', 'Œ', 'Š', 'Ÿ', 'Ž', 'ı', 'ł', 'œ', 'š', 'ž', '\u{FFFD}', '€',
];

/// The text that a text string's bytes stand for. What cannot be decoded becomes U+FFFD; language marks are left out.
#[must_use]
pub fn decode(bytes: &[u8]) -> String {
    match bytes {
        [0xFE, 0xFF, rest @ ..] => utf16(rest, u16::from_be_bytes),
        [0xFF, 0xFE, rest @ ..] => utf16(rest, u16::from_le_bytes),
        [0xEF, 0xBB, 0xBF, rest @ ..] => String::from_utf8_lossy(rest).into_owned(),
        _ => bytes.iter().map(|&byte| character(byte)).collect(),
    }
}

/// The bytes of a text string: PDFDocEncoding where it has every character, else UTF-16BE with its mark.
#[must_use]
pub fn encode(text: &str) -> Vec<u8> {
    let plain: Option<Vec<u8>> = text.chars().map(code).collect();
    match plain {
        Some(bytes) if !is_marked(&bytes) => bytes,
        _ => [0xFE, 0xFF]
            .into_iter()
            .chain(text.encode_utf16().flat_map(u16::to_be_bytes))
            .collect(),
    }
}

fn is_marked(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0xFE, 0xFF])
        || bytes.starts_with(&[0xFF, 0xFE])
        || bytes.starts_with(&[0xEF, 0xBB, 0xBF])
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> String {
    let units = bytes.chunks_exact(2).map(|pair| unit([pair[0], pair[1]]));
    let mut in_language = false;
    char::decode_utf16(units)
        .map(|decoded| decoded.unwrap_or(char::REPLACEMENT_CHARACTER))
        .filter(|&character| {
            // U+001B language U+001B: a mark, not text (ISO 32000-2, 7.9.2.2.1).
            let mark = character == '\u{1B}';
            in_language ^= mark;
            !mark && !in_language
        })
        .collect()
}

fn character(byte: u8) -> char {
    match byte {
        0x18..=0x1F => LOW[usize::from(byte - 0x18)],
        0x7F | 0xAD => char::REPLACEMENT_CHARACTER,
        0x80..=0xA0 => HIGH[usize::from(byte - 0x80)],
        _ => char::from(byte),
    }
}

fn code(character: char) -> Option<u8> {
    match character {
        '\t' | '\n' | '\r' | ' '..='~' | '¡'..='¬' | '®'..='ÿ' => {
            u8::try_from(u32::from(character)).ok()
        }
        char::REPLACEMENT_CHARACTER => None,
        _ => position(&LOW, character)
            .map(|index| 0x18 + index)
            .or_else(|| position(&HIGH, character).map(|index| 0x80 + index)),
    }
}

fn position(table: &[char], character: char) -> Option<u8> {
    let index = table.iter().position(|&entry| entry == character)?;
    u8::try_from(index).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_survives_a_round_trip() {
        for text in [
            "",
            "plain",
            "Grüße",
            "a–b … “x” €",
            "Łódź",
            "漢字",
            "🦀 emoji",
            "þÿ at the start",
            "ï»¿ too",
            "tab\tline\n",
            "\u{7}bell",
        ] {
            assert_eq!(decode(&encode(text)), text, "{text:?}");
        }
    }

    #[test]
    fn the_shorter_encoding_is_taken_where_it_suffices() {
        assert_eq!(encode("Grüße €"), b"Gr\xFC\xDFe \xA0");
        assert_eq!(encode("漢"), [0xFE, 0xFF, 0x6F, 0x22]);
    }

    #[test]
    fn every_mark_is_understood() {
        let check = |bytes: &[u8], text: &str| assert_eq!(decode(bytes), text);
        check(b"\xFE\xFF\x00A\x00B", "AB");
        check(b"\xFF\xFEA\x00B\x00", "AB");
        check(b"\xEF\xBB\xBF\xC3\xA4", "ä");
        check(b"\xFE\xFF\x00\x1B\x00e\x00n\x00\x1B\x00A", "A");
        check(b"\xFE\xFF\xD8\x00\x00A", "\u{FFFD}A");
        check(b"\x1F\x9F\xAD", "˜\u{FFFD}\u{FFFD}");
    }
}
