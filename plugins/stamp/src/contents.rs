//! What the contents of pages leave open, for many pages at once.
//!
//! Nearly all the time of a stamp goes into inflating and reading contents, so that is done on all cores: the run's thread
//! fetches the bytes of a batch, helpers read them, the run's thread goes on with the answers.

use std::collections::HashMap;
use std::io::Read;
use std::num::NonZero;
use std::thread;

use dropleaf_plugin_sdk::prelude::*;
use flate2::read::ZlibDecoder;

use crate::balance::{Balance, join_without_excess};
use crate::embed::add_content;

/// Batches below this many bytes are not worth a thread.
const THREAD_WORTH: usize = 64 << 10;
/// A stream that inflates to more is left to the host, which has its own limit.
const MAX_INFLATED: u64 = 64 << 20;

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
    fences: HashMap<Vec<Ref>, Fence>,
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
            fences: HashMap::new(),
        }
    }

    /// The fence of a content.
    pub(crate) fn fence(&mut self, streams: &[Ref]) -> Result<Fence> {
        if !self.fences.contains_key(streams) {
            self.read(&[streams.to_vec()])?;
        }
        self.fences
            .get(streams)
            .cloned()
            .ok_or_else(|| Error::failed("a content that was read is gone"))
    }

    /// Reads those of `contents` that have not been read yet.
    pub(crate) fn read(&mut self, contents: &[Vec<Ref>]) -> Result<()> {
        let mut batch: Vec<(Vec<Ref>, Vec<Packed>)> = Vec::new();
        let mut fetched: HashMap<&[Ref], ()> = HashMap::new();
        for streams in contents {
            if !self.fences.contains_key(streams) && fetched.insert(streams, ()).is_none() {
                let packed = streams
                    .iter()
                    .map(|stream| self.fetch(*stream))
                    .collect::<Result<_>>()?;
                batch.push((streams.clone(), packed));
            }
        }
        let balances = balance_all(&batch);
        for ((streams, _), balance) in batch.into_iter().zip(balances) {
            let fence = match balance {
                Some(balance) if balance.excess.is_empty() => Fence {
                    closing: balance.closing(),
                    streams: streams.clone(),
                    readable: true,
                },
                _ => self.read_through_host(&streams)?,
            };
            self.fences.insert(streams, fence);
        }
        Ok(())
    }

    fn fetch(&self, stream: Ref) -> Result<Packed> {
        let Value::Stream(stream) = self.document.object(stream)? else {
            return Ok(Packed::Plain(Vec::new()));
        };
        let packed = match stream.get("Filter")? {
            None => Packed::Plain(stream.raw()?),
            Some(filter) if filter.is_name("FlateDecode") && !stream.has("DecodeParms")? => {
                Packed::Deflated(stream.raw()?)
            }
            Some(_) => Packed::Other,
        };
        stream.release()?;
        Ok(packed)
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

/// The balance of each content; `None` where the host has to look at it.
fn balance_all(batch: &[(Vec<Ref>, Vec<Packed>)]) -> Vec<Option<Balance>> {
    let bytes: usize = batch
        .iter()
        .flat_map(|(_, streams)| streams)
        .map(Packed::len)
        .sum();
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let threads = (bytes / THREAD_WORTH).min(cores).min(batch.len()).max(1);
    let part = batch.len().div_ceil(threads).max(1);
    let read = |part: &[(Vec<Ref>, Vec<Packed>)]| -> Vec<Option<Balance>> {
        part.iter().map(|(_, streams)| balance(streams)).collect()
    };
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

fn balance(streams: &[Packed]) -> Option<Balance> {
    let mut balance = Balance::default();
    for stream in streams {
        match stream {
            Packed::Plain(content) => balance.feed(content),
            Packed::Deflated(bytes) => balance.feed(&inflate(bytes)?),
            Packed::Other => return None,
        }
    }
    Some(balance)
}

fn inflate(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut content = Vec::with_capacity(bytes.len().saturating_mul(4).min(1 << 20));
    ZlibDecoder::new(bytes)
        .take(MAX_INFLATED + 1)
        .read_to_end(&mut content)
        .ok()?;
    (content.len() as u64 <= MAX_INFLATED).then_some(content)
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
        let batch: Vec<(Vec<Ref>, Vec<Packed>)> = (0..500)
            .map(|number| {
                let content = "q ".repeat(number % 7) + &"0 0 m\n".repeat(200);
                (
                    vec![Ref::new(number as u32 + 1, 0)],
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
        assert_eq!(balance(&[Packed::Deflated(bytes)]), None);
        assert_eq!(balance(&[Packed::Other]), None);
        assert_eq!(balance_all(&[]), Vec::new());
    }
}
