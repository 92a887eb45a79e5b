//! What a worker may still open: the system's libraries, the plugin store, a few devices, its own scratch folder.

use crate::raw_path::RawPath;
use crate::wire::nursery::Own;
use crate::worker::options::Options;
use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible as _, LandlockStatus,
    PathBeneath, PathFd, RestrictionStatus, Ruleset, RulesetAttr as _, RulesetCreated,
    RulesetCreatedAttr as _, RulesetError, RulesetStatus, Scope,
};
use std::path::Path;

/// The newest rules this code knows; an older kernel gets what it has.
const NEWEST: ABI = ABI::V6;

/// Where shared libraries, time zones and the loader's cache lie. What a system does not have is left out.
const SYSTEM: &[&str] = &[
    "/lib",
    "/lib32",
    "/lib64",
    "/usr/lib",
    "/usr/lib32",
    "/usr/lib64",
    "/usr/local/lib",
    "/nix/store",
    "/gnu/store",
    "/etc/ld.so.cache",
    "/etc/localtime",
    "/usr/share/zoneinfo",
    "/dev/null",
    "/dev/zero",
    "/dev/urandom",
    "/dev/random",
];

/// How far signals reach from behind a fence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signals {
    /// As far as the user may send them.
    Anywhere,
    /// To this process only.
    Inside,
}

/// Rules that are ready to be enforced. They hold open descriptors, so that they can be made while the worker may
/// still reach the paths.
pub(crate) struct Fence(RulesetCreated);

impl Fence {
    /// Makes the rules.
    pub(crate) fn build(options: &Options, own: &Own) -> Result<Self, RulesetError> {
        let readable = options.readable.iter().chain([&options.store]);
        let readable = readable.map(|path| path.0.as_path());
        let mut rules = Ruleset::default()
            .set_compatibility(CompatLevel::BestEffort)
            .handle_access(AccessFs::from_all(NEWEST))?
            .handle_access(AccessNet::from_all(NEWEST))?
            .scope(Scope::from_all(NEWEST))?
            .create()?;
        let read = AccessFs::ReadFile | AccessFs::ReadDir;
        for path in SYSTEM.iter().map(Path::new).chain(readable) {
            rules = allow(rules, path, read)?;
        }
        rules = allow(rules, Path::new("/dev/null"), read | AccessFs::WriteFile)?;
        if let Some(RawPath(path)) = &own.scratch {
            let special =
                AccessFs::MakeChar | AccessFs::MakeBlock | AccessFs::MakeSock | AccessFs::Execute;
            rules = allow(rules, path, AccessFs::from_all(NEWEST) & !special)?;
        }
        Ok(Self(rules))
    }

    /// From here on the calling thread and all its children are fenced in.
    pub(crate) fn close(self) -> Result<Signals, String> {
        let status = self.0.restrict_self().map_err(|e| e.to_string())?;
        judge(&status)
    }
}

fn allow(
    rules: RulesetCreated,
    path: &Path,
    access: BitFlags<AccessFs>,
) -> Result<RulesetCreated, RulesetError> {
    let Ok(opened) = PathFd::new(path) else {
        return Ok(rules);
    };
    let access = if path.is_dir() {
        access
    } else {
        access & AccessFs::from_file(NEWEST)
    };
    rules.add_rule(PathBeneath::new(opened, access))
}

/// Files are what must be fenced; where signals are not, the system call filter does that.
fn judge(status: &RestrictionStatus) -> Result<Signals, String> {
    match (&status.ruleset, status.landlock) {
        (RulesetStatus::FullyEnforced, LandlockStatus::Available { effective_abi, .. })
            if effective_abi >= NEWEST =>
        {
            Ok(Signals::Inside)
        }
        (RulesetStatus::FullyEnforced | RulesetStatus::PartiallyEnforced, _) => {
            Ok(Signals::Anywhere)
        }
        (_, LandlockStatus::NotEnabled) => {
            Err("not enabled in this kernel; add `lsm=landlock,...`".into())
        }
        (_, LandlockStatus::NotImplemented) => {
            Err("this kernel has none; Linux 5.13 or newer".into())
        }
        _ => Err("the kernel did not enforce it".into()),
    }
}
