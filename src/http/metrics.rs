//! Numbers in the text format of Prometheus (0.0.4).

use crate::http::api::{Api, Metric, MetricKind};
use std::fmt::Write as _;
use std::sync::atomic::Ordering::Relaxed;

/// What this part of the daemon counts, and what feed and journal say of themselves.
pub(crate) fn own(api: &Api) -> Vec<Metric> {
    let (tally, feed, journal) = (&api.tally, api.feed.counters(), api.store.health());
    let resets = feed
        .resets
        .iter()
        .map(|(reason, count)| (vec![("reason", (*reason).to_owned())], *count as f64));
    vec![
        counter(
            "dropleaf_http_requests_total",
            "Requests answered.",
            tally.requests.load(Relaxed),
        ),
        counter(
            "dropleaf_http_refusals_total",
            "Requests refused with a problem document.",
            tally.refusals.load(Relaxed),
        ),
        counter(
            "dropleaf_http_panics_total",
            "Requests whose handler panicked.",
            tally.failures.load(Relaxed),
        ),
        counter(
            "dropleaf_http_connections_total",
            "Connections taken.",
            tally.connections.load(Relaxed),
        ),
        counter(
            "dropleaf_http_turned_away_total",
            "Connections turned away over the limit.",
            tally.turned_away.load(Relaxed),
        ),
        gauge(
            "dropleaf_feed_streams",
            "Feeds that are open.",
            feed.listeners as f64,
        ),
        gauge(
            "dropleaf_feed_held_bytes",
            "Bytes that the feed holds for those who lag behind.",
            feed.held_bytes as f64,
        ),
        counter(
            "dropleaf_feed_refused_total",
            "Feeds refused over the limit.",
            feed.refused,
        ),
        counter(
            "dropleaf_feed_frames_total",
            "Events written to feeds, each once however many listen.",
            feed.frames,
        ),
        counter(
            "dropleaf_feed_batches_total",
            "Batches flushed to feeds.",
            feed.batches,
        ),
        Metric {
            name: "dropleaf_feed_resets_total",
            help: "Clients that could not go on from where they were.",
            kind: MetricKind::Counter,
            samples: resets.collect(),
        },
        gauge(
            "dropleaf_journal_head",
            "Number of the journal's last event.",
            journal.head as f64,
        ),
        gauge(
            "dropleaf_journal_waiting",
            "Units that wait for the disk.",
            journal.waiting as f64,
        ),
        counter(
            "dropleaf_journal_commits_total",
            "Transactions of the journal.",
            journal.commits,
        ),
    ]
}

fn counter(name: &'static str, help: &'static str, value: u64) -> Metric {
    Metric {
        name,
        help,
        kind: MetricKind::Counter,
        samples: vec![(Vec::new(), value as f64)],
    }
}

fn gauge(name: &'static str, help: &'static str, value: f64) -> Metric {
    Metric {
        name,
        help,
        kind: MetricKind::Gauge,
        samples: vec![(Vec::new(), value)],
    }
}

/// All of it as text.
pub(crate) fn text(metrics: &[Metric]) -> String {
    let mut text = String::new();
    for metric in metrics {
        write(&mut text, metric).expect("a string takes any text");
    }
    text
}

fn write(text: &mut String, metric: &Metric) -> std::fmt::Result {
    let kind = match metric.kind {
        MetricKind::Counter => "counter",
        MetricKind::Gauge => "gauge",
    };
    let help = metric.help.replace('\\', "\\\\").replace('\n', "\\n");
    writeln!(text, "# HELP {} {help}", metric.name)?;
    writeln!(text, "# TYPE {} {kind}", metric.name)?;
    for (labels, value) in &metric.samples {
        text.push_str(metric.name);
        for (index, (label, word)) in labels.iter().enumerate() {
            let before = if index == 0 { '{' } else { ',' };
            let word = word
                .replace('\\', "\\\\")
                .replace('"', "\\\"")
                .replace('\n', "\\n");
            write!(text, "{before}{label}=\"{word}\"")?;
        }
        if !labels.is_empty() {
            text.push('}');
        }
        writeln!(text, " {value}")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_escaped_and_every_metric_is_introduced() {
        let metrics = [Metric {
            name: "dropleaf_jobs",
            help: "Jobs.",
            kind: MetricKind::Gauge,
            samples: vec![
                (
                    vec![
                        ("pipeline", "a\"b\\c\nd".into()),
                        ("state", "queued".into()),
                    ],
                    3.0,
                ),
                (Vec::new(), 0.5),
            ],
        }];
        assert_eq!(
            text(&metrics),
            "# HELP dropleaf_jobs Jobs.\n# TYPE dropleaf_jobs gauge\n\
             dropleaf_jobs{pipeline=\"a\\\"b\\\\c\\nd\",state=\"queued\"} 3\ndropleaf_jobs 0.5\n"
        );
    }
}
