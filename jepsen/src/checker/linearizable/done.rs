//! Which calls are done, in a form that is short as long as those done are nearly all of the first ones.

use crate::checker::linearizable::Call;

/// A set of calls.
pub(super) struct Done {
    /// The bit of each call. Calls with a deadline come first and by it, so that what is done is a run of
    /// ones and a few bits behind it.
    bits: Vec<usize>,
    words: Vec<u64>,
    /// All words before this one are full.
    full: usize,
}

impl Done {
    pub(super) fn new(calls: &[Call<'_>]) -> Self {
        let mut order: Vec<usize> = (0..calls.len()).collect();
        order.sort_by_key(|call| {
            let call = calls.get(*call);
            let deadline = call.and_then(|call| call.deadline);
            (deadline.is_none(), deadline, call.map(|call| call.from))
        });
        let with_deadline = calls.iter().filter(|call| call.deadline.is_some()).count();
        // The others begin a word of their own.
        let gap = with_deadline.next_multiple_of(64) - with_deadline;
        let mut bits = vec![0; calls.len()];
        for (position, call) in order.into_iter().enumerate() {
            if let Some(bit) = bits.get_mut(call) {
                *bit = if position < with_deadline { position } else { position + gap };
            }
        }
        let mut words = vec![0; (calls.len() + gap).div_ceil(64)];
        if gap > 0
            && let Some(word) = words.get_mut(with_deadline / 64)
        {
            // What is no call is done.
            *word = u64::MAX << (64 - gap);
        }
        Self { bits, words, full: 0 }
    }

    fn place(&self, call: usize) -> (usize, u64) {
        let bit = self.bits.get(call).copied().unwrap_or_default();
        (bit / 64, 1 << (bit % 64))
    }

    pub(super) fn contains(&self, call: usize) -> bool {
        let (word, mask) = self.place(call);
        self.words.get(word).is_some_and(|word| word & mask != 0)
    }

    pub(super) fn insert(&mut self, call: usize) {
        let (word, mask) = self.place(call);
        if let Some(word) = self.words.get_mut(word) {
            *word |= mask;
        }
        while self.words.get(self.full) == Some(&u64::MAX) {
            self.full += 1;
        }
    }

    pub(super) fn remove(&mut self, call: usize) {
        let (word, mask) = self.place(call);
        if let Some(word) = self.words.get_mut(word) {
            *word &= !mask;
        }
        self.full = self.full.min(word);
    }

    /// The same for equal sets only: how many words are full, and those behind them up to the last that is
    /// not empty, as pairs of place and word.
    pub(super) fn key(&self) -> Box<[u64]> {
        let mut key = vec![self.full as u64];
        for (place, word) in self.words.iter().enumerate().skip(self.full) {
            if *word != 0 {
                key.extend([place as u64, *word]);
            }
        }
        key.into_boxed_slice()
    }
}
