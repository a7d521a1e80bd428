//! Which methods a user has to combine: the options `multi_factor_auth_rules` and `multi_factor_auth_enabled`.

use keyraft_proto::identity::User;

use crate::token::payload::{MethodList, MethodMask};

const ENABLED: &str = "multi_factor_auth_enabled";
const RULES: &str = "multi_factor_auth_rules";

/// The rules of one user. Each is a set of methods that together are enough.
///
/// Methods that are not enabled on the server do not count, and a rule that names no other is none: a method that
/// is taken out of the configuration locks nobody out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MultiFactorRules(Vec<MethodMask>);

impl MultiFactorRules {
    /// The rules of a user; none unless they are switched on, which they are by default.
    #[must_use]
    pub fn of(user: &User, enabled: &MethodList) -> Self {
        if user.options.get(ENABLED).is_some_and(|value| value == "false") {
            return Self::default();
        }
        let rules =
            user.options.get(RULES).and_then(|text| serde_json::from_str::<Vec<Vec<String>>>(text).ok());
        let masks = rules.unwrap_or_default().into_iter();
        let masks = masks.map(|rule| enabled.mask(rule.iter().map(String::as_str)));
        Self(masks.filter(|mask| *mask != MethodMask::default()).collect())
    }

    /// Whether these methods are enough.
    #[must_use]
    pub fn are_met_by(&self, methods: MethodMask) -> bool {
        self.0.is_empty() || self.0.iter().any(|rule| methods.covers(*rule))
    }

    /// The rules that these methods have begun to meet: what a client can go on with.
    #[must_use]
    pub fn begun_by(&self, methods: MethodMask) -> Vec<MethodMask> {
        self.0.iter().copied().filter(|rule| methods.meets(*rule)).collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn methods() -> MethodList {
        MethodList::new(["external", "password", "token", "totp"]).unwrap()
    }

    fn mask(names: &[&str]) -> MethodMask {
        methods().mask(names.iter().copied())
    }

    fn rules(rules: &Value) -> MultiFactorRules {
        let options = [(RULES.to_owned(), rules.to_string())].into_iter().collect();
        MultiFactorRules::of(&User { options, ..User::default() }, &methods())
    }

    #[test]
    fn a_log_in_passes_when_it_covers_any_rule() {
        let rules = rules(&json!([["password", "totp"], ["external"]]));
        assert!(!rules.are_met_by(mask(&["password"])));
        assert!(!rules.are_met_by(mask(&["totp", "token"])));
        assert!(rules.are_met_by(mask(&["password", "token", "totp"])));
        assert!(rules.are_met_by(mask(&["external"])));
        assert_eq!(rules.begun_by(mask(&["password"])), [mask(&["password", "totp"])]);
        assert!(rules.begun_by(mask(&["token"])).is_empty());
    }

    #[test]
    fn methods_that_are_not_enabled_do_not_count() {
        let rules = rules(&json!([["password", "mapped"], ["mapped"]]));
        assert!(rules.are_met_by(mask(&["password"])));
        assert!(!rules.are_met_by(mask(&["token"])));
    }

    #[test]
    fn without_a_rule_that_can_be_met_every_log_in_passes() {
        for none in [json!([]), json!([["mapped"], []]), json!("corrupt")] {
            assert!(rules(&none).are_met_by(mask(&["token"])), "{none}");
        }
        assert!(MultiFactorRules::of(&User::default(), &methods()).are_met_by(mask(&[])));
    }

    #[test]
    fn rules_that_are_switched_off_ask_for_nothing() {
        let options = |enabled: &str| {
            let rules = json!([["password", "totp"]]).to_string();
            [(RULES.to_owned(), rules), (ENABLED.to_owned(), enabled.to_owned())].into_iter().collect()
        };
        let is_enough = |enabled: &str| {
            let user = User { options: options(enabled), ..User::default() };
            MultiFactorRules::of(&user, &methods()).are_met_by(mask(&["password"]))
        };
        assert!(is_enough("false"));
        assert!(!is_enough("true"));
    }
}
