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
