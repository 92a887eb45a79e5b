//! What is said about one thing that is served.

use crate::http::call::Call;
use crate::http::guard::Entry;
use crate::http::query::Parameter;
use crate::http::refusal::{Kind, Refusal};
use crate::http::reply::Response;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use std::pin::Pin;

/// What answers.
pub(crate) type Handler =
    fn(Call) -> Pin<Box<dyn Future<Output = Result<Response, Refusal>> + Send>>;

/// One thing that is served.
pub struct Route {
    /// By which method. GET routes answer HEAD too.
    pub method: &'static str,
    /// Where; `{name}` stands for any one segment.
    pub path: &'static str,
    /// One line.
    pub summary: &'static str,
    /// Who may.
    pub entry: Entry,
    /// Query parameters.
    pub query: &'static [Parameter],
    /// What is sent along.
    pub body: BodyKind,
    /// What comes back if all is well.
    pub answers: &'static [Answer],
    /// What it can be refused for, besides what every route can.
    pub refusals: &'static [Kind],
    pub(crate) handler: Handler,
}

/// The schema of a type, and of all it is made of.
pub type SchemaOf = fn(&mut SchemaGenerator) -> Schema;

/// What is sent along with a request.
#[derive(Clone, Copy, Debug)]
pub enum BodyKind {
    /// Nothing.
    None,
    /// JSON; may be left out where every member may.
    Json(SchemaOf),
    /// A pipeline's text.
    Yaml,
    /// A pipeline's text, which may be empty.
    AnyYaml,
    /// A file as the body, or a form with one file.
    File,
}

/// One way to answer well.
#[derive(Clone, Copy, Debug)]
pub struct Answer {
    /// Status.
    pub status: u16,
    /// Media type; empty where there is no content.
    pub media: &'static str,
    /// What the JSON looks like.
    pub schema: Option<SchemaOf>,
    /// One line.
    pub summary: &'static str,
}

/// An answer without content.
#[must_use]
pub const fn answer(status: u16, summary: &'static str) -> Answer {
    Answer {
        status,
        media: "",
        schema: None,
        summary,
    }
}

/// An answer in JSON.
#[must_use]
pub const fn json<T: JsonSchema>(status: u16, summary: &'static str) -> Answer {
    Answer {
        status,
        media: "application/json",
        schema: Some(schema_of::<T>),
        summary,
    }
}

/// The schema of `T`.
pub fn schema_of<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}
