//! What `/proc` tells of a daemon: memory, wake-ups, processor time.

use anyhow::{Context as _, Result};
use std::fs;
use std::time::Duration;

/// Kibibytes that are resident, workers apart.
pub fn resident(pid: u32) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    field(&status, "VmRSS:")
}

/// How often threads of the daemon have gone to sleep by themselves; each time something had woken them.
pub fn wake_ups(pid: u32) -> Result<u64> {
    let mut sum = 0;
    for task in fs::read_dir(format!("/proc/{pid}/task"))? {
        let status = fs::read_to_string(task?.path().join("status"))?;
        sum += field(&status, "voluntary_ctxt_switches:")?;
    }
    Ok(sum)
}

/// Processor time of the daemon, and of its children: the workers, those that have ended too, and the nursery.
pub fn processor_time(pid: u32) -> Result<(Duration, Duration)> {
    let (own, mut children) = times(pid)?;
    for task in fs::read_dir(format!("/proc/{pid}/task"))? {
        let living = fs::read_to_string(task?.path().join("children")).unwrap_or_default();
        for child in living.split_ascii_whitespace() {
            // One that ends meanwhile is missed; at rest there is none.
            let parsed = child.parse::<u32>().map_err(anyhow::Error::from);
            let Ok((used, of_its_own)) = parsed.and_then(times) else {
                continue;
            };
            children += used + of_its_own;
        }
    }
    Ok((own, children))
}

/// Processor time of a process, and of its children that have ended.
fn times(pid: u32) -> Result<(Duration, Duration)> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let (_, fields) = stat.rsplit_once(") ").context("no name")?;
    let fields: Vec<u64> = fields
        .split(' ')
        .map(|field| field.parse().unwrap_or(0))
        .collect();
    // proc(5): fields 14 to 17 are utime, stime, cutime, cstime, in ticks of 10 ms on every Linux that users see.
    let time = |first: usize| -> Result<Duration> {
        let ticks = fields.get(first).zip(fields.get(first + 1));
        let (user, system) = ticks.context("too few fields")?;
        Ok(Duration::from_millis((user + system) * 10))
    };
    Ok((time(11)?, time(13)?))
}

fn field(status: &str, key: &str) -> Result<u64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix(key))
        .with_context(|| format!("no `{key}`"))?;
    let number = line.split_whitespace().next().context("no number")?;
    Ok(number.parse()?)
}
