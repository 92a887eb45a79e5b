//! One validation error as objections in plain words.

use crate::plugin::parameters::excuse::{any_template, excused, types};
use crate::plugin::parameters::forms;
use crate::plugin::parameters::walk::Walk;
use crate::plugin::words::{
    did_you_mean, either, first_sentence, kind, literal, number_in_quotes, odd_character, place,
    shorten, value,
};
use jsonschema::JsonType;
use jsonschema::error::{ValidationError, ValidationErrorKind as Kind};
use serde_json::Value;

/// One thing that a schema has against a value.
#[derive(Clone, Debug, PartialEq)]
pub struct Objection {
    /// JSON pointer of the value in question; for an unknown key that key's value, for a missing one the map that lacks it.
    pub pointer: String,
    /// What is wrong, in plain words.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// The schema's `x-dropleaf-kind`, where a caller may have better words for it.
    pub kind: Option<String>,
    /// What sort of objection it is.
    pub about: About,
}

/// The pattern of texts that show something.
const NOT_BLANK: &str = r"\S";

/// How the hint for a number or `true` in a text's place begins; the value follows in quotes.
pub(crate) const QUOTE: &str = "put it in quotes: ";

/// What an objection is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum About {
    /// A key that the schema does not know.
    UnknownKey(String),
    /// A key that must be there, or several of which some must: in words, with backticks.
    MissingKey(String),
    /// A key that another form of the map would have.
    MisplacedKey,
    /// A value.
    Value,
}

/// What `error` says; nothing where a template excuses it.
pub(super) fn objections(
    schema: &Value,
    subject: &str,
    error: &ValidationError<'_>,
) -> Vec<Objection> {
    if excused(error) {
        return Vec::new();
    }
    let this = Case {
        schema,
        subject,
        error,
    };
    match error.kind() {
        Kind::AdditionalProperties { unexpected } | Kind::UnevaluatedProperties { unexpected } => {
            let known = Walk::new(schema).keys_at(this.pointer());
            let told = |key: &&String| {
                // Such a key is objected to because what would take it does not fit, and that may be a template's doing.
                !known.contains(&key.as_str()) || !any_template(error.instance())
            };
            let unexpected = unexpected.iter().filter(told);
            unexpected
                .map(|key| match known.contains(&key.as_str()) {
                    true => this.misplaced_key(key),
                    false => this.unknown_key(key),
                })
                .collect()
        }
        Kind::Required { property } => {
            vec![this.missing_key(property.as_str().unwrap_or_default())]
        }
        Kind::AnyOf { context } | Kind::OneOfNotValid { context } => this.alternatives(context),
        _ => vec![this.about_value()],
    }
}

struct Case<'a> {
    schema: &'a Value,
    subject: &'a str,
    error: &'a ValidationError<'a>,
}

impl Case<'_> {
    fn pointer(&self) -> &str {
        self.error.instance_path().as_str()
    }

    fn place(&self) -> String {
        place(self.subject, self.pointer())
    }

    /// The schema whose keyword objects.
    fn rule(&self) -> Option<&Value> {
        let path = self.error.schema_path().as_str();
        self.schema
            .pointer(path.rsplit_once('/').map_or("", |(parent, _)| parent))
    }

    fn unknown_key(&self, key: &str) -> Objection {
        let known = Walk::new(self.schema).keys_at(self.pointer());
        let near = did_you_mean(key, known.iter().copied());
        let near = near.map(|near| match odd_character(key) {
            Some(odd) => format!("{near} {odd}"),
            None => near,
        });
        let hint = near.or_else(|| match known.as_slice() {
            [] => Some(format!("{} takes no keys", self.place())),
            known => Some(format!("known keys: {}", known.join(", "))),
        });
        let container = if self.pointer().is_empty() && self.subject.is_empty() {
            String::new()
        } else {
            format!(" in {}", self.place())
        };
        Objection {
            pointer: child(self.pointer(), key),
            message: format!("unknown key `{}`{container}", shorten(key, 60)),
            hint,
            kind: None,
            about: About::UnknownKey(key.to_owned()),
        }
    }

    /// A key that is known, but not where the others say what they say.
    fn misplaced_key(&self, key: &str) -> Objection {
        Objection {
            pointer: child(self.pointer(), key),
            message: format!(
                "`{}` does not go with the other keys of {}, or has a value that does not",
                shorten(key, 60),
                self.place()
            ),
            hint: None,
            kind: None,
            about: About::MisplacedKey,
        }
    }

    fn missing_key(&self, key: &str) -> Objection {
        let pointer = child(self.pointer(), key);
        let about = Walk::new(self.schema)
            .description(&pointer)
            .map(first_sentence);
        Objection {
            pointer: self.pointer().to_owned(),
            message: match (self.subject, self.pointer()) {
                ("", "") => format!("the key `{key}` is missing"),
                _ => format!("the key `{key}` is missing in {}", self.place()),
            },
            hint: about.map(|about| format!("`{key}`: {about}")),
            kind: None,
            about: About::MissingKey(format!("`{key}`")),
        }
    }

    /// None of the forms that this map may have is whole; each lacks something.
    fn no_form(&self, lacking: Vec<String>) -> Objection {
        let lacking = either(lacking);
        Objection {
            pointer: self.pointer().to_owned(),
            message: format!("{} must have {lacking}", self.place()),
            hint: None,
            kind: None,
            about: About::MissingKey(lacking),
        }
    }

    /// Something of more than one form is there.
    fn mixed_forms(&self) -> (String, Option<String>) {
        let place = self.place();
        let is = self.error.instance();
        let Some(had) = self.rule().and_then(|rule| forms::mixed(rule, is)) else {
            let message =
                format!("{place} fits several of the forms it may have; it must fit exactly one");
            return (message, None);
        };
        let keys: Vec<String> = had.iter().flatten().cloned().collect();
        let hint = forms::choice(Walk::new(self.schema), self.pointer(), &had);
        let keys = forms::together(&keys);
        (
            format!("{place} has {keys}, which exclude each other"),
            Some(hint),
        )
    }

    fn about_value(&self) -> Objection {
        let (message, hint) = self.sentence();
        let described = || {
            let about = Walk::new(self.schema).description(self.pointer())?;
            let place = self.place();
            // Of an item's description nobody learns more.
            place
                .starts_with('`')
                .then(|| format!("{place}: {}", first_sentence(about)))
        };
        self.objection(message, hint.or_else(described))
    }

    fn objection(&self, message: String, hint: Option<String>) -> Objection {
        let kind = self
            .rule()
            .and_then(|rule| rule.get("x-dropleaf-kind")?.as_str());
        Objection {
            pointer: self.pointer().to_owned(),
            message,
            hint,
            kind: kind.map(str::to_owned),
            about: About::Value,
        }
    }

    fn sentence(&self) -> (String, Option<String>) {
        let place = self.place();
        let is = self.error.instance();
        let shown = literal(is);
        let message = match self.error.kind() {
            Kind::Type { kind } => return self.wrong_type(&types(kind)),
            Kind::Enum { options } => {
                let options = options.as_array().map(Vec::as_slice).unwrap_or_default();
                return self.wrong_word(options);
            }
            Kind::Constant { expected_value } => {
                return self.wrong_word(std::slice::from_ref(&**expected_value));
            }
            Kind::Minimum { limit } => format!("{place} must be at least {limit}, not {shown}"),
            Kind::Maximum { limit } => format!("{place} must be at most {limit}, not {shown}"),
            Kind::ExclusiveMinimum { limit } => {
                format!("{place} must be more than {limit}, not {shown}")
            }
            Kind::ExclusiveMaximum { limit } => {
                format!("{place} must be less than {limit}, not {shown}")
            }
            Kind::MultipleOf { multiple_of } => {
                format!("{place} must be a multiple of {multiple_of}, not {shown}")
            }
            Kind::MinLength { limit: 1 } | Kind::MinItems { limit: 1 } => {
                format!("{place} must not be empty")
            }
            Kind::MinProperties { limit: 1 } => {
                let message = format!("{place} must have at least one key");
                return (message, self.about_keys(&Value::Null));
            }
            Kind::MinLength { limit } => format!("{place} must have at least {limit} characters"),
            Kind::MaxLength { limit } => format!("{place} must have at most {limit} characters"),
            Kind::MinItems { limit } => format!("{place} must have at least {limit} items"),
            Kind::MaxItems { limit } => format!("{place} must have at most {limit} items"),
            Kind::AdditionalItems { limit } => format!("{place} must have at most {limit} items"),
            Kind::MinProperties { limit } => format!("{place} must have at least {limit} keys"),
            Kind::MaxProperties { limit } => format!("{place} must have at most {limit} keys"),
            Kind::UniqueItems => format!("{place} has the same item twice"),
            Kind::Pattern { pattern } => return self.wrong_form(pattern),
            Kind::Format { format } => format!("{place} is {shown}, which is not a valid {format}"),
            Kind::FalseSchema => match self.excluded_by() {
                Some(other) => format!("{place} and `{other}` exclude each other"),
                None => format!("{place} is not allowed here"),
            },
            Kind::PropertyNames { error } => return self.wrong_name(error.instance()),
            Kind::OneOfMultipleValid { .. } => return self.mixed_forms(),
            Kind::Not { .. } => format!("{place} must not be {shown}"),
            _ => format!(
                "{place} is not allowed: {}",
                shorten(&self.error.to_string(), 200)
            ),
        };
        (message, None)
    }

    /// The key beside which this value may not stand.
    fn excluded_by(&self) -> Option<String> {
        let path = self.error.schema_path().as_str();
        let (_, rest) = path.rsplit_once("/dependentSchemas/")?;
        let key = rest.split('/').next()?;
        Some(key.replace("~1", "/").replace("~0", "~"))
    }

    /// A key of this map is none that it may have; perhaps it is one of the map around it.
    fn wrong_name(&self, name: &Value) -> (String, Option<String>) {
        let message = format!("{} cannot have the key {}", self.place(), literal(name));
        let around = self
            .pointer()
            .rsplit_once('/')
            .map_or("", |(above, _)| above);
        let known = Walk::new(self.schema).keys_at(around);
        let name = name.as_str().unwrap_or_default();
        let own = known.iter().find(|known| known.eq_ignore_ascii_case(name));
        (
            message,
            own.map(|own| format!("`{own}` is a key of its own, beside {}", self.place())),
        )
    }

    fn wrong_type(&self, allowed: &[JsonType]) -> (String, Option<String>) {
        let is = self.error.instance().as_ref();
        let words: Vec<String> = allowed
            .iter()
            .filter(|kind| **kind != JsonType::Null)
            .map(|one| kind(*one).to_owned())
            .collect();
        let allows = |kind| allowed.contains(&kind);
        if is.is_null() {
            return (
                format!("{} is empty; it must be {}", self.place(), either(words)),
                None,
            );
        }
        let hint = match is {
            Value::String(text) if allows(JsonType::Boolean) => {
                match text.to_lowercase().as_str() {
                    "yes" | "on" | "y" | "true" => Some("write `true`".to_owned()),
                    "no" | "off" | "n" | "false" => Some("write `false`".to_owned()),
                    _ => None,
                }
            }
            Value::String(text) if allows(JsonType::Integer) || allows(JsonType::Number) => {
                number_in_quotes(text)
            }
            _ if allows(JsonType::Object) && !is.is_object() => self.about_keys(is),
            Value::String(_) if allows(JsonType::Array) => {
                Some("write it as a list: [...]".to_owned())
            }
            Value::Number(_) | Value::Bool(_) if allows(JsonType::String) => {
                Some(format!("{QUOTE}\"{is}\""))
            }
            _ => None,
        };
        (
            format!(
                "{} must be {}, not {}",
                self.place(),
                either(words),
                value(is)
            ),
            hint,
        )
    }

    /// Where a map is needed: the keys it may have, or that a colon is missing.
    fn about_keys(&self, is: &Value) -> Option<String> {
        let known = Walk::new(self.schema).keys_at(self.pointer());
        let words = is.as_str().and_then(|text| text.split_once(' '));
        match words {
            Some((key, rest)) if known.contains(&key) => Some(format!(
                "is a colon missing? `{key}: {}`",
                shorten(rest.trim(), 60)
            )),
            _ if known.is_empty() => None,
            _ => Some(format!("its keys are: {}", known.join(", "))),
        }
    }

    fn wrong_word(&self, options: &[Value]) -> (String, Option<String>) {
        let is = self.error.instance().as_ref();
        let names: Vec<&str> = options.iter().filter_map(Value::as_str).collect();
        let hint = is.as_str().and_then(|word| did_you_mean(word, names));
        let allowed = either(
            options
                .iter()
                .filter(|option| !option.is_null())
                .map(literal)
                .collect(),
        );
        let message = if is.is_null() {
            format!("{} is empty; it must be {allowed}", self.place())
        } else {
            format!("{} must be {allowed}, not {}", self.place(), literal(is))
        };
        (message, hint)
    }

    fn wrong_form(&self, pattern: &str) -> (String, Option<String>) {
        if pattern == NOT_BLANK {
            let empty = self.error.instance().as_str() == Some("");
            let what = if empty { "empty" } else { "blank" };
            return (format!("{} must not be {what}", self.place()), None);
        }
        let examples = self
            .rule()
            .and_then(|rule| rule.get("examples")?.as_array());
        let hint = match examples {
            Some(examples) => Some(format!(
                "for example {}",
                either(examples.iter().take(4).map(literal).collect())
            )),
            None => {
                let about = Walk::new(self.schema)
                    .description(self.pointer())
                    .map(first_sentence);
                Some(about.unwrap_or_else(|| {
                    format!("it must match the pattern `{}`", shorten(pattern, 100))
                }))
            }
        };
        let shown = literal(self.error.instance());
        (
            format!(
                "{} does not have the form that is needed: {shown}",
                self.place()
            ),
            hint,
        )
    }

    /// No alternative fits: the one that was probably meant, or all of them in one sentence.
    fn alternatives(&self, context: &[Vec<ValidationError<'static>>]) -> Vec<Objection> {
        let here = self.pointer();
        let at_fault = |branch: &&Vec<ValidationError<'static>>| {
            branch.iter().any(|error| {
                error.instance_path().as_str() == here
                    && matches!(
                        error.kind(),
                        Kind::Type { .. } | Kind::Enum { .. } | Kind::Constant { .. }
                    )
            })
        };
        let wrong_tags = |branch: &&Vec<ValidationError<'static>>| {
            let tag =
                |error: &&ValidationError<'static>| matches!(error.kind(), Kind::Constant { .. });
            (branch.iter().filter(tag).count(), branch.len())
        };
        let meant = || context.iter().filter(|branch| !at_fault(branch));
        if let Some(lacking) = forms::lacking(here, meant()) {
            return vec![self.no_form(lacking)];
        }
        if let Some(branch) = meant().min_by_key(wrong_tags) {
            return branch
                .iter()
                .flat_map(|error| objections(self.schema, self.subject, error))
                .collect();
        }
        let mut types_allowed: Vec<JsonType> = Vec::new();
        let mut options: Vec<Value> = Vec::new();
        for error in context
            .iter()
            .flatten()
            .filter(|error| error.instance_path().as_str() == here)
        {
            match error.kind() {
                Kind::Type { kind } => types_allowed.extend(types(kind)),
                Kind::Enum { options: more } => {
                    options.extend(more.as_array().into_iter().flatten().cloned())
                }
                Kind::Constant { expected_value } => options.push((**expected_value).clone()),
                _ => {}
            }
        }
        options.retain(|option| !option.is_null());
        types_allowed.retain(|kind| *kind != JsonType::Null);
        let (message, hint) = match (options.as_slice(), types_allowed.as_slice()) {
            (options, []) if !options.is_empty() => self.wrong_word(options),
            ([], kinds) if !kinds.is_empty() => self.wrong_type(kinds),
            (options, kinds) => self.wrong_both(options, kinds),
        };
        vec![self.objection(message, hint)]
    }

    fn wrong_both(&self, options: &[Value], kinds: &[JsonType]) -> (String, Option<String>) {
        let mut words: Vec<String> = options.iter().map(literal).collect();
        words.extend(kinds.iter().map(|one| kind(*one).to_owned()));
        let is = self.error.instance().as_ref();
        let names: Vec<&str> = options.iter().filter_map(Value::as_str).collect();
        let hint = is.as_str().and_then(|word| did_you_mean(word, names));
        (
            format!(
                "{} must be {}, not {}",
                self.place(),
                either(words),
                value(is)
            ),
            hint,
        )
    }
}

fn child(pointer: &str, key: &str) -> String {
    format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"))
}
