//! What the checks of pipelines have to know about the world around them.

use std::collections::BTreeSet;
use std::path::PathBuf;

/// What a pipeline's checks have to know about the world around it.
#[derive(Clone, Debug)]
pub struct Surroundings {
    /// The absolute home: relative folders lie in it.
    pub home: PathBuf,
    /// What `~` stands for.
    pub user_home: Option<PathBuf>,
    /// Names of the environment variables that are set where jobs will run; `None` where that is not known, so that
    /// `env.*` is not held against it.
    pub env: Option<BTreeSet<String>>,
}

impl Surroundings {
    /// The surroundings of this process. With `env_counts` an environment variable that is not set is a fault.
    #[must_use]
    pub fn of_this_process(home: PathBuf, env_counts: EnvCounts) -> Self {
        let names = || {
            std::env::vars_os()
                .filter_map(|(name, _)| name.into_string().ok())
                .collect()
        };
        Self {
            home,
            user_home: std::env::var_os("HOME")
                .map(PathBuf::from)
                .filter(|home| home.is_absolute()),
            env: (env_counts == EnvCounts::Yes).then(names),
        }
    }
}

/// Whether this process's environment is the one that jobs will run in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EnvCounts {
    /// The daemon's.
    Yes,
    /// A command line's, perhaps another user's.
    No,
}
