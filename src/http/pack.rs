//! Large JSON answers, packed for clients that take them so: a list of 500 jobs is a tenth of itself then.

use crate::http::head::Head;
use crate::http::reply::Response;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, ETAG, HeaderValue, VARY};
use std::io::{self, Write as _};

/// What is shorter goes in a packet or two anyway.
const WORTH: usize = 4 << 10;

/// The body of an answer that may be packed; goes along with it.
#[derive(Clone)]
pub(crate) struct Packable(pub(crate) Bytes);

/// Whether the client takes packed answers.
pub(crate) fn takes(head: &Head) -> bool {
    head.text(ACCEPT_ENCODING)
        .is_some_and(|accepted| accepts(accepted, "gzip"))
}

/// Whether an `Accept-Encoding` has this one (RFC 9110, section 12.5.3).
pub(crate) fn accepts(accepted: &str, wanted: &str) -> bool {
    accepted.split(',').any(|item| {
        let mut parts = item.split(';');
        let name = parts.next().unwrap_or_default().trim();
        let refused = parts.any(|part| {
            part.trim()
                .strip_prefix("q=")
                .is_some_and(|weight| weight.trim().parse::<f32>().is_ok_and(|q| q <= 0.0))
        });
        name.eq_ignore_ascii_case(wanted) && !refused
    })
}

/// The answer, packed if it may be, is worth it, and the client takes it. A tag names one form of an answer, so what has one
/// stays as it is.
pub(crate) async fn pack(mut response: Response, is_taken: bool) -> Response {
    let Some(Packable(plain)) = response.extensions_mut().remove() else {
        return response;
    };
    if plain.len() < WORTH || response.headers().contains_key(ETAG) {
        return response;
    }
    let vary = HeaderValue::from_static("Accept-Encoding");
    response.headers_mut().append(VARY, vary);
    if !is_taken {
        return response;
    }
    let packing = tokio::task::spawn_blocking(move || gzip(&plain));
    if let Ok(Ok(packed)) = packing.await {
        let headers = response.headers_mut();
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        headers.insert(CONTENT_LENGTH, HeaderValue::from(packed.len()));
        *response.body_mut() = packed.into();
    }
    response
}

fn gzip(plain: &[u8]) -> io::Result<Vec<u8>> {
    let mut packed = GzEncoder::new(Vec::with_capacity(plain.len() / 8), Compression::fast());
    packed.write_all(plain)?;
    packed.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::reply;
    use http::StatusCode;
    use std::io::Read as _;

    #[tokio::test]
    async fn large_json_is_packed_for_who_takes_it() {
        let check = async |text: &str, is_tagged: bool, is_taken: bool, expected: bool| {
            let mut response = reply::json(StatusCode::OK, text);
            if is_tagged {
                response = reply::with(response, ETAG, "\"1\"");
            }
            let answer = pack(response, is_taken).await;
            assert_eq!(answer.headers().contains_key(CONTENT_ENCODING), expected);
            let length = answer.headers()[CONTENT_LENGTH].to_str().expect("text");
            let length: usize = length.parse().expect("a number");
            let body = http_body_util::BodyExt::collect(answer.into_body()).await;
            let body = body.expect("it is here").to_bytes();
            assert_eq!(body.len(), length);
            let mut plain = String::new();
            let read = match expected {
                true => flate2::read::GzDecoder::new(&body[..]).read_to_string(&mut plain),
                false => (&body[..]).read_to_string(&mut plain),
            };
            read.expect("text");
            assert_eq!(plain, format!("\"{text}\""));
        };
        let long = "x".repeat(WORTH);
        check(&long, false, true, true).await;
        check(&long, false, false, false).await;
        check(&long, true, true, false).await;
        check("short", false, true, false).await;
    }

    #[test]
    fn what_is_refused_is_not_taken() {
        for (accepted, expected) in [
            ("gzip", true),
            ("br, GZIP;q=0.5", true),
            ("gzip;q=0", false),
            ("br", false),
            ("", false),
        ] {
            assert_eq!(accepts(accepted, "gzip"), expected, "{accepted}");
        }
    }
}
