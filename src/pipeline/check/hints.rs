//! What people write who know other programs, and what it is called here.

/// How durations are written.
pub(super) const DURATION: &str =
    "write a number with its unit, for example `250ms`, `2s`, `5m` or `1h30m`";

/// Keys that stand in other places than where they belong: (key, where it belongs).
const ELSEWHERE: &[(&str, &str)] = &[
    ("allow_chain", ""),
    ("backoff", "retry"),
    ("attempts", "retry"),
    ("concurrency", ""),
    ("continue_on_error", "a step"),
    ("description", ""),
    ("done_file", "watch"),
    ("duplicates", ""),
    ("notify", ""),
    ("exclude", "watch"),
    ("existing", "watch"),
    ("expect", ""),
    ("failed", ""),
    ("if", "a step"),
    ("if_exists", "output"),
    ("include", "watch"),
    ("max_backoff", "retry"),
    ("max_growth", "expect"),
    ("on_signed", ""),
    ("opens", "expect"),
    ("original", ""),
    ("output", ""),
    ("passwords", ""),
    ("polling", "watch"),
    ("priority", ""),
    ("quiet", "watch"),
    ("receipt", "output"),
    ("recursive", "watch"),
    ("retry", ""),
    ("stalled_after", ""),
    ("steps", ""),
    ("uses", "a step"),
    ("watch", ""),
    ("with", "a step"),
];

/// (container, what people write, what it is here)
const SYNONYMS: &[(&str, &[&str], &str)] = &[
    (
        "",
        &[
            "inbox", "input", "source", "folder", "trigger", "on", "from",
        ],
        "watch",
    ),
    ("", &["outbox", "destination", "target", "to"], "output"),
    (
        "",
        &[
            "jobs",
            "tasks",
            "actions",
            "pipeline",
            "operations",
            "stages",
        ],
        "steps",
    ),
    ("", &["archive", "after"], "original"),
    (
        "",
        &["error", "errors", "on_error", "on_failure", "quarantine"],
        "failed",
    ),
    ("", &["retries", "attempts"], "retry"),
    (
        "",
        &["parallel", "parallelism", "workers", "max_parallel"],
        "concurrency",
    ),
    ("", &["password"], "passwords"),
    ("", &["title", "about", "comment"], "description"),
    ("watch", &["path", "dir", "directory", "inbox"], "folder"),
    (
        "watch",
        &["pattern", "patterns", "glob", "filter", "files", "match"],
        "include",
    ),
    ("watch", &["ignore", "skip"], "exclude"),
    (
        "watch",
        &["settle", "delay", "wait", "debounce", "stable_for"],
        "quiet",
    ),
    ("watch", &["recurse", "subfolders", "subdirs"], "recursive"),
    ("watch", &["poll", "interval"], "polling"),
    (
        "a step",
        &["use", "operation", "op", "plugin", "action", "run", "type"],
        "uses",
    ),
    (
        "a step",
        &[
            "params",
            "parameters",
            "args",
            "options",
            "config",
            "settings",
        ],
        "with",
    ),
    ("a step", &["when", "condition", "unless"], "if"),
    ("a step", &["name"], "id"),
    (
        "a step",
        &["ignore_errors", "allow_failure"],
        "continue_on_error",
    ),
    ("output", &["path", "dir", "directory", "outbox"], "folder"),
    ("output", &["filename", "file", "file_name"], "name"),
    (
        "output",
        &["exists", "on_exists", "conflict", "collision", "overwrite"],
        "if_exists",
    ),
    (
        "retry",
        &["count", "times", "max_attempts", "limit"],
        "attempts",
    ),
    ("retry", &["delay", "wait", "interval"], "backoff"),
];

/// What is planned and not built: key, and what it will be.
const PLANNED: &[(&str, &str)] = &[(
    "collect",
    "collecting several files into one job is to come",
)];

/// The container of the key at `pointer`, as the tables above name it.
fn container(pointer: &str) -> Option<&'static str> {
    let parts: Vec<&str> = pointer.split('/').skip(1).collect();
    match parts.as_slice() {
        [_] => Some(""),
        ["watch", _] => Some("watch"),
        ["output", _] => Some("output"),
        ["retry", _] => Some("retry"),
        ["expect", _] => Some("expect"),
        ["steps", _, _] => Some("a step"),
        _ => None,
    }
}

/// Better words than the schema has for the unknown `key` at `pointer`: a message (where it is not merely unknown) and a hint.
pub(super) fn unknown_key(pointer: &str, key: &str) -> (Option<String>, Option<String>) {
    let Some(container) = container(pointer) else {
        return (None, None);
    };
    if container.is_empty()
        && let Some((_, what)) = PLANNED.iter().find(|(planned, _)| *planned == key)
    {
        let message = format!("`{key}` is not built yet in this version of Dropleaf");
        return (Some(message), Some(format!("take it out: {what}")));
    }
    let plain = key.to_lowercase().replace('-', "_");
    let synonym = SYNONYMS
        .iter()
        .find(|(place, words, _)| *place == container && words.contains(&plain.as_str()));
    if let Some((_, _, word)) = synonym {
        return (None, Some(format!("this is called `{word}` here")));
    }
    let elsewhere = ELSEWHERE
        .iter()
        .find(|(known, place)| *known == plain && *place != container);
    let hint = elsewhere.map(|(key, place)| match *place {
        "" => format!("`{key}` belongs to the top level, beside `watch` and `steps`"),
        "a step" => format!("`{key}` belongs into a step"),
        place => format!("`{key}` belongs into `{place}`"),
    });
    (None, hint)
}
