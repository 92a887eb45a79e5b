//! What a worker may still open: the system's libraries, the plugin store, a few devices, its own scratch folder.

use crate::wire::nursery::Reach;
use crate::worker::options::Options;
use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible as _, LandlockStatus,
    NetPort, PathBeneath, PathFd, RestrictionStatus, Ruleset, RulesetAttr as _, RulesetCreated,
    RulesetCreatedAttr as _, RulesetError, RulesetStatus, Scope,
};
use std::path::Path;

/// The newest rules this code knows; an older kernel gets what it has.
const NEWEST: ABI = ABI::V6;

/// Where shared libraries, time zones and the loader's cache lie. What a system does not have is left out.
pub(crate) const SYSTEM: &[&str] = &[
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
    "/dev/urandom",
    "/dev/random",
];

/// What the kernel starts a program with besides the program itself.
const LOADERS: &[&str] = &[
    "/lib64/ld-linux-x86-64.so.2",
    "/lib/ld-linux-aarch64.so.1",
    "/lib/ld-linux-riscv64-lp64d.so.1",
    "/lib/ld-musl-x86_64.so.1",
    "/lib/ld-musl-aarch64.so.1",
];

/// Rules that are ready to be enforced. They hold open descriptors, so that they can be made while the worker may
/// still reach the paths.
pub(crate) struct Fence {
    rules: RulesetCreated,
    has_ports: bool,
}

impl Fence {
    /// Makes the rules.
    pub(crate) fn build(options: &Options, reach: &Reach) -> Result<Self, RulesetError> {
        let readable = options.readable.iter().chain([&options.store]);
        let readable = readable.map(|path| path.0.as_path());
        let mut rules = Ruleset::default()
            .set_compatibility(CompatLevel::BestEffort)
            .handle_access(AccessFs::from_all(NEWEST))?
            .handle_access(AccessNet::from_all(NEWEST))?
            .scope(Scope::from_all(NEWEST))?
            .create()?;
        let read = AccessFs::ReadFile | AccessFs::ReadDir;
        let granted = reach.readable.iter().map(|path| path.0.as_path());
        for path in SYSTEM.iter().map(Path::new).chain(readable).chain(granted) {
            rules = allow(rules, path, read)?;
        }
        rules = allow(rules, Path::new("/dev/null"), read | AccessFs::WriteFile)?;
        if let Some(path) = &reach.scratch {
            let special =
                AccessFs::MakeChar | AccessFs::MakeBlock | AccessFs::MakeSock | AccessFs::Execute;
            rules = allow(rules, &path.0, AccessFs::from_all(NEWEST) & !special)?;
        }
        let loaders = LOADERS.iter().map(Path::new);
        let programs = reach.programs.iter().map(|path| path.0.as_path());
        for path in programs.chain(loaders.filter(|_| !reach.programs.is_empty())) {
            rules = allow(rules, path, AccessFs::ReadFile | AccessFs::Execute)?;
        }
        for &port in &reach.ports {
            rules = rules.add_rule(NetPort::new(port, AccessNet::ConnectTcp))?;
        }
        let has_ports = !reach.ports.is_empty();
        Ok(Self { rules, has_ports })
    }

    /// From here on the calling thread and all its children are fenced in.
    pub(crate) fn close(self) -> Result<(), String> {
        let status = self.rules.restrict_self().map_err(|e| e.to_string())?;
        judge(&status)?;
        match status.landlock {
            LandlockStatus::Available { effective_abi, .. }
                if self.has_ports && effective_abi < ABI::V4 =>
            {
                Err("this kernel's cannot limit ports; Linux 6.7 or newer".into())
            }
            _ => Ok(()),
        }
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

/// Files are what must be fenced; rules about ports and signals only repeat the system call filter.
fn judge(status: &RestrictionStatus) -> Result<(), String> {
    match (&status.ruleset, status.landlock) {
        (RulesetStatus::FullyEnforced | RulesetStatus::PartiallyEnforced, _) => Ok(()),
        (_, LandlockStatus::NotEnabled) => {
            Err("not enabled in this kernel; add `lsm=landlock,...`".into())
        }
        (_, LandlockStatus::NotImplemented) => {
            Err("this kernel has none; Linux 5.13 or newer".into())
        }
        _ => Err("the kernel did not enforce it".into()),
    }
}
