//! The one table of everything that is served. Routing, `Allow`, query checking and `/openapi.json` all read it.

use crate::http::guard::Entry;
use crate::http::handlers::{
    events, files, jobs, pipelines, plugins, session, system, thumbnails, trials,
};
use crate::http::page;
use crate::http::problems;
use crate::http::query::{Form, Parameter, optional, required};
use crate::http::refusal::Kind;
use crate::http::route::{Answer, BodyKind, Route, answer, json, schema_of};
use crate::http::view;
use crate::raw_path::RawPath;
use http::Method;
use percent_encoding::percent_decode_str;
use std::os::unix::ffi::OsStrExt as _;

/// What stands at a path.
pub(crate) enum Found {
    /// The route, and the path's variable parts.
    Route(&'static Route, Vec<(&'static str, String)>),
    /// Other methods, as an `Allow` header.
    OtherMethods(String),
    /// Nothing.
    Nothing,
}

/// Finds the route for a request.
pub(crate) fn find(method: &Method, path: &str) -> Found {
    let mut methods = Vec::new();
    for route in ROUTES {
        let Some(parts) = matches(route.path, path) else {
            continue;
        };
        if route.method == method.as_str() {
            return Found::Route(route, parts);
        }
        methods.push(route.method);
    }
    if methods.is_empty() {
        Found::Nothing
    } else {
        Found::OtherMethods(allow(&methods))
    }
}

fn allow(methods: &[&'static str]) -> String {
    let mut names = methods.to_vec();
    if names.contains(&"GET") {
        names.push("HEAD");
    }
    names.push("OPTIONS");
    names.sort_unstable();
    names.dedup();
    names.join(", ")
}

fn matches(template: &'static str, path: &str) -> Option<Vec<(&'static str, String)>> {
    let mut parts = Vec::new();
    let (mut wanted, mut given) = (template.split('/'), path.split('/'));
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return Some(parts),
            (Some(wanted), Some(given)) => {
                match wanted
                    .strip_prefix('{')
                    .and_then(|name| name.strip_suffix('}'))
                {
                    Some(_) if given.is_empty() => return None,
                    Some(name) => parts.push((name, decode(given))),
                    None if wanted == given => {}
                    None => return None,
                }
            }
            _ => return None,
        }
    }
}

/// A segment's bytes as text; what is not UTF-8 takes the form of [`RawPath::encode`].
fn decode(segment: &str) -> String {
    let bytes: Vec<u8> = percent_decode_str(segment).collect();
    match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => RawPath::from(std::ffi::OsStr::from_bytes(error.as_bytes())).encode(),
    }
}

macro_rules! run {
    ($handler:path) => {
        |call| Box::pin($handler(call))
    };
}

const LAST_EVENT_ID: Parameter = optional(
    "last_event_id",
    "go on after this event id, where the Last-Event-ID header cannot be sent",
);
const TYPES: Parameter = optional(
    "types",
    "only these events, with commas between: job.failed,step.*",
)
.like(Form::EventTypes);
const EVENT_STREAM: &[Answer] = &[Answer {
    status: 200,
    media: "text/event-stream",
    schema: None,
    summary: "the feed: docs/http.md has every event",
}];
const JOB_STREAM: &[Answer] = &[
    EVENT_STREAM[0],
    answer(
        204,
        "the job has ended and the client knows all of it: do not come back",
    ),
];
const CONTENT: &[Answer] = &[
    Answer {
        status: 200,
        media: "*/*",
        schema: None,
        summary: "the content",
    },
    Answer {
        status: 206,
        media: "*/*",
        schema: None,
        summary: "the range",
    },
    answer(304, "not changed"),
];
const PICTURE: &[Answer] = &[
    Answer {
        status: 200,
        media: "image/png",
        schema: None,
        summary: "the picture",
    },
    answer(304, "not changed"),
];
const THUMBNAIL: &[Parameter] = &[
    optional("page", "which page, from 1; 1 where it is absent")
        .like(Form::Number(*thumbnails::PAGES.start(), *thumbnails::PAGES.end())),
    optional("width", "how many pixels wide; 320 where it is absent. The height follows, at most three times as much")
        .like(Form::Number(*thumbnails::WIDTHS.start(), *thumbnails::WIDTHS.end())),
];
const INLINE: &[Parameter] =
    &[optional("inline", "true: to look at instead of to save").like(Form::Word(jobs::YES_NO))];
/// A ULID.
const JOB: Parameter = optional("job", "only this job")
    .like(Form::Pattern("^[0-7][0-9A-HJKMNP-TV-Za-hjkmnp-tv-z]{25}$"));
const AFTER: Parameter = optional("after", "a cursor: the events that follow it")
    .like(Form::Pattern("^[0-9a-f]{8}-(0|[1-9][0-9]{0,17})$"));
const BEFORE: Parameter = optional("before", "the last page's `next`");
const PATH: Parameter =
    required("path", "the file, absolute or from the home").like(Form::Pattern(r"^[^\x00]+$"));
/// One plain name of at most 255 bytes, as file systems take them.
const FILE_NAME: Form =
    Form::Pattern(r"^[^./\\\x00-\x1f\x7f-\x9f][^/\\\x00-\x1f\x7f-\x9f]{0,254}$");

/// A GET route for those who know the token; the starting point of most rows.
const GET: Route = Route {
    method: "GET",
    path: "",
    summary: "",
    entry: Entry::Token,
    query: &[],
    body: BodyKind::None,
    answers: &[],
    refusals: &[],
    handler: run!(page::index),
};
const POST: Route = Route {
    method: "POST",
    answers: &[answer(202, "it will be done; the feed says when")],
    refusals: &[Kind::NotFound, Kind::Conflict],
    ..GET
};

/// Everything that is served, literal paths before variable ones.
#[rustfmt::skip]
pub static ROUTES: &[Route] = &[
    Route { path: "/", summary: "the live page", entry: Entry::Free,
        answers: &[Answer { status: 200, media: "text/html", schema: None, summary: "the page" }], handler: run!(page::index), ..GET },
    Route { path: "/page.js", summary: "the page's script", entry: Entry::Free,
        answers: &[Answer { status: 200, media: "text/javascript", schema: None, summary: "the script" }, answer(304, "not changed")], handler: run!(page::script), ..GET },
    Route { path: "/page.css", summary: "the page's style", entry: Entry::Free,
        answers: &[Answer { status: 200, media: "text/css", schema: None, summary: "the style" }, answer(304, "not changed")], handler: run!(page::style), ..GET },
    Route { path: "/icon.svg", summary: "the page's icon", entry: Entry::Free,
        answers: &[Answer { status: 200, media: "image/svg+xml", schema: None, summary: "the icon" }, answer(304, "not changed")], handler: run!(page::icon), ..GET },
    Route { path: "/favicon.ico", summary: "the page's icon, by its old name", entry: Entry::Free,
        answers: &[Answer { status: 200, media: "image/svg+xml", schema: None, summary: "the icon" }, answer(304, "not changed")], handler: run!(page::icon), ..GET },
    Route { path: "/problems", summary: "the catalogue of problems", entry: Entry::Free,
        answers: &[Answer { status: 200, media: "text/html", schema: None, summary: "the list" }, answer(304, "not changed")], handler: run!(problems::index), ..GET },
    Route { path: "/problems/{slug}", summary: "what a problem means and what to do", entry: Entry::Free,
        answers: &[Answer { status: 200, media: "text/html", schema: None, summary: "the page" }, answer(304, "not changed")], refusals: &[Kind::NotFound], handler: run!(problems::page), ..GET },

    Route { path: "/api/v1/events", summary: "the feed of everything",
        query: &[optional("pipeline", "only this pipeline"), JOB, TYPES, LAST_EVENT_ID],
        answers: EVENT_STREAM, refusals: &[Kind::NotFound, Kind::Unavailable], handler: run!(events::all), ..GET },
    Route { path: "/api/v1/events/history", summary: "the journal's facts as JSON, for where feeds do not get through",
        query: &[AFTER, optional("limit", "at most this many (200)").like(Form::Number(1, 1000)),
            optional("pipeline", "only this pipeline"), JOB, TYPES],
        answers: &[json::<view::system::HistoryView>(200, "the facts, oldest first")], refusals: &[Kind::NotFound, Kind::Gone], handler: run!(events::history), ..GET },
    Route { path: "/api/v1/pipelines/{id}/events", summary: "the feed of one pipeline",
        query: &[TYPES, LAST_EVENT_ID], answers: EVENT_STREAM, refusals: &[Kind::NotFound, Kind::Unavailable], handler: run!(events::of_pipeline), ..GET },
    Route { path: "/api/v1/jobs/{id}/events", summary: "the feed of one job; ends with `end`",
        query: &[TYPES, LAST_EVENT_ID], answers: JOB_STREAM, refusals: &[Kind::NotFound, Kind::Unavailable], handler: run!(events::of_job), ..GET },
    Route { path: "/api/v1/files/events", summary: "the feed of one file by its path, from before it exists",
        query: &[PATH, TYPES, LAST_EVENT_ID],
        answers: EVENT_STREAM, refusals: &[Kind::Unavailable], handler: run!(events::of_file), ..GET },

    Route { path: "/api/v1/pipelines", summary: "all pipelines",
        answers: &[json::<view::pipeline::PipelineListView>(200, "by id")], handler: run!(pipelines::list), ..GET },
    Route { path: "/api/v1/pipelines/check", summary: "all faults of a text, without keeping it",
        query: &[optional("id", "the name it would have")], body: BodyKind::AnyYaml,
        answers: &[json::<view::pipeline::CheckView>(200, "the faults, or none")], handler: run!(pipelines::check), ..POST },
    Route { path: "/api/v1/pipelines/{id}", summary: "one pipeline; `Accept: application/yaml` gives its text",
        answers: &[json::<view::pipeline::PipelineView>(200, "the pipeline"),
            Answer { status: 200, media: "application/yaml", schema: None, summary: "its text" }, answer(304, "not changed")],
        refusals: &[Kind::NotFound], handler: run!(pipelines::one), ..GET },
    Route { method: "PUT", path: "/api/v1/pipelines/{id}", summary: "writes a pipeline; `If-Match: \"TAG\"` or `If-None-Match: *` make it safe",
        body: BodyKind::Yaml,
        answers: &[json::<view::pipeline::PutView>(200, "changed"), json::<view::pipeline::PutView>(201, "created")],
        refusals: &[Kind::Precondition, Kind::PipelineInvalid, Kind::DiskFull], handler: run!(pipelines::put), ..GET },
    Route { method: "DELETE", path: "/api/v1/pipelines/{id}", summary: "removes a pipeline's file; running jobs end by the text they were started with, others wait until the file is back or they are cancelled",
        answers: &[answer(204, "removed")], refusals: &[Kind::NotFound, Kind::Precondition], handler: run!(pipelines::delete), ..GET },
    Route { path: "/api/v1/pipelines/{id}/pause", summary: "no new attempts", body: BodyKind::Json(schema_of::<view::system::Pause>),
        handler: run!(pipelines::pause), ..POST },
    Route { path: "/api/v1/pipelines/{id}/resume", summary: "attempts again", handler: run!(pipelines::resume), ..POST },
    Route { path: "/api/v1/pipelines/{id}/scan", summary: "scans the inbox now", handler: run!(pipelines::scan), ..POST },
    Route { path: "/api/v1/pipelines/{id}/try", summary: "runs one sample without touching folders; a form may bring its own `yaml` beside the `sample`",
        query: &[optional("name", "the sample's name").like(FILE_NAME)], body: BodyKind::File,
        answers: &[json::<view::trial::TryView>(200, "what it became"),
            Answer { status: 200, media: "application/pdf", schema: None, summary: "the first output itself, where `Accept` asks for it" }],
        refusals: &[Kind::NotFound, Kind::PipelineInvalid, Kind::DiskFull], handler: run!(trials::run), ..POST },
    Route { path: "/api/v1/pipelines/{id}/revisions/{revision}", summary: "the text of a revision that was ever current",
        answers: &[Answer { status: 200, media: "application/yaml", schema: None, summary: "its text" }, answer(304, "not changed")],
        refusals: &[Kind::NotFound], handler: run!(pipelines::revision), ..GET },
    Route { path: "/api/v1/trials/{id}", summary: "what a sample became, while it is kept",
        answers: &[json::<view::trial::TryView>(200, "the trial")], refusals: &[Kind::Gone], handler: run!(trials::one), ..GET },
    Route { method: "DELETE", path: "/api/v1/trials/{id}", summary: "lets go of a trial",
        answers: &[answer(204, "it is gone")], handler: run!(trials::forget), ..GET },
    Route { path: "/api/v1/trials/{id}/input", summary: "the sample itself", query: INLINE, answers: CONTENT,
        refusals: &[Kind::Gone, Kind::Range], handler: run!(trials::input), ..GET },
    Route { path: "/api/v1/trials/{id}/outputs/{number}", summary: "an output of the sample, by its place from 0", query: INLINE, answers: CONTENT,
        refusals: &[Kind::NotFound, Kind::Gone, Kind::Range], handler: run!(trials::output), ..GET },
    Route { path: "/api/v1/examples", summary: "the pipelines that come with the program",
        answers: &[json::<Vec<view::pipeline::PipelineExampleView>>(200, "by id")], handler: run!(pipelines::examples), ..GET },
    Route { path: "/api/v1/pipelines/{id}/jobs", summary: "uploads a PDF as a new job: the file as the body, or a form with one file",
        query: &[optional("name", "the file's name; a form's file brings its own").like(FILE_NAME)], body: BodyKind::File,
        answers: &[json::<view::job::JobView>(202, "the job; also its Location")],
        refusals: &[Kind::NotFound, Kind::Conflict, Kind::Unavailable, Kind::DiskFull], handler: run!(pipelines::submit), ..POST },

    Route { path: "/api/v1/jobs", summary: "jobs, newest first",
        query: &[optional("pipeline", "only of this pipeline"), optional("state", "only in these states, with commas between; `open` and `ended` stand for several").like(Form::Words(jobs::STATES)),
            optional("q", "only with this in the file's name"), BEFORE, optional("order", "`created` (the default) or `changed` first").like(Form::Word(jobs::ORDERS)),
            optional("limit", "at most this many (50)").like(Form::Number(1, 500))],
        answers: &[json::<view::job::JobPageView>(200, "the jobs")], handler: run!(jobs::list), ..GET },
    Route { path: "/api/v1/jobs/{id}", summary: "one job",
        answers: &[json::<view::job::JobView>(200, "the job"), answer(304, "not changed")], refusals: &[Kind::NotFound], handler: run!(jobs::one), ..GET },
    Route { path: "/api/v1/jobs/{id}/timeline", summary: "a job's states and attempts with their steps, as spans of time",
        answers: &[json::<view::timeline::TimelineView>(200, "the history"), answer(304, "not changed")], refusals: &[Kind::NotFound], handler: run!(jobs::timeline), ..GET },
    Route { path: "/api/v1/jobs/{id}/cancel", summary: "ends a job that has not ended", handler: run!(jobs::cancel), ..POST },
    Route { path: "/api/v1/jobs/{id}/retry", summary: "queues a failed or cancelled job again", refusals: &[Kind::NotFound, Kind::Conflict, Kind::Unavailable], handler: run!(jobs::retry), ..POST },
    Route { path: "/api/v1/jobs/{id}/restore", summary: "puts a job's original back into its inbox",
        answers: &[json::<view::system::RestoredView>(200, "where it lies now")], refusals: &[Kind::NotFound, Kind::Conflict, Kind::Unavailable], handler: run!(jobs::restore), ..POST },
    Route { path: "/api/v1/jobs/{id}/input", summary: "the original", query: INLINE, answers: CONTENT,
        refusals: &[Kind::NotFound, Kind::Gone, Kind::Range], handler: run!(jobs::input), ..GET },
    Route { path: "/api/v1/jobs/{id}/artifacts/{name}", summary: "a file that the job put out", query: INLINE, answers: CONTENT,
        refusals: &[Kind::NotFound, Kind::Gone, Kind::Range], handler: run!(jobs::artifact), ..GET },
    Route { path: "/api/v1/jobs/{id}/input/thumbnail", summary: "a picture of a page of the original", query: THUMBNAIL, answers: PICTURE,
        refusals: &[Kind::NotFound, Kind::Gone, Kind::NotDrawable, Kind::Unavailable], handler: run!(thumbnails::input), ..GET },
    Route { path: "/api/v1/jobs/{id}/artifacts/{name}/thumbnail", summary: "a picture of a page of a document that the job put out", query: THUMBNAIL, answers: PICTURE,
        refusals: &[Kind::NotFound, Kind::Gone, Kind::UnsupportedMedia, Kind::NotDrawable, Kind::Unavailable], handler: run!(thumbnails::artifact), ..GET },
    Route { path: "/api/v1/jobs/{id}/log", summary: "the job's log as text; `Accept: application/json` gives lines",
        query: &[optional("after", "only lines after this number (JSON)").like(Form::Number(0, u64::MAX)), optional("limit", "at most this many lines (1000) (JSON)").like(Form::Number(1, 5000)),
            optional("level", "only lines of this level or worse").like(Form::Word(jobs::LEVELS)), optional("step", "only lines of this step")],
        answers: &[Answer { status: 200, media: "text/plain", schema: None, summary: "all of it" },
            Answer { status: 206, media: "text/plain", schema: None, summary: "the range" },
            json::<view::system::LogView>(200, "some lines"), answer(304, "not changed")],
        refusals: &[Kind::NotFound, Kind::Range], handler: run!(jobs::log), ..GET },

    Route { path: "/api/v1/files", summary: "files in inboxes that are no jobs (yet), and why",
        query: &[optional("pipeline", "only of this pipeline's inbox"), optional("state", "only in these states, with commas between").like(Form::Words(files::STATES)),
            optional("limit", "at most this many (200)").like(Form::Number(1, 1000))],
        answers: &[json::<view::pipeline::WaitingFileListView>(200, "the files")], handler: run!(files::list), ..GET },
    Route { path: "/api/v1/files/explain", summary: "why a file has (not) been processed",
        query: &[PATH],
        answers: &[json::<view::pipeline::ExplanationView>(200, "the chain of decisions")], handler: run!(files::explain), ..GET },
    Route { path: "/api/v1/plugins", summary: "installed plugins, and files that are none",
        answers: &[json::<view::plugin::PluginListView>(200, "both lists")], handler: run!(plugins::list), ..GET },
    Route { path: "/api/v1/operations", summary: "operations of all installed plugins",
        query: &[optional("plugin", "only of this plugin")],
        answers: &[json::<Vec<view::plugin::OperationView>>(200, "the operations")], handler: run!(plugins::operations), ..GET },
    Route { path: "/api/v1/schema/pipeline.json", summary: "JSON Schema of pipeline files", entry: Entry::Token,
        answers: &[Answer { status: 200, media: "application/schema+json", schema: None, summary: "the schema" }, answer(304, "not changed")], handler: run!(plugins::schema), ..GET },
    Route { path: "/api/v1/openapi.json", summary: "this description", entry: Entry::Token,
        answers: &[Answer { status: 200, media: "application/json", schema: None, summary: "OpenAPI 3.1" }], handler: run!(system::openapi), ..GET },

    Route { method: "POST", path: "/api/v1/session", summary: "exchanges the token for a session cookie", entry: Entry::OwnPages,
        body: BodyKind::Json(schema_of::<view::system::Login>), answers: &[answer(204, "the cookie is set")], refusals: &[Kind::Unauthorized], handler: run!(session::open), ..GET },
    Route { method: "DELETE", path: "/api/v1/session", summary: "ends the session", entry: Entry::OwnPages,
        answers: &[answer(204, "the cookie is gone")], handler: run!(session::close), ..GET },

    Route { path: "/api/v1/healthz", summary: "how the daemon is", entry: Entry::Free,
        answers: &[json::<view::system::HealthView>(200, "it lives")], handler: run!(system::health), ..GET },
    Route { path: "/api/v1/readyz", summary: "whether it takes work", entry: Entry::Free,
        answers: &[json::<view::system::HealthView>(200, "it does")], refusals: &[Kind::Unavailable], handler: run!(system::ready), ..GET },
    Route { path: "/api/v1/stats", summary: "the numbers at a glance; the feed's `stats` event says the same when it changes",
        answers: &[json::<view::stats::StatsView>(200, "the numbers")], refusals: &[Kind::Unavailable], handler: run!(system::stats), ..GET },
    Route { path: "/api/v1/metrics", summary: "numbers for Prometheus",
        answers: &[Answer { status: 200, media: "text/plain", schema: None, summary: "text format 0.0.4" }], handler: run!(system::metrics), ..GET },
    Route { path: "/healthz", summary: "the same, where probes look for it", entry: Entry::Free,
        answers: &[json::<view::system::HealthView>(200, "it lives")], handler: run!(system::health), ..GET },
    Route { path: "/readyz", summary: "the same, where probes look for it", entry: Entry::Free,
        answers: &[json::<view::system::HealthView>(200, "it does")], refusals: &[Kind::Unavailable], handler: run!(system::ready), ..GET },
    Route { path: "/metrics", summary: "the same, where Prometheus looks for it",
        answers: &[Answer { status: 200, media: "text/plain", schema: None, summary: "text format 0.0.4" }], handler: run!(system::metrics), ..GET },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_match_segment_by_segment() {
        let check = |template, path: &str, expected: Option<&[(&str, &str)]>| {
            let got = matches(template, path);
            let got = got.as_ref().map(|parts| {
                parts
                    .iter()
                    .map(|(key, value)| (*key, value.as_str()))
                    .collect::<Vec<_>>()
            });
            assert_eq!(got.as_deref(), expected, "{template} {path}");
        };
        check("/", "/", Some(&[]));
        check("/a/{id}", "/a/x", Some(&[("id", "x")]));
        check("/a/{id}", "/a/", None);
        check("/a/{id}", "/a/x/", None);
        check("/a/{id}/b", "/a/x%20y/b", Some(&[("id", "x y")]));
        check("/a/{id}", "/a/x%2Fy", Some(&[("id", "x/y")]));
        check("/a/{id}", "/a/%ff", Some(&[("id", "bytes:\\xff")]));
        check("/a/{id}", "/a/100%", Some(&[("id", "100%")]));
    }

    #[test]
    fn unknown_methods_and_paths_are_told_apart() {
        let text = |method: Method, path: &str| match find(&method, path) {
            Found::Route(route, _) => route.path.to_owned(),
            Found::OtherMethods(allowed) => allowed,
            Found::Nothing => "nothing".into(),
        };
        assert_eq!(
            text(Method::GET, "/api/v1/pipelines/x"),
            "/api/v1/pipelines/{id}"
        );
        assert_eq!(
            text(Method::POST, "/api/v1/pipelines/check"),
            "/api/v1/pipelines/check"
        );
        assert_eq!(
            text(Method::GET, "/api/v1/pipelines/check"),
            "/api/v1/pipelines/{id}"
        );
        assert_eq!(
            text(Method::PATCH, "/api/v1/pipelines/x"),
            "DELETE, GET, HEAD, OPTIONS, PUT"
        );
        assert_eq!(text(Method::GET, "/api/v1/jobs/x/cancel"), "OPTIONS, POST");
        assert_eq!(text(Method::GET, "/api/v2/jobs"), "nothing");
    }

    #[test]
    fn no_two_rows_are_the_same_and_literals_come_first() {
        for (index, route) in ROUTES.iter().enumerate() {
            for earlier in &ROUTES[..index] {
                assert!(
                    earlier.method != route.method || matches(earlier.path, route.path).is_none(),
                    "{} hides {} {}",
                    earlier.path,
                    route.method,
                    route.path
                );
            }
        }
    }
}
