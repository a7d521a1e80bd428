//! What the corruptions of files have in common.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rand::Rng;

use super::Struck;
use crate::environment::{Environment, Node};
use crate::schedule::Chance;

/// Bytes of a file that are changed.
const MOST_CHANGES: usize = 64;
/// Files that are changed.
const MOST_FILES: usize = 64;

/// Kills a node, changes bytes of the files below these folders of its data, and starts it again. The caller has
/// claimed it.
pub async fn files_of(
    environment: &Environment,
    node: &Node,
    folders: &[&str],
    chance: &mut Chance,
    hold: Duration,
) -> Struck {
    node.kill().await;
    let mut changed = 0;
    for file in folders.iter().flat_map(|folder| files_below(&node.data().join(folder))) {
        changed += usize::from(change(&file, chance).is_ok_and(|changed| changed));
    }
    tokio::time::sleep(hold / 2).await;
    match environment.start(node).await {
        Err(error) => Struck::faulty(vec![node.number()], error),
        Ok(()) if changed == 0 => Struck::skipped("all files are empty"),
        Ok(()) => Struck::installed(vec![node.number()]),
    }
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let (mut files, mut folders) = (Vec::new(), vec![folder.to_path_buf()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => folders.push(entry.path()),
                Ok(kind) if kind.is_file() && files.len() < MOST_FILES => files.push(entry.path()),
                _ => {}
            }
        }
    }
    files.sort();
    files
}

/// Whether there was something to change.
fn change(file: &Path, chance: &mut Chance) -> std::io::Result<bool> {
    let mut bytes = fs::read(file)?;
    let used = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    for _ in 0..chance.random_range(1..=MOST_CHANGES) {
        let place = chance.random_range(0..used.max(1));
        if let Some(byte) = bytes.get_mut(place) {
            *byte ^= chance.random_range(1..=u8::MAX);
        }
    }
    fs::write(file, bytes)?;
    Ok(used > 0)
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    #[test]
    fn files_are_changed_and_keep_their_length() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("inner")).unwrap();
        let file = folder.path().join("inner/file");
        fs::write(&file, vec![7; 5000]).unwrap();
        assert_eq!(files_below(folder.path()), std::slice::from_ref(&file));
        assert!(change(&file, &mut Chance::seed_from_u64(1)).unwrap());
        let changed = fs::read(&file).unwrap();
        assert!(changed.len() == 5000 && changed.iter().any(|byte| *byte != 7));
    }
}
