//! What retention has left empty goes back to the file system, in small steps, as far as it is more than a journal soon fills again.
//!
//! Only journals that were made so (`auto_vacuum`) have the map of who points to a page; in an older one the pages stay and are
//! used again.

use crate::store::Store;
use crate::store::error::{Error, writing};
use crate::store::writer::{Outcome, Work};
use rusqlite::Connection;

/// Pages of one step: a MiB is moved, while units wait.
const STEP: i64 = 256;
/// Free pages that stay in any case, for a journal at work: 16 MiB.
pub const SPARE: u32 = 4_096;
/// And such a part of what is in use, or each hour would take away what the next one needs.
const SHARE: i64 = 4;

impl Store {
    /// Gives free pages of the journal's file back but for `spare` and a quarter of what is in use, in small steps between other
    /// units.
    ///
    /// # Errors
    /// `Full`, `Broken`, `Closed`; steps that were done stay done.
    pub async fn shrink(&self, spare: u32) -> Result<(), Error> {
        loop {
            match self.enqueue(Work::Shrink(spare)).await? {
                Outcome::Shrunk(true) => {}
                Outcome::Shrunk(false) => return Ok(()),
                _ => return Err(Error::Closed),
            }
        }
    }
}

/// One step; whether there is more to give back.
pub(crate) fn step(connection: &Connection, spare: u32) -> Result<bool, Error> {
    let (excess, free) = excess(connection, spare).map_err(writing)?;
    if excess <= 0 {
        return Ok(false);
    }
    give_back(connection, excess.min(STEP)).map_err(writing)?;
    let (excess, left) = self::excess(connection, spare).map_err(writing)?;
    Ok(excess > 0 && left < free)
}

/// Cuts the file to what is left, which its log alone knows so far. What a reader still needs is cut another time.
pub(crate) fn cut(connection: &Connection) {
    if let Err(error) = connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(())) {
        tracing::debug!(%error, "the journal's log could not be folded into it");
    }
}

/// How many free pages are too many, and how many there are.
fn excess(connection: &Connection, spare: u32) -> rusqlite::Result<(i64, i64)> {
    let value = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let (pages, free) = (value("page_count")?, value("freelist_count")?);
    let kept = i64::from(spare).max((pages - free) / SHARE);
    Ok((free - kept, free))
}

fn give_back(connection: &Connection, pages: i64) -> rusqlite::Result<()> {
    let mut statement = connection.prepare(&format!("PRAGMA incremental_vacuum({pages})"))?;
    let mut rows = statement.query([])?;
    // Each row is a page that has gone.
    while rows.next()?.is_some() {}
    Ok(())
}
