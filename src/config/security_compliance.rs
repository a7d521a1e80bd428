//! `[security_compliance]`

use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};

use super::error::{Invalid, within};
use super::password_regex::PasswordRegex;

/// The most days that a rule may name: a hundred years.
const MAX_DAYS: u64 = 36_600;
/// The most former passwords that a new one is compared with: each costs a hash at a change.
const MAX_UNIQUE_PASSWORDS: u64 = 100;

/// Rules for the users' passwords and accounts. The same on all nodes.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct SecurityCompliance {
    /// Failed log-ins that lock a user out; unset: none does.
    pub lockout_failure_attempts: Option<NonZeroU32>,
    /// How long a user is locked out, in seconds.
    pub lockout_duration_s: u64,
    /// Days without a log-in after which a user is disabled; unset: it never is.
    pub disable_user_account_days_inactive: Option<NonZeroU32>,
    /// Days after which a password expires; unset: it never does.
    pub password_expires_days: Option<NonZeroU32>,
    /// How many of its last passwords a user may not take again; 0: it may.
    pub unique_last_password_count: u32,
    /// Days before a user may change again a password that it has set itself.
    pub minimum_password_age_days: u32,
    /// What a password must match from its beginning on; unset: anything.
    pub password_regex: Option<PasswordRegex>,
    /// What users read about a password that does not match.
    pub password_regex_description: Option<String>,
    /// Whether a password that an administrator sets expires at once.
    pub change_password_upon_first_use: bool,
}

impl Default for SecurityCompliance {
    fn default() -> Self {
        Self {
            lockout_failure_attempts: None,
            lockout_duration_s: 1800,
            disable_user_account_days_inactive: None,
            password_expires_days: None,
            unique_last_password_count: 0,
            minimum_password_age_days: 0,
            password_regex: None,
            password_regex_description: None,
            change_password_upon_first_use: false,
        }
    }
}

impl SecurityCompliance {
    pub(super) fn check(&self) -> Result<(), Invalid> {
        let key = |name: &str| format!("security_compliance.{name}");
        within(&key("lockout_duration_s"), self.lockout_duration_s, 1..=super::MAX_DURATION_S)?;
        let count = u64::from(self.unique_last_password_count);
        within(&key("unique_last_password_count"), count, 0..=MAX_UNIQUE_PASSWORDS)?;
        let min_age_days = u64::from(self.minimum_password_age_days);
        within(&key("minimum_password_age_days"), min_age_days, 0..=MAX_DAYS)?;
        for (name, days) in [
            ("disable_user_account_days_inactive", self.disable_user_account_days_inactive),
            ("password_expires_days", self.password_expires_days),
        ] {
            if let Some(days) = days {
                within(&key(name), u64::from(days.get()), 1..=MAX_DAYS)?;
            }
        }
        match self.password_expires_days {
            Some(days) if self.minimum_password_age_days >= days.get() => Err(Invalid::new(
                key("minimum_password_age_days"),
                "it is not less than password_expires_days, so that no password could be changed in time",
            )),
            _ => Ok(()),
        }
    }
}
