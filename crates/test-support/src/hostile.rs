//! PDFs that are broken or mean harm: cut off, nested without end, going round in circles, or blown up when unpacked.

use flate2::Compression;
use flate2::write::ZlibEncoder;
use std::io::{Read as _, Write as _};

/// A sound file of one page, written by hand so that every byte is known.
#[must_use]
pub fn sound() -> Vec<u8> {
    let content = stream("", b"BT ET");
    let mut objects = one_page("/Contents 4 0 R");
    objects.push(content);
    file(&objects)
}

/// The first half of a sound file.
#[must_use]
pub fn cut_off() -> Vec<u8> {
    let mut bytes = sound();
    bytes.truncate(bytes.len() / 2);
    bytes
}

/// A sound file whose cross-reference table points into nowhere.
#[must_use]
pub fn wrong_offsets() -> Vec<u8> {
    let text = String::from_utf8(sound()).expect("it is ASCII");
    text.replace("0000000009 00000 n", "0000000099 00000 n")
        .into_bytes()
}

/// A PDF header, noise, and a PDF's end.
#[must_use]
pub fn noise() -> Vec<u8> {
    let mut bytes = b"%PDF-1.4\n".to_vec();
    let mut state = 0x2545_F491_4F6C_DD1D_u64;
    for _ in 0..4096 {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend(state.to_le_bytes());
    }
    bytes.extend(b"\nstartxref\n12\n%%EOF\n");
    bytes
}

/// A catalog with an array in an array, `levels` times.
#[must_use]
pub fn nested_arrays(levels: usize) -> Vec<u8> {
    nested(&"[".repeat(levels), &"]".repeat(levels))
}

/// A catalog with a dictionary in a dictionary, `levels` times.
#[must_use]
pub fn nested_dictionaries(levels: usize) -> Vec<u8> {
    nested(&"<</A ".repeat(levels), &">>".repeat(levels))
}

fn nested(open: &str, close: &str) -> Vec<u8> {
    let mut objects = one_page("");
    objects[0] = format!("<</Type/Catalog/Pages 2 0 R/X {open} 1 {close}>>").into_bytes();
    file(&objects)
}

/// A page tree of `levels` nodes, each the only kid of the one before.
#[must_use]
pub fn deep_pages(levels: usize) -> Vec<u8> {
    let node = |index: usize| format!("<</Type/Pages/Kids[{} 0 R]/Count 1>>", index + 3);
    let mut objects = vec![b"<</Type/Catalog/Pages 2 0 R>>".to_vec()];
    objects.extend((0..levels).map(|index| node(index).into_bytes()));
    let leaf = format!("<</Type/Page/Parent {} 0 R/MediaBox[0 0 9 9]>>", levels + 1);
    objects.push(leaf.into_bytes());
    file(&objects)
}

/// A page tree whose nodes are each other's kids, without a page.
#[must_use]
pub fn circular_pages() -> Vec<u8> {
    file(&[
        b"<</Type/Catalog/Pages 2 0 R>>".to_vec(),
        b"<</Type/Pages/Kids[3 0 R 2 0 R]/Count 2>>".to_vec(),
        b"<</Type/Pages/Parent 2 0 R/Kids[2 0 R]/Count 1>>".to_vec(),
    ])
}

/// A page tree of 40 nodes, each of which has the next one as its kid twice: 2^40 pages for whoever counts them.
#[must_use]
pub fn doubling_pages() -> Vec<u8> {
    let mut objects = vec![b"<</Type/Catalog/Pages 2 0 R>>".to_vec()];
    objects.extend(
        (3..43)
            .map(|kid| format!("<</Type/Pages/Kids[{kid} 0 R {kid} 0 R]/Count 2>>").into_bytes()),
    );
    objects.push(b"<</Type/Page/Parent 42 0 R/MediaBox[0 0 9 9]>>".to_vec());
    file(&objects)
}

/// A page that is its own parent.
#[must_use]
pub fn own_parent() -> Vec<u8> {
    let mut objects = one_page("");
    objects[2] = b"<</Type/Page/Parent 3 0 R>>".to_vec();
    file(&objects)
}

/// A file without a page.
#[must_use]
pub fn no_pages() -> Vec<u8> {
    file(&[
        b"<</Type/Catalog/Pages 2 0 R>>".to_vec(),
        b"<</Type/Pages/Kids[]/Count 0>>".to_vec(),
    ])
}

/// A page whose content is `size` spaces, packed to a thousandth of that.
#[must_use]
pub fn content_bomb(size: u64) -> Vec<u8> {
    let mut objects = one_page("/Contents 4 0 R");
    objects.push(stream("/Filter/FlateDecode", &spaces(b"", size)));
    file(&objects)
}

/// A page that draws nothing and takes very long about it: a form that is drawn ten times by a form, and so on.
#[must_use]
pub fn endless_page() -> Vec<u8> {
    const LEVELS: usize = 6;
    let mut objects = one_page("/Contents 4 0 R/Resources<</XObject<</F 5 0 R>>>>");
    objects.push(stream("", b"/F Do"));
    for level in 0..LEVELS {
        let about = format!(
            "/Type/XObject/Subtype/Form/BBox[0 0 9 9]/Resources<</XObject<</F {} 0 R>>>>",
            level + 6
        );
        objects.push(stream(&about, "/F Do ".repeat(10).as_bytes()));
    }
    let nothing = "q Q ".repeat(100_000);
    let about = "/Type/XObject/Subtype/Form/BBox[0 0 9 9]";
    objects.push(stream(about, nothing.as_bytes()));
    file(&objects)
}

/// An object stream that unpacks to `size` bytes.
#[must_use]
pub fn object_stream_bomb(size: u64) -> Vec<u8> {
    let mut objects = one_page("");
    objects.push(stream(
        "/Type/ObjStm/N 1/First 4/Filter/FlateDecode",
        &spaces(b"9 0 ", size),
    ));
    file(&objects)
}

/// A cross-reference stream that unpacks to `size` bytes and claims a hundred million objects.
#[must_use]
pub fn cross_reference_bomb(size: u64) -> Vec<u8> {
    let mut bytes = b"%PDF-1.7\n1 0 obj\n<</Type/Catalog/Pages 2 0 R>>\nendobj\n".to_vec();
    let start = bytes.len();
    let keys = "/Type/XRef/Size 100000000/W[1 4 2]/Root 1 0 R/Filter/FlateDecode";
    bytes.extend(b"5 0 obj\n");
    bytes.extend(stream(keys, &spaces(b"", size)));
    bytes.extend(format!("\nendobj\nstartxref\n{start}\n%%EOF\n").into_bytes());
    bytes
}

fn one_page(extra: &str) -> Vec<Vec<u8>> {
    vec![
        b"<</Type/Catalog/Pages 2 0 R>>".to_vec(),
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>".to_vec(),
        format!("<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 200]{extra}>>").into_bytes(),
    ]
}

fn stream(keys: &str, bytes: &[u8]) -> Vec<u8> {
    let mut object = format!("<<{keys}/Length {}>>\nstream\n", bytes.len()).into_bytes();
    object.extend(bytes);
    object.extend(b"\nendstream");
    object
}

fn spaces(first: &[u8], size: u64) -> Vec<u8> {
    let mut packer = ZlibEncoder::new(Vec::new(), Compression::fast());
    packer.write_all(first).expect("a vector takes all");
    std::io::copy(&mut std::io::repeat(b' ').take(size), &mut packer).expect("a vector takes all");
    packer.finish().expect("a vector takes all")
}

/// Objects numbered from 1, with a true cross-reference table; the first is the catalog.
fn file(objects: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = b"%PDF-1.7\n".to_vec();
    let mut table = String::from("0000000000 65535 f \n");
    for (index, object) in objects.iter().enumerate() {
        table.push_str(&format!("{:010} 00000 n \n", bytes.len()));
        bytes.extend(format!("{} 0 obj\n", index + 1).into_bytes());
        bytes.extend(object);
        bytes.extend(b"\nendobj\n");
    }
    let (start, size) = (bytes.len(), objects.len() + 1);
    let end = format!(
        "xref\n0 {size}\n{table}trailer\n<</Size {size}/Root 1 0 R>>\nstartxref\n{start}\n%%EOF\n"
    );
    bytes.extend(end.into_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_that_others_are_made_from_is_sound() {
        assert_eq!(crate::sample::rotations(&sound()), [0]);
        assert!(crate::sample::open(&no_pages()).get_pages().is_empty());
    }

    #[test]
    fn bombs_are_small() {
        assert!(content_bomb(64 << 20).len() < 1 << 20);
    }
}
