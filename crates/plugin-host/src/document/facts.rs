//! What is known of a document without changing it: what templates see as `pdf.*`.

use lopdf::{Dictionary, Object};
use serde::Serialize;

use crate::document::objects::Objects;
use crate::fault::Result;

/// Facts of a document.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Facts {
    /// How many pages.
    pub pages: u32,
    /// Whether it carries a signature that a change would break.
    pub signed: bool,
    /// Whether it came with a code of integrity (ISO/TS 32004), which a change takes away. No template names it.
    #[serde(skip)]
    pub authenticated: bool,
    /// Whether it came encrypted, and so will be again.
    pub encrypted: bool,
    /// The PDF version that it says it has.
    pub version: String,
    /// `Title` of the information dictionary; empty where there is none. So the following.
    pub title: String,
    /// `Author`.
    pub author: String,
    /// `Subject`.
    pub subject: String,
    /// `Keywords`.
    pub keywords: String,
    /// `Creator`.
    pub creator: String,
    /// `Producer`.
    pub producer: String,
}

/// The most form fields that are looked at for a signature.
const MAX_FIELDS: usize = 100_000;

impl Objects {
    pub(crate) fn facts(&mut self) -> Result<Facts> {
        let pages = u32::try_from(self.pages()?.len()).unwrap_or(u32::MAX);
        let info = self
            .lookup(&self.pdf.trailer, b"Info")
            .and_then(|info| info.as_dict().ok());
        let text = |key: &[u8]| {
            info.and_then(|info| self.lookup(info, key))
                .filter(|value| matches!(value, Object::String(..)))
                .and_then(|value| lopdf::decode_text_string(value).ok())
                .unwrap_or_default()
        };
        Ok(Facts {
            pages,
            signed: self.is_signed(),
            authenticated: self.omitted.had_code,
            encrypted: self.pdf.encryption_state.is_some(),
            version: self.newest_version(),
            title: text(b"Title"),
            author: text(b"Author"),
            subject: text(b"Subject"),
            keywords: text(b"Keywords"),
            creator: text(b"Creator"),
            producer: text(b"Producer"),
        })
    }

    fn catalog(&self) -> Option<&Dictionary> {
        self.lookup(&self.pdf.trailer, b"Root")?.as_dict().ok()
    }

    /// The header's version, or the catalog's where that is newer (ISO 32000-2, 7.2.2).
    fn newest_version(&self) -> String {
        let named = self
            .catalog()
            .and_then(|catalog| self.lookup(catalog, b"Version"))
            .and_then(|version| version.as_name().ok())
            .and_then(|version| std::str::from_utf8(version).ok());
        match named {
            Some(named) if named > self.pdf.version.as_str() => named.to_owned(),
            _ => self.pdf.version.clone(),
        }
    }

    /// A signature field with a value, or a document-level permission signature (12.8).
    fn is_signed(&self) -> bool {
        let Some(catalog) = self.catalog() else {
            return false;
        };
        let permission = self
            .lookup(catalog, b"Perms")
            .and_then(|perms| perms.as_dict().ok())
            .is_some_and(|perms| perms.iter().any(|(_, value)| self.is_signature(value)));
        permission || self.has_signed_field(catalog) || self.is_flagged(catalog)
    }

    fn has_signed_field(&self, catalog: &Dictionary) -> bool {
        let fields = self
            .lookup(catalog, b"AcroForm")
            .and_then(|form| form.as_dict().ok())
            .and_then(|form| self.lookup(form, b"Fields"));
        let mut waiting: Vec<&Object> = match fields {
            Some(Object::Array(fields)) => fields.iter().collect(),
            _ => return false,
        };
        // Bounded, since kids may point back at their parents.
        for _ in 0..MAX_FIELDS {
            let Some(field) = waiting.pop() else {
                return false;
            };
            let Some((_, Object::Dictionary(field))) = self.resolve(field) else {
                continue;
            };
            if field.has(b"V") && field.get(b"V").is_ok_and(|value| self.is_signature(value)) {
                return true;
            }
            if let Some(Object::Array(kids)) = self.lookup(field, b"Kids") {
                waiting.extend(kids);
            }
        }
        false
    }

    /// The form says that there are signatures, and there is one somewhere.
    fn is_flagged(&self, catalog: &Dictionary) -> bool {
        let flags = self
            .lookup(catalog, b"AcroForm")
            .and_then(|form| form.as_dict().ok())
            .and_then(|form| self.lookup(form, b"SigFlags"))
            .and_then(|flags| flags.as_i64().ok())
            .unwrap_or(0);
        flags & 1 == 1
            && self
                .heap
                .ids()
                .into_iter()
                .any(|id| self.is_signature(&Object::Reference(id)))
    }

    fn is_signature(&self, value: &Object) -> bool {
        matches!(self.resolve(value), Some((_, Object::Dictionary(dict))) if dict.has(b"ByteRange") && dict.has(b"Contents"))
    }
}
