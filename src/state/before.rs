//! Where a range of a table begins, found without making a key.

use std::cmp::Ordering;

use equivalent::{Comparable, Equivalent};

use super::ids::Id;

/// The place in an ordered table right before the keys whose first part is this text.
///
/// It equals no key, so a range that begins here has all of them, whatever follows the first part.
#[derive(Clone, Copy, Debug)]
pub struct Before<'a>(pub &'a str);

impl<A, B> Equivalent<(Id<A>, B)> for Before<'_> {
    fn equivalent(&self, _key: &(Id<A>, B)) -> bool {
        false
    }
}

impl<A, B> Comparable<(Id<A>, B)> for Before<'_> {
    fn compare(&self, key: &(Id<A>, B)) -> Ordering {
        self.0.cmp(key.0.as_str()).then(Ordering::Less)
    }
}

#[cfg(test)]
mod tests {
    use imbl::OrdSet;

    use super::*;
    use crate::state::{RoleId, UserId};

    #[test]
    fn a_range_begins_with_the_first_key_of_the_part() {
        let keys = [("a", "z"), ("b", ""), ("b", "x"), ("b0", "a"), ("c", "")];
        let set: OrdSet<(UserId, RoleId)> =
            keys.iter().map(|(user, role)| (UserId::from(*user), RoleId::from(*role))).collect();
        let from = |part| set.range(Before(part)..).map(|(user, _)| user.as_str()).collect::<Vec<_>>();
        assert_eq!(from("b"), ["b", "b", "b0", "c"]);
        assert_eq!(from("b1"), ["c"]);
        assert_eq!(from("d"), [""; 0]);
    }
}
