//! Texts of pipelines, uploads and trials.

use super::*;

const GOOD: &str = "steps: [{ uses: repair }]";

fn put(path: &str, body: &str) -> warp::test::RequestBuilder {
    warp::test::request().method("PUT").path(path).body(body)
}

#[tokio::test]
async fn a_pipeline_is_changed_only_from_what_it_was() {
    let world = World::new();
    let path = "/api/v1/pipelines/receive";
    let first = world.get(path).await;
    let tag = header(&first, "etag").to_owned();
    assert!(
        json(&first)["yaml"]
            .as_str()
            .expect("text")
            .contains("steps")
    );

    let changed = world.send(put(path, GOOD).header("if-match", &tag)).await;
    assert_eq!(changed.status(), 200);
    let stale = world.send(put(path, GOOD).header("if-match", &tag)).await;
    problem(&stale, 412, "precondition-failed");
    let exists = world
        .send(put(path, GOOD).header("if-none-match", "*"))
        .await;
    problem(&exists, 412, "precondition-failed");

    let created = world
        .send(put("/api/v1/pipelines/new", GOOD).header("if-none-match", "*"))
        .await;
    assert_eq!(created.status(), 201);
    assert_eq!(header(&created, "location"), "/api/v1/pipelines/new");
    let missing = world
        .send(put("/api/v1/pipelines/other", GOOD).header("if-match", "*"))
        .await;
    problem(&missing, 412, "precondition-failed");

    let text = world
        .get_with("/api/v1/pipelines/new", "accept", "application/yaml")
        .await;
    assert_eq!(text.body(), GOOD.as_bytes());
    let tag = header(&text, "etag").to_owned();
    let known = warp::test::request()
        .path("/api/v1/pipelines/new")
        .header("accept", "application/yaml")
        .header("if-none-match", tag);
    let known = world.send(known).await;
    assert_eq!(known.status(), 304);
    let other_form = world.get("/api/v1/pipelines/new").await;
    for answer in [&text, &known, &other_form] {
        assert_eq!(header(answer, "vary"), "Accept");
    }
    let deleted = world
        .send(
            warp::test::request()
                .method("DELETE")
                .path("/api/v1/pipelines/new"),
        )
        .await;
    assert_eq!(deleted.status(), 204);
}

#[tokio::test]
async fn all_faults_are_told_at_once_with_their_places() {
    let world = World::new();
    let answer = world
        .send(put("/api/v1/pipelines/receive", "watch: {}"))
        .await;
    let document = problem(&answer, 422, "pipeline-invalid");
    assert_eq!(document["errors"][0]["message"], "`steps` is missing");
    assert_eq!(document["errors"][0]["line"], 1);
    let check = json(
        &world
            .post("/api/v1/pipelines/check?id=receive", "watch: {}")
            .await,
    );
    assert_eq!(check["valid"], false);
    assert_eq!(check["faults"][0]["file"], "receive.yaml");
    let check = json(&world.post("/api/v1/pipelines/check", GOOD).await);
    assert_eq!(check["valid"], true);
}

#[tokio::test]
async fn texts_that_are_too_long_or_no_yaml_are_refused() {
    let world = World::new();
    let long = "#".repeat((1 << 20) + 1);
    problem(
        &world.post("/api/v1/pipelines/check", &long).await,
        413,
        "too-large",
    );
    let json = put("/api/v1/pipelines/receive", "{}").header("content-type", "application/json");
    problem(&world.send(json).await, 415, "unsupported-media");
}

#[tokio::test]
async fn a_pipeline_is_paused_with_a_reason() {
    let world = World::new();
    let path = "/api/v1/pipelines/receive";
    let answer = world
        .post(&format!("{path}/pause"), r#"{"reason":"scanner broken"}"#)
        .await;
    assert_eq!(answer.status(), 202);
    assert_eq!(json(&world.get(path).await)["paused"], "scanner broken");
    world.post(&format!("{path}/resume"), "").await;
    assert!(json(&world.get(path).await)["paused"].is_null());
    problem(
        &world.post(&format!("{path}/pause"), "[]").await,
        400,
        "bad-request",
    );
    problem(
        &world.post("/api/v1/pipelines/nope/scan", "").await,
        404,
        "not-found",
    );
}

fn leftovers(world: &World) -> usize {
    std::fs::read_dir(world.fake.home.path())
        .expect("the home")
        .count()
}

/// Nothing more is left than before. What an upload leaves is removed beside its answer, where blocking is allowed.
async fn nothing_is_left(world: &World, before: usize) {
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while leftovers(world) != before {
        let now = std::time::Instant::now();
        assert!(
            now < deadline,
            "{} files, {before} before",
            leftovers(world)
        );
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
}

#[tokio::test]
async fn an_upload_becomes_a_job() {
    let world = World::new();
    let path = "/api/v1/pipelines/receive/jobs?name=%C3%9C%201.pdf";
    let answer = world.post(path, "%PDF-1.7 content").await;
    assert_eq!(answer.status(), 202, "{answer:?}");
    let job = json(&answer);
    assert_eq!(job["name"], "Ü 1.pdf");
    assert_eq!(job["input"]["size"], 16);
    assert_eq!(job["origin"], "upload");
    let location = header(&answer, "location").to_owned();
    assert_eq!(world.get(&location).await.status(), 200);
    let input = world.get(&format!("{location}/input")).await;
    assert_eq!(input.body(), &b"%PDF-1.7 content"[..]);
}

fn form(parts: &[(&str, Option<&str>, &str)]) -> warp::test::RequestBuilder {
    let mut body = String::new();
    for (name, file, content) in parts {
        let file = file.map_or_else(String::new, |file| format!("; filename=\"{file}\""));
        body.push_str(&format!(
            "--B\r\nContent-Disposition: form-data; name=\"{name}\"{file}\r\n\r\n{content}\r\n"
        ));
    }
    body.push_str("--B--\r\n");
    warp::test::request()
        .method("POST")
        .header("content-type", "multipart/form-data; boundary=B")
        .body(body)
}

#[tokio::test]
async fn a_form_brings_its_own_name() {
    let world = World::new();
    let path = "/api/v1/pipelines/receive/jobs";
    let parts = [
        ("note", None, "x"),
        ("file", Some("C:\\scans\\a.pdf"), "%PDF-form"),
    ];
    let answer = world.send(form(&parts).path(path)).await;
    assert_eq!(answer.status(), 202, "{answer:?}");
    assert_eq!(json(&answer)["name"], "a.pdf");
    assert_eq!(json(&answer)["input"]["size"], 9);
    for bad in [
        &[("note", None, "x")][..],
        &[("a", Some("a.pdf"), "%PDF-"), ("b", Some("b.pdf"), "%PDF-")],
        &[("a", Some("a.pdf"), "")],
    ] {
        let before = leftovers(&world);
        problem(&world.send(form(bad).path(path)).await, 400, "bad-request");
        nothing_is_left(&world, before).await;
    }
}

#[tokio::test]
async fn uploads_that_cannot_be_are_refused_and_leave_nothing() {
    let world = World::with(Config {
        max_upload: 10,
        ..Config::default()
    });
    let path = "/api/v1/pipelines/receive/jobs";
    let before = leftovers(&world);
    let check = async |query: &str, body: &str, status: u16, slug: &str| {
        problem(
            &world.post(&format!("{path}{query}"), body).await,
            status,
            slug,
        );
    };
    check("?name=a.pdf", "%PDF-1.7 too long", 413, "too-large").await;
    check("?name=a.pdf", "", 400, "bad-request").await;
    check("", "%PDF-", 400, "bad-request").await;
    check("?name=..%2Fa.pdf", "%PDF-", 400, "bad-request").await;
    check("?name=.a.pdf", "%PDF-", 400, "bad-request").await;
    let parts = [("file", Some("a.pdf"), "%PDF-1.7 too long")];
    problem(&world.send(form(&parts).path(path)).await, 413, "too-large");
    let image = warp::test::request()
        .method("POST")
        .path("/api/v1/pipelines/receive/jobs?name=a.png")
        .header("content-type", "image/png")
        .body("x");
    problem(&world.send(image).await, 415, "unsupported-media");
    let nowhere = world
        .post("/api/v1/pipelines/nope/jobs?name=a.pdf", "%PDF-")
        .await;
    problem(&nowhere, 404, "not-found");
    nothing_is_left(&world, before).await;
}

#[tokio::test]
async fn a_sample_is_tried_and_nothing_stays() {
    let world = World::new();
    let before = leftovers(&world);
    let path = "/api/v1/pipelines/receive/try";
    let outcome = json(&world.post(path, "%PDF-sample").await);
    assert_eq!(outcome["ok"], true);
    assert_eq!(outcome["outputs"][0]["name"], "sample.pdf");
    let request = warp::test::request()
        .method("POST")
        .path(path)
        .header("accept", "application/pdf")
        .body("%PDF-sample");
    let document = world.send(request).await;
    assert_eq!(document.body(), &b"%PDF-sample"[..]);
    assert_eq!(header(&document, "content-type"), "application/pdf");

    let own = [("yaml", None, GOOD), ("sample", Some("s.pdf"), "%PDF-")];
    let answer = world
        .send(form(&own).path("/api/v1/pipelines/unsaved/try"))
        .await;
    assert_eq!(answer.status(), 200, "its own text needs no saved one");
    let faulty = [
        ("yaml", None, "watch: {}"),
        ("sample", Some("s.pdf"), "%PDF-"),
    ];
    problem(
        &world.send(form(&faulty).path(path)).await,
        422,
        "pipeline-invalid",
    );
    let unknown = world.post("/api/v1/pipelines/unsaved/try", "%PDF-").await;
    problem(&unknown, 404, "not-found");
    nothing_is_left(&world, before).await;
}

#[tokio::test]
async fn what_came_of_a_sample_can_be_fetched_by_range() {
    let world = World::new();
    let path = "/api/v1/pipelines/receive/try?name=s%20%C3%A4.pdf";
    let trial = json(&world.post(path, "%PDF-sample").await);
    let href = trial["outputs"][0]["href"].as_str().expect("an address");
    let part = world.get_with(href, "range", "bytes=5-10").await;
    assert_eq!(
        (part.status().as_u16(), &part.body()[..]),
        (206, &b"sample"[..])
    );
    assert!(header(&part, "content-disposition").starts_with("attachment"));
    let inline = world.get(&format!("{href}?inline=true")).await;
    assert!(header(&inline, "content-disposition").starts_with("inline"));
    let tag = header(&inline, "etag").to_owned();
    let again = world.get_with(href, "if-none-match", &tag).await;
    assert_eq!(again.status(), 304);
    let none = world.get("/api/v1/trials/01K4TRIAL/outputs/7").await;
    problem(&none, 404, "not-found");
    problem(&world.get("/api/v1/trials/other").await, 410, "gone");
}

#[tokio::test]
async fn a_precondition_that_does_not_hold_shows_the_file_as_it_is() {
    let world = World::new();
    let put = |tag: &str, path: &str| {
        let request = warp::test::request().method("PUT").path(path);
        request.header("if-match", tag).body(GOOD)
    };
    let stale = world
        .send(put("\"old\"", "/api/v1/pipelines/receive"))
        .await;
    let shown = problem(&stale, 412, "precondition-failed");
    assert_eq!(shown["current"]["tag"], "t1");
    assert!(
        shown["current"]["yaml"]
            .as_str()
            .is_some_and(|yaml| yaml.contains("stamp-text"))
    );
    let gone = world.send(put("\"old\"", "/api/v1/pipelines/other")).await;
    let shown = problem(&gone, 412, "precondition-failed");
    assert!(shown["current"].is_null() && shown.get("current").is_some());
}

#[tokio::test]
async fn files_that_wait_are_listed_by_state() {
    let world = World::new();
    let names = async |query: &str| -> Vec<String> {
        let list = json(&world.get(&format!("/api/v1/files{query}")).await);
        let files = list["files"].as_array().expect("a list").clone();
        let name = |file: &serde_json::Value| file["name"].as_str().expect("a name").to_owned();
        files.iter().map(name).collect()
    };
    assert_eq!(names("").await, ["a.pdf", "b.txt"]);
    assert_eq!(names("?limit=1").await, ["a.pdf"]);
    assert_eq!(names("?state=ignored&pipeline=receive").await, ["b.txt"]);
    let unknown = world.get("/api/v1/files?state=ignord").await;
    let shown = problem(&unknown, 400, "bad-request");
    assert_eq!(shown["hint"], "did you mean `ignored`?");
}
