//! What the numbers of `config.yaml` may be.

use crate::config::place::Text;
use crate::config::spec::{ConfigSpec, Error};

/// Seconds of a year: whoever waits longer means something else.
const YEAR: u64 = 365 * 86_400;
/// MiB of a PiB, and more of anything than a machine has.
const MANY: u64 = 1 << 30;
/// The first user id of workers: what a machine has workers must fit behind it.
const LAST_UID: u64 = 4_294_000_000;

/// A number and its range.
struct Bound {
    /// Its key, with dots: `retention.days`.
    key: &'static str,
    /// What the file says.
    of: fn(&ConfigSpec) -> u64,
    /// The range; both ends count.
    range: (u64, u64),
    /// What a person should know about the range, behind it.
    why: &'static str,
}

const fn bound(
    key: &'static str,
    of: fn(&ConfigSpec) -> u64,
    range: (u64, u64),
    why: &'static str,
) -> Bound {
    Bound {
        key,
        of,
        range,
        why,
    }
}

const BOUNDS: [Bound; 18] = [
    bound(
        "worker_memory_mb",
        |spec| spec.worker_memory_mb,
        (64, MANY),
        ": a worker needs some to begin",
    ),
    bound(
        "worker_cpu_seconds",
        |spec| spec.worker_cpu_seconds,
        (1, YEAR),
        "",
    ),
    bound(
        "worker_reuse",
        |spec| spec.worker_reuse.into(),
        (1, 1000),
        "; 1 gives each attempt a worker of its own",
    ),
    bound(
        "worker_first_uid",
        |spec| spec.worker_first_uid.into(),
        (1, LAST_UID),
        ": workers must not be root",
    ),
    bound(
        "max_input_mb",
        |spec| spec.max_input_mb,
        (1, MANY),
        ": no file could be taken otherwise",
    ),
    bound(
        "max_decoded_mb",
        |spec| spec.max_decoded_mb,
        (1, MANY),
        ": hardly a file could be opened otherwise",
    ),
    bound(
        "min_free_mb",
        |spec| spec.min_free_mb,
        (0, MANY),
        "; 0 takes files as long as there is any room",
    ),
    bound(
        "retention.days",
        |spec| spec.retention.days.into(),
        (1, u32::MAX as u64),
        "",
    ),
    bound(
        "retention.jobs",
        |spec| spec.retention.jobs,
        (1, 1 << 40),
        ": a job that has failed could not be retried otherwise",
    ),
    bound(
        "shutdown_seconds",
        |spec| spec.shutdown_seconds,
        (0, YEAR),
        "; 0 ends running attempts at once",
    ),
    bound(
        "rescan_seconds",
        |spec| spec.rescan_seconds,
        (1, YEAR),
        ": scanning without a pause keeps a processor busy",
    ),
    bound(
        "settling.not_pdf_seconds",
        |spec| spec.settling.not_pdf_seconds,
        (0, YEAR),
        "",
    ),
    bound(
        "settling.truncated_seconds",
        |spec| spec.settling.truncated_seconds,
        (0, YEAR),
        "",
    ),
    bound(
        "settling.incomplete_seconds",
        |spec| spec.settling.incomplete_seconds,
        (0, YEAR),
        "",
    ),
    bound(
        "heartbeat_ms",
        |spec| spec.heartbeat_ms,
        (1_000, 60_000),
        ": proxies cut silent connections",
    ),
    bound(
        "max_connections",
        |spec| spec.max_connections as u64,
        (1, MANY),
        ": nobody could ask anything otherwise",
    ),
    bound(
        "max_client_connections",
        |spec| {
            spec.max_client_connections
                .map_or(1, |number| number as u64)
        },
        (1, MANY),
        ": nobody could ask anything otherwise",
    ),
    bound(
        "max_streams",
        |spec| spec.max_streams as u64,
        (1, MANY),
        ": a client must be able to listen",
    ),
];

/// What the number of this key may be, both ends included.
pub(crate) fn range(key: &str) -> Option<(u64, u64)> {
    let found = BOUNDS.iter().find(|bound| bound.key == key)?;
    Some(found.range)
}

/// Refuses the first number that is out of its range.
pub(crate) fn check(spec: &ConfigSpec, text: &Text) -> Result<(), Error> {
    let wrong = BOUNDS.iter().find_map(|bound| {
        let (value, (least, most)) = ((bound.of)(spec), bound.range);
        (!(least..=most).contains(&value)).then_some((bound, value))
    });
    let Some((bound, value)) = wrong else {
        return Ok(());
    };
    let (least, most) = bound.range;
    Err(Error::Value {
        place: text.place(&format!("/{}", bound.key.replace('.', "/"))),
        key: bound.key,
        value: value.to_string(),
        rule: format!("it must be from {least} to {most}{}", bound.why),
    })
}
