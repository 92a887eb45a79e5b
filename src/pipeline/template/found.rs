//! What was found in a template: the names it uses, each with its place.

use std::collections::BTreeSet;

/// Everything that a template or expression names.
#[derive(Debug, Default)]
pub(crate) struct Scan {
    /// Why it cannot be read, where it cannot.
    pub(crate) broken: Option<Broken>,
    /// Variables, in order.
    pub(crate) variables: Vec<Variable>,
    /// Filters and tests, in order.
    pub(crate) uses: Vec<Use>,
    /// Comparisons of a text with a number.
    pub(crate) mismatches: Vec<Comparison>,
    /// The environment variables among the variables.
    pub(crate) env: BTreeSet<String>,
    /// For an expression: its value, where it never changes.
    pub(crate) constant: Option<Constant>,
    /// The template is exactly one `{{ ... }}` and nothing else: what it yields keeps its type.
    pub(crate) one_expression: bool,
}

/// A syntax error.
#[derive(Debug)]
pub(crate) struct Broken {
    /// Byte offset in the template.
    pub(crate) offset: usize,
    /// What the engine says.
    pub(crate) why: String,
}

/// A variable with the names behind its dots.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Variable {
    /// Byte offset in the template.
    pub(crate) offset: usize,
    /// `input` in `input.stem`.
    pub(crate) root: String,
    /// `stem` in `input.stem`; empty where the variable stands alone.
    pub(crate) path: Vec<String>,
    /// It is looked up by a value (`env[name]`) that is not known before.
    pub(crate) computed: bool,
    /// It may be absent: it stands before `default` or `is defined`.
    pub(crate) guarded: bool,
    /// It stands alone in `{{ }}`.
    pub(crate) alone: bool,
}

/// A comparison of a text with a number.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Comparison {
    /// Byte offset in the template of what stands left.
    pub(crate) offset: usize,
    /// `<`, `<=`, `>` or `>=`; else `==`, `!=` or `in`.
    pub(crate) by_size: bool,
    /// What stands left.
    pub(crate) left: Side,
    /// What stands right; with `in`, the first item there.
    pub(crate) right: Side,
}

/// One side of a comparison.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Side {
    /// What it is.
    pub(crate) kind: Kind,
    /// About as it is written.
    pub(crate) shown: String,
    /// It never changes.
    pub(crate) constant: bool,
}

/// What is known of a value before there is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A text.
    Text,
    /// A number.
    Number,
}

/// A filter, test or call.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Use {
    /// Byte offset in the template.
    pub(crate) offset: usize,
    /// What it is.
    pub(crate) what: What,
    /// Its name.
    pub(crate) name: String,
    /// Its first argument, where that is a text that never changes.
    pub(crate) argument: Option<String>,
}

/// What is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    /// `| name`.
    Filter,
    /// `is name`.
    Test,
    /// `name(...)`.
    Function,
    /// `.name(...)`.
    Method,
}

/// A constant expression's value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Constant {
    /// `true` or `false`.
    Bool,
    /// Anything else, as text.
    Other(String),
}
