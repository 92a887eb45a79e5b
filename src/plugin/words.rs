//! Words for people: values and kinds of values as a sentence names them, and the word that was meant.

use jsonschema::JsonType;
use serde_json::Value;

/// At most `limit` characters of `text`.
pub(crate) fn shorten(text: &str, limit: usize) -> String {
    if text.chars().count() <= limit {
        return text.to_owned();
    }
    let short: String = text.chars().take(limit.saturating_sub(3)).collect();
    format!("{short}...")
}

/// `the text `x``, `the number 5`, `a list`.
pub(crate) fn value(value: &Value) -> String {
    match value {
        Value::Null => "nothing".to_owned(),
        Value::Bool(flag) => format!("`{flag}`"),
        Value::Number(number) => format!("the number {number}"),
        Value::String(text) if text.is_empty() => "an empty text".to_owned(),
        Value::String(text) => format!("the text `{}`", one_line(text)),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "a map".to_owned(),
    }
}

/// A value as it is written: `x`, 5, true.
pub(crate) fn literal(value: &Value) -> String {
    match value {
        Value::String(text) => format!("`{}`", one_line(text)),
        Value::Null => "nothing".to_owned(),
        other => format!("`{}`", shorten(&other.to_string(), 60)),
    }
}

fn one_line(text: &str) -> String {
    shorten(
        &text
            .replace('\n', "\\n")
            .replace('\r', "\\r")
            .replace('\t', "\\t"),
        60,
    )
}

/// `a whole number`, `a list`.
pub(crate) fn kind(kind: JsonType) -> &'static str {
    match kind {
        JsonType::Null => "empty",
        JsonType::Boolean => "`true` or `false`",
        JsonType::Integer => "a whole number",
        JsonType::Number => "a number",
        JsonType::String => "a text",
        JsonType::Array => "a list",
        JsonType::Object => "a map of keys and values",
    }
}

/// `a`, `a or b`, `a, b or c`.
pub(crate) fn either(mut words: Vec<String>) -> String {
    words.dedup();
    match words.pop() {
        None => String::new(),
        Some(last) if words.is_empty() => last,
        Some(last) => format!("{} or {last}", words.join(", ")),
    }
}

/// `did you mean `x`?`, where one of `known` is near.
pub(crate) fn did_you_mean<'a>(
    wrong: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<String> {
    nearest(wrong, known).map(|word| format!("did you mean `{word}`?"))
}

/// The key or place that `pointer` ends in: `` `angle` ``, `item 2 of `ranges``; `subject` for the whole value.
pub(crate) fn place(subject: &str, pointer: &str) -> String {
    let mut items = Vec::new();
    for segment in pointer
        .split('/')
        .skip(1)
        .collect::<Vec<_>>()
        .into_iter()
        .rev()
    {
        match segment.parse::<usize>() {
            Ok(index) => items.push(format!("item {} of ", index + 1)),
            Err(_) => {
                let key = segment.replace("~1", "/").replace("~0", "~");
                return format!("{}`{}`", items.concat(), shorten(&key, 60));
            }
        }
    }
    format!("{}{subject}", items.concat())
}

/// What to write for a number that YAML takes for a text: it has quotes, or zeros in front.
pub(crate) fn number_in_quotes(text: &str) -> Option<String> {
    let text = text.trim();
    text.parse::<f64>()
        .ok()
        .filter(|number| number.is_finite())?;
    let sign = if text.starts_with('-') { "-" } else { "" };
    let digits = text.trim_start_matches(['-', '+']);
    let plain = digits.trim_start_matches('0');
    if plain.len() == digits.len() || digits == "0" || plain.starts_with(['.', 'e', 'E']) {
        return Some(format!("write it without quotes: {text}"));
    }
    let plain = if plain.is_empty() { "0" } else { plain };
    Some(format!(
        "write it without the zeros in front: {sign}{plain}"
    ))
}

/// The first character of `key` that is none of those that keys are made of, by its number: many look like others, or like nothing.
pub(crate) fn odd_character(key: &str) -> Option<String> {
    let odd = key.chars().find(|c| !c.is_ascii())?;
    let number = u32::from(odd);
    Some(if odd.is_alphanumeric() {
        format!("the `{odd}` written here is U+{number:04X}")
    } else {
        format!("a character written here is U+{number:04X}")
    })
}

/// The first sentence of a description, for a hint.
pub(crate) fn first_sentence(description: &str) -> String {
    let line = description.trim().lines().next().unwrap_or_default();
    let end = line.find(". ").unwrap_or(line.len());
    shorten(line[..end].trim_end_matches('.'), 160)
}

/// Whether `text` holds something that a template engine would look at.
#[must_use]
pub fn holds_template(text: &str) -> bool {
    ["{{", "{%", "{#"].iter().any(|mark| text.contains(mark))
}

/// The one of `known` that was probably meant by `wrong`.
#[must_use]
pub fn nearest<'a>(wrong: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wrong = wrong.to_lowercase();
    known
        .into_iter()
        .map(|word| (closeness(&wrong, &word.to_lowercase()), word))
        .filter(|(score, _)| *score >= 0.6)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, word)| word)
}

/// From 0 to 1; a word that only lacks or has something at an end is close too.
fn closeness(wrong: &str, word: &str) -> f64 {
    let plain = |text: &str| text.replace(['-', '_', ' '], "");
    let (wrong, word) = (plain(wrong), plain(word));
    if wrong == word {
        return 1.0;
    }
    if wrong.len() >= 3 && (word.starts_with(&wrong) || wrong.starts_with(&word) && word.len() >= 3)
    {
        return 0.85;
    }
    strsim::normalized_damerau_levenshtein(&wrong, &word)
}
