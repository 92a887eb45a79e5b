//! Read-only connections beside the writer: few, small, opened when they are first needed.

use crate::store::error::{Error, reading};
use crate::store::schema;
use rusqlite::{Connection, OpenFlags, TransactionBehavior};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Semaphore;

/// Questions that are answered at a time; more wait.
const READERS: usize = 3;

/// The connections that nobody uses just now.
#[derive(Debug)]
pub(crate) struct Readers {
    file: PathBuf,
    idle: Mutex<Vec<Connection>>,
    permits: Semaphore,
}

impl Readers {
    /// The journal's file.
    pub(crate) fn file(&self) -> &Path {
        &self.file
    }

    pub(crate) fn new(file: PathBuf) -> Arc<Self> {
        Arc::new(Self {
            file,
            idle: Mutex::new(Vec::new()),
            permits: Semaphore::new(READERS),
        })
    }

    /// Asks off the async threads, in one read transaction.
    pub(crate) async fn ask<T, F>(self: &Arc<Self>, question: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, Error> + Send + 'static,
    {
        let _permit = self.permits.acquire().await.map_err(|_| Error::Closed)?;
        let readers = Arc::clone(self);
        let asked = tokio::task::spawn_blocking(move || readers.ask_here(question));
        match asked.await {
            Ok(answer) => answer,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                // The runtime is going away.
                Err(_) => Err(Error::Closed),
            },
        }
    }

    /// Asks on this thread, which must be one that may block. It does not wait for a turn: the threads that ask so are few.
    pub(crate) fn ask_blocking<T>(
        &self,
        question: impl FnOnce(&Connection) -> Result<T, Error>,
    ) -> Result<T, Error> {
        if self.permits.is_closed() {
            return Err(Error::Closed);
        }
        self.ask_here(question)
    }

    fn ask_here<T>(
        &self,
        question: impl FnOnce(&Connection) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let mut connection = self.take().map_err(reading)?;
        let transaction = connection
            .transaction_with_behavior(TransactionBehavior::Deferred)
            .map_err(reading)?;
        let answer = question(&transaction)?;
        transaction.finish().map_err(reading)?;
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < READERS && !self.permits.is_closed() {
            idle.push(connection);
        }
        drop(idle);
        Ok(answer)
    }

    fn take(&self) -> rusqlite::Result<Connection> {
        let idle = self
            .idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop();
        match idle {
            Some(connection) => Ok(connection),
            None => self.open(),
        }
    }

    fn open(&self) -> rusqlite::Result<Connection> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
            | OpenFlags::SQLITE_OPEN_NO_MUTEX
            | OpenFlags::SQLITE_OPEN_PRIVATE_CACHE;
        let connection = Connection::open_with_flags(&self.file, flags)?;
        schema::tune(&connection, 1_024)?;
        Ok(connection)
    }

    /// Lets go of the connections, so that the writer is the last and cleans up behind itself.
    pub(crate) fn close(&self) {
        self.permits.close();
        self.idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }
}
