//! What the contents of pages leave open, for many pages at once.
//!
//! Nearly all the time of a stamp goes into inflating and reading contents, so that is done on all cores: the run's thread
//! fetches the bytes of a batch, helpers read them, the run's thread goes on with the answers.

use std::num::NonZero;
use std::rc::Rc;
use std::thread;

use dropleaf_plugin_sdk::prelude::*;
use flate2::{Decompress, FlushDecompress, Status};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::balance::{Balance, join_without_excess};
use crate::embed::add_content;

/// Batches below this many bytes are not worth a thread.
const THREAD_WORTH: usize = 64 << 10;
/// A stream that inflates to more is left to the host, which has its own limit.
const MAX_INFLATED: usize = 64 << 20;

/// How an old content is fenced in.
#[derive(Clone, Debug)]
pub(crate) struct Fence {
    /// The streams that stand for it.
    pub(crate) streams: Vec<Ref>,
    /// What closes it.
    pub(crate) closing: String,
    /// Whether all of it could be read; what the rest leaves open is unknown.
    pub(crate) readable: bool,
}

/// Contents that were read.
pub(crate) struct Contents<'r> {
    document: Document<'r>,
    fences: FxHashMap<Vec<Ref>, Rc<Fence>>,
}

/// A stream of a content.
pub(crate) struct Part<'r> {
    pub(crate) reference: Ref,
    pub(crate) stream: Object<'r>,
    pub(crate) filter: Option<Value<'r>>,
}

/// The bytes of a stream, as they stand in the document.
enum Packed {
    Plain(Vec<u8>),
    Deflated(Vec<u8>),
    /// Anything else: the host's to undo.
    Other,
}

impl Packed {
    fn len(&self) -> usize {
        match self {
            Self::Plain(bytes) | Self::Deflated(bytes) => bytes.len(),
            Self::Other => 0,
        }
    }
}

impl<'r> Contents<'r> {
    pub(crate) fn new(document: Document<'r>) -> Self {
        Self {
            document,
            fences: FxHashMap::default(),
        }
    }

    /// The streams of a page's content, whichever way they are written; what is not a stream is nothing to viewers
    /// either.
    pub(crate) fn streams(&self, page: &Tree) -> Result<Vec<Part<'r>>> {
        let mut streams = Vec::with_capacity(1);
        match page.get("Contents") {
            Some(Tree::Ref(reference)) => match self.document.object(*reference)? {
                Value::Stream(stream) => streams.push(Part::new(*reference, stream)?),
                Value::Array(array) => {
                    for index in 0..array.len()? {
                        if let Some(Value::Ref(reference)) = array.at_raw(index)? {
                            self.push_stream(reference, &mut streams)?;
                        }
                    }
                }
                _ => {}
            },
            Some(Tree::Array(items)) => {
                for item in items {
                    if let Tree::Ref(reference) = item {
                        self.push_stream(*reference, &mut streams)?;
                    }
                }
            }
            _ => {}
        }
        Ok(streams)
    }

    fn push_stream(&self, reference: Ref, streams: &mut Vec<Part<'r>>) -> Result<()> {
        if let Value::Stream(stream) = self.document.object(reference)? {
            streams.push(Part::new(reference, stream)?);
        }
        Ok(())
    }

    /// How each of `contents` is fenced in; reads those that have not been read yet.
    pub(crate) fn fences(&mut self, contents: Vec<Vec<Part<'r>>>) -> Result<Vec<Rc<Fence>>> {
        let mut batch: Vec<(usize, Vec<Packed>)> = Vec::new();
        let mut fetched: FxHashSet<Vec<Ref>> = FxHashSet::default();
        let mut keys = Vec::with_capacity(contents.len());
        for (index, parts) in contents.into_iter().enumerate() {
            let key: Vec<Ref> = parts.iter().map(|part| part.reference).collect();
            if !self.fences.contains_key(&key) && fetched.insert(key.clone()) {
                let packed = parts.into_iter().map(Part::fetch);
                batch.push((index, packed.collect::<Result<_>>()?));
            }
            keys.push(key);
        }
        let balances = balance_all(&batch);
        for ((index, _), balance) in batch.into_iter().zip(balances) {
            let streams = &keys[index];
            let fence = match balance {
                Some(balance) if balance.excess.is_empty() => Fence {
                    closing: balance.closing(),
                    streams: streams.clone(),
                    readable: true,
                },
                _ => self.read_through_host(streams)?,
            };
            self.fences.insert(streams.clone(), Rc::new(fence));
        }
        keys.iter()
            .map(|streams| self.fences.get(streams).cloned())
            .collect::<Option<_>>()
            .ok_or_else(|| Error::failed("a content that was read is gone"))
    }

    /// The careful way: what is damaged, filtered otherwise, or restores more than it saves.
    fn read_through_host(&self, streams: &[Ref]) -> Result<Fence> {
        let mut balance = Balance::default();
        let mut contents = Vec::with_capacity(streams.len());
        let mut readable = true;
        for stream in streams {
            let Value::Stream(stream) = self.document.object(*stream)? else {
                continue;
            };
            match stream.decoded() {
                Ok(content) => {
                    balance.feed(&content);
                    contents.push(content);
                }
                Err(error) if error.is_cancelled() => return Err(error),
                Err(_) => readable = false,
            }
        }
        // With a part unread nothing may be left out.
        let streams = if balance.excess.is_empty() || !readable {
            streams.to_vec()
        } else {
            vec![add_content(
                &self.document,
                &join_without_excess(&contents, &balance),
            )?]
        };
        Ok(Fence {
            streams,
            closing: balance.closing(),
            readable,
        })
    }
}

impl<'r> Part<'r> {
    fn new(reference: Ref, stream: Object<'r>) -> Result<Self> {
        Ok(Self {
            reference,
            stream,
            filter: stream.get("Filter")?,
        })
    }

    /// Its bytes.
    fn fetch(self) -> Result<Packed> {
        let stream = self.stream;
        let packed = match self.filter {
            None => Packed::Plain(stream.raw()?),
            Some(filter) if filter.is_name("FlateDecode") && !stream.has("DecodeParms")? => {
                Packed::Deflated(stream.raw()?)
            }
            Some(_) => Packed::Other,
        };
        Ok(packed)
    }
}

/// The balance of each content; `None` where the host has to look at it.
fn balance_all(batch: &[(usize, Vec<Packed>)]) -> Vec<Option<Balance>> {
    let bytes: usize = batch
        .iter()
        .flat_map(|(_, streams)| streams)
        .map(Packed::len)
        .sum();
    let threads = match (bytes / THREAD_WORTH).min(batch.len()) {
        0 | 1 => 1,
        // Asked only where it matters: the answer is read from files.
        worth => worth.min(thread::available_parallelism().map_or(1, NonZero::get)),
    };
    let part = batch.len().div_ceil(threads).max(1);
    let read = |part: &[(usize, Vec<Packed>)]| -> Vec<Option<Balance>> {
        let mut inflater = Inflater::new();
        part.iter()
            .map(|(_, streams)| balance(streams, &mut inflater))
            .collect()
    };
    if threads == 1 {
        return read(batch);
    }
    thread::scope(|scope| {
        let mut parts = batch.chunks(part);
        let mine = parts.next().unwrap_or_default();
        let others: Vec<_> = parts
            .map(|part| {
                (
                    part,
                    thread::Builder::new().spawn_scoped(scope, move || read(part)),
                )
            })
            .collect();
        let mut balances = read(mine);
        for (part, helper) in others {
            // Where no thread is to be had, or one has failed, this one does the work.
            let read_there = helper.ok().and_then(|helper| helper.join().ok());
            balances.extend(read_there.unwrap_or_else(|| read(part)));
        }
        balances
    })
}

fn balance(streams: &[Packed], inflater: &mut Inflater) -> Option<Balance> {
    let mut balance = Balance::default();
    for stream in streams {
        match stream {
            Packed::Plain(content) => balance.feed(content),
            Packed::Deflated(bytes) => balance.feed(inflater.inflate(bytes)?),
            Packed::Other => return None,
        }
    }
    Some(balance)
}

/// Inflates one stream after another into the same memory: setting it up anew costs as much as a small stream.
struct Inflater {
    state: Decompress,
    content: Vec<u8>,
}

impl Inflater {
    fn new() -> Self {
        Self {
            state: Decompress::new(true),
            content: Vec::new(),
        }
    }

    /// The content, if it is sound and ends where its bytes do or before.
    fn inflate(&mut self, bytes: &[u8]) -> Option<&[u8]> {
        self.state.reset(true);
        self.content.clear();
        // Never no room at all: without any, a stream of no bytes would neither end nor be stuck.
        self.content.reserve(bytes.len().saturating_mul(4).max(64));
        loop {
            let read = usize::try_from(self.state.total_in()).ok()?;
            let (rest, before) = (bytes.get(read..)?, self.content.len());
            let status = self
                .state
                .decompress_vec(rest, &mut self.content, FlushDecompress::None)
                .ok()?;
            if status == Status::StreamEnd {
                return Some(&self.content);
            }
            let is_full = self.content.len() == self.content.capacity();
            let is_stuck = self.content.len() == before && self.state.total_in() == read as u64;
            if self.content.len() > MAX_INFLATED || is_stuck && !is_full {
                return None;
            }
            if is_full {
                self.content.reserve(self.content.capacity());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn deflated(content: &str) -> Packed {
        let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(content.as_bytes()).expect("memory");
        Packed::Deflated(encoder.finish().expect("memory"))
    }

    #[test]
    fn many_contents_keep_their_order() {
        let batch: Vec<(usize, Vec<Packed>)> = (0..500)
            .map(|number| {
                let content = "q ".repeat(number % 7) + &"0 0 m\n".repeat(200);
                (
                    number,
                    vec![deflated(&content), Packed::Plain(content.into_bytes())],
                )
            })
            .collect();
        for (number, balance) in balance_all(&batch).into_iter().enumerate() {
            let closing = balance.expect("it is sound").closing();
            assert_eq!(closing, "Q\n".repeat(2 * (number % 7)), "{number}");
        }
    }

    #[test]
    fn what_is_damaged_or_strange_is_left_to_the_host() {
        let Packed::Deflated(mut bytes) = deflated("q Q q Q q Q q Q") else {
            panic!("deflated")
        };
        bytes.truncate(bytes.len() - 6);
        assert_eq!(
            balance(&[Packed::Deflated(bytes)], &mut Inflater::new()),
            None
        );
        let empty = Packed::Deflated(Default::default());
        assert_eq!(balance(&[empty], &mut Inflater::new()), None);
        assert_eq!(balance(&[Packed::Other], &mut Inflater::new()), None);
        assert_eq!(balance_all(&[]), Vec::new());
    }
}
