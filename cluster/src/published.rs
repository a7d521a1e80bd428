//! The state as readers see it: what all may show, and what is applied here but not yet released.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::watch;

use crate::application::Application;
use crate::planted::{Bug, is_planted};
use crate::types::LogIndex;

/// Unreleased states that are kept apart. Beyond, a read waits for the newest.
const KEPT_APART: usize = 64;

/// One consistent point of the log: the application's state and where it stands.
pub struct Published<A: Application> {
    /// The application's state after `applied_index`.
    pub state: A::State,
    /// The last applied entry; 0 before the first.
    pub applied_index: LogIndex,
    /// Log time of that entry, milliseconds since the epoch.
    pub log_time_ms: u64,
    /// Digest of all rows, the cluster's own among them.
    pub digest: u128,
}

/// A state of the application, and the entry that brought it. Entries that change nothing of the
/// application's share the state of the one before.
struct Step<A: Application> {
    since: LogIndex,
    published: Arc<Published<A>>,
}

impl<A: Application> Clone for Step<A> {
    fn clone(&self) -> Self {
        Self { since: self.since, published: Arc::clone(&self.published) }
    }
}

/// What a node has at one moment: the newest released state that it knows of, and those after it.
///
/// ```text
///   released ------> since       since       since = applied
///                 [  state 0  |  state 1  |  state 2 ]
/// ```
///
/// Not even state 0 need be released, after a start.
struct Steps<A: Application> {
    older: Vec<Step<A>>,
    newest: Step<A>,
    released: LogIndex,
}

/// A state that was loaded under the right to read, and the others that it may turn out to be.
///
/// Which of them is current is known once the newest is released: other nodes may show any of them already, or
/// not yet. An answer that is the same in all of them can be given at once.
pub struct View<A: Application> {
    newest: Arc<Published<A>>,
    /// What must be released before the newest may be shown; `None`: it may be.
    awaited: Option<LogIndex>,
    /// The other states; `None` when they are not all at hand.
    others: Option<Vec<Arc<Published<A>>>>,
    /// Set when it was loaded without that right.
    staleness: Option<Duration>,
}

impl<A: Application> View<A> {
    /// The newest state of a node that could read by itself so long ago. What it shows is committed; others may have
    /// shown more since.
    pub(crate) fn stale(newest: Arc<Published<A>>, staleness: Duration) -> Self {
        Self { newest, awaited: None, others: None, staleness: Some(staleness) }
    }

    /// For how long others may have shown more than the newest state; `None`: it is linearizable.
    #[must_use]
    pub fn staleness(&self) -> Option<Duration> {
        self.staleness
    }

    /// The newest state.
    #[must_use]
    pub fn newest(&self) -> &Arc<Published<A>> {
        &self.newest
    }

    /// The newest state, if all may show it.
    #[must_use]
    pub fn settled(&self) -> Option<&Arc<Published<A>>> {
        self.awaited.is_none().then_some(&self.newest)
    }

    /// The states that may be current instead of the newest; `None` when they are not all at hand.
    #[must_use]
    pub fn others(&self) -> Option<&[Arc<Published<A>>]> {
        match self.awaited {
            None => Some(&[]),
            Some(_) => self.others.as_deref(),
        }
    }

    /// What has to be released before the newest state may be shown.
    pub(crate) fn awaited(&self) -> Option<LogIndex> {
        self.awaited
    }
}

/// The newest published state, and a way to wait for a later one.
///
/// Cheap to clone; every clone sees the same state.
pub struct Publication<A: Application> {
    current: Arc<ArcSwap<Steps<A>>>,
    // Held while `current` is replaced.
    changing: Arc<Mutex<()>>,
    applied: watch::Sender<LogIndex>,
}

impl<A: Application> Clone for Publication<A> {
    fn clone(&self) -> Self {
        Self {
            current: Arc::clone(&self.current),
            changing: Arc::clone(&self.changing),
            applied: self.applied.clone(),
        }
    }
}

impl<A: Application> Publication<A> {
    pub(crate) fn new(first: Published<A>) -> Self {
        let applied = watch::Sender::new(first.applied_index);
        let newest = Step { since: first.applied_index, published: Arc::new(first) };
        let current = ArcSwap::from_pointee(Steps { older: Vec::new(), newest, released: 0 });
        Self { current: Arc::new(current), changing: Arc::new(Mutex::new(())), applied }
    }

    /// The newest state that this node has applied. It may lie behind what other nodes have shown.
    #[must_use]
    pub fn load(&self) -> Arc<Published<A>> {
        Arc::clone(&self.current.load().newest.published)
    }

    /// What a reader finds now.
    pub(crate) fn view(&self) -> View<A> {
        let current = self.current.load();
        let newest = Arc::clone(&current.newest.published);
        if current.newest.since <= current.released || is_planted(Bug::ShowUnreleased) {
            return View { newest, awaited: None, others: None, staleness: None };
        }
        let is_complete = current.older.first().is_some_and(|first| first.since <= current.released);
        let others =
            is_complete.then(|| current.older.iter().map(|step| Arc::clone(&step.published)).collect());
        View { newest, awaited: Some(current.newest.since), others, staleness: None }
    }

    /// Shows the states after some entries to readers, in order, then wakes those who wait for the last.
    /// The flag says whether the entry has changed the application's state.
    pub(crate) fn publish(&self, states: impl IntoIterator<Item = (Published<A>, bool)>) {
        let _turn = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let current = self.current.load();
        let (mut older, mut newest) = (current.older.clone(), current.newest.clone());
        let released = current.released;
        for (published, is_changed) in states {
            let step = Step { since: published.applied_index, published: Arc::new(published) };
            if !is_changed {
                newest.published = step.published;
                continue;
            }
            older.push(std::mem::replace(&mut newest, step));
            // Where the first is not released, none can be shown before the newest is.
            let is_useless = older.first().is_some_and(|first| first.since > released);
            if is_useless || older.len() > KEPT_APART {
                older.clear();
            }
        }
        let index = newest.published.applied_index;
        self.current.store(Arc::new(Steps { older, newest, released }));
        self.applied.send_replace(index);
    }

    /// Everything up to `index` may be shown.
    pub(crate) fn release(&self, index: LogIndex) {
        let _turn = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let current = self.current.load();
        if index <= current.released {
            return;
        }
        let newest = current.newest.clone();
        let kept = match newest.since <= index {
            true => current.older.len(),
            // The last of the released ones is the first that may still be current.
            false => current.older.iter().rposition(|step| step.since <= index).unwrap_or(0),
        };
        let older = current.older.iter().skip(kept).cloned().collect();
        self.current.store(Arc::new(Steps { older, newest, released: index }));
    }

    /// Returns once this node has applied `index`. Cancel-safe.
    pub async fn wait_applied(&self, index: LogIndex) {
        let mut applied = self.applied.subscribe();
        // The sender lives as long as `self`.
        let _ = applied.wait_for(|at| *at >= index).await;
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::application::{LogMoment, Row, RowChange, RowError};

    struct Numbers;

    impl Application for Numbers {
        type State = u64;

        fn empty(&self) -> u64 {
            0
        }
        fn knows_table(&self, _table: u8) -> bool {
            false
        }

        fn load(&self, _rows: &mut dyn Iterator<Item = Row>) -> Result<u64, RowError> {
            Ok(0)
        }
        fn rows<'a>(&'a self, _state: &'a u64) -> Box<dyn Iterator<Item = Row> + Send + 'a> {
            Box::new(std::iter::empty())
        }
        fn apply(&self, _: &mut u64, _: LogMoment, _: &[u8], _: &mut Vec<RowChange>) -> Bytes {
            Bytes::new()
        }
    }

    /// A state that shows the entry which brought it.
    fn at(index: LogIndex, state: u64) -> Published<Numbers> {
        Published { state, applied_index: index, log_time_ms: 0, digest: 0 }
    }

    fn found(publication: &Publication<Numbers>) -> (u64, Option<Vec<u64>>) {
        let view = publication.view();
        let others = view.others().map(|others| others.iter().map(|other| other.state).collect());
        (view.newest().state, others)
    }

    #[test]
    fn what_was_loaded_at_the_start_is_not_known_to_be_released() {
        let publication = Publication::new(at(5, 5));
        assert!(publication.view().settled().is_none());
        assert_eq!(found(&publication), (5, None));
        publication.release(4);
        assert_eq!(found(&publication), (5, None));
        publication.release(5);
        assert_eq!(publication.view().settled().unwrap().state, 5);
    }

    #[test]
    fn every_unreleased_state_is_at_hand_until_it_is_released() {
        let publication = Publication::new(at(5, 5));
        publication.release(5);
        publication.publish([(at(6, 6), true), (at(7, 6), false), (at(8, 8), true)]);
        assert_eq!(found(&publication), (8, Some(vec![5, 6])));
        assert_eq!(publication.view().awaited(), Some(8));
        publication.release(6);
        assert_eq!(found(&publication), (8, Some(vec![6])));
        publication.release(7);
        assert_eq!(found(&publication), (8, Some(vec![6])));
        publication.release(9);
        assert_eq!(found(&publication), (8, Some(vec![])));
        publication.publish([(at(9, 9), true)]);
        assert!(publication.view().settled().is_some(), "the release was known before");
    }

    #[test]
    fn an_entry_that_changes_nothing_is_not_waited_for() {
        let publication = Publication::new(at(5, 5));
        publication.release(5);
        publication.publish([(at(6, 5), false)]);
        let view = publication.view();
        assert_eq!(view.settled().unwrap().applied_index, 6);
    }

    #[test]
    fn too_many_states_are_not_kept() {
        let publication = Publication::new(at(0, 0));
        publication.release(0);
        publication.publish((1..200).map(|index| (at(index, index), true)));
        assert_eq!(found(&publication), (199, None));
    }
}
