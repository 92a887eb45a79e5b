//! The attachments (embedded files) of the later documents, put to those of the first.

use std::collections::{BTreeMap, HashMap};

use dropleaf_plugin_sdk::assemble::{self, Attachment};
use dropleaf_plugin_sdk::prelude::*;

/// The largest attachment that is taken: it stands in the worker's memory twice on its way.
const MAX_BYTES: i64 = 64 << 20;

/// All attachments of the joined document.
pub(crate) struct Attachments<'d, 'r> {
    target: &'d Document<'r>,
    /// By the names that the tree of names goes by.
    files: BTreeMap<Vec<u8>, Ref>,
    /// The names that people see, and the number that the next one of that name may get.
    names: HashMap<String, u32>,
    /// Those of later documents that are associated with these as a whole.
    associated: Vec<Ref>,
}

impl<'d, 'r> Attachments<'d, 'r> {
    /// Those of the first document.
    pub(crate) fn of(target: &'d Document<'r>) -> Result<Self> {
        let (mut files, mut names) = (BTreeMap::new(), HashMap::new());
        for listed in assemble::Attachments::read(target)?.files() {
            names.insert(listed.name.clone(), 2);
            if listed.key.is_empty() {
                continue;
            }
            let file = match &listed.file {
                Value::Ref(file) => *file,
                direct => target.add(direct.clone())?,
            };
            files.insert(listed.key.clone(), file);
        }
        Ok(Self {
            target,
            files,
            names,
            associated: Vec::new(),
        })
    }

    /// Adds those of a later document. One that has the name of another gets a new one, with a warning.
    pub(crate) fn add(
        &mut self,
        run: &Run<'_>,
        from: &Document<'_>,
        number: usize,
        theirs: &assemble::Attachments<'_>,
    ) -> Result<()> {
        if theirs.is_damaged() {
            run.warn(format!(
                "the list of attachments (embedded files) of document `{number}` is damaged or too long: some of them may be left out"
            ));
        }
        for attachment in theirs.files() {
            let name = &attachment.name;
            let made = match self.copied(from, attachment)? {
                Ok(made) => made,
                Err(why) => {
                    run.warn(format!(
                        "the attachment `{name}` of document `{number}` is left out: {why}"
                    ));
                    continue;
                }
            };
            let free = self.free_name(name);
            if free != *name {
                run.warn(format!(
                    "the attachment `{name}` of document `{number}` is now `{free}`: an earlier document has one of that name"
                ));
                if let Some(file) = self.target.object(made)?.as_dict() {
                    file.put("F", Value::text(&free))?;
                    file.put("UF", Value::text(&free))?;
                }
            }
            let mut key = if attachment.key.is_empty() || free != *name {
                let key = Value::text(&free);
                key.as_bytes().unwrap_or_default().to_vec()
            } else {
                attachment.key.clone()
            };
            while self.files.contains_key(&key) {
                key.extend(format!("+{}", self.files.len()).bytes());
            }
            self.names.insert(free, 2);
            self.files.insert(key, made);
            if attachment.is_associated {
                self.associated.push(made);
            }
        }
        Ok(())
    }

    /// One of another document, made in the joined one; or why it cannot be.
    fn copied(
        &self,
        from: &Document<'_>,
        attachment: &Attachment<'_>,
    ) -> Result<std::result::Result<Ref, String>> {
        let refused = |why: &str| Ok(Err(why.to_owned()));
        let described = from.resolve(attachment.file.clone())?.as_dict();
        let Some(described) = described else {
            return refused("it cannot be read");
        };
        let Some(embedded) = described.object("EF")? else {
            return refused("its content is not in the document");
        };
        for (_, content) in embedded.entries()? {
            let content = from.resolve(content)?.as_stream();
            let length = content.map(|content| content.get("Length")).transpose()?;
            let length = length.flatten().and_then(|length| length.as_i64());
            if length.is_some_and(|length| length > MAX_BYTES) {
                return refused("it is larger than 64 MiB");
            }
        }
        match assemble::copy(self.target, from, &attachment.file) {
            Ok(Value::Ref(made)) => Ok(Ok(made)),
            Ok(direct) => Ok(Ok(self.target.add(direct)?)),
            Err(error) => refused(&error.to_string()),
        }
    }

    /// `name`, with a number before its ending where it is taken.
    fn free_name(&mut self, name: &str) -> String {
        let Some(&(mut number)) = self.names.get(name) else {
            return name.to_owned();
        };
        let (stem, ending) = match name.rfind('.') {
            Some(point) if point > 0 => name.split_at(point),
            _ => (name, ""),
        };
        let free = loop {
            let free = format!("{stem} ({number}){ending}");
            number += 1;
            if !self.names.contains_key(&free) {
                break free;
            }
        };
        self.names.insert(name.to_owned(), number);
        free
    }

    /// Writes the list into the joined document.
    pub(crate) fn write(self) -> Result<()> {
        let list = self.target.parse("[]")?;
        for (key, file) in &self.files {
            list.push(Value::string(key))?;
            list.push(*file)?;
        }
        let catalog = self.target.catalog()?;
        let tree = self.target.dict([("Names", list)])?;
        of_kind(self.target, &catalog, "Names", Kind::Dict)?.put("EmbeddedFiles", tree)?;
        if !self.associated.is_empty() {
            let list = of_kind(self.target, &catalog, "AF", Kind::Array)?;
            for file in self.associated {
                list.push(file)?;
            }
        }
        Ok(())
    }
}

/// What stands under `key`, made where there is nothing of that kind.
fn of_kind<'r>(
    document: &Document<'r>,
    dict: &Object<'r>,
    key: &str,
    kind: Kind,
) -> Result<Object<'r>> {
    let found = || Ok::<_, Error>(dict.object(key)?.filter(|found| found.kind() == kind));
    if let Some(found) = found()? {
        return Ok(found);
    }
    let empty = if kind == Kind::Array { "[]" } else { "<<>>" };
    dict.put(key, document.parse(empty)?)?;
    found()?.ok_or_else(|| Error::failed(format!("`/{key}` could not be made")))
}
