//! The journal's facts in pages.

use super::*;
use crate::store::prune::Retention;
use serde_json::json;

#[tokio::test]
async fn the_history_goes_on_from_a_cursor_or_says_why_not() {
    let world = World::new();
    world.finished(1, "a.pdf", b"x", b"y").await;
    let path = "/api/v1/events/history";
    let first = json(&world.get(&format!("{path}?limit=3")).await);
    assert_eq!(first["events"][0]["event"], "job.accepted");
    assert_eq!(
        (&first["cursor"], &first["complete"]),
        (&json!(world.cursor(3)), &json!(false))
    );
    let rest = json(
        &world
            .get(&format!("{path}?after={}", world.cursor(3)))
            .await,
    );
    assert_eq!(rest["events"][0]["data"]["seq"], 4);
    assert_eq!(
        (&rest["cursor"], &rest["complete"]),
        (&json!(world.cursor(5)), &json!(true))
    );
    let none = json(&world.get(&format!("{path}?types=step.*")).await);
    assert_eq!(
        (&none["events"], &none["cursor"]),
        (&json!([]), &json!(world.cursor(5)))
    );
    let ahead = world
        .get(&format!("{path}?after={}", world.cursor(6)))
        .await;
    problem(&ahead, 410, "gone");
    problem(
        &world.get(&format!("{path}?after=00000000-3")).await,
        410,
        "gone",
    );
    problem(
        &world.get(&format!("{path}?after=3")).await,
        400,
        "bad-request",
    );
    // What was dropped is missed from the journal's very beginning, too.
    let start = format!("{path}?after={}", world.cursor(0));
    assert_eq!(
        json(&world.get(&start).await)["events"][0]["data"]["seq"],
        1
    );
    world.finished(2, "b.pdf", b"x", b"y").await;
    let keep = Retention {
        jobs: 1,
        ..Retention::default_at(AT)
    };
    world.api.store.prune(keep).await.expect("pruned");
    problem(&world.get(&start).await, 410, "gone");
    let oldest = json(&world.get(path).await);
    assert_eq!(oldest["events"][0]["data"]["seq"], 6);
}

#[tokio::test]
async fn pages_begin_where_nothing_is_missing_and_a_job_is_there_as_a_whole() {
    let world = World::new();
    let running = id(9);
    let home = world.fake.home.path();
    let accepted = accepted(home, "long.pdf");
    world
        .tell(running, JobEvent::Accepted(accepted.into()))
        .await;
    for number in 1..=2 {
        world.finished(number, "a.pdf", b"x", b"y").await;
    }
    let keep = Retention {
        jobs: 1,
        ..Retention::default_at(AT)
    };
    world.api.store.prune(keep).await.expect("pruned");
    let path = "/api/v1/events/history?limit=1";
    let first = json(&world.get(path).await);
    assert_eq!(first["events"][0]["data"]["seq"], 7);
    let cursor = first["cursor"].as_str().expect("a cursor");
    let next = json(&world.get(&format!("{path}&after={cursor}")).await);
    assert_eq!(next["events"][0]["data"]["seq"], 8);

    let path = format!("{path}&job={running}");
    let first = json(&world.get(&path).await);
    assert_eq!(first["events"][0]["data"]["seq"], 1);
    let begin = world.cursor(0);
    let again = json(&world.get(&format!("{path}&after={begin}")).await);
    assert_eq!(again["events"], first["events"]);
    let removed = format!("/api/v1/events/history?job={}", id(1));
    let after = world.get(&format!("{removed}&after={begin}")).await;
    problem(&after, 410, "gone");
}
