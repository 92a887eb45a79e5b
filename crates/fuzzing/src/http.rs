//! Requests, over the real routes and a real journal, to a daemon that has nothing.

mod nobody;

use arbitrary::{Arbitrary, Unstructured};
use dropleaf::feed::Feed;
use dropleaf::http::api::Api;
use dropleaf::http::config::Config;
use dropleaf::http::filters;
use dropleaf::http::query::Query;
use dropleaf::http::routes::ROUTES;
use dropleaf::http::view;
use dropleaf::raw_path::RawPath;
use dropleaf::statistics::Statistics;
use dropleaf::store::open::Journal;
use dropleaf::store::{Store, config};
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use nobody::Nobody;
use std::sync::{Arc, LazyLock};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use warp::filters::BoxedFilter;
use warp::reply::Response;

/// One request: which route, what stands for the variable parts of its path, what behind the `?`, which headers.
#[derive(Arbitrary, Debug)]
struct Request<'a> {
    route: u8,
    method: u8,
    parts: [&'a str; 2],
    query: Vec<Pair<'a>>,
    raw_query: Option<&'a str>,
    headers: Vec<(u8, &'a [u8])>,
    body: &'a [u8],
}

/// A parameter: one that the route knows, or any.
#[derive(Arbitrary, Debug)]
enum Pair<'a> {
    Known(u8, &'a [u8]),
    Any(&'a str, &'a [u8]),
}

const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"];

const HEADERS: [HeaderName; 14] = [
    http::header::RANGE,
    http::header::IF_RANGE,
    http::header::IF_MATCH,
    http::header::IF_NONE_MATCH,
    http::header::ACCEPT,
    http::header::ACCEPT_ENCODING,
    http::header::AUTHORIZATION,
    http::header::COOKIE,
    http::header::CONTENT_LENGTH,
    http::header::CONTENT_TYPE,
    http::header::HOST,
    http::header::ORIGIN,
    HeaderName::from_static("last-event-id"),
    HeaderName::from_static("sec-fetch-site"),
];

/// `data` is a request.
///
/// # Panics
/// It is answered as a fault of the daemon (500), or refused without a problem document; a parameter is read as what it
/// is not; a path does not survive its text form.
pub fn check(data: &[u8]) {
    let Ok(request) = Request::arbitrary(&mut Unstructured::new(data)) else {
        return;
    };
    let route = &ROUTES[usize::from(request.route) % ROUTES.len()];
    let query = query_of(&request, route.query);
    read(&query, route.query);
    ask(&request, route.path, &query);
}

fn query_of(request: &Request<'_>, known: &[dropleaf::http::query::Parameter]) -> String {
    if let Some(raw) = request.raw_query {
        return raw.to_owned();
    }
    let pairs = request.query.iter().map(|pair| {
        let (name, value) = match pair {
            Pair::Known(at, value) if !known.is_empty() => {
                (known[usize::from(*at) % known.len()].name, value)
            }
            Pair::Known(_, value) => ("limit", value),
            Pair::Any(name, value) => (*name, value),
        };
        format!("{}={}", escaped(name.as_bytes()), escaped(value))
    });
    pairs.collect::<Vec<_>>().join("&")
}

fn escaped(bytes: &[u8]) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~,*:/+".contains(&byte);
    bytes.iter().fold(String::new(), |mut text, &byte| {
        if plain(byte) {
            text.push(byte.into());
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
        text
    })
}

/// Every way in which a handler can read a parameter.
fn read(raw: &str, known: &[dropleaf::http::query::Parameter]) {
    let Ok(query) = Query::parse(raw, known) else {
        return;
    };
    for parameter in known {
        let text = query.text(parameter.name);
        if let Ok(Some(text)) = &text {
            assert!(!text.is_empty());
        }
        if let Ok(number) = query.number(parameter.name, 3..=1000, 5) {
            assert!((3..=1000).contains(&number));
        }
        if let Ok(list) = query.list(parameter.name) {
            assert!(
                list.iter()
                    .all(|word| !word.is_empty() && !word.contains(','))
            );
        }
        if let Ok(Some(path)) = query.path(parameter.name) {
            let form = RawPath(path).encode();
            assert_eq!(RawPath::decode(&form).encode(), form);
            assert!(!form.contains('\0'));
        }
    }
}

fn ask(request: &Request<'_>, template: &str, query: &str) {
    let mut parts = request.parts.iter();
    let path: Vec<String> = template
        .split('/')
        .map(|segment| match segment.strip_prefix('{') {
            Some(_) => escaped(parts.next().unwrap_or(&"x").as_bytes()),
            None => segment.to_owned(),
        })
        .collect();
    let mut uri = path.join("/");
    if !query.is_empty() {
        uri = format!("{uri}?{query}");
    }
    if uri.parse::<http::Uri>().is_err() {
        return;
    }
    let method = METHODS[usize::from(request.method) % METHODS.len()];
    let mut sent = warp::test::request().method(method).path(&uri);
    let mut has_host = false;
    for (name, value) in &request.headers {
        let name = &HEADERS[usize::from(*name) % HEADERS.len()];
        if let Ok(value) = HeaderValue::from_bytes(value) {
            has_host |= name == http::header::HOST;
            sent = sent.header(name, value);
        }
    }
    if !has_host {
        sent = sent.header("host", "localhost:7311");
    }
    let world = &*WORLD;
    let answered = sent.body(request.body).filter(&world.routes);
    let response = world
        .runtime
        .block_on(answered)
        .expect("a filter always answers");
    judge(&response, method, &uri);
}

fn judge(response: &Response, method: &str, uri: &str) {
    let status = response.status();
    assert_ne!(status.as_u16(), 500, "{method} {uri}");
    if status.is_client_error() || status.is_server_error() {
        let media = response.headers().get(CONTENT_TYPE);
        let media = media
            .and_then(|media| media.to_str().ok())
            .unwrap_or_default();
        assert_eq!(
            media, "application/problem+json",
            "{method} {uri}: {status}"
        );
    }
    for (name, value) in response.headers() {
        assert!(value.len() < 64 << 10, "{method} {uri}: {name} is long");
    }
}

struct World {
    runtime: Runtime,
    routes: BoxedFilter<(Response,)>,
    _home: TempDir,
}

static WORLD: LazyLock<World> = LazyLock::new(|| {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime");
    let home = tempfile::tempdir().expect("a temporary folder");
    let routes = runtime.block_on(async { routes(&home) });
    World {
        runtime,
        routes,
        _home: home,
    }
});

fn routes(home: &TempDir) -> BoxedFilter<(Response,)> {
    let state = config::Config {
        ballast: 0,
        ..config::Config::new(home.path().join("state"))
    };
    let (journal, opening) = Journal::open(&state).expect("a journal");
    let statistics = Statistics::default();
    let views = view::feed(&statistics, None);
    let feed = Feed::new(
        dropleaf::feed::config::Config::default(),
        views,
        &opening.epoch,
        opening.head,
    );
    let told = feed.clone();
    let store = Store::start(journal, Box::new(move |events| told.publish(events)));
    let api = Api::new(
        Arc::new(Nobody::new(home.path())),
        store.expect("a writer"),
        feed,
        statistics,
        home.path().to_path_buf(),
        Config::default(),
    );
    filters::all(api)
}
