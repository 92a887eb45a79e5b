//! Sample PDFs, and what a test wants to know of the PDFs that come out.
//!
//! Every page says in its text which page of which document it is, so that a test can tell where each one went.

use std::collections::BTreeMap;
use std::sync::Arc;

use lopdf::content::Content;
use lopdf::encryption::crypt_filters::{Aes128CryptFilter, CryptFilter};
use lopdf::xref::XrefType;
use lopdf::{
    Dictionary, Document, EncryptionState, EncryptionVersion, LoadOptions, Object, ObjectId,
    Permissions, Stream, dictionary,
};

pub use lopdf;

/// A sound PDF with `pages` pages: A4, Helvetica, "sample page 1 of 3".
#[must_use]
pub fn pdf(pages: u32) -> Vec<u8> {
    Sample::new("sample", pages).bytes()
}

/// A sample to be made to measure.
pub struct Sample {
    name: String,
    document: Document,
    pages: Vec<ObjectId>,
    catalog: ObjectId,
    root: ObjectId,
    object_streams: bool,
}

impl Sample {
    /// `pages` pages that say "`name` page 1 of n"; size, resources and nothing else stand in the root of the page tree.
    #[must_use]
    pub fn new(name: &str, pages: u32) -> Self {
        let mut document = Document::with_version("1.7");
        let root = document.new_object_id();
        let font = document.add_object(dictionary! {
            "Type" => "Font", "Subtype" => "Type1", "BaseFont" => "Helvetica", "Encoding" => "WinAnsiEncoding",
        });
        let kids: Vec<ObjectId> = (1..=pages)
            .map(|number| {
                let text =
                    format!("BT /F1 24 Tf 72 720 Td ({name} page {number} of {pages}) Tj ET");
                let contents =
                    document.add_object(Stream::new(Dictionary::new(), text.into_bytes()));
                document.add_object(
                    dictionary! { "Type" => "Page", "Parent" => root, "Contents" => contents },
                )
            })
            .collect();
        let references: Vec<Object> = kids.iter().map(|&id| id.into()).collect();
        document.set_object(
            root,
            dictionary! {
                "Type" => "Pages", "Kids" => references, "Count" => i64::from(pages),
                "MediaBox" => numbers(&[0.0, 0.0, 595.0, 842.0]),
                "Resources" => dictionary! { "Font" => dictionary! { "F1" => font } },
            },
        );
        let catalog = document.add_object(dictionary! { "Type" => "Catalog", "Pages" => root });
        let info = document.add_object(dictionary! {
            "Title" => Object::string_literal(name), "Producer" => Object::string_literal("Dropleaf samples"),
        });
        document.trailer.set("Root", catalog);
        document.trailer.set("Info", info);
        document.trailer.set(
            "ID",
            vec![
                Object::string_literal("sample-id-sample"),
                Object::string_literal("sample-id-sample"),
            ],
        );
        Self {
            name: name.to_owned(),
            document,
            pages: kids,
            catalog,
            root,
            object_streams: false,
        }
    }

    /// `/Rotate` for all pages, to be inherited from the root of the page tree.
    #[must_use]
    pub fn inherited_rotation(mut self, degrees: i64) -> Self {
        let root = self.root;
        self.dict(root).set("Rotate", degrees);
        self
    }

    /// `/Rotate` of one page, from 0.
    #[must_use]
    pub fn rotation(mut self, page: usize, degrees: i64) -> Self {
        let id = self.pages[page];
        self.dict(id).set("Rotate", degrees);
        self
    }

    /// A box of one page, from 0; its corners may be anywhere and in any order.
    #[must_use]
    pub fn page_box(mut self, page: usize, key: &str, corners: [f32; 4]) -> Self {
        let id = self.pages[page];
        self.dict(id).set(key, numbers(&corners));
        self
    }

    /// Another content stream for one page, from 0, for instance one that leaves its graphics state unbalanced.
    #[must_use]
    pub fn content(mut self, page: usize, content: &str) -> Self {
        let stream = self
            .document
            .add_object(Stream::new(Dictionary::new(), content.as_bytes().to_vec()));
        let id = self.pages[page];
        self.dict(id).set("Contents", stream);
        self
    }

    /// An outline with one entry a page, and a named destination `start` for the first.
    #[must_use]
    pub fn outline(mut self) -> Self {
        let outline = self.document.new_object_id();
        let items: Vec<ObjectId> = self
            .pages
            .iter()
            .map(|_| self.document.new_object_id())
            .collect();
        for (index, &item) in items.iter().enumerate() {
            let mut entry = dictionary! {
                "Title" => Object::string_literal(format!("{} {}", self.name, index + 1)), "Parent" => outline,
                "Dest" => vec![self.pages[index].into(), "Fit".into()],
            };
            if index > 0 {
                entry.set("Prev", items[index - 1]);
            }
            if let Some(&next) = items.get(index + 1) {
                entry.set("Next", next);
            }
            self.document.set_object(item, entry);
        }
        let (first, last) = (items[0], items[items.len() - 1]);
        let count = i64::try_from(items.len()).unwrap_or(i64::MAX);
        self.document
            .set_object(outline, dictionary! { "Type" => "Outlines", "First" => first, "Last" => last, "Count" => count });
        let start: Vec<Object> = vec![self.pages[0].into(), "Fit".into()];
        let names = dictionary! { "Dests" => dictionary! { "Names" => vec![Object::string_literal("start"), start.into()] } };
        let catalog = self.catalog;
        self.dict(catalog).set("Outlines", outline);
        self.dict(catalog).set("Names", names);
        self
    }

    /// A text field called `name` with `value`, on the first page; the field is its own widget.
    #[must_use]
    pub fn field(mut self, name: &str, value: &str) -> Self {
        let page = self.pages[0];
        let field = self.document.add_object(dictionary! {
            "Type" => "Annot", "Subtype" => "Widget", "FT" => "Tx", "P" => page,
            "T" => Object::string_literal(name), "V" => Object::string_literal(value),
            "Rect" => numbers(&[72.0, 600.0, 272.0, 620.0]), "DA" => Object::string_literal("/F1 12 Tf 0 g"),
        });
        let catalog = self.catalog;
        let catalog = self.dict(catalog);
        let mut form = catalog
            .get(b"AcroForm")
            .and_then(Object::as_dict)
            .cloned()
            .unwrap_or_default();
        let mut fields = form
            .get(b"Fields")
            .and_then(Object::as_array)
            .cloned()
            .unwrap_or_default();
        fields.push(field.into());
        form.set("Fields", fields);
        catalog.set("AcroForm", form);
        let mut annotations = self
            .dict(page)
            .get(b"Annots")
            .and_then(Object::as_array)
            .cloned()
            .unwrap_or_default();
        annotations.push(field.into());
        self.dict(page).set("Annots", annotations);
        self
    }

    /// An XMP packet, uncompressed.
    #[must_use]
    pub fn xmp(mut self, packet: &str) -> Self {
        let dict = dictionary! { "Type" => "Metadata", "Subtype" => "XML" };
        let stream = self
            .document
            .add_object(Stream::new(dict, packet.as_bytes().to_vec()));
        let catalog = self.catalog;
        self.dict(catalog).set("Metadata", stream);
        self
    }

    /// A packet that claims the document to be PDF/A-2 of this level and, if it is tagged (level `A`), PDF/UA-1; output intent
    /// and tags go with it.
    #[must_use]
    pub fn archive(self, level: &str, profile: &[u8]) -> Self {
        let accessible = match level {
            "A" => "xmlns:u='http://www.aiim.org/pdfua/ns/id/' u:part='1'",
            _ => "",
        };
        let packet = format!(
            "<r:RDF xmlns:r='http://www.w3.org/1999/02/22-rdf-syntax-ns#'>\
             <r:Description r:about='' xmlns:a='http://www.aiim.org/pdfa/ns/id/' a:part='2' a:conformance='{level}' {accessible}/>\
             </r:RDF>"
        );
        let mut sample = self.xmp(&packet);
        let profile = Stream::new(dictionary! { "N" => 3 }, profile.to_vec());
        let profile = sample.document.add_object(profile);
        let intent = dictionary! {
            "S" => "GTS_PDFA1", "OutputConditionIdentifier" => Object::string_literal("sRGB"), "DestOutputProfile" => profile,
        };
        let intent = sample.document.add_object(intent);
        let tree = sample
            .document
            .add_object(dictionary! { "Type" => "StructTreeRoot" });
        let catalog = sample.catalog;
        let catalog = sample.dict(catalog);
        catalog.set("OutputIntents", vec![Object::Reference(intent)]);
        if level == "A" {
            catalog.set("StructTreeRoot", tree);
            catalog.set("MarkInfo", dictionary! { "Marked" => true });
        }
        sample
    }

    /// An entry of the Info dictionary.
    #[must_use]
    pub fn info(mut self, key: &str, value: impl Into<Object>) -> Self {
        let info = self
            .document
            .trailer
            .get(b"Info")
            .and_then(Object::as_reference);
        if let Ok(info) = info {
            self.dict(info).set(key, value);
        }
        self
    }

    /// Objects in object streams and a cross-reference stream.
    #[must_use]
    pub fn object_streams(mut self) -> Self {
        self.object_streams = true;
        self
    }

    /// A cross-reference table and a trailer, as before PDF 1.5.
    #[must_use]
    pub fn xref_table(mut self) -> Self {
        self.document.reference_table.cross_reference_type = XrefType::CrossReferenceTable;
        self
    }

    /// Encrypted with AES-128 (V4, R4); an empty `user` password lets everybody read.
    #[must_use]
    pub fn encrypted(mut self, user: &str, owner: &str) -> Self {
        let filter: Arc<dyn CryptFilter> = Arc::new(Aes128CryptFilter);
        let state = EncryptionState::try_from(EncryptionVersion::V4 {
            document: &self.document,
            encrypt_metadata: true,
            crypt_filters: BTreeMap::from([(b"StdCF".to_vec(), filter)]),
            stream_filter: b"StdCF".to_vec(),
            string_filter: b"StdCF".to_vec(),
            owner_password: owner,
            user_password: user,
            permissions: Permissions::all(),
        })
        .expect("the sample has an id");
        self.document
            .encrypt(&state)
            .expect("the sample can be encrypted");
        self
    }

    /// Anything else: the objects themselves, and the ids of the pages.
    #[must_use]
    pub fn edit(mut self, edit: impl FnOnce(&mut Document, &[ObjectId])) -> Self {
        edit(&mut self.document, &self.pages);
        self
    }

    /// The file.
    #[must_use]
    pub fn bytes(mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let saved = if self.object_streams {
            self.document.save_modern(&mut bytes)
        } else {
            self.document.save_to(&mut bytes)
        };
        saved.expect("a sample can be saved");
        bytes
    }

    fn dict(&mut self, id: ObjectId) -> &mut Dictionary {
        self.document
            .get_dictionary_mut(id)
            .expect("the sample has this dictionary")
    }
}

fn numbers(values: &[f32]) -> Object {
    values
        .iter()
        .map(|&value| Object::Real(value))
        .collect::<Vec<_>>()
        .into()
}

/// `pdf`, which has a cross-reference table, with objects in PDF syntax appended as an incremental update (ISO 32000-2, 7.5.6).
#[must_use]
pub fn with_objects(pdf: &[u8], objects: &[(u32, &str)]) -> Vec<u8> {
    let before = open(pdf);
    let root = before.trailer.get(b"Root").and_then(Object::as_reference);
    let root = root.expect("the sample has a catalog").0;
    let last = objects.iter().map(|(number, _)| *number).max();
    let size = last.unwrap_or(0).max(before.max_id) + 1;
    let (mut out, mut table) = (pdf.to_vec(), String::from("xref\n"));
    for (number, text) in objects {
        out.push(b'\n');
        table += &format!("{number} 1\n{:010} 00000 n \n", out.len());
        out.extend_from_slice(format!("{number} 0 obj\n{text}\nendobj\n").as_bytes());
    }
    let (at, previous) = (out.len(), before.xref_start);
    let trailer = format!("trailer\n<</Size {size}/Root {root} 0 R/Prev {previous}>>");
    out.extend_from_slice(format!("{table}{trailer}\nstartxref\n{at}\n%%EOF\n").as_bytes());
    out
}

/// The engine's view of a PDF that a test got.
#[must_use]
pub fn open(pdf: &[u8]) -> Document {
    Document::load_mem(pdf).expect("the file that came out can be opened")
}

/// The engine's view of a PDF that needs a password.
#[must_use]
pub fn open_with(pdf: &[u8], password: &str) -> Document {
    let options = LoadOptions {
        password: Some(password.to_owned()),
        ..LoadOptions::default()
    };
    Document::load_mem_with_options(pdf, options).expect("the file that came out can be opened")
}

/// The text of each page: what its `Tj` operators show.
#[must_use]
pub fn texts(pdf: &[u8]) -> Vec<String> {
    let document = open(pdf);
    let text = |page| {
        let content =
            Content::decode(&document.get_page_content(page)).expect("the contents can be read");
        let shown = content
            .operations
            .iter()
            .filter(|operation| operation.operator == "Tj");
        let shown = shown.filter_map(|operation| operation.operands.first()?.as_str().ok());
        shown
            .map(|bytes| String::from_utf8_lossy(bytes).into_owned())
            .collect::<Vec<_>>()
            .join(" ")
    };
    document.get_pages().into_values().map(text).collect()
}

/// The rotation of each page, inherited or its own, in degrees.
#[must_use]
pub fn rotations(pdf: &[u8]) -> Vec<i64> {
    let document = open(pdf);
    let rotation = |page| {
        let mut next = Some(page);
        while let Some(node) = next.and_then(|id| document.get_dictionary(id).ok()) {
            if let Ok(degrees) = node.get(b"Rotate").and_then(Object::as_i64) {
                return degrees;
            }
            next = node.get(b"Parent").and_then(Object::as_reference).ok();
        }
        0
    };
    document.get_pages().into_values().map(rotation).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_says_which_page_is_which() {
        assert_eq!(texts(&pdf(2)), ["sample page 1 of 2", "sample page 2 of 2"]);
        let sample = Sample::new("a", 2)
            .inherited_rotation(90)
            .rotation(1, 180)
            .object_streams();
        assert_eq!(rotations(&sample.bytes()), [90, 180]);
    }

    #[test]
    fn an_encrypted_sample_needs_its_password() {
        let bytes = Sample::new("secret", 1).encrypted("user", "owner").bytes();
        assert!(open(&bytes).get_pages().is_empty());
        let document = open_with(&bytes, "user");
        assert_eq!(document.get_pages().len(), 1);
    }
}
