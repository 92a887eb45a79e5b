//! Who may: hosts, origins, the token.

use super::*;

#[tokio::test]
async fn foreign_hosts_and_origins_get_nothing() {
    let world = World::new();
    let request = warp::test::request()
        .path("/")
        .header("host", "evil.example");
    let answer = request.reply(&filters::all(Arc::clone(&world.api))).await;
    problem(&answer, 421, "bad-host");
    let request = warp::test::request().path("/");
    let answer = request.reply(&filters::all(Arc::clone(&world.api))).await;
    problem(&answer, 400, "bad-request");
    let request = warp::test::request()
        .method("POST")
        .path("/api/v1/pipelines/receive/pause")
        .header("origin", "https://evil.example");
    problem(&world.send(request).await, 403, "forbidden-origin");
    let answer = world
        .get_with("/api/v1/jobs", "sec-fetch-site", "cross-site")
        .await;
    problem(&answer, 403, "forbidden-origin");
}

#[tokio::test]
async fn a_listed_origin_may_read_and_no_other() {
    let world = World::with(Config {
        origins: vec!["https://wiki.example".into()],
        ..Config::default()
    });
    let answer = world
        .get_with("/api/v1/jobs", "origin", "https://wiki.example")
        .await;
    assert_eq!(
        header(&answer, "access-control-allow-origin"),
        "https://wiki.example"
    );
    // What it is told to read is no secret from its scripts.
    let exposed = header(&answer, "access-control-expose-headers");
    for name in [
        "etag",
        "location",
        "retry-after",
        "x-request-id",
        "dropleaf-home",
    ] {
        assert!(exposed.contains(name), "{name}: {exposed}");
    }
    let preflight = warp::test::request()
        .method("OPTIONS")
        .path("/api/v1/jobs")
        .header("origin", "https://wiki.example");
    assert!(header(&world.send(preflight).await, "access-control-allow-methods").contains("PUT"));
    let answer = world
        .get_with("/api/v1/jobs", "origin", "https://evil.example")
        .await;
    assert_eq!(header(&answer, "access-control-allow-origin"), "");
}

#[tokio::test]
async fn with_a_token_nothing_answers_without_it() {
    let token = "0123456789abcdef0123";
    let world = World::with(Config {
        token: Some(token.into()),
        ..Config::default()
    });
    let job = world.finished(1, "a.pdf", b"x", b"y").await;
    for route in ROUTES {
        let answer = world.send(request(route, job)).await;
        let is_open = answer.status() != 401;
        let is_free = route.entry == crate::http::guard::Entry::Free
            || (route.path.ends_with("session") && route.method == "DELETE");
        assert_eq!(is_open, is_free, "{} {}", route.method, route.path);
    }
    for probe in ["/healthz", "/readyz"] {
        assert_eq!(
            json(&world.get(probe).await),
            serde_json::json!({ "status": "ok" })
        );
    }
    let bearer = format!("Bearer {token}");
    let answer = world.get_with("/healthz", "authorization", &bearer).await;
    let of_no_home = answer.headers().get(crate::owner::HEADER);
    assert_eq!(of_no_home, None, "one without an id");
    assert_eq!(json(&answer)["details"]["sandbox"], "full");

    let login = format!(r#"{{"token":"{token}"}}"#);
    let answer = world.post("/api/v1/session", &login).await;
    assert_eq!(answer.status(), 204);
    let cookie = header(&answer, "set-cookie")
        .split(';')
        .next()
        .expect("a pair")
        .to_owned();
    assert_eq!(
        world
            .get_with("/api/v1/jobs", "cookie", &cookie)
            .await
            .status(),
        200
    );
    assert_eq!(
        world
            .get_with("/api/v1/jobs", "cookie", "dropleaf_session=1.x")
            .await
            .status(),
        401
    );
    // Ended is ended, also for who kept the cookie.
    let leave = warp::test::request()
        .method("DELETE")
        .path("/api/v1/session")
        .header("cookie", &cookie);
    let left = world.send(leave).await;
    assert_eq!(left.status(), 204);
    assert!(header(&left, "set-cookie").contains("Max-Age=0"));
    let answer = world.get_with("/api/v1/jobs", "cookie", &cookie).await;
    assert_eq!(answer.status(), 401);
    problem(
        &world.post("/api/v1/session", "{").await,
        400,
        "bad-request",
    );
    problem(
        &world.post("/api/v1/session", r#"{"tokn":"x"}"#).await,
        400,
        "bad-request",
    );
}

#[tokio::test]
async fn a_session_that_came_over_tls_goes_back_over_tls_only() {
    let token = "0123456789abcdef0123456789abcdef";
    let login = format!(r#"{{"token":"{token}"}}"#);
    let tls = || crate::http::config::Tls {
        certificate: "c.pem".into(),
        key: "k.pem".into(),
    };
    for (tls, origin, expected) in [
        (None, "", false),
        (None, "https://scans.example", true),
        (Some(tls()), "", true),
    ] {
        let world = World::with(Config {
            token: Some(token.into()),
            tls,
            origins: vec!["https://scans.example".into()],
            ..Config::default()
        });
        let mut request = warp::test::request()
            .method("POST")
            .path("/api/v1/session")
            .header("content-type", "application/json")
            .body(&login);
        if !origin.is_empty() {
            request = request.header("origin", origin);
        }
        let answer = world.send(request).await;
        assert_eq!(answer.status(), 204, "{origin}");
        let cookie = header(&answer, "set-cookie");
        assert_eq!(cookie.ends_with("; Secure"), expected, "{origin} {cookie}");
    }
}
