//! Where objects went in a file, as its cross-references have it (ISO 32000-2, 7.5.4 and 7.5.8).

/// Where an object went.
pub(crate) enum Entry {
    At { offset: u64, generation: u16 },
    Packed { stream: u32, index: u16 },
}

/// Appends a number with zeros before it, as the lines of a cross-reference table have it (7.5.4).
pub(crate) fn padded<const DIGITS: usize>(mut number: u64, out: &mut Vec<u8>) {
    let mut digits = [b'0'; DIGITS];
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
    out.extend_from_slice(&digits);
}

/// Entries by unbroken runs of numbers.
pub(crate) fn runs(entries: &[(u32, Entry)]) -> Vec<&[(u32, Entry)]> {
    entries
        .chunk_by(|(one, _), (next, _)| one.checked_add(1) == Some(*next))
        .collect()
}

/// The rows of a cross-reference stream and the widths of their fields.
pub(crate) fn rows(entries: &[(u32, Entry)]) -> (Vec<u8>, [usize; 3]) {
    let fields = |entry: &Entry| match entry {
        Entry::At { offset, generation } => (1u8, *offset, u64::from(*generation)),
        Entry::Packed { stream, index } => (2, u64::from(*stream), u64::from(*index)),
    };
    let (mut second, mut third) = (0, 0);
    for (_, entry) in entries {
        let (_, a, b) = fields(entry);
        second = second.max(a);
        third = third.max(b);
    }
    let widths = [1, width(second), width(third)];
    let mut rows = Vec::with_capacity(entries.len() * widths.iter().sum::<usize>());
    for (_, entry) in entries {
        let (kind, a, b) = fields(entry);
        rows.push(kind);
        rows.extend_from_slice(&a.to_be_bytes()[8 - widths[1]..]);
        rows.extend_from_slice(&b.to_be_bytes()[8 - widths[2]..]);
    }
    (rows, widths)
}

fn width(value: u64) -> usize {
    (8 - value.leading_zeros() as usize / 8).max(1)
}

/// PNG's "up" prediction (7.4.4.4): each byte less the one above it.
pub(crate) fn predicted(rows: &[u8], columns: usize) -> Vec<u8> {
    let mut predicted = Vec::with_capacity(rows.len() + rows.len() / columns.max(1));
    let mut above: &[u8] = &[];
    for row in rows.chunks(columns.max(1)) {
        predicted.push(2);
        predicted.extend(
            row.iter()
                .enumerate()
                .map(|(i, byte)| byte.wrapping_sub(above.get(i).copied().unwrap_or(0))),
        );
        above = row;
    }
    predicted
}
