//! Filling templates in: the same engine checks them in the daemon and runs them in the worker.

use crate::pipeline::template::filters;
use crate::pipeline::template::found::{Scan, Variable};
use crate::pipeline::template::ordered;
use crate::plugin::words::holds_template;
use minijinja::value::{Serde, Value as Dynamic, ValueKind};
use minijinja::{Environment, ErrorKind, Output, State, UndefinedBehavior};
use serde_json::Value;
use std::collections::BTreeMap;

/// About 4 MiB of work and output: thousands of times what a name or a stamp takes.
const FUEL: u64 = 64_000;

/// A template that could not be filled in.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A variable has no value.
    #[error("failed to fill in `{template}`: `{name}` has no value{told}")]
    Undefined {
        /// The template, shortened.
        template: String,
        /// What has no value.
        name: String,
        /// What there is instead, where it is the result of a step.
        told: String,
    },
    /// It works too long or makes too much.
    #[error("failed to fill in `{template}`: it takes too much work")]
    TooMuch {
        /// The template, shortened.
        template: String,
    },
    /// Anything else, such as a text where a number is needed.
    #[error("failed to fill in `{template}`: {why}")]
    Failed {
        /// The template, shortened.
        template: String,
        /// The engine's reason.
        why: String,
    },
}

impl Error {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Undefined { name, .. } => Some(format!(
                "where it may be absent write `{name} | default('')`"
            )),
            Self::TooMuch { .. } => Some(
                "let it loop over less, or make less text; `dropleaf try` shows what it makes of a file".to_owned(),
            ),
            Self::Failed { why, .. } if is_division_by_zero(why) => Some(
                "say what to take where the divisor is 0: `{{ a / b if b else 0 }}`".to_owned(),
            ),
            Self::Failed { why, .. } if why.starts_with(ordered::TEXT_AND_NUMBER) => Some(
                "make a number of the text: `pdf.version | float`, `env.MOST | int`".to_owned(),
            ),
            Self::Failed { .. } => Some(
                "correct the template; `dropleaf try` shows what it makes of a file".to_owned(),
            ),
        }
    }
}

/// The values that templates name: `input`, `job`, `pdf`, `part`, `steps`, `env`, `now`.
#[derive(Clone, Debug)]
pub struct Context {
    values: Dynamic,
}

impl Context {
    /// A context of these values.
    #[must_use]
    pub fn new(values: &BTreeMap<String, Value>) -> Self {
        Self {
            values: Dynamic::from(Serde(values)),
        }
    }

    /// With the operation's own variables standing for themselves, so that they come out as they went in.
    fn leaving(&self, own: &[String]) -> Dynamic {
        let themselves: BTreeMap<&str, String> = own
            .iter()
            .map(|name| (name.as_str(), format!("{{{{ {name} }}}}")))
            .collect();
        minijinja::value::merge_maps([Dynamic::from(Serde(themselves)), self.values.clone()])
    }
}

/// Fills templates in. Cheap to share, costs microseconds a template.
pub struct Engine {
    env: Environment<'static>,
    name_env: Environment<'static>,
}

impl Default for Engine {
    fn default() -> Self {
        Self::new()
    }
}

impl Engine {
    /// An engine with all filters and limits.
    #[must_use]
    pub fn new() -> Self {
        let mut env = Environment::empty();
        env.set_undefined_behavior(UndefinedBehavior::Strict);
        env.set_fuel(Some(FUEL));
        env.set_recursion_limit(100);
        env.set_debug(true);
        env.set_formatter(print);
        filters::add(&mut env);
        ordered::add(&mut env);
        let mut name_env = env.clone();
        name_env.set_formatter(print_for_name);
        Self { env, name_env }
    }

    /// `template` with its values.
    ///
    /// # Errors
    /// A variable without value, a filter that does not fit, or too much work.
    pub fn render_string(&self, template: &str, context: &Context) -> Result<String, Error> {
        if !holds_template(template) {
            return Ok(template.to_owned());
        }
        render(&self.env, template, &context.values)
    }

    /// As `render_string`, for a file name: what would cut a value into folders or harm a name (`/`, `\`, control
    /// characters) becomes `_`.
    ///
    /// # Errors
    /// As `render_string`.
    pub fn render_name(&self, template: &str, context: &Context) -> Result<String, Error> {
        render(&self.name_env, template, &context.values)
    }

    /// `tree` with every text in it filled in. A text that is exactly one `{{ ... }}` becomes what that yields, a number for
    /// example. `own` has the variables to leave standing, by JSON pointer of the text.
    ///
    /// # Errors
    /// As `render_string`.
    pub fn render_value(
        &self,
        tree: &Value,
        own: &BTreeMap<String, Vec<String>>,
        context: &Context,
    ) -> Result<Value, Error> {
        self.render_below(tree, &mut String::new(), own, context)
    }

    fn render_below(
        &self,
        tree: &Value,
        pointer: &mut String,
        own: &BTreeMap<String, Vec<String>>,
        context: &Context,
    ) -> Result<Value, Error> {
        let mut child = |segment: &str, value: &Value| {
            let length = pointer.len();
            pointer.push('/');
            pointer.push_str(&segment.replace('~', "~0").replace('/', "~1"));
            let rendered = self.render_below(value, pointer, own, context);
            pointer.truncate(length);
            rendered
        };
        Ok(match tree {
            Value::Object(map) => {
                let entries = map
                    .iter()
                    .map(|(key, value)| Ok((key.clone(), child(key, value)?)));
                Value::Object(entries.collect::<Result<_, Error>>()?)
            }
            Value::Array(items) => {
                let items = items.iter().enumerate();
                let items = items.map(|(index, value)| child(&index.to_string(), value));
                Value::Array(items.collect::<Result<_, Error>>()?)
            }
            Value::String(text) if holds_template(text) => {
                let own = own
                    .get(pointer.as_str())
                    .map(Vec::as_slice)
                    .unwrap_or_default();
                self.render_text(text, &context.leaving(own))?
            }
            plain => plain.clone(),
        })
    }

    fn render_text(&self, text: &str, values: &Dynamic) -> Result<Value, Error> {
        let scan = Scan::template(text.trim());
        if !scan.one_expression {
            return render(&self.env, text, values).map(Value::String);
        }
        let inside = text.trim();
        let inside = inside.strip_prefix("{{").unwrap_or(inside);
        let inside = inside.strip_suffix("}}").unwrap_or(inside);
        // White space control.
        let inside = inside.strip_prefix(['-', '+']).unwrap_or(inside);
        let inside = inside.strip_suffix(['-', '+']).unwrap_or(inside);
        let fail = |error| tell(text, &scan, inside, values, &error);
        let value = ordered::value(&self.env, inside, values.clone()).map_err(fail)?;
        if value.is_undefined() {
            return Err(Error::Undefined {
                template: shorten(text),
                name: shorten(inside.trim()),
                told: told_instead(&scan, values),
            });
        }
        serde_json::to_value(&value).map_err(|error| Error::Failed {
            template: shorten(text),
            why: error.to_string(),
        })
    }

    /// Whether `expression` holds: `false`, 0, nothing and what is empty do not.
    ///
    /// # Errors
    /// As `render_string`.
    pub fn eval_condition(&self, expression: &str, context: &Context) -> Result<bool, Error> {
        let scan = || Scan::expression(expression);
        let fail = |error| tell(expression, &scan(), expression, &context.values, &error);
        let value = ordered::value(&self.env, expression, context.values.clone()).map_err(fail)?;
        if value.is_undefined() {
            return Err(Error::Undefined {
                template: shorten(expression),
                name: shorten(expression.trim()),
                told: told_instead(&scan(), &context.values),
            });
        }
        Ok(value.is_true())
    }
}

fn render(env: &Environment<'_>, template: &str, values: &Dynamic) -> Result<String, Error> {
    let fail = |error| {
        tell(
            template,
            &Scan::template(template),
            template,
            values,
            &error,
        )
    };
    let compiled = env.template_from_str(template).map_err(fail)?;
    compiled.render(values.clone()).map_err(fail)
}

/// Nothing prints as nothing.
fn print(
    out: &mut Output<'_>,
    state: &mut State<'_, '_>,
    value: &Dynamic,
) -> Result<(), minijinja::Error> {
    if value.is_none() {
        return Ok(());
    }
    // As YAML and JSON write it; the engine's own words are Python's.
    if value.kind() == ValueKind::Bool {
        let word = if value.is_true() { "true" } else { "false" };
        return out.write_str(word).map_err(minijinja::Error::from);
    }
    minijinja::escape_formatter(out, state, value)
}

fn print_for_name(
    out: &mut Output<'_>,
    state: &mut State<'_, '_>,
    value: &Dynamic,
) -> Result<(), minijinja::Error> {
    match value.as_str() {
        Some(text) => {
            let unfit = |c: char| matches!(c, '/' | '\\') || c.is_control();
            let clean: String = text
                .chars()
                .map(|c| if unfit(c) { '_' } else { c })
                .collect();
            print(out, state, &Dynamic::from(clean))
        }
        None => print(out, state, value),
    }
}

/// The engine's error, in terms of the template. `scan` has the names in `source`.
fn tell(
    template: &str,
    scan: &Scan,
    source: &str,
    values: &Dynamic,
    error: &minijinja::Error,
) -> Error {
    let template = shorten(template);
    match error.kind() {
        ErrorKind::UndefinedError => {
            let by_place = || {
                error
                    .range()
                    .and_then(|range| source.get(range))
                    .unwrap_or(source)
            };
            let name = scan
                .variables
                .iter()
                .find_map(|variable| without_value(variable, values));
            Error::Undefined {
                template,
                name: name.unwrap_or_else(|| shorten(by_place())),
                told: told_instead(scan, values),
            }
        }
        ErrorKind::OutOfFuel => Error::TooMuch { template },
        kind => Error::Failed {
            template,
            why: error
                .detail()
                .map_or_else(|| kind.to_string(), str::to_owned),
        },
    }
}

/// The engine's words: `unable to calculate 1 / 0`.
fn is_division_by_zero(why: &str) -> bool {
    let divisor = why
        .strip_prefix("unable to calculate ")
        .and_then(|calculation| calculation.rsplit_once(['/', '%']));
    divisor.is_some_and(|(_, divisor)| divisor.trim().parse() == Ok(0.0))
}

/// The variable as it is written, where it has no value.
fn without_value(variable: &Variable, values: &Dynamic) -> Option<String> {
    let mut name = variable.root.clone();
    let mut value = values.get_attr(&variable.root).ok()?;
    for part in &variable.path {
        if value.is_undefined() {
            break;
        }
        let plain = part.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        name.push_str(&if plain {
            format!(".{part}")
        } else {
            format!("['{part}']")
        });
        value = value.get_item(&Dynamic::from(part.as_str())).ok()?;
    }
    (value.is_undefined() && !variable.guarded).then_some(name)
}

/// The results of the step of which one is asked for that it has not told.
fn told_instead(scan: &Scan, values: &Dynamic) -> String {
    let mut missing = scan.variables.iter();
    let missing = missing.find(|variable| without_value(variable, values).is_some());
    let Some([step, _, ..]) = missing
        .filter(|variable| variable.root == "steps")
        .map(|variable| &variable.path[..])
    else {
        return String::new();
    };
    let of_step = |steps: Dynamic| steps.get_item(&Dynamic::from(step.as_str()));
    let results = values.get_attr("steps").and_then(of_step);
    let Ok(results) = results.and_then(|results| results.try_iter()) else {
        return String::new();
    };
    let mut names: Vec<String> = results.map(|name| format!("`{name}`")).collect();
    names.sort_unstable();
    match names.is_empty() {
        true => format!("; step `{step}` has told nothing"),
        false => format!("; step `{step}` has told {}", names.join(", ")),
    }
}

fn shorten(text: &str) -> String {
    let line = text.trim().replace('\n', " ");
    if line.chars().count() <= 80 {
        return line;
    }
    line.chars().take(77).chain("...".chars()).collect()
}

#[cfg(test)]
mod tests;
