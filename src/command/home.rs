//! `dropleaf init` and `dropleaf doctor`.

mod folders;

use crate::cli::{Data, Init, exit};
use crate::command::{Exit, local, print};
use crate::config::home::Home;
use crate::config::parts;
use crate::config::spec::{Config, Flags};
use crate::pipeline::examples::{EXAMPLES, Example};
use crate::plugin::catalog::INSTALL;
use crate::{durable, http, inotify, problem};
use anyhow::{Context as _, Result};
use std::fs;
use std::path::Path;

/// Watched folders of one user that are enough for most; the kernel's own choice where there is little memory.
const ENOUGH_WATCHES: u64 = 8_192;
/// Watchers of one user: the kernel's own choice. A daemon has one for each pipeline and two more; desktops have dozens.
const ENOUGH_WATCHERS: u64 = 128;
const MORE_WATCHERS: &str = "raise it: sysctl fs.inotify.max_user_instances=1024";

const CONFIG: &str = "\
# Every key has a default; see docs/configuration.md.
#
# listen: 127.0.0.1:7311
# token: ...                 # needed for any address but this machine's own: openssl rand -hex 32
# workers: 0                 # 0 = as many as cores
# sandbox: best_effort       # require | best_effort | off
# plugins: []                # more folders with plugins
";

pub(super) fn init(home: &Home, flags: &Init) -> Result<()> {
    home.make()?;
    // It may come to hold the token.
    write_once(&home.config(), CONFIG, false, durable::replace_private)?;
    for Example { id, yaml } in EXAMPLES {
        write_once(
            &home.pipelines().join(format!("{id}.yaml")),
            yaml,
            flags.force,
            durable::replace,
        )?;
        let inbox = home.inbox().join(id);
        fs::create_dir_all(&inbox)
            .with_context(|| format!("failed to make `{}`", inbox.display()))?;
    }
    print::line(format_args!("home: {}", home.root().display()));
    print::line(format_args!(
        "start the daemon: dropleaf --home {} serve",
        home.root().display()
    ));
    Ok(())
}

type Write = fn(&Path, &[u8]) -> Result<(), durable::Error>;

fn write_once(path: &Path, text: &str, replace: bool, write: Write) -> Result<()> {
    match fs::read_to_string(path) {
        Ok(there) if there == text => return Ok(()),
        Ok(_) if !replace => {
            print::line(format_args!("kept {} (it was changed)", path.display()));
            return Ok(());
        }
        _ => {}
    }
    write(path, text.as_bytes())?;
    print::line(format_args!("wrote {}", path.display()));
    Ok(())
}

/// One thing looked at.
struct Finding {
    ok: bool,
    what: &'static str,
    found: String,
    todo: Option<String>,
}

impl Finding {
    fn good(what: &'static str, found: impl Into<String>) -> Self {
        Self {
            ok: true,
            what,
            found: found.into(),
            todo: None,
        }
    }

    fn bad(what: &'static str, found: impl Into<String>, todo: impl Into<String>) -> Self {
        Self {
            ok: false,
            what,
            found: found.into(),
            todo: Some(todo.into()),
        }
    }
}

pub(super) fn doctor(home: Home, flags: &Data) -> Result<()> {
    let mut findings = Vec::new();
    if !home.is_there() {
        let root = home.root().display();
        findings.push(Finding::bad(
            "home",
            format!("there is none at `{root}`"),
            format!(
                "dropleaf --home {root} init, or name another with `--home DIR` or DROPLEAF_HOME"
            ),
        ));
        findings.push(events());
        return report(&findings, flags.json);
    }
    findings.push(match home.make() {
        Ok(()) => Finding::good("home", home.root().display().to_string()),
        Err(error) => Finding::bad(
            "home",
            error.to_string(),
            "give the folder to the account that runs Dropleaf",
        ),
    });
    let config = match Config::load(home.clone(), Flags::default()) {
        Ok(config) => config,
        Err(error) => {
            findings.push(Finding::bad(
                "configuration",
                error.to_string(),
                "put it right, then ask again",
            ));
            return report(&findings, flags.json);
        }
    };
    findings.push(Finding::good("configuration", "no faults"));
    findings.push(events());
    findings.extend(tls(&config));
    findings.extend(workshop(config));
    report(&findings, flags.json)
}

fn workshop(config: Config) -> Vec<Finding> {
    let (own, wanted) = (config.home.own(), config.spec.min_free_mb);
    let workshop = match local::Workshop::open(config) {
        Ok(workshop) => workshop,
        Err(error) => {
            let mut findings = folders::room(own, wanted);
            findings.push(Finding::bad(
                "workers",
                format!("{error:#}"),
                "look at `sandbox` in config.yaml",
            ));
            return findings;
        }
    };
    let mut findings = vec![match workshop.sandbox() {
        Ok(level) if level == "full" => Finding::good("sandbox", level),
        Ok(level) => Finding::bad(
            "sandbox",
            level,
            "use a kernel with Landlock and seccomp, or accept the risk",
        ),
        Err(error) => Finding::bad("sandbox", error, "look at `sandbox` in config.yaml"),
    }];
    let operations = workshop.catalog().operations().count();
    findings.push(if operations > 0 {
        Finding::good("operations", format!("{operations} installed"))
    } else {
        Finding::bad("operations", "none installed", INSTALL)
    });
    let folders = workshop.broken_folders();
    for broken in workshop.broken() {
        let todo = if folders.contains(&broken) {
            "put the folder right, or take it out of `plugins` in config.yaml"
        } else {
            "replace or remove the file"
        };
        let found = format!("{}: {}", broken.file, broken.reason);
        findings.push(Finding::bad("plugin", found, todo));
    }
    let catalog = workshop.catalog();
    for name in workshop.config.spec.untrusted.missing(catalog.plugins()) {
        findings.push(Finding::bad(
            "untrusted",
            format!("no plugin `{name}` is installed"),
            "put the name in `untrusted` of config.yaml right; `dropleaf plugins` lists those that are",
        ));
    }
    for name in workshop.config.spec.grants.missing(catalog.plugins()) {
        findings.push(Finding::bad(
            "grants",
            format!("no plugin `{name}` is installed"),
            "put the name in `grants` of config.yaml right; `dropleaf plugins` lists those that are",
        ));
    }
    findings.extend(folders::look(&workshop.config, &workshop.good_pipelines()));
    for (id, faults) in workshop.faulty_pipelines() {
        findings.push(Finding::bad(
            "pipeline",
            match faults.len() {
                1 => format!("{id}: 1 fault"),
                several => format!("{id}: {several} faults"),
            },
            format!("dropleaf check, for {id}.yaml"),
        ));
    }
    findings
}

fn events() -> Finding {
    let limits = inotify::limit(inotify::WATCHES).zip(inotify::limit(inotify::INSTANCES));
    let Some((watches, watchers)) = limits else {
        return Finding::bad(
            "inotify",
            "not there",
            "folders are polled; use a Linux kernel with inotify for events",
        );
    };
    let found = format!("{watches} watches and {watchers} watchers for each user");
    if watches < ENOUGH_WATCHES {
        let todo = "raise it: sysctl fs.inotify.max_user_watches=524288";
        return Finding::bad("inotify", found, todo);
    }
    if watchers < ENOUGH_WATCHERS {
        return Finding::bad("inotify", found, MORE_WATCHERS);
    }
    // Other programs of this user may have them all.
    match notify::recommended_watcher(|_| {}) {
        Ok(_) => Finding::good("inotify", found),
        Err(error) => Finding::bad(
            "inotify",
            format!("{found}; {}", inotify::refused(&error)),
            MORE_WATCHERS,
        ),
    }
}

/// Whether the certificate can be used, where there is to be one: the daemon does not start without.
fn tls(config: &Config) -> Option<Finding> {
    let files = parts::http(config).tls?;
    Some(match http::tls::Certificate::read(&files) {
        Ok(_) => Finding::good("tls", files.certificate.display().to_string()),
        Err(error) => Finding::bad(
            "tls",
            problem::chain(&error),
            "put `tls` in config.yaml right: the daemon does not start before",
        ),
    })
}

fn report(findings: &[Finding], json: bool) -> Result<()> {
    if json {
        let rows = findings.iter().map(|finding| {
            serde_json::json!({ "ok": finding.ok, "what": finding.what, "found": finding.found, "todo": finding.todo })
        });
        print::json(&serde_json::Value::Array(rows.collect()));
    } else {
        for finding in findings {
            print::line(format_args!(
                "{}  {}: {}",
                if finding.ok { "ok " } else { "BAD" },
                finding.what,
                finding.found
            ));
            if let Some(todo) = &finding.todo {
                print::line(format_args!("     {todo}"));
            }
        }
    }
    if findings.iter().all(|finding| finding.ok) {
        Ok(())
    } else {
        Err(Exit(exit::FAULTS).into())
    }
}
