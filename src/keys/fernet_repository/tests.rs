use keyraft_cluster::SeededRandom;
use proptest::prelude::*;

use super::*;
use crate::state::CommandError;

const HOUR_MS: u64 = 3_600_000;
const POLICY: KeyPolicy =
    KeyPolicy { max_active_keys: 3, expiration_ms: HOUR_MS, allow_expired_window_ms: 48 * HOUR_MS };
const RETENTION_MS: u64 = 49 * HOUR_MS + RETENTION_MARGIN_MS;

/// A set of which the `n`-th key ever made is sealed as `[n]`.
fn after_setup() -> FernetKeySet {
    let mut set = FernetKeySet::default();
    set.setup(vec![0], vec![1], &POLICY, 0).unwrap();
    set
}

fn numbers(set: &FernetKeySet) -> Vec<u32> {
    let mut numbers: Vec<_> = set.keys.iter().map(|key| key.number).collect();
    numbers.sort_unstable();
    numbers
}

fn sealed(set: &FernetKeySet, number: u32) -> &[u8] {
    &set.keys.iter().find(|key| key.number == number).unwrap().sealed_key
}

#[test]
fn setup_leaves_a_staged_key_0_and_a_primary_key_1() {
    let mut set = after_setup();
    assert_eq!(numbers(&set), [0, 1]);
    assert_eq!(sealed(&set, 0), [0]);
    assert_eq!(set.primary().unwrap().sealed_key, [1]);
    let before = set.clone();
    assert_eq!(set.setup(vec![8], vec![9], &POLICY, 5), Err(KeySetError::AlreadySetUp));
    assert_eq!(set, before);
}

#[test]
fn rotation_numbers_keys_as_keystone_does() {
    let mut set = after_setup();
    let step_ms = POLICY.shortest_interval_ms();
    assert_eq!(set.rotate(vec![2], &POLICY, step_ms), Ok(vec![]));
    assert_eq!(numbers(&set), [0, 1, 2]);
    assert_eq!((sealed(&set, 0), sealed(&set, 1), sealed(&set, 2)), (&[2][..], &[1][..], &[0][..]));
    assert_eq!(set.rotate(vec![3], &POLICY, 2 * step_ms), Ok(vec![1]));
    assert_eq!(numbers(&set), [0, 2, 3]);
    assert_eq!(set.rotate(vec![4], &POLICY, 3 * step_ms), Ok(vec![2]));
    assert_eq!(numbers(&set), [0, 3, 4]);
    assert_eq!(set.primary().unwrap().sealed_key, [3]);
}

#[test]
fn a_hasty_rotation_drops_nothing_that_a_token_needs() {
    let mut set = after_setup();
    for n in 1..10 {
        assert_eq!(set.rotate(vec![n], &POLICY, u64::from(n)), Ok(vec![]));
    }
    assert_eq!(numbers(&set), (0..=10).collect::<Vec<_>>());
    // Key 1 was demoted at 1, key 2 at 2, and so on.
    assert_eq!(set.retire(&POLICY, RETENTION_MS), [] as [u32; 0]);
    assert_eq!(set.retire(&POLICY, RETENTION_MS + 1), [1]);
    assert_eq!(set.retire(&POLICY, RETENTION_MS + 3), [2, 3]);
    assert_eq!(set.retire(&POLICY, u64::MAX), [4, 5, 6, 7, 8, 9]);
    assert_eq!(numbers(&set), [0, 10]);
}

#[test]
fn neither_the_primary_nor_the_staged_key_is_ever_retired() {
    let policy = KeyPolicy { max_active_keys: 1, ..POLICY };
    let mut set = after_setup();
    assert_eq!(set.retire(&policy, u64::MAX), [] as [u32; 0]);
    set.rotate(vec![2], &policy, 5).unwrap();
    assert_eq!(set.retire(&policy, u64::MAX), [1]);
    assert_eq!(numbers(&set), [0, 2]);
}

#[test]
fn a_compromised_repository_keeps_no_key_and_goes_on_counting() {
    let mut set = after_setup();
    set.rotate(vec![2], &POLICY, 1).unwrap();
    assert_eq!(set.rotate_compromised(vec![10], vec![11], &POLICY, 2), Ok(vec![1, 2, 0]).map(sorted));
    assert_eq!(numbers(&set), [0, 3]);
    assert_eq!((sealed(&set, 0), sealed(&set, 3)), (&[10][..], &[11][..]));
    set.rotate(vec![12], &POLICY, 3).unwrap();
    assert_eq!(set.primary().unwrap().sealed_key, [10]);
    assert_eq!(numbers(&set), [0, 3, 4]);
}

fn sorted(mut numbers: Vec<u32>) -> Vec<u32> {
    numbers.sort_unstable();
    numbers
}

#[test]
fn a_repository_that_was_not_set_up_cannot_rotate() {
    let mut set = FernetKeySet::default();
    assert_eq!(set.rotate(vec![1], &POLICY, 0), Err(KeySetError::NoStagedKey));
    assert_eq!(set.rotate_compromised(vec![1], vec![2], &POLICY, 0), Err(KeySetError::NoStagedKey));
    assert_eq!(set.next_rotation_due_ms(&POLICY, 1), None);
}

#[test]
fn a_repository_full_of_needed_keys_refuses_to_rotate() {
    let mut set = after_setup();
    for _ in 2..MAX_RING_KEYS {
        set.rotate(vec![7], &POLICY, 1).unwrap();
    }
    let before = set.clone();
    assert_eq!(set.rotate(vec![7], &POLICY, 2), Err(KeySetError::TooManyKeys));
    assert_eq!(set, before);
    let all = set.rotate(vec![7], &POLICY, RETENTION_MS + 1).unwrap();
    assert_eq!(all.len(), MAX_RING_KEYS - 2);
    assert_eq!(set.keys.len(), 3);
}

#[test]
fn the_highest_number_is_the_end() {
    let mut set = FernetKeySet::default();
    set.import([(0, vec![0]), (u32::MAX, vec![1])], &POLICY, 0).unwrap();
    assert_eq!(set.rotate(vec![2], &POLICY, 1), Err(KeySetError::NumbersExhausted));
    assert_eq!(set.rotate_compromised(vec![2], vec![3], &POLICY, 1), Err(KeySetError::NumbersExhausted));
}

#[test]
fn tokens_made_under_a_longer_expiration_keep_their_key() {
    let mut set = after_setup();
    let long = KeyPolicy { expiration_ms: 100 * HOUR_MS, ..POLICY };
    set.note_policy(&long);
    // Back to the short one at once: tokens of the long one are out.
    set.rotate(vec![2], &POLICY, 10).unwrap();
    set.rotate(vec![3], &POLICY, 11).unwrap();
    assert_eq!(set.retire(&POLICY, 10 + RETENTION_MS), [] as [u32; 0]);
    assert_eq!(set.retire(&POLICY, 10 + long.retention_ms() - 1), [] as [u32; 0]);
    assert_eq!(set.retire(&POLICY, 10 + long.retention_ms()), [1, 2]);
}

#[test]
fn a_schedule_never_needs_more_keys_than_wanted() {
    for max_active_keys in 3..8 {
        let policy = KeyPolicy { max_active_keys, ..POLICY };
        let mut set = FernetKeySet::default();
        set.setup(vec![0], vec![0], &policy, 1_000).unwrap();
        let mut now_ms = 1_000;
        for _ in 0..20 {
            let due_ms = set.next_rotation_due_ms(&policy, 0).unwrap();
            assert_eq!(due_ms, now_ms + policy.shortest_interval_ms());
            now_ms = due_ms;
            set.rotate(vec![0], &policy, now_ms).unwrap();
            assert!(set.keys.len() <= max_active_keys, "{} of {max_active_keys}", set.keys.len());
        }
    }
    assert_eq!(after_setup().next_rotation_due_ms(&POLICY, 1_000 * HOUR_MS), Some(1_000 * HOUR_MS));
}

#[test]
fn imported_secondary_keys_are_kept_as_if_demoted_now() {
    let mut set = FernetKeySet::default();
    let keys = [5, 0, 3, 4].map(|number| (number, vec![u8::try_from(number).unwrap()]));
    set.import(keys, &POLICY, 100).unwrap();
    assert_eq!(set.primary().unwrap().number, 5);
    assert_eq!(set.retire(&POLICY, 99 + RETENTION_MS), [] as [u32; 0]);
    assert_eq!(set.retire(&POLICY, 100 + RETENTION_MS), [3, 4]);
    set.rotate(vec![9], &POLICY, 100 + RETENTION_MS).unwrap();
    assert_eq!(set.primary().unwrap().sealed_key, [0]);
    assert_eq!(numbers(&set), [0, 5, 6]);
}

#[test]
fn an_import_without_a_staged_key_or_with_a_key_twice_is_refused() {
    let import = |numbers: &[u32]| {
        let mut set = FernetKeySet::default();
        let outcome = set.import(numbers.iter().map(|number| (*number, vec![])), &POLICY, 0);
        assert_eq!(set.keys.is_empty(), outcome.is_err());
        outcome
    };
    assert_eq!(import(&[]), Err(KeySetError::NoStagedKey));
    assert_eq!(import(&[1, 2]), Err(KeySetError::NoStagedKey));
    assert_eq!(import(&[2, 0, 2]), Err(KeySetError::DuplicateNumber(2)));
    assert_eq!(import(&(0..129).collect::<Vec<_>>()), Err(KeySetError::TooManyKeys));
    assert_eq!(import(&[0]), Ok(()));
}

#[test]
fn a_lone_key_0_becomes_key_1_and_stays_in_use() {
    let mut set = FernetKeySet::default();
    set.import([(0, vec![1])], &POLICY, 0).unwrap();
    set.rotate(vec![2], &POLICY, 1).unwrap();
    assert_eq!(numbers(&set), [0, 1]);
    assert_eq!(set.primary().unwrap().sealed_key, [1]);
    assert_eq!(set.primary().unwrap().demoted_ms, None);
}

#[test]
fn keys_leave_as_keystone_files_and_come_back() {
    let random = SeededRandom::from_seed(1);
    let cluster_key = ClusterKey::generate(&random);
    let context = b"fernet_tokens";
    let seal = |key: &FernetKey| cluster_key.seal(&random, context, &*key.to_bytes());
    let (staged, primary) = (FernetKey::generate(&random), FernetKey::generate(&random));
    let mut set = FernetKeySet::default();
    set.setup(seal(&staged), seal(&primary), &POLICY, 0).unwrap();

    let files: Vec<_> = set
        .open(&cluster_key, context)
        .unwrap()
        .iter()
        .map(|(number, key)| KeyFile::new(*number, key))
        .collect();
    assert_eq!(files.iter().map(|file| &*file.name).collect::<Vec<_>>(), ["0", "1"]);
    assert!(
        files.iter().all(|file| file.content.len() == 44 && !format!("{file:?}").contains(&**file.content))
    );
    let others = [("0.tmp", "x"), ("README", "x"), ("7", ""), ("", "x")];
    let read =
        read_key_files(files.iter().map(|file| (&*file.name, file.content.as_str())).chain(others)).unwrap();
    assert_eq!(read, [(0, staged), (1, primary)]);

    let ring = set.ring(&cluster_key, context).unwrap();
    let token = KeyRing::new(read).unwrap().seal(&random, 1, b"x");
    assert!(ring.open(&token).is_ok());
    assert_eq!(
        set.ring(&cluster_key, b"fernet_receipts").unwrap_err(),
        KeySetError::Sealed { number: 0, source: SealError::Broken }
    );
}

#[test]
fn a_file_named_by_a_number_must_hold_a_key() {
    let source = FernetError::MalformedKey { found_bytes: 3 };
    assert_eq!(read_key_files([("1", "AAAA")]), Err(KeyFileError::MalformedKey { name: "1".into(), source }));
    assert_eq!(
        read_key_files([("4294967296", "AAAA")]),
        Err(KeyFileError::NumberTooHigh("4294967296".into()))
    );
}

#[derive(Debug, Clone)]
enum Step {
    Issue { life_share: u8 },
    Rotate,
    Retire,
    Expiration(u64),
    Window(u64),
    MaxActiveKeys(usize),
}

fn step() -> impl Strategy<Value = (u64, Step)> {
    let step = prop_oneof![
        4 => any::<u8>().prop_map(|life_share| Step::Issue { life_share }),
        3 => Just(Step::Rotate),
        2 => Just(Step::Retire),
        1 => (0..2_000_000_u64).prop_map(Step::Expiration),
        1 => (0..200_000_u64).prop_map(Step::Window),
        1 => (1..6_usize).prop_map(Step::MaxActiveKeys),
    ];
    (0..100_000_u64, step)
}

struct Token {
    key: Vec<u8>,
    expires_ms: u64,
}

proptest! {
    /// Whatever happens in whatever order: a token that may still be presented has its key, a key was
    /// staged before it became primary, and keys do not pile up.
    #[test]
    fn no_live_token_loses_its_key(steps in proptest::collection::vec(step(), 1..80)) {
        let mut policy = KeyPolicy { max_active_keys: 3, expiration_ms: 50_000, allow_expired_window_ms: 50_000 };
        let mut set = FernetKeySet::default();
        set.setup(vec![0], vec![1], &policy, 0).unwrap();
        let mut made: u8 = 1;
        let mut now_ms = 0;
        let mut tokens: Vec<Token> = Vec::new();
        // The window only widens while tokens are out: a key may be gone before an operator widens it.
        for (wait_ms, step) in steps {
            now_ms += wait_ms;
            match step {
                Step::Issue { life_share } => tokens.push(Token {
                    key: set.primary().unwrap().sealed_key.clone(),
                    expires_ms: now_ms + policy.expiration_ms * u64::from(life_share) / 255,
                }),
                Step::Rotate => {
                    let staged = set.staged().unwrap().sealed_key.clone();
                    let old_number = set.primary().unwrap().number;
                    made += 1;
                    set.rotate(vec![made], &policy, now_ms).unwrap();
                    prop_assert_eq!(&set.primary().unwrap().sealed_key, &staged);
                    prop_assert_eq!(set.primary().unwrap().number, old_number + 1);
                    prop_assert_eq!(&set.staged().unwrap().sealed_key, &vec![made]);
                }
                Step::Retire => {
                    set.retire(&policy, now_ms);
                }
                Step::Expiration(ms) => policy.expiration_ms = ms,
                Step::Window(ms) => policy.allow_expired_window_ms = ms.min(policy.allow_expired_window_ms),
                Step::MaxActiveKeys(count) => policy.max_active_keys = count,
            }
            set.note_policy(&policy);
            tokens.retain(|token| now_ms < token.expires_ms + policy.allow_expired_window_ms);
            for token in &tokens {
                prop_assert!(set.keys.iter().any(|key| key.sealed_key == token.key), "at {}", now_ms);
            }
            prop_assert!(set.staged().is_some());
            prop_assert_eq!(set.keys.iter().filter(|key| key.demoted_ms.is_none()).count(), 2);
        }
        set.retire(&policy, now_ms + 10_000_000);
        prop_assert!(set.keys.len() <= policy.max_active_keys.max(2));
    }
}

/// A cluster whose keys are sealed under the first of two cluster keys, and what each of them seals.
fn sealed_under_one_of_two() -> (FernetKeySet, [ClusterKeyId; 2], [Vec<u8>; 2]) {
    let random = SeededRandom::from_seed(7);
    let both = [ClusterKey::generate(&random), ClusterKey::generate(&random)];
    let [one, other] = both.each_ref().map(|key| key.seal(&random, b"context", b"a key"));
    let mut set = FernetKeySet::default();
    set.setup(one.clone(), one.clone(), &POLICY, 0).unwrap();
    (set, both.map(|key| key.id()), [one, other])
}

#[test]
fn a_key_that_is_sealed_under_another_cluster_key_is_refused() {
    let (mut set, [own, theirs], [mine, other]) = sealed_under_one_of_two();
    let before = set.clone();
    let refused = set.rotate(other.clone(), &POLICY, 1).unwrap_err();
    assert_eq!(refused, KeySetError::OtherClusterKey { own, sealed_by: theirs });
    let truncated = set.rotate(mine[..8].to_vec(), &POLICY, 1).unwrap_err();
    assert_eq!(truncated, KeySetError::Sealed { number: STAGED_KEY, source: SealError::Truncated });
    assert_eq!(set, before);
    assert_eq!(set.rotate(mine.clone(), &POLICY, 1), Ok(vec![]));
    let mixed = FernetKeySet::default().setup(mine, other, &POLICY, 0);
    assert_eq!(mixed, Err(KeySetError::OtherClusterKey { own, sealed_by: theirs }));

    let refusal = CommandError::from(refused);
    assert!(matches!(refusal, CommandError::Conflict { .. }), "{refusal:?}");
    assert!([own, theirs].iter().all(|id| refusal.to_string().contains(&id.to_string())), "{refusal}");
}

#[test]
fn compromised_keys_are_replaced_whatever_they_are_sealed_under() {
    let (mut set, [own, theirs], [_, other]) = sealed_under_one_of_two();
    assert_eq!((set.sealed_by_other_than(own), set.sealed_by_other_than(theirs)), (None, Some(own)));
    set.rotate_compromised(other.clone(), other, &POLICY, 1).unwrap();
    assert_eq!((set.sealed_by_other_than(own), set.sealed_by_other_than(theirs)), (Some(theirs), None));
}
