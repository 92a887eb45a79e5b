//! What has to be true after a cut: everything that was given, told and answered before it.

use super::super::follower::{Followed, Follower};
use super::super::load::Given;
use super::super::{Report as Counted, life, verdict};
use super::Report;
use super::record::Op;
use super::session::Session;
use crate::daemon::TestHome;

/// Starts the daemon on the image in `home`, lets it finish, and compares.
pub(super) fn judge(
    home: &TestHome,
    session: &Session,
    moment: usize,
    seed: u64,
    report: &mut Report,
) {
    let before = &session.record.ops[..moment];
    let (followed, last) = heard(before);
    report.told += followed.events.len() as u64;
    let told = last.as_ref().map(|(_, seq)| *seq);
    let follower = Follower::resume(seed, followed, last);
    let ended = life::last(home, &follower, session.from);
    let followed = follower.stop();
    let history = match ended {
        Ok(history) => history,
        Err(fault) => return report.faults.push(fault),
    };
    let mut counted = Counted::default();
    verdict::judge(
        home,
        &given(session, before),
        &followed,
        &history,
        &mut counted,
    );
    let newest = history
        .last()
        .and_then(|event| event["data"]["seq"].as_u64());
    if told > newest {
        report.faults.push(format!(
            "event {told:?} was told before the cut, and the journal ends with {newest:?}"
        ));
    }
    report.files += counted.files;
    report.processed += counted.processed;
    report.failed += counted.failed;
    report.outputs += counted.outputs;
    report.faults.extend(counted.faults);
}

/// What the client had heard, and the last event id that it has.
fn heard(before: &[Op]) -> (Followed, Option<(String, u64)>) {
    let mut followed = Followed::default();
    let mut last = None;
    for op in before {
        match op {
            Op::Snapshot { id, seq } => {
                followed.from = *seq;
                last = Some((id.clone(), *seq));
            }
            Op::Heard { id, event } => {
                let seq = event["seq"].as_u64().unwrap_or(0);
                followed.events.insert(seq, event.clone());
                last = Some((id.clone(), seq));
            }
            _ => {}
        }
    }
    (followed, last)
}

/// What had been given: for certain where it lay in an inbox or the daemon had said that it has it.
fn given(session: &Session, before: &[Op]) -> Given {
    let mut certain = std::collections::BTreeMap::new();
    for op in before {
        match op {
            Op::Given { input, .. } | Op::Took { input } => {
                certain.insert(*input, true);
            }
            Op::Sends { input } => {
                certain.entry(*input).or_insert(false);
            }
            _ => {}
        }
    }
    let inputs = certain.into_iter().map(|(input, certain)| {
        let mut input = session.inputs[input].clone();
        input.certain = certain;
        input
    });
    Given::of(inputs.collect())
}
