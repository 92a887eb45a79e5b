//! The built page as it lies in the binary: every file with its packed forms, its type and its hash.
//!
//! `build.rs` makes the table from `dashboard/dist`; it is empty where there was no built page.

use crate::http::content;
use crate::http::head::Head;
use crate::http::pack;
use crate::http::reply::{self, Response};
use bytes::Bytes;
use http::StatusCode;
use http::header::{
    ACCEPT, ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, ETAG, VARY,
};

/// One file of the page.
#[derive(Debug)]
pub(crate) struct Asset {
    /// Where it is served, from `/`.
    pub(crate) path: &'static str,
    pub(crate) mime: &'static str,
    /// Of the content; what its tag is made of.
    pub(crate) hash: &'static str,
    pub(crate) plain: &'static [u8],
    pub(crate) brotli: Option<&'static [u8]>,
    pub(crate) gzip: Option<&'static [u8]>,
}

include!(concat!(env!("OUT_DIR"), "/page.rs"));

/// What the page's document stands under. Scripts are our own files alone; `wasm-unsafe-eval` allows the decoders of the PDF
/// preview and no evaluation of text.
const POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; img-src 'self' data: blob:; \
     font-src 'self' data: blob:; connect-src 'self'; worker-src 'self'; manifest-src 'self'; form-action 'self'; \
     base-uri 'none'; frame-ancestors 'none'; style-src 'self'";
/// Where the document wants the answer's nonce.
const NONCE: &str = "DROPLEAF_CSP_NONCE";
/// Where pages of the application are not: what is missing there is missing.
const NOT_PAGES: &[&str] = &[
    "/api",
    "/assets",
    "/problems",
    "/healthz",
    "/readyz",
    "/metrics",
];

/// The file of the built page that a path names, or the page's document for a page of the application.
pub(crate) fn answer(head: &Head) -> Option<Response> {
    from(FILES, head)
}

/// The document at a page's address, where no file and no route is.
pub(crate) fn page(head: &Head) -> Option<Response> {
    page_from(FILES, head)
}

fn from(files: &'static [Asset], head: &Head) -> Option<Response> {
    match head.path.as_str() {
        "/" | "/index.html" => document(files, head),
        path => {
            let asset = find(files, path)?;
            Some(file(asset, head))
        }
    }
}

fn page_from(files: &'static [Asset], head: &Head) -> Option<Response> {
    let path = head.path.as_str();
    let reserved = NOT_PAGES.iter().any(|prefix| {
        path.strip_prefix(prefix)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    });
    // Browsers say so when somebody goes to a page; programs are told that there is nothing.
    let navigates = head
        .text(ACCEPT)
        .is_some_and(|accept| accept.contains("text/html"));
    if reserved || !navigates {
        return None;
    }
    document(files, head)
}

fn find(files: &'static [Asset], path: &str) -> Option<&'static Asset> {
    files
        .binary_search_by(|asset| asset.path.cmp(path))
        .ok()
        .map(|place| &files[place])
}

fn document(files: &'static [Asset], head: &Head) -> Option<Response> {
    let asset = find(files, "/index.html")?;
    let text = std::str::from_utf8(asset.plain).ok()?;
    if !text.contains(NONCE) {
        // Parts of the page bring their styles as elements of the document.
        let policy = format!("{POLICY} 'unsafe-inline'");
        return Some(reply::with(
            file(asset, head),
            CONTENT_SECURITY_POLICY,
            &policy,
        ));
    }
    let nonce = format!(
        "{:020x}{:020x}",
        ulid::Ulid::generate().random(),
        ulid::Ulid::generate().random()
    );
    let text = text.replace(NONCE, &nonce);
    let response = reply::bytes(StatusCode::OK, "text/html; charset=utf-8", text);
    let policy = format!("{POLICY} 'nonce-{nonce}'");
    let response = reply::with(response, CONTENT_SECURITY_POLICY, &policy);
    Some(reply::with(response, CACHE_CONTROL, "no-cache"))
}

fn file(asset: &'static Asset, head: &Head) -> Response {
    let (encoding, body) = encoded(asset, head.text(ACCEPT_ENCODING).unwrap_or_default());
    let tag = format!("\"{}{}\"", asset.hash, encoding.unwrap_or_default());
    let mut response = if content::is_unchanged(head, &tag) {
        reply::empty(StatusCode::NOT_MODIFIED)
    } else {
        let response = reply::bytes(StatusCode::OK, asset.mime, Bytes::from_static(body));
        match encoding {
            Some(encoding) => reply::with(response, CONTENT_ENCODING, encoding),
            None => response,
        }
    };
    if asset.mime.starts_with("text/javascript") {
        // A worker stands under the policy of its own script.
        response = reply::with(response, CONTENT_SECURITY_POLICY, POLICY);
    }
    let caching = if asset.path.starts_with("/assets/") {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    let response = reply::with(response, CACHE_CONTROL, caching);
    let response = reply::with(response, VARY, "Accept-Encoding");
    reply::with(response, ETAG, &tag)
}

/// The smallest form that the client takes (RFC 9110, section 12.5.3).
fn encoded(asset: &'static Asset, accepted: &str) -> (Option<&'static str>, &'static [u8]) {
    let takes = |wanted: &str| pack::accepts(accepted, wanted);
    match asset {
        Asset {
            brotli: Some(body), ..
        } if takes("br") => (Some("br"), body),
        Asset {
            gzip: Some(body), ..
        } if takes("gzip") => (Some("gzip"), body),
        _ => (None, asset.plain),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderMap, HeaderName, HeaderValue, Method};

    static SAMPLE: &[Asset] = &[
        Asset {
            path: "/assets/app-1a2b.js",
            mime: "text/javascript; charset=utf-8",
            hash: "11",
            plain: b"plain",
            brotli: Some(b"br"),
            gzip: Some(b"gz"),
        },
        Asset {
            path: "/icon.svg",
            mime: "image/svg+xml",
            hash: "22",
            plain: b"<svg/>",
            brotli: None,
            gzip: None,
        },
        Asset {
            path: "/index.html",
            mime: "text/html; charset=utf-8",
            hash: "33",
            plain: b"<meta nonce=DROPLEAF_CSP_NONCE>",
            brotli: Some(b"stale nonce"),
            gzip: None,
        },
    ];
    static OLD: &[Asset] = &[Asset {
        path: "/index.html",
        mime: "text/html; charset=utf-8",
        hash: "33",
        plain: b"<p>",
        brotli: None,
        gzip: None,
    }];

    fn head(path: &str, headers: &[(HeaderName, &'static str)]) -> Head {
        let headers: HeaderMap = headers
            .iter()
            .map(|(name, value)| (name.clone(), HeaderValue::from_static(value)))
            .collect();
        Head {
            method: Method::GET,
            path: path.to_owned(),
            query: String::new(),
            headers,
            authority: None,
            peer: None,
        }
    }

    fn said<'a>(response: &'a Response, name: &HeaderName) -> &'a str {
        response
            .headers()
            .get(name)
            .map_or("", |value| value.to_str().expect("text"))
    }

    #[test]
    fn a_client_gets_the_smallest_form_that_it_takes() {
        let check = |accepted: &'static str, encoding: Option<&str>, body: &[u8]| {
            assert_eq!(
                encoded(&SAMPLE[0], accepted),
                (encoding, body),
                "{accepted}"
            );
        };
        check("gzip, deflate, br, zstd", Some("br"), b"br");
        check("gzip", Some("gzip"), b"gz");
        check("br;q=0, GZIP;q=0.5", Some("gzip"), b"gz");
        check("br;q=0.0", None, b"plain");
        check("", None, b"plain");
        assert_eq!(encoded(&SAMPLE[1], "br, gzip").0, None, "it has no other");
    }

    #[test]
    fn hashed_names_are_kept_for_ever_and_each_form_has_its_own_tag() {
        let asked = head("/assets/app-1a2b.js", &[(ACCEPT_ENCODING, "br")]);
        let response = from(SAMPLE, &asked).expect("it is there");
        assert_eq!(
            said(&response, &CACHE_CONTROL),
            "public, max-age=31536000, immutable"
        );
        assert_eq!(said(&response, &VARY), "Accept-Encoding");
        assert_eq!(said(&response, &CONTENT_ENCODING), "br");
        assert_eq!(said(&response, &ETAG), "\"11br\"");
        assert!(said(&response, &CONTENT_SECURITY_POLICY).starts_with("default-src 'none'"));
        let again = [
            (ACCEPT_ENCODING, "br"),
            (http::header::IF_NONE_MATCH, "\"11br\""),
        ];
        let response = from(SAMPLE, &head("/assets/app-1a2b.js", &again)).expect("it is there");
        assert_eq!(response.status(), StatusCode::NOT_MODIFIED);
        let icon = from(SAMPLE, &head("/icon.svg", &[])).expect("it is there");
        assert_eq!(said(&icon, &CACHE_CONTROL), "no-cache");
        assert!(from(SAMPLE, &head("/assets/gone.js", &[])).is_none());
    }

    #[test]
    fn every_document_has_its_own_nonce_and_no_inline_scripts() {
        let policy = |files| {
            let response = from(files, &head("/", &[(ACCEPT_ENCODING, "br")])).expect("a page");
            assert_eq!(said(&response, &CACHE_CONTROL), "no-cache");
            said(&response, &CONTENT_SECURITY_POLICY).to_owned()
        };
        let (one, two) = (policy(SAMPLE), policy(SAMPLE));
        assert!(one.contains("'nonce-") && one != two, "{one}");
        assert!(!one.contains("unsafe-inline"), "{one}");
        let old = policy(OLD);
        assert!(old.ends_with("style-src 'self' 'unsafe-inline'"), "{old}");
        assert!(
            old.contains("script-src 'self' 'wasm-unsafe-eval';"),
            "{old}"
        );
    }

    #[test]
    fn pages_of_the_application_get_the_document_and_nothing_else_does() {
        let check = |path: &str, accept: &'static str, expected: bool| {
            let found = page_from(SAMPLE, &head(path, &[(ACCEPT, accept)])).is_some();
            assert_eq!(found, expected, "{path} {accept}");
        };
        check("/files/01K4", "text/html", true);
        check("/pipelines/receive", "*/*", false);
        check("/pipelines/scan.v2", "text/html,*/*", true);
        check("/pipelines/scan.v2", "*/*", false);
        check("/robots.txt", "*/*", false);
        check("/api/v1/nothing", "text/html", false);
        check("/assets/gone.js", "text/html", false);
        check("/problems/nothing", "text/html", false);
        check("/apiary", "text/html", true);
        let asks = [(ACCEPT, "text/html")];
        assert!(page_from(&[], &head("/files", &asks)).is_none(), "no page");
    }

    #[test]
    fn the_table_is_sorted_and_its_types_are_those_that_browsers_want() {
        assert!(FILES.is_sorted_by(|one, two| one.path < two.path));
        let check = |ending: &str, mime: &str| {
            for asset in FILES.iter().filter(|asset| asset.path.ends_with(ending)) {
                assert_eq!(asset.mime, mime, "{}", asset.path);
            }
        };
        check(".js", "text/javascript; charset=utf-8");
        check(".mjs", "text/javascript; charset=utf-8");
        check(".css", "text/css; charset=utf-8");
        check(".wasm", "application/wasm");
        check(".svg", "image/svg+xml");
        check(".woff2", "font/woff2");
        let has_page = FILES.iter().any(|asset| asset.path == "/index.html");
        assert_eq!(BUILD != "plain", has_page);
    }
}
