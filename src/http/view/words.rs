//! The words that members of the JSON can hold, for its description: what the types of [`crate::job`] and others are called
//! there. A test holds the two together.

use schemars::JsonSchema;

macro_rules! words {
    ($($(#[doc = $doc:literal])* $name:ident { $($(#[doc = $word_doc:literal])* $word:ident,)* })*) => {
        $(
            $(#[doc = $doc])*
            #[derive(Clone, Copy, Debug, JsonSchema)]
            #[schemars(rename_all = "snake_case")]
            pub enum $name { $($(#[doc = $word_doc])* $word,)* }
        )*
    };
}

words! {
    /// Where a job stands.
    JobState {
        /// Meant to be taken; the file may still lie in its inbox.
        Claiming,
        /// Waits for its turn.
        Queued,
        /// At work.
        Running,
        /// Waits for its next attempt.
        Waiting,
        /// Past the point of no return.
        Delivering,
        /// Done.
        Succeeded,
        /// Failed.
        Failed,
        /// Cancelled.
        Cancelled,
    }
    /// Where a step stands.
    StepState {
        /// Not reached yet.
        Pending,
        /// At work.
        Running,
        /// Done.
        Finished,
        /// Its condition was false.
        Skipped,
        /// Failed, and the attempt with it.
        Failed,
        /// Failed under `continue_on_error`; the job went on.
        Passed,
    }
    /// How a job came.
    JobOrigin {
        /// It lay in a watched folder.
        Watch,
        /// It was uploaded.
        Upload,
    }
    /// What a delivered file is.
    ArtifactKind {
        /// A resulting document.
        Document,
        /// A side artifact: text, JSON, an image.
        Artifact,
        /// What was done, as JSON.
        Receipt,
        /// A note beside a failed original.
        Note,
        /// The original.
        Original,
    }
    /// How an attempt ended.
    AttemptEnding {
        /// Well.
        Succeeded,
        /// The document's fault; no retry.
        Rejected,
        /// A step failed.
        Failed,
        /// The worker died.
        Crashed,
        /// A limit of time, memory or processor time.
        TimedOut,
        /// The daemon stopped or died.
        Interrupted,
        /// A person said so.
        Cancelled,
        /// The disk is full or a folder is blocked.
        Environment,
    }
    /// Why a job is in the queue.
    QueuedReason {
        /// It has just come.
        New,
        /// Its waiting time is over.
        Due,
        /// The daemon stopped.
        Interrupted,
        /// A person said retry.
        Asked,
        /// The disk was full, or a folder blocked.
        Environment,
        /// A step under `continue_on_error` took its worker along; it goes on without it.
        StepGivenUp,
    }
    /// How a job that is being delivered will end.
    DeliveryVerdict {
        /// Well.
        Succeed,
        /// With its original in the failed folder.
        Fail,
        /// As a person said.
        Cancel,
    }
    /// Whether a pipeline runs.
    PipelineState {
        /// It does.
        Active,
        /// It makes no new attempts.
        Paused,
        /// No text of it was ever good.
        Invalid,
    }
    /// How an inbox is.
    FolderState {
        /// Not looked at yet: the daemon, or the pipeline, has only begun.
        Starting,
        /// Watched.
        Online,
        /// Gone for now.
        Offline,
        /// There, but not usable.
        Blocked,
    }
    /// How an inbox is watched.
    WatchMode {
        /// By the system's notifications.
        Events,
        /// By looking again and again.
        Polling,
    }
    /// Where a file that is no job stands.
    WaitingState {
        /// It is waited for until it rests.
        Settling,
        /// It rests and is about to be taken.
        Offered,
        /// It is being taken.
        Taken,
        /// It stays until it changes.
        Left,
        /// A rule keeps it out.
        Ignored,
    }
    /// How the daemon is.
    DaemonStatus {
        /// All is well.
        Ok,
        /// There are concerns.
        Degraded,
        /// It takes no work.
        Stopping,
    }
    /// What a node of a pipeline's graph is.
    NodeKind {
        /// The inbox.
        Watch,
        /// A step.
        Step,
        /// Where results go.
        Output,
        /// Where failed originals go.
        Failed,
    }
}

/// Why a stream could not go on from its client's cursor.
#[derive(Clone, Copy, Debug, JsonSchema)]
#[schemars(rename_all = "kebab-case")]
pub enum ResetReason {
    /// It is of another journal.
    EpochChanged,
    /// What followed it is not kept any more.
    CursorExpired,
    /// It is ahead of the journal.
    CursorAhead,
    /// What followed it is too much for a replay.
    ReplayTooLarge,
    /// It is no cursor.
    BadCursor,
    /// The client read too slowly.
    SlowConsumer,
}
