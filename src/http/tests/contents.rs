//! Files and logs: whole, by range, or not again.

use super::*;
use crate::job::event::Warned;
use crate::store::log::LogLine;

#[tokio::test]
async fn artifacts_come_whole_or_by_range() {
    let world = World::new();
    let job = world
        .finished(1, "a b.pdf", b"0123456789", b"original")
        .await;
    let path = format!("/api/v1/jobs/{job}/artifacts/a%20b.pdf");
    let whole = world.get(&path).await;
    assert_eq!(whole.status(), 200);
    assert_eq!(whole.body(), &b"0123456789"[..]);
    assert_eq!(header(&whole, "accept-ranges"), "bytes");
    assert_eq!(header(&whole, "content-type"), "application/pdf");
    assert_eq!(
        header(&whole, "content-disposition"),
        "attachment; filename=\"a b.pdf\""
    );
    assert_eq!(
        header(&whole, "content-security-policy"),
        "sandbox; default-src 'none'"
    );

    let tag = header(&whole, "etag").to_owned();
    let same = world.get_with(&path, "if-none-match", &tag).await;
    assert_eq!((same.status().as_u16(), same.body().len()), (304, 0));

    let part = world.get_with(&path, "range", "bytes=2-4").await;
    assert_eq!(part.status(), 206);
    assert_eq!(part.body(), &b"234"[..]);
    assert_eq!(header(&part, "content-range"), "bytes 2-4/10");
    assert_eq!(header(&part, "content-length"), "3");

    let beyond = world.get_with(&path, "range", "bytes=10-").await;
    problem(&beyond, 416, "range-not-satisfiable");
    assert_eq!(header(&beyond, "content-range"), "bytes */10");

    let request = || {
        warp::test::request()
            .path(&path)
            .header("range", "bytes=0-0")
    };
    let fresh = world.send(request().header("if-range", &tag)).await;
    assert_eq!(fresh.status(), 206);
    let stale = world.send(request().header("if-range", "\"other\"")).await;
    assert_eq!(stale.status(), 200);
}

#[tokio::test]
async fn large_files_come_in_pieces_and_whole() {
    let world = World::new();
    let content: Vec<u8> = (0..300_000_u32).map(|n| (n % 251) as u8).collect();
    let job = world.finished(1, "a.pdf", &content, b"original").await;
    let answer = world
        .get(&format!("/api/v1/jobs/{job}/artifacts/a.pdf"))
        .await;
    assert_eq!(answer.body(), &content[..]);
}

#[tokio::test]
async fn originals_are_found_where_they_lie() {
    let world = World::new();
    let job = world.finished(1, "a.pdf", b"out", b"original").await;
    let path = format!("/api/v1/jobs/{job}/input");
    assert_eq!(world.get(&path).await.body(), &b"original"[..]);
    let inline = world.get(&format!("{path}?inline=true")).await;
    assert_eq!(
        header(&inline, "content-disposition"),
        "inline; filename=\"a.pdf\""
    );
    problem(
        &world.get(&format!("{path}?inline=yes")).await,
        400,
        "bad-request",
    );
}

#[tokio::test]
async fn what_was_moved_or_was_never_there_is_told_apart() {
    let world = World::new();
    let job = world.finished(1, "a.pdf", b"out", b"original").await;
    let home = world.fake.home.path();
    std::fs::remove_file(home.join("outbox/a.pdf")).expect("it was there");
    let gone = world
        .get(&format!("/api/v1/jobs/{job}/artifacts/a.pdf"))
        .await;
    let document = problem(&gone, 410, "gone");
    assert!(
        document["detail"]
            .as_str()
            .expect("text")
            .contains("moved or deleted")
    );
    let never = world
        .get(&format!("/api/v1/jobs/{job}/artifacts/b.pdf"))
        .await;
    problem(&never, 404, "not-found");
}

#[tokio::test]
async fn a_link_in_place_of_an_artifact_is_not_followed() {
    let world = World::new();
    let job = world.finished(1, "a.pdf", b"out", b"original").await;
    let path = world.fake.home.path().join("outbox/a.pdf");
    std::fs::remove_file(&path).expect("it was there");
    std::os::unix::fs::symlink("/etc/passwd", &path).expect("a link");
    let answer = world
        .get(&format!("/api/v1/jobs/{job}/artifacts/a.pdf"))
        .await;
    problem(&answer, 410, "gone");
}

#[tokio::test]
async fn logs_are_text_or_lines() {
    let world = World::new();
    let job = world.finished(1, "a.pdf", b"x", b"y").await;
    let line = |level: &str, step: Option<&str>, message: &str| LogLine {
        at: AT,
        level: level.into(),
        step: step.map(str::to_owned),
        message: message.into(),
    };
    let lines = vec![
        line("info", Some("stamp"), "hello"),
        line("warn", None, "two\nlines"),
    ];
    world.api.store.log(job, lines).await.expect("kept");
    let path = format!("/api/v1/jobs/{job}/log");
    let text = world.get(&path).await;
    assert_eq!(
        String::from_utf8_lossy(text.body()),
        "2025-11-22T05:10:11.123Z info  stamp: hello\n2025-11-22T05:10:11.123Z warn  -: two\n    lines\n"
    );
    let part = world.get_with(&path, "range", "bytes=0-3").await;
    assert_eq!(
        (part.status().as_u16(), part.body().as_ref()),
        (206, &b"2025"[..])
    );
    let worse = world.get(&format!("{path}?level=warn")).await;
    assert!(!String::from_utf8_lossy(worse.body()).contains("hello"));
    let lines = json(
        &world
            .get_with(&format!("{path}?after=1"), "accept", "application/json")
            .await,
    );
    assert_eq!(lines["lines"][0]["message"], "two\nlines");
    assert_eq!(lines["next"], 2);
    problem(
        &world.get(&format!("{path}?level=warning")).await,
        400,
        "bad-request",
    );
}

#[tokio::test]
async fn the_page_has_no_script_in_it() {
    let world = World::new();
    let page = world.get("/").await;
    let text = String::from_utf8_lossy(page.body()).into_owned();
    assert!(!header(&page, "content-security-policy").contains("unsafe-inline"));
    let scripts: Vec<&str> = text.split("<script").skip(1).collect();
    assert!(!scripts.is_empty(), "{text}");
    for script in scripts {
        let (attributes, rest) = script.split_once('>').expect("the tag ends");
        assert!(attributes.contains(" src=\"/"), "{attributes}");
        assert!(rest.starts_with("</script>"), "{rest}");
    }
    assert!(!text.contains("style=") && !text.contains(" onclick"));
}

#[tokio::test]
async fn the_icon_is_not_sent_twice() {
    let world = World::new();
    let icon = world.get("/icon.svg").await;
    let again = world
        .get_with("/icon.svg", "if-none-match", header(&icon, "etag"))
        .await;
    assert_eq!(again.status(), 304);
}

#[test]
fn the_page_listens_to_names_that_exist() {
    let script = include_str!("../page/page.js");
    let list = script.split("const NAMES = [").nth(1).expect("the list");
    let list = list.split(']').next().expect("its end");
    for name in list.split(',').map(|word| word.trim().trim_matches('"')) {
        let control = ["hello", "snapshot", "reset", "ping", "shutdown"];
        let mut all = control.iter().chain(crate::feed::topics::TYPES);
        let known = all.any(|known| *known == name);
        assert!(known, "`{name}`");
    }
}

#[tokio::test]
async fn whatever_a_job_puts_out_runs_nothing_in_our_origin() {
    let world = World::new();
    let home = world.fake.home.path().to_path_buf();
    let kinds = [
        ("page.html", Some("text/html")),
        ("drawing.svg", Some("image/svg+xml")),
        ("script.js", Some("text/javascript")),
        ("strange", None),
        ("odd", Some("text/html\r\nx-evil: 1")),
    ];
    for ((name, mime), number) in kinds.into_iter().zip(1..) {
        let path = home.join(name);
        std::fs::write(&path, "<script>alert(1)</script>").expect("a file");
        let artifact = Delivered {
            kind: MoveKind::Artifact,
            path: Some(path.into()),
            depth: None,
            size: 25,
            blake3: "77".into(),
            mime: mime.map(str::to_owned),
            pages: None,
        };
        let job = world.delivered(number, vec![artifact]).await;
        for query in ["", "?inline=true"] {
            let answer = world
                .get(&format!("/api/v1/jobs/{job}/artifacts/{name}{query}"))
                .await;
            assert_eq!(answer.status(), 200, "{name}");
            assert_eq!(
                header(&answer, "content-security-policy"),
                "sandbox; default-src 'none'",
                "{name}{query}"
            );
            let kind = header(&answer, "content-type");
            assert!(!kind.contains("script"), "{name}{query}: {kind}");
            assert_eq!(header(&answer, "x-content-type-options"), "nosniff");
            let disposition = header(&answer, "content-disposition");
            let expected = if query.is_empty() {
                "attachment"
            } else {
                "inline"
            };
            assert!(disposition.starts_with(expected), "{name}: {disposition}");
            assert!(answer.headers().get("x-evil").is_none());
        }
    }
}

#[tokio::test]
async fn a_result_is_not_served_through_a_link_that_leads_out() {
    let world = World::new();
    let home = world.fake.home.path().to_path_buf();
    let (root, outside) = (home.join("out"), home.join("outside"));
    for folder in [root.join("sub"), outside.clone()] {
        std::fs::create_dir_all(&folder).expect("makeable");
        std::fs::write(folder.join("a.txt"), "0123456789").expect("a file");
    }
    let artifact = Delivered {
        kind: MoveKind::Artifact,
        path: Some(root.join("sub/a.txt").into()),
        depth: Some(2),
        size: 10,
        blake3: "77".into(),
        mime: None,
        pages: None,
    };
    let job = world.delivered(1, vec![artifact]).await;
    let path = format!("/api/v1/jobs/{job}/artifacts/a.txt");
    assert_eq!(world.get(&path).await.status(), 200);
    std::fs::remove_dir_all(root.join("sub")).expect("removable");
    std::os::unix::fs::symlink(&outside, root.join("sub")).expect("links are possible");
    assert_eq!(world.get(&path).await.status(), 410);
    std::fs::remove_file(root.join("sub")).expect("removable");
    std::fs::create_dir(root.join("sub")).expect("makeable");
    std::fs::write(root.join("sub/a.txt"), "shorter").expect("a file");
    assert_eq!(world.get(&path).await.status(), 200);
}

#[tokio::test]
async fn a_history_that_is_too_long_says_so() {
    let world = World::new();
    let job = world.finished(1, "a.pdf", b"x", b"y").await;
    let path = format!("/api/v1/jobs/{job}/timeline");
    assert!(json(&world.get(&path).await).get("truncated").is_none());
    let job = id(2);
    let accepted = accepted(world.fake.home.path(), "b.pdf");
    world
        .tell(job, JobEvent::Accepted(Box::new(accepted)))
        .await;
    for _ in 0..17 {
        let warned = Warned {
            decided: None,
            step: None,
            code: "repaired".into(),
            message: "x".repeat(1 << 20),
        };
        world.tell(job, JobEvent::Warned(warned)).await;
    }
    let path = format!("/api/v1/jobs/{job}/timeline");
    assert_eq!(json(&world.get(&path).await)["truncated"], true);
}

#[tokio::test]
async fn thumbnails_are_pictures_with_a_tag_of_their_own() {
    let world = World::new();
    let job = world.finished(1, "a b.pdf", b"out", b"original").await;
    for path in [
        format!("/api/v1/jobs/{job}/input/thumbnail"),
        format!("/api/v1/jobs/{job}/artifacts/a%20b.pdf/thumbnail"),
    ] {
        let whole = world.get(&format!("{path}?width=200")).await;
        assert_eq!(whole.status(), 200);
        assert_eq!(whole.body(), &b"a picture, 200 wide"[..]);
        assert_eq!(header(&whole, "content-type"), "image/png");
        assert_eq!(header(&whole, "cache-control"), "private, no-cache");
        assert_eq!(
            header(&whole, "content-security-policy"),
            "sandbox; default-src 'none'"
        );
        let tag = header(&whole, "etag").to_owned();
        let same = world
            .get_with(&format!("{path}?width=200"), "if-none-match", &tag)
            .await;
        assert_eq!((same.status().as_u16(), same.body().len()), (304, 0));
        let other = world.get_with(&path, "if-none-match", &tag).await;
        assert_eq!(other.body(), &b"a picture, 320 wide"[..]);
        problem(
            &world.get(&format!("{path}?width=8")).await,
            400,
            "bad-request",
        );
        let undrawn = world.get(&format!("{path}?page=2")).await;
        let undrawn = problem(&undrawn, 422, "not-drawable");
        assert_eq!(undrawn["detail"], "the file needs a password");
        let beyond = world.get(&format!("{path}?page=3")).await;
        let beyond = problem(&beyond, 404, "not-found");
        assert!(beyond["detail"].to_string().contains("2 pages"), "{beyond}");
    }
    world.fake.draw_nothing();
    let path = format!("/api/v1/jobs/{job}/input/thumbnail");
    problem(&world.get(&path).await, 404, "rendering-not-installed");
}
