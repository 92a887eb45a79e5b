//! Reading server-sent events (WHATWG HTML, section 9.2.6). Pure: bytes in, events out.

/// One event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SseEvent {
    /// The last id that was said, in this event or before.
    pub id: Option<String>,
    /// Whether this event said it.
    pub has_id: bool,
    /// Its type; `message` where none was said.
    pub name: String,
    /// Its data.
    pub data: String,
}

/// An event larger than this is not one of ours.
const MAX_EVENT: usize = 32 << 20;

/// What has been read so far.
#[derive(Debug, Default)]
pub struct Parser {
    line: Vec<u8>,
    after_cr: bool,
    is_started: bool,
    name: String,
    data: String,
    id: Option<String>,
    has_id: bool,
    retry: Option<u64>,
}

/// The stream holds an event that is too large to be one.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("an event of the feed is larger than {MAX_EVENT} bytes")]
pub struct TooLarge;

impl Parser {
    /// A parser of a stream that goes on after `id`.
    #[must_use]
    pub fn after(id: Option<String>) -> Self {
        Self {
            id,
            ..Self::default()
        }
    }

    /// How long to wait before connecting again, if the stream said so.
    #[must_use]
    pub const fn retry(&self) -> Option<u64> {
        self.retry
    }

    /// Takes bytes as they come, and gives the events that are whole.
    ///
    /// # Errors
    /// An event grows beyond all bounds.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<Vec<SseEvent>, TooLarge> {
        let mut events = Vec::new();
        let mut rest = bytes;
        while let Some(end) = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r')) {
            let is_rest_of_crlf = rest[end] == b'\n' && end == 0 && self.after_cr;
            if !is_rest_of_crlf {
                self.line.extend_from_slice(&rest[..end]);
                let line = std::mem::take(&mut self.line);
                events.extend(self.take_line(&line));
            }
            self.after_cr = rest[end] == b'\r';
            rest = &rest[end + 1..];
        }
        if !rest.is_empty() {
            self.after_cr = false;
            self.line.extend_from_slice(rest);
        }
        if self.line.len() + self.data.len() > MAX_EVENT {
            return Err(TooLarge);
        }
        Ok(events)
    }

    fn take_line(&mut self, line: &[u8]) -> Option<SseEvent> {
        let line = match (self.is_started, line.strip_prefix(b"\xef\xbb\xbf")) {
            (false, Some(rest)) => rest,
            _ => line,
        };
        self.is_started = true;
        if line.is_empty() {
            return self.dispatch();
        }
        let text = String::from_utf8_lossy(line);
        let (field, value) = text.split_once(':').unwrap_or((&text, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.name),
            "data" => {
                self.data.push_str(value);
                self.data.push('\n');
            }
            "id" if !value.contains('\0') => {
                self.id = Some(value.to_owned());
                self.has_id = !value.is_empty();
            }
            "retry" if value.bytes().all(|byte| byte.is_ascii_digit()) => {
                self.retry = value.parse().ok().or(self.retry);
            }
            _ => {}
        }
        None
    }

    fn dispatch(&mut self) -> Option<SseEvent> {
        let name = std::mem::take(&mut self.name);
        let mut data = std::mem::take(&mut self.data);
        let has_id = std::mem::take(&mut self.has_id);
        data.pop()?;
        Some(SseEvent {
            id: self.id.clone().filter(|id| !id.is_empty()),
            has_id,
            name: if name.is_empty() {
                "message".into()
            } else {
                name
            },
            data,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(id: Option<&str>, name: &str, data: &str) -> SseEvent {
        SseEvent {
            id: id.map(str::to_owned),
            has_id: id.is_some(),
            name: name.into(),
            data: data.into(),
        }
    }

    /// An event without an id of its own.
    fn after(id: &str, data: &str) -> SseEvent {
        SseEvent {
            has_id: false,
            ..event(Some(id), "message", data)
        }
    }

    #[test]
    fn streams_are_read_as_the_standard_says() {
        let check = |text: &str, expected: &[SseEvent]| {
            let whole = Parser::default().feed(text.as_bytes()).expect("small");
            assert_eq!(whole, expected, "{text:?}");
            let mut parser = Parser::default();
            let bytewise: Vec<_> = text
                .bytes()
                .flat_map(|byte| parser.feed(&[byte]).expect("small"))
                .collect();
            assert_eq!(bytewise, expected, "{text:?}, byte by byte");
        };
        check("data: a\n\n", &[event(None, "message", "a")]);
        check(
            "event: x\ndata:a\ndata:  b\n\n",
            &[event(None, "x", "a\n b")],
        );
        check(
            "id: 1\nevent: x\ndata: a\n\ndata: b\n\n",
            &[event(Some("1"), "x", "a"), after("1", "b")],
        );
        check(
            "id: 1\ndata: a\n\nid\ndata: b\n\n",
            &[
                event(Some("1"), "message", "a"),
                event(None, "message", "b"),
            ],
        );
        check(
            "data: a\r\n\r\ndata: b\r\rdata: c\n\r\n",
            &[
                event(None, "message", "a"),
                event(None, "message", "b"),
                event(None, "message", "c"),
            ],
        );
        check(": comment\n\nevent: empty\n\n", &[]);
        check("data\n\n", &[event(None, "message", "")]);
        check("\u{feff}data: ä€😀\n\n", &[event(None, "message", "ä€😀")]);
        check("unknown: x\ndata: cut off\n", &[]);
    }

    #[test]
    fn the_stream_says_when_to_come_back() {
        let mut parser = Parser::default();
        parser.feed(b"retry: 2500\nretry: x\n\n").expect("small");
        assert_eq!(parser.retry(), Some(2500));
    }

    #[test]
    fn an_endless_event_is_refused() {
        let mut parser = Parser::default();
        let chunk = vec![b'x'; 1 << 20];
        let outcome = (0..40).find_map(|_| parser.feed(&chunk).err());
        assert_eq!(outcome, Some(TooLarge));
    }
}
