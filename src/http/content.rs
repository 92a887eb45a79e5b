//! Content that is larger than an answer should be: files and texts, whole, by range, or not again (RFC 9110, sections 13
//! and 14).

use crate::durable;
use crate::durable::beneath::Links;
use crate::durable::lent::Lent;
use crate::durable::spot::Spot;
use crate::http::head::Head;
use crate::http::refusal::{Kind, Refusal};
use crate::http::reply::{self, ByteStream, Response};
use bytes::Bytes;
use http::StatusCode;
use http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE,
    CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, HeaderValue, IF_NONE_MATCH, IF_RANGE, RANGE,
};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::PathBuf;

const CHUNK: u64 = 64 * 1024;

/// Where a file of a job may lie.
pub(crate) struct Lying {
    /// The path.
    pub(crate) path: PathBuf,
    /// The operator's folder that it lies below: no link leads out of it. `None` where it is not known.
    pub(crate) root: Option<PathBuf>,
    /// How many bytes the job's original has; another file that has its name by now is not the job's. Of a result nothing is asked:
    /// people may work on it where it lies.
    pub(crate) size: Option<u64>,
}

/// A file that is wanted.
pub(crate) struct FileContent {
    /// The name to save it under.
    pub(crate) name: String,
    /// Media type.
    pub(crate) mime: Option<String>,
    /// To look at rather than to save.
    pub(crate) inline: bool,
    /// Where it can be; the first that is there counts.
    pub(crate) places: Vec<Lying>,
    /// What to say if it is nowhere.
    pub(crate) gone: String,
}

impl FileContent {
    /// Whether it goes for a PDF.
    pub(crate) fn is_pdf(&self) -> bool {
        self.mime.as_deref() == Some("application/pdf")
    }
}

/// Opens a file that is wanted: gives its size and its entity tag, with quotes, too.
pub(crate) async fn open_wanted(wanted: FileContent) -> Result<(File, u64, String), Refusal> {
    let places = wanted.places;
    let found = tokio::task::spawn_blocking(move || open_first(&places))
        .await
        .map_err(|error| Refusal::internal("a file could not be opened", &error))?;
    match found {
        Ok(Some(found)) => Ok(found),
        Ok(None) => Err(Refusal::new(Kind::Gone, wanted.gone)),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Err(Refusal::new(
            Kind::Conflict,
            format!("the daemon may not read `{}`", wanted.name),
        )
        .hint("check the file's owner and mode")),
        Err(error) => Err(Refusal::internal("a file could not be opened", &error)),
    }
}

/// Answers with a file.
pub(crate) async fn file(head: &Head, wanted: FileContent) -> Result<Response, Refusal> {
    let (name, mime, inline) = (wanted.name.clone(), wanted.mime.clone(), wanted.inline);
    let (file, size, tag) = open_wanted(wanted).await?;
    let shown = Opened {
        name: &name,
        mime: mime.as_deref(),
        inline,
        file,
        start: 0,
        size,
        tag,
    };
    opened(head, shown)
}

/// A file that is open.
pub(crate) struct Opened<'a> {
    /// The name to save it under.
    pub(crate) name: &'a str,
    /// Media type.
    pub(crate) mime: Option<&'a str>,
    /// To look at rather than to save.
    pub(crate) inline: bool,
    /// The content.
    pub(crate) file: File,
    /// Where it begins in there.
    pub(crate) start: u64,
    /// How many bytes.
    pub(crate) size: u64,
    /// Its entity tag, with quotes.
    pub(crate) tag: String,
}

/// Answers with a file that is open.
pub(crate) fn opened(head: &Head, wanted: Opened<'_>) -> Result<Response, Refusal> {
    let Opened {
        file,
        start,
        size,
        tag,
        ..
    } = wanted;
    if is_unchanged(head, &tag) {
        return Ok(unchanged(&tag));
    }
    let mut response = match part(head, size, &tag)? {
        Part::Whole => sized(reply::stream(StatusCode::OK, read(file, start, size)), size),
        Part::Range { first, last } => ranged(
            reply::stream(
                StatusCode::PARTIAL_CONTENT,
                read(file, start + first, last - first + 1),
            ),
            first,
            last,
            size,
        ),
    };
    let mime = wanted
        .mime
        .map(harmless)
        .and_then(|mime| HeaderValue::from_str(mime).ok())
        .unwrap_or(HeaderValue::from_static("application/octet-stream"));
    // Whatever a document holds, it runs nothing in our origin. Browsers' own PDF viewers do not start in a sandbox.
    let policy = if wanted.inline && mime == "application/pdf" {
        "frame-ancestors 'self'"
    } else {
        "sandbox; default-src 'none'"
    };
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, mime);
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    Ok(revalidate(
        named(response, wanted.name, wanted.inline),
        &tag,
    ))
}

/// The media type of a plugin, unless a page of ours could take the file in as a script or a style sheet, which no policy of the
/// file's own would prevent.
fn harmless(mime: &str) -> &str {
    let taken_in = ["javascript", "ecmascript", "jscript", "livescript", "css"];
    let plain = mime.to_ascii_lowercase();
    match taken_in.iter().any(|kind| plain.contains(kind)) {
        true => "text/plain",
        false => mime,
    }
}

/// Answers with a text, by range if one is wanted.
pub(crate) fn text(head: &Head, mime: &'static str, body: Bytes) -> Response {
    let tag = format!("\"{}\"", &blake3::hash(&body).to_hex()[..32]);
    if is_unchanged(head, &tag) {
        return unchanged(&tag);
    }
    let size = body.len() as u64;
    let response = match part(head, size, &tag) {
        Ok(Part::Whole) => {
            let response = reply::bytes(StatusCode::OK, mime, body);
            reply::with(response, ACCEPT_RANGES, "bytes")
        }
        Ok(Part::Range { first, last }) => {
            let body = body.slice(first as usize..=last as usize);
            ranged(
                reply::bytes(StatusCode::PARTIAL_CONTENT, mime, body),
                first,
                last,
                size,
            )
        }
        Err(refusal) => return refusal.into_response(&head.path, ""),
    };
    revalidate(response, &tag)
}

fn open_first(places: &[Lying]) -> io::Result<Option<(File, u64, String)>> {
    for place in places {
        match open(place) {
            Ok(Some(file)) => {
                let meta = file.metadata()?;
                if meta.is_file() && place.size.is_none_or(|size| size == meta.len()) {
                    return Ok(Some((file, meta.len(), tag_of(&meta))));
                }
            }
            Ok(None) => {}
            Err(error) if is_absent(&error) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}

/// Changes whenever the content does. The time of the change alone is what whoever wrote the file says (`cp -p`, `rsync`), or a clock
/// that was set back; the other time is nobody's to set.
fn tag_of(meta: &Metadata) -> String {
    format!(
        "\"{:x}-{:x}-{:x}.{:x}-{:x}.{:x}\"",
        meta.ino(),
        meta.len(),
        meta.mtime(),
        meta.mtime_nsec(),
        meta.ctime(),
        meta.ctime_nsec()
    )
}

/// Never through a symbolic link that leads out of the operator's folder or that the path ends with, and never waiting for the other
/// end of a pipe.
fn open(place: &Lying) -> io::Result<Option<File>> {
    let failed = |error: durable::Error| match error.kind() {
        durable::Kind::Link | durable::Kind::Missing => io::ErrorKind::NotFound.into(),
        _ => error.into_io(),
    };
    let spot = match &place.root {
        Some(root) if place.path.starts_with(root) => {
            Spot::beneath(root, &place.path, Links::Inside)
        }
        _ => Spot::of(&place.path),
    };
    match spot.map_err(failed)? {
        Some(spot) => spot.open_whatever().map(Some),
        None => Ok(None),
    }
}

fn is_absent(error: &io::Error) -> bool {
    // ELOOP: a symbolic link where a file should be is nothing of ours.
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    ) || error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error())
}

/// `length` bytes of a file from `start`, read as they are sent.
pub(crate) fn read(file: File, start: u64, length: u64) -> ByteStream {
    let state = (Lent::from(file), start, length);
    Box::pin(futures_util::stream::try_unfold(
        state,
        |(file, at, left)| async move {
            if left == 0 {
                return Ok(None);
            }
            let reading = tokio::task::spawn_blocking(move || {
                let mut chunk = vec![0; left.min(CHUNK) as usize];
                let count = file.read_at(&mut chunk, at)?;
                chunk.truncate(count);
                Ok::<_, io::Error>((file, chunk))
            });
            let (file, chunk) = reading.await.map_err(io::Error::other)??;
            if chunk.is_empty() {
                // Shorter than it was: the client must not take what it got for the whole.
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let count = chunk.len() as u64;
            Ok(Some((Bytes::from(chunk), (file, at + count, left - count))))
        },
    ))
}

enum Part {
    Whole,
    Range { first: u64, last: u64 },
}

/// Which part is wanted. Several ranges at once get the whole, as RFC 9110 allows.
fn part(head: &Head, size: u64, tag: &str) -> Result<Part, Refusal> {
    let Some(range) = head.text(RANGE) else {
        return Ok(Part::Whole);
    };
    if head.headers.contains_key(IF_RANGE) && head.text(IF_RANGE) != Some(tag) {
        return Ok(Part::Whole);
    }
    match parse_range(range, size) {
        Wanted::Whole => Ok(Part::Whole),
        Wanted::Range(first, last) => Ok(Part::Range { first, last }),
        Wanted::Nothing => Err(Refusal::new(
            Kind::Range,
            format!("`{range}` lies outside of the {size} bytes there are"),
        )
        .header(
            CONTENT_RANGE,
            HeaderValue::from_str(&format!("bytes */{size}"))
                .unwrap_or(HeaderValue::from_static("bytes */*")),
        )),
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Wanted {
    Whole,
    Range(u64, u64),
    Nothing,
}

fn parse_range(text: &str, size: u64) -> Wanted {
    let Some(spec) = text.trim().strip_prefix("bytes=") else {
        return Wanted::Whole;
    };
    let Some((first, last)) = spec.split_once('-') else {
        return Wanted::Whole;
    };
    match (first.trim(), last.trim()) {
        ("", suffix) => match suffix.parse::<u64>() {
            Ok(0) => Wanted::Nothing,
            Ok(_) if size == 0 => Wanted::Nothing,
            Ok(count) => Wanted::Range(size.saturating_sub(count), size - 1),
            Err(_) => Wanted::Whole,
        },
        (first, last) => {
            let Ok(first) = first.parse::<u64>() else {
                return Wanted::Whole;
            };
            let last = match last {
                "" => u64::MAX,
                text => match text.parse::<u64>() {
                    Ok(last) if last >= first => last,
                    _ => return Wanted::Whole,
                },
            };
            if first >= size {
                Wanted::Nothing
            } else {
                Wanted::Range(first, last.min(size - 1))
            }
        }
    }
}

fn sized(mut response: Response, size: u64) -> Response {
    let headers = response.headers_mut();
    headers.insert(CONTENT_LENGTH, HeaderValue::from(size));
    headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    response
}

fn ranged(response: Response, first: u64, last: u64, size: u64) -> Response {
    let response = reply::with(
        response,
        CONTENT_RANGE,
        &format!("bytes {first}-{last}/{size}"),
    );
    sized(response, last - first + 1)
}

/// The entity tags of a header, without their quotes.
pub(crate) fn tags(header: &str) -> impl Iterator<Item = &str> {
    header.split(',').map(|tag| {
        let tag = tag.trim();
        tag.strip_prefix("W/").unwrap_or(tag).trim_matches('"')
    })
}

/// Whether the client has this already.
pub(crate) fn is_unchanged(head: &Head, tag: &str) -> bool {
    let own = tag.trim_matches('"');
    head.text(IF_NONE_MATCH)
        .is_some_and(|header| tags(header).any(|given| given == own || given == "*"))
}

/// "You have it already."
pub(crate) fn unchanged(tag: &str) -> Response {
    revalidate(reply::empty(StatusCode::NOT_MODIFIED), tag)
}

/// With a tag, to be asked about each time.
pub(crate) fn revalidate(response: Response, tag: &str) -> Response {
    reply::with(
        reply::with(response, ETAG, tag),
        CACHE_CONTROL,
        "private, no-cache",
    )
}

/// What may stand as it is in an `ext-value` (RFC 8187, section 3.2.1).
const ATTRIBUTE: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'!')
    .remove(b'#')
    .remove(b'$')
    .remove(b'&')
    .remove(b'+')
    .remove(b'-')
    .remove(b'.')
    .remove(b'^')
    .remove(b'_')
    .remove(b'`')
    .remove(b'|')
    .remove(b'~');

/// With a name to save it under (RFC 6266): ASCII for old clients, and the true one.
pub(crate) fn named(response: Response, name: &str, inline: bool) -> Response {
    reply::with(response, CONTENT_DISPOSITION, &disposition(name, inline))
}

fn disposition(name: &str, inline: bool) -> String {
    let kind = if inline { "inline" } else { "attachment" };
    let plain: String = name
        .chars()
        .map(|c| match c {
            // Some clients decode what looks encoded.
            '"' | '\\' | '/' | '%' => '_',
            ' '..='~' => c,
            _ => '_',
        })
        .collect();
    if plain == name {
        return format!("{kind}; filename=\"{plain}\"");
    }
    let full = utf8_percent_encode(name, ATTRIBUTE);
    format!("{kind}; filename=\"{plain}\"; filename*=UTF-8''{full}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_the_standard_says() {
        let check = |text: &str, size: u64, expected: Wanted| {
            assert_eq!(parse_range(text, size), expected, "{text} of {size}");
        };
        check("bytes=0-0", 10, Wanted::Range(0, 0));
        check("bytes=2-5", 10, Wanted::Range(2, 5));
        check("bytes=2-", 10, Wanted::Range(2, 9));
        check("bytes=2-99", 10, Wanted::Range(2, 9));
        check("bytes=-3", 10, Wanted::Range(7, 9));
        check("bytes=-99", 10, Wanted::Range(0, 9));
        check("bytes=10-", 10, Wanted::Nothing);
        check("bytes=-0", 10, Wanted::Nothing);
        check("bytes=0-", 0, Wanted::Nothing);
        check("bytes=-1", 0, Wanted::Nothing);
        check("bytes=5-2", 10, Wanted::Whole);
        check("bytes=0-1,3-4", 10, Wanted::Whole);
        check("bytes=x-y", 10, Wanted::Whole);
        check("lines=0-1", 10, Wanted::Whole);
        check("bytes=18446744073709551616-", 10, Wanted::Whole);
    }

    #[test]
    fn names_of_any_script_can_be_saved() {
        let check = |name: &str, expected: &str| assert_eq!(disposition(name, false), expected);
        check("a b.pdf", "attachment; filename=\"a b.pdf\"");
        check(
            "Übersicht \"1\".pdf",
            "attachment; filename=\"_bersicht _1_.pdf\"; filename*=UTF-8''%C3%9Cbersicht%20%221%22.pdf",
        );
        check(
            "a\r\nSet-Cookie: x.pdf",
            "attachment; filename=\"a__Set-Cookie: x.pdf\"; filename*=UTF-8''a%0D%0ASet-Cookie%3A%20x.pdf",
        );
        assert!(disposition("a.pdf", true).starts_with("inline;"));
    }

    #[test]
    fn tags_are_read_with_and_without_their_marks() {
        let all: Vec<_> = tags("\"a\", W/\"b\",c").collect();
        assert_eq!(all, ["a", "b", "c"]);
    }
}
