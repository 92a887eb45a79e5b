//! Misbehaves on demand: every way in which a plugin is known to go wrong, one mode each.
//!
//! This is what the promise "a plugin that crashes, hangs, leaks or lies costs its own job and nothing else" is tested with.
//! Faults that safe Rust over the SDK cannot commit are written in C beside this crate.

mod breakout;
mod crimes;
mod excess;
mod granted;
mod lies;
mod traces;

use crate::breakout::Breakout;
use crate::granted::{Connect, Launch};
use dropleaf_plugin_sdk::prelude::*;

/// What to do wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// Nothing: turn every page and report it.
    Behave,
    /// Answer an error after half of the pages were changed.
    ErrorAfterEdit,
    /// Answer that the document cannot be done.
    Reject,
    /// Panic after the first page.
    Panic,
    /// Panic in a function that must not unwind.
    PanicAcross,
    /// Write to address 8.
    Segv,
    /// Call `abort`.
    Abort,
    /// Recurse for ever.
    StackOverflow,
    /// Free twice.
    DoubleFree,
    /// Write 64 bytes past the end of an allocation.
    Overflow,
    /// Use the processor for ever.
    Spin,
    /// The same, with every signal ignored that can be.
    SpinDeaf,
    /// Report the same progress for ever.
    SpinOnTheSpot,
    /// Sleep for ever, hearing the wish to stop.
    Sleep,
    /// Sleep for ever, hearing nothing.
    SleepDeaf,
    /// Allocate for ever, looking whether it worked.
    Allocate,
    /// Allocate for ever, not looking.
    AllocateBlindly,
    /// Lose 8 MiB.
    Leak,
    /// Print to both streams.
    Print,
    /// Print a hundred thousand lines.
    FloodPrint,
    /// Log a hundred thousand lines, and warn after them.
    FloodLog,
    /// Call `exit(0)`.
    Exit,
    /// Call `_exit(3)`.
    ExitHard,
    /// Close every file descriptor.
    CloseAll,
    /// Leave three threads running.
    Threads,
    /// Start a thread with attributes of its own, and join it.
    ThreadWithAttributes,
    /// Run a program.
    Exec,
    /// Fork.
    Fork,
    /// Open sockets.
    Socket,
    /// Send a signal to the daemon.
    KillParent,
    /// Have the kernel send a signal to the daemon.
    SignalParent,
    /// Trace the daemon.
    TraceParent,
    /// Read the daemon's memory.
    ReadParent,
    /// Read `/etc/passwd`.
    Passwd,
    /// Create a file in `/tmp`.
    Tmp,
    /// Replace a library of the store.
    Store,
    /// Change its own limits.
    Limits,
    /// Outlive the daemon.
    Outlive,
    /// Report progress that goes backwards and past its end.
    LieProgress,
    /// Write noise to the control socket.
    Noise,
    /// Say "finished" to the daemon itself.
    FinishEarly,
    /// Hand the daemon a file that it goes on changing.
    UnsealedOutput,
    /// Hand the daemon small files that take much memory.
    HiddenBlocks,
    /// Tell the largest number there is in the bill's part that the text names.
    LieBill,
    /// Tell reasons of half a megabyte, full of commands for terminals.
    LieReasons,
    /// Publish a megabyte at once.
    FloodResults,
    /// Begin and end the same step for ever.
    RepeatStep,
    /// Fail with a reason of two megabytes.
    LongReason,
    /// Publish as much as one run may, under the name that the text says.
    LargeResults,
    /// Put out an artifact whose name leaves its folder.
    BadArtifact,
    /// Put out an artifact.
    Artifact,
    /// Put out an artifact, then fail.
    ArtifactThenError,
    /// Publish results of a megabyte.
    HugeResults,
    /// Write into the scratch folder.
    Temp,
    /// Tell what it sees of the world.
    Look,
    /// Start ten thousand threads.
    ManyThreads,
    /// Print as many mebibytes as the text says.
    FloodPrintMebibytes,
    /// Have more memory than it may, where the limit of data does not see it.
    HideMemory,
    /// Fill the scratch folder.
    FillScratch,
    /// Keep much in memory files.
    FillMemoryFiles,
    /// Make a hundred memory files.
    ManyMemoryFiles,
    /// Hand the daemon a result that is mapped for writing.
    MappedOutput,
    /// Hand the daemon a result that is all hole.
    SparseOutput,
    /// Put out as many artifacts as it can.
    ManyArtifacts,
    /// Give a result that does not open.
    BreakResult,
    /// Give a result whose page tree lies.
    LieTree,
    /// Give a result with half of the pages.
    LosePages,
    /// Give a result a hundred times as large.
    GrowResult,
    /// Print the text without an end of line.
    PrintHalf,
    /// Print a line and the text after it through the C library, without seeing to it that it goes out.
    PrintByC,
    /// The same, then call `abort`.
    PrintByCAndAbort,
    /// Leave a file open.
    LeakFile,
    /// Go to another folder.
    ChangeFolder,
    /// Change what a signal does.
    HandleSignal,
    /// Wind up a timer that rings in half an hour.
    WindTimer,
    /// Round up.
    RoundUp,
    /// Let new files have all rights.
    Unmask,
    /// Make standard output refuse what nobody reads.
    Nonblocking,
    /// Write numbers as another country does.
    ChangeLocale,
    /// Use as many milliseconds of the processor as the text says, then go on.
    Burn,
}

/// The one operation.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Misbehave {
    /// What to do wrong.
    mode: Mode,
    /// Text that some modes use.
    #[serde(default)]
    text: String,
}

impl Operation for Misbehave {
    const NAME: &'static str = "misbehave";
    const SUMMARY: &'static str = "Go wrong in a chosen way";
    const PERMISSIONS: Permissions = Permissions {
        temp: true,
        ..Permissions::NONE
    };

    fn run(&self, run: &mut Run<'_>) -> Result<()> {
        crimes::commit(self.mode, &self.text, run)
    }
}

/// Runs once on all documents and gives the first.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Count {}

impl Operation for Count {
    const NAME: &'static str = "count";
    const SUMMARY: &'static str = "Count the documents";
    const INPUTS: Inputs = Inputs::All;

    fn run(&self, run: &mut Run<'_>) -> Result<()> {
        run.result("documents", run.inputs()?.len())
    }
}

/// Gives one document for each page.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Burst {}

impl Operation for Burst {
    const NAME: &'static str = "burst";
    const SUMMARY: &'static str = "One document for each page";

    fn run(&self, run: &mut Run<'_>) -> Result<()> {
        let document = run.document();
        let pages = document.page_count()?;
        for index in 0..pages {
            let one = run.create(Some(&document))?;
            one.import_pages(0, &document, index, 1)?;
            run.emit(&one, &format!("page {}", index + 1))?;
            run.progress(index + 1, pages)?;
        }
        Ok(())
    }
}

export_plugin! {
    name: "faulty",
    description: "Misbehaves on demand, for tests",
    operations: [Misbehave, Count, Burst, Breakout, Launch, Connect],
}
