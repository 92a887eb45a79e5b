//! Whether others on this machine could read what only the daemon should know.

use crate::config::spec::Config;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

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
