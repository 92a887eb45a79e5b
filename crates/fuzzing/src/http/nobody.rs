//! A daemon that has no pipeline, no plugin and no job, and takes every upload to refuse it.

use bytes::Bytes;
use dropleaf::http::api::{
    Answer, Backend, BrokenPlugin, Checked, Explanation, FolderEntry, Health, KeptTrial, Metric,
    OperationEntry, PipelineEntry, PluginEntry, Precondition, Put, PutRefused, Refused, Restored,
    Trial, WaitingFile,
};
use dropleaf::http::picture::{Picture, Undrawn};
use dropleaf::http::slot::Slot;
use dropleaf::job::id::JobId;
use dropleaf::job::state::Job;
use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

pub(crate) struct Nobody {
    home: PathBuf,
    slots: AtomicU64,
}

impl Nobody {
    pub(crate) fn new(home: &Path) -> Self {
        Self {
            home: home.to_path_buf(),
            slots: AtomicU64::new(0),
        }
    }
}

fn none<'a, T: Send + 'a, E: From<Refused> + Send + 'a>(what: &str) -> Answer<'a, T, E> {
    let refused = Refused::NotFound(format!("there is no `{what}`"));
    Box::pin(std::future::ready(Err(refused.into())))
}

fn some<'a, T: Send + 'a>(value: T) -> Answer<'a, T> {
    Box::pin(std::future::ready(Ok(value)))
}

fn expect_clean(path: &Path) {
    assert!(path.is_absolute(), "`{}` is relative", path.display());
    assert!(
        path.components()
            .all(|part| part != std::path::Component::ParentDir),
        "`{}` goes up",
        path.display()
    );
}

impl Backend for Nobody {
    fn cancel(&self, id: JobId) -> Answer<'_, ()> {
        none(&id.to_string())
    }

    fn retry(&self, id: JobId) -> Answer<'_, ()> {
        none(&id.to_string())
    }

    fn restore(&self, id: JobId) -> Answer<'_, Restored> {
        none(&id.to_string())
    }

    fn pipelines(&self) -> Answer<'_, Vec<PipelineEntry>> {
        some(Vec::new())
    }

    fn folders(&self) -> BTreeMap<String, FolderEntry> {
        BTreeMap::new()
    }

    fn check_pipeline(&self, _: &str, _: Vec<u8>) -> Answer<'_, Checked> {
        some(Checked {
            faults: Vec::new(),
            pipeline: None,
        })
    }

    fn put_pipeline(&self, id: &str, _: Vec<u8>, _: Precondition) -> Answer<'_, Put, PutRefused> {
        none(id)
    }

    fn delete_pipeline(&self, id: &str, _: Precondition) -> Answer<'_, (), PutRefused> {
        none(id)
    }

    fn pause(&self, id: &str, _: String) -> Answer<'_, ()> {
        none(id)
    }

    fn resume(&self, id: &str) -> Answer<'_, ()> {
        none(id)
    }

    fn scan(&self, id: &str) -> Answer<'_, ()> {
        none(id)
    }

    fn try_pipeline(&self, trial: Trial) -> Answer<'_, Arc<KeptTrial>, PutRefused> {
        none(&trial.pipeline)
    }

    fn renderer(&self) -> Result<String, Undrawn> {
        Err(Undrawn::NotInstalled(None))
    }

    fn picture(&self, _: Picture) -> Answer<'_, Bytes, Undrawn> {
        Box::pin(async { Err(Undrawn::NotInstalled(None)) })
    }

    fn trial(&self, _: &str) -> Option<Arc<KeptTrial>> {
        None
    }

    fn forget_trial(&self, _: &str) -> bool {
        false
    }

    fn upload_slot(&self, _: &str) -> Answer<'_, Slot> {
        self.scratch_slot()
    }

    fn scratch_slot(&self) -> Answer<'_, Slot> {
        let number = self.slots.fetch_add(1, Relaxed);
        let path = self.home.join(format!("slot-{number}"));
        let file = File::options()
            .create_new(true)
            .read(true)
            .write(true)
            .open(&path);
        some(Slot::new(path, file.expect("a new file")))
    }

    fn submit(&self, pipeline: &str, _: String, _: Slot) -> Answer<'_, Job> {
        none(pipeline)
    }

    fn files(&self, _: &str, _: usize) -> Answer<'_, Vec<WaitingFile>> {
        some(Vec::new())
    }

    fn explain(&self, path: &Path) -> Answer<'_, Explanation> {
        expect_clean(path);
        some(Explanation {
            path: path.into(),
            chain: Vec::new(),
            job: None,
        })
    }
    fn spelled(&self, path: &Path) -> Answer<'_, PathBuf> {
        expect_clean(path);
        some(path.to_path_buf())
    }

    fn plugins(&self) -> Vec<PluginEntry> {
        Vec::new()
    }

    fn broken_plugins(&self) -> Vec<BrokenPlugin> {
        Vec::new()
    }

    fn operations(&self) -> Vec<OperationEntry> {
        Vec::new()
    }

    fn pipeline_schema(&self) -> serde_json::Value {
        serde_json::json!({})
    }

    fn health(&self) -> Answer<'_, Health> {
        some(Health {
            ready: true,
            ..Health::default()
        })
    }

    fn metrics(&self) -> Answer<'_, Vec<Metric>> {
        some(Vec::new())
    }
}
