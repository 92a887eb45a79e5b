//! Steps: which operation, with which parameters, under which name.

use crate::pipeline::check::checker::Checker;
use crate::pipeline::check::names;
use crate::pipeline::check::shape::with_whole_numbers;
use crate::pipeline::check::templates::OwnedScope;
use crate::pipeline::checked::Step;
use crate::pipeline::spec::StepSpec;
use crate::plugin::catalog::Found;
use crate::plugin::manifest::Inputs;
use crate::plugin::parameters::Schema;
use crate::plugin::parameters::objection::About;
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};

/// Why a step that takes all documents cannot speak of one of them.
const ALL_AT_ONCE: &str = "this operation takes all documents of the job at once";

impl<'a> Checker<'a> {
    pub(super) fn steps(&mut self, specs: &[StepSpec]) -> Vec<Step> {
        let ids = self.step_ids(specs);
        self.step_names.clone_from(&ids);
        let mut steps = Vec::new();
        for (index, spec) in specs.iter().enumerate() {
            let pointer = format!("/steps/{index}");
            let found = self.operation(&pointer, spec);
            let takes_all = found.is_some_and(|found| found.operation.inputs == Inputs::All);
            let scope = OwnedScope {
                without: if takes_all {
                    vec![("part", ALL_AT_ONCE)]
                } else {
                    Vec::new()
                },
                earlier: ids[..index].to_vec(),
                all: ids.clone(),
                own: Vec::new(),
                env: self.surroundings.env.clone(),
            };
            let condition = spec.r#if.as_ref().map(|condition| condition.0.clone());
            if let Some(condition) = &condition {
                self.condition(&format!("{pointer}/if"), condition, &scope.borrow());
            }
            let with = Value::Object(spec.with.clone().unwrap_or_default());
            self.parameters(&pointer, found.as_ref(), &with, scope);
            let timeout = self.limit(&format!("{pointer}/timeout"), spec.timeout.as_deref());
            if let Some(found) = found {
                steps.push(Step {
                    id: ids[index].clone(),
                    plugin: found.plugin.manifest.name.clone(),
                    operation: found.operation.name.clone(),
                    build: found.plugin.blake3.clone(),
                    condition,
                    with: with_whole_numbers(with),
                    timeout,
                    continue_on_error: spec.continue_on_error.unwrap_or(false),
                });
            }
        }
        self.strangers(&steps);
        steps
    }

    /// Steps of a pipeline share a worker: what one plugin was granted, all of them have. Not those that are not trusted.
    fn strangers(&mut self, steps: &[Step]) {
        let catalog = self.catalog;
        let found = |step: &Step| catalog.find(&step.uses()).ok();
        let reaches_out =
            |step: &&Step| found(step).is_some_and(|found| catalog.given(&found).reaches_out());
        let granted: Vec<&Step> = steps.iter().filter(reaches_out).collect();
        for step in steps {
            let distrusted = found(step).is_some_and(|found| catalog.distrusts(&found));
            let other = granted.iter().find(|other| other.plugin != step.plugin);
            let (true, Some(granted)) = (distrusted, other) else {
                continue;
            };
            // Steps whose operation was not found are missing in `steps`, but not in the file.
            let index = self.step_names.iter().position(|name| *name == step.id);
            let index = index.unwrap_or_default();
            let message = format!(
                "`{}` is untrusted, and would share what `{}` is granted",
                step.plugin, granted.plugin
            );
            self.fault(
                &format!("/steps/{index}/uses"),
                message,
                "put the two into pipelines of their own, one behind the other",
            );
        }
    }

    fn operation(&mut self, pointer: &str, spec: &StepSpec) -> Option<Found<'a>> {
        let uses = spec.uses.as_deref()?;
        match self.catalog.find(uses) {
            Ok(found) => {
                if let Some(why) = self.catalog.refused(&found) {
                    let hint = "take the step out; `dropleaf operations` lists what can be used";
                    self.fault(&format!("{pointer}/uses"), why, hint);
                }
                Some(found)
            }
            Err(not_found) => {
                let shown: String = uses.chars().take(80).collect();
                let message = format!("`{shown}` {not_found}");
                self.fault(
                    &format!("{pointer}/uses"),
                    message,
                    &not_found.hint().unwrap_or_default(),
                );
                None
            }
        }
    }

    fn parameters(
        &mut self,
        pointer: &str,
        found: Option<&Found<'_>>,
        with: &Value,
        scope: OwnedScope,
    ) {
        let base = format!("{pointer}/with");
        let mut own = BTreeMap::new();
        match found.map(|found| Schema::of_parameters(&found.operation.parameters)) {
            Some(Ok(schema)) if !self.cut.contains(&base) => {
                for objection in schema.objections("`with`", with) {
                    let mut objection = objection;
                    if let (About::MissingKey(key), true) =
                        (&objection.about, objection.pointer.is_empty())
                    {
                        let operation = found.map_or("", |found| found.operation.name.as_str());
                        objection.message = format!(
                            "`{operation}` needs the parameter {key}, which `with` does not give"
                        );
                    }
                    self.objection(&base, &objection, with);
                }
                own = schema.own_variables(with);
            }
            Some(Err(why)) => {
                let message =
                    format!("the plugin's own description of this operation is broken: {why}");
                self.fault(
                    &format!("{pointer}/uses"),
                    message,
                    "ask who made the plugin",
                );
            }
            _ => {}
        }
        // Without its operation nobody knows which variables are the operation's own.
        if found.is_some() {
            self.templates_below(&base, with, &own, scope);
        }
    }

    fn templates_below(
        &mut self,
        base: &str,
        with: &Value,
        own: &BTreeMap<String, Vec<String>>,
        mut scope: OwnedScope,
    ) {
        let mut texts = Vec::new();
        collect_texts(with, &mut String::new(), &mut texts);
        for (pointer, text) in texts {
            scope.own = own.get(&pointer).cloned().unwrap_or_default();
            self.template(&format!("{base}{pointer}"), text, &scope.borrow());
        }
    }

    /// The id of every step: its own, or the operation's name, numbered where that is taken.
    fn step_ids(&mut self, specs: &[StepSpec]) -> Vec<String> {
        let mut taken: HashMap<String, usize> = HashMap::new();
        for (index, spec) in specs.iter().enumerate() {
            let Some(id) = &spec.id else { continue };
            let pointer = format!("/steps/{index}/id");
            if !names::is_id(id) {
                let shown: String = id.chars().take(80).collect();
                let message = format!("`{shown}` cannot be the id of a step");
                self.fault(
                    &pointer,
                    message,
                    "an id has up to 64 letters (a-z, A-Z), digits, `-` and `_`",
                );
            } else if let Some(first) = taken.insert(id.clone(), index) {
                let message = format!("the id `{id}` is already that of step {}", first + 1);
                self.fault(
                    &pointer,
                    message,
                    "give each step an id of its own, or none",
                );
            }
        }
        let mut ids = Vec::new();
        for (index, spec) in specs.iter().enumerate() {
            let id = spec.id.clone().unwrap_or_else(|| {
                let uses = spec.uses.as_deref().unwrap_or("step");
                let name = uses.rsplit('/').next().unwrap_or(uses);
                let mut id = name.to_owned();
                let mut number = 2;
                while taken.contains_key(&id) {
                    id = format!("{name}-{number}");
                    number += 1;
                }
                taken.insert(id.clone(), index);
                id
            });
            ids.push(id);
        }
        ids
    }

    /// BLAKE3 of the text and of what the operations say about their parameters.
    pub(super) fn revision(&self, steps: &[Step]) -> String {
        let mut hasher = blake3::Hasher::new();
        hasher.update(self.text.as_bytes());
        for step in steps {
            hasher.update(step.uses().as_bytes());
            if let Ok(found) = self.catalog.find(&step.uses()) {
                hasher.update(found.operation.parameters.to_string().as_bytes());
            }
        }
        hasher.finalize().to_hex()[..16].to_owned()
    }
}

fn collect_texts<'a>(value: &'a Value, pointer: &mut String, found: &mut Vec<(String, &'a str)>) {
    let length = pointer.len();
    match value {
        Value::String(text) => found.push((pointer.clone(), text)),
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                pointer.push_str(&format!("/{index}"));
                collect_texts(item, pointer, found);
                pointer.truncate(length);
            }
        }
        Value::Object(map) => {
            for (key, item) in map {
                pointer.push('/');
                pointer.push_str(&crate::pipeline::yaml::flaw::escape(key));
                collect_texts(item, pointer, found);
                pointer.truncate(length);
            }
        }
        _ => {}
    }
}
