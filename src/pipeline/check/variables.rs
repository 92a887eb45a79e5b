//! What is wrong with the variables, filters, tests and calls that a template names.

use crate::pipeline::template::filters::{FILTERS, TESTS, wrong_date_format};
use crate::pipeline::template::found::{Comparison, Kind, Side, Use, Variable, What};
use crate::pipeline::template::scope::{GROUPS, Group, Scope, group};
use crate::plugin::words::nearest;
use std::collections::BTreeSet;

/// What is wrong with something that a template names.
pub(super) struct Remark {
    pub(super) offset: usize,
    pub(super) message: String,
    pub(super) hint: String,
}

pub(super) fn about_variable(
    variable: &Variable,
    scope: &Scope<'_>,
    guarded: &BTreeSet<&String>,
) -> Option<Remark> {
    let remark = |message: String, hint: String| {
        Some(Remark {
            offset: variable.offset,
            message,
            hint,
        })
    };
    let root = variable.root.as_str();
    if scope.own.iter().any(|own| own == root) {
        if variable.alone {
            return None;
        }
        return remark(
            format!(
                "`{root}` is filled in by the operation itself, which only knows it alone in its braces"
            ),
            format!("write `{{{{ {root} }}}}`"),
        );
    }
    if let Some(why) = scope.missing(root) {
        return remark(format!("`{root}` is not known here: {why}"), String::new());
    }
    match root {
        "now" if variable.path.is_empty() => None,
        "now" => remark(
            "`now` is a time and has no parts".to_owned(),
            "write for example `now | date('%Y')`".to_owned(),
        ),
        "env" => about_env(variable, scope, guarded),
        "steps" => about_step(variable, scope),
        _ => match group(root) {
            Some(group) => about_member(variable, group),
            None => {
                let (message, hint) = unknown(root, scope);
                remark(message, hint)
            }
        },
    }
}

fn about_member(variable: &Variable, group: &Group) -> Option<Remark> {
    let remark = |message: String, hint: String| {
        Some(Remark {
            offset: variable.offset,
            message,
            hint,
        })
    };
    let known: Vec<&str> = group.variables.iter().map(|(name, _)| *name).collect();
    let list = || format!("known are: {}", known.join(", "));
    match variable.path.as_slice() {
        [] => remark(
            format!("`{}` holds several values; one must be named", group.name),
            list(),
        ),
        [member] if known.contains(&member.as_str()) => None,
        [member, _, ..] if known.contains(&member.as_str()) => remark(
            format!(
                "`{}.{member}` is a single value and has no parts",
                group.name
            ),
            String::new(),
        ),
        [member, ..] => {
            let near = nearest(member, known.iter().copied());
            let hint = near.map_or_else(list, |near| {
                format!("did you mean `{}.{near}`?", group.name)
            });
            remark(format!("unknown variable `{}.{member}`", group.name), hint)
        }
    }
}

fn about_env(
    variable: &Variable,
    scope: &Scope<'_>,
    guarded: &BTreeSet<&String>,
) -> Option<Remark> {
    let remark = |message: String, hint: &str| {
        Some(Remark {
            offset: variable.offset,
            message,
            hint: hint.to_owned(),
        })
    };
    let Some(name) = variable.path.first().filter(|_| !variable.computed) else {
        return remark(
            "`env` must be followed by the name of one variable".to_owned(),
            "for example `env.SCAN_PASSWORD`",
        );
    };
    let set = scope.env.is_none_or(|set| set.contains(name));
    if set || guarded.contains(name) {
        return None;
    }
    let near = scope
        .env
        .and_then(|set| nearest(name, set.iter().map(String::as_str)));
    match near.filter(|near| near.eq_ignore_ascii_case(name)) {
        Some(near) => remark(
            format!("the environment variable `{name}` is not set"),
            &format!("did you mean `{near}`?"),
        ),
        None => remark(
            format!("the environment variable `{name}` is not set"),
            &format!("set it for the daemon, or write `env.{name} | default('')`"),
        ),
    }
}

fn about_step(variable: &Variable, scope: &Scope<'_>) -> Option<Remark> {
    let remark = |message: String, hint: String| {
        Some(Remark {
            offset: variable.offset,
            message,
            hint,
        })
    };
    let earlier = || match scope.earlier {
        [] => "no step comes before this one".to_owned(),
        ids => format!("steps before this one: {}", ids.join(", ")),
    };
    let Some(id) = variable.path.first().filter(|_| !variable.computed) else {
        return remark(
            "`steps` must be followed by the id of one step".to_owned(),
            earlier(),
        );
    };
    if scope.earlier.contains(id) {
        return None;
    }
    let dashed = scope
        .earlier
        .iter()
        .find(|known| known.starts_with(&format!("{id}-")));
    if let Some(dashed) = dashed {
        return remark(
            format!("`{id}` is no step before this one"),
            format!("an id with `-` is written `steps['{dashed}']`"),
        );
    }
    if scope.all.contains(id) {
        return remark(
            format!(
                "the step `{id}` does not come before this one, so that its results are not known yet"
            ),
            earlier(),
        );
    }
    let near = nearest(id, scope.earlier.iter().map(String::as_str));
    let hint = near.map_or_else(earlier, |near| format!("did you mean `steps.{near}`?"));
    remark(format!("`{id}` is no step before this one"), hint)
}

/// What follows the first `-` in the id that `steps.<first half>` was to be.
pub(super) fn second_half<'a>(variable: &Variable, scope: &Scope<'a>) -> Option<&'a str> {
    let id = variable.path.first().filter(|_| variable.root == "steps")?;
    if scope.earlier.contains(id) {
        return None;
    }
    let half = |known: &'a String| known.strip_prefix(id.as_str())?.strip_prefix('-');
    let half = scope.earlier.iter().find_map(half)?;
    half.split('-').next()
}

fn unknown(root: &str, scope: &Scope<'_>) -> (String, String) {
    let message = format!("unknown variable `{root}`");
    let member = GROUPS
        .iter()
        .find(|group| group.variables.iter().any(|(name, _)| *name == root));
    if let Some(group) = member {
        return (message, format!("did you mean `{}.{root}`?", group.name));
    }
    let groups = GROUPS.iter().map(|group| group.name);
    let known: Vec<&str> = groups
        .chain(["steps", "env", "now"])
        .filter(|name| scope.missing(name).is_none())
        .chain(scope.own.iter().map(String::as_str))
        .collect();
    let hint = match nearest(root, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!(
            "known here are: {}; a plain text needs quotes",
            known.join(", ")
        ),
    };
    (message, hint)
}

pub(super) fn about_comparison(comparison: &Comparison) -> Remark {
    let (left, right) = (&comparison.left, &comparison.right);
    let is = |side: &Side| match side.kind {
        Kind::Text => format!("`{}` is a text", side.shown),
        Kind::Number => format!("`{}` is a number", side.shown),
    };
    let why = if comparison.by_size {
        "the two cannot be compared by size"
    } else {
        "the two are never equal"
    };
    let text = if left.kind == Kind::Text { left } else { right };
    let number = text.shown.trim_matches('\'');
    let hint = if text.constant && number.parse::<f64>().is_ok() {
        format!("write the number without quotes: `{number}`")
    } else if text.constant {
        "compare with a number".to_owned()
    } else if text.shown == "pdf.version" {
        "make a number of the text: `pdf.version | float`".to_owned()
    } else {
        format!("make a number of the text: `{} | int`", text.shown)
    };
    Remark {
        offset: comparison.offset,
        message: format!("{} and {}: {why}", is(left), is(right)),
        hint,
    }
}

pub(super) fn about_use(used: &Use) -> Option<Remark> {
    let remark = |message: String, hint: String| {
        Some(Remark {
            offset: used.offset,
            message,
            hint,
        })
    };
    let name = used.name.as_str();
    let filters = || FILTERS.iter().map(|(name, _)| *name);
    match used.what {
        What::Filter if filters().any(|known| known == name) => {
            let format = used.argument.as_deref().filter(|_| name == "date")?;
            let why = wrong_date_format(format)?;
            remark(
                format!("`date` cannot use the format `{format}`: {why}"),
                "for example `date('%d %b %Y')` or `date('%Y-%m-%d')`".to_owned(),
            )
        }
        What::Filter => {
            let hint = match nearest(name, filters()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!(
                    "known filters: {}",
                    filters().collect::<Vec<_>>().join(", ")
                ),
            };
            remark(format!("unknown filter `{name}`"), hint)
        }
        // Comparisons such as `is eq` come from minijinja under several names; only those listed are there.
        What::Test if TESTS.contains(&name) => None,
        What::Test => {
            let hint = match nearest(name, TESTS.iter().copied()) {
                Some(near) => format!("did you mean `is {near}`?"),
                None => format!("known tests: {}", TESTS.join(", ")),
            };
            remark(format!("unknown test `is {name}`"), hint)
        }
        What::Method if filters().any(|known| known == name) => remark(
            format!("templates have no functions such as `.{name}()`"),
            format!("use the filter: `| {name}`"),
        ),
        What::Function | What::Method => {
            let what = if name.is_empty() {
                "calls".to_owned()
            } else {
                format!("functions such as `{name}()`")
            };
            remark(
                format!("templates have no {what}"),
                format!(
                    "filters do such work: {}",
                    filters().collect::<Vec<_>>().join(", ")
                ),
            )
        }
    }
}
