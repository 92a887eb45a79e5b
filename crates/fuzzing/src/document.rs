//! Sequences of calls on documents, as a plugin makes them, right and wrong; some of them against a list of numbers.

#[expect(dead_code, reason = "the host's own tests use all of it")]
#[path = "../../plugin-host/tests/host/script.rs"]
mod script;

use arbitrary::{Arbitrary, Unstructured};
use dropleaf_plugin_abi as abi;
use dropleaf_plugin_host::{Bill, Document, Limits};
use script::{Plugin, Value, run};
use std::sync::LazyLock;

/// Two runs are enough for everything that one leaves behind.
#[derive(Arbitrary, Debug)]
struct Story {
    first: Run,
    second: Run,
}

#[derive(Arbitrary, Debug)]
struct Run {
    calls: Vec<Call>,
    /// Whether the list is kept, which makes the host look at its pages again and again.
    watched: bool,
    fails: bool,
}

/// A handle: of those given out so far, or made up.
#[derive(Arbitrary, Clone, Copy, Debug)]
enum Handle {
    Given(u8),
    Forged(u64),
}

#[derive(Arbitrary, Clone, Debug)]
enum Given {
    Null,
    Bool(bool),
    Int(i64),
    Real(f64),
    Name(Vec<u8>),
    Text(Vec<u8>),
    Container(Handle, u8),
    Ref(u8, u8),
}

/// The words that matter in a document, and any other.
#[derive(Arbitrary, Clone, Debug)]
enum Key {
    Pages,
    Kids,
    Count,
    Parent,
    Type,
    Resources,
    Contents,
    Length,
    Filter,
    DecodeParms,
    Number,
    Other(String),
}

#[derive(Arbitrary, Clone, Debug)]
enum Call {
    Remove(Which, u8, u8),
    Move(Which, u8, u8),
    InsertPage(Which, u8, Handle),
    Import(Which, u8, Which, u8, u8),
    Page(Which, u8),
    Catalog(Which),
    Trailer(Which),
    Object(Which, u8, u8),
    Parse(Which, String),
    Get(Handle, Key),
    Attribute(Handle, Key),
    At(Handle, u8),
    Entry(Handle, u8),
    Put(Handle, Key, Given),
    DropKey(Handle, Key),
    PutAt(Handle, u8, Given),
    InsertAt(Handle, u8, Given),
    DropAt(Handle, u8),
    Replace(Handle, Given),
    Add(Which, Given),
    RemoveObject(Which, u8, u8),
    Release(Handle),
    Stream(Handle, u8),
    PutStream(Handle, u8, Vec<u8>),
    NewStream(Which, Handle, u8, Vec<u8>),
    Bytes(Which),
    SetBytes(Which, Vec<u8>),
    SetOwnBytes(Which, Which),
    Open(Vec<u8>),
    OpenSample,
    Create(Which),
    Emit(Which, String),
    View(Handle),
    Syntax(Handle),
    Next(Which, u8),
}

/// Which document: of those open so far, or one that is not.
#[derive(Arbitrary, Clone, Copy, Debug)]
enum Which {
    Job,
    Opened(u8),
    Forged(u64),
}

/// `data` tells two runs of one plugin over one document.
///
/// # Panics
/// The host panics; a run that failed leaves a trace; a document that a run left does not save, or opens with other
/// pages than it said.
pub fn check(data: &[u8]) {
    let Ok(story) = Story::arbitrary(&mut Unstructured::new(data)) else {
        return;
    };
    let mut documents = vec![open(&SAMPLE)];
    for Run {
        calls,
        watched,
        fails,
    } in [story.first, story.second]
    {
        let before = documents.iter_mut().map(bytes_of).collect::<Vec<_>>();
        let outcome = run(&mut documents, move |plugin| {
            let mut state = State::new(watched);
            for call in calls.iter().take(40) {
                state.make(plugin, call);
            }
            if fails { abi::E_FAIL } else { abi::OK }
        });
        if outcome.is_err() {
            let after = documents.iter_mut().map(bytes_of).collect::<Vec<_>>();
            assert_eq!(
                pages_of(&before),
                pages_of(&after),
                "a failed run left a trace"
            );
        }
        assert!(!fails || outcome.is_err());
    }
    for document in &mut documents {
        let mut bytes = Vec::new();
        if let Ok(saved) = document.save(&mut bytes) {
            // One without pages is refused by whoever opens it, as it is by the host when a step leaves it so.
            let expected = (saved.pages > 0).then_some(saved.pages);
            assert_eq!(pages(&bytes), expected, "it says what it holds");
        }
    }
}

static SAMPLE: LazyLock<Vec<u8>> = LazyLock::new(|| include_bytes!("document/sample.pdf").to_vec());

/// Whether a call succeeded does not matter: that it came back does.
fn done<T>(_: Result<T, abi::Status>) {}

fn open(bytes: &[u8]) -> Document {
    let limits = Limits {
        max_decoded: 4 << 20,
        ..Limits::default()
    };
    let opened = Document::open(bytes.to_vec(), &[], &limits, &Bill::new());
    opened.expect("the sample opens").0
}

/// What a save gives; nothing where it refuses.
fn bytes_of(document: &mut Document) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    document.save(&mut bytes).ok().map(|_| bytes)
}

fn pages(bytes: &[u8]) -> Option<u32> {
    let limits = Limits::default();
    let (mut document, _) = Document::open(bytes.to_vec(), &[], &limits, &Bill::new()).ok()?;
    document.facts().ok().map(|facts| facts.pages)
}

fn pages_of(all: &[Option<Vec<u8>>]) -> Vec<Option<u32>> {
    all.iter().map(|bytes| pages(bytes.as_deref()?)).collect()
}

/// What a run has been given so far.
struct State {
    handles: Vec<u64>,
    documents: Vec<abi::Doc>,
    watched: bool,
}

/// The object numbers of all pages; nothing where the document has none to tell.
fn list(p: &Plugin, doc: abi::Doc) -> Option<Vec<u32>> {
    let number = |index| {
        let page = p.page(doc, index)?;
        let id = p.id(page)?;
        p.release(page)?;
        Ok::<_, abi::Status>(id.0)
    };
    let count = p.page_count(doc).ok()?;
    (0..count).map(number).collect::<Result<_, _>>().ok()
}

/// What a call that succeeded does to a list; what is new is taken from `after`.
fn imagine(mut list: Vec<u32>, call: &Call, after: &[u32]) -> Vec<u32> {
    let new = |at: u8, count: u8| {
        let at = usize::from(at);
        after
            .get(at..at + usize::from(count))
            .unwrap_or_default()
            .to_vec()
    };
    match *call {
        Call::Remove(_, at, count) => {
            drop(list.drain(usize::from(at)..usize::from(at) + usize::from(count)));
        }
        Call::Move(_, from, to) => {
            let page = list.remove(from.into());
            list.insert(to.into(), page);
        }
        Call::InsertPage(_, at, _) => {
            drop(list.splice(usize::from(at)..usize::from(at), new(at, 1)));
        }
        Call::Import(_, at, _, _, count) => {
            drop(list.splice(usize::from(at)..usize::from(at), new(at, count)));
        }
        _ => {}
    }
    list
}

impl State {
    fn new(watched: bool) -> Self {
        Self {
            watched,
            handles: Vec::new(),
            documents: vec![abi::DOCUMENT],
        }
    }

    fn handle(&self, handle: Handle) -> u64 {
        match handle {
            Handle::Given(at) if !self.handles.is_empty() => {
                self.handles[usize::from(at) % self.handles.len()]
            }
            Handle::Given(_) => 0,
            Handle::Forged(number) => number,
        }
    }

    fn document(&self, which: Which) -> abi::Doc {
        match which {
            Which::Job => abi::DOCUMENT,
            Which::Opened(at) => self.documents[usize::from(at) % self.documents.len()],
            Which::Forged(number) => number,
        }
    }

    fn value(&self, given: &Given) -> Value {
        match given {
            Given::Null => Value::Null,
            Given::Bool(value) => Value::Bool(*value),
            Given::Int(value) => Value::Int(*value),
            Given::Real(value) => Value::Real(*value),
            Given::Name(bytes) => Value::Name(bytes.clone()),
            Given::Text(bytes) => Value::Text(bytes.clone()),
            Given::Container(handle, kind) => {
                let obj = self.handle(*handle);
                match kind % 3 {
                    0 => Value::Array(obj),
                    1 => Value::Dict(obj),
                    _ => Value::Stream(obj),
                }
            }
            Given::Ref(number, generation) => Value::Ref((*number).into(), (*generation).into()),
        }
    }

    fn keep(&mut self, handle: Result<u64, abi::Status>) {
        self.handles.extend(handle);
    }

    fn keep_document(&mut self, document: Result<abi::Doc, abi::Status>) {
        self.documents.extend(document);
    }

    fn keep_value(&mut self, value: Result<Value, abi::Status>) {
        if let Ok(Value::Array(obj) | Value::Dict(obj) | Value::Stream(obj)) = value {
            self.handles.push(obj);
        }
    }

    fn make(&mut self, p: &Plugin, call: &Call) {
        match call {
            Call::Remove(..) | Call::Move(..) | Call::InsertPage(..) | Call::Import(..) => {
                self.turn_pages(p, call);
            }
            Call::Page(..)
            | Call::Catalog(_)
            | Call::Trailer(_)
            | Call::Object(..)
            | Call::Get(..)
            | Call::Attribute(..)
            | Call::At(..)
            | Call::Entry(..)
            | Call::View(_)
            | Call::Syntax(_)
            | Call::Next(..) => self.look(p, call),
            Call::Stream(..) | Call::PutStream(..) | Call::NewStream(..) => self.pour(p, call),
            Call::Bytes(_)
            | Call::SetBytes(..)
            | Call::SetOwnBytes(..)
            | Call::Open(_)
            | Call::OpenSample
            | Call::Create(_)
            | Call::Emit(..) => self.whole(p, call),
            _ => self.change(p, call),
        }
        assert!(p.why().len() < 10_000, "the last error is a sentence");
    }

    /// Page operations, against a list of the pages' object numbers.
    fn turn_pages(&mut self, p: &Plugin, call: &Call) {
        let (Call::Remove(which, ..)
        | Call::Move(which, ..)
        | Call::InsertPage(which, ..)
        | Call::Import(which, ..)) = *call
        else {
            return;
        };
        let doc = self.document(which);
        let before = self.watched.then(|| list(p, doc)).flatten();
        let done = match *call {
            Call::Remove(_, at, count) => p.remove_pages(doc, at.into(), count.into()),
            Call::Move(_, from, to) => p.move_page(doc, from.into(), to.into()),
            Call::InsertPage(_, at, page) => p.insert_page(doc, at.into(), self.handle(page)),
            Call::Import(_, at, from, first, count) => {
                let from = self.document(from);
                p.import(doc, at.into(), from, first.into(), count.into())
            }
            _ => return,
        };
        let Some(before) = before else { return };
        let after = list(p, doc).expect("its pages were there before");
        let expected = if done.is_ok() {
            imagine(before, call, &after)
        } else {
            before
        };
        assert_eq!(after, expected, "{call:?} gave {done:?}: {}", p.why());
    }

    fn look(&mut self, p: &Plugin, call: &Call) {
        match call {
            Call::Page(which, at) => self.keep(p.page(self.document(*which), (*at).into())),
            Call::Catalog(which) => self.keep(p.catalog(self.document(*which))),
            Call::Trailer(which) => self.keep(p.trailer(self.document(*which))),
            Call::Object(which, number, generation) => self.keep_value(p.object(
                self.document(*which),
                (*number).into(),
                (*generation).into(),
            )),
            Call::Get(obj, key) => self.keep_value(p.get(self.handle(*obj), key.text())),
            Call::Attribute(obj, key) => {
                self.keep_value(p.attribute(self.handle(*obj), key.text()));
            }
            Call::At(obj, at) => self.keep_value(p.at(self.handle(*obj), (*at).into())),
            Call::Entry(obj, at) => {
                let entry = p.entry(self.handle(*obj), (*at).into());
                self.keep_value(entry.map(|(_, value)| value));
            }
            Call::View(obj) => done(p.view(self.handle(*obj)).map(<[_]>::len)),
            Call::Syntax(obj) => {
                if let Ok(text) = p.syntax(self.handle(*obj)) {
                    self.keep(p.parse(abi::DOCUMENT, &text));
                }
            }
            Call::Next(which, after) => {
                done(p.next(self.document(*which), ((*after).into(), 0)));
            }
            _ => {}
        }
    }

    fn change(&mut self, p: &Plugin, call: &Call) {
        match call {
            Call::Parse(which, source) => self.keep(p.parse(self.document(*which), source)),
            Call::Put(obj, key, given) => {
                done(p.put(self.handle(*obj), key.text(), &self.value(given)));
            }
            Call::DropKey(obj, key) => done(p.drop_key(self.handle(*obj), key.text())),
            Call::PutAt(obj, at, given) => {
                done(p.put_at(self.handle(*obj), (*at).into(), &self.value(given)));
            }
            Call::InsertAt(obj, at, given) => {
                done(p.insert_at(self.handle(*obj), (*at).into(), &self.value(given)));
            }
            Call::DropAt(obj, at) => done(p.drop_at(self.handle(*obj), (*at).into())),
            Call::Replace(obj, given) => done(p.replace(self.handle(*obj), &self.value(given))),
            Call::Add(which, given) => {
                done(p.add(self.document(*which), &self.value(given)));
            }
            Call::RemoveObject(which, number, generation) => {
                let id = ((*number).into(), (*generation).into());
                done(p.remove(self.document(*which), id));
            }
            Call::Release(handle) => done(p.release(self.handle(*handle))),
            _ => {}
        }
    }

    fn pour(&mut self, p: &Plugin, call: &Call) {
        match call {
            Call::Stream(obj, mode) => done(p.stream(self.handle(*obj), (*mode).into())),
            Call::PutStream(obj, mode, content) => {
                let obj = self.handle(*obj);
                let put = p.put_stream(obj, (*mode).into(), content);
                if put.is_ok() && u32::from(*mode) == abi::STREAM_DECODED {
                    let read = p.stream(obj, abi::STREAM_DECODED).expect("just put there");
                    assert_eq!(&read, content, "a stream holds what was put into it");
                }
            }
            Call::NewStream(which, dict, mode, content) => self.keep(p.new_stream(
                self.document(*which),
                self.handle(*dict),
                (*mode).into(),
                content,
            )),
            _ => {}
        }
    }

    fn whole(&mut self, p: &Plugin, call: &Call) {
        match call {
            Call::Bytes(which) => done(p.bytes(self.document(*which))),
            Call::SetBytes(which, bytes) => done(p.set_bytes(self.document(*which), bytes)),
            Call::SetOwnBytes(to, from) => {
                if let Ok(bytes) = p.bytes(self.document(*from)) {
                    done(p.set_bytes(self.document(*to), &bytes));
                }
            }
            Call::Open(bytes) => self.keep_document(p.open(bytes)),
            Call::OpenSample => self.keep_document(p.open(&SAMPLE)),
            Call::Create(like) => self.keep_document(p.create(self.document(*like))),
            Call::Emit(which, label) => done(p.emit(self.document(*which), label)),
            _ => {}
        }
    }
}

impl Key {
    fn text(&self) -> &str {
        match self {
            Self::Pages => "Pages",
            Self::Kids => "Kids",
            Self::Count => "Count",
            Self::Parent => "Parent",
            Self::Type => "Type",
            Self::Resources => "Resources",
            Self::Contents => "Contents",
            Self::Length => "Length",
            Self::Filter => "Filter",
            Self::DecodeParms => "DecodeParms",
            Self::Number => "Number",
            Self::Other(text) => text,
        }
    }
}
