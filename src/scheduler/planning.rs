//! What an attempt is about to do: the plan for its worker, the plugins that it uses and what those are given.

use crate::job::attempt::{Ending, Failure};
use crate::job::event::{GivenUp, PluginUse};
use crate::pipeline::checked::{OnSigned, Step};
use crate::pipeline::template;
use crate::pipeline::template::values::{self, InputValues, JobValues};
use crate::plugin::catalog::{Catalog, Found, NotFound};
use crate::plugin::grants::Grant;
use crate::plugin::manifest::Inputs;
use crate::plugin::parameters::{Schema, own_variables};
use crate::pool::update::Kin;
use crate::problem::{Code, Problem};
use crate::scheduler::input::Start;
use crate::time::Timestamp;
use crate::wire::message::{Plan, PlanStep};
use serde_json::Value;
use std::collections::BTreeMap;

/// What bounds every attempt.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Bytes that an input may have.
    pub max_input: u64,
    /// Bytes that one decoded stream may have.
    pub max_decoded: u64,
}

/// What an attempt is about to do.
#[derive(Debug)]
pub(super) struct Planned {
    /// For its worker.
    pub(super) plan: Plan,
    /// The plugins that it uses.
    pub(super) plugins: Vec<PluginUse>,
    /// What they are given together, as they share a worker.
    pub(super) grant: Grant,
    /// Whether one of them is not trusted.
    pub(super) distrusted: bool,
    /// Attempts that it may share a worker with; none where something speaks against that.
    pub(super) kin: Option<Kin>,
}

/// Looks up what the pipeline's steps mean now.
pub(super) fn plan(catalog: &Catalog, start: &Start, bounds: Bounds) -> Result<Planned, Failure> {
    let pipeline = &start.pipeline;
    let mut steps = Vec::with_capacity(pipeline.steps.len());
    let mut plugins: Vec<PluginUse> = Vec::new();
    let mut grant = Grant::default();
    let mut distrusted = false;
    for step in &pipeline.steps {
        let uses = step.uses();
        let found = catalog.find(&uses).map_err(|why| {
            let problem = Problem::new(
                Code::OperationMissing,
                format!(
                    "step `{}` uses `{uses}`, which is not installed any more",
                    step.id
                ),
            );
            Failure {
                ending: Ending::Rejected,
                problem: problem.hint(advice(&why)).in_step(step.id.clone()),
            }
        })?;
        let installed = found.plugin;
        if installed.blake3 != step.build {
            still_fits(step, &found)?;
        }
        let plugin = PluginUse {
            name: installed.manifest.name.clone(),
            version: installed.manifest.version.clone(),
            blake3: installed.blake3.clone(),
        };
        if !plugins.contains(&plugin) {
            plugins.push(plugin);
        }
        let given = catalog.given(&found);
        let temp = given.temp;
        grant = grant.and(given);
        distrusted |= catalog.distrusts(&found);
        let own_variables = own_variables(&found.operation.parameters, &step.with);
        steps.push(PlanStep {
            id: step.id.clone(),
            plugin: installed.manifest.name.clone(),
            version: installed.manifest.version.clone(),
            blake3: installed.blake3.clone(),
            library: installed.library.to_string_lossy().into_owned(),
            operation: step.operation.clone(),
            takes_all: found.operation.inputs == Inputs::All,
            condition: step.condition.clone(),
            with: step.with.clone(),
            own_variables,
            timeout_ms: step
                .timeout
                .map(|timeout| u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX)),
            continue_on_error: step.continue_on_error,
            temp,
            given_up: given_up(start, &step.id),
        });
    }
    let plan = Plan {
        job: start.job.to_string(),
        steps,
        variables: variables(start),
        output_name: pipeline.output.name.clone(),
        output_folder: pipeline.output.folder.clone(),
        passwords: pipeline.passwords.clone(),
        refuse_signed: pipeline.on_signed == OnSigned::Refuse,
        max_decoded: bounds.max_decoded,
        max_input: bounds.max_input,
        rests: false,
    };
    let kin = (!distrusted && grant.is_nothing()).then(|| kin(start, &plugins));
    Ok(Planned {
        plan,
        plugins,
        grant,
        distrusted,
        kin: kin.flatten(),
    })
}

/// Whether another build of the plugin takes the parameters that were checked against an earlier one. Those with templates are looked at
/// again once they are filled in.
fn still_fits(step: &Step, found: &Found<'_>) -> Result<(), Failure> {
    let Ok(schema) = Schema::of_parameters(&found.operation.parameters) else {
        return Ok(());
    };
    let objections = schema.objections(&format!("`{}`", step.operation), &step.with);
    if objections.is_empty() {
        return Ok(());
    }
    let told: Vec<_> = objections.into_iter().map(|one| one.message).collect();
    let text = format!(
        "the build of `{}` that is installed now does not take what the pipeline gives: {}",
        step.plugin,
        told.join("; ")
    );
    Err(Failure {
        ending: Ending::Rejected,
        problem: Problem::new(Code::ParametersRefused, text)
            .hint("change the pipeline, or put the earlier build back, then retry the job")
            .in_step(step.id.clone()),
    })
}

/// What to do about an operation that was there when the pipeline was loaded: its name is right, so that no other one is meant.
fn advice(why: &NotFound) -> String {
    match why {
        NotFound::NotOffered { offered, .. } => format!(
            "the plugin offers only `{}` now: put a build into the plugin folder that offers the operation, or change the pipeline, \
             then retry the job",
            offered.join("`, `")
        ),
        _ => "put its plugin back into the plugin folder, then retry the job".to_owned(),
    }
}

/// Where the step is not run. Another revision of the pipeline begins with all its steps.
fn given_up(start: &Start, step: &str) -> Vec<GivenUp> {
    let given_up = start.given_up.iter().filter(|given_up| {
        given_up.revision == start.pipeline.revision && given_up.place.step == step
    });
    given_up.cloned().collect()
}

/// Whose workers an attempt of trusted plugins without grants may have. What has been tried before is not done in company, and a
/// password of one document stays in the memory of no other one's worker.
fn kin(start: &Start, plugins: &[PluginUse]) -> Option<Kin> {
    let pipeline = &start.pipeline;
    if start.attempt > 1 || !pipeline.passwords.is_empty() {
        return None;
    }
    let libraries = plugins.iter().map(|plugin| plugin.blake3.as_str());
    Some(Kin::of(&pipeline.id, &pipeline.revision, libraries))
}

/// What templates may use before the document is open.
fn variables(start: &Start) -> BTreeMap<String, Value> {
    let accepted = &start.accepted;
    let modified = Timestamp(i64::try_from(accepted.identity.mtime_ns / 1_000_000).unwrap_or(0));
    let input = InputValues::new(&accepted.relative.0, accepted.identity.size, modified);
    let job = JobValues {
        id: start.job.to_string(),
        pipeline: start.pipeline.id.clone(),
        received: values::moment(start.created),
        attempt: start.attempt,
    };
    let named = template::mentioned_env(&start.pipeline).into_iter();
    let environment = named
        .filter_map(|name| std::env::var(&name).ok().map(|value| (name, value)))
        .collect();
    values::before_opening(&input, &job, &environment, Timestamp::now())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::testing::catalog;
    use serde_json::json;

    #[test]
    fn another_build_gets_no_parameters_that_it_does_not_take() {
        let catalog = catalog();
        let step = |with: Value| Step {
            id: "turn".to_owned(),
            plugin: "pages".to_owned(),
            operation: "rotate".to_owned(),
            build: "an earlier one".to_owned(),
            condition: None,
            with,
            timeout: None,
            continue_on_error: false,
        };
        let fits = |with: Value| {
            let step = step(with);
            let found = catalog.find(&step.uses()).expect("it is there");
            still_fits(&step, &found)
        };
        fits(json!({"angle": 90})).expect("it takes them");
        fits(json!({"angle": "{{ input.size }}"})).expect("nobody knows yet");
        let refused = fits(json!({"angle": 45})).expect_err("it does not");
        assert_eq!(refused.problem.code, Code::ParametersRefused);
        assert_eq!(refused.problem.step.as_deref(), Some("turn"));
    }

    #[test]
    fn an_operation_that_has_gone_is_to_be_put_back() {
        let near = || Some("stamp".to_owned());
        for why in [
            NotFound::NothingInstalled,
            NotFound::NoPlugin { nearest: near() },
            NotFound::NoPlugin { nearest: None },
        ] {
            let advice = advice(&why);
            assert!(advice.starts_with("put its plugin back"), "{advice}");
        }
        let less = NotFound::NotOffered {
            offered: vec!["stamp".to_owned(), "mark".to_owned()],
            nearest: near(),
        };
        let advice = advice(&less);
        assert!(advice.contains("only `stamp`, `mark` now"), "{advice}");
        assert!(!advice.contains("did you mean"), "{advice}");
    }
}
