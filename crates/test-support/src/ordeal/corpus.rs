//! A folder of PDFs through the shipped pipelines: what comes out opens, has its pages, and looks as before where no step
//! drew anything.

use super::ends::End;
use super::feeding::Feeding;
use super::judge::{self, Opinion};
use super::pictures;
use super::{Finding, Place};
use crate::daemon::TestHome;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const AT_ONCE: usize = 12;
const CONFIG: &str = "\
settling: { not_pdf_seconds: 0, truncated_seconds: 0, incomplete_seconds: 600 }
min_free_mb: 64
";
/// The part of a picture's dots that may differ: another program's rounding.
const TOLERATED: f64 = 0.002;

/// What came of it.
#[derive(Debug, Default)]
pub struct Report {
    /// Files in the folder.
    pub files: usize,
    /// How the jobs ended, by pipeline.
    pub ends: BTreeMap<String, BTreeMap<String, u64>>,
    /// Outputs that other programs looked at.
    pub outputs: u64,
    /// Pages that were compared as pictures.
    pub pictures: u64,
    /// Everything that is not as promised.
    pub findings: Vec<Finding>,
}

/// Takes every PDF in `folder` through every pipeline in `pipelines`.
///
/// # Errors
/// It could not be carried out at all.
pub fn run(
    place: &Place,
    folder: &Path,
    pipelines: &Path,
    say: &mut dyn FnMut(&str),
) -> Result<Report, String> {
    judge::are_there()?;
    let files = super::pdfs(folder)?;
    let home = place.home();
    home.write("config.yaml", CONFIG);
    let ids = install(&home, pipelines)?;
    let daemon = home.serve_with(&["--log", "warn"]);
    let mut ordeal = Ordeal {
        place,
        home: &home,
        feeding: Feeding::new(&home, &daemon),
        given: BTreeMap::new(),
        opinions: BTreeMap::new(),
        report: Report {
            files: files.len(),
            ..Report::default()
        },
    };
    ordeal.go(&files, &ids, say)?;
    let mut report = ordeal.report;
    report.findings.extend(super::panics(&daemon));
    Ok(report)
}

/// Copies the pipelines; gives their names. A rest of some seconds is for people, not for this.
fn install(home: &TestHome, pipelines: &Path) -> Result<Vec<String>, String> {
    let mut ids = Vec::new();
    for path in crate::folder::files(pipelines) {
        let file = pipelines.join(&path);
        let text = std::fs::read_to_string(&file)
            .map_err(|error| format!("{}: {error}", file.display()))?;
        let id = path
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        home.pipeline(&id, &text.replace("quiet: 5s", "quiet: 0s"));
        ids.push(id);
    }
    Ok(ids)
}

struct Ordeal<'a> {
    place: &'a Place,
    home: &'a TestHome,
    feeding: Feeding<'a>,
    given: BTreeMap<(String, String), PathBuf>,
    opinions: BTreeMap<PathBuf, Opinion>,
    report: Report,
}

impl Ordeal<'_> {
    fn go(
        &mut self,
        files: &[PathBuf],
        ids: &[String],
        say: &mut dyn FnMut(&str),
    ) -> Result<(), String> {
        let mut told = Instant::now();
        for (number, file) in files.iter().enumerate() {
            let bytes =
                std::fs::read(file).map_err(|error| format!("{}: {error}", file.display()))?;
            for id in ids {
                // Names of a corpus may be longer than a folder takes with what is added to them.
                let name = format!("c{number}.pdf");
                self.given.insert((id.clone(), name.clone()), file.clone());
                self.feeding.give(id, &name, &bytes);
                while self.feeding.under_way() >= AT_ONCE {
                    self.take()?;
                }
            }
            if told.elapsed() > Duration::from_secs(20) {
                told = Instant::now();
                say(&format!(
                    "{number} of {} files, {} findings",
                    files.len(),
                    self.report.findings.len()
                ));
            }
        }
        while !self.given.is_empty() {
            self.take()?;
        }
        Ok(())
    }

    fn take(&mut self) -> Result<(), String> {
        let Some(end) = self.feeding.next_end(Duration::from_secs(1))? else {
            return Ok(());
        };
        let Some(file) = self.given.remove(&(end.pipeline.clone(), end.name.clone())) else {
            self.find("doubled", &end, Path::new(&end.name));
            return Ok(());
        };
        let word = if end.succeeded {
            "delivered"
        } else {
            &end.code
        };
        let ends = self.report.ends.entry(end.pipeline.clone()).or_default();
        *ends.entry(word.to_owned()).or_default() += 1;
        let before = self
            .opinions
            .entry(file.clone())
            .or_insert_with(|| judge::opinion(&file))
            .clone();
        if !end.deaths.is_empty() {
            self.find("death", &end, &file);
        }
        if end.succeeded {
            self.check_outputs(&end, &file, &before);
        } else {
            self.check_refusal(&end, &file, &before);
        }
        for output in &end.outputs {
            // Looked at, and many: gone already is as good.
            let _ = std::fs::remove_file(self.home.path(output));
        }
        Ok(())
    }

    fn find(&mut self, kind: &'static str, end: &End, file: &Path) {
        let text = format!(
            "{} in {}: {} {}",
            file.display(),
            end.pipeline,
            end.code,
            end.detail
        );
        self.report.findings.push(Finding { kind, text });
        let name = file
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        if let Ok(bytes) = std::fs::read(file) {
            self.place.keep(kind, &name, &bytes);
        }
    }

    fn check_refusal(&mut self, end: &End, file: &Path, before: &Opinion) {
        let honest = [
            "pdf-encrypted",
            "pdf-damaged",
            "not-a-pdf",
            "pdf-signed",
            "document-rejected",
        ];
        if !honest.contains(&end.code.as_str()) {
            self.find("refusal", end, file);
        } else if end.code != "pdf-signed" && before.is_sound() && !before.encrypted {
            self.find("refused-sound", end, file);
        }
    }

    fn check_outputs(&mut self, end: &End, file: &Path, before: &Opinion) {
        if before.qpdf == Some(0) && before.qpdf_pages != Some(end.pages_in) {
            self.find("pages", end, file);
        }
        let original = std::fs::read(file).unwrap_or_default();
        let draws = end.pipeline == "receive";
        let mut pages = 0;
        let mut pictures = Vec::new();
        for output in &end.outputs {
            let path = self.home.path(output);
            if std::fs::read(&path).is_ok_and(|bytes| bytes == original) {
                // What no step changed is delivered as it came, however broken.
                return;
            }
            let after = judge::opinion(&path);
            self.report.outputs += 1;
            if !matches!(after.qpdf, Some(0 | 3)) && before.qpdf != Some(2) && after.qpdf.is_some()
            {
                self.find("output", end, file);
            }
            pages += after.qpdf_pages.unwrap_or(0);
            if !draws && pictures.len() < pictures::MOST as usize && before.qpdf == Some(0) {
                pictures.extend(pictures::pages(&path).unwrap_or_default());
            }
        }
        if pages != end.pages_out {
            self.find("output-pages", end, file);
        }
        if !pictures.is_empty() {
            self.compare(end, file, &pictures);
        }
    }

    fn compare(&mut self, end: &End, file: &Path, pictures: &[Vec<u8>]) {
        let before = match end.pipeline.as_str() {
            "rotate" => pictures::turned_pages(file),
            _ => pictures::pages(file),
        };
        for (number, (one, other)) in before.iter().flatten().zip(pictures).enumerate() {
            self.report.pictures += 1;
            let difference = pictures::difference(one, other);
            if difference > TOLERATED {
                let detail = format!(
                    "page {}: {:.1} % of its dots differ",
                    number + 1,
                    difference * 100.0
                );
                let end = End {
                    detail,
                    ..end.clone()
                };
                self.find("picture", &end, file);
                return;
            }
        }
    }
}
