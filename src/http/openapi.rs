//! `/api/v1/openapi.json` (OpenAPI 3.1), made from the route table and from the types of [`crate::http::view`].

use crate::feed::topics::TYPES;
use crate::http::guard::Entry;
use crate::http::query::{Form, Parameter};
use crate::http::refusal::Kind;
use crate::http::route::{BodyKind, Route};
use crate::http::session;
use crate::http::view::event::catalog::{EVENTS, Entry as Event};
use crate::http::view::pipeline::{CurrentTextView, FaultView};
use crate::http::view::snapshot::SnapshotView;
use schemars::generate::SchemaSettings;
use schemars::{Schema, SchemaGenerator};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// What the name of a session's cookie does not say.
const SESSION: &str = "The cookie that `POST /api/v1/session` sets. Browsers send a host's cookies to all of its ports, so its name ends in an \
    underscore and eight digits (hexadecimal) that are the daemon's own: `dropleaf_session_[0-9a-f]{8}`. The daemon takes it by the name \
    without them, too.";

/// The document for a table of routes.
#[must_use]
pub fn document(routes: &[Route]) -> Value {
    let mut settings = SchemaSettings::draft2020_12().for_serialize();
    settings.definitions_path = "/components/schemas".into();
    let mut said = SchemaSettings::draft2020_12().for_deserialize();
    said.definitions_path = settings.definitions_path.clone();
    let (mut generator, mut said) = (settings.into_generator(), said.into_generator());
    let mut paths = Map::new();
    for route in routes {
        let operation = operation(route, &mut generator, &mut said);
        let path = paths.entry(route.path).or_insert_with(|| json!({}));
        path[route.method.to_ascii_lowercase()] = operation;
    }
    // Feeds are no JSON answers, but what they carry is described all the same.
    let events: Vec<(&Event, Schema)> = EVENTS
        .iter()
        .map(|entry| (entry, (entry.data)(&mut generator)))
        .collect();
    generator.subschema_for::<SnapshotView>();
    let fault = generator.subschema_for::<FaultView>();
    let current = generator.subschema_for::<CurrentTextView>();
    let mut schemas = generator.take_definitions(true);
    schemas.insert("Problem".into(), problem(&fault, &current));
    schemas.insert("FeedEvent".into(), feed_event(&events));
    schemas.insert("HistoryEventView".into(), history_event(&events));
    let by_name: Map<String, Value> = events
        .iter()
        .map(|(entry, data)| (entry.name.to_owned(), json!(data)))
        .collect();
    let mut document = json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Dropleaf",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Drop PDFs into a folder; pipelines take them through plugin steps; watch every file live.",
        },
        "servers": [{ "url": "/" }],
        "security": [{ "token": [] }, { "session": [] }, {}],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "responses": refusals(),
            "securitySchemes": {
                "token": { "type": "http", "scheme": "bearer" },
                "session": {
                    "type": "apiKey",
                    "in": "cookie",
                    "name": session::NAME,
                    "description": SESSION,
                },
            },
        },
        "x-events": by_name,
    });
    absent_is_not_null(&mut document);
    // What clients say may be null where it may be left out.
    for (name, schema) in said.take_definitions(true) {
        document["components"]["schemas"][name] = schema;
    }
    document
}

/// Any event of a feed, told apart by its name.
fn feed_event(events: &[(&Event, Schema)]) -> Value {
    let variants = events.iter().map(|(entry, data)| {
        let mut variant = named(entry, data);
        if entry.durable || entry.name == "snapshot" {
            variant["properties"]["id"] = json!({
                "type": "string",
                "description": "the cursor: what goes into Last-Event-ID",
            });
            variant["required"] = json!(["event", "id", "data"]);
        }
        variant
    });
    json!({
        "description": "One event of a feed.",
        "oneOf": variants.collect::<Vec<_>>(),
        "discriminator": { "propertyName": "event" },
    })
}

/// A fact of the journal in a page of the history.
fn history_event(events: &[(&Event, Schema)]) -> Value {
    let durable = events.iter().filter(|(entry, _)| entry.durable);
    json!({
        "description": "One fact of the journal: what the feed would say.",
        "oneOf": durable.map(|(entry, data)| named(entry, data)).collect::<Vec<_>>(),
        "discriminator": { "propertyName": "event" },
    })
}

fn named(entry: &Event, data: &Schema) -> Value {
    json!({
        "type": "object",
        "properties": {
            "event": { "type": "string", "const": entry.name },
            "data": data,
        },
        "required": ["event", "data"],
    })
}

/// Members that may be absent are left out rather than null: the types of Rust say both alike.
fn absent_is_not_null(schema: &mut Value) {
    match schema {
        Value::Array(all) => all.iter_mut().for_each(absent_is_not_null),
        Value::Object(members) => {
            let required: Vec<String> = members
                .get("required")
                .and_then(Value::as_array)
                .map(|names| names.iter().filter_map(Value::as_str).map(str::to_owned))
                .map(Iterator::collect)
                .unwrap_or_default();
            if let Some(Value::Object(properties)) = members.get_mut("properties") {
                properties
                    .iter_mut()
                    .filter(|(name, _)| !required.contains(name))
                    .for_each(|(_, property)| strip_null(property));
            }
            members.values_mut().for_each(absent_is_not_null);
        }
        _ => {}
    }
}

fn strip_null(property: &mut Value) {
    if let Some(Value::Array(types)) = property.get_mut("type") {
        types.retain(|kind| kind != "null");
        if let [only] = types.as_slice() {
            property["type"] = only.clone();
        }
    }
    let Some(Value::Array(choices)) = property.get_mut("anyOf") else {
        return;
    };
    choices.retain(|choice| choice["type"] != "null");
    if let ([Value::Object(only)], Value::Object(members)) = (choices.clone().as_slice(), property)
    {
        members.remove("anyOf");
        members.extend(only.clone());
    }
}

/// `said` makes the schemas of what clients say: there, what has a default may be left out.
fn operation(route: &Route, generator: &mut SchemaGenerator, said: &mut SchemaGenerator) -> Value {
    let mut parameters: Vec<Value> = route
        .path
        .split('/')
        .filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'))
        .map(|name| json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } }))
        .collect();
    parameters.extend(route.query.iter().map(query_parameter));
    let mut operation = json!({
        "operationId": operation_id(route),
        "summary": route.summary,
        "parameters": parameters,
        "responses": responses(route, generator),
    });
    if route.entry != Entry::Token {
        operation["security"] = json!([]);
    }
    if let Some(body) = request_body(route.body, said) {
        operation["requestBody"] = body;
    }
    operation
}

fn operation_id(route: &Route) -> String {
    let path = route.path.strip_prefix("/api/v1").unwrap_or(route.path);
    let words = path
        .split(['/', '.', '-'])
        .map(|word| word.trim_matches(['{', '}']))
        .filter(|word| !word.is_empty());
    let mut id = route.method.to_ascii_lowercase();
    if !route.path.starts_with("/api/") {
        id.push_str("_root");
    }
    for word in words {
        id.push('_');
        id.push_str(word);
    }
    id
}

fn query_parameter(parameter: &Parameter) -> Value {
    let mut described = json!({
        "name": parameter.name,
        "in": "query",
        "required": parameter.required,
        "description": parameter.summary,
        "schema": form(parameter.form),
    });
    if described["schema"]["type"] == "array" {
        // One value with commas, as one writes it by hand; repeating the parameter does the same.
        described["explode"] = json!(false);
    }
    described
}

fn form(form: Form) -> Value {
    let some_of = |words: Vec<String>| json!({ "type": "array", "minItems": 1, "items": { "type": "string", "enum": words } });
    match form {
        Form::Text => json!({ "type": "string" }),
        Form::Pattern(pattern) => json!({ "type": "string", "pattern": pattern }),
        Form::Number(from, to) => json!({ "type": "integer", "minimum": from, "maximum": to }),
        Form::Word(words) => json!({ "type": "string", "enum": words }),
        Form::Words(words) => some_of(words.iter().map(|&word| word.to_owned()).collect()),
        Form::EventTypes => some_of(event_types()),
    }
}

/// Every type, and `kind.*` for each kind.
fn event_types() -> Vec<String> {
    let kinds = TYPES.iter().filter_map(|name| name.split_once('.'));
    let kinds: BTreeSet<String> = kinds.map(|(kind, _)| format!("{kind}.*")).collect();
    TYPES
        .iter()
        .map(|&name| name.to_owned())
        .chain(kinds)
        .collect()
}

fn request_body(kind: BodyKind, generator: &mut SchemaGenerator) -> Option<Value> {
    // Any YAML: what makes sense of it is in `/api/v1/schema/pipeline.json`.
    let text = json!({ "schema": {} });
    let binary = json!({ "schema": { "type": "string", "format": "binary", "minLength": 1 } });
    match kind {
        BodyKind::None => None,
        BodyKind::Json(schema) => {
            let schema = json!(schema(generator));
            let name = schema["$ref"]
                .as_str()
                .and_then(|path| path.rsplit('/').next());
            let members = name.and_then(|name| generator.definitions().get(name));
            let required = members.is_some_and(|members| members.get("required").is_some());
            Some(json!({
                "required": required,
                "content": { "application/json": { "schema": schema } },
            }))
        }
        BodyKind::Yaml | BodyKind::AnyYaml => Some(json!({
            "required": matches!(kind, BodyKind::Yaml),
            "content": { "application/yaml": text },
        })),
        BodyKind::File => Some(json!({
            "required": true,
            "content": {
                "application/pdf": binary,
                "application/octet-stream": binary,
                "multipart/form-data": { "schema": {
                    "type": "object",
                    "properties": {
                        "file": { "type": "string", "format": "binary", "minLength": 1 },
                        "yaml": { "type": "string" },
                    },
                    "required": ["file"],
                    "propertyNames": { "pattern": "^[A-Za-z0-9_.\\[\\] -]+$" },
                } },
            },
        })),
    }
}

fn responses(route: &Route, generator: &mut SchemaGenerator) -> Value {
    let mut responses = Map::new();
    for answer in route.answers {
        let response = responses
            .entry(answer.status.to_string())
            .or_insert_with(|| json!({ "description": answer.summary }));
        if !answer.media.is_empty() {
            let schema = match answer.schema {
                Some(schema) => json!({ "schema": schema(generator) }),
                None => json!({}),
            };
            response["content"][answer.media] = schema;
        }
    }
    for kind in every_refusal(route) {
        responses.entry(kind.status().as_str()).or_insert_with(
            || json!({ "$ref": format!("#/components/responses/{}", kind.slug()) }),
        );
    }
    Value::Object(responses)
}

fn every_refusal(route: &Route) -> Vec<Kind> {
    let mut kinds = vec![Kind::BadRequest];
    match route.entry {
        Entry::Free => {}
        Entry::OwnPages => kinds.push(Kind::ForbiddenOrigin),
        Entry::Token => kinds.extend([Kind::Unauthorized, Kind::ForbiddenOrigin]),
    }
    if !matches!(route.body, BodyKind::None) {
        // No body is taken that is larger than its limit, and none in a form that its route does not know.
        kinds.extend([Kind::TooLarge, Kind::UnsupportedMedia]);
    }
    kinds.extend(route.refusals);
    kinds.extend([Kind::BadHost, Kind::Internal]);
    kinds
}

fn refusals() -> Value {
    let all: Map<String, Value> = Kind::ALL
        .iter()
        .map(|kind| {
            let response = json!({
                "description": kind.title(),
                "content": { "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } } },
            });
            (kind.slug().to_owned(), response)
        })
        .collect();
    Value::Object(all)
}

/// RFC 9457 with our members.
fn problem(fault: &Schema, current: &Schema) -> Value {
    json!({
        "type": "object",
        "description": "Why a request was refused (RFC 9457). `type` is a page that says what to do.",
        "properties": {
            "type": { "type": "string" },
            "title": { "type": "string" },
            "status": { "type": "integer" },
            "detail": { "type": "string" },
            "instance": { "type": "string" },
            "requestId": { "type": "string" },
            "hint": { "type": "string" },
            "errors": { "type": "array", "items": fault },
            "current": {
                "description": "Of a precondition that does not hold: the file as it is now; null where there is none.",
                "oneOf": [current, { "type": "null" }],
            },
        },
        "required": ["type", "title", "status", "detail"],
    })
}
