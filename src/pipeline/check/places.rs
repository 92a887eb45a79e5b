//! Folders: what a text in the file means, and whether results, originals and the inbox keep out of each other's way.

use crate::pipeline::check::checker::Checker;
use crate::pipeline::check::names;
use crate::pipeline::checked::{Original, Pipeline};
use crate::pipeline::folders::{OUR_FOLDER, lies_in, real, spreads};
use crate::pipeline::template::found::Scan;
use crate::pipeline::template::paths::MAX_NAME;
use crate::plugin::words::holds_template;
use std::path::{Component, Path, PathBuf};

/// The daemon's own folders in the home: nothing is watched there and nothing is put there.
const OWN: [&str; 4] = ["pipelines", "plugins", "state", "work"];

/// Where the kernel shows what it knows; no file stays there.
const KERNELS: [&str; 2] = ["/proc", "/sys"];

impl Checker<'_> {
    /// The absolute folder that the text at `pointer` means.
    pub(super) fn folder(&mut self, pointer: &str, text: &str) -> Option<PathBuf> {
        if holds_template(text) {
            let message = format!(
                "`{}` is one fixed folder and takes no template",
                names::last(pointer)
            );
            self.fault(
                pointer,
                message,
                "only `output.folder`, `output.name`, `passwords` and the texts of `with` may hold templates",
            );
            return None;
        }
        self.fixed_folder(pointer, text)
    }

    /// The folder at `pointer`, else the one of this pipeline in the home's folder `default`.
    pub(super) fn folder_or(
        &mut self,
        pointer: &str,
        text: Option<&str>,
        default: &str,
    ) -> Option<PathBuf> {
        match text {
            Some(text) => self.folder(pointer, text),
            None => Some(self.surroundings.home.join(default).join(self.id)),
        }
    }

    fn fixed_folder(&mut self, pointer: &str, text: &str) -> Option<PathBuf> {
        let key = names::last(pointer);
        let surroundings = self.surroundings;
        let mut refuse = |message: String, hint: &str| {
            self.fault(pointer, message, hint);
            None
        };
        if text.trim().is_empty() {
            return refuse(
                format!("`{key}` is empty"),
                "write a folder, relative to the home or absolute",
            );
        }
        if text.chars().any(char::is_control) {
            return refuse(format!("`{key}` holds a control character"), "");
        }
        if text.contains('\\') {
            return refuse(
                format!("`{key}` holds a `\\`"),
                "folders are separated by `/`",
            );
        }
        if text.len() > 4000 || text.split('/').any(|part| part.len() > MAX_NAME) {
            return refuse(format!("`{key}` is too long for the file system"), "");
        }
        let home = &surroundings.home;
        let path = match text.strip_prefix('~') {
            Some(rest) if rest.is_empty() || rest.starts_with('/') => {
                match &surroundings.user_home {
                    Some(user_home) => user_home.join(rest.trim_start_matches('/')),
                    None => {
                        return refuse(
                            format!("`{key}` starts with `~`, but HOME is not set here"),
                            "write the absolute folder",
                        );
                    }
                }
            }
            Some(_) => {
                return refuse(
                    format!("`{key}` names another user's home"),
                    "only `~/...` works; write the absolute folder",
                );
            }
            None => home.join(text),
        };
        let path = plain(&path);
        if path.parent().is_none() {
            return refuse(
                format!("`{key}` is the root of the file system"),
                "name a folder below it",
            );
        }
        Some(path)
    }

    /// The template of the outbox and the folder that it never leaves.
    pub(super) fn output_folder(
        &mut self,
        text: Option<&str>,
        recursive: bool,
    ) -> Option<(String, PathBuf)> {
        const POINTER: &str = "/output/folder";
        let default = format!("outbox/{}", self.id);
        let text = text.unwrap_or(&default);
        let scope = self.scope_of_outputs();
        self.template(POINTER, text, &scope.borrow());
        let (fixed, rest) = split_at_template(text);
        if fixed.trim_matches(['/', '~', '.']).is_empty() && !rest.is_empty() {
            let message =
                "the first part of `folder` cannot be a template: the outbox needs a fixed place";
            self.fault(POINTER, message, "for example `outbox/{{ job.pipeline }}`");
            return None;
        }
        if names::literal_text(rest)
            .split('/')
            .any(|part| part.trim() == "..")
        {
            self.fault(
                POINTER,
                "`folder` holds `..` behind a template",
                "results never leave the outbox",
            );
            return None;
        }
        if names::literal_text(rest)
            .split('/')
            .any(|part| part.trim() == OUR_FOLDER)
        {
            let message = format!("results would lie in a folder `{OUR_FOLDER}`, {KEPT}");
            self.fault(POINTER, message, ANOTHER);
            return None;
        }
        let root = self.fixed_folder(POINTER, fixed)?;
        let Some(root_text) = root.to_str() else {
            self.fault(
                POINTER,
                "the outbox lies in a home whose path is not UTF-8",
                "write an absolute folder",
            );
            return None;
        };
        let mut folder = verbatim(root_text);
        if !rest.is_empty() {
            folder.push('/');
            folder.push_str(rest.trim_matches('/'));
        }
        let keeps_path = |name: &str| {
            let variables = Scan::template(rest).variables;
            variables
                .iter()
                .any(|v| v.root == "input" && v.path.first().is_some_and(|part| part == name))
        };
        if recursive && !keeps_path("folder") && !keeps_path("path") {
            folder.push_str("/{{ input.folder }}");
        }
        Some((folder, root))
    }

    /// The pipeline's folders against each other and the daemon's own.
    pub(super) fn own_folders(&mut self, pipeline: &Pipeline) {
        let inbox = real(&pipeline.watch.folder);
        let home = real(&self.surroundings.home);
        if home.starts_with(&inbox) {
            let hint = "name a folder inside it, for example `inbox/scans`";
            self.fault(
                "/watch/folder",
                "the inbox is the home of Dropleaf, or lies above it",
                hint,
            );
            return;
        }
        if let Some(own) = OWN.iter().find(|own| inbox.starts_with(home.join(own))) {
            let message = format!("the inbox lies in Dropleaf's own folder `{own}`");
            self.fault(
                "/watch/folder",
                message,
                "name another folder, for example `inbox/scans`",
            );
            return;
        }
        if is_ours(&inbox, &home) {
            let message = format!("the inbox lies in a folder `{OUR_FOLDER}`, {KEPT}");
            self.fault("/watch/folder", message, ANOTHER);
            return;
        }
        let mut targets = vec![(
            "/output/folder",
            "results",
            pipeline.output.root.as_path(),
            spreads(pipeline),
        )];
        if let Original::Archive(folder) = &pipeline.original {
            let given = self.tree.has("/original/archive");
            targets.push((
                if given {
                    "/original/archive"
                } else {
                    "/original"
                },
                "originals",
                folder.as_path(),
                false,
            ));
        }
        targets.push((
            "/failed",
            "failed originals",
            pipeline.failed.as_path(),
            false,
        ));
        for (pointer, what, folder, spreads) in targets {
            let folder = real(folder);
            // Where the key is not given the default is not to blame, but the inbox.
            let pointer = if self.tree.has(pointer) {
                pointer
            } else {
                "/watch/folder"
            };
            if is_ours(&folder, &home) {
                let message = format!("{what} would lie in a folder `{OUR_FOLDER}`, {KEPT}");
                self.fault(pointer, message, ANOTHER);
            } else if let Some(kernels) = KERNELS.iter().find(|kernels| folder.starts_with(kernels))
            {
                let message =
                    format!("{what} cannot lie in `{kernels}`, which holds no files of people");
                self.fault(pointer, message, "choose another folder");
            } else if lies_in(&folder, &inbox) {
                let message = format!(
                    "{what} would lie in the inbox ({}) and be taken again",
                    folder.display()
                );
                self.fault(pointer, message, "choose a folder outside the inbox");
            } else if spreads && inbox.starts_with(&folder) {
                let message = format!(
                    "{what} could come to lie in the inbox, which is below their folder ({})",
                    folder.display()
                );
                self.fault(
                    pointer,
                    message,
                    "choose a folder that the inbox does not lie in",
                );
            } else if let Some(own) = OWN.iter().find(|own| folder.starts_with(home.join(own))) {
                let message = format!("{what} would lie in Dropleaf's own folder `{own}`");
                self.fault(pointer, message, "choose another folder");
            } else if folder == home || spreads && home.starts_with(&folder) {
                // A name of theirs could be that of the configuration.
                let message = format!("{what} could come to lie among Dropleaf's own files");
                let hint = "name a folder of their own, for example `outbox/scans`";
                self.fault(pointer, message, hint);
            }
        }
    }
}

/// Why nothing of a pipeline lies in such a folder.
const KEPT: &str = "which Dropleaf keeps for itself: nothing in it is taken or found again";
const ANOTHER: &str = "choose another folder";

/// Whether `folder` lies in what the daemon keeps for itself in an inbox or outbox. The home itself may lie in a folder of that name.
fn is_ours(folder: &Path, home: &Path) -> bool {
    let below = folder.strip_prefix(home).unwrap_or(folder);
    below
        .components()
        .any(|part| part.as_os_str() == OUR_FOLDER)
}

/// Without `.` and `..`, by the text alone.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                plain.pop();
            }
            part => plain.push(part),
        }
    }
    plain
}

/// The leading parts without a template, and the rest.
fn split_at_template(text: &str) -> (&str, &str) {
    let Some(template) = ["{{", "{%", "{#"]
        .iter()
        .filter_map(|open| text.find(open))
        .min()
    else {
        return (text, "");
    };
    match text[..template].rfind('/') {
        Some(slash) => (&text[..=slash], &text[slash + 1..]),
        None => ("", text),
    }
}

/// A text that a template engine leaves as it is.
fn verbatim(text: &str) -> String {
    if holds_template(text) {
        format!("{{% raw %}}{text}{{% endraw %}}")
    } else {
        text.to_owned()
    }
}
