//! `dropleaf new`: something to start from.

use crate::cli::{New, NewWhat};
use crate::command::print;
use crate::config::home::Home;
use crate::pipeline::check::names::is_id;
use crate::plugin::catalog::is_name;
use anyhow::{Context as _, Result, bail};
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

pub(super) fn new(home: &Home, flags: &New) -> Result<()> {
    match &flags.what {
        NewWhat::Pipeline { id } => pipeline(home, id),
        NewWhat::Plugin { name, c } => plugin(name, *c),
    }
}

fn named(name: &str) -> Result<()> {
    if !is_name(name) {
        bail!(
            "`{name}` cannot be a name: use lower-case letters, digits and `-`, and start with a letter"
        );
    }
    Ok(())
}

/// The templates' places are marked so that no identifier is taken for one.
fn filled(template: &str, name: &str) -> String {
    template
        .replace("@NAME@", name)
        .replace("@VERSION@", env!("CARGO_PKG_VERSION"))
}

/// Writes a file that must not exist yet.
fn write(path: &Path, text: &str) -> Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)
            .with_context(|| format!("failed to make `{}`", folder.display()))?;
    }
    let mut file = fs::File::create_new(path)
        .with_context(|| format!("failed to write `{}`", path.display()))?;
    file.write_all(text.as_bytes())
        .with_context(|| format!("failed to write `{}`", path.display()))?;
    print::line(format_args!("wrote {}", path.display()));
    Ok(())
}

fn pipeline(home: &Home, id: &str) -> Result<()> {
    if !is_id(id) {
        bail!(
            "`{id}` cannot be the name of a pipeline: use up to 64 letters (a-z, A-Z), digits, `-` and `_`, and start with a letter or digit"
        );
    }
    home.must_be_there()?;
    write(
        &home.pipelines().join(format!("{id}.yaml")),
        &filled(include_str!("new/pipeline.yaml"), id),
    )
}

fn plugin(name: &str, c: bool) -> Result<()> {
    named(name)?;
    let folder = PathBuf::from(name);
    if c {
        write(
            &folder.join(format!("{name}.c")),
            &filled(include_str!("new/plugin.c"), name),
        )?;
        write(
            &folder.join("dropleaf_plugin.h"),
            include_str!("../../include/dropleaf_plugin.h"),
        )?;
        print::line(format_args!(
            "build it: cc -shared -fPIC -fvisibility=hidden -O2 -o {name}.so {name}/{name}.c"
        ));
    } else {
        write(
            &folder.join("Cargo.toml"),
            &filled(include_str!("new/plugin.toml"), name),
        )?;
        write(
            &folder.join("src/lib.rs"),
            &filled(include_str!("new/plugin.rs.txt"), name),
        )?;
        print::line(format_args!("build it: cargo build --release, in {name}/"));
    }
    print::line("then copy the library into the home's plugins/ folder");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pipeline_may_have_any_name_that_its_loader_takes() {
        let folder = tempfile::tempdir().expect("a folder");
        let home = Home::find(Some(folder.path())).expect("a home");
        home.make().expect("made");
        for id in ["My_Scan", "2026-scans", "a"] {
            pipeline(&home, id).expect(id);
            assert!(folder.path().join(format!("pipelines/{id}.yaml")).is_file());
        }
        for id in ["", "-a", "a b", "a/b", "ä"] {
            assert!(pipeline(&home, id).is_err(), "{id}");
        }
    }

    /// That the Rust template compiles is a test of the SDK.
    #[test]
    fn templates_get_their_name_and_keep_their_identifiers() {
        for template in [
            include_str!("new/pipeline.yaml"),
            include_str!("new/plugin.c"),
            include_str!("new/plugin.rs.txt"),
            include_str!("new/plugin.toml"),
        ] {
            let text = filled(template, "hello");
            assert!(text.contains("hello") && !text.contains('@'), "{text}");
        }
        let code = filled(include_str!("new/plugin.rs.txt"), "hello");
        assert!(
            code.contains(r#"const NAME: &'static str = "hello";"#),
            "{code}"
        );
        assert!(code.contains(r#"name: "hello","#), "{code}");
    }
}
