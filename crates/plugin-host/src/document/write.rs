//! Writes a document's objects as a file (ISO 32000-2, 7.5).
//!
//! Ours and not the engine's, because that one packs no object streams into encrypted files, copies every object it
//! packs, encrypts the document in memory, leaves cross-reference streams uncompressed and wraps offsets silently. Only
//! what the trailer leads to is written; numbers stay as they are. The same objects give the same bytes, but for AES, whose
//! initialisation vectors are random.

use std::io::Write;

use blake3::Hasher;
use lopdf::encryption::DecryptionError;
use lopdf::{Dictionary, EncryptionState, Object, ObjectId, Stream};

use crate::document::deflate::Deflater;
use crate::document::encryption::Omitted;
use crate::document::encryption::streams::Streams;
use crate::document::entries::{Entry, padded, predicted, rows, runs};
use crate::document::heap::{Bytes, Form, Heap};
use crate::document::identity::Identity;
use crate::document::ids::IdSet;
use crate::document::place::{entry, is_of_type};
use crate::document::reach::{self, LAYOUT_KEYS, Reached};
use crate::document::save_error::SaveError;
use crate::document::serialize;
use crate::limits::MAX_FILE;

/// Objects in one object stream; more is smaller but makes readers inflate more for one object.
const PACK: usize = 100;
/// Streams below this size are not worth a filter: what it saves is less than its entry and its head take, and the time
/// to set it up is that of writing twenty of them.
const SMALL: usize = 512;
/// Streams above this size go straight out.
const LARGE: usize = 4 << 10;

/// What a file is written from.
pub(crate) struct Source<'a> {
    pub(crate) pdf: &'a lopdf::Document,
    pub(crate) heap: &'a Heap,
    /// Streams to compress on the way out.
    pub(crate) plain: &'a IdSet,
    pub(crate) encryption: Option<&'a EncryptionState>,
    /// What `encryption` leaves out.
    pub(crate) omitted: &'a Omitted,
    /// Object and cross-reference streams (PDF 1.5) instead of a plain table.
    pub(crate) packed: bool,
    pub(crate) identity: Identity,
}

/// Writes `source` to `out` and answers how many bytes that took.
pub(crate) fn write(source: &Source<'_>, out: &mut dyn Write) -> Result<u64, SaveError> {
    let reachable = reach::reachable(&source.pdf.trailer, source.heap);
    let look = |id| source.heap.get(id);
    let streams = source.encryption.map(|state| {
        let ids = source.heap.ids().into_iter();
        let objects = ids.filter_map(|id| Some((id, look(id)?)));
        Streams::of(state, source.omitted, objects, look)
    });
    let mut file = File {
        source,
        streams,
        out,
        written: 0,
        body: Vec::new(),
        entries: Vec::with_capacity(source.heap.capacity() + 2),
        // What is written in addition is numbered from here on, so that Size is one more than the last number.
        last: reachable.last(),
        reachable: &reachable,
        deflater: Deflater::default(),
        hasher: source.identity.hasher(&source.pdf.trailer),
    };
    file.header()?;
    let packed = file.objects()?;
    for pack in packed.chunks(PACK) {
        file.pack(pack)?;
    }
    let encrypt = file.encryption()?;
    file.end(encrypt)?;
    Ok(file.written)
}

struct File<'a, 'w> {
    source: &'a Source<'a>,
    streams: Option<Streams<'a>>,
    out: &'w mut dyn Write,
    written: u64,
    body: Vec<u8>,
    entries: Vec<(u32, Entry)>,
    last: u32,
    reachable: &'a Reached,
    deflater: Deflater,
    /// Takes in what is written, for the identifiers.
    hasher: Option<Hasher>,
}

impl<'a> File<'a, '_> {
    fn header(&mut self) -> Result<(), SaveError> {
        let version = version(&self.source.pdf.version, self.source.packed);
        self.body.extend_from_slice(b"%PDF-");
        self.body.extend_from_slice(version.as_bytes());
        self.body.push(b'\n');
        let mark = &self.source.pdf.binary_mark;
        let right = mark.len() >= 4 && mark.len() <= 64 && mark.iter().all(|byte| *byte >= 128);
        self.body.push(b'%');
        self.body
            .extend_from_slice(if right { mark } else { b"\xBF\xF7\xA2\xFE" });
        self.body.push(b'\n');
        self.flush()
    }

    /// Writes what stands by itself and answers what goes into object streams.
    fn objects(&mut self) -> Result<Vec<(u32, Form<'a>)>, SaveError> {
        let mut packed = Vec::new();
        let mut before = None;
        let (heap, source) = (self.source.heap, self.source);
        for id in heap.ids() {
            // One number, one object: of two generations the first that is used stands.
            if !self.reachable.contains(id) || before == Some(id.0) {
                continue;
            }
            let Some(form) = self.form(id) else { continue };
            if is_layout(&form) {
                continue;
            }
            before = Some(id.0);
            if source.packed && id.1 == 0 && can_be_packed(&form) {
                packed.push((id.0, form));
            } else {
                match form {
                    Form::Value(object) => self.object(id, object)?,
                    Form::Bytes(bytes) => self.verbatim(id, bytes)?,
                }
            }
        }
        Ok(packed)
    }

    /// An object as it is to be written: as the bytes that it came as, unless they are no longer right.
    fn form(&self, id: ObjectId) -> Option<Form<'a>> {
        let heap = self.source.heap;
        match heap.form(id)? {
            // A packed value is encrypted with its stream.
            Form::Bytes(bytes)
                if bytes.traits.is_length_elsewhere || self.source.encryption.is_some() =>
            {
                heap.get(id).map(Form::Value)
            }
            form => Some(form),
        }
    }

    /// Writes an object as it came.
    fn verbatim(&mut self, id: ObjectId, bytes: Bytes<'_>) -> Result<(), SaveError> {
        self.begin(id)?;
        self.body.extend_from_slice(bytes.value);
        if bytes.traits.is_stream {
            self.content(bytes.content)?;
        }
        self.finish()
    }

    fn object(&mut self, id: ObjectId, object: &Object) -> Result<(), SaveError> {
        let deflated = match object {
            Object::Stream(stream) => self.deflated(id, stream)?,
            _ => None,
        };
        let Some(streams) = &self.streams else {
            return self.indirect(id, object, deflated);
        };
        let mut hidden = object.clone();
        if let (Object::Stream(stream), Object::Stream(open)) = (&mut hidden, object) {
            if deflated.is_some() {
                let name = Object::Name(b"FlateDecode".to_vec());
                stream.dict.set("Filter", name);
            }
            stream.content = match deflated {
                Some(deflated) => deflated,
                None => self.source.heap.content(open).to_vec(),
            };
            stream.start_position = None;
        }
        let look = |id| self.source.heap.get(id);
        let failed = |error: DecryptionError| SaveError::Encryption {
            object: id.0,
            reason: error.to_string(),
        };
        streams.hide(id, &mut hidden, look).map_err(failed)?;
        self.indirect(id, &hidden, None)
    }

    /// The bytes of a stream that was given as plain bytes, where compressing them is worth it.
    fn deflated(&mut self, id: ObjectId, stream: &Stream) -> Result<Option<Vec<u8>>, SaveError> {
        let content = self.source.heap.content(stream);
        let worth = content.len() >= SMALL
            && self.source.plain.contains(&id)
            && !stream.dict.has(b"Filter");
        if !worth {
            return Ok(None);
        }
        let deflated = self.deflater.deflate(content)?;
        Ok((deflated.len() + 20 < content.len()).then_some(deflated))
    }

    /// Writes an object as it stands, a stream with `deflated` instead of its content where that is given.
    fn indirect(
        &mut self,
        id: ObjectId,
        object: &Object,
        deflated: Option<Vec<u8>>,
    ) -> Result<(), SaveError> {
        self.begin(id)?;
        match object {
            Object::Stream(stream) => self.stream(stream, deflated)?,
            other => serialize::object(other, &mut self.body),
        }
        self.finish()
    }

    /// Begins an object: its entry and its head.
    fn begin(&mut self, id: ObjectId) -> Result<(), SaveError> {
        let offset = self.position()?;
        let generation = id.1;
        self.entries.push((id.0, Entry::At { offset, generation }));
        serialize::integer(i64::from(id.0), &mut self.body);
        self.body.push(b' ');
        serialize::integer(i64::from(generation), &mut self.body);
        self.body.extend_from_slice(b" obj\n");
        Ok(())
    }

    fn finish(&mut self) -> Result<(), SaveError> {
        self.body.extend_from_slice(b"\nendobj\n");
        if self.body.len() > 64 << 10 {
            self.flush()?;
        }
        Ok(())
    }

    /// Writes a stream with the length that it has, whatever its dictionary says of it.
    fn stream(&mut self, stream: &Stream, deflated: Option<Vec<u8>>) -> Result<(), SaveError> {
        let content = match &deflated {
            Some(deflated) => deflated,
            None => self.source.heap.content(stream),
        };
        let length = Object::Integer(content.len() as i64);
        self.body.extend_from_slice(b"<<");
        for (key, value) in &stream.dict {
            if key != b"Length" {
                serialize::entry(key, value, &mut self.body);
            }
        }
        if deflated.is_some() {
            self.body.extend_from_slice(b"/Filter/FlateDecode");
        }
        serialize::entry(b"Length", &length, &mut self.body);
        self.body.extend_from_slice(b">>");
        self.content(content)
    }

    /// Writes the bytes of a stream between their keywords.
    fn content(&mut self, content: &[u8]) -> Result<(), SaveError> {
        if content.len() <= LARGE {
            serialize::stream_content(content, &mut self.body);
            return Ok(());
        }
        self.body.extend_from_slice(b"stream\n");
        self.flush()?;
        self.out.write_all(content).map_err(SaveError::Io)?;
        if let Some(hasher) = &mut self.hasher {
            hasher.update(content);
        }
        self.written += content.len() as u64;
        self.body.extend_from_slice(b"\nendstream");
        Ok(())
    }

    /// Writes one object stream (7.5.7).
    fn pack(&mut self, members: &[(u32, Form<'_>)]) -> Result<(), SaveError> {
        let stream = self.next()?;
        let mut table = Vec::new();
        let mut bodies = Vec::new();
        for (index, (number, object)) in members.iter().enumerate() {
            serialize::integer(i64::from(*number), &mut table);
            table.push(b' ');
            serialize::integer(bodies.len() as i64, &mut table);
            table.push(b' ');
            match object {
                Form::Value(object) => serialize::object(object, &mut bodies),
                Form::Bytes(bytes) => bodies.extend_from_slice(bytes.value),
            }
            bodies.push(b' ');
            self.entries.push((
                *number,
                Entry::Packed {
                    stream,
                    index: index as u16,
                },
            ));
        }
        let mut dict = Dictionary::new();
        dict.set("Type", Object::Name(b"ObjStm".to_vec()));
        dict.set("N", Object::Integer(members.len() as i64));
        dict.set("First", Object::Integer(table.len() as i64));
        dict.set("Filter", Object::Name(b"FlateDecode".to_vec()));
        table.append(&mut bodies);
        let content = self.deflater.deflate(&table)?;
        self.object((stream, 0), &Object::Stream(Stream::new(dict, content)))
    }

    fn encryption(&mut self) -> Result<Option<ObjectId>, SaveError> {
        let Some(state) = self.source.encryption else {
            return Ok(None);
        };
        let id = (self.next()?, 0);
        let mut dict = state.encode().map_err(|error| SaveError::Encryption {
            object: id.0,
            reason: error.to_string(),
        })?;
        self.source.omitted.complete(&mut dict, state);
        self.indirect(id, &Object::Dictionary(dict), None)?;
        Ok(Some(id))
    }

    fn end(&mut self, encrypt: Option<ObjectId>) -> Result<(), SaveError> {
        let mut trailer: Dictionary = self
            .source
            .pdf
            .trailer
            .iter()
            .filter(|(key, _)| !LAYOUT_KEYS.contains(&key.as_slice()))
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect();
        if let Some(id) = encrypt {
            trailer.set("Encrypt", Object::Reference(id));
        }
        self.flush()?;
        if let Some(hasher) = self.hasher.take() {
            let identity = self.source.identity;
            identity.renew(&mut trailer, &hasher, encrypt.is_some());
        }
        let start = if self.source.packed {
            self.cross_reference_stream(trailer)?
        } else {
            self.cross_reference_table(trailer)?
        };
        write!(self.body, "startxref\n{start}\n%%EOF\n").map_err(SaveError::Io)?;
        self.flush()?;
        self.out.flush().map_err(SaveError::Io)
    }

    fn cross_reference_table(&mut self, mut trailer: Dictionary) -> Result<u64, SaveError> {
        let start = self.position()?;
        self.entries.sort_unstable_by_key(|(number, _)| *number);
        self.body.extend_from_slice(b"xref\n");
        // Object 0 heads the free list and belongs to the first run only if that starts at 1.
        let mut runs = runs(&self.entries);
        let joined = runs
            .first()
            .is_some_and(|run| run.first().is_some_and(|(number, _)| *number == 1));
        let head = if joined { runs.remove(0) } else { &[] };
        write!(self.body, "0 {}\n0000000000 65535 f \n", head.len() + 1).map_err(SaveError::Io)?;
        for (position, run) in std::iter::once(head).chain(runs).enumerate() {
            if position > 0
                && let Some((first, _)) = run.first()
            {
                writeln!(self.body, "{first} {}", run.len()).map_err(SaveError::Io)?;
            }
            for (_, entry) in run {
                if let Entry::At { offset, generation } = entry {
                    padded::<10>(*offset, &mut self.body);
                    self.body.push(b' ');
                    padded::<5>(u64::from(*generation), &mut self.body);
                    self.body.extend_from_slice(b" n \n");
                }
            }
        }
        trailer.set("Size", Object::Integer(i64::from(self.last) + 1));
        self.body.extend_from_slice(b"trailer\n");
        serialize::dictionary(&trailer, &mut self.body);
        self.body.push(b'\n');
        Ok(start)
    }

    /// Writes the cross-reference stream (7.5.8), its rows predicted from the row above.
    fn cross_reference_stream(&mut self, mut trailer: Dictionary) -> Result<u64, SaveError> {
        let id = (self.next()?, 0);
        let start = self.position()?;
        self.entries.push((
            id.0,
            Entry::At {
                offset: start,
                generation: 0,
            },
        ));
        self.entries.sort_unstable_by_key(|(number, _)| *number);
        let index = runs(&self.entries)
            .into_iter()
            .filter_map(|run| Some([i64::from(run.first()?.0), run.len() as i64]))
            .flatten()
            .map(Object::Integer)
            .collect();
        let (rows, widths) = rows(&self.entries);
        let columns: usize = widths.iter().sum();
        let mut predictor = Dictionary::new();
        predictor.set("Predictor", Object::Integer(12));
        predictor.set("Columns", Object::Integer(columns as i64));
        trailer.set("Type", Object::Name(b"XRef".to_vec()));
        trailer.set("Size", Object::Integer(i64::from(self.last) + 1));
        trailer.set("Index", Object::Array(index));
        trailer.set(
            "W",
            Object::Array(
                widths
                    .iter()
                    .map(|width| Object::Integer(*width as i64))
                    .collect(),
            ),
        );
        trailer.set("Filter", Object::Name(b"FlateDecode".to_vec()));
        trailer.set("DecodeParms", Object::Dictionary(predictor));
        let content = self.deflater.deflate(&predicted(&rows, columns))?;
        self.indirect(id, &Object::Stream(Stream::new(trailer, content)), None)?;
        Ok(start)
    }

    fn next(&mut self) -> Result<u32, SaveError> {
        let free = self.reachable.free_after(self.last);
        self.last = free.ok_or(SaveError::NoNumbers)?;
        Ok(self.last)
    }

    /// Where the next byte goes.
    fn position(&self) -> Result<u64, SaveError> {
        let position = self.written + self.body.len() as u64;
        if position > MAX_FILE {
            return Err(SaveError::TooLarge { limit: MAX_FILE });
        }
        Ok(position)
    }

    fn flush(&mut self) -> Result<(), SaveError> {
        self.out.write_all(&self.body).map_err(SaveError::Io)?;
        if let Some(hasher) = &mut self.hasher {
            hasher.update(&self.body);
        }
        self.written += self.body.len() as u64;
        self.body.clear();
        Ok(())
    }
}

/// The version to write: digits and a point, and new enough for what is written.
fn version(found: &str, packed: bool) -> &str {
    let right = found.len() == 3
        && found.as_bytes()[1] == b'.'
        && found
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'.');
    match (right, packed) {
        (true, true) if found < "1.5" => "1.5",
        (true, _) => found,
        (false, _) => "1.7",
    }
}

/// Object streams, cross-reference streams and linearization dictionaries describe a file that is no more.
fn is_layout(form: &Form<'_>) -> bool {
    match form {
        Form::Bytes(bytes) => bytes.traits.is_layout(),
        Form::Value(Object::Stream(stream)) => {
            is_of_type(&stream.dict, b"ObjStm") || is_of_type(&stream.dict, b"XRef")
        }
        Form::Value(Object::Dictionary(dict)) => entry(dict, b"Linearized").is_some(),
        Form::Value(_) => false,
    }
}

/// Streams cannot; signatures could, but whoever verifies one looks for its bytes in the open. Readers that fail at an integer
/// lose the object that it stands in, or all that is packed with it.
fn can_be_packed(form: &Form<'_>) -> bool {
    match form {
        Form::Bytes(Bytes { traits, .. }) => {
            !(traits.is_stream || traits.is_signature || traits.has_long_integer)
        }
        Form::Value(Object::Stream(_)) => false,
        Form::Value(Object::Dictionary(dict)) => {
            entry(dict, b"ByteRange").is_none() || entry(dict, b"Contents").is_none()
        }
        Form::Value(_) => true,
    }
}
