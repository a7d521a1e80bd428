//! Things that exist twice: on Keystone's side and on ours.

/// One thing as Keystone has it and as Keyraft has it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pair<T> {
    pub theirs: T,
    pub ours: T,
}

/// One of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Theirs,
    Ours,
}

impl<T> Pair<T> {
    pub fn on(&self, side: Side) -> &T {
        match side {
            Side::Theirs => &self.theirs,
            Side::Ours => &self.ours,
        }
    }

    pub fn map<U>(&self, mut convert: impl FnMut(&T) -> U) -> Pair<U> {
        Pair { theirs: convert(&self.theirs), ours: convert(&self.ours) }
    }

    pub fn as_ref(&self) -> Pair<&T> {
        Pair { theirs: &self.theirs, ours: &self.ours }
    }
}

impl<T: Clone> Pair<T> {
    /// The same on both sides.
    pub fn same(value: &T) -> Self {
        Self { theirs: value.clone(), ours: value.clone() }
    }
}
