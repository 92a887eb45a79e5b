//! The filters and tests that templates have: those of minijinja that are safe and useful here, and `date`, `pad` and `slug`.

use jiff::civil::{DateTime, Time};
use jiff::fmt::temporal::Pieces;
use jiff::tz::{Offset, TimeZone};
use jiff::{Timestamp, Zoned};
use minijinja::value::{Kwargs, Value};
use minijinja::{Environment, Error, ErrorKind, State, filters, tests};
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Every filter and what it does.
pub const FILTERS: &[(&str, &str)] = &[
    ("abs", "the number without its sign"),
    ("bool", "true or false"),
    ("capitalize", "the first letter large, the others small"),
    (
        "date",
        "a time in the form of `strftime`: `{{ now | date('%d %b %Y') }}`; default `%Y-%m-%d`",
    ),
    (
        "default",
        "another value where this one is absent: `{{ env.OFFICE | default('Berlin') }}`",
    ),
    ("first", "the first item of a list or character of a text"),
    ("float", "as a number"),
    ("int", "as a whole number"),
    (
        "join",
        "the items of a list as one text: `{{ list | join(', ') }}`",
    ),
    ("last", "the last item or character"),
    ("length", "the number of items or characters"),
    ("lower", "small letters"),
    (
        "pad",
        "zeros in front, up to a width: `{{ part.index | pad(3) }}` is `007`",
    ),
    (
        "replace",
        "one text for another: `{{ input.stem | replace('_', ' ') }}`",
    ),
    ("round", "rounded, to a number of digits where one is given"),
    (
        "slug",
        "only small letters, digits and `-`, for names: `{{ pdf.title | slug }}`",
    ),
    ("split", "a text as a list, cut at another text"),
    ("string", "as a text"),
    ("title", "Each Word With A Large Letter"),
    ("trim", "without white space at both ends"),
    ("upper", "large letters"),
];

/// Every test (`x is odd`).
pub const TESTS: &[&str] = &[
    "defined",
    "divisibleby",
    "endingwith",
    "even",
    "false",
    "in",
    "none",
    "number",
    "odd",
    "startingwith",
    "string",
    "true",
    "undefined",
];

/// Gives `env` all filters and tests.
pub(super) fn add(env: &mut Environment<'_>) {
    env.add_filter("abs", filters::abs);
    env.add_filter("bool", filters::bool);
    env.add_filter("capitalize", filters::capitalize);
    env.add_filter("date", date);
    env.add_filter("default", filters::default);
    env.add_filter("first", filters::first);
    env.add_filter("float", float);
    env.add_filter("int", int);
    env.add_filter("join", filters::join);
    env.add_filter("last", filters::last);
    env.add_filter("length", filters::length);
    env.add_filter("lower", filters::lower);
    env.add_filter("pad", pad);
    env.add_filter("replace", filters::replace);
    env.add_filter("round", filters::round);
    env.add_filter("slug", slug);
    env.add_filter("split", filters::split);
    env.add_filter("string", filters::string);
    env.add_filter("title", filters::title);
    env.add_filter("trim", filters::trim);
    env.add_filter("upper", filters::upper);
    env.add_test("defined", tests::is_defined);
    env.add_test("divisibleby", tests::is_divisibleby);
    env.add_test("endingwith", tests::is_endingwith);
    env.add_test("even", tests::is_even);
    env.add_test("false", tests::is_false);
    env.add_test("in", tests::is_in);
    env.add_test("none", tests::is_none);
    env.add_test("number", tests::is_number);
    env.add_test("odd", tests::is_odd);
    env.add_test("startingwith", tests::is_startingwith);
    env.add_test("string", tests::is_string);
    env.add_test("true", tests::is_true);
    env.add_test("undefined", tests::is_undefined);
}

fn int(
    state: &State<'_, '_>,
    value: &Value,
    default: Option<Value>,
    base: Option<u32>,
    kwargs: Kwargs,
) -> Result<Value, Error> {
    let number = filters::int(state, value, default, base, kwargs);
    number.map_err(|error| no_number(value, error))
}

fn float(
    state: &State<'_, '_>,
    value: &Value,
    default: Option<Value>,
    kwargs: Kwargs,
) -> Result<Value, Error> {
    let number = filters::float(state, value, default, kwargs);
    number.map_err(|error| no_number(value, error))
}

/// The engine speaks of literals and digits.
fn no_number(value: &Value, error: Error) -> Error {
    match value.as_str() {
        Some(text) if error.kind() == ErrorKind::InvalidOperation => {
            let shown: String = text.chars().take(60).collect();
            Error::new(
                ErrorKind::InvalidOperation,
                format!("the text `{shown}` is no number"),
            )
        }
        _ => error,
    }
}

/// Why `format` is no format for `date`.
pub(crate) fn wrong_date_format(format: &str) -> Option<String> {
    let sample = TimeZone::UTC
        .to_zoned(DateTime::constant(2026, 1, 31, 12, 0, 0, 0))
        .ok()?;
    let error = jiff::fmt::strtime::format(format, &sample).err()?;
    Some(error.to_string())
}

fn date(value: &Value, format: Option<&str>) -> Result<String, Error> {
    let wrong = |why: String| Error::new(ErrorKind::InvalidOperation, why);
    let moment =
        moment(value).ok_or_else(|| wrong(format!("`date` needs a time, not `{value}`")))?;
    let format = format.unwrap_or("%Y-%m-%d");
    jiff::fmt::strtime::format(format, &moment)
        .map_err(|error| wrong(format!("`date` cannot use the format `{format}`: {error}")))
}

/// A time as RFC 3339 text (in the offset that it carries), as a date alone, or as milliseconds since 1970.
fn moment(value: &Value) -> Option<Zoned> {
    if let Some(text) = value.as_str() {
        let pieces = Pieces::parse(text.trim()).ok()?;
        let offset = pieces.to_numeric_offset().unwrap_or(Offset::UTC);
        let time = pieces.time().unwrap_or(Time::midnight());
        let date_time = DateTime::from_parts(pieces.date(), time);
        return TimeZone::fixed(offset).to_zoned(date_time).ok();
    }
    let millis = value.as_i64().filter(|_| value.is_number())?;
    let timestamp = Timestamp::from_millisecond(millis).ok()?;
    Some(timestamp.to_zoned(TimeZone::UTC))
}

fn pad(value: &Value, width: &Value) -> Result<String, Error> {
    let whole = width.as_i64().and_then(|width| usize::try_from(width).ok());
    let Some(width) = whole.filter(|width| *width <= 32) else {
        return Err(Error::new(
            ErrorKind::InvalidOperation,
            format!("`pad` needs a width from 0 to 32, not `{width}`"),
        ));
    };
    Ok(format!("{:0>1$}", value.to_string(), width))
}

fn slug(value: &Value) -> String {
    let mut slug = String::new();
    // A letter and its accent are one, however a system writes its names: some take them apart.
    let letters = value.to_string();
    for c in letters.nfc().flat_map(char::to_lowercase).take(200) {
        if c.is_alphanumeric() {
            slug.push(c);
        } else if !is_combining_mark(c) && !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    slug.trim_end_matches('-').to_owned()
}

#[cfg(test)]
mod filter_tests {
    use super::*;

    #[test]
    fn every_listed_filter_and_test_is_there() {
        let mut env = Environment::empty();
        add(&mut env);
        for (name, _) in FILTERS {
            assert!(
                env.compile_expression(&format!("x | {name}")).is_ok(),
                "{name}"
            );
        }
        for name in TESTS {
            assert!(
                env.compile_expression(&format!("x is {name}")).is_ok(),
                "{name}"
            );
        }
        assert!(FILTERS.is_sorted() && TESTS.is_sorted());
    }

    #[test]
    fn dates_keep_the_offset_they_carry() {
        for (value, format, expected) in [
            (
                Value::from("2026-11-22T23:30:00+01:00"),
                "%d %b %Y %H:%M",
                "22 Nov 2026 23:30",
            ),
            (
                Value::from("2026-11-22T23:30:00.123Z"),
                "%Y%m%d-%H%M%S",
                "20261122-233000",
            ),
            (Value::from("2026-11-22"), "%A", "Sunday"),
            (Value::from(0), "%F", "1970-01-01"),
        ] {
            assert_eq!(date(&value, Some(format)).expect("a date"), expected);
        }
        assert!(date(&Value::from("soon"), None).is_err());
        assert!(date(&Value::from(i64::MAX), None).is_err());
        assert!(wrong_date_format("%!").is_some());
        assert!(wrong_date_format("%d.%m.%Y").is_none());
    }

    #[test]
    fn names_are_made_fit() {
        assert_eq!(slug(&Value::from("  Ärger & Co. / 2026 ")), "ärger-co-2026");
        assert_eq!(
            slug(&Value::from("A\u{308}rger Cafe\u{301} x\u{301}y")),
            "ärger-café-xy"
        );
        assert_eq!(slug(&Value::from("İzmir")), "izmir");
        let width = |width| pad(&Value::from(7), &Value::from(width));
        assert_eq!(width(3).expect("fits"), "007");
        for wrong in [-1, 33] {
            let said = width(wrong).expect_err("refused").to_string();
            assert!(
                said.contains(&format!("from 0 to 32, not `{wrong}`")),
                "{said}"
            );
        }
    }
}
