use std::collections::BTreeSet;

use rand::SeedableRng;

use super::*;

fn file_with(volume: &mut Volume, name: &str, bytes: &[u8]) -> u64 {
    let content = Content::File(File::default());
    let number = volume.make(ROOT, OsStr::new(name), content, 0o100_644, (0, 0)).unwrap();
    volume.write(number, 0, bytes).unwrap();
    number
}

/// What is left of a file after each of many power failures; `None` where it is gone.
fn after_failures(make: impl Fn(&mut Volume)) -> Vec<Option<Vec<u8>>> {
    let after = |seed| {
        let mut volume = Volume::default();
        make(&mut volume);
        volume.lose_unsynced(Spared::ByChance, &mut Chance::seed_from_u64(seed));
        let number = volume.look_up(ROOT, OsStr::new("a")).ok()?;
        Some(volume.read(number, 0, 4096).unwrap())
    };
    (0..100).map(after).collect()
}

#[test]
fn what_was_synced_with_its_folder_survives() {
    let left = after_failures(|volume| {
        let number = file_with(volume, "a", b"kept");
        volume.sync(number).unwrap();
        volume.sync(ROOT).unwrap();
    });
    assert!(left.iter().all(|left| left.as_deref() == Some(b"kept")));
}

#[test]
fn what_was_not_synced_may_survive_or_not() {
    let left = after_failures(|volume| {
        let number = file_with(volume, "a", b"old");
        volume.sync(number).unwrap();
        volume.sync(ROOT).unwrap();
        volume.write(number, 0, b"new").unwrap();
    });
    assert!(left.contains(&Some(b"old".to_vec())) && left.contains(&Some(b"new".to_vec())));
    assert_eq!(left.iter().flatten().filter(|left| left.len() == 3).count(), 100);
}

#[test]
fn a_failure_that_spares_nothing_leaves_what_was_synced() {
    for seed in 0..20 {
        let mut volume = Volume::default();
        let number = file_with(&mut volume, "a", b"old");
        volume.sync(number).unwrap();
        volume.sync(ROOT).unwrap();
        volume.write(number, 0, b"new").unwrap();
        file_with(&mut volume, "b", b"new");
        volume.lose_unsynced(Spared::Nothing, &mut Chance::seed_from_u64(seed));
        assert_eq!(volume.read(number, 0, 10).unwrap(), b"old");
        assert_eq!(volume.list(ROOT).unwrap().len(), 1);
    }
}

#[test]
fn a_synced_file_is_lost_with_its_name() {
    let left = after_failures(|volume| {
        let number = file_with(volume, "a", b"kept");
        volume.sync(number).unwrap();
    });
    assert!(left.contains(&None) && left.contains(&Some(b"kept".to_vec())));
}

#[test]
fn a_rename_is_done_whole_or_not_at_all() {
    let left = after_failures(|volume| {
        let (old, new) = (file_with(volume, "a", b"old"), file_with(volume, "b", b"new"));
        [old, new, ROOT].into_iter().for_each(|number| volume.sync(number).unwrap());
        volume.rename((ROOT, OsStr::new("b")), (ROOT, OsStr::new("a"))).unwrap();
    });
    assert!(left.iter().all(|left| [&b"old"[..], b"new"].contains(&left.as_deref().unwrap())));
    assert!(left.contains(&Some(b"old".to_vec())) && left.contains(&Some(b"new".to_vec())));
}

#[test]
fn a_full_volume_takes_nothing_more_until_there_is_room() {
    let mut volume = Volume::default();
    let number = file_with(&mut volume, "a", b"x");
    volume.set_capacity(Some(volume.used()));
    assert!(!volume.is_overfull(), "nobody has asked for room yet");
    assert!(volume.write(number, 1, &[0; 4096]).is_err());
    assert!(volume.is_overfull());
    volume.set_capacity(None);
    assert!(!volume.is_overfull());
    volume.write(number, 1, &[0; 4096]).unwrap();
    assert_eq!(volume.length(number), 4097);
}

#[test]
fn an_open_file_outlives_its_name() {
    let mut volume = Volume::default();
    let number = file_with(&mut volume, "a", b"x");
    volume.open(number).unwrap();
    volume.remove(ROOT, OsStr::new("a")).unwrap();
    volume.sync(ROOT).unwrap();
    assert_eq!(volume.read(number, 0, 1).unwrap(), b"x");
    volume.close(number);
    assert!(volume.inode(number).is_err());
}

#[test]
fn a_write_is_torn_between_sectors_of_the_disk() {
    let left = after_failures(|volume| {
        let number = file_with(volume, "a", &[b'o'; 2_000]);
        volume.sync(number).unwrap();
        volume.sync(ROOT).unwrap();
        volume.write(number, 100, &[b'n'; 1_000]).unwrap();
    });
    let news = |left: &Option<Vec<u8>>| left.as_ref().unwrap().iter().filter(|byte| **byte == b'n').count();
    let ends: BTreeSet<usize> = left.iter().map(|left| 100 + news(left)).collect();
    assert_eq!(ends, BTreeSet::from([100, 512, 1_024, 1_100]));
}

#[test]
fn a_hole_in_a_file_takes_room_when_it_is_filled() {
    let mut volume = Volume::default();
    let number = file_with(&mut volume, "a", b"x");
    volume.set_length(number, 1_000_000).unwrap();
    volume.set_capacity(Some(volume.used() + 8_192));
    volume.write(number, 4_096, &[1; 8_192]).unwrap();
    assert!(volume.write(number, 500_000, b"x").is_err());
    volume.write(number, 5_000, b"what is there already is written anew").unwrap();
    assert_eq!(volume.free(), Some(0));
}

#[test]
fn a_folder_with_something_in_it_is_not_replaced() {
    let mut volume = Volume::default();
    let mut folder = |parent: u64, name: &str| {
        let content = Content::Folder(Folder::default());
        volume.make(parent, OsStr::new(name), content, 0o040_755, (0, 0)).unwrap()
    };
    let (_, full) = (folder(ROOT, "new"), folder(ROOT, "full"));
    folder(full, "inner");
    folder(ROOT, "empty");
    let mut replace = |name: &str| volume.rename((ROOT, OsStr::new("new")), (ROOT, OsStr::new(name)));
    assert!(replace("full").is_err());
    replace("empty").unwrap();
    assert_eq!(volume.list(ROOT).unwrap().len(), 2);
}
