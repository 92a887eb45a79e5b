//! Characters as ISO 32000-2, 7.2.3 sorts them.

/// White space between tokens.
pub(crate) fn is_space(byte: u8) -> bool {
    CLASS[usize::from(byte)] == Class::Space
}

/// What ends a token and begins another.
pub(crate) fn is_delimiter(byte: u8) -> bool {
    CLASS[usize::from(byte)] == Class::Delimiter
}

/// What tokens are made of.
pub(crate) fn is_regular(byte: u8) -> bool {
    CLASS[usize::from(byte)] == Class::Regular
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Regular,
    Space,
    Delimiter,
}

const CLASS: [Class; 256] = {
    let mut table = [Class::Regular; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = match byte as u8 {
            0 | b'\t' | b'\n' | 0x0c | b'\r' | b' ' => Class::Space,
            b'(' | b')' | b'<' | b'>' | b'[' | b']' | b'{' | b'}' | b'/' | b'%' => Class::Delimiter,
            _ => Class::Regular,
        };
        byte += 1;
    }
    table
};
