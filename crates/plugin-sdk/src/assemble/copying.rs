//! A value of one document with all that it refers to, made in another.

use std::collections::HashMap;

use crate::document::Document;
use crate::error::{Error, Result};
use crate::handle::{Kind, Mode, Object};
use crate::reference::Ref;
use crate::tree::Tree;
use crate::value::Value;

/// More objects than a description of colours or preferences has; less than a document that hangs on one by mistake.
const MAX_OBJECTS: usize = 256;

/// Copies a value of `from` into `to`, with what it refers to; streams with their bytes as they stand in the file.
///
/// For small things that belong to the whole document, such as output intents: what refers to more than 256 objects, such
/// as anything that leads to a page, is an error. The answer is a direct value, or a reference where `value` is one.
pub fn copy<'r>(to: &Document<'r>, from: &Document<'_>, value: &Value<'_>) -> Result<Value<'r>> {
    let mut copying = Copying {
        to,
        from,
        here: HashMap::new(),
        waiting: Vec::new(),
    };
    let copy = match value {
        Value::Array(object) | Value::Dict(object) => copying.value(&object.tree()?)?,
        Value::Stream(object) => match object.id()? {
            Some(id) => Value::Ref(copying.reference(id)?),
            None => return Err(Error::failed("a stream has no number")),
        },
        scalar => copying.value(&Tree::of_scalar(scalar))?,
    };
    copying.finish()?;
    Ok(copy)
}

struct Copying<'d, 'r, 'f> {
    to: &'d Document<'r>,
    from: &'d Document<'f>,
    /// What objects there are here.
    here: HashMap<Ref, Ref>,
    /// Objects that are here and still empty.
    waiting: Vec<(Object<'f>, Object<'r>)>,
}

impl<'r> Copying<'_, 'r, '_> {
    fn finish(&mut self) -> Result<()> {
        while let Some((there, here)) = self.waiting.pop() {
            self.fill(&here, &there.tree()?)?;
            there.release()?;
            here.release()?;
        }
        Ok(())
    }

    fn fill(&mut self, object: &Object<'r>, tree: &Tree) -> Result<()> {
        match tree {
            Tree::Array(items) => {
                for item in items {
                    object.push(self.value(item)?)?;
                }
            }
            Tree::Dict(entries) | Tree::Stream(entries) => {
                // The host sees to the length of a stream.
                let is_length = |key: &[u8]| object.kind() == Kind::Stream && key == b"Length";
                for (key, value) in entries.iter().filter(|(key, _)| !is_length(key)) {
                    object.put(key, self.value(value)?)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn value(&mut self, tree: &Tree) -> Result<Value<'r>> {
        Ok(match tree {
            Tree::Null => Value::Null,
            Tree::Bool(value) => Value::Bool(*value),
            Tree::Int(value) => Value::Int(*value),
            Tree::Real(value) => Value::Real(*value),
            Tree::Name(name) => Value::Name(name.clone()),
            Tree::String(bytes) => Value::String(bytes.clone()),
            Tree::Ref(reference) => Value::Ref(self.reference(*reference)?),
            Tree::Array(_) | Tree::Dict(_) | Tree::Stream(_) => {
                let made = self.to.parse(match tree {
                    Tree::Array(_) => "[]",
                    _ => "<<>>",
                })?;
                self.fill(&made, tree)?;
                made.into()
            }
        })
    }

    fn reference(&mut self, there: Ref) -> Result<Ref> {
        if let Some(here) = self.here.get(&there) {
            return Ok(*here);
        }
        if self.here.len() >= MAX_OBJECTS {
            return Err(Error::rejected(format!(
                "it refers to more than {MAX_OBJECTS} objects"
            )));
        }
        let found = self.from.object(there)?;
        let here = match &found {
            Value::Stream(stream) => self.to.add_stream("", Mode::Raw, &stream.raw()?)?,
            Value::Dict(_) => self.to.add(self.to.parse("<<>>")?)?,
            Value::Array(_) => self.to.add(self.to.parse("[]")?)?,
            scalar => {
                let scalar = self.value(&Tree::of_scalar(scalar))?;
                self.to.add(scalar)?
            }
        };
        self.here.insert(there, here);
        if let (Some(source), Some(target)) = (found.as_object(), self.to.object(here)?.as_object())
        {
            self.waiting.push((source, target));
        }
        Ok(here)
    }
}
