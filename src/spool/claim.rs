//! Taking a file out of its inbox, and putting it back.
//!
//! A rename takes it; where that cannot be (another file system below the inbox, other names of the same file, a file system whose
//! files change their identity with their name) it is copied,
//! synced and only then unlinked. Its identity is checked before and after, because whoever wrote it may write it again. The
//! content is synced too: from here on it is ours to keep, even if the writer never synced it.

use crate::durable::sync::Syncs;
use crate::durable::{self, Content, Kind};
use crate::job::event::Identity;
use crate::owner::NotOurs;
use crate::spool::fickle::Fickle;
use crate::spool::{PRIVATE, Spool, name};
use std::collections::BTreeSet;
use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt as _;
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
    /// We may not take it.
    #[error("no permission to take a file")]
    Denied(#[source] durable::Error),
    /// The disk is full.
    #[error("no space to take a file")]
    NoSpace(#[source] durable::Error),
    /// The disk or the network failed; it may be tried again.
    #[error("a file could not be taken")]
    Io(#[source] durable::Error),
    /// Another home takes files from this folder.
    #[error(transparent)]
    NotOurs(NotOurs),
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
        let finish = |(claim, took): (&Claim, Result<Took, ClaimError>)| {
            let took = took?;
            let of = |path: &Path| {
                let folder = durable::folder_of(path);
                unsynced.iter().find(move |(failed, _)| *failed == folder)
            };
            match of(&claim.held).or_else(|| of(&claim.from)) {
                Some((_, error)) => Err(error.again().into()),
                None => finish(claim, &took, &self.fickle),
            }
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
) -> Result<Took, ClaimError> {
    if let Some(folder) = claim.held.parent()
        && !made.contains(folder)
    {
        // A folder that is gone with its mount must not be made anew below the mount point.
        require_inbox(folder, claim)?;
        spool.owner.has(&durable::folder_of(folder))?;
        durable::make_folders(folder, PRIVATE)?;
        made.insert(folder.to_path_buf());
    }
    syncs.parent_of(&claim.held);
    syncs.parent_of(&claim.from);
    if let Some(held) = look(&claim.held)? {
        return resume(claim, &held);
    }
    let Some(found) = look(&claim.from)? else {
        return Err(ClaimError::Vanished(claim.from.clone()));
    };
    if !found.is_file() || Identity::of(&found) != claim.identity {
        return Err(ClaimError::Changed(claim.from.clone()));
    }
    if found.nlink() > 1 {
        // Its other names would go on changing what we hold.
        return copy_in(claim);
    }
    if spool.fickle.contains(claim.identity.device) {
        return copy_in(claim);
    }
    match durable::rename_noreplace(&claim.from, &claim.held) {
        Ok(()) => Ok(Took::Itself),
        Err(error) if error.kind() == Kind::OtherDevice => copy_in(claim),
        // It may as well be the folder that it was to be held in.
        Err(error) if error.kind() == Kind::Missing && look(&claim.from)?.is_none() => {
            Err(ClaimError::Vanished(claim.from.clone()))
        }
        Err(error) => Err(error.into()),
    }
}

fn require_inbox(folder: &Path, claim: &Claim) -> Result<(), ClaimError> {
    // `<inbox>/.dropleaf/claimed`
    match folder.ancestors().nth(2) {
        Some(inbox) if !inbox.is_dir() => Err(ClaimError::Vanished(claim.from.clone())),
        _ => Ok(()),
    }
}

/// An earlier attempt got as far as holding the file. What may be left is to unlink its other names.
fn resume(claim: &Claim, held: &Metadata) -> Result<Took, ClaimError> {
    durable::remove(&with_ending(&claim.held, ".part"))?;
    if let Some(found) = look(&claim.from)? {
        let linked = (found.dev(), found.ino()) == (held.dev(), held.ino());
        if linked || Identity::of(&found) == claim.identity {
            durable::sync::parent(&claim.held)?;
            durable::remove(&claim.from)?;
        }
    }
    Ok(Took::Other)
}

fn copy_in(claim: &Claim) -> Result<Took, ClaimError> {
    let part = with_ending(&claim.held, ".part");
    durable::remove(&part)?;
    let source = durable::open_regular(&claim.from)?;
    let is_same = || {
        let found = source.metadata();
        found.is_ok_and(|found| Identity::of(&found) == claim.identity)
    };
    if !is_same() {
        return Err(ClaimError::Changed(claim.from.clone()));
    }
    durable::copy_new(&source, &part)?;
    keep_time(&source, &part);
    if !is_same() {
        durable::remove(&part)?;
        return Err(ClaimError::Changed(claim.from.clone()));
    }
    durable::rename_noreplace(&part, &claim.held)?;
    // The copy must be durable before the only other one goes.
    durable::sync::parent(&claim.held)?;
    durable::remove(&claim.from)?;
    Ok(Took::Other)
}

fn keep_time(source: &File, copy: &Path) {
    let times = source.metadata().and_then(|found| found.modified());
    let set = times.and_then(|time| File::options().write(true).open(copy)?.set_modified(time));
    if let Err(error) = set {
        tracing::debug!(%error, "failed to keep a file's time");
    }
}

fn finish(claim: &Claim, took: &Took, fickle: &Fickle) -> Result<Claimed, ClaimError> {
    let changed = |error: Option<io::Error>| {
        let path = put_back(&claim.held, &claim.from)?;
        tracing::debug!(path = %path.display(), ?error, "a file changed while it was being taken and was put back");
        Err(ClaimError::Changed(claim.from.clone()))
    };
    let file = durable::open_regular(&claim.held)?;
    let is_same = || match (took, file.metadata()) {
        (Took::Itself, Ok(found)) => claim.identity.same_file(&Identity::of(&found)),
        (Took::Other, found) => found.is_ok(),
        (Took::Itself, Err(_)) => false,
    };
    if matches!(took, Took::Itself) {
        fickle.saw(&claim.identity, file.metadata().ok().as_ref());
    }
    if !is_same() {
        return changed(None);
    }
    let synced = durable::sync_file(&file);
    synced.map_err(|source| durable::Error::at("sync", &claim.held, source))?;
    let Content { size, blake3 } = durable::content(&file, &claim.held)?;
    if !is_same() {
        return changed(None);
    }
    Ok(Claimed { size, blake3 })
}

pub(crate) fn put_back(held: &Path, original: &Path) -> Result<PathBuf, durable::Error> {
    let wanted = original.file_name().unwrap_or_default();
    if !is_there(held) {
        // It was put back before.
        return Ok(original.to_path_buf());
    }
    if let Some(folder) = original.parent() {
        durable::make_folders(folder, crate::spool::SHARED)?;
    }
    let mut number = 0;
    loop {
        let path = original.with_file_name(name::numbered(wanted, number, 0));
        let moved = match durable::rename_noreplace(held, &path) {
            Err(error) if error.kind() == Kind::OtherDevice => copy_out(held, &path),
            moved => moved,
        };
        match moved {
            Ok(()) => {
                durable::sync::parent(&path)?;
                durable::sync::parent(held)?;
                return Ok(path);
            }
            // An earlier try got this far: the file has both names, or is copied already.
            Err(error) if error.kind() == Kind::Exists && is_same(held, &path) => {
                durable::sync::parent(&path)?;
                durable::remove(held)?;
                return Ok(path);
            }
            Err(error) if error.kind() == Kind::Exists && number < u32::MAX => number += 1,
            Err(error) => return Err(error),
        }
    }
}

fn copy_out(held: &Path, to: &Path) -> Result<(), durable::Error> {
    let part = to.with_file_name(format!(
        ".dropleaf-{}",
        held.file_name().unwrap_or_default().to_string_lossy()
    ));
    durable::remove(&part)?;
    let source = durable::open_regular(held)?;
    durable::copy_new(&source, &part)?;
    keep_time(&source, &part);
    if let Err(error) = durable::rename_noreplace(&part, to) {
        durable::remove(&part)?;
        return Err(error);
    }
    durable::sync::parent(to)?;
    durable::remove(held)
}

/// Whether two names stand for one file, or for the same content.
pub(super) fn is_same(one: &Path, other: &Path) -> bool {
    let found = |path: &Path| std::fs::symlink_metadata(path).ok();
    let (Some(here), Some(there)) = (found(one), found(other)) else {
        return false;
    };
    if (here.dev(), here.ino()) == (there.dev(), there.ino()) {
        return true;
    }
    let content = |path: &Path| {
        let open = durable::open_regular(path).ok()?;
        durable::content(&open, path).ok()
    };
    here.len() == there.len() && content(one).is_some_and(|one| Some(one) == content(other))
}

/// What lies there, without following links.
fn look(path: &Path) -> Result<Option<Metadata>, durable::Error> {
    match std::fs::symlink_metadata(path) {
        Ok(found) => Ok(Some(found)),
        Err(error) if durable::kind_of(&error) == Kind::Missing => Ok(None),
        Err(error) => Err(durable::Error::at("look at", path, error)),
    }
}

fn is_there(path: &Path) -> bool {
    std::fs::symlink_metadata(path).is_ok()
}

fn with_ending(path: &Path, ending: &str) -> PathBuf {
    crate::spool::plan::companion(path, ending)
}
