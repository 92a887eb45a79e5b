//! Ids and file names: of pipelines, steps, outputs and done files.

use crate::pipeline::check::checker::Checker;
use crate::pipeline::fault::Fault;
use crate::pipeline::template::paths::MAX_NAME;
use crate::plugin::words::holds_template;
use globset::GlobBuilder;
use std::ffi::OsStr;
use std::path::Path;

/// The input's name, numbered where a step made several documents.
pub(super) const DEFAULT_OUTPUT: &str =
    "{{ input.stem }}{% if part.count > 1 %}-{{ part.index }}{% endif %}.pdf";

/// Letters, digits, `-` and `_`, starting with a letter or digit; at most 64.
pub(crate) fn is_id(text: &str) -> bool {
    text.len() <= 64
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
}

/// What is wrong with a pipeline's id, which is its file's stem.
pub(crate) fn pipeline_id(file: &str, id: &str) -> Option<Fault> {
    let shown: String = id.chars().take(80).collect();
    (!is_id(id)).then(|| {
        Fault::of_file(file, format!("`{shown}` cannot be the name of a pipeline"))
            .hint("the file's name before `.yaml` may have up to 64 letters (a-z, A-Z), digits, `-` and `_`")
    })
}

/// The last key of a pointer.
pub(super) fn last(pointer: &str) -> &str {
    pointer.rsplit('/').next().unwrap_or_default()
}

impl Checker<'_> {
    /// Patterns of files to take that no file can match, and one of files to leave that all match.
    pub(super) fn dead_patterns(
        &mut self,
        include: &[String],
        exclude: &[String],
        recursive: bool,
    ) {
        // One that leads out has been told.
        let leads_out = |pattern: &str| pattern.split('/').any(|part| part == "..");
        for (index, pattern) in include.iter().enumerate() {
            if leads_out(pattern) {
                continue;
            }
            if let Some((why, hint)) = never_takes(pattern, recursive) {
                let message = format!("the pattern `{pattern}` takes no file: {why}");
                self.fault(&format!("/watch/include/{index}"), message, hint);
            }
        }
        for (index, pattern) in exclude.iter().enumerate() {
            if matches!(pattern.trim_start_matches('/'), "*" | "**" | "**/*") {
                let message = format!("the pattern `{pattern}` leaves every file");
                let hint = "name the files to leave, for example `draft-*`";
                self.fault(&format!("/watch/exclude/{index}"), message, hint);
            }
        }
    }

    pub(super) fn globs(&mut self, pointer: &str, patterns: &[String]) {
        for (index, pattern) in patterns.iter().enumerate() {
            let pointer = format!("{pointer}/{index}");
            let shown: String = pattern.chars().take(80).collect();
            if pattern.trim().is_empty() {
                self.fault(
                    &pointer,
                    "this pattern is empty",
                    "a pattern is for example `*.pdf`",
                );
            } else if pattern.len() > 1000 {
                self.fault(&pointer, "this pattern has more than 1000 characters", "");
            } else if pattern.split('/').any(|part| part == "..") {
                let message = format!("the pattern `{shown}` leads out of the inbox");
                self.fault(
                    &pointer,
                    message,
                    "patterns are held against names and paths below the inbox",
                );
            } else if holds_template(pattern) {
                self.fault(
                    &pointer,
                    format!("the pattern `{shown}` cannot hold a template"),
                    "",
                );
            } else if let Err(error) = GlobBuilder::new(pattern.trim_start_matches('/'))
                .case_insensitive(true)
                .literal_separator(true)
                .backslash_escape(true)
                .build()
            {
                let message = format!("`{shown}` is not a pattern: {}", error.kind());
                self.fault(&pointer, message, "`*` stands for any characters, `?` for one, `[a-z]` for one of these, `{a,b}` for one or the other");
            }
        }
    }

    pub(super) fn done_file(&mut self, template: &str, include: &[String]) {
        const POINTER: &str = "/watch/done_file";
        const HINT: &str =
            "for example \"{name}.ok\" for `scan.pdf.ok` or \"{stem}.ok\" for `scan.ok`";
        let bare = template.replace("{name}", "").replace("{stem}", "");
        if holds_template(template) {
            self.fault(
                POINTER,
                "`done_file` has single braces and takes no template",
                HINT,
            );
        } else if template.matches("{name}").count() + template.matches("{stem}").count() > 1 {
            self.fault(
                POINTER,
                "`done_file` may hold `{name}` or `{stem}` only once",
                HINT,
            );
        } else if bare.len() == template.len() {
            self.fault(
                POINTER,
                "`done_file` must hold `{name}` or `{stem}`, so that each file has its own",
                HINT,
            );
        } else if bare.contains(['{', '}']) {
            self.fault(
                POINTER,
                "`done_file` may only hold `{name}` and `{stem}` in braces",
                HINT,
            );
        } else if bare.contains('/') || bare.chars().any(char::is_control) {
            self.fault(
                POINTER,
                "`done_file` is a name beside the file and holds no `/`",
                HINT,
            );
        } else if is_file_itself(template, include) {
            self.fault(POINTER, "`done_file` is the file itself", HINT);
        }
    }

    pub(super) fn output_name(&mut self, name: &str) {
        const POINTER: &str = "/output/name";
        let literal = literal_text(name);
        if name.trim().is_empty() {
            self.fault(
                POINTER,
                "`name` is empty",
                "leave the key out to keep the input's name",
            );
        } else if literal.contains('/') {
            self.fault(
                POINTER,
                "`name` is a file name and holds no `/`",
                "folders belong into `output.folder`, which may hold templates too",
            );
        } else if literal.contains('\\') || literal.chars().any(char::is_control) {
            self.fault(POINTER, "`name` holds a `\\` or a control character", "");
        } else if !holds_template(name) && name.len() > MAX_NAME {
            let message = format!(
                "`name` has {} bytes, more than a file's name may have",
                name.len()
            );
            let hint = format!("take one of at most {MAX_NAME}; a letter with an accent has two");
            self.fault(POINTER, message, &hint);
        } else if matches!(name.trim(), "." | "..") {
            let message = format!(
                "`name` is `{}`, which is a folder and not a file",
                name.trim()
            );
            self.fault(
                POINTER,
                message,
                "leave the key out to keep the input's name",
            );
        }
        let scope = self.scope_of_outputs();
        self.template(POINTER, name, &scope.borrow());
    }
}

/// Why no file can match `pattern`, and what to do. What has alternatives is not judged.
fn never_takes(pattern: &str, recursive: bool) -> Option<(&'static str, &'static str)> {
    if pattern.contains(['{', '[', '\\']) {
        return None;
    }
    let mut below = pattern.trim_start_matches('/');
    if below.split('/').any(|part| part == ".") {
        return Some((
            "no path below the inbox has a part `.`",
            "write it without: `*.pdf`",
        ));
    }
    let name = below.rsplit('/').next().unwrap_or(below);
    if name.starts_with('.') {
        return Some((
            "names that begin with `.` are always left",
            "rename the files, or take the pattern out",
        ));
    }
    while let Some(rest) = below.strip_prefix("**/") {
        below = rest;
    }
    (!recursive && below.contains('/')).then_some((
        "it names a folder below the inbox, and those are not watched",
        "write `recursive: true`, or the name alone: patterns begin at the inbox",
    ))
}

/// Whether a file that `include` takes is its own mark: `{stem}.pdf` beside `*.pdf`.
fn is_file_itself(template: &str, include: &[String]) -> bool {
    let Some(ending) = template.strip_prefix("{stem}") else {
        return template == "{name}";
    };
    let name = format!("a{ending}");
    let is_extension = Path::new(&name).file_stem() == Some(OsStr::new("a"));
    let takes = |pattern: &String| {
        let glob = GlobBuilder::new(pattern).case_insensitive(true).build();
        let ends = pattern.to_lowercase().ends_with(&ending.to_lowercase());
        ends || glob.is_ok_and(|glob| glob.compile_matcher().is_match(&name))
    };
    is_extension && include.iter().any(takes)
}

/// What stands outside `{{ }}`, `{% %}` and `{# #}`.
pub(super) fn literal_text(template: &str) -> String {
    let mut literal = String::new();
    let mut rest = template;
    while let Some(start) = ["{{", "{%", "{#"]
        .iter()
        .filter_map(|open| rest.find(open))
        .min()
    {
        literal.push_str(&rest[..start]);
        let close = match rest.as_bytes().get(start + 1) {
            Some(b'{') => "}}",
            Some(b'%') => "%}",
            _ => "#}",
        };
        rest = match rest[start + 2..].find(close) {
            Some(end) => &rest[start + 2 + end + 2..],
            None => "",
        };
    }
    literal.push_str(rest);
    literal
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_that_no_file_can_match_is_found() {
        for (pattern, recursive, dead) in [
            ("*.pdf", false, false),
            ("/*.pdf", false, false),
            ("**/*.pdf", false, false),
            ("{a/,}*.pdf", false, false),
            ("a/*.pdf", true, false),
            ("a/*.pdf", false, true),
            ("/abs/*.pdf", false, true),
            ("./*.pdf", true, true),
            (".*.pdf", true, true),
            ("a/.x", true, true),
        ] {
            let told = never_takes(pattern, recursive);
            assert_eq!(told.is_some(), dead, "{pattern}: {told:?}");
        }
    }

    #[test]
    fn a_mark_beside_files_of_another_ending_is_none_of_them() {
        let include = |patterns: &[&str]| patterns.iter().map(|&text| text.to_owned()).collect();
        for (template, patterns, expected) in [
            ("{name}", &["*.pdf"] as &[&str], true),
            ("{stem}.pdf", &["*.pdf"], true),
            ("{stem}.Pdf", &["scan*.pdf"], true),
            ("{stem}.tif", &["*.{pdf,tif}"], true),
            ("{stem}.pdf", &["*"], true),
            ("{stem}.ok", &["*.pdf"], false),
            ("{stem}.pdf", &["*.tif"], false),
            ("{stem}.pdf.ok", &["*.pdf"], false),
            ("{name}.pdf", &["*.pdf"], false),
            ("done-{stem}.pdf", &["*.pdf"], false),
        ] {
            let include: Vec<String> = include(patterns);
            assert_eq!(is_file_itself(template, &include), expected, "{template}");
        }
    }
}
