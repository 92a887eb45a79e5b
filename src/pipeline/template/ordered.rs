//! Expressions whose `<`, `<=`, `>` and `>=` refuse to compare a text with a number.
//!
//! The engine has an order for values of all sorts, by which every text is more than every number: `pdf.version > 99` would hold
//! for every file. So these four steps of a compiled expression are replaced by a filter that looks at both sides first. Of a
//! chain (`1 < a < b`) that is done for the last comparison only; the engine has one step for the others that gives two values.

use minijinja::machinery::{CodeGenerator, Instruction, eval, make_string_output, parse_expr};
use minijinja::value::{Value, ValueKind};
use minijinja::{AutoEscape, Environment, Error, ErrorKind};
use std::collections::BTreeMap;

type Holds = fn(&Value, &Value) -> bool;

/// The filters that stand for the four comparisons. No expression can name them.
const FILTERS: [(&str, Holds); 4] = [
    ("<", |a, b| a < b),
    ("<=", |a, b| a <= b),
    (">", |a, b| a > b),
    (">=", |a, b| a >= b),
];

/// The engine's word for "look the filter up each time".
const NOT_KEPT: u8 = u8::MAX;

/// Gives `env` the comparisons.
pub(super) fn add(env: &mut Environment<'_>) {
    for (sign, holds) in FILTERS {
        env.add_filter(sign, move |a: Value, b: Value| compare(sign, holds, &a, &b));
    }
}

/// The value of `expression`.
pub(super) fn value(
    env: &Environment<'_>,
    expression: &str,
    values: Value,
) -> Result<Value, Error> {
    let tree = parse_expr(expression)?;
    let mut generator = CodeGenerator::new("<expression>", expression);
    generator.compile_expr(&tree);
    let mut instructions = generator.finish().0;
    let mut index = 0;
    while let Some(instruction) = instructions.get_mut(index) {
        let sign = match instruction {
            Instruction::Lt => Some("<"),
            Instruction::Lte => Some("<="),
            Instruction::Gt => Some(">"),
            Instruction::Gte => Some(">="),
            _ => None,
        };
        if let Some(sign) = sign {
            *instruction = Instruction::ApplyFilter(sign, Some(2), NOT_KEPT);
        }
        index += 1;
    }
    let blocks = BTreeMap::new();
    // An expression yields a value and prints nothing.
    let mut printed = String::new();
    let mut out = make_string_output(&mut printed);
    let (value, _) = eval(
        env,
        &instructions,
        values,
        &blocks,
        &mut out,
        AutoEscape::None,
    )?;
    Ok(value.unwrap_or_default())
}

fn compare(
    sign: &str,
    holds: fn(&Value, &Value) -> bool,
    a: &Value,
    b: &Value,
) -> Result<bool, Error> {
    if a.is_undefined() || b.is_undefined() {
        return Err(Error::from(ErrorKind::UndefinedError));
    }
    let said = match (a.kind(), b.kind()) {
        (ValueKind::String, ValueKind::Number) => format!("the text `{a}` {sign} the number {b}"),
        (ValueKind::Number, ValueKind::String) => format!("the number {a} {sign} the text `{b}`"),
        _ => return Ok(holds(a, b)),
    };
    Err(Error::new(
        ErrorKind::InvalidOperation,
        format!("{TEXT_AND_NUMBER}: {said}"),
    ))
}

/// How the engine's reason begins.
pub(super) const TEXT_AND_NUMBER: &str = "a text and a number cannot be compared by size";
