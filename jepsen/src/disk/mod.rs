//! Disks of the harness: file systems in user space that lose what was not synced, or are full.

mod attributes;
mod file;
mod filesystem;
mod folder;
mod pages;
mod spared;
mod volume;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use fuser::{BackgroundSession, Config, MountOption, SessionACL};

use self::filesystem::VolumeFilesystem;
pub use self::spared::Spared;
use self::volume::Volume;
use crate::environment::EnvironmentError;
use crate::schedule::Chance;

/// What the kernel offers for file systems in user space.
const DEVICE: &str = "/dev/fuse";

/// A disk that is mounted at a folder.
pub struct Disk {
    folder: PathBuf,
    volume: Arc<Mutex<Volume>>,
    session: Mutex<Option<BackgroundSession>>,
}

impl Disk {
    /// Whether this machine can have such disks.
    #[must_use]
    pub fn is_possible() -> bool {
        crate::environment::is_root() && Path::new(DEVICE).exists()
    }

    /// An empty disk, mounted at a folder that is there.
    ///
    /// # Errors
    /// It cannot be mounted.
    pub fn mount(folder: &Path) -> Result<Self, EnvironmentError> {
        let volume = Arc::<Mutex<Volume>>::default();
        let session = Mutex::new(Some(session(folder, &volume)?));
        Ok(Self { folder: folder.to_path_buf(), volume, session })
    }

    /// The power fails. No process may have a file open; the disk is mounted anew, so that the kernel forgets what it
    /// has of it.
    ///
    /// # Errors
    /// It cannot be mounted again, or is in use.
    pub fn lose_power(&self, spared: Spared, chance: &mut Chance) -> Result<(), EnvironmentError> {
        let mut mounted = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(session) = mounted.take() {
            session.umount_and_join().map_err(EnvironmentError::file(&self.folder))?;
        }
        self.volume().lose_unsynced(spared, chance);
        *mounted = Some(session(&self.folder, &self.volume)?);
        Ok(())
    }

    /// Leaves room for so many bytes more.
    pub fn fill_up_to(&self, room_bytes: u64) {
        let mut volume = self.volume();
        let used = volume.used();
        volume.set_capacity(Some(used + room_bytes));
    }

    /// Makes room; whether some was missing meanwhile.
    pub fn make_room(&self) -> bool {
        let mut volume = self.volume();
        let was_overfull = volume.is_overfull();
        volume.set_capacity(None);
        was_overfull
    }

    fn volume(&self) -> MutexGuard<'_, Volume> {
        self.volume.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn session(folder: &Path, volume: &Arc<Mutex<Volume>>) -> Result<BackgroundSession, EnvironmentError> {
    let mut config = Config::default();
    config.mount_options = vec![MountOption::FSName("krj".to_owned()), MountOption::NoAtime];
    config.acl = SessionACL::Owner;
    let filesystem = VolumeFilesystem { volume: Arc::clone(volume) };
    fuser::spawn_mount(filesystem, folder, &config).map_err(EnvironmentError::file(folder))
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::io::Write;

    use rand::SeedableRng;

    use super::*;

    #[test]
    fn a_mounted_disk_keeps_what_was_synced_and_loses_the_rest() {
        if !Disk::is_possible() {
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let disk = Disk::mount(folder.path()).unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::create_dir(path("inner")).unwrap();
        let mut kept = File::create(path("inner/kept")).unwrap();
        kept.write_all(&vec![7; 300_000]).unwrap();
        kept.sync_data().unwrap();
        for synced in ["inner", ""] {
            File::open(path(synced)).unwrap().sync_all().unwrap();
        }
        let mut lost = Vec::new();
        for number in 0..20 {
            let name = format!("inner/lost-{number}");
            fs::write(path(&name), b"never synced").unwrap();
            lost.push(name);
        }
        drop(kept);
        disk.lose_power(Spared::ByChance, &mut Chance::seed_from_u64(3)).unwrap();
        assert_eq!(fs::read(path("inner/kept")).unwrap(), vec![7; 300_000]);
        let left = lost.iter().filter(|name| fs::read(path(name)).is_ok_and(|text| text == b"never synced"));
        assert!(left.count() < lost.len());
    }

    #[test]
    fn a_full_disk_says_so() {
        if !Disk::is_possible() {
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let disk = Disk::mount(folder.path()).unwrap();
        let path = folder.path().join("file");
        fs::write(&path, b"x").unwrap();
        disk.fill_up_to(10_000);
        let error = fs::write(&path, vec![1; 100_000]).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::StorageFull);
        assert!(disk.make_room());
        fs::write(&path, vec![1; 100_000]).unwrap();
        assert!(!disk.make_room());
        fs::rename(&path, folder.path().join("other")).unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn whoever_removes_what_is_listed_leaves_nothing() {
        if !Disk::is_possible() {
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let _disk = Disk::mount(folder.path()).unwrap();
        for number in 0..2_000 {
            File::create(folder.path().join(format!("a name of some length {number}"))).unwrap();
        }
        for entry in fs::read_dir(folder.path()).unwrap() {
            fs::remove_file(entry.unwrap().path()).unwrap();
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
