//! A picture of one page, drawn outside of everything by the plugin that offers `render-pages`: no job, no journal, no folder is
//! touched.

use crate::job::attempt::Failure;
use crate::pipeline::checked::Pipeline;
use crate::pipeline::template;
use crate::pipeline::template::values::{self, InputValues, JobValues};
use crate::plugin::catalog::{Catalog, Found};
use crate::plugin::manifest::Inputs;
use crate::pool::Pool;
use crate::pool::update::{Limits, Update};
use crate::problem::{Code, Problem};
use crate::scheduler::planning::Bounds;
use crate::time::Timestamp;
use crate::wire::message::{Plan, PlanStep};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read as _, Seek as _};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// The operation that draws.
const OPERATION: &str = "render-pages";
/// What a document is called there.
const PLAIN: &str = "page.pdf";
/// How long a page may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// Bytes that a picture may have.
const MOST_BYTES: u64 = 8 << 20;
/// A picture is at most so many times as high as it is wide.
const MOST_HEIGHT: u32 = 3;

/// What is to be drawn.
#[derive(Debug)]
pub struct Wanted {
    /// The PDF, opened read-only.
    pub input: File,
    /// Its name, for templates.
    pub name: String,
    /// The page, from 1.
    pub page: u64,
    /// Pixels.
    pub width: u32,
    /// Whose passwords may open it.
    pub pipeline: Option<Arc<Pipeline>>,
}

/// Why there is no picture.
#[derive(Debug)]
pub enum Undrawn {
    /// No plugin draws pages here; why, where one is there.
    NotInstalled(Option<String>),
    /// The document ends before that page.
    Beyond {
        /// Its pages.
        pages: u64,
    },
    /// Drawing it failed.
    Failed(Failure),
}

/// The hash of the plugin that draws pages.
///
/// # Errors
/// None is installed, or it may not be used.
pub fn renderer(catalog: &Catalog) -> Result<String, Undrawn> {
    find(catalog).map(|found| found.plugin.blake3.clone())
}

fn find(catalog: &Catalog) -> Result<Found<'_>, Undrawn> {
    let found = catalog
        .operations()
        .find(|found| found.operation.name == OPERATION)
        .ok_or(Undrawn::NotInstalled(None))?;
    match catalog.refused(&found) {
        Some(why) => Err(Undrawn::NotInstalled(Some(why))),
        None => Ok(found),
    }
}

/// Draws it: gives the bytes of a PNG. Dropping the future kills the worker.
///
/// # Errors
/// Why there is no picture.
pub async fn draw(
    pool: &Pool,
    catalog: &Catalog,
    bounds: Bounds,
    wanted: Wanted,
) -> Result<Vec<u8>, Undrawn> {
    let found = find(catalog)?;
    let grant = catalog.given(&found);
    let plan = plan(&found, bounds, &wanted, grant.temp);
    let limits = Limits {
        deadline: PATIENCE,
        stall: PATIENCE,
    };
    let mut running = pool.run_behind(plan, wanted.input, grant, limits);
    let mut picture = None;
    while let Some(update) = running.updates.recv().await {
        match update {
            Update::Opened { pages } if pages < wanted.page => {
                return Err(Undrawn::Beyond { pages });
            }
            Update::Artifact { file, .. } => picture = Some(file),
            Update::Ended(Err(failure)) => return Err(Undrawn::Failed(failure)),
            Update::Ended(Ok(_)) => break,
            _ => {}
        }
    }
    let file = picture.ok_or_else(|| broken("the plugin put out no picture"))?;
    let read = tokio::task::spawn_blocking(move || read(file)).await;
    let bytes = read.map_err(|_| broken("the picture could not be read"))?;
    let bytes =
        bytes.map_err(|error| broken(&format!("the picture could not be read: {error}")))?;
    if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
        Ok(bytes)
    } else {
        Err(broken("what the plugin put out is no PNG"))
    }
}

fn read(mut file: File) -> io::Result<Vec<u8>> {
    file.rewind()?;
    if file.metadata()?.len() > MOST_BYTES {
        return Err(io::Error::other("it is too large"));
    }
    let mut bytes = Vec::new();
    file.take(MOST_BYTES).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn broken(text: &str) -> Undrawn {
    Undrawn::Failed(Failure {
        ending: crate::job::attempt::Ending::Failed,
        problem: Problem::new(Code::ResultInvalid, text),
    })
}

fn plan(found: &Found<'_>, bounds: Bounds, wanted: &Wanted, temp: bool) -> Plan {
    let (plugin, operation) = (found.plugin, found.operation);
    let step = PlanStep {
        id: OPERATION.to_owned(),
        plugin: plugin.manifest.name.clone(),
        version: plugin.manifest.version.clone(),
        blake3: plugin.blake3.clone(),
        library: plugin.library.to_string_lossy().into_owned(),
        operation: operation.name.clone(),
        takes_all: operation.inputs == Inputs::All,
        condition: None,
        with: serde_json::json!({
            "pages": wanted.page,
            "width": wanted.width,
            "height": wanted.width.saturating_mul(MOST_HEIGHT),
            "format": "png",
        }),
        own_variables: BTreeMap::new(),
        timeout_ms: None,
        continue_on_error: false,
        given_up: Vec::new(),
        temp,
    };
    let passwords = wanted.pipeline.as_deref();
    Plan {
        job: ulid::Ulid::generate().to_string(),
        steps: vec![step],
        variables: variables(wanted),
        // Neither is ever made: what comes out is only looked at.
        output_name: PLAIN.to_owned(),
        output_folder: "/nowhere".to_owned(),
        passwords: passwords.map_or_else(Vec::new, |pipeline| pipeline.passwords.clone()),
        refuse_signed: false,
        rests: false,
        max_decoded: bounds.max_decoded,
        max_input: bounds.max_input,
    }
}

/// What the templates of passwords may use. Where there are none, the file is called like any other: nothing in its name keeps it
/// from being drawn.
fn variables(wanted: &Wanted) -> BTreeMap<String, serde_json::Value> {
    let now = Timestamp::now();
    let size = wanted.input.metadata().map_or(0, |about| about.len());
    let pipeline = wanted.pipeline.as_deref();
    let has_passwords = pipeline.is_some_and(|pipeline| !pipeline.passwords.is_empty());
    let name = if has_passwords { &wanted.name } else { PLAIN };
    let input = InputValues::new(Path::new(name), size, now);
    let job = JobValues {
        id: String::new(),
        pipeline: pipeline.map_or_else(String::new, |pipeline| pipeline.id.clone()),
        received: values::moment(now),
        attempt: 1,
    };
    let named = pipeline.map(template::mentioned_env).into_iter().flatten();
    let environment = named
        .filter_map(|name| std::env::var(&name).ok().map(|value| (name, value)))
        .collect();
    values::before_opening(&input, &job, &environment, now)
}
