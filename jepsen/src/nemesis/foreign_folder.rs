//! A node that is started on a copy of the folder of another: a volume that was attached to the wrong machine, or a number
//! that was edited.
//!
//! The copy is of a follower, and the node is its leader. The vote in the copy is for that leader, so that a node that took
//! it for its own would lead on at once, with what it has acknowledged itself forgotten. It has to refuse the folder.

use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;

use super::victims::{ALL_TAKEN, Victims, first, shuffled};
use super::{Nemesis, Struck};
use crate::environment::{Environment, EnvironmentError, Lent, Node, status};
use crate::schedule::Chance;

/// A node has refused the folder by then.
const REFUSAL_LIMIT: Duration = Duration::from_secs(10);

/// Starts the leader, if there is one, on a copy of the folder of another node, and then on its own again.
pub struct ForeignFolder;

#[async_trait]
impl Nemesis for ForeignFolder {
    async fn strike(&self, environment: &Environment, chance: &mut Chance, hold: Duration) -> Struck {
        let mut order = shuffled(environment, chance);
        if let Some(leader) = status::leader(environment).await {
            first(&mut order, leader);
        }
        order.truncate(2);
        let victims = Victims::these(environment, &order);
        let [node, owner] = victims.nodes.as_slice() else { return Struck::skipped(ALL_TAKEN) };
        let folder = environment.folder().join("foreign-folder");
        let mut done = copy_of(environment, owner, &folder).await;
        node.kill().await;
        node.lend(Lent { data: Some(folder.clone()), ..Lent::default() });
        if done.is_ok() {
            done = environment.start(node).await;
        }
        let refused = node.ends_within(REFUSAL_LIMIT).await;
        node.kill().await;
        node.lend(Lent::default());
        tokio::time::sleep(hold / 4).await;
        let is_attempted = done.is_ok();
        // A copy that is left is replaced by the next one.
        done = done.and(environment.start(node).await);
        if is_attempted && refused.is_none() {
            let reason = format!("n{} runs on a folder of n{}", node.number() + 1, owner.number() + 1);
            return Struck::faulty(victims.numbers(), reason);
        }
        Struck::of(victims.numbers(), done)
    }
}

/// Copies the folder of a node while it is down for a moment.
async fn copy_of(environment: &Environment, owner: &Node, to: &Path) -> Result<(), EnvironmentError> {
    owner.kill().await;
    let from = owner.data();
    let copied = tokio::task::block_in_place(|| replace(&from, to)).map_err(EnvironmentError::file(to));
    copied.and(environment.start(owner).await)
}

/// Makes `to` a copy of the folder `from`, whatever was there before.
fn replace(from: &Path, to: &Path) -> io::Result<()> {
    match fs::remove_dir_all(to) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    copy(from, to)
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        match entry.file_type()? {
            kind if kind.is_dir() => copy(&entry.path(), &target)?,
            kind if kind.is_file() => fs::copy(entry.path(), target).map(drop)?,
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_has_all_that_the_folder_has_and_nothing_of_the_copy_before() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("from"), folder.path().join("to"));
        fs::create_dir_all(from.join("wal")).unwrap();
        fs::write(from.join("wal/1"), "log").unwrap();
        fs::create_dir_all(to.join("snapshots")).unwrap();
        replace(&from, &to).unwrap();
        assert_eq!(fs::read_to_string(to.join("wal/1")).unwrap(), "log");
        assert!(!to.join("snapshots").exists());
        assert!(replace(&folder.path().join("none"), &to).is_err());
    }
}
