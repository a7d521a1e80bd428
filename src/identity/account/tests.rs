use super::*;

const NOW_MS: u64 = 1_700_000_000_123;
const RULES: SecurityCompliance = SecurityCompliance {
    lockout_failure_attempts: 0,
    lockout_duration_ms: 0,
    disable_user_account_days_inactive: 0,
    password_expires_days: 30,
    unique_last_password_count: 0,
    minimum_password_age_days: 0,
    change_password_upon_first_use: false,
};

fn user(options: &[&str]) -> User {
    let options = options.iter().map(|name| ((*name).to_owned(), "true".to_owned())).collect();
    User { enabled: true, options, ..User::default() }
}

fn hash(text: &'static str) -> Option<Password> {
    Some(Password { sealed_hash: text.into(), ..Password::default() })
}

fn expires_ms(user: &User) -> Option<u64> {
    user.password.as_ref().unwrap().expires_ms
}

#[test]
fn a_password_expires_at_a_whole_second_unless_the_user_was_exempt_when_it_was_set() {
    let in_30_days = Some(1_700_000_000_000 + 30 * DAY_MS);
    let ignoring = "ignore_password_expiry";
    for (options, by, expected) in [
        ([].as_slice(), SetBy::Creation, in_30_days),
        (&[], SetBy::Administrator, in_30_days),
        (&[], SetBy::User, in_30_days),
        (&[ignoring], SetBy::Creation, in_30_days),
        (&[ignoring], SetBy::Administrator, None),
        (&[ignoring], SetBy::User, None),
    ] {
        let mut user = user(options);
        set_password(&mut user, hash("x"), by, &RULES, NOW_MS);
        assert_eq!(expires_ms(&user), expected, "{options:?} {by:?}");
    }
}

#[test]
fn a_password_is_good_until_it_expires_and_the_option_acts_at_once() {
    let mut user = user(&[]);
    assert!(!is_password_expired(&user, NOW_MS));
    set_password(&mut user, hash("x"), SetBy::Creation, &RULES, NOW_MS);
    let at_ms = expires_ms(&user).unwrap();
    assert!(!is_password_expired(&user, at_ms - 1) && is_password_expired(&user, at_ms));
    user.options.insert("ignore_password_expiry".into(), "true".into());
    assert!(!is_password_expired(&user, at_ms));
    user.options.insert("ignore_password_expiry".into(), "false".into());
    assert!(is_password_expired(&user, at_ms));
}

#[test]
fn a_password_that_an_administrator_sets_expires_at_once_where_it_must_be_changed() {
    let rules =
        SecurityCompliance { change_password_upon_first_use: true, password_expires_days: 0, ..RULES };
    let ignoring = "ignore_change_password_upon_first_use";
    for (options, by, expected) in [
        ([].as_slice(), SetBy::Creation, Some(NOW_MS)),
        (&[], SetBy::Administrator, Some(NOW_MS)),
        (&[], SetBy::User, None),
        (&[ignoring], SetBy::Creation, Some(NOW_MS)),
        (&[ignoring], SetBy::Administrator, None),
    ] {
        let mut user = user(options);
        set_password(&mut user, hash("x"), by, &rules, NOW_MS);
        assert_eq!(expires_ms(&user), expected, "{options:?} {by:?}");
    }
}

#[test]
fn as_many_passwords_are_compared_as_the_rules_say_and_none_that_was_taken_away() {
    let rules = SecurityCompliance { unique_last_password_count: 3, ..RULES };
    let mut user = user(&[]);
    for text in ["a", "b", "c", "d"] {
        set_password(&mut user, hash(text), SetBy::Administrator, &rules, NOW_MS);
    }
    let recent = |user: &User, rules: &SecurityCompliance| -> Vec<u8> {
        recent_passwords(user, rules).flat_map(|password| password.sealed_hash.to_vec()).collect()
    };
    assert_eq!(recent(&user, &rules), b"dcb");
    assert_eq!(recent(&user, &RULES), b"");
    set_password(&mut user, None, SetBy::Administrator, &rules, NOW_MS);
    assert!(password_of(&user).is_none());
    assert_eq!(recent(&user, &rules), b"dc");
    // Without a rule the one before is kept, as in Keystone.
    set_password(&mut user, hash("e"), SetBy::Administrator, &RULES, NOW_MS);
    assert_eq!(user.former_passwords.len(), 1);
}

#[test]
fn without_rules_nothing_is_asked_of_an_account() {
    let none = SecurityCompliance::default();
    let state = State::default();
    let mut user = User { failed_auth_count: 1000, failed_auth_at_ms: NOW_MS, ..user(&[]) };
    assert!(!is_locked(&user, &none, NOW_MS) && !counts_failure(&user, &none, NOW_MS));
    assert!(is_enabled(&state, &user, &none, NOW_MS));
    assert!(!is_activity_due(&user, &none, NOW_MS));
    set_password(&mut user, hash("a"), SetBy::User, &none, NOW_MS);
    assert_eq!(expires_ms(&user), None);
    assert!(check_self_service(&user, &none, NOW_MS).is_ok());
}
