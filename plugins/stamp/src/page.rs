//! One page with a stamp on it: its old content fenced in, the stamp behind it.

use std::collections::{HashMap, HashSet};

use dropleaf_plugin_sdk::prelude::*;

use crate::contents::Contents;
use crate::embed::add_content;
use crate::number::number;
use crate::placement::{Frame, Matrix};
use crate::resources::{Extended, Extender, Needed};

/// Puts stamps on pages and shares between them whatever can be shared.
pub(crate) struct Stamper<'r> {
    document: Document<'r>,
    resources: Extender,
    /// Content of one `q`.
    head: Option<Ref>,
    contents: Contents<'r>,
    /// Small contents that were written.
    tails: HashMap<Vec<u8>, Ref>,
    /// Pages that have their stamp.
    stamped: HashSet<Ref>,
}

/// What became of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stamped {
    Done,
    /// Its old content could not be read, so that what it leaves open is unknown.
    Unread,
    /// The same page stands in the document twice and has its stamp already.
    Again,
}

impl<'r> Stamper<'r> {
    pub(crate) fn new(document: Document<'r>, needed: Needed) -> Self {
        Self {
            document,
            resources: Extender::new(needed),
            head: None,
            contents: Contents::new(document),
            tails: HashMap::new(),
            stamped: HashSet::new(),
        }
    }

    /// Reads what is on `pages`, so that each can be stamped.
    pub(crate) fn prepare(&mut self, pages: &[Object<'r>]) -> Result<()> {
        let contents: Vec<Vec<Ref>> = pages
            .iter()
            .map(|page| streams(&self.document, page))
            .collect::<Result<_>>()?;
        self.contents.read(&contents)
    }

    /// Stamps `page` with what `draw` makes of the names of its resources, at `matrix`.
    pub(crate) fn stamp(
        &mut self,
        page: &Object<'r>,
        matrix: &Matrix,
        draw: impl FnOnce(&Extended) -> String,
    ) -> Result<Stamped> {
        if let Some(id) = page.id()?
            && !self.stamped.insert(id)
        {
            return Ok(Stamped::Again);
        }
        let extended = self.resources.extend(&self.document, page)?;
        let fence = self.contents.fence(&streams(&self.document, page)?)?;
        let matrix = matrix.map(number).join(" ");
        let drawing = draw(&extended);
        let closing = &fence.closing;
        // An artifact is no part of the logical content (ISO 32000-2, 14.8.2.2): tagged documents stay accessible.
        let tail = format!("\n{closing}Q\n/Artifact BMC\nq {matrix} cm\n{drawing}\nQ\nEMC\n");
        let tail = self.content(tail.into_bytes())?;
        let head = match self.head {
            Some(head) => head,
            None => *self.head.insert(add_content(&self.document, b"q\n")?),
        };
        let all: Vec<String> = std::iter::once(&head)
            .chain(&fence.streams)
            .chain(std::iter::once(&tail))
            .map(Ref::to_string)
            .collect();
        page.put(
            "Contents",
            self.document.parse(format!("[{}]", all.join(" ")))?,
        )?;
        Ok(if fence.readable {
            Stamped::Done
        } else {
            Stamped::Unread
        })
    }

    /// A content stream, the same one for the same bytes.
    fn content(&mut self, bytes: Vec<u8>) -> Result<Ref> {
        if let Some(known) = self.tails.get(&bytes) {
            return Ok(*known);
        }
        let made = add_content(&self.document, &bytes)?;
        self.tails.insert(bytes, made);
        Ok(made)
    }
}

/// The part of a page that is shown.
pub(crate) fn frame(page: &Object<'_>) -> Result<Frame> {
    let bounds = |key: &str| -> Result<Option<[f64; 4]>> {
        let Some(Value::Array(array)) = page.attr(key)? else {
            return Ok(None);
        };
        Ok(array
            .numbers()
            .ok()
            .and_then(|numbers| numbers.try_into().ok()))
    };
    let rotate = page
        .attr("Rotate")?
        .and_then(|value| value.as_f64())
        .unwrap_or(0.0);
    let unit = page.get("UserUnit")?.and_then(|value| value.as_f64());
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a rotation beyond 64 bits is none"
    )]
    Ok(Frame::new(
        bounds("MediaBox")?,
        bounds("CropBox")?,
        rotate as i64,
        unit,
    ))
}

/// The streams of a page's content, whichever way they are written; what is not a stream is nothing to viewers either.
fn streams(document: &Document<'_>, page: &Object<'_>) -> Result<Vec<Ref>> {
    let listed = match page.get_raw("Contents")? {
        Some(Value::Ref(reference)) => match document.object(reference)? {
            Value::Stream(_) => return Ok(vec![reference]),
            Value::Array(array) => array,
            _ => return Ok(Vec::new()),
        },
        Some(Value::Array(array)) => array,
        _ => return Ok(Vec::new()),
    };
    let mut streams = Vec::new();
    for index in 0..listed.len()? {
        if let Some(Value::Ref(reference)) = listed.at_raw(index)?
            && matches!(document.object(reference)?, Value::Stream(_))
        {
            streams.push(reference);
        }
    }
    Ok(streams)
}
