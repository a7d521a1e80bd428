//! The rules of a Fernet key repository, as functions of a set of keys and a time.
//!
//! ```text
//!   created            promoted             demoted                      no token needs it
//!      |--- staged (0) ---|--- primary (max) --|--- secondary (1..max) ------|--- may be dropped
//!                                              |<-------- retention -------->|
//! ```
//!
//! Numbers are Keystone's: 0 is staged, the highest is primary, the others are secondary, and all of them
//! open tokens. Two things differ from `keystone-manage fernet_rotate`. A key beyond `max_active_keys` is
//! dropped only when no token that it sealed can still be presented, so no rotation, however hasty,
//! orphans a valid token. And an operator whose keys have leaked can drop all of them at once.
//!
//! Nothing here tells the time or makes a key: `now_ms` is log time, and new keys come in sealed.

mod key_files;

pub use key_files::{KeyFile, KeyFileError, read_key_files};

use keyraft_cluster::{Bug, is_planted};

use crate::keys::seal::{ClusterKey, ClusterKeyId, SealError, sealed_by};
use crate::token::fernet::{FernetError, FernetKey, KeyRing, MAX_RING_KEYS};

/// Added to the life of a key after the last token it can have sealed has ended. A request that has read
/// the old primary may still be sealing with it while the rotation is applied; requests end long before.
pub const RETENTION_MARGIN_MS: u64 = 60_000;

/// The number of the staged key.
pub const STAGED_KEY: u32 = 0;

/// The options that decide how long keys are needed, and how many are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyPolicy {
    /// `max_active_keys`: keys kept by rotation, the staged and the primary included. Less than 2 counts
    /// as 2.
    pub max_active_keys: usize,
    /// `[token] expiration`, the longest life of a token.
    pub expiration_ms: u64,
    /// `[token] allow_expired_window`: how long a token is still read after its end, by services that ask.
    pub allow_expired_window_ms: u64,
}

impl KeyPolicy {
    /// How long after its demotion a key may be needed.
    #[must_use]
    pub const fn retention_ms(&self) -> u64 {
        self.expiration_ms.saturating_add(self.allow_expired_window_ms).saturating_add(RETENTION_MARGIN_MS)
    }

    /// The shortest time between rotations that never leaves more than `max_active_keys`, and with which
    /// even a Keystone that shares these keys and this policy would lose no token.
    ///
    /// A demoted key is pushed out by the `max_active_keys - 2`-th rotation after its demotion, which must
    /// not come before its retention has passed.
    #[must_use]
    pub fn shortest_interval_ms(&self) -> u64 {
        let secondaries = self.max_active_keys.saturating_sub(2).max(1);
        self.retention_ms().div_ceil(u64::try_from(secondaries).unwrap_or(u64::MAX))
    }
}

/// One key of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FernetKeyRecord {
    /// Its number: 0 staged, highest primary, others secondary.
    pub number: u32,
    /// The key, sealed with the cluster key.
    pub sealed_key: Vec<u8>,
    /// Log time at which it entered the repository.
    pub created_ms: u64,
    /// Log time at which it stopped being primary; absent before.
    pub demoted_ms: Option<u64>,
    /// The longest retention in force while it was primary: its tokens were made under that policy, and
    /// outlive a later, stricter one.
    pub retention_ms: u64,
}

impl FernetKeyRecord {
    /// Whether no token that this key sealed can still be presented.
    fn is_spent(&self, policy: &KeyPolicy, now_ms: u64) -> bool {
        let retention_ms = self.retention_ms.max(policy.retention_ms());
        self.demoted_ms.is_some_and(|demoted_ms| demoted_ms.saturating_add(retention_ms) <= now_ms)
    }
}

/// The keys of one repository. Empty before setup, else with a staged key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FernetKeySet {
    /// In no particular order; numbers do not repeat.
    pub keys: Vec<FernetKeyRecord>,
}

/// What a repository refuses.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeySetError {
    /// Setup or import of a repository that has keys.
    #[error("the key repository has been set up already")]
    AlreadySetUp,
    /// There is no staged key: the repository has not been set up, or what is imported lacks key 0.
    #[error("there is no staged key")]
    NoStagedKey,
    /// Two imported keys have the same number.
    #[error("key {0} appears twice")]
    DuplicateNumber(u32),
    /// The repository is full of keys that tokens still need. Rotate later, or drop them as compromised.
    #[error("{MAX_RING_KEYS} keys are still needed by tokens")]
    TooManyKeys,
    /// The primary has the highest number there is.
    #[error("there is no higher key number")]
    NumbersExhausted,
    /// A key does not open with this cluster key.
    #[error("key {number}: {source}")]
    Sealed {
        /// The number of the key.
        number: u32,
        /// Why it does not open.
        source: SealError,
    },
    /// A new key is sealed under another cluster key than those that are there: the node that made it has the wrong one.
    #[error(
        "the new key is sealed under the cluster key {sealed_by}, the keys of this cluster under {own}: the node that \
         made it has another cluster key"
    )]
    OtherClusterKey {
        /// The cluster key that the kept keys are sealed under.
        own: ClusterKeyId,
        /// The one that the new key is sealed under.
        sealed_by: ClusterKeyId,
    },
    /// A key opens, but is no Fernet key, or the ring cannot be made.
    #[error(transparent)]
    Fernet(#[from] FernetError),
}

impl FernetKeySet {
    /// Fills an empty repository: a staged key 0 and a primary key 1, like `fernet_setup`.
    ///
    /// # Errors
    /// [`KeySetError::AlreadySetUp`]: there are keys. (Keystone then does nothing.)
    pub fn setup(
        &mut self,
        sealed_staged: Vec<u8>,
        sealed_primary: Vec<u8>,
        policy: &KeyPolicy,
        now_ms: u64,
    ) -> Result<(), KeySetError> {
        self.import([(STAGED_KEY, sealed_staged), (1, sealed_primary)], policy, now_ms)
    }

    /// Fills an empty repository with the numbered keys of another one. When its secondary keys were
    /// demoted is not known, so they are kept as long as if that were now.
    ///
    /// # Errors
    /// There are keys already; or among the new ones key 0 is missing, a number appears twice, there are more than
    /// [`MAX_RING_KEYS`], or they are sealed under different cluster keys.
    pub fn import(
        &mut self,
        sealed: impl IntoIterator<Item = (u32, Vec<u8>)>,
        policy: &KeyPolicy,
        now_ms: u64,
    ) -> Result<(), KeySetError> {
        if !self.keys.is_empty() {
            return Err(KeySetError::AlreadySetUp);
        }
        let mut keys: Vec<_> = sealed
            .into_iter()
            .take(MAX_RING_KEYS + 1)
            .map(|(number, sealed_key)| FernetKeyRecord {
                number,
                sealed_key,
                created_ms: now_ms,
                demoted_ms: Some(now_ms),
                retention_ms: policy.retention_ms(),
            })
            .collect();
        if keys.len() > MAX_RING_KEYS {
            return Err(KeySetError::TooManyKeys);
        }
        keys.sort_by_key(|key| key.number);
        if let Some(number) = first_repeated(&keys) {
            return Err(KeySetError::DuplicateNumber(number));
        }
        keys.first_mut().filter(|key| key.number == STAGED_KEY).ok_or(KeySetError::NoStagedKey)?.demoted_ms =
            None;
        if let Some(primary) = keys.last_mut() {
            primary.demoted_ms = None;
        }
        let staged = Self { keys: keys.first().cloned().into_iter().collect() };
        keys.iter().try_for_each(|key| staged.check_seal(&key.sealed_key))?;
        self.keys = keys;
        Ok(())
    }

    /// A cluster key other than `own` that one of the keys is sealed under.
    #[must_use]
    pub fn sealed_by_other_than(&self, own: ClusterKeyId) -> Option<ClusterKeyId> {
        let mut sealed_by = self.keys.iter().filter_map(|key| sealed_by(&key.sealed_key).ok());
        sealed_by.find(|sealed_by| *sealed_by != own)
    }

    /// Checks that a new key is sealed under the cluster key that those of the set are sealed under.
    fn check_seal(&self, new: &[u8]) -> Result<(), KeySetError> {
        for own in self.keys.iter().filter_map(|key| sealed_by(&key.sealed_key).ok()) {
            let sealed_by =
                sealed_by(new).map_err(|source| KeySetError::Sealed { number: STAGED_KEY, source })?;
            if sealed_by != own {
                return Err(KeySetError::OtherClusterKey { own, sealed_by });
            }
        }
        Ok(())
    }

    /// The key that seals.
    #[must_use]
    pub fn primary(&self) -> Option<&FernetKeyRecord> {
        self.keys.iter().max_by_key(|key| key.number)
    }

    /// The key that will seal after the next rotation, and opens already.
    #[must_use]
    pub fn staged(&self) -> Option<&FernetKeyRecord> {
        self.keys.iter().find(|key| key.number == STAGED_KEY)
    }

    /// Makes the staged key primary, under the next number, and `sealed_staged` the staged key; then
    /// drops what [`Self::retire`] drops. Gives the numbers of the dropped keys.
    ///
    /// # Errors
    /// The set is then unchanged but for spent keys. [`KeySetError::OtherClusterKey`], [`KeySetError::NoStagedKey`],
    /// [`KeySetError::TooManyKeys`], [`KeySetError::NumbersExhausted`].
    pub fn rotate(
        &mut self,
        sealed_staged: Vec<u8>,
        policy: &KeyPolicy,
        now_ms: u64,
    ) -> Result<Vec<u32>, KeySetError> {
        self.check_seal(&sealed_staged)?;
        let mut dropped = self.retire(policy, now_ms);
        if self.keys.len() >= MAX_RING_KEYS {
            return Err(KeySetError::TooManyKeys);
        }
        self.staged().ok_or(KeySetError::NoStagedKey)?;
        let old_primary = self.primary().map_or(STAGED_KEY, |key| key.number);
        let new_primary = old_primary.checked_add(1).ok_or(KeySetError::NumbersExhausted)?;
        self.note_policy(policy);
        for key in &mut self.keys {
            if key.number == STAGED_KEY {
                key.number = new_primary;
                key.retention_ms = key.retention_ms.max(policy.retention_ms());
            } else if key.number == old_primary {
                key.demoted_ms = Some(now_ms);
            }
        }
        self.keys.push(FernetKeyRecord {
            number: STAGED_KEY,
            sealed_key: sealed_staged,
            created_ms: now_ms,
            demoted_ms: None,
            retention_ms: policy.retention_ms(),
        });
        dropped.extend(self.retire(policy, now_ms));
        if is_planted(Bug::DroppedLiveKey) {
            self.keys.retain(|key| [STAGED_KEY, new_primary].contains(&key.number));
        }
        Ok(dropped)
    }

    /// Drops every key and starts again with two fresh ones, whatever cluster key the old ones are sealed under: the keys
    /// have leaked. Whoever holds a leaked
    /// key can make any token, so tokens sealed by any of them must end now; and the staged key lay beside
    /// the others, so it must not become primary. Gives the numbers of the dropped keys.
    ///
    /// # Errors
    /// [`KeySetError::NoStagedKey`]: it has not been set up. [`KeySetError::NumbersExhausted`].
    pub fn rotate_compromised(
        &mut self,
        sealed_staged: Vec<u8>,
        sealed_primary: Vec<u8>,
        policy: &KeyPolicy,
        now_ms: u64,
    ) -> Result<Vec<u32>, KeySetError> {
        self.staged().ok_or(KeySetError::NoStagedKey)?;
        let old_primary = self.primary().map_or(STAGED_KEY, |key| key.number);
        // Numbers are not used again, so that an export is not mistaken for an older one.
        let new_primary = old_primary.checked_add(1).ok_or(KeySetError::NumbersExhausted)?;
        let mut fresh = Self::default();
        fresh.import([(STAGED_KEY, sealed_staged), (new_primary, sealed_primary)], policy, now_ms)?;
        Ok(std::mem::replace(self, fresh).keys.into_iter().map(|key| key.number).collect())
    }

    /// Drops the keys that no token needs any more. Gives their numbers. A key goes even where
    /// `max_active_keys` would leave room for it: no key outlives its use.
    pub fn retire(&mut self, policy: &KeyPolicy, now_ms: u64) -> Vec<u32> {
        self.keys.sort_by_key(|key| key.number);
        // Lower numbers were demoted earlier: the first that is still needed ends the search. The primary
        // and the staged key are never spent.
        let dropped: Vec<u32> = self
            .keys
            .iter()
            .filter(|key| key.number != STAGED_KEY)
            .take_while(|key| key.is_spent(policy, now_ms))
            .map(|key| key.number)
            .collect();
        self.keys.retain(|key| !dropped.contains(&key.number));
        dropped
    }

    /// To be called whenever the policy changes: the primary has sealed, or will seal, tokens under the
    /// longer of the two.
    pub fn note_policy(&mut self, policy: &KeyPolicy) {
        if let Some(primary) = self.keys.iter_mut().max_by_key(|key| key.number) {
            primary.retention_ms = primary.retention_ms.max(policy.retention_ms());
        }
    }

    /// Log time at which the schedule wants the next rotation: `interval_ms` after the last, but not so
    /// soon that more than `max_active_keys` would have to be kept. `None` before setup.
    #[must_use]
    pub fn next_rotation_due_ms(&self, policy: &KeyPolicy, interval_ms: u64) -> Option<u64> {
        // Every rotation leaves a staged key that is as old as itself.
        let last_rotation_ms = self.staged()?.created_ms;
        Some(last_rotation_ms.saturating_add(interval_ms.max(policy.shortest_interval_ms())))
    }

    /// Opens the keys. `context` is the one they were sealed for.
    ///
    /// # Errors
    /// A key does not open, is no Fernet key, or there are none.
    pub fn ring(&self, cluster_key: &ClusterKey, context: &[u8]) -> Result<KeyRing, KeySetError> {
        KeyRing::new(self.open(cluster_key, context)?).map_err(KeySetError::from)
    }

    /// The keys with their numbers, for an export.
    ///
    /// # Errors
    /// A key does not open, or is no Fernet key.
    pub fn open(
        &self,
        cluster_key: &ClusterKey,
        context: &[u8],
    ) -> Result<Vec<(u32, FernetKey)>, KeySetError> {
        let open = |key: &FernetKeyRecord| {
            let number = key.number;
            let bytes = cluster_key
                .open(context, &key.sealed_key)
                .map_err(|source| KeySetError::Sealed { number, source })?;
            Ok((number, FernetKey::from_bytes(&bytes)?))
        };
        self.keys.iter().map(open).collect()
    }
}

fn first_repeated(sorted: &[FernetKeyRecord]) -> Option<u32> {
    sorted.iter().zip(sorted.iter().skip(1)).find(|(a, b)| a.number == b.number).map(|(key, _)| key.number)
}

#[cfg(test)]
mod tests;
