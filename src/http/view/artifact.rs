//! Files that a job put out, as JSON, and their names in the API.

use crate::http::view::link::segment;
use crate::http::view::words;
use crate::job::redo::{Delivered, MoveKind};
use crate::raw_path::RawPath;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;

/// A file that a job put out.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ArtifactView {
    /// Its name in the API, unique in the job.
    pub name: String,
    /// `document`, `artifact`, `receipt`, `note` or `original`.
    #[schemars(with = "words::ArtifactKind")]
    pub kind: &'static str,
    /// Where it was put; absent where it was deleted or dropped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Bytes.
    pub size: u64,
    /// BLAKE3, hex.
    pub blake3: String,
    /// Media type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mime: Option<String>,
    /// Pages, of a document.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pages: Option<u64>,
    /// Where to get it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub href: Option<String>,
}

impl ArtifactView {
    /// A delivered file as JSON, under `name` in the API of its job.
    #[must_use]
    pub fn new(job: &str, name: String, delivered: &Delivered) -> Self {
        Self {
            href: delivered
                .path
                .is_some()
                .then(|| format!("/api/v1/jobs/{job}/artifacts/{}", segment(&name))),
            name,
            kind: kind(delivered.kind),
            path: delivered.path.as_ref().map(RawPath::encode),
            size: delivered.size,
            blake3: delivered.blake3.clone(),
            mime: delivered.mime.clone(),
            pages: delivered.pages,
        }
    }
}

/// Everything a job put out, with names that are unique in it.
#[must_use]
pub fn artifacts(job: &str, delivered: &[Delivered]) -> Vec<ArtifactView> {
    names(delivered)
        .into_iter()
        .zip(delivered)
        .map(|(name, delivered)| ArtifactView::new(job, name, delivered))
        .collect()
}

/// The names of delivered files in the API: the file's name; a second one of the same name (in another folder) is
/// `2~name`. Files that lie nowhere go by their kind.
#[must_use]
pub fn names(delivered: &[Delivered]) -> Vec<String> {
    let mut seen = BTreeMap::<String, u32>::new();
    delivered
        .iter()
        .map(|delivered| {
            let name = artifact_name(delivered);
            let count = seen.entry(name.clone()).or_default();
            *count += 1;
            match *count {
                1 => name,
                n => format!("{n}~{name}"),
            }
        })
        .collect()
}

/// The name of one delivered file.
#[must_use]
pub fn artifact_name(delivered: &Delivered) -> String {
    delivered
        .path
        .as_ref()
        .and_then(|path| path.0.file_name())
        .map_or_else(
            || kind(delivered.kind).to_owned(),
            |name| RawPath::from(name).encode(),
        )
}

/// The word of a delivered file's kind.
#[must_use]
pub const fn kind(kind: MoveKind) -> &'static str {
    match kind {
        MoveKind::Document => "document",
        MoveKind::Artifact => "artifact",
        MoveKind::Receipt => "receipt",
        MoveKind::Note => "note",
        MoveKind::Original => "original",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delivered(path: Option<&str>, kind: MoveKind) -> Delivered {
        Delivered {
            kind,
            path: path.map(RawPath::decode),
            depth: None,
            size: 1,
            blake3: "aa".into(),
            mime: None,
            pages: None,
        }
    }

    #[test]
    fn artifact_names_are_unique_and_their_links_are_encoded() {
        let all = [
            delivered(Some("/out/1/a b.pdf"), MoveKind::Document),
            delivered(Some("/out/2/a b.pdf"), MoveKind::Document),
            delivered(Some("bytes:/out/\\xff.pdf"), MoveKind::Document),
            delivered(None, MoveKind::Original),
        ];
        assert_eq!(
            names(&all),
            ["a b.pdf", "2~a b.pdf", "bytes:\\xff.pdf", "original"]
        );
        let hrefs: Vec<_> = artifacts("J", &all)
            .into_iter()
            .map(|view| view.href)
            .collect();
        assert_eq!(
            hrefs[0].as_deref(),
            Some("/api/v1/jobs/J/artifacts/a%20b.pdf")
        );
        assert_eq!(
            hrefs[1].as_deref(),
            Some("/api/v1/jobs/J/artifacts/2~a%20b.pdf")
        );
        assert_eq!(
            hrefs[2].as_deref(),
            Some("/api/v1/jobs/J/artifacts/bytes%3A%5Cxff.pdf")
        );
        assert_eq!(hrefs[3], None);
    }
}
