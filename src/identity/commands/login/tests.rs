use keyraft_proto::identity as proto;
use proto::command::Kind;
use proto::{Password, SecurityCompliance, User};

use crate::identity::account::{self, DAY_MS};
use crate::state::CommandError;
use crate::state::test_log::TestLog;

const RULES: SecurityCompliance = SecurityCompliance {
    lockout_failure_attempts: 2,
    lockout_duration_ms: 60_000,
    disable_user_account_days_inactive: 0,
    password_expires_days: 0,
    unique_last_password_count: 2,
    minimum_password_age_days: 0,
    change_password_upon_first_use: false,
};
const INACTIVITY: SecurityCompliance =
    SecurityCompliance { lockout_failure_attempts: 0, disable_user_account_days_inactive: 10, ..RULES };

fn log() -> TestLog {
    let mut log = TestLog::default();
    log.domain("d");
    log.user("u", "d");
    log
}

fn user(log: &TestLog) -> &User {
    log.state.identity.users.get("u").unwrap()
}

fn failed() -> Kind {
    Kind::RecordFailedLogin(proto::RecordFailedLogin { user_id: "u".into(), rules: Some(RULES) })
}

fn succeeded(rules: SecurityCompliance) -> Kind {
    Kind::RecordLogin(proto::RecordLogin { user_id: "u".into(), rules: Some(rules) })
}

fn update(rules: SecurityCompliance, change: proto::UpdateUser) -> Kind {
    Kind::UpdateUser(proto::UpdateUser { id: "u".into(), rules: Some(rules), ..change })
}

fn password(hash: &'static [u8]) -> Option<Password> {
    Some(Password { sealed_hash: hash.into(), ..Password::default() })
}

fn change(verified: &'static [u8], hash: &'static [u8], rules: SecurityCompliance) -> Kind {
    Kind::ChangePassword(proto::ChangePassword {
        user_id: "u".into(),
        verified_sealed_hash: verified.into(),
        password: password(hash),
        rules: Some(rules),
    })
}

fn hash_of(log: &TestLog) -> Vec<u8> {
    user(log).password.as_ref().unwrap().sealed_hash.to_vec()
}

fn options(log: &mut TestLog, pairs: &[(&str, &str)]) {
    let options = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    log.run(update(RULES, proto::UpdateUser { options, ..Default::default() })).unwrap();
}

fn is_locked(log: &TestLog) -> bool {
    account::is_locked(user(log), &RULES, log.now_ms())
}

#[test]
fn failures_lock_a_user_out_for_a_time_and_then_count_anew() {
    let mut log = log();
    log.run(failed()).unwrap();
    assert!(!is_locked(&log));
    log.run(failed()).unwrap();
    assert!(is_locked(&log));
    assert!(matches!(log.run(succeeded(RULES)), Err(CommandError::Unauthorized(_))));
    assert!(matches!(log.run(change(b"old", b"new", RULES)), Err(CommandError::Unauthorized(_))));
    log.wait_ms(RULES.lockout_duration_ms);
    log.run(failed()).unwrap();
    assert_eq!(user(&log).failed_auth_count, 1);
    log.run(succeeded(RULES)).unwrap();
    assert_eq!((user(&log).failed_auth_count, user(&log).failed_auth_at_ms), (0, 0));
}

#[test]
fn guessing_at_a_user_that_is_locked_out_changes_nothing() {
    let mut log = log();
    for _ in 0..2 {
        log.run(failed()).unwrap();
    }
    let rows = log.rows.clone();
    for _ in 0..3 {
        assert!(!account::counts_failure(user(&log), &RULES, log.now_ms()));
        log.run(failed()).unwrap();
    }
    assert_eq!(log.rows, rows);
}

#[test]
fn a_change_by_an_administrator_lets_a_user_that_is_enabled_try_again() {
    let mut log = log();
    for (change, expected) in [
        (proto::UpdateUser { name: Some("n".into()), ..Default::default() }, 0),
        (proto::UpdateUser { enabled: Some(false), ..Default::default() }, 2),
        (proto::UpdateUser { name: Some("m".into()), ..Default::default() }, 2),
        (proto::UpdateUser { enabled: Some(true), ..Default::default() }, 0),
    ] {
        for _ in 0..2 {
            log.run(failed()).unwrap();
        }
        log.run(update(RULES, change.clone())).unwrap();
        assert_eq!(user(&log).failed_auth_count, expected, "{change:?}");
    }
}

#[test]
fn the_option_exempts_from_lockout_and_its_removal_counts_what_has_failed() {
    let mut log = log();
    options(&mut log, &[("ignore_lockout_failure_attempts", "true")]);
    for _ in 0..3 {
        log.run(failed()).unwrap();
        assert!(!is_locked(&log));
    }
    log.run(succeeded(RULES)).unwrap();
    for _ in 0..2 {
        log.run(failed()).unwrap();
    }
    log.wait_ms(RULES.lockout_duration_ms);
    log.run(failed()).unwrap();
    let mut without = User::clone(user(&log));
    without.options.clear();
    assert!(account::is_locked(&without, &RULES, log.now_ms()));
}

#[test]
fn of_two_racing_password_changes_one_wins_and_both_old_passwords_are_kept() {
    let mut log = log();
    log.run(change(b"old", b"one", RULES)).unwrap();
    assert_eq!(log.last_events(), ["user u"]);
    assert!(matches!(log.run(change(b"old", b"two", RULES)), Err(CommandError::Unauthorized(_))));
    assert_eq!(hash_of(&log), b"one");
    log.run(change(b"one", b"two", RULES)).unwrap();
    let recent: Vec<_> =
        account::recent_passwords(user(&log), &RULES).map(|p| p.sealed_hash.to_vec()).collect();
    assert_eq!(recent, [b"two", b"one"]);
    assert_eq!(user(&log).former_passwords.len(), 2);
}

#[test]
fn a_disabled_or_locked_user_cannot_change_its_password() {
    let mut log = log();
    options(&mut log, &[("lock_password", "true")]);
    assert!(matches!(log.run(change(b"old", b"new", RULES)), Err(CommandError::Invalid(_))));
    log.run(update(RULES, proto::UpdateUser { enabled: Some(false), ..Default::default() })).unwrap();
    assert!(matches!(log.run(change(b"old", b"new", RULES)), Err(CommandError::Unauthorized(_))));
    assert_eq!(hash_of(&log), b"old");
}

#[test]
fn only_a_password_that_the_user_set_itself_has_to_be_kept_for_a_time() {
    let rules = SecurityCompliance { minimum_password_age_days: 2, ..RULES };
    let mut log = log();
    log.run(change(b"old", b"one", rules)).unwrap();
    log.wait_ms(DAY_MS / 2);
    assert_eq!(
        log.run(change(b"one", b"two", rules)).unwrap_err().to_string(),
        "You cannot change your password at this time due to the minimum password age. Once you change your \
         password, it must be used for 2 day(s) before it can be changed. Please try again in 1 day(s) or contact \
         your administrator to reset your password."
    );
    log.wait_ms(2 * DAY_MS);
    log.run(change(b"one", b"two", rules)).unwrap();
    log.run(update(rules, proto::UpdateUser { password: password(b"three"), ..Default::default() })).unwrap();
    log.run(change(b"three", b"four", rules)).unwrap();
}

#[test]
fn the_day_of_a_log_in_is_noted_once() {
    let mut log = log();
    log.run(succeeded(RULES)).unwrap();
    assert_eq!(user(&log).last_active_day, None);
    log.wait_ms(3 * DAY_MS);
    log.run(succeeded(INACTIVITY)).unwrap();
    assert_eq!(user(&log).last_active_day, Some(3));
    assert!(!account::is_activity_due(user(&log), &INACTIVITY, log.now_ms()));
    let rows = log.rows.clone();
    log.run(succeeded(INACTIVITY)).unwrap();
    assert_eq!(log.rows, rows);
    log.wait_ms(DAY_MS);
    assert!(account::is_activity_due(user(&log), &INACTIVITY, log.now_ms()));
}

#[test]
fn an_idle_user_is_disabled_and_stays_so_when_it_is_changed() {
    let watch = |is_wanted| Kind::WatchActivity(proto::WatchActivity { is_wanted });
    let enabled = |log: &TestLog| account::is_enabled(&log.state, user(log), &INACTIVITY, log.now_ms());
    let mut log = log();
    log.wait_ms(100 * DAY_MS);
    // What was before the rule does not count.
    assert!(enabled(&log));
    log.run(watch(true)).unwrap();
    log.wait_ms(9 * DAY_MS);
    log.run(watch(true)).unwrap();
    assert!(enabled(&log));
    log.wait_ms(DAY_MS);
    assert!(!enabled(&log));
    assert!(matches!(log.run(change(b"old", b"new", INACTIVITY)), Err(CommandError::Unauthorized(_))));
    let name = Some("n".to_owned());
    log.run(update(INACTIVITY, proto::UpdateUser { name, ..Default::default() })).unwrap();
    assert!(!user(&log).enabled && log.last_events().is_empty());
    log.run(update(INACTIVITY, proto::UpdateUser { enabled: Some(true), ..Default::default() })).unwrap();
    assert!(enabled(&log) && user(&log).last_active_day == Some(110));
    log.wait_ms(10 * DAY_MS);
    assert!(!enabled(&log));
    let ignored = [("ignore_user_inactivity".to_owned(), "true".to_owned())].into();
    let exempt = User { options: ignored, ..User::clone(user(&log)) };
    assert!(account::is_enabled(&log.state, &exempt, &INACTIVITY, log.now_ms()));
    log.run(watch(false)).unwrap();
    log.run(watch(true)).unwrap();
    assert!(enabled(&log), "the rule came into force anew");
}
