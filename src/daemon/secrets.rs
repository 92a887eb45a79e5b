//! Whether others on this machine could read what only the daemon should know.

use crate::config::spec::Config;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

/// Says so where the daemon works as root for every user of this machine: without a token, whoever can connect can have files
/// read and written.
pub(super) fn look_who_may_ask(config: &Config) {
    if config.spec.token.is_none() && rustix::process::geteuid().is_root() {
        tracing::warn!(
            "running as root without a `token`: any user of this machine can have files read and written as root by pipelines of their own; \
             set `token` in config.yaml, or run it as a user of its own"
        );
    }
}

/// Says so where a file with a secret is open to others. It is the operator's file: its mode is left as it is.
pub(super) fn look(config: &Config) {
    if config.spec.token.is_some() {
        look_at(&config.home.config(), "the token");
    }
    if let Some(tls) = &config.spec.tls {
        look_at(&config.home.root().join(&tls.key), "the key of `tls`");
    }
}

fn look_at(path: &Path, what: &str) {
    let Ok(meta) = std::fs::metadata(path) else {
        return;
    };
    let mode = meta.permissions().mode() & 0o7777;
    if mode & 0o077 != 0 {
        tracing::warn!(
            path = %path.display(),
            "others on this machine may read {what} (mode {mode:04o}): `chmod 600` the file"
        );
    }
}
