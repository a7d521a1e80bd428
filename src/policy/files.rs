//! The policy files of a node: reading them, and finding the place of a mistake.
//!
//! A file is a YAML map of rule names to checks; JSON is YAML. Reading and loading are apart, so that a
//! text that has not changed is not loaded again.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde_saphyr::{Options, Spanned};

use super::{CheckText, DefaultChecks, Policy, PolicyError};

/// The largest policy file. Keystone's rules, all written out with their descriptions, take 90,000 bytes.
pub const MAX_FILE_BYTES: u64 = 1024 * 1024;

/// How many files the folders of policy files may hold.
pub const MAX_FILES: usize = 256;

/// Text that anchors and aliases may make of a file.
const MAX_EXPANDED_BYTES: usize = 4 * 1024 * 1024;

/// Where the policy files of a node are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PolicyFiles {
    /// A file; it has to be there.
    pub file: Option<PathBuf>,
    /// Folders; they have to be there. Each file in them is read in the order of the names, but for those
    /// whose name begins with a dot, and counts more than those before it.
    pub folders: Vec<PathBuf>,
    /// What is in force for a rule that no file names.
    pub defaults: DefaultChecks,
}

/// What stands in the policy files, in the order in which they count.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PolicyText {
    files: Vec<(PathBuf, String)>,
}

/// Why policy files are refused. Its text is one line that names the file, and the line where it can.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PolicyFileError {
    /// A file or folder cannot be read.
    #[error("{}: cannot be read: {reason}", path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// A file over the limit.
    #[error("{}: has more than {MAX_FILE_BYTES} bytes", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// More files than are accepted.
    #[error("{}: holds more than {MAX_FILES} files", path.display())]
    TooManyFiles {
        /// The folder.
        path: PathBuf,
    },
    /// A file that is not a map of names to checks.
    #[error("{}:{line}: {reason}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: u64,
        /// What is wrong there.
        reason: String,
    },
    /// A rule that cannot be loaded.
    #[error("{}:{line}: {source}", path.display())]
    Rule {
        /// The file that names the rule last.
        path: PathBuf,
        /// The line of its check, counted from 1.
        line: u64,
        /// What is wrong with it.
        source: PolicyError,
    },
    /// A limit of the files together.
    #[error(transparent)]
    Policy(#[from] PolicyError),
}

/// Where a rule's check stands.
struct Place<'t> {
    path: &'t Path,
    line: u64,
}

impl PolicyFiles {
    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.file.is_none() && self.folders.is_empty()
    }

    /// Reads all files.
    ///
    /// # Errors
    /// One cannot be read, or is too large; there are too many.
    pub fn read(&self) -> Result<PolicyText, PolicyFileError> {
        let mut files = Vec::new();
        if let Some(path) = &self.file {
            files.push((path.clone(), read_file(path)?));
        }
        for folder in &self.folders {
            let mut paths = list(folder).map_err(|error| unreadable(folder, &error))?;
            if files.len().saturating_add(paths.len()) > MAX_FILES {
                return Err(PolicyFileError::TooManyFiles { path: folder.clone() });
            }
            paths.sort();
            for path in paths {
                let text = read_file(&path)?;
                files.push((path, text));
            }
        }
        Ok(PolicyText { files })
    }

    /// Loads what was read.
    ///
    /// # Errors
    /// A file is not a map of names to checks, or a rule cannot be loaded.
    pub fn load(&self, text: &PolicyText) -> Result<Policy, PolicyFileError> {
        let mut checks: BTreeMap<String, CheckText> = BTreeMap::new();
        let mut places: BTreeMap<String, Place<'_>> = BTreeMap::new();
        for (path, text) in &text.files {
            for (name, check) in parse(path, text)? {
                let line = check.referenced.line();
                places.insert(name.clone(), Place { path, line });
                checks.insert(name, check.value);
            }
        }
        Policy::load(&checks, self.defaults).map_err(|source| {
            let place = source.rules().find_map(|rule| places.get(rule));
            match place.map(|place| (place.path.to_path_buf(), place.line)) {
                Some((path, line)) => PolicyFileError::Rule { path, line, source },
                None => PolicyFileError::Policy(source),
            }
        })
    }
}

fn unreadable(path: &Path, error: &io::Error) -> PolicyFileError {
    PolicyFileError::Read { path: path.to_path_buf(), reason: error.to_string() }
}

fn list(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in folder.read_dir()? {
        let path = entry?.path();
        let is_hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        if !is_hidden && path.is_file() {
            paths.push(path);
        }
    }
    Ok(paths)
}

fn read_file(path: &Path) -> Result<String, PolicyFileError> {
    let failed = |error: io::Error| unreadable(path, &error);
    // The opening of a pipe would wait for its other end.
    if !path.metadata().map_err(failed)?.is_file() {
        return Err(failed(io::Error::other("it is not a file")));
    }
    let mut text = String::new();
    let file = File::open(path).map_err(failed)?;
    file.take(MAX_FILE_BYTES.saturating_add(1)).read_to_string(&mut text).map_err(failed)?;
    if u64::try_from(text.len()).is_ok_and(|bytes| bytes <= MAX_FILE_BYTES) {
        Ok(text)
    } else {
        Err(PolicyFileError::TooLarge { path: path.to_path_buf() })
    }
}

type Parsed = BTreeMap<String, Spanned<CheckText>>;

fn parse(path: &Path, text: &str) -> Result<Parsed, PolicyFileError> {
    let refused = |line: Option<u64>, reason: &str| PolicyFileError::Syntax {
        path: path.to_path_buf(),
        line: line.unwrap_or(1),
        reason: reason.split_whitespace().collect::<Vec<_>>().join(" "),
    };
    let parsed: Option<Parsed> = serde_saphyr::from_str_with_options(text, options()).map_err(|error| {
        let message = error.without_snippet().render_with_formatter(&serde_saphyr::UserMessageFormatter);
        // The place is told once, before the reason.
        let reason = message.rsplit_once(" at line ").map_or(message.as_str(), |(reason, _)| reason);
        refused(error.location().map(|place| place.line()), reason)
    })?;
    let parsed = parsed.unwrap_or_default();
    for check in parsed.values().filter(|check| check.value == CheckText::Text(String::new())) {
        if !is_quoted(text, check) {
            return Err(refused(Some(check.defined.line()), UNQUOTED));
        }
    }
    Ok(parsed)
}

/// What is said of a check that is empty because YAML has taken what stands there for something else.
const UNQUOTED: &str =
    "nothing is left of this check without quotes; write \"!\" to let nobody through, \"@\" for everybody";

/// Whether what stands where the value was defined is in quotes. `rule: !` leaves an empty text, and who
/// wrote it meant to allow nothing.
fn is_quoted(text: &str, value: &Spanned<CheckText>) -> bool {
    let start = value.defined.span().byte_offset().and_then(|start| usize::try_from(start).ok());
    start.and_then(|start| text.get(start..)).is_some_and(|rest| rest.starts_with(['"', '\'']))
}

/// A name that stands there twice has one check too many, and a tag changes what a value is: both are
/// refused.
fn options() -> Options {
    serde_saphyr::options! {
        reject_unsupported_tags: true,
        budget: serde_saphyr::budget! {
            max_documents: 1,
            max_depth: 8,
            max_aliases: 1_000,
            max_total_scalar_bytes: MAX_EXPANDED_BYTES,
        },
    }
}
