//! What commands without a daemon work with: workers and the installed plugins.

use crate::command::print;
use crate::config::home::Home;
use crate::config::parts;
use crate::config::spec::Config;
use crate::pipeline::checked::Pipeline;
use crate::pipeline::fault::Fault;
use crate::pipeline::load;
use crate::pipeline::surroundings::{EnvCounts, Surroundings};
use crate::plugin::catalog::Catalog;
use crate::plugin::words::nearest;
use crate::pool::Pool;
use crate::registry::{Broken, Registry};
use anyhow::{Context as _, Result};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Runtime;

/// How long workers get to end when a command does.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// Workers and plugins, without a daemon.
pub(crate) struct Workshop {
    pub(crate) config: Config,
    pub(crate) runtime: Runtime,
    pub(crate) pool: Pool,
    pub(crate) registry: Registry,
    _stand_in: Option<StandIn>,
}

/// A folder for what workers need where there is no home. It goes when this is dropped.
struct StandIn(Home);

impl StandIn {
    fn make() -> Result<Self> {
        let path = std::env::temp_dir().join(format!("dropleaf-{}", ulid::Ulid::generate()));
        let stand_in = Self(Home::find(Some(&path))?);
        stand_in.0.make()?;
        Ok(stand_in)
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        // Whoever looks after temporary folders finds what stays.
        let _ = std::fs::remove_dir_all(self.0.root());
    }
}

impl Workshop {
    /// As [`open`](Self::open) where there must be a home.
    pub(crate) fn open_home(config: Config) -> Result<Self> {
        config.home.must_be_there()?;
        Self::open(config)
    }

    /// Starts workers and asks the plugins what they offer. The news of the registry are dropped: nobody follows. Where there is no
    /// home none is made: a name that was mistyped would look like a home without pipelines.
    pub(crate) fn open(config: Config) -> Result<Self> {
        let stand_in = if config.home.is_there() {
            config.home.make()?;
            None
        } else {
            print::note(format_args!(
                "there is no home at `{}`: this is without its plugins and configuration",
                config.home.root().display()
            ));
            Some(StandIn::make()?)
        };
        let mut parts_of = config.clone();
        if let Some(StandIn(home)) = &stand_in {
            parts_of.home = home.clone();
        }
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .context("failed to start")?;
        let (pool, registry) = runtime.block_on(async {
            let pool = Pool::start(parts::pool(&parts_of, false))
                .context("failed to start the worker pool")?;
            let (registry, mut news) =
                Registry::start(parts::registry(&parts_of, false), pool.clone()).await?;
            tokio::spawn(async move { while news.recv().await.is_some() {} });
            anyhow::Ok((pool, registry))
        })?;
        Ok(Self {
            config,
            runtime,
            pool,
            registry,
            _stand_in: stand_in,
        })
    }

    /// The installed operations.
    pub(crate) fn catalog(&self) -> Arc<Catalog> {
        self.registry.catalog()
    }

    /// What cannot be used.
    pub(crate) fn broken(&self) -> Vec<Broken> {
        self.registry.broken()
    }

    /// The plugin folders that cannot be used: what lies in them is missing in the catalogue.
    pub(crate) fn broken_folders(&self) -> Vec<Broken> {
        let folders = &self.config.plugin_folders;
        let is_folder =
            |broken: &Broken| folders.iter().any(|folder| folder == broken.file.as_ref());
        self.broken().into_iter().filter(is_folder).collect()
    }

    /// The sandbox level that workers reach.
    pub(crate) fn sandbox(&self) -> Result<String, String> {
        self.runtime
            .block_on(self.pool.probe())
            .map_err(|error| error.to_string())
    }

    /// What surrounds a pipeline file.
    pub(crate) fn surroundings(&self) -> Surroundings {
        parts::surroundings(&self.config, EnvCounts::No)
    }

    /// The home's pipelines that have faults.
    pub(crate) fn faulty_pipelines(&self) -> Vec<(String, Vec<Fault>)> {
        self.loaded_pipelines()
            .into_iter()
            .filter_map(|loaded| loaded.result.err().map(|faults| (loaded.id, faults)))
            .collect()
    }

    /// The home's pipelines that have none.
    pub(crate) fn good_pipelines(&self) -> Vec<Pipeline> {
        self.loaded_pipelines()
            .into_iter()
            .filter_map(|loaded| loaded.result.ok())
            .collect()
    }

    fn loaded_pipelines(&self) -> Vec<load::Loaded> {
        load::load(
            &self.config.home.pipelines(),
            &self.catalog(),
            &self.surroundings(),
        )
        .unwrap_or_default()
    }

    /// The pipeline that a command names: a file, or an id of the home's.
    pub(crate) fn pipeline(&self, named: &str) -> Result<Pipeline, Vec<Fault>> {
        let as_file = Path::new(named);
        let is_file = named.contains('/')
            || as_file
                .extension()
                .is_some_and(|extension| extension == "yaml" || extension == "yml");
        let path = if is_file {
            as_file.to_path_buf()
        } else {
            let folder = self.config.home.pipelines();
            let yml = folder.join(format!("{named}.yml"));
            if yml.is_file() {
                yml
            } else {
                folder.join(format!("{named}.yaml"))
            }
        };
        if !is_file && !path.exists() {
            return Err(vec![self.no_pipeline(named, &path)]);
        }
        load::load_file(&path, &self.catalog(), &self.surroundings()).result
    }

    fn no_pipeline(&self, named: &str, path: &Path) -> Fault {
        let there = load::load(
            &self.config.home.pipelines(),
            &self.catalog(),
            &self.surroundings(),
        );
        // A folder that cannot be listed has no names to offer.
        let names: Vec<String> = there
            .unwrap_or_default()
            .into_iter()
            .map(|loaded| loaded.id)
            .collect();
        let hint = match nearest(named, names.iter().map(String::as_str)) {
            Some(near) => format!("did you mean `{near}`?"),
            None if names.is_empty() => "`dropleaf init` writes some to start from".to_owned(),
            None => format!("there are: {}", names.join(", ")),
        };
        let message = format!("there is no pipeline `{named}`");
        Fault::of_file(&path.to_string_lossy(), message).hint(hint)
    }

    /// Ends the workers.
    pub(crate) fn close(self) {
        self.runtime.block_on(async {
            self.registry.close().await;
            self.pool.drain(Duration::ZERO).await;
        });
        self.runtime.shutdown_timeout(LAST_WORDS);
    }
}
