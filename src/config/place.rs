//! Where something stands in `config.yaml`.

use crate::pipeline::yaml::build;

/// The file, for the places of its faults.
pub(crate) struct Text {
    /// Its path, as it is told.
    pub(crate) path: String,
    /// All of it.
    pub(crate) text: String,
}

impl Text {
    /// `config.yaml:3:1`: where the key or the item at this JSON pointer stands.
    pub(crate) fn place(&self, pointer: &str) -> String {
        match build::parse(&self.text) {
            Ok(parsed) => {
                let at = parsed.tree.key_at(pointer);
                format!("{}:{}:{}", self.path, at.line, at.column)
            }
            // This reader refuses some that the other one takes.
            Err(_) => self.path.clone(),
        }
    }
}
