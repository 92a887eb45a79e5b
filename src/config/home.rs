//! The home: the one folder that everything of a daemon lies in.

use std::path::{Path, PathBuf};

/// The folders of a home.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Home(PathBuf);

/// A home cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The platform names no data folder.
    #[error(
        "failed to find a home: this account has no data folder; name one with `--home DIR` or DROPLEAF_HOME"
    )]
    Nowhere,
    /// There is none where it was looked for.
    #[error(
        "there is no home at `{path}`; `dropleaf --home {path} init` makes one, `--home DIR` or DROPLEAF_HOME names another",
        path = .0.display()
    )]
    NotThere(PathBuf),
    /// A relative home cannot be resolved.
    #[error("failed to resolve the home `{path}`")]
    Unresolved {
        /// What was given.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A folder of the home cannot be made.
    #[error("failed to make the folder `{path}`")]
    Unmakeable {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: crate::durable::Error,
    },
}

impl Home {
    /// The home that was named, else the platform's data folder for Dropleaf. Nothing is made.
    ///
    /// # Errors
    /// There is none, or it cannot be resolved.
    pub fn find(named: Option<&Path>) -> Result<Self, Error> {
        let path = match named {
            Some(path) => path.to_path_buf(),
            None => directories::ProjectDirs::from("", "", "dropleaf")
                .ok_or(Error::Nowhere)?
                .data_dir()
                .to_path_buf(),
        };
        std::path::absolute(&path)
            .map(Self)
            .map_err(|source| Error::Unresolved { path, source })
    }

    /// Whether somebody has made a home there: the folder holds something that only a home has.
    #[must_use]
    pub fn is_there(&self) -> bool {
        let own = [self.config(), self.pipelines(), self.state()];
        // What cannot be looked at is there, and will be complained of by who needs it.
        own.iter().any(|path| path.try_exists().unwrap_or(true))
    }

    /// That there is a home.
    ///
    /// # Errors
    /// There is none; the text says what to do.
    pub fn must_be_there(&self) -> Result<(), Error> {
        match self.is_there() {
            true => Ok(()),
            false => Err(Error::NotThere(self.0.clone())),
        }
    }

    /// Makes the home and its folders where they are missing; what holds private data is for the owner alone.
    ///
    /// # Errors
    /// One of them cannot be made.
    pub fn make(&self) -> Result<(), Error> {
        for shared in [
            self.root(),
            &self.pipelines(),
            &self.plugins(),
            &self.inbox(),
            &self.outbox(),
            &self.archive(),
            &self.failed(),
        ] {
            make(shared, 0o755)?;
        }
        // Workers that gave up root must still reach their scratch folder and the plugin copies.
        make_own(&self.work(), 0o711)?;
        make_own(&self.state(), 0o711)?;
        make(&self.plugin_copies(), 0o755)
    }

    /// The folder itself.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.0
    }

    /// The folders that the daemon itself writes to, whatever the pipelines say.
    #[must_use]
    pub fn own(&self) -> Vec<PathBuf> {
        vec![self.0.clone(), self.state(), self.work()]
    }

    /// `config.yaml`.
    #[must_use]
    pub fn config(&self) -> PathBuf {
        self.0.join("config.yaml")
    }

    /// `pipelines/`.
    #[must_use]
    pub fn pipelines(&self) -> PathBuf {
        self.0.join("pipelines")
    }

    /// `plugins/`.
    #[must_use]
    pub fn plugins(&self) -> PathBuf {
        self.0.join("plugins")
    }

    /// `inbox/`.
    #[must_use]
    pub fn inbox(&self) -> PathBuf {
        self.0.join("inbox")
    }

    /// `outbox/`.
    #[must_use]
    pub fn outbox(&self) -> PathBuf {
        self.0.join("outbox")
    }

    /// `archive/`.
    #[must_use]
    pub fn archive(&self) -> PathBuf {
        self.0.join("archive")
    }

    /// `failed/`.
    #[must_use]
    pub fn failed(&self) -> PathBuf {
        self.0.join("failed")
    }

    /// `work/`: what workers need on disk.
    #[must_use]
    pub fn work(&self) -> PathBuf {
        self.0.join("work")
    }

    /// `state/`: the journal, the lock, the plugin copies.
    #[must_use]
    pub fn state(&self) -> PathBuf {
        self.0.join("state")
    }

    /// `state/mounts.json`: where the file systems of folders were mounted when they were last used.
    #[must_use]
    pub fn mounts(&self) -> PathBuf {
        self.state().join("mounts.json")
    }

    /// `state/home-id`: by which the folders that the home watches know it.
    #[must_use]
    pub fn id(&self) -> PathBuf {
        self.state().join("home-id")
    }

    /// `state/journal.db`.
    #[must_use]
    pub fn journal(&self) -> PathBuf {
        self.state().join("journal.db")
    }

    /// `state/plugins/`: content-addressed copies of libraries.
    #[must_use]
    pub fn plugin_copies(&self) -> PathBuf {
        self.state().join("plugins")
    }

    /// `state/address`: where the running daemon listens.
    #[must_use]
    pub fn address(&self) -> PathBuf {
        self.state().join("address")
    }
}

/// Durably: a journal in a folder whose own name a power cut takes away would be lost with everything that it told.
fn make(path: &Path, mode: u32) -> Result<(), Error> {
    crate::durable::make_folders(path, mode).map_err(|source| Error::Unmakeable {
        path: path.to_path_buf(),
        source,
    })
}

/// As [`make`], and where it is there already and open to more than `mode` allows, it is closed.
fn make_own(path: &Path, mode: u32) -> Result<(), Error> {
    use std::os::unix::fs::PermissionsExt as _;
    make(path, mode)?;
    let close = || -> std::io::Result<()> {
        let has = std::fs::metadata(path)?.permissions().mode() & 0o777;
        if has & !mode == 0 {
            return Ok(());
        }
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(has & mode))
    };
    close().map_err(|source| Error::Unmakeable {
        path: path.to_path_buf(),
        source: crate::durable::Error::at("close to others", path, source),
    })
}
