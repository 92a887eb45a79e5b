//! Harm to what holds a file together: cross-references, trailers, encryption, the page tree.

use super::tokens::NUMBERS;
use super::{add, after_one, all, one_of, set};
use fastrand::Rng;

pub(super) fn offsets(bytes: &mut Vec<u8>, random: &mut Rng) {
    let found = all(bytes, b" 00000 n");
    for _ in 0..random.usize(1..4) {
        let Some(&end) = random.choice(&found) else {
            return;
        };
        let Some(begin) = end.checked_sub(10) else {
            return;
        };
        let new = match random.u8(..4) {
            0 => "0000000000".to_owned(),
            1 => "9999999999".to_owned(),
            2 => format!("{:010}", random.usize(..=bytes.len())),
            _ => String::from_utf8_lossy(&bytes[begin..end]).replace(['1', '2', '3'], "4"),
        };
        bytes.splice(begin..end, new.into_bytes());
        if random.u8(..4) == 0
            && let Some(kind) = bytes.get_mut(end + 7)
        {
            *kind = b'f';
        }
    }
}

pub(super) fn startxref(bytes: &mut Vec<u8>, random: &mut Rng) {
    let new = if random.bool() {
        random.usize(..=bytes.len()).to_string()
    } else {
        one_of(NUMBERS, random).to_owned()
    };
    set(bytes, b"startxref", &new, random);
}

/// A trailer whose predecessor is itself, or anything.
pub(super) fn prev(bytes: &mut Vec<u8>, random: &mut Rng) {
    let start = after_one(bytes, b"startxref", random);
    let itself = start.map(|at| {
        let text = String::from_utf8_lossy(&bytes[at..bytes.len().min(at + 20)]).into_owned();
        text.split_ascii_whitespace()
            .next()
            .unwrap_or("0")
            .to_owned()
    });
    let place = match (random.u8(..3), itself) {
        (0, _) => random.usize(..=bytes.len()).to_string(),
        (1, _) => one_of(NUMBERS, random).to_owned(),
        (_, itself) => itself.unwrap_or_default(),
    };
    let key = one_of(&["/Prev", "/XRefStm"], random);
    let trailers = all(bytes, b"trailer");
    match random.choice(&trailers) {
        Some(&at) => {
            if let Some(open) = all(&bytes[at..], b"<<").first() {
                let at = at + open + 2;
                bytes.splice(at..at, format!(" {key} {place} ").into_bytes());
            }
        }
        None => add(bytes, &format!("{key} {place}"), random),
    }
}

pub(super) fn second_trailer(bytes: &mut Vec<u8>, random: &mut Rng) {
    let (root, size) = (random.u32(..12), one_of(NUMBERS, random));
    let trailer = format!("\ntrailer\n<</Size {size} /Root {root} 0 R>>\nstartxref\n9\n%%EOF\n");
    let at = if random.bool() {
        bytes.len()
    } else {
        random.usize(..=bytes.len())
    };
    bytes.splice(at..at, trailer.into_bytes());
}

/// An update as programs append it, of an object that is there already.
pub(super) fn update(bytes: &mut Vec<u8>, random: &mut Rng) {
    const OBJECTS: &[&str] = &[
        "null",
        "<<>>",
        "<</Type/Pages/Kids[]/Count 0>>",
        "<</Type/Page/MediaBox[0 0 9 9]>>",
        "<</Type/Catalog>>",
        "[1 0 R]",
        "7",
        "1 0 R",
        "<</Length 0>>\nstream\n\nendstream",
    ];
    let number = random.u32(1..24);
    let before = after_one(bytes, b"startxref", random).map_or(0, |at| {
        let text = String::from_utf8_lossy(&bytes[at..bytes.len().min(at + 20)]).into_owned();
        let word = text.split_ascii_whitespace().next().map(str::to_owned);
        word.and_then(|word| word.parse().ok()).unwrap_or(0_u64)
    });
    let root = random.u32(1..4);
    let place = bytes.len() + 1;
    let object = format!("\n{number} 0 obj\n{}\nendobj\n", one_of(OBJECTS, random));
    let start = bytes.len() + object.len();
    let free = if random.u8(..4) == 0 { 'f' } else { 'n' };
    bytes.extend(object.bytes());
    let table = format!(
        "xref\n{number} 1\n{place:010} 00000 {free} \ntrailer\n<</Size 99 /Root {root} 0 R /Prev {before}>>\nstartxref\n{start}\n%%EOF\n"
    );
    bytes.extend(table.bytes());
}

pub(super) fn encrypt(bytes: &mut Vec<u8>, random: &mut Rng) {
    let (version, revision) = (random.u8(..7), random.u8(..8));
    let length = one_of(NUMBERS, random);
    let text = one_of(&["()", "(abc)", "<00>", "7", "<</A 1>>"], random);
    let long = format!("({})", "o".repeat(random.usize(..200)));
    let dictionary = match random.u8(..4) {
        0 => "3 0 R".to_owned(),
        1 => "<<>>".to_owned(),
        _ => format!(
            "<</Filter/Standard/V {version}/R {revision}/Length {length}/P -4/O {long}/U {long}/OE {text}/UE {text}/Perms {text}\
             /CF<</StdCF<</CFM/AESV{}/Length {length}>>>>/StmF/StdCF/StrF/StdCF>>",
            random.u8(1..5)
        ),
    };
    let trailers = all(bytes, b"trailer");
    let place = random.choice(&trailers).and_then(|at| {
        let open = all(&bytes[*at..], b"<<");
        open.first().map(|open| at + open + 2)
    });
    match place {
        Some(at) => drop(bytes.splice(at..at, format!(" /Encrypt {dictionary} ").into_bytes())),
        None => add(bytes, &format!("/Encrypt {dictionary}"), random),
    }
}

pub(super) fn kids(bytes: &mut Vec<u8>, random: &mut Rng) {
    let one = random.u32(1..16);
    let many = format!(
        "[{}]",
        format!("{one} 0 R ").repeat([2, 40, 3000][random.usize(..3)])
    );
    let list = format!("[{one} 0 R {} 0 R {one} 0 R]", random.u32(1..16));
    let new = match random.u8(..5) {
        0 => many,
        1 => one_of(
            &[
                "[]",
                "null",
                "7",
                "[null]",
                "[[]]",
                "<<>>",
                "[<</Type/Page>>]",
                "[(x)]",
            ],
            random,
        )
        .to_owned(),
        2 => format!("{one} 0 R"),
        _ => list,
    };
    set(bytes, b"/Kids", &new, random);
}

pub(super) fn count(bytes: &mut Vec<u8>, random: &mut Rng) {
    let new = one_of(NUMBERS, random);
    set(bytes, b"/Count", new, random);
}

pub(super) fn parent(bytes: &mut Vec<u8>, random: &mut Rng) {
    let new = match random.u8(..3) {
        0 => one_of(&["null", "7", "<<>>", "[]"], random).to_owned(),
        _ => format!("{} 0 R", random.u32(..16)),
    };
    set(bytes, b"/Parent", &new, random);
}

pub(super) fn page_box(bytes: &mut Vec<u8>, random: &mut Rng) {
    let mut corner = || one_of(NUMBERS, random);
    let four = format!("[{} {} {} {}]", corner(), corner(), corner(), corner());
    let new = match random.u8(..4) {
        0 => one_of(
            &[
                "[]",
                "[0 0 0 0]",
                "[9 9 1 1]",
                "[0 0 9]",
                "null",
                "(box)",
                "[/A /B /C /D]",
                "1 0 R",
            ],
            random,
        )
        .to_owned(),
        _ => four,
    };
    let key = one_of(&["/MediaBox", "/CropBox", "/Rotate"], random);
    if all(bytes, key.as_bytes()).is_empty() {
        add(bytes, &format!("{key} {new}"), random);
    } else {
        set(bytes, key.as_bytes(), &new, random);
    }
}

pub(super) fn contents(bytes: &mut Vec<u8>, random: &mut Rng) {
    let one = random.u32(1..16);
    let new = match random.u8(..4) {
        0 => one_of(
            &["null", "7", "(x)", "[]", "[null 7 (x) <<>>]", "<<>>", "/X"],
            random,
        )
        .to_owned(),
        1 => format!("[{}]", format!("{one} 0 R ").repeat(500)),
        2 => format!("[[{one} 0 R] {one} 0 R]"),
        _ => format!("{one} 0 R"),
    };
    let key = one_of(&["/Contents", "/Resources", "/Annots", "/Font"], random);
    set(bytes, key.as_bytes(), &new, random);
}

pub(super) fn root(bytes: &mut Vec<u8>, random: &mut Rng) {
    let key = one_of(
        &["/Root", "/Pages", "/Info", "/Size", "/ID", "/Type"],
        random,
    );
    let new = match random.u8(..3) {
        0 => one_of(
            &["null", "[]", "<<>>", "(x)", "/Page", "/Pages", "/ObjStm"],
            random,
        )
        .to_owned(),
        1 => one_of(NUMBERS, random).to_owned(),
        _ => format!("{} 0 R", random.u32(..16)),
    };
    set(bytes, key.as_bytes(), &new, random);
}

/// Gives a file with a trailer a true cross-reference table at its end; false where it has none, or no objects.
pub(super) fn refit(bytes: &mut Vec<u8>) -> bool {
    let trailers = all(bytes, b"trailer");
    let Some(&trailer) = trailers.last() else {
        return false;
    };
    let mut places: Vec<(u64, usize)> = Vec::new();
    for end in all(bytes, b" 0 obj") {
        let digits = bytes[..end]
            .iter()
            .rev()
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        let text = String::from_utf8_lossy(&bytes[end - digits..end]).into_owned();
        if let Ok(number @ 1..100_000) = text.parse::<u64>() {
            places.retain(|(known, _)| *known != number);
            places.push((number, end - digits));
        }
    }
    let end = all(&bytes[trailer..], b"startxref")
        .first()
        .map(|at| trailer + at);
    let Some(end) = end else { return false };
    if places.is_empty() {
        return false;
    }
    places.sort_unstable();
    let dictionary = bytes[trailer..end].to_vec();
    let start = bytes.len() + 1;
    let mut table = String::from("\nxref\n0 1\n0000000000 65535 f \n");
    for (number, place) in places {
        table.push_str(&format!("{number} 1\n{place:010} 00000 n \n"));
    }
    bytes.extend(table.bytes());
    bytes.extend(dictionary);
    bytes.extend(format!("\nstartxref\n{start}\n%%EOF\n").bytes());
    true
}
