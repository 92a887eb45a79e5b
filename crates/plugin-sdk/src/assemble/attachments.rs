//! The list of a document's attachments (embedded files, ISO 32000-2, 7.11.4).

use std::collections::HashSet;

use crate::document::Document;
use crate::error::Result;
use crate::handle::{Kind, Object};
use crate::reference::Ref;
use crate::value::Value;

/// Attachments of one document that are listed, and nodes of its tree of names that are looked at.
const MAX_FILES: usize = 10_000;

/// What is attached to a document.
#[derive(Debug, Default)]
pub struct Attachments<'r> {
    files: Vec<Attachment<'r>>,
    is_damaged: bool,
}

/// One attachment.
#[derive(Debug)]
pub struct Attachment<'r> {
    /// The name it goes by in the tree of names; empty where it is associated with the document only.
    pub key: Vec<u8>,
    /// The name that people see (7.11.3): `/UF`, else `/F`, else the one in the tree.
    pub name: String,
    /// Its file specification, as it stands there.
    pub file: Value<'r>,
    /// Whether it is associated with the document as a whole (14.13).
    pub is_associated: bool,
}

impl<'r> Attachments<'r> {
    /// Reads the list, up to 10,000 attachments; those of single pages and of annotations are not in it.
    pub fn read(document: &Document<'r>) -> Result<Self> {
        let mut read = Self::default();
        let catalog = document.catalog()?;
        let names = catalog.get("Names")?.and_then(|names| names.as_dict());
        if let Some(names) = names
            && let Some(root) = names.object("EmbeddedFiles")?
        {
            read.tree(document, root)?;
        }
        let associated = catalog.get("AF")?.and_then(|list| list.as_array());
        if let Some(associated) = associated {
            read.associated(document, &associated)?;
        }
        Ok(read)
    }

    /// The attachments, in the order of the list.
    #[must_use]
    pub fn files(&self) -> &[Attachment<'r>] {
        &self.files
    }

    /// Whether part of the list could not be read, or was too long.
    #[must_use]
    pub fn is_damaged(&self) -> bool {
        self.is_damaged
    }

    fn tree(&mut self, document: &Document<'r>, root: Object<'r>) -> Result<()> {
        let (mut waiting, mut seen) = (vec![root], HashSet::new());
        let mut looks = 0;
        while let Some(node) = waiting.pop() {
            looks += 1;
            let is_new = node.id()?.is_none_or(|id| seen.insert(id));
            if node.kind() != Kind::Dict || !is_new || looks > MAX_FILES {
                self.is_damaged = true;
                continue;
            }
            self.leaf(document, &node)?;
            let Some(kids) = node.get("Kids")?.and_then(|kids| kids.as_array()) else {
                continue;
            };
            let count = kids.len()?;
            let room = MAX_FILES.saturating_sub(waiting.len());
            self.is_damaged |= count > room;
            for index in (0..count.min(room)).rev() {
                match kids.at(index)?.and_then(|kid| kid.as_dict()) {
                    Some(kid) => waiting.push(kid),
                    None => self.is_damaged = true,
                }
            }
        }
        Ok(())
    }

    /// Takes what one node lists.
    fn leaf(&mut self, document: &Document<'r>, node: &Object<'r>) -> Result<()> {
        let Some(pairs) = node.get("Names")?.and_then(|pairs| pairs.as_array()) else {
            return Ok(());
        };
        for index in (0..pairs.len()?).step_by(2) {
            if self.files.len() >= MAX_FILES {
                self.is_damaged = true;
                break;
            }
            let key = pairs.at(index)?;
            let key = key.as_ref().and_then(Value::as_bytes);
            match (key, pairs.at_raw(index + 1)?) {
                (Some(key), Some(file @ (Value::Ref(_) | Value::Dict(_)))) => {
                    self.push(document, key, file, false)?;
                }
                _ => self.is_damaged = true,
            }
        }
        Ok(())
    }

    fn associated(&mut self, document: &Document<'r>, list: &Object<'r>) -> Result<()> {
        let count = list.len()?;
        self.is_damaged |= count > MAX_FILES;
        for index in 0..count.min(MAX_FILES) {
            let Some(Value::Ref(file)) = list.at_raw(index)? else {
                self.is_damaged = true;
                continue;
            };
            match self.files.iter_mut().find(|listed| listed.is(file)) {
                Some(listed) => listed.is_associated = true,
                None => self.push(document, b"", Value::Ref(file), true)?,
            }
        }
        Ok(())
    }

    fn push(
        &mut self,
        document: &Document<'r>,
        key: &[u8],
        file: Value<'r>,
        is_associated: bool,
    ) -> Result<()> {
        let described = document.resolve(file.clone())?.as_dict();
        let mut name = None;
        for entry in ["UF", "F"] {
            if let (None, Some(file)) = (&name, &described) {
                let text = file.get(entry)?.and_then(|name| name.as_text());
                name = text.filter(|name| !name.is_empty());
            }
        }
        let name = name.or_else(|| Value::string(key).as_text());
        let name = name.filter(|name| !name.is_empty());
        self.files.push(Attachment {
            key: key.to_vec(),
            name: name.unwrap_or_else(|| "attachment".to_owned()),
            file,
            is_associated,
        });
        Ok(())
    }
}

impl Attachment<'_> {
    fn is(&self, file: Ref) -> bool {
        matches!(self.file, Value::Ref(here) if here == file)
    }
}
