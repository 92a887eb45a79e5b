//! The pipelines that come with the program.

/// A pipeline that comes with the program.
#[derive(Clone, Copy, Debug)]
pub struct Example {
    /// The stem of its file.
    pub id: &'static str,
    /// Its text.
    pub yaml: &'static str,
}

macro_rules! examples {
    ($($id:literal)*) => {
        /// All of them, by id.
        pub const EXAMPLES: &[Example] = &[$(
            Example {
                id: $id,
                yaml: include_str!(concat!("../../pipelines/", $id, ".yaml")),
            },
        )*];
    };
}

examples! { "archive" "extract-text" "receive" "rotate" "split-every-page" }

impl Example {
    /// What it does: its `description`.
    #[must_use]
    pub fn description(&self) -> String {
        let text: Result<serde_json::Value, _> = serde_yaml::from_str(self.yaml);
        let text = text.ok();
        let said = text.as_ref().and_then(|text| text["description"].as_str());
        said.unwrap_or_default().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shipped_pipeline_is_here_and_says_what_it_does() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/pipelines");
        let mut files: Vec<String> = std::fs::read_dir(folder)
            .expect("it is there")
            .map(|entry| entry.expect("listed").file_name().to_string_lossy().into())
            .collect();
        files.sort();
        let ids: Vec<String> = EXAMPLES
            .iter()
            .map(|example| format!("{}.yaml", example.id))
            .collect();
        assert_eq!(ids, files);
        for example in EXAMPLES {
            assert!(!example.description().is_empty(), "{}", example.id);
        }
    }
}
