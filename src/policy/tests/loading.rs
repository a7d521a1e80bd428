//! References between rules.

use super::super::load::{MAX_ADDED_RULES, MAX_REFERENCE_DEPTH};
use super::*;

fn load(rules: &[(&str, &str)]) -> Result<(), PolicyError> {
    with_overrides(&overrides(rules)).map(|_| ())
}

#[test]
fn a_reference_to_an_unknown_rule_is_refused_with_its_place() {
    let error = load(&[("identity:get_user", "rule:admin_required or rule:onwer")]).unwrap_err();
    assert_eq!(
        error,
        PolicyError::UnknownRule {
            rule: "identity:get_user".to_owned(),
            position: 23,
            reference: "onwer".to_owned()
        }
    );
    assert_eq!(error.to_string(), "policy rule `identity:get_user`: byte 23: there is no rule `onwer`");
}

#[test]
fn an_unreadable_check_is_refused_with_the_rules_name() {
    let error = load(&[("mine", "role:a or")]).unwrap_err();
    assert_eq!(error.to_string(), "policy rule `mine`: byte 9: the text ends too early");
    let error = load(&[("identity:get_user", "(role:a")]).unwrap_err();
    assert_eq!(error.to_string(), "policy rule `identity:get_user`: byte 7: the text ends too early");
}

#[test]
fn a_cycle_is_refused_even_below_a_not() {
    let cycle = |rules: &[(&str, &str)]| match load(rules) {
        Err(PolicyError::Cycle { path, .. }) => path.join(" "),
        other => panic!("{other:?}"),
    };
    assert_eq!(cycle(&[("a", "rule:a")]), "a a");
    assert_eq!(cycle(&[("a", "not rule:a")]), "a a");
    assert_eq!(cycle(&[("a", "@ or (not rule:b)"), ("b", "rule:c"), ("c", "rule:b")]), "b c b");
    // Base rules, first met through the rules that refer to them: the path holds the cycle alone.
    assert_eq!(
        cycle(&[("admin_required", "rule:owner"), ("owner", "rule:admin_required")]),
        "admin_required owner admin_required"
    );
}

#[test]
fn two_references_to_one_rule_are_no_cycle() {
    assert_eq!(load(&[("a", "rule:b and rule:c"), ("b", "rule:c or rule:c"), ("c", "@")]), Ok(()));
}

/// `a1` refers to `a2` and so on, by `text`; the last is `@`.
fn chain(length: usize, text: impl Fn(&str) -> String) -> BTreeMap<String, CheckText> {
    (1..=length)
        .map(|number| {
            let next = format!("a{}", number + 1);
            let check = if number == length { "@".to_owned() } else { text(&next) };
            (format!("a{number}"), CheckText::Text(check))
        })
        .collect()
}

#[test]
fn references_are_chained_up_to_a_limit() {
    let plain = |next: &str| format!("rule:{next}");
    assert!(with_overrides(&chain(MAX_REFERENCE_DEPTH, plain)).is_ok());
    for length in [MAX_REFERENCE_DEPTH + 1, 5_000] {
        let error = with_overrides(&chain(length, plain)).unwrap_err();
        assert!(matches!(error, PolicyError::ChainTooLong { .. }), "{error}");
    }
}

#[test]
fn a_rule_that_doubles_at_every_reference_is_refused() {
    let doubled = |next: &str| format!("rule:{next} and rule:{next}");
    assert!(with_overrides(&chain(10, doubled)).is_ok());
    let error = with_overrides(&chain(30, doubled)).unwrap_err();
    assert!(matches!(error, PolicyError::TooLarge { .. }), "{error}");
}

#[test]
fn rules_are_added_up_to_a_limit() {
    let added = |count: usize| {
        let rules = (0..count).map(|n| (format!("r{n}"), CheckText::Text("@".to_owned()))).collect();
        with_overrides(&rules).map(|_| ())
    };
    assert_eq!(added(MAX_ADDED_RULES), Ok(()));
    let added = added(MAX_ADDED_RULES + 1);
    assert_eq!(added, Err(PolicyError::TooManyRules { added: MAX_ADDED_RULES + 1 }));
}
