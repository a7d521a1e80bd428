//! The content of a file, of which only the pages that were written take memory.

use std::collections::BTreeMap;

const PAGE_BYTES: usize = 4096;

/// A length and the pages below it; what is in none of them is zero.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pages {
    length: u64,
    pages: BTreeMap<u64, Vec<u8>>,
}

impl Pages {
    /// How many bytes there are.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// How many bytes take memory.
    pub fn stored(&self) -> u64 {
        self.pages.len() as u64 * PAGE_BYTES as u64
    }

    /// How many bytes more would take memory after a write.
    pub fn missing(&self, offset: u64, length: usize) -> u64 {
        let end = offset.saturating_add(length as u64).div_ceil(PAGE_BYTES as u64);
        let missing = (place(offset).0..end).filter(|page| !self.pages.contains_key(page)).count();
        missing as u64 * PAGE_BYTES as u64
    }

    /// Up to `size` bytes from `offset` on.
    pub fn read(&self, offset: u64, size: usize) -> Vec<u8> {
        let size = size.min(usize::try_from(self.length.saturating_sub(offset)).unwrap_or(usize::MAX));
        let mut bytes = Vec::with_capacity(size);
        while bytes.len() < size {
            let (page, within) = place(offset + bytes.len() as u64);
            let count = (PAGE_BYTES - within).min(size - bytes.len());
            match self.pages.get(&page).and_then(|page| page.get(within..within + count)) {
                Some(stored) => bytes.extend_from_slice(stored),
                None => bytes.resize(bytes.len() + count, 0),
            }
        }
        bytes
    }

    /// Writes bytes; the file grows as far as they reach.
    pub fn write(&mut self, offset: u64, bytes: &[u8]) {
        let mut done = 0;
        while done < bytes.len() {
            let (page, within) = place(offset + done as u64);
            let count = (PAGE_BYTES - within).min(bytes.len() - done);
            let stored = self.pages.entry(page).or_insert_with(|| vec![0; PAGE_BYTES]);
            if let (Some(to), Some(from)) =
                (stored.get_mut(within..within + count), bytes.get(done..done + count))
            {
                to.copy_from_slice(from);
            }
            done += count;
        }
        self.length = self.length.max(offset + bytes.len() as u64);
    }

    /// Cuts the file, or lets it grow by zeros.
    pub fn set_length(&mut self, length: u64) {
        if length < self.length {
            let (page, within) = place(length);
            self.pages.retain(|number, _| *number < page || (*number == page && within > 0));
            if let Some(rest) = self.pages.get_mut(&page).and_then(|page| page.get_mut(within..)) {
                rest.fill(0);
            }
        }
        self.length = length;
    }
}

fn place(offset: u64) -> (u64, usize) {
    let page_bytes = PAGE_BYTES as u64;
    // Less than a page.
    (offset / page_bytes, usize::try_from(offset % page_bytes).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn pages_are_like_bytes(changes in prop::collection::vec((0_u64..20_000, 0_usize..9_000, any::<u8>()), 1..20)) {
            let (mut pages, mut bytes) = (Pages::default(), Vec::<u8>::new());
            for (offset, size, byte) in changes {
                if byte % 4 == 0 {
                    pages.set_length(offset);
                    bytes.resize(usize::try_from(offset).unwrap(), 0);
                } else if size > 0 {
                    pages.write(offset, &vec![byte; size]);
                    let from = usize::try_from(offset).unwrap();
                    bytes.resize(bytes.len().max(from + size), 0);
                    bytes[from..from + size].fill(byte);
                }
                prop_assert_eq!(pages.length(), bytes.len() as u64);
                prop_assert_eq!(pages.read(0, bytes.len() + 10), bytes.clone());
            }
        }
    }
}
