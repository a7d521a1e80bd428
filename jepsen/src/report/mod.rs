//! What a run comes to, for people and for other programs.

mod html;
mod lines;

use std::fs;
use std::path::Path;

use crate::judgement::Judgement;
use crate::recording::{Recording, StoreError};

pub use html::page;
pub use lines::lines;

/// The file with the summary.
pub const SUMMARY: &str = "summary.json";
/// The file with the page to be looked at.
pub const REPORT: &str = "report.html";

/// Writes the summary and the page of a run into its folder, which is made if it is not there.
///
/// # Errors
/// A file cannot be written.
pub fn store(folder: &Path, recording: &Recording, judgement: &Judgement) -> Result<(), StoreError> {
    let write = |name: &str, text: String| {
        let path = folder.join(name);
        fs::write(&path, text).map_err(|source| StoreError::File { path, source })
    };
    fs::create_dir_all(folder).map_err(|source| StoreError::File { path: folder.to_owned(), source })?;
    write(SUMMARY, format!("{:#}\n", judgement.summary(recording)))?;
    write(REPORT, page(recording, judgement))
}
