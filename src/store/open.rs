//! Opening the journal: the lock, the check of the file, what is kept aside, and what the daemon starts from.

use crate::durable;
use crate::job::state::Job;
use crate::store::ballast::Ballast;
use crate::store::config::Config;
use crate::store::error::{Error, reading, writing};
use crate::store::ledger::LedgerEntry;
use crate::store::lock::Lock;
use crate::store::mend::{self, Contents};
use crate::store::query::PipelineRow;
use crate::store::salvage::{self, Salvaged};
use crate::store::schema::{self, APPLICATION, FORMAT};
use crate::store::wal;
use crate::store::writer::{Gauges, Sink, Writer};
use crate::time::Timestamp;
use rusqlite::{Connection, OpenFlags, TransactionBehavior};
use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// The journal holds names of files and what became of them: nobody but its owner may read it, whatever the umask says.
const PRIVATE: u32 = 0o600;

/// What the daemon starts from.
#[derive(Debug)]
pub struct Opening {
    /// The journal's identity: 8 hex digits, made with it.
    pub epoch: String,
    /// The number of its last event.
    pub head: u64,
    /// Whether it was closed in order the last time.
    pub clean: bool,
    /// Whether it was made just now.
    pub fresh: bool,
    /// Jobs that have not ended, oldest first.
    pub open_jobs: Vec<Job>,
    /// Every pipeline's last state, the paused ones among them.
    pub pipelines: Vec<PipelineRow>,
    /// Files that are to be left alone until they change.
    pub ledger: Vec<LedgerEntry>,
    /// A journal that could not be used and lies aside now.
    pub set_aside: Option<SetAside>,
    /// Whether an earlier daemon worked here, and its journal is not there or has no tables.
    pub missing: bool,
    /// Rows of it that could not be read, and what was done about each.
    pub mended: Vec<String>,
    /// What an operator should know: a network file system.
    pub warnings: Vec<String>,
}

/// A journal that could not be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetAside {
    /// Where it lies now.
    pub kept: PathBuf,
    /// What is wrong with it.
    pub reason: String,
    /// What could be brought over into the new one.
    pub salvaged: Salvaged,
}

/// An open journal whose writer does not run yet.
pub struct Journal {
    config: Config,
    connection: Connection,
    lock: Lock,
    pub(crate) file: PathBuf,
    pub(crate) epoch: String,
    head: u64,
}

impl std::fmt::Debug for Journal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Journal")
            .field("file", &self.file)
            .field("epoch", &self.epoch)
            .field("head", &self.head)
            .finish_non_exhaustive()
    }
}

impl Journal {
    /// Locks the state folder and opens its journal, or makes one. A journal that cannot be used is kept aside, and
    /// [`Opening::set_aside`] says so.
    ///
    /// # Errors
    /// `Locked` by another daemon; `Newer` format (left untouched); a folder that cannot be used; no space.
    pub fn open(config: &Config) -> Result<(Self, Opening), Error> {
        let folder = &config.folder;
        fs::create_dir_all(folder).map_err(|source| Error::Files {
            doing: "make the state folder",
            path: folder.clone(),
            source,
        })?;
        let file = folder.join("journal.db");
        // Whoever worked here before has left his lock.
        let lived = folder.join("lock").exists();
        let lock = Lock::take(&folder.join("lock"))?;
        let (mut connection, contents, mut set_aside) = usable(&file)?;
        let fresh = contents.is_none();
        // Not by the file's size: a salvage that failed leaves one without tables, and that has to be said.
        let missing = lived && fresh && set_aside.is_none();
        if fresh {
            let transaction = connection
                .transaction_with_behavior(TransactionBehavior::Immediate)
                .map_err(writing)?;
            schema::create(&transaction, &new_epoch()).map_err(writing)?;
            // In one with the tables: cut short, it must not leave a journal that looks sound and knows of nothing.
            if let Some(aside) = &mut set_aside {
                aside.salvaged = salvage::salvage(&transaction, &aside.kept)?;
            }
            transaction.commit().map_err(writing)?;
        }
        limit(&connection, config.max_bytes).map_err(reading)?;
        let contents = match contents {
            Some(contents) => contents,
            None => mend::read(&connection)?,
        };
        let mut opening = Opening {
            epoch: contents.epoch,
            head: contents.head,
            clean: contents.clean,
            fresh,
            open_jobs: contents.open_jobs,
            pipelines: contents.pipelines,
            ledger: contents.ledger,
            set_aside,
            missing,
            mended: contents.mended,
            warnings: mount_warning(folder).into_iter().collect(),
        };
        if !opening.clean && !fresh {
            // After a power cut the log may end in parts of a transaction. Written on behind by this life and cut again, they would
            // look like damage in its middle.
            if let Err(error) =
                connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
            {
                opening.warnings.push(format!(
                    "the journal's log could not be folded into it: {error}"
                ));
            }
        }
        schema::set_meta(&connection, "clean", "0").map_err(writing)?;
        let journal = Self {
            config: config.clone(),
            connection,
            lock,
            file,
            epoch: opening.epoch.clone(),
            head: opening.head,
        };
        Ok((journal, opening))
    }

    /// The writer on the journal, with its reserve.
    pub(crate) fn writer(self, sink: Sink) -> Writer {
        let ballast = Ballast::open(self.config.folder.join("ballast"), self.config.ballast);
        let gauges = Arc::new(Gauges::default());
        gauges.head.store(self.head, Ordering::Release);
        gauges.ballast.store(ballast.held(), Ordering::Relaxed);
        Writer {
            connection: self.connection,
            sink,
            ballast,
            gauges,
            known: crate::store::unit::Known {
                head: self.head,
                ..Default::default()
            },
            logs: std::collections::HashMap::new(),
            spared: std::collections::HashSet::new(),
            broken: None,
            lock: self.lock,
            file: self.file,
        }
    }
}

/// The file opened and checked, with what it holds if it holds anything; a damaged one goes aside and leaves an empty file.
fn usable(file: &Path) -> Result<(Connection, Option<Contents>, Option<SetAside>), Error> {
    let reason = match checked(file) {
        Err(Error::Damaged(reason)) => reason,
        other => return other.map(|(connection, contents)| (connection, contents, None)),
    };
    let kept = set_aside(file).map_err(|source| Error::Files {
        doing: "keep aside the damaged journal",
        path: file.to_path_buf(),
        source,
    })?;
    let (connection, contents) = checked(file)?;
    let salvaged = Salvaged::default();
    Ok((
        connection,
        contents,
        Some(SetAside {
            kept,
            reason,
            salvaged,
        }),
    ))
}

fn checked(file: &Path) -> Result<(Connection, Option<Contents>), Error> {
    if let Some(damage) = wal::damage(&with_suffix(file, "-wal")) {
        return Err(Error::Damaged(damage));
    }
    // SQLite only says that it is unable to open a file; the system says why.
    File::options()
        .create(true)
        .truncate(false)
        .read(true)
        .write(true)
        .mode(PRIVATE)
        .open(file)
        // One of an earlier version may be open to all. What SQLite puts beside it gets the same mode.
        .and_then(|opened| opened.set_permissions(Permissions::from_mode(PRIVATE)))
        .map_err(|source| Error::Files {
            doing: "open the journal",
            path: file.to_path_buf(),
            source,
        })?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_PRIVATE_CACHE;
    let connection = Connection::open_with_flags(file, flags).map_err(damage)?;
    if !schema_is_missing(&connection).map_err(damage)? {
        check_header(&connection, file)?;
    }
    schema::tune_writer(&connection).map_err(damage)?;
    if schema_is_missing(&connection).map_err(damage)? {
        return Ok((connection, None));
    }
    check_content(&connection)?;
    let contents = mend::read(&connection).map_err(|error| match error {
        Error::Database { source, .. } if is_damage(&source) => Error::Damaged(source.to_string()),
        other => other,
    })?;
    Ok((connection, Some(contents)))
}

/// An empty file, or one whose making was interrupted before its first commit.
fn schema_is_missing(connection: &Connection) -> rusqlite::Result<bool> {
    let tables: i64 =
        connection.query_row("SELECT COUNT(*) FROM sqlite_schema", [], |row| row.get(0))?;
    let application: i32 =
        connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    Ok(tables == 0 && application == 0)
}

fn check_header(connection: &Connection, file: &Path) -> Result<(), Error> {
    let value = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i32>(0));
    if value("application_id").map_err(damage)? != APPLICATION {
        return Err(Error::Damaged(
            "it is a database of another program".to_owned(),
        ));
    }
    let found = value("user_version").map_err(damage)?;
    if found > FORMAT {
        return Err(Error::Newer {
            path: file.to_path_buf(),
            found,
            known: FORMAT,
        });
    }
    schema::migrate(found)
}

/// After a clean end the pages are taken as they are; after anything else each is looked at.
fn check_content(connection: &Connection) -> Result<(), Error> {
    if let Some(flaw) = mend::flaw(connection).map_err(damage)? {
        return Err(Error::Damaged(flaw));
    }
    if schema::meta(connection, "clean")
        .map_err(damage)?
        .as_deref()
        == Some("1")
    {
        return Ok(());
    }
    let verdict: String = connection
        .query_row("PRAGMA quick_check(1)", [], |row| row.get(0))
        .map_err(damage)?;
    if verdict == "ok" {
        return Ok(());
    }
    Err(Error::Damaged(verdict))
}

/// An error of a file that SQLite cannot work with is damage; a full disk or a lock is not.
fn damage(error: rusqlite::Error) -> Error {
    match is_damage(&error) {
        true => Error::Damaged(error.to_string()),
        false => reading(error),
    }
}

fn is_damage(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode;
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => true,
        // A missing column: the layout is not the one its number promises.
        Some(ErrorCode::Unknown) => true,
        // SQLite gave it, and it is not what was written: a text that is none, a number out of range.
        None => true,
        Some(_) => false,
    }
}

fn set_aside(file: &Path) -> io::Result<PathBuf> {
    let time: String = Timestamp::now()
        .rfc3339()
        .chars()
        .filter(|character| !matches!(character, ':' | '-' | '.'))
        .collect();
    let mut kept = file.with_file_name(format!("journal-{time}.damaged"));
    let mut n = 1;
    while kept.exists() {
        kept = file.with_file_name(format!("journal-{time}-{n}.damaged"));
        n += 1;
    }
    // The write-ahead log belongs to the file and keeps the name that SQLite looks for. The file goes first: cut short after its
    // log, it would pass for a sound journal that ended earlier.
    for suffix in ["", "-wal", "-shm"] {
        match durable::rename(&with_suffix(file, suffix), &with_suffix(&kept, suffix)) {
            Err(error) if error.kind() == durable::Kind::Missing => {}
            Err(error) => return Err(io::Error::new(error.io().kind(), error.to_string())),
            Ok(()) => {}
        }
    }
    if let Some(folder) = file.parent() {
        File::open(folder)?.sync_all()?;
    }
    Ok(kept)
}

fn with_suffix(file: &Path, suffix: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn new_epoch() -> String {
    // The low bits of a ULID are random.
    format!("{:08x}", ulid::Ulid::generate().random() as u32)
}

fn limit(connection: &Connection, max_bytes: Option<u64>) -> rusqlite::Result<()> {
    let Some(bytes) = max_bytes else {
        return Ok(());
    };
    let page: i64 = connection.pragma_query_value(None, "page_size", |row| row.get(0))?;
    let pages = i64::try_from(bytes).unwrap_or(i64::MAX) / page.max(1);
    connection.query_row(&format!("PRAGMA max_page_count = {pages}"), [], |_| Ok(()))
}

/// SQLite's write-ahead log needs memory shared between processes of one machine, and locks that work.
fn mount_warning(folder: &Path) -> Option<String> {
    let stat = rustix::fs::statfs(folder).ok()?;
    let kind = remote_kind(stat.f_type as u32)?;
    Some(format!(
        "the state folder `{}` is on {kind}, which cannot promise that the journal survives a power cut or a second daemon; \
         move the home to a local disk",
        folder.display()
    ))
}

const fn remote_kind(magic: u32) -> Option<&'static str> {
    match magic {
        0x6969 => Some("NFS"),
        0xfe53_4d42 | 0xff53_4d42 | 0x517b => Some("SMB"),
        0x6573_5546 => Some("FUSE"),
        0x0102_1997 => Some("9p"),
        0x00c3_6400 => Some("Ceph"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epoch_is_eight_hex_digits_and_new_each_time() {
        let (one, two) = (new_epoch(), new_epoch());
        assert_ne!(one, two);
        assert!(one.len() == 8 && one.bytes().all(|byte| byte.is_ascii_hexdigit()));
    }

    #[test]
    fn network_file_systems_are_told_from_local_ones() {
        assert_eq!(remote_kind(0xfe53_4d42), Some("SMB"));
        assert_eq!(remote_kind(0xef53), None, "ext4");
        assert_eq!(remote_kind(0x0102_1994), None, "tmpfs");
    }
}
