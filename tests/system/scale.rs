//! The amount of work in the longer tests: CI takes the smaller numbers, `KEYRAFT_TESTS=full` the larger ones.

/// The environment variable that chooses.
const VARIABLE: &str = "KEYRAFT_TESTS";

/// One number of the table.
pub struct Scale {
    ci: usize,
    full: usize,
}

/// Revocations of a race, at least.
pub const REVOCATIONS: Scale = Scale { ci: 300, full: 1_000 };
/// Leaders killed during a race.
pub const RACE_LEADERS_KILLED: Scale = Scale { ci: 2, full: 4 };
/// Nodes paused during a race.
pub const RACE_NODES_PAUSED: Scale = Scale { ci: 1, full: 3 };
/// Leaders killed while followers validate.
pub const LEADERS_KILLED: Scale = Scale { ci: 3, full: 10 };
/// Validations that must not leave their node.
pub const VALIDATIONS: Scale = Scale { ci: 20_000, full: 100_000 };

impl Scale {
    /// # Panics
    /// The variable has another value than `full`.
    pub fn get(&self) -> usize {
        match std::env::var(VARIABLE).as_deref() {
            Err(_) | Ok("") => self.ci,
            Ok("full") => self.full,
            Ok(other) => panic!("{VARIABLE}={other:?}: it may be unset or \"full\""),
        }
    }
}
