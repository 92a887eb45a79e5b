//! What sort of values expressions yield, as far as that can be told without a document: a text and a number never go together.

use crate::pipeline::template::found::{Comparison, Kind, Side};
use crate::pipeline::template::scope::kind_of;
use minijinja::machinery::ast::{BinOpKind, CallArg, CompareOpKind, Expr, UnaryOpKind};
use minijinja::value::{Value, ValueKind};

/// Filters that make a text of anything.
const TO_TEXT: [&str; 11] = [
    "capitalize",
    "date",
    "join",
    "lower",
    "pad",
    "replace",
    "slug",
    "string",
    "title",
    "trim",
    "upper",
];
/// Filters that make a number of anything.
const TO_NUMBER: [&str; 5] = ["abs", "float", "int", "length", "round"];

/// What is compared by size, for equality or with `in`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum How {
    /// `<`, `<=`, `>`, `>=`.
    Size,
    /// `==`, `!=`.
    Equality,
    /// `in`, `not in`.
    Membership,
}

impl How {
    pub(super) fn of(op: BinOpKind) -> Option<Self> {
        match op {
            BinOpKind::Lt | BinOpKind::Lte | BinOpKind::Gt | BinOpKind::Gte => Some(Self::Size),
            BinOpKind::Eq | BinOpKind::Ne => Some(Self::Equality),
            BinOpKind::In => Some(Self::Membership),
            _ => None,
        }
    }

    pub(super) fn of_chained(op: CompareOpKind) -> Self {
        match op {
            CompareOpKind::Eq | CompareOpKind::Ne => Self::Equality,
            CompareOpKind::In | CompareOpKind::NotIn => Self::Membership,
            _ => Self::Size,
        }
    }
}

/// The comparison of `left` with `right`, where one is a text and the other a number. `is_local` knows the names that the template
/// itself has set.
pub(super) fn mismatch(
    how: How,
    left: &Expr<'_>,
    right: &Expr<'_>,
    is_local: &dyn Fn(&str) -> bool,
) -> Option<Comparison> {
    let kinds = Kinds { is_local };
    let one = kinds.side(left)?;
    let other = match (how, right) {
        // A list of what is all of the other sort.
        (How::Membership, Expr::List(list)) => {
            let mut items = list.items.iter().map(|item| kinds.side(item));
            let first = items.next()??;
            let alike = items.all(|item| item.is_some_and(|item| item.kind == first.kind));
            alike.then_some(first)?
        }
        (How::Membership, _) => return None,
        _ => kinds.side(right)?,
    };
    (one.kind != other.kind).then(|| Comparison {
        offset: start(left),
        by_size: how == How::Size,
        left: one,
        right: other,
    })
}

struct Kinds<'a> {
    is_local: &'a dyn Fn(&str) -> bool,
}

impl Kinds<'_> {
    fn side(&self, expression: &Expr<'_>) -> Option<Side> {
        Some(Side {
            kind: self.kind(expression)?,
            shown: shown(expression),
            constant: expression.as_const().is_some(),
        })
    }

    fn kind(&self, expression: &Expr<'_>) -> Option<Kind> {
        if let Some(value) = expression.as_const() {
            return of_value(&value);
        }
        match expression {
            Expr::Var(_) | Expr::GetAttr(_) | Expr::GetItem(_) => {
                let names = path(expression)?;
                let (root, members) = names.split_first()?;
                if (self.is_local)(root) {
                    return None;
                }
                kind_of(root, members)
            }
            Expr::UnaryOp(op) => matches!(op.op, UnaryOpKind::Neg).then_some(Kind::Number),
            Expr::BinOp(op) => match op.op {
                BinOpKind::Concat => Some(Kind::Text),
                BinOpKind::Sub
                | BinOpKind::Div
                | BinOpKind::FloorDiv
                | BinOpKind::Rem
                | BinOpKind::Pow => Some(Kind::Number),
                BinOpKind::Add | BinOpKind::Mul => self.both(&op.left, &op.right),
                _ => None,
            },
            Expr::IfExpr(choice) => self.both(&choice.true_expr, choice.false_expr.as_ref()?),
            Expr::Filter(filter) if TO_TEXT.contains(&filter.name) => Some(Kind::Text),
            Expr::Filter(filter) if TO_NUMBER.contains(&filter.name) => Some(Kind::Number),
            Expr::Filter(filter) if filter.name == "default" => match filter.args.first()? {
                CallArg::Pos(other) => self.both(filter.expr.as_ref()?, other),
                _ => None,
            },
            _ => None,
        }
    }

    /// The kind that both have.
    fn both(&self, one: &Expr<'_>, other: &Expr<'_>) -> Option<Kind> {
        let kind = self.kind(one)?;
        (self.kind(other)? == kind).then_some(kind)
    }
}

fn of_value(value: &Value) -> Option<Kind> {
    match value.kind() {
        ValueKind::String => Some(Kind::Text),
        ValueKind::Number => Some(Kind::Number),
        _ => None,
    }
}

/// `pdf`, `version` of `pdf.version`.
fn path(expression: &Expr<'_>) -> Option<Vec<String>> {
    match expression {
        Expr::Var(variable) => Some(vec![variable.id.to_owned()]),
        Expr::GetAttr(attribute) => {
            let mut names = path(&attribute.expr)?;
            names.push(attribute.name.to_owned());
            Some(names)
        }
        Expr::GetItem(item) => {
            let mut names = path(&item.expr)?;
            names.push(item.subscript_expr.as_const()?.as_str()?.to_owned());
            Some(names)
        }
        _ => None,
    }
}

/// About as it is written.
fn shown(expression: &Expr<'_>) -> String {
    if let Some(value) = expression.as_const() {
        return match value.as_str() {
            Some(text) => format!("'{text}'"),
            None => value.to_string(),
        };
    }
    match expression {
        Expr::Filter(filter) => {
            let inner = filter.expr.as_ref().map(shown).unwrap_or_default();
            let arguments: Vec<String> = filter
                .args
                .iter()
                .map(|argument| match argument {
                    CallArg::Pos(value) => shown(value),
                    _ => "...".to_owned(),
                })
                .collect();
            let arguments = match arguments.as_slice() {
                [] => String::new(),
                some => format!("({})", some.join(", ")),
            };
            format!("{inner} | {}{arguments}", filter.name)
        }
        _ => path(expression).map_or_else(|| "(...)".to_owned(), |names| names.join(".")),
    }
}

/// Where `expression` begins in the text; the tree knows that of names only.
fn start(expression: &Expr<'_>) -> usize {
    match expression {
        Expr::GetAttr(attribute) => start(&attribute.expr),
        Expr::GetItem(item) => start(&item.expr),
        Expr::Filter(filter) => filter
            .expr
            .as_ref()
            .map_or_else(|| expression.span().start_offset as usize, start),
        _ => expression.span().start_offset as usize,
    }
}
