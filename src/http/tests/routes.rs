//! What every route promises alike, and the description of them all.

mod access;

use super::*;
use crate::event::PipelineEvent;
use crate::http::openapi;
use crate::http::route::{BodyKind, Route};
use crate::http::routes::ROUTES;
use serde_json::json;
use std::sync::OnceLock;

const TRIAL: &str = "01K4TRIAL";
const REVISION: &str = "8899aabbccddeeff";

fn document() -> &'static Value {
    static DOCUMENT: OnceLock<Value> = OnceLock::new();
    DOCUMENT.get_or_init(|| openapi::document(ROUTES))
}

/// A path with its variable parts filled in.
fn path(route: &Route, job: JobId) -> String {
    let path = if route.path.contains("/jobs/{id}") {
        route.path.replace("{id}", &job.to_string())
    } else if route.path.contains("/trials/{id}") {
        route.path.replace("{id}", TRIAL)
    } else {
        route.path.replace("{id}", "receive")
    };
    let path = path
        .replace("{name}", "a.pdf")
        .replace("{number}", "0")
        .replace("{revision}", REVISION)
        .replace("{slug}", "not-found");
    let query: Vec<String> = route
        .query
        .iter()
        .filter(|parameter| parameter.required)
        .map(|parameter| format!("{}=inbox/a.pdf", parameter.name))
        .collect();
    if query.is_empty() {
        path
    } else {
        format!("{path}?{}", query.join("&"))
    }
}

fn request(route: &Route, job: JobId) -> warp::test::RequestBuilder {
    let mut path = path(route, job);
    let body = match route.body {
        BodyKind::None => "",
        BodyKind::Json(_) if route.path.ends_with("session") => r#"{"token":"x"}"#,
        BodyKind::Json(_) => "{}",
        BodyKind::Yaml | BodyKind::AnyYaml => "steps: []",
        BodyKind::File => {
            path.push_str("?name=a.pdf");
            "%PDF-"
        }
    };
    warp::test::request()
        .method(route.method)
        .path(&path)
        .body(body)
}

fn schema_of<'a>(route: &Route, answer: &Answered) -> Option<&'a Value> {
    let response = &document()["paths"][route.path][route.method.to_ascii_lowercase()]["responses"]
        [answer.status().as_str()];
    let response = match response["$ref"].as_str() {
        Some(reference) => document().pointer(reference.trim_start_matches('#'))?,
        None => response,
    };
    let media = header(answer, "content-type").split(';').next()?;
    response["content"][media].get("schema")
}

fn check(schema: &Value, value: &Value, what: &str) {
    let mut whole = schema.clone();
    whole["components"] = document()["components"].clone();
    let validator = jsonschema::draft202012::new(&whole).expect("a valid schema");
    let faults: Vec<_> = validator
        .iter_errors(value)
        .map(|fault| fault.to_string())
        .collect();
    assert!(faults.is_empty(), "{what}: {faults:?}\n{value:#}");
}

/// A daemon in which every route has something to show, and its one job.
async fn filled() -> (World, JobId) {
    let world = World::new();
    let job = world.finished(1, "a.pdf", b"%PDF-out", b"%PDF-in").await;
    let event = Event::Pipeline {
        pipeline: "receive".into(),
        what: PipelineEvent::Loaded {
            revision: REVISION.into(),
            yaml: "steps: []".into(),
        },
    };
    let unit = vec![Draft { at: AT, event }];
    world
        .api
        .store
        .append(unit)
        .await
        .expect("a possible event");
    let tried = world
        .post("/api/v1/pipelines/receive/try", "%PDF-sample")
        .await;
    assert_eq!(json(&tried)["id"], TRIAL);
    (world, job)
}

#[tokio::test]
async fn every_route_answers_as_it_is_described() {
    for route in ROUTES {
        if route
            .answers
            .iter()
            .any(|answer| answer.media == "text/event-stream")
        {
            continue;
        }
        let (world, job) = filled().await;
        let what = format!("{} {}", route.method, route.path);
        let answer = world.send(request(route, job)).await;
        let status = answer.status().as_u16();
        let described = &document()["paths"][route.path][route.method.to_ascii_lowercase()];
        assert!(
            !described["responses"][answer.status().as_str()].is_null(),
            "{what}: {status} is not described: {}",
            String::from_utf8_lossy(answer.body())
        );
        assert!(status < 300 || status == 409, "{what}: {status}");
        assert_eq!(
            header(&answer, "x-content-type-options"),
            "nosniff",
            "{what}"
        );
        assert_eq!(header(&answer, "x-request-id").len(), 26, "{what}");
        if let Some(schema) = schema_of(route, &answer) {
            check(schema, &json(&answer), &what);
        }
    }
}

#[tokio::test]
async fn every_get_route_answers_head_without_a_body() {
    for route in ROUTES.iter().filter(|route| route.method == "GET") {
        let (world, job) = filled().await;
        let answer = world.send(request(route, job).method("HEAD")).await;
        assert_eq!(answer.status(), 200, "{}", route.path);
        assert!(answer.body().is_empty(), "{}", route.path);
    }
}

#[tokio::test]
async fn head_tells_the_length_that_get_has() {
    let world = World::new();
    let full = world.get("/api/v1/pipelines").await;
    let head = world
        .send(
            warp::test::request()
                .method("HEAD")
                .path("/api/v1/pipelines"),
        )
        .await;
    assert_eq!(
        header(&head, "content-length"),
        full.body().len().to_string()
    );
}

#[test]
fn the_description_holds_together() {
    let text = document().to_string();
    for reference in text.split("\"$ref\":\"#").skip(1) {
        let pointer = reference.split('"').next().expect("a closing quote");
        assert!(
            document().pointer(pointer).is_some(),
            "`{pointer}` leads nowhere"
        );
    }
    let mut ids = std::collections::BTreeSet::new();
    for route in ROUTES {
        let operation = &document()["paths"][route.path][route.method.to_ascii_lowercase()];
        let id = operation["operationId"].as_str().expect("an id");
        assert!(ids.insert(id), "`{id}` twice");
        assert!(
            !route.summary.is_empty() && !route.answers.is_empty(),
            "{}",
            route.path
        );
    }
    assert!(
        document()
            .pointer("/components/schemas/SnapshotView")
            .is_some()
    );
}

#[tokio::test]
async fn job_problems_are_described_too() {
    let world = World::new();
    let job = world.finished(1, "a.pdf", b"x", b"y").await;
    let answer = world.get(&format!("/api/v1/jobs/{job}")).await;
    let schema = json!({ "$ref": "#/components/schemas/JobView" });
    check(&schema, &json(&answer), "a job");
    assert_eq!(json(&answer)["state"], "succeeded");
    assert_eq!(json(&answer)["createdAt"], "2025-11-22T05:10:11.123Z");
}

#[tokio::test]
async fn what_is_not_there_is_a_problem_with_a_page() {
    let world = World::new();
    let missing = problem(&world.get("/nothing/here").await, 404, "not-found");
    assert_eq!(missing["detail"], "there is nothing at `/nothing/here`");
    for path in [
        "/api/v1/jobs/x",
        "/api/v1/jobs/00000000000000000000000009",
        "/api/v1/pipelines/nope",
    ] {
        problem(&world.get(path).await, 404, "not-found");
    }
    let near = problem(
        &world.get("/api/v1/pipelines/recieve").await,
        404,
        "not-found",
    );
    assert_eq!(near["hint"], "did you mean `receive`?");
    let page = world.get("/problems/not-found").await;
    assert_eq!(page.status(), 200);
    assert!(header(&page, "content-security-policy").contains("script-src 'self'"));
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused_as_it_is_described() {
    let takes_small = |route: &&Route| matches!(route.body, BodyKind::Json(_) | BodyKind::Yaml);
    for route in ROUTES.iter().filter(takes_small) {
        let (world, job) = filled().await;
        let large = " ".repeat((1 << 20) + 1);
        let answer = world.send(request(route, job).body(large)).await;
        problem(&answer, 413, "too-large");
        let method = route.method.to_ascii_lowercase();
        let described = &document()["paths"][route.path][method]["responses"];
        assert!(!described["413"].is_null(), "{}", route.path);
    }
}

#[tokio::test]
async fn other_methods_are_told_which_there_are() {
    let world = World::new();
    let request = warp::test::request()
        .method("PATCH")
        .path("/api/v1/pipelines/receive");
    let answer = world.send(request).await;
    problem(&answer, 405, "method-not-allowed");
    assert_eq!(header(&answer, "allow"), "DELETE, GET, HEAD, OPTIONS, PUT");
    let answer = world
        .send(warp::test::request().method("OPTIONS").path("/api/v1/jobs"))
        .await;
    assert_eq!(answer.status(), 204);
    assert_eq!(header(&answer, "allow"), "GET, HEAD, OPTIONS");
}

#[tokio::test]
async fn queries_are_checked() {
    let world = World::new();
    let check = async |path: &str, detail: &str| {
        let document = problem(&world.get(path).await, 400, "bad-request");
        assert_eq!(document["detail"], detail, "{path}");
    };
    check(
        "/api/v1/jobs?limit=0",
        "`limit` is `0`, but must be a whole number from 1 to 500",
    )
    .await;
    check("/api/v1/jobs?state=runing", "`runing` is not a state").await;
    check(
        "/api/v1/jobs?piepline=x",
        "the query parameter `piepline` is not known here",
    )
    .await;
    check(
        "/api/v1/events?types=job.fialed",
        "`job.fialed` is not a type of event",
    )
    .await;
    check(
        "/api/v1/files/explain",
        "the query parameter `path` is missing",
    )
    .await;
}

#[tokio::test]
async fn a_job_and_a_pipeline_that_is_not_its_own_are_a_feed_of_nothing() {
    let world = World::new();
    let job = world.finished(1, "a.pdf", b"x", b"y").await;
    let path = |pipeline: &str| format!("/api/v1/events/history?job={job}&pipeline={pipeline}");
    assert_eq!(world.get(&path("receive")).await.status(), 200);
    let document = problem(&world.get(&path("other")).await, 404, "not-found");
    assert_eq!(
        document["detail"],
        format!("job `{job}` is not of pipeline `other`")
    );
}

#[tokio::test]
async fn jobs_come_page_by_page() {
    let world = World::new();
    for number in 1..=5 {
        world.finished(number, "a.pdf", b"x", b"y").await;
    }
    let mut path = "/api/v1/jobs?limit=2&state=succeeded".to_owned();
    let mut seen = Vec::new();
    loop {
        let answer = world.get(&path).await;
        let page = json(&answer);
        seen.extend(
            page["jobs"]
                .as_array()
                .expect("a list")
                .iter()
                .map(|job| job["id"].clone()),
        );
        assert_eq!(page["cursor"], world.cursor(25));
        let Some(next) = page["next"].as_str() else {
            assert_eq!(header(&answer, "link"), "");
            break;
        };
        path = format!("/api/v1/jobs?limit=2&state=succeeded&before={next}");
        assert_eq!(header(&answer, "link"), format!("<{path}>; rel=\"next\""));
    }
    let expected: Vec<Value> = (1..=5)
        .rev()
        .map(|number| json!(id(number).to_string()))
        .collect();
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn what_cannot_be_done_now_is_a_conflict() {
    let world = World::new();
    let job = world.finished(1, "a.pdf", b"x", b"y").await;
    let answer = world.post(&format!("/api/v1/jobs/{job}/cancel"), "").await;
    let document = problem(&answer, 409, "conflict");
    assert_eq!(document["detail"], format!("job `{job}` is succeeded"));
}

#[tokio::test]
async fn files_are_explained_by_their_true_path() {
    let world = World::new();
    let home = world.fake.home.path().display().to_string();
    let check = async |query: &str, expected: String| {
        let answer = json(
            &world
                .get(&format!("/api/v1/files/explain?path={query}"))
                .await,
        );
        assert_eq!(answer["path"], expected);
        assert_eq!(answer["chain"][1]["ok"], false);
    };
    check(
        "inbox/receive/../a%20b.pdf",
        format!("{home}/inbox/a b.pdf"),
    )
    .await;
    check("/srv/%E2%82%AC.pdf", "/srv/€.pdf".into()).await;
    check("/srv/%ff.pdf", "bytes:/srv/\\xff.pdf".into()).await;
    check("bytes:/srv/%5Cxff.pdf", "bytes:/srv/\\xff.pdf".into()).await;
}

#[tokio::test]
async fn numbers_are_for_prometheus() {
    let world = World::new();
    let answer = world.get("/metrics").await;
    let text = String::from_utf8_lossy(answer.body()).into_owned();
    assert!(header(&answer, "content-type").starts_with("text/plain; version=0.0.4"));
    for line in [
        "# TYPE dropleaf_jobs gauge",
        "dropleaf_jobs{state=\"queued\"} 0",
        "dropleaf_http_requests_total 1",
    ] {
        assert!(
            text.lines().any(|known| known == line),
            "{line} is not in\n{text}"
        );
    }
}

#[test]
fn the_committed_description_is_that_of_the_routes() {
    let committed = include_str!("../../../docs/openapi.json");
    let now = serde_json::to_string_pretty(document()).expect("json");
    assert!(
        committed.trim_end() == now,
        "docs/openapi.json is out of date: `cargo run -- openapi > docs/openapi.json`"
    );
}

#[test]
fn members_that_may_be_absent_are_never_null_in_the_description() {
    let job = &document()["components"]["schemas"]["JobView"];
    assert_eq!(job["properties"]["etaMs"]["type"], "integer");
    assert!(
        job["properties"]["problem"]["anyOf"].is_array(),
        "null and required: {}",
        job["properties"]["problem"]
    );
    let required = job["required"].as_array().expect("a list");
    assert!(required.contains(&json!("problem")) && !required.contains(&json!("etaMs")));
}

#[tokio::test]
async fn a_revision_belongs_to_a_pipeline_that_was_there() {
    let (world, _) = filled().await;
    let mut found = Vec::new();
    for id in ["receive", "nosuch", "..%2f..%2fetc%2fpasswd"] {
        let path = format!("/api/v1/pipelines/{id}/revisions/{REVISION}");
        found.push(world.get(&path).await.status().as_u16());
    }
    assert_eq!(found, [200, 404, 404]);
}
