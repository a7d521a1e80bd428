//! What a power failure spares of the changes that were not synced.

/// What a power failure spares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spared {
    /// Nothing.
    Nothing,
    /// Of each file nothing, or some changes, or all; of a folder the first ones.
    ByChance,
}
