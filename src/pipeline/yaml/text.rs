//! What must hold of the bytes before anything parses them: size, UTF-8, no control characters, no breaks of which it is disputed
//! whether they end a line.

use crate::pipeline::yaml::flaw::{Flaw, Place};

/// Bytes that a pipeline file may have.
pub(crate) const MAX_BYTES: u64 = 1 << 20;

const NEXT_LINE: char = '\u{85}';
const LINE_SEPARATOR: char = '\u{2028}';
const PARAGRAPH_SEPARATOR: char = '\u{2029}';
/// They end a line in YAML 1.1 and do not in YAML 1.2 (section 5.4), so that behind a comment they would start a line for one
/// of our two parsers and not for the other.
const DISPUTED: [char; 3] = [NEXT_LINE, LINE_SEPARATOR, PARAGRAPH_SEPARATOR];

/// The text in `bytes`, without a byte order mark.
pub(super) fn check(bytes: &[u8]) -> Result<&str, Flaw> {
    if bytes.len() as u64 > MAX_BYTES {
        return Err(Flaw::new(Place::NONE, too_large(bytes.len() as u64))
            .hint("a pipeline is a short text; is this another file by mistake?"));
    }
    if let [0xff, 0xfe, ..] | [0xfe, 0xff, ..] = bytes {
        return Err(Flaw::new(Place::START, "the file is UTF-16, not UTF-8")
            .hint("save it as UTF-8 in your editor"));
    }
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let valid = &bytes[..error.valid_up_to()];
        let before = String::from_utf8_lossy(valid);
        let byte = bytes.get(error.valid_up_to()).copied().unwrap_or_default();
        Flaw::new(
            Place::after(&before),
            format!(
                "the file is not UTF-8: byte 0x{byte:02x} at offset {} starts no character",
                error.valid_up_to()
            ),
        )
        .hint("save it as UTF-8 in your editor")
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if let Some((offset, control)) = text
        .char_indices()
        .find(|(_, c)| c.is_control() && !matches!(*c, '\n' | '\r' | '\t' | NEXT_LINE))
    {
        let name = if control == '\0' {
            "a NUL character".to_owned()
        } else {
            format!("the control character U+{:04X}", u32::from(control))
        };
        return Err(Flaw::new(
            Place::after(&text[..offset]),
            format!("there is {name} here, which YAML does not allow"),
        )
        .hint("delete it"));
    }
    if let Some((offset, found)) = text.char_indices().find(|(_, c)| DISPUTED.contains(c)) {
        return Err(disputed(found, Place::after(&text[..offset])));
    }
    Ok(text)
}

fn disputed(found: char, place: Place) -> Flaw {
    let (name, escape) = match found {
        NEXT_LINE => ("the control character U+0085 (next line)", "\\N"),
        LINE_SEPARATOR => ("the line separator U+2028", "\\L"),
        _ => ("the paragraph separator U+2029", "\\P"),
    };
    Flaw::new(
        place,
        format!("there is {name} here: whether it ends a line depends on the version of YAML"),
    )
    .hint(format!(
        "press Enter instead, or write `{escape}` in a text in double quotes"
    ))
}

/// What is said about a file of `bytes` bytes, which is too large.
pub(crate) fn too_large(bytes: u64) -> String {
    // Near the limit, rounded sizes would look alike.
    if bytes < 2 * MAX_BYTES {
        return format!("the file has {bytes} bytes; a pipeline may have {MAX_BYTES} (1 MiB)");
    }
    #[expect(clippy::cast_precision_loss, reason = "for people")]
    let mib = bytes as f64 / (1 << 20) as f64;
    format!("the file has {mib:.1} MiB; a pipeline may have 1 MiB")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_a_little_too_large_is_told_from_the_limit() {
        let near = "the file has 1048577 bytes; a pipeline may have 1048576 (1 MiB)";
        assert_eq!(too_large(MAX_BYTES + 1), near);
        let far = "the file has 50.0 MiB; a pipeline may have 1 MiB";
        assert_eq!(too_large(50 << 20), far);
    }
}
