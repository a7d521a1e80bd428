//! Evaluation of a loaded check.

use super::attribute::Held;
use super::check::Check;
use super::credentials::Credentials;
use super::target::Target;

/// Index of a rule in the loaded policy.
pub(super) type RuleIndex = usize;

/// One question: these rules, this caller, this target. The recursion is bounded at load, by the
/// limits on nesting and on chains of references.
pub(super) struct Evaluation<'e> {
    pub(super) checks: &'e [Check<RuleIndex>],
    pub(super) credentials: &'e Credentials<'e>,
    pub(super) target: &'e Target<'e>,
}

impl Evaluation<'_> {
    /// Whether `check` holds.
    pub(super) fn holds(&self, check: &Check<RuleIndex>) -> bool {
        match check {
            Check::Always => true,
            Check::Never => false,
            Check::Not(inner) => !self.holds(inner),
            Check::All(parts) => parts.iter().all(|part| self.holds(part)),
            Check::Any(parts) => parts.iter().any(|part| self.holds(part)),
            Check::Rule(index) => self.checks.get(*index).is_some_and(|check| self.holds(check)),
            Check::Role(template) => template
                .render(self.target)
                .is_some_and(|name| self.credentials.roles.iter().any(|role| is_same(role, &name))),
            Check::Literal { value, template } => {
                template.render(self.target).is_some_and(|text| *text == **value)
            }
            Check::Attribute { attribute, template, .. } => {
                let Some(text) = template.render(self.target) else {
                    return false;
                };
                match attribute.read(self.credentials) {
                    Held::Nothing => false,
                    Held::One(value) => *text == *value,
                    Held::Many(values) => values.iter().any(|value| *text == **value),
                }
            }
        }
    }
}

/// Role names are compared in lower case, by Unicode's rules as in Python.
fn is_same(role: &str, name: &str) -> bool {
    if role.is_ascii() && name.is_ascii() {
        role.eq_ignore_ascii_case(name)
    } else {
        role.to_lowercase() == name.to_lowercase()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn role_names_are_the_same_in_lower_case_also_where_one_is_ascii_alone() {
        const KELVIN: &str = "\u{212a}";
        for (role, name) in [("Admin", "aDMIN"), ("k", KELVIN), (KELVIN, "K"), ("ÄRA", "ära")] {
            assert!(is_same(role, name), "{role} {name}");
        }
        for (role, name) in [("admin", "admins"), ("a", "ä"), ("", "a")] {
            assert!(!is_same(role, name), "{role} {name}");
        }
    }
}
