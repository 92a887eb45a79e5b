//! What results must be like before they are delivered: the pipeline's `expect`, and soundness where a plugin is not trusted.
//!
//! A result is looked at by a worker that has loaded no plugin, one worker for each, and only where somebody asks for it.
//! What the worker that made it says of it counts for nothing then.

use crate::durable::lent::Lent;
use crate::job::attempt::{Ending, Failure};
use crate::pipeline::checked::{Expect, Pages};
use crate::pool::Pool;
use crate::pool::update::StopHandle;
use crate::problem::{Code, Problem};
use crate::scheduler::input::Start;
use crate::scheduler::planning::Planned;
use crate::wire::message::{Inspected, Plan};
use std::fs::File;
use std::time::Duration;

/// Bytes that results may always grow by: fonts of a stamp on a small file are no excess.
const SLACK: u64 = 64 << 10;

/// Holds one attempt's results to what is expected of them.
pub(super) struct Contract<'a> {
    pool: &'a Pool,
    expect: Expect,
    /// How files are looked at; `None` where nobody asked for it.
    look: Option<Plan>,
    /// Why: a plugin is not trusted.
    distrusted: bool,
    patience: Duration,
    original: Original,
    pages: u64,
    bytes: u64,
}

struct Original {
    file: Option<Lent>,
    size: u64,
    /// Its pages, as its own worker says.
    told: Option<u64>,
    found: Option<Inspected>,
}

impl<'a> Contract<'a> {
    /// For the results of this attempt on this file.
    pub(super) fn new(pool: &'a Pool, start: &Start, planned: &Planned, input: &File) -> Self {
        let expect = start.pipeline.expect;
        let looks = expect.opens || planned.distrusted;
        let look = looks.then(|| Plan {
            steps: Vec::new(),
            max_input: u64::MAX,
            ..planned.plan.clone()
        });
        Self {
            pool,
            expect,
            distrusted: planned.distrusted,
            patience: start.pipeline.timeout,
            original: Original {
                // Where it cannot be held twice, it is missed when it is looked at.
                file: look
                    .as_ref()
                    .and_then(|_| input.try_clone().ok())
                    .map(Lent::from),
                size: start.accepted.identity.size,
                told: None,
                found: None,
            },
            look,
            pages: 0,
            bytes: 0,
        }
    }

    /// The pages of the original, as its worker says.
    pub(super) fn opened(&mut self, pages: u64) {
        self.original.told = Some(pages);
    }

    /// Looks at one result; gives its pages.
    ///
    /// # Errors
    /// It is not as expected, or nobody could look at it.
    pub(super) async fn result(
        &mut self,
        file: &File,
        told: u64,
        stop: &StopHandle,
    ) -> Result<u64, Failure> {
        let size = file.metadata().map_or(u64::MAX, |data| data.len());
        self.bytes = self.bytes.saturating_add(size);
        self.check_growth()?;
        let pages = self.look_at(file, stop).await?.unwrap_or(told);
        self.pages = self.pages.saturating_add(pages);
        let expected = match self.expect.pages {
            Some(Pages::Exactly(expected)) => expected,
            Some(Pages::Same) => self.pages_of_original(stop).await?,
            Some(Pages::Sum) | None => return Ok(pages),
        };
        if pages == expected {
            return Ok(pages);
        }
        Err(unexpected(format!(
            "expected {}, and a result has {}",
            in_pages(expected),
            in_pages(pages)
        )))
    }

    /// Looks at all of them together.
    ///
    /// # Errors
    /// They are not as expected.
    pub(super) async fn all(&mut self, stop: &StopHandle) -> Result<(), Failure> {
        if self.expect.pages != Some(Pages::Sum) {
            return Ok(());
        }
        let expected = self.pages_of_original(stop).await?;
        if self.pages == expected {
            return Ok(());
        }
        Err(unexpected(format!(
            "expected {} in all results together, and they have {}",
            in_pages(expected),
            in_pages(self.pages)
        )))
    }

    fn check_growth(&self) -> Result<(), Failure> {
        let Some(growth) = self.expect.max_growth else {
            return Ok(());
        };
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "files have less than 2^52 bytes, and a growth is at most a million"
        )]
        let most = (self.original.size as f64 * growth) as u64;
        if self.bytes <= most.max(self.original.size.saturating_add(SLACK)) {
            return Ok(());
        }
        Err(unexpected(format!(
            "expected at most {growth} times the original's {} bytes, and the results have {} bytes or more",
            self.original.size, self.bytes
        )))
    }

    async fn pages_of_original(&mut self, stop: &StopHandle) -> Result<u64, Failure> {
        match &self.look {
            Some(_) => Ok(self.original(stop).await?.pages),
            None => Ok(self.original.told.unwrap_or_default()),
        }
    }

    /// What a clean worker finds in the original.
    async fn original(&mut self, stop: &StopHandle) -> Result<Inspected, Failure> {
        if let Some(found) = &self.original.found {
            return Ok(found.clone());
        }
        let gone = || Problem::new(Code::Internal, "the original cannot be looked at");
        let (Some(look), Some(file)) = (&self.look, &self.original.file) else {
            return Err(rejected(gone()));
        };
        let found = self
            .pool
            .inspect(look.clone(), file, self.patience, stop)
            .await?;
        let found = found.map_err(rejected)?;
        self.original.found = Some(found.clone());
        Ok(found)
    }

    /// The pages that a clean worker finds in a result; `None` where nobody asked.
    async fn look_at(&mut self, file: &File, stop: &StopHandle) -> Result<Option<u64>, Failure> {
        let Some(look) = &self.look else {
            return Ok(None);
        };
        let looked = self
            .pool
            .inspect(look.clone(), file, self.patience, stop)
            .await?;
        let found = match looked {
            Ok(found) => found,
            Err(problem) => return Err(self.unsound(&problem.detail)),
        };
        if let Some(mended) = found.mended.first() {
            return Err(self.unsound(mended));
        }
        if found.dangling == 0 && found.by_the_letter.is_none() {
            return Ok(Some(found.pages));
        }
        // Much that arrives is not quite right, and goes on as it came. What is no worse than that is no fault of the steps.
        let original = self.original(stop).await?;
        if found.dangling > original.dangling {
            return Err(self.unsound(&format!(
                "{} references in it lead nowhere, and {} in the original",
                found.dangling, original.dangling
            )));
        }
        if let (Some(why), None) = (&found.by_the_letter, &original.by_the_letter) {
            return Err(self.unsound(&format!("read by the letter: {why}")));
        }
        Ok(Some(found.pages))
    }

    fn unsound(&self, why: &str) -> Failure {
        if self.expect.opens {
            return unexpected(format!(
                "expected results that open, and one does not: {why}"
            ));
        }
        let hint = match self.distrusted {
            true => "a plugin of this pipeline is `untrusted` in config.yaml: tell its author",
            false => Code::ResultInvalid.advice(),
        };
        let text = format!("a result is not sound: {why}");
        rejected(Problem::new(Code::ResultInvalid, text).hint(hint))
    }
}

fn in_pages(pages: u64) -> String {
    match pages {
        1 => "1 page".to_owned(),
        pages => format!("{pages} pages"),
    }
}

fn unexpected(text: String) -> Failure {
    rejected(Problem::new(Code::Unexpected, text))
}

/// Trying again would bring the same.
fn rejected(problem: Problem) -> Failure {
    Failure {
        ending: Ending::Rejected,
        problem,
    }
}
