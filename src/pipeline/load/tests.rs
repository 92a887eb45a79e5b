use super::*;
use crate::pipeline::testing::{catalog, surroundings};

const GOOD: &str = "watch: {folder: inbox/x}\nsteps: [{uses: repair}]\n";

fn said(dir: &Path) -> Vec<String> {
    let loaded = load(dir, &catalog(), &surroundings()).expect("the folder can be listed");
    loaded
        .iter()
        .map(|one| match &one.result {
            Ok(pipeline) => format!("{} ok {}", one.id, pipeline.id),
            Err(faults) => {
                let texts: Vec<&str> = faults.iter().map(|fault| fault.message.as_str()).collect();
                format!("{} {}", one.id, texts.join("; "))
            }
        })
        .collect()
}

#[test]
fn every_yaml_file_is_a_pipeline_or_has_faults() {
    let dir = tempfile::tempdir().expect("a folder");
    let write = |name: &str, bytes: &[u8]| fs::write(dir.path().join(name), bytes).expect("a file");
    write("a.yaml", GOOD.as_bytes());
    write("b.YML", GOOD.as_bytes());
    write("both.yaml", GOOD.as_bytes());
    write("both.yml", GOOD.as_bytes());
    write(".hidden.yaml", b"x");
    write("notes.txt", b"x");
    write("a.yaml~", b"x");
    write("two words.yaml", GOOD.as_bytes());
    fs::create_dir(dir.path().join("folder.yaml")).expect("a folder");
    std::os::unix::fs::symlink("nowhere", dir.path().join("gone.yaml")).expect("a link");
    let large = File::create(dir.path().join("large.yaml")).expect("a file");
    large.set_len(50 << 20).expect("a sparse file");
    rustix::fs::mkfifoat(rustix::fs::CWD, dir.path().join("pipe.yaml"), 0o600.into())
        .expect("a pipe");
    assert_eq!(
        said(dir.path()),
        [
            "a ok a",
            "b ok b",
            "both ok both",
            "both the pipeline `both` is already in `both.yaml`",
            "folder this is not a regular file",
            "gone the file cannot be read: No such file or directory (os error 2)",
            "large the file has 50.0 MiB; a pipeline may have 1 MiB",
            "pipe this is not a regular file",
            "two words `two words` cannot be the name of a pipeline",
        ]
    );
}

#[test]
fn a_folder_that_is_not_there_is_an_error() {
    assert!(load(Path::new("/nowhere/at/all"), &catalog(), &surroundings()).is_err());
}

#[test]
fn every_shipped_pipeline_has_no_faults() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("pipelines");
    let loaded = load(&dir, &catalog(), &surroundings()).expect("the folder can be listed");
    assert!(loaded.len() >= 5, "{}", loaded.len());
    let mut entries = Vec::new();
    for one in &loaded {
        match &one.result {
            Ok(pipeline) => entries.push(crate::pipeline::folders::Entry {
                pipeline,
                file: "x.yaml",
            }),
            Err(faults) => panic!("{}: {faults:#?}", one.id),
        }
    }
    assert_eq!(crate::pipeline::folders::folders(&entries), []);
}
