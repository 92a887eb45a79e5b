//! What an operator hears of in the log when it begins and when it is over, and not of each look or try between.

use crate::scheduler::decide::obstacles::Obstacle;
use crate::scheduler::handle::Health;

/// Tells what has begun or is over since.
pub(super) fn tell(before: &Health, now: &Health) {
    match (&before.intake_closed, &now.intake_closed) {
        (None, Some(why)) => tracing::warn!("no new files are taken: {why}"),
        (Some(_), None) => tracing::info!("new files are taken again"),
        // Only the numbers in it have changed.
        _ => {}
    }
    for Obstacle {
        pipeline,
        code,
        detail,
        ..
    } in beyond(&now.obstacles, &before.obstacles)
    {
        tracing::warn!(
            pipeline,
            code = code.as_str(),
            "jobs wait for a folder and are tried again until it can be used: {detail}"
        );
    }
    for Obstacle { pipeline, code, .. } in beyond(&before.obstacles, &now.obstacles) {
        tracing::info!(
            pipeline,
            code = code.as_str(),
            "no job waits for that folder any more"
        );
    }
}

/// Those that the others do not have.
fn beyond<'a>(these: &'a [Obstacle], others: &'a [Obstacle]) -> impl Iterator<Item = &'a Obstacle> {
    let key = |one: &'a Obstacle| (&one.pipeline, one.code);
    let is_new = move |one: &&'a Obstacle| others.iter().all(|other| key(other) != key(one));
    these.iter().filter(is_new)
}
