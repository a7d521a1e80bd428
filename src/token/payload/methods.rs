//! The authentication methods of a token, as bits over the configured list.

/// Most methods a list may name: one bit each.
pub const MAX_METHODS: usize = 64;

/// The methods Keystone 30 is configured with when nothing else is said, in its order.
const DEFAULT_METHODS: [&str; 7] =
    ["external", "password", "token", "oauth1", "mapped", "application_credential", "ec2credential"];

/// A set of methods: bit *i* stands for the *i*-th entry of a [`MethodList`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MethodMask(pub u64);

impl MethodMask {
    /// The methods of either.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether all methods of `other` are among these.
    #[must_use]
    pub const fn covers(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether any method of `other` is among these.
    #[must_use]
    pub const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

/// `[auth] methods`, in order. The order gives the bits their meaning: all nodes, and all Keystones that
/// share keys with them, must have the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MethodList(Vec<Box<str>>);

/// The list of methods cannot be mapped to bits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{found} authentication methods are configured, at most {MAX_METHODS} are possible")]
pub struct MethodListError {
    /// How many are configured.
    pub found: usize,
}

impl Default for MethodList {
    fn default() -> Self {
        Self(DEFAULT_METHODS.map(Into::into).into())
    }
}

impl MethodList {
    /// The list with these names, in this order.
    ///
    /// # Errors
    /// There are more than [`MAX_METHODS`].
    pub fn new<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Self, MethodListError> {
        let names: Vec<Box<str>> = names.into_iter().map(Into::into).collect();
        if names.len() > MAX_METHODS { Err(MethodListError { found: names.len() }) } else { Ok(Self(names)) }
    }

    /// The bits of `names`. A name that is not in the list has none, and so is lost, as in Keystone.
    #[must_use]
    pub fn mask<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> MethodMask {
        let mut mask = 0;
        for name in names {
            for (bit, known) in self.0.iter().enumerate() {
                if &**known == name {
                    mask |= 1 << bit;
                }
            }
        }
        MethodMask(mask)
    }

    /// The names of the bits of `mask`, highest bit first: the order in which the API shows them.
    ///
    /// A mask with a bit beyond the list was made with another list. Keystone then finds no method at
    /// all, and neither does this.
    pub fn names(&self, mask: MethodMask) -> impl Iterator<Item = &str> {
        let is_foreign =
            mask.0.checked_shr(u32::try_from(self.0.len()).unwrap_or(u32::MAX)).unwrap_or(0) != 0;
        let mask = if is_foreign { 0 } else { mask.0 };
        self.0.iter().enumerate().rev().filter(move |(bit, _)| mask >> bit & 1 == 1).map(|(_, name)| &**name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_back_by_descending_bit() {
        let list = MethodList::default();
        let mask = list.mask(["password", "token", "mapped", "application_credential"]);
        assert_eq!(mask, MethodMask(54));
        let names: Vec<_> = list.names(mask).collect();
        assert_eq!(names, ["application_credential", "mapped", "token", "password"]);
    }

    #[test]
    fn an_unknown_name_is_lost() {
        let list = MethodList::default();
        assert_eq!(list.mask(["oauth2_credential", "token", "token"]), MethodMask(4));
        assert_eq!(list.names(MethodMask(0)).count(), 0);
    }

    #[test]
    fn a_bit_beyond_the_list_leaves_no_method() {
        let list = MethodList::new(["external", "password"]).unwrap();
        assert_eq!(list.names(MethodMask(2)).collect::<Vec<_>>(), ["password"]);
        assert_eq!(list.names(MethodMask(4)).count(), 0);
        assert_eq!(list.names(MethodMask(6)).count(), 0);
    }

    #[test]
    fn the_list_is_as_long_as_the_mask() {
        let names: Vec<String> = (0..MAX_METHODS).map(|n| format!("m{n}")).collect();
        let list = MethodList::new(names.iter().map(String::as_str)).unwrap();
        assert_eq!(list.mask(["m63"]), MethodMask(1 << 63));
        assert_eq!(list.names(MethodMask(u64::MAX)).count(), MAX_METHODS);
        let too_many = names.iter().map(String::as_str).chain(["one more"]);
        assert_eq!(MethodList::new(too_many), Err(MethodListError { found: 65 }));
    }
}
