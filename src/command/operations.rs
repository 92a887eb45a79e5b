//! `dropleaf plugins` and `dropleaf operations`.

use crate::cli::{Data, Operations};
use crate::command::local::Workshop;
use crate::command::print;
use crate::config::home::Home;
use crate::config::spec::{Config, Flags};
use crate::plugin::catalog::{Catalog, Found};
use crate::plugin::parameters;
use anyhow::{Result, bail};
use serde_json::{Value, json};

pub(super) fn plugins(home: Home, flags: &Data) -> Result<()> {
    let config = Config::load(home, Flags::default())?;
    let workshop = Workshop::open(config.clone())?;
    let (catalog, broken) = (workshop.catalog(), workshop.broken());
    workshop.close();
    if flags.json {
        let installed = catalog.plugins().iter().map(|plugin| {
            json!({
                "name": plugin.manifest.name,
                "version": plugin.manifest.version,
                "description": plugin.manifest.description,
                "license": plugin.manifest.license,
                "blake3": plugin.blake3,
                "operations": plugin.manifest.operations.iter().map(|operation| &operation.name).collect::<Vec<_>>(),
            })
        });
        print::json(&json!({ "installed": installed.collect::<Vec<_>>(), "broken": broken }));
        return Ok(());
    }
    if catalog.plugins().is_empty() {
        print::note(no_plugins(&config));
    }
    let rows: Vec<Vec<String>> = catalog
        .plugins()
        .iter()
        .map(|plugin| {
            let names: Vec<&str> = plugin
                .manifest
                .operations
                .iter()
                .map(|operation| operation.name.as_str())
                .collect();
            let hash = plugin.blake3.get(..12).unwrap_or(&plugin.blake3).to_owned();
            vec![
                plugin.manifest.name.clone(),
                plugin.manifest.version.clone(),
                hash,
                names.join(", "),
            ]
        })
        .collect();
    print::table(&["plugin", "version", "hash", "operations"], &rows);
    for broken in &broken {
        print::note(format_args!(
            "cannot be used: {}: {}",
            broken.file, broken.reason
        ));
    }
    Ok(())
}

pub(super) fn operations(home: Home, flags: &Operations) -> Result<()> {
    let config = Config::load(home, Flags::default())?;
    let workshop = Workshop::open(config.clone())?;
    let catalog = workshop.catalog();
    workshop.close();
    if let Some(name) = &flags.name {
        return match catalog.find(name) {
            Ok(found) => {
                if flags.json {
                    print::json(&about(&catalog, &found));
                } else {
                    show(&catalog, &found);
                }
                Ok(())
            }
            Err(why) => bail!(
                "`{name}` {why}{}",
                why.hint()
                    .map(|hint| format!("; {hint}"))
                    .unwrap_or_default()
            ),
        };
    }
    if flags.json {
        print::json(&Value::Array(
            catalog
                .operations()
                .map(|found| about(&catalog, &found))
                .collect(),
        ));
        return Ok(());
    }
    if catalog.plugins().is_empty() {
        let said = no_plugins(&config);
        print::note(format_args!(
            "{said}; `dropleaf plugins` tells which cannot be used, and why"
        ));
    }
    let rows: Vec<Vec<String>> = catalog
        .operations()
        .map(|found| {
            vec![
                found.operation.name.clone(),
                found.plugin.manifest.name.clone(),
                found.operation.summary.clone(),
            ]
        })
        .collect();
    print::table(&["operation", "plugin", "what it does"], &rows);
    Ok(())
}

fn about(catalog: &Catalog, found: &Found<'_>) -> Value {
    let refused = catalog.refused(found);
    json!({
        "name": found.operation.name,
        "plugin": found.plugin.manifest.name,
        "version": found.plugin.manifest.version,
        "summary": found.operation.summary,
        "description": found.operation.description,
        "schema": found.operation.parameters,
        "examples": found.operation.examples,
        "available": refused.is_none(),
        "reason": refused,
    })
}

/// An empty table alone would leave one wondering.
fn no_plugins(config: &Config) -> String {
    let folders: Vec<String> = config
        .plugin_folders
        .iter()
        .map(|folder| format!("`{}`", folder.display()))
        .collect();
    format!(
        "no plugins are installed: put their libraries (`.so`) into {}",
        folders.join(" or ")
    )
}

fn show(catalog: &Catalog, found: &Found<'_>) {
    let operation = found.operation;
    print::line(format_args!(
        "{} ({} {})",
        operation.name, found.plugin.manifest.name, found.plugin.manifest.version
    ));
    print::line(&operation.summary);
    if let Some(why) = catalog.refused(found) {
        print::line(format_args!("Cannot be used here: {why}"));
    }
    if !operation.description.is_empty() {
        print::line(format_args!("\n{}", operation.description));
    }
    let required: Vec<&str> = operation.parameters["required"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    if let Some(properties) = operation.parameters["properties"].as_object() {
        print::line("\nParameters:");
        for (name, schema) in properties {
            let default = default_of(schema);
            let must = if required.contains(&name.as_str()) {
                " (required)"
            } else {
                ""
            };
            let choices: Vec<String> = parameters::choices(&operation.parameters, name)
                .into_iter()
                .map(|choice| choice.as_str().map_or(choice.to_string(), str::to_owned))
                .collect();
            let choices = match choices.is_empty() {
                true => String::new(),
                false => format!(" [one of: {}]", choices.join(", ")),
            };
            let text = description(schema);
            print::line(format_args!("  {name}{must}{choices}{default}  {text}"));
            for (key, schema) in parameters::members(&operation.parameters, name) {
                let (default, text) = (default_of(schema), description(schema));
                print::line(format_args!("    {name}.{key}{default}  {text}"));
            }
        }
    }
    for example in &operation.examples {
        print::line(format_args!(
            "\n{}:\n  - uses: {}\n    with: {}",
            example.title, operation.name, example.with
        ));
    }
}

fn default_of(schema: &Value) -> String {
    let default = schema.get("default");
    default
        .map(|default| format!(" [default: {default}]"))
        .unwrap_or_default()
}

fn description(schema: &Value) -> String {
    let text = schema["description"].as_str().unwrap_or("");
    text.replace('\n', " ")
}
