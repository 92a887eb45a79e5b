//! Taking a file out of its inbox, and putting it back.
//!
//! A rename takes it; where that cannot be (another file system below the inbox, other names of the same file, a file system whose
//! files change their identity with their name) it is copied,
//! synced and only then unlinked. Its identity is checked before and after, because whoever wrote it may write it again. The
//! content is synced too: from here on it is ours to keep, even if the writer never synced it. Whoever may write in the inbox
//! may put a link in the place of a folder there at any moment, so the folder of the file is held open meanwhile and was
//! reached without links.

use crate::durable::beneath::Links;
use crate::durable::noreplace;
use crate::durable::spot::{FileNumber, Place, Spot};
use crate::durable::sync::Syncs;
use crate::durable::{self, Content, Kind};
use crate::job::event::Identity;
use crate::owner::NotOurs;
use crate::spool::ground::Away;
use crate::spool::{PRIVATE, SHARED, Spool, aside, mark, name};
use rustix::fs::FileType;
use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

/// A file that is to be taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Where it lies.
    pub from: PathBuf,
    /// Where it will lie.
    pub held: PathBuf,
    /// Who it must be.
    pub identity: Identity,
}

/// A file that was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claimed {
    /// How many bytes.
    pub size: u64,
    /// BLAKE3 of its content, in hex.
    pub blake3: String,
    /// The mark of the folder in which it is held.
    pub held_in: String,
}

/// Why a file was not taken. It lies where it lay, except where it vanished.
#[derive(Debug, thiserror::Error)]
pub enum ClaimError {
    /// There is no such file any more.
    #[error("`{}` is not there any more", .0.display())]
    Vanished(PathBuf),
    /// It is another file, or it is being written again.
    #[error("`{}` changed while it was being taken", .0.display())]
    Changed(PathBuf),
    /// It was taken, but is larger than what is read. It is held.
    #[error("a file of {size} bytes is larger than what is read ({limit} bytes, `max_input_mb`)")]
    TooLarge {
        /// Its size.
        size: u64,
        /// The largest that is read.
        limit: u64,
    },
    /// It lies on another file system than our folder, and is larger than what is copied. It stays.
    #[error(
        "a file of {size} bytes below another mount than its inbox is larger than what is copied ({limit} bytes): remove it, \
         or raise `max_input_mb` in config.yaml"
    )]
    TooLargeToCopy {
        /// Its size.
        size: u64,
        /// The largest that is copied.
        limit: u64,
    },
    /// It was taken, but nobody waited for its content to be read. It is held.
    #[error("nobody waited for a file's content to be read")]
    Halted,
    /// We may not take it.
    #[error("no permission to take a file")]
    Denied(#[source] durable::Error),
    /// The disk is full.
    #[error("no space to take a file")]
    NoSpace(#[source] durable::Error),
    /// The disk or the network failed; it may be tried again.
    #[error("a file could not be taken")]
    Io(#[source] durable::Error),
    /// What was mounted at the inbox is gone.
    #[error(transparent)]
    Away(#[from] Away),
    /// Another home takes files from this folder.
    #[error(transparent)]
    NotOurs(NotOurs),
    /// It may be held, and could be neither taken nor put back.
    #[error("a file can be neither taken nor put back")]
    Stuck(#[source] Box<Self>),
}

impl From<NotOurs> for ClaimError {
    fn from(refused: NotOurs) -> Self {
        match refused {
            NotOurs::Disk(error) => error.into(),
            other => Self::NotOurs(other),
        }
    }
}

impl From<durable::Error> for ClaimError {
    fn from(error: durable::Error) -> Self {
        match error.kind() {
            Kind::Denied => Self::Denied(error),
            Kind::NoSpace => Self::NoSpace(error),
            _ => Self::Io(error),
        }
    }
}

/// How a file came to lie where it is held.
enum Took {
    /// It is the very file.
    Itself,
    /// It is a copy, or an earlier attempt's result: the file itself cannot be compared any more.
    Other,
}

impl Spool {
    /// Takes one file.
    ///
    /// # Errors
    /// See [`ClaimError`].
    pub fn claim(&self, claim: &Claim) -> Result<Claimed, ClaimError> {
        let mut all = self.claim_all(std::slice::from_ref(claim));
        all.pop()
            .unwrap_or_else(|| Err(ClaimError::Vanished(claim.from.clone())))
    }

    /// Takes many files; each folder is synced once for all of them. The results are in the order of the claims.
    #[must_use]
    pub fn claim_all(&self, claims: &[Claim]) -> Vec<Result<Claimed, ClaimError>> {
        let mut syncs = Syncs::default();
        let mut made = BTreeSet::new();
        let mut took = Vec::with_capacity(claims.len());
        for claim in claims {
            took.push(begin(claim, self, &mut made, &mut syncs));
        }
        // What is not durable is not claimed. The files stay where they are held: claiming again finds them.
        let unsynced = syncs.flush().err().unwrap_or_default();
        let finish = |(claim, took): (&Claim, Result<(Took, String), ClaimError>)| {
            let (took, mark) = took.inspect_err(|_| self.contents.over(&claim.held))?;
            let of = |path: &Path| {
                let folder = durable::folder_of(path);
                unsynced.iter().find(move |(failed, _)| *failed == folder)
            };
            let finished = match of(&claim.held).or_else(|| of(&claim.from)) {
                Some((_, error)) => Err(error.again().into()),
                None => finish(claim, (&took, mark), self),
            };
            self.contents.over(&claim.held);
            finished
        };
        claims.iter().zip(took).map(finish).collect()
    }

    /// Puts a held file back where it lay, under the next free number if another has its name. Gives its path.
    ///
    /// # Errors
    /// Of the disk; the file stays where it is held.
    pub fn unclaim(&self, held: &Path, original: &Path) -> Result<PathBuf, durable::Error> {
        put_back(held, original)
    }
}

fn begin(
    claim: &Claim,
    spool: &Spool,
    made: &mut BTreeSet<PathBuf>,
    syncs: &mut Syncs,
) -> Result<(Took, String), ClaimError> {
    if let Some(folder) = claim.held.parent()
        && !made.contains(folder)
    {
        // A folder that is gone with its mount must not be made anew below the mount point, nor ours in what is left there.
        spool.stands(&claim.held)?;
        require_inbox(folder, claim)?;
        spool.owner.has(&durable::folder_of(folder))?;
        durable::make_folders(folder, PRIVATE)?;
        made.insert(folder.to_path_buf());
    }
    // What is held goes into this very folder, whatever is mounted or taken away from here on.
    let folder = durable::folder_of(&claim.held);
    let gone = || durable::Error::at("find", &folder, rustix::io::Errno::NOENT);
    let held = Spot::of(&claim.held)?.ok_or_else(gone)?;
    spool.stands(&claim.held)?;
    let mark = mark::leave(&held)?;
    take(claim, &held, spool, syncs).map(|took| (took, mark))
}

fn take(claim: &Claim, held: &Spot, spool: &Spool, syncs: &mut Syncs) -> Result<Took, ClaimError> {
    syncs.parent_of(&claim.held);
    syncs.parent_of(&claim.from);
    if let Some(found) = held.look()? {
        return resume(claim, held, found);
    }
    let vanished = || ClaimError::Vanished(claim.from.clone());
    let from = in_inbox(claim)?.ok_or_else(vanished)?;
    let found = from.stat()?.ok_or_else(vanished)?;
    let is_file = FileType::from_raw_mode(found.st_mode) == FileType::RegularFile;
    if !is_file || Identity::of_stat(&found) != claim.identity {
        return Err(ClaimError::Changed(claim.from.clone()));
    }
    let size = u64::try_from(found.st_size).unwrap_or(0);
    let limit = spool.contents.limit();
    // Where nobody reads it, nobody minds who changes it.
    let is_read = size <= limit;
    if is_read && found.st_nlink > 1 {
        // Its other names would go on changing what we hold.
        return copy_in(claim, held, &from);
    }
    if is_read && spool.fickle.contains(claim.identity.device) {
        return copy_in(claim, held, &from);
    }
    match noreplace::rename_and(&from, held, || aside::remove(claim, &from)) {
        Ok(()) if is_read => Ok(Took::Itself),
        Ok(()) => Ok(Took::Other),
        Err(error) if error.kind() == Kind::OtherDevice && !is_read => {
            Err(ClaimError::TooLargeToCopy { size, limit })
        }
        Err(error) if error.kind() == Kind::OtherDevice => copy_in(claim, held, &from),
        // It may as well be the folder that it was to be held in.
        Err(error) if error.kind() == Kind::Missing && from.look()?.is_none() => Err(vanished()),
        Err(error) => Err(error.into()),
    }
}

/// Where the file lies; `None` where its folder is gone or a link has taken its place.
fn in_inbox(claim: &Claim) -> Result<Option<Spot>, durable::Error> {
    match Spot::beneath(inbox_of(&claim.held), &claim.from, Links::Refused) {
        Err(error) if error.kind() == Kind::Link => Ok(None),
        found => found,
    }
}

/// The inbox of a file that is held: `<inbox>/.dropleaf/claimed/<job>`.
fn inbox_of(held: &Path) -> &Path {
    held.ancestors().nth(3).unwrap_or(held)
}

fn require_inbox(folder: &Path, claim: &Claim) -> Result<(), ClaimError> {
    // `<inbox>/.dropleaf/claimed`
    let Some(inbox) = folder.ancestors().nth(2) else {
        return Ok(());
    };
    match std::fs::metadata(inbox) {
        Ok(found) if found.is_dir() => Ok(()),
        // Nobody knows whether the file is there.
        Err(error) if durable::kind_of(&error) != Kind::Missing => {
            Err(durable::Error::at("look at", inbox, error).into())
        }
        _ => Err(ClaimError::Vanished(claim.from.clone())),
    }
}

/// An earlier attempt got as far as holding the file. What may be left is to unlink its other names.
fn resume(claim: &Claim, held: &Spot, number: FileNumber) -> Result<Took, ClaimError> {
    durable::remove(held.beside(&with_ending(&claim.held, ".part")))?;
    if let Some(from) = in_inbox(claim)? {
        aside::settle(claim, &from)?;
        if let Some(found) = from.stat()? {
            let linked = (found.st_dev, found.st_ino) == number;
            if linked || Identity::of_stat(&found) == claim.identity {
                held.sync()?;
                aside::remove(claim, &from)?;
            }
        }
    }
    Ok(Took::Other)
}

fn copy_in(claim: &Claim, held: &Spot, from: &Spot) -> Result<Took, ClaimError> {
    let part = with_ending(&claim.held, ".part");
    let part = held.beside(&part);
    durable::remove(part)?;
    let source = from.open()?;
    let is_same = || {
        let found = source.metadata();
        found.is_ok_and(|found| Identity::of(&found) == claim.identity)
    };
    if !is_same() {
        return Err(ClaimError::Changed(claim.from.clone()));
    }
    durable::copy_new(&source, part)?;
    keep_time(&source, part);
    if !is_same() {
        durable::remove(part)?;
        return Err(ClaimError::Changed(claim.from.clone()));
    }
    durable::rename_noreplace(part, held)?;
    // The copy must be durable before the only other one goes.
    held.sync()?;
    aside::remove(claim, from)?;
    Ok(Took::Other)
}

/// Gives a copy the time of its source.
pub(super) fn keep_time(source: &File, copy: Place<'_>) {
    let times = source.metadata().and_then(|found| found.modified());
    let opened = durable::open_regular(copy).map_err(|error| io::Error::other(error.to_string()));
    let set = times.and_then(|time| {
        let opened = opened?;
        opened.set_modified(time)?;
        // The time is what tells a kept original from a new file.
        opened.sync_all()
    });
    if let Err(error) = set {
        tracing::debug!(%error, "failed to keep a file's time");
    }
}

fn finish(
    claim: &Claim,
    (took, held_in): (&Took, String),
    spool: &Spool,
) -> Result<Claimed, ClaimError> {
    let changed = || {
        let path = put_back(&claim.held, &claim.from)?;
        tracing::debug!(path = %path.display(), "a file changed while it was being taken and was put back");
        Err(ClaimError::Changed(claim.from.clone()))
    };
    let file = durable::open_regular(&claim.held)?;
    let look = || {
        let found = file.metadata();
        found.map_err(|source| durable::Error::at("look at", &claim.held, source))
    };
    let is_same = |now: &Identity| match took {
        Took::Itself => claim.identity.same_file(now),
        Took::Other => true,
    };
    let found = look()?;
    if matches!(took, Took::Itself) {
        spool.fickle.saw(&claim.identity, &found);
    }
    if !is_same(&Identity::of(&found)) {
        return changed();
    }
    if let Err(error) = durable::private::drop_special_bits(&file) {
        tracing::debug!(%error, held = %claim.held.display(), "a file keeps its special bits");
    }
    let synced = durable::sync_file(&file);
    synced.map_err(|source| durable::Error::at("sync", &claim.held, source))?;
    let now = Identity::of(&look()?);
    let limit = spool.contents.limit();
    if now.size > limit {
        let size = now.size;
        return Err(ClaimError::TooLarge { size, limit });
    }
    let halted = || spool.contents.is_halted(&claim.held);
    let Some(content) = durable::content_unless(&file, &claim.held, halted)? else {
        return Err(ClaimError::Halted);
    };
    if !is_same(&Identity::of(&look()?)) {
        return changed();
    }
    spool.contents.hashed(&claim.held, now);
    let Content { size, blake3 } = content;
    Ok(Claimed {
        size,
        blake3,
        held_in,
    })
}

/// Puts a held file back where it lay in its inbox. Where a link has taken the place of its folder, or a file, it is put into the
/// inbox itself.
pub(crate) fn put_back(held: &Path, original: &Path) -> Result<PathBuf, durable::Error> {
    // Whether it is there must be known: what cannot be looked at was not put back.
    if Place::from(held).stat()?.is_none() {
        // It was put back before.
        return Ok(original.to_path_buf());
    }
    let inbox = inbox_of(held);
    let name = original.file_name().unwrap_or_default();
    let below = below(inbox, original);
    let path = inbox.join(below.as_deref().unwrap_or(Path::new(name)));
    let back = |path| Spot::making(inbox, path, Links::Refused, SHARED);
    let to = match back(&path) {
        Err(error) if matches!(error.kind(), Kind::Link | Kind::Missing) => {
            back(&inbox.join(name))?
        }
        made => made?,
    };
    let lies = give_name(held, &to)?;
    match lies.file_name() {
        // In the words of who asks: the inbox may be known by another path here.
        Some(name) if below.is_some() && lies.parent() == path.parent() => {
            Ok(original.with_file_name(name))
        }
        _ => Ok(lies),
    }
}

/// A path of this inbox as it lies below it. The inbox may have been named through a link.
fn below(inbox: &Path, original: &Path) -> Option<PathBuf> {
    if let Ok(below) = original.strip_prefix(inbox) {
        return Some(below.to_path_buf());
    }
    let real = inbox.canonicalize().ok()?;
    let is_inbox = |above: &&Path| above.canonicalize().is_ok_and(|above| above == real);
    let above = original.ancestors().skip(1).find(is_inbox)?;
    Some(original.strip_prefix(above).ok()?.to_path_buf())
}

fn give_name(held: &Path, to: &Spot) -> Result<PathBuf, durable::Error> {
    let wanted = to.path().file_name().unwrap_or_default();
    let mut number = 0;
    loop {
        let path = to.path().with_file_name(name::numbered(wanted, number, 0));
        let place = to.beside(&path);
        let moved = match durable::rename_noreplace(held, place) {
            Err(error) if error.kind() == Kind::OtherDevice => copy_out(held, to, place),
            moved => moved,
        };
        match moved {
            Ok(()) => {
                to.sync()?;
                durable::sync::parent(held)?;
                return Ok(path);
            }
            // An earlier try got this far: the file has both names, or is copied already.
            Err(error) if error.kind() == Kind::Exists && is_same(held, place) => {
                to.sync()?;
                durable::remove(held)?;
                return Ok(path);
            }
            Err(error) if error.kind() == Kind::Exists && number < u32::MAX => number += 1,
            Err(error) => return Err(error),
        }
    }
}

fn copy_out(held: &Path, spot: &Spot, to: Place<'_>) -> Result<(), durable::Error> {
    let part = to.path().with_file_name(format!(
        ".dropleaf-{}",
        held.file_name().unwrap_or_default().to_string_lossy()
    ));
    let part = spot.beside(&part);
    durable::remove(part)?;
    let source = durable::open_regular(held)?;
    durable::copy_new(&source, part)?;
    keep_time(&source, part);
    if let Err(error) = durable::rename_noreplace(part, to) {
        durable::remove(part)?;
        return Err(error);
    }
    spot.sync()?;
    durable::remove(held)
}

/// Whether two names stand for one file, or for the same content.
pub(crate) fn is_same<'a>(one: impl Into<Place<'a>>, other: impl Into<Place<'a>>) -> bool {
    let (one, other) = (one.into(), other.into());
    let (Ok(Some(here)), Ok(Some(there))) = (one.stat(), other.stat()) else {
        return false;
    };
    if (here.st_dev, here.st_ino) == (there.st_dev, there.st_ino) {
        return true;
    }
    let content = |place: Place<'_>| {
        let open = durable::open_regular(place).ok()?;
        durable::content(&open, place.path()).ok()
    };
    here.st_size == there.st_size && content(one).is_some_and(|one| Some(one) == content(other))
}

fn with_ending(path: &Path, ending: &str) -> PathBuf {
    crate::spool::plan::companion(path, ending)
}
