//! What all resources share: extra attributes, options and immutability.

use std::collections::BTreeMap;

use super::CommandError;

/// JSON texts by attribute name.
pub type Attributes = BTreeMap<String, String>;

/// Merges what a PATCH gives: an attribute set to null stays as null.
pub fn merge_extra(extra: &mut Attributes, patch: Attributes) {
    extra.extend(patch);
}

/// Merges what a PATCH gives: an option set to null is removed.
pub fn merge_options(options: &mut Attributes, patch: Attributes) {
    for (name, value) in patch {
        if value == "null" {
            options.remove(&name);
        } else {
            options.insert(name, value);
        }
    }
}

/// Whether the option `immutable` is set.
#[must_use]
pub fn is_immutable(options: &Attributes) -> bool {
    options.get("immutable").is_some_and(|value| value == "true")
}

/// An immutable resource accepts one change only: its option `immutable` unset, with nothing beside it.
///
/// `is_only_options` tells whether the change touches options and nothing else.
///
/// # Errors
/// [`CommandError::Forbidden`].
pub fn check_mutable(
    entity: &str,
    id: &str,
    options: &Attributes,
    patch: &Attributes,
    is_only_options: bool,
) -> Result<(), CommandError> {
    let unsets = patch.len() == 1 && patch.get("immutable").is_some_and(|value| value != "true");
    if is_immutable(options) && !(unsets && is_only_options) {
        return Err(CommandError::immutable(entity, id, false));
    }
    Ok(())
}
