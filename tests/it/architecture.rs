//! Every module has a row in `docs/architecture.md`, and every import points to a lower floor.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

fn floors() -> BTreeMap<String, u32> {
    let plan = fs::read_to_string(Path::new(ROOT).join("docs/architecture.md"))
        .expect("the plan is there");
    plan.lines()
        .filter_map(|line| {
            let mut cells = line.split('|').map(str::trim).skip(1);
            let floor = cells.next()?.parse().ok()?;
            let module = cells.next()?.trim_matches('`').to_owned();
            Some((module, floor))
        })
        .collect()
}

/// Each source file with the top-level module it belongs to.
fn sources() -> Vec<(String, PathBuf)> {
    let mut found = Vec::new();
    collect(&Path::new(ROOT).join("src"), None, &mut found);
    found
}

fn collect(folder: &Path, module: Option<&str>, found: &mut Vec<(String, PathBuf)>) {
    for entry in fs::read_dir(folder).expect("sources can be listed") {
        let path = entry.expect("sources can be listed").path();
        let stem = path
            .file_stem()
            .expect("a source has a name")
            .to_string_lossy()
            .into_owned();
        let top = module.unwrap_or(&stem).to_owned();
        if path.is_dir() {
            collect(&path, Some(&top), found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push((top, path));
        }
    }
}

/// The top-level modules that a source names after `crate::` (or, in the executable, `dropleaf::`), outside its tests.
fn imports(source: &str) -> Vec<String> {
    let body = source
        .split("#[cfg(test)]\nmod tests {")
        .next()
        .unwrap_or(source);
    let code: String = body
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect::<Vec<_>>()
        .join("\n");
    let mut named = Vec::new();
    for prefix in ["crate::", "dropleaf::"] {
        for (at, _) in code.match_indices(prefix) {
            if code[..at].ends_with(|before: char| {
                before.is_alphanumeric() || before == '_' || before == ':'
            }) {
                continue;
            }
            let rest = &code[at + prefix.len()..];
            if let Some(list) = rest.strip_prefix('{') {
                let list = list.split('}').next().unwrap_or(list);
                named.extend(
                    list.split(',')
                        .map(|item| item.trim().split("::").next().unwrap_or("").to_owned()),
                );
            } else {
                named.push(
                    rest.chars()
                        .take_while(|letter| letter.is_alphanumeric() || *letter == '_')
                        .collect(),
                );
            }
        }
    }
    named.retain(|name| !name.is_empty());
    named
}

#[test]
fn every_module_has_a_row_and_every_row_a_module() {
    let floors = floors();
    let mut modules: Vec<String> = sources().into_iter().map(|(module, _)| module).collect();
    modules.sort();
    modules.dedup();
    modules.retain(|module| module != "main" && module != "lib");
    assert_eq!(floors.into_keys().collect::<Vec<_>>(), modules);
}

#[test]
fn every_import_points_down() {
    let floors = floors();
    let mut upward = Vec::new();
    for (module, path) in sources() {
        if module == "main" || module == "lib" {
            continue;
        }
        let source = fs::read_to_string(&path).expect("sources can be read");
        for import in imports(&source) {
            let Some(&to) = floors.get(&import) else {
                continue;
            };
            if import != module && to >= floors[&module] {
                upward.push(format!(
                    "{} ({} on floor {}) imports {import} (floor {to})",
                    path.display(),
                    module,
                    floors[&module]
                ));
            }
        }
    }
    assert!(upward.is_empty(), "{upward:#?}");
}

#[test]
fn only_the_pool_starts_processes() {
    let starts = |path: &PathBuf| {
        let source = fs::read_to_string(path).expect("sources can be read");
        let body = source.split("#[cfg(test)]\nmod tests {").next();
        body.is_some_and(|body| body.contains("Command::new("))
    };
    let of_tests = |path: &Path| path.components().any(|part| part.as_os_str() == "tests");
    let others: Vec<PathBuf> = sources()
        .into_iter()
        .filter(|(module, path)| module != "pool" && !of_tests(path) && starts(path))
        .map(|(_, path)| path)
        .collect();
    assert!(others.is_empty(), "{others:?}");
}

#[test]
fn the_plan_stays_short() {
    let plan = fs::read_to_string(Path::new(ROOT).join("docs/architecture.md"))
        .expect("the plan is there");
    assert!(plan.lines().count() <= 150);
}
