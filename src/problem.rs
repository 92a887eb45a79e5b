//! What went wrong, in a form that serves the job, the note beside a failed file, the feed and the API alike.
//!
//! A [`Code`] is a stable word of the catalogue; each has a title, a rule about retrying and a page in `docs/problems.md`.

use serde::{Deserialize, Serialize};

/// One thing that went wrong with a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// Which kind of problem.
    pub code: Code,
    /// What happened to which thing, in one sentence for people.
    pub detail: String,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// The id of the step it happened in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// The page (from 1) that was being worked on, where the operation said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<u64>,
    /// `name version (hash)` of the plugin to blame.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plugin: Option<String>,
}

impl Problem {
    /// A problem with no place yet, and the advice of its kind.
    #[must_use]
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self {
            code,
            detail: detail.into(),
            hint: Some(code.advice().to_owned()),
            step: None,
            page: None,
            plugin: None,
        }
    }

    /// A person wanted the job to end.
    #[must_use]
    pub fn cancelled() -> Self {
        Self::new(Code::Cancelled, "somebody cancelled the job")
    }

    /// A file that has more bytes than are taken, and what to do about it.
    #[must_use]
    pub fn too_large(size: u64, limit: u64) -> Self {
        const MIB: u64 = 1 << 20;
        if limit >= u64::from(u32::MAX) {
            let text = format!("the file has {size} bytes; no more than {limit} can be opened");
            return Self::new(Code::TooLarge, text).hint("split it, and drop the parts");
        }
        let text = format!(
            "the file has {size} bytes, more than the {} MiB that are taken (`max_input_mb`)",
            limit / MIB
        );
        Self::new(Code::TooLarge, text).hint(format!(
            "raise `max_input_mb` in config.yaml to at least {}, then retry the job",
            size.div_ceil(MIB)
        ))
    }

    /// With better advice than that of its kind.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// In this step.
    #[must_use]
    pub fn in_step(mut self, step: impl Into<String>) -> Self {
        self.step = Some(step.into());
        self
    }
}

/// An error with all its causes in one line.
#[must_use]
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

macro_rules! codes {
    ($($(#[doc = $doc:literal])* $name:ident $text:literal $title:literal $advice:literal,)*) => {
        /// The catalogue of what can go wrong with a job.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum Code { $($(#[doc = $doc])* #[serde(rename = $text)] $name,)* }

        impl Code {
            /// Every code, in the order of `docs/problems.md`.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The stable word: `pdf-encrypted`.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// A short title for people.
            #[must_use]
            pub const fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)* }
            }

            /// What to do about it, where nothing better is known.
            #[must_use]
            pub const fn advice(self) -> &'static str {
                match self { $(Self::$name => $advice,)* }
            }
        }
    };
}

codes! {
    /// The file is encrypted and none of the pipeline's passwords opens it.
    PdfEncrypted "pdf-encrypted" "The PDF needs a password"
        "add the password to the pipeline's `passwords`, then retry the job",
    /// The file cannot be read as a PDF, not even after repair.
    PdfDamaged "pdf-damaged" "The PDF is damaged beyond repair"
        "ask for the file again; if another program still opens it, print it to a new PDF there and drop that",
    /// The file is not a PDF at all.
    NotPdf "not-a-pdf" "This is not a PDF"
        "look at what it really is, make a PDF of it and drop that",
    /// The file is signed, a step has changed it, and the pipeline refuses that.
    PdfSigned "pdf-signed" "The PDF is signed"
        "say `on_signed: process` in the pipeline if the signature may break, then retry the job",
    /// An operation says that it can never do this document.
    DocumentRejected "document-rejected" "An operation refused the document"
        "guard the step with `if`, make it `continue_on_error: true`, or correct its parameters, then retry the job",
    /// An operation failed.
    StepFailed "step-failed" "A step failed"
        "look into the job's log for what the operation said; retry the job when the cause is gone, or make the step `continue_on_error: true`",
    /// The parameters turned out wrong for this document (for example after templates were filled in).
    ParametersRefused "parameters-refused" "A step's parameters do not fit"
        "correct the step's `with` (`dropleaf try` shows what happens), then retry the job",
    /// A template could not be rendered.
    TemplateFailed "template-failed" "A template could not be filled in"
        "correct the template (`dropleaf try` shows what it makes of a file), then retry the job",
    /// A worker died by a signal or by exiting.
    PluginCrashed "plugin-crashed" "A plugin crashed"
        "tell the plugin's author; a newer build counts as soon as it is in the plugin folder, then retry the job",
    /// A panic or exception inside an operation.
    PluginPanicked "plugin-panicked" "A plugin panicked"
        "tell the plugin's author; retrying helps only with a newer build",
    /// A plugin could not be loaded.
    PluginBroken "plugin-broken" "A plugin cannot be loaded"
        "build the plugin for this machine and this version (`dropleaf plugins` says what is wrong), then retry the job",
    /// A step's operation is not installed (any more).
    OperationMissing "operation-missing" "An operation is not installed"
        "put the plugin back into the plugin folder or take the step out of the pipeline, then retry the job",
    /// The wall-clock limit of the job or of a step.
    TimedOut "timed-out" "It took too long"
        "raise `timeout` if the document is only large, then retry the job",
    /// No progress for `stalled_after`.
    Stalled "stalled" "No progress"
        "raise the pipeline's `stalled_after` if the operation is only slow, then retry the job",
    /// The worker's memory limit.
    MemoryLimit "memory-limit" "It needed more memory than allowed"
        "raise `worker_memory_mb` in config.yaml, or give it a smaller document",
    /// The worker's processor-time limit.
    CpuLimit "cpu-limit" "It needed more processor time than allowed"
        "raise `worker_cpu_seconds` in config.yaml if the document is only large, then retry the job",
    /// A result broke the worker's output checks.
    ResultInvalid "result-invalid" "The result is not a sound PDF"
        "one of the steps has broken the document: take them out one by one to find it, and tell its plugin's author",
    /// A result is not what the pipeline's `expect` says.
    Unexpected "unexpected-result" "The result is not what the pipeline expects"
        "look at the original and at the steps; if the result is right, correct the pipeline's `expect`, then retry the job",
    /// An output name leaves its folder, or is empty or too long.
    OutputName "output-name" "The output name cannot be used"
        "look at `output.name` and `output.folder` of the pipeline, then retry the job",
    /// An output already exists and the pipeline says `if_exists: fail`.
    OutputExists "output-exists" "The output already exists"
        "remove it, or set `output.if_exists` to number, overwrite or skip, then retry the job",
    /// A folder cannot be written.
    FolderBlocked "folder-blocked" "A folder cannot be used"
        "put the folder right; the job goes on by itself",
    /// No space left.
    DiskFull "disk-full" "The disk is full"
        "free some space; the job goes on by itself",
    /// The original vanished or changed while it was being taken.
    InputVanished "input-vanished" "The file vanished"
        "drop the file again",
    /// A file that was named on the command line cannot be read.
    Unreadable "unreadable" "The file cannot be read"
        "look whether it is there and you may read it, then retry the job",
    /// The original is a duplicate and the pipeline says `duplicates: fail`.
    Duplicate "duplicate" "The same file was processed before"
        "retry the job to process it all the same; `duplicates: process` in the pipeline allows it always",
    /// The daemon died three times in a row during this job.
    Interrupted "interrupted" "Interrupted"
        "look at the daemon's log for the reason, then retry the job",
    /// A person cancelled the job.
    Cancelled "cancelled" "Cancelled"
        "retry the job to run it after all",
    /// The sandbox the configuration requires is not there.
    SandboxMissing "sandbox-missing" "The sandbox is not available"
        "run `dropleaf doctor`; set `sandbox: best_effort` in config.yaml to run without it",
    /// A worker could not be started, or broke its protocol.
    WorkerFailed "worker-failed" "A worker failed"
        "retry the job; look at the daemon's log if it happens again",
    /// A fault of Dropleaf itself.
    Internal "internal" "Internal error"
        "retry the job; please report it with the daemon's log if it happens again",
    /// The file is larger than `max_input_mb`.
    TooLarge "too-large" "Too large"
        "raise `max_input_mb` in config.yaml, then retry the job",
}

impl Code {
    /// Whether the same document can never pass by trying again.
    #[must_use]
    pub const fn is_permanent(self) -> bool {
        matches!(
            self,
            Self::PdfEncrypted
                | Self::PdfDamaged
                | Self::NotPdf
                | Self::TooLarge
                | Self::PdfSigned
                | Self::DocumentRejected
                | Self::ParametersRefused
                | Self::TemplateFailed
                | Self::Unexpected
                | Self::OutputName
                | Self::OutputExists
                | Self::Duplicate
                | Self::OperationMissing
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_unique_and_the_same_in_json() {
        let mut seen = std::collections::HashSet::new();
        for code in Code::ALL {
            assert!(seen.insert(code.as_str()));
            assert_eq!(
                serde_json::to_value(code).expect("a unit variant is a string"),
                code.as_str()
            );
        }
    }
}
