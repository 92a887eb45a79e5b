//! Numbers in the text format of Prometheus (0.0.4).

use crate::http::api::{Api, Metric, MetricKind};
use std::fmt::Write as _;
use std::sync::atomic::Ordering::Relaxed;

/// What this part of the daemon counts.
pub(crate) fn own(api: &Api) -> Vec<Metric> {
    let tally = &api.tally;
    let counter = |name, help, value: &std::sync::atomic::AtomicU64| Metric {
        name,
        help,
        kind: MetricKind::Counter,
        samples: vec![(Vec::new(), value.load(Relaxed) as f64)],
    };
    vec![
        counter(
            "dropleaf_http_requests_total",
            "Requests answered.",
            &tally.requests,
        ),
        counter(
            "dropleaf_http_refusals_total",
            "Requests refused with a problem document.",
            &tally.refusals,
        ),
        counter(
            "dropleaf_http_panics_total",
            "Requests whose handler panicked.",
            &tally.failures,
        ),
        counter(
            "dropleaf_http_connections_total",
            "Connections taken.",
            &tally.connections,
        ),
        counter(
            "dropleaf_http_turned_away_total",
            "Connections turned away over the limit.",
            &tally.turned_away,
        ),
        Metric {
            name: "dropleaf_http_streams",
            help: "Feeds that are open.",
            kind: MetricKind::Gauge,
            samples: vec![(Vec::new(), open_streams(api) as f64)],
        },
    ]
}

/// Feeds that are open.
pub(crate) fn open_streams(api: &Api) -> u64 {
    let free = api.streams.available_permits();
    api.config.max_streams.saturating_sub(free) as u64
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
