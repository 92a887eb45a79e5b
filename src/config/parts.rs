//! What each part is made from, taken out of the whole configuration.

use crate::config::spec::{Config, Sandbox};
use crate::pipeline::surroundings::{EnvCounts, Surroundings};
use crate::scheduler::planning::Bounds;
use crate::worker::options;
use crate::{feed, http, pool, registry, store, watch};
use std::time::Duration;

/// What a pool is made from; `alone` says that what lies in the home's scratch folders is nobody else's.
#[must_use]
pub fn pool(config: &Config, alone: bool) -> pool::Config {
    let spec = &config.spec;
    pool::Config {
        workers: config.workers,
        spare: config.workers,
        reuse: spec.worker_reuse,
        sandbox: match spec.sandbox {
            Sandbox::Require => options::Sandbox::Require,
            Sandbox::BestEffort => options::Sandbox::BestEffort,
            Sandbox::Off => options::Sandbox::Off,
        },
        limits: options::Limits {
            memory: spec.worker_memory_mb << 20,
            cpu_seconds: spec.worker_cpu_seconds,
            ..options::Limits::default()
        },
        first_user: Some(spec.worker_first_uid),
        scratch: Some(config.home.work()),
        tidy: alone,
        ..pool::Config::new(config.home.plugin_copies())
    }
}

/// What a registry is made from; `alone` says that no other one uses the same copies.
#[must_use]
pub fn registry(config: &Config, alone: bool) -> registry::Config {
    registry::Config {
        tidy: alone,
        grants: config.spec.grants.clone(),
        untrusted: config.spec.untrusted.clone(),
        ..registry::Config::new(config.plugin_folders.clone(), config.home.plugin_copies())
    }
}

/// What a journal is made from.
#[must_use]
pub fn store(config: &Config) -> store::config::Config {
    store::config::Config::new(config.home.state())
}

/// What a watcher is made from.
#[must_use]
pub fn watch(config: &Config) -> watch::options::Options {
    let seconds = Duration::from_secs;
    let settling = &config.spec.settling;
    watch::options::Options {
        settling: watch::options::Settling {
            not_pdf: seconds(settling.not_pdf_seconds),
            truncated: seconds(settling.truncated_seconds),
            incomplete: seconds(settling.incomplete_seconds),
            ..watch::options::Settling::default()
        },
        scan_reported: Duration::from_secs(config.spec.rescan_seconds),
        ..watch::options::Options::default()
    }
}

/// What the HTTP part is made from.
#[must_use]
pub fn http(config: &Config) -> http::config::Config {
    let spec = &config.spec;
    http::config::Config {
        listen: spec.listen,
        token: spec.token.clone(),
        insecure: spec.insecure,
        hosts: spec.hosts.clone(),
        origins: spec.origins.clone(),
        max_connections: spec.max_connections,
        max_client_connections: spec.max_client_connections,
        max_upload: spec.max_input_mb << 20,
        // One client may have a quarter of all, and a person enough for some tabs and terminals.
        max_client_streams: (spec.max_streams / 4).max(16),
        tls: spec.tls.as_ref().map(|tls| http::config::Tls {
            certificate: config.home.root().join(&tls.certificate),
            key: config.home.root().join(&tls.key),
        }),
        ..http::config::Config::default()
    }
}

/// What bounds every attempt.
#[must_use]
pub fn bounds(config: &Config) -> Bounds {
    Bounds {
        max_input: config.spec.max_input_mb << 20,
        max_decoded: config.spec.max_decoded_mb << 20,
    }
}

/// What surrounds a pipeline file; in a daemon an environment variable that is not set is a fault.
#[must_use]
pub fn surroundings(config: &Config, env: EnvCounts) -> Surroundings {
    Surroundings::of_this_process(config.home.root().to_path_buf(), env)
}

/// What a feed is made from.
#[must_use]
pub fn feed(config: &Config) -> feed::config::Config {
    feed::config::Config {
        heartbeat: Duration::from_millis(config.spec.heartbeat_ms),
        max_streams: config.spec.max_streams,
        page: http::page::build().to_owned(),
        ..feed::config::Config::default()
    }
}
