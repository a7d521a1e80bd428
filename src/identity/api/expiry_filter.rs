//! The filter `password_expires_at=OPERATOR:TIME` of lists of users.

use keyraft_proto::identity::User;

use crate::clock_text::parse_ms;
use crate::http::{ApiError, Query};

const PARAMETER: &str = "password_expires_at";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Equal,
    NotEqual,
}

/// What the times at which passwords expire are compared with: all of these must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ExpiryFilter(Vec<(Operator, u64)>);

impl ExpiryFilter {
    /// The filter that a query asks for; an operator that is left out is `eq`.
    ///
    /// # Errors
    /// 400 for an unreadable time or an unknown operator.
    pub(super) fn parse(query: &Query) -> Result<Self, ApiError> {
        let given = query.iter().filter(|(name, _)| *name == PARAMETER);
        given.map(|(_, value)| condition(value)).collect::<Result<_, _>>().map(Self)
    }

    /// Whether a user passes. A password that never expires passes no comparison.
    pub(super) fn passes(&self, user: &User) -> bool {
        let expires_ms = user.password.as_ref().and_then(|password| password.expires_ms);
        self.0.iter().all(|(operator, at_ms)| {
            expires_ms.is_some_and(|expires_ms| match operator {
                Operator::Less => expires_ms < *at_ms,
                Operator::LessOrEqual => expires_ms <= *at_ms,
                Operator::Greater => expires_ms > *at_ms,
                Operator::GreaterOrEqual => expires_ms >= *at_ms,
                Operator::Equal => expires_ms == *at_ms,
                Operator::NotEqual => expires_ms != *at_ms,
            })
        })
    }
}

fn condition(value: &str) -> Result<(Operator, u64), ApiError> {
    // The colons of a bare time come later than that of an operator.
    let (operator, time) = match value.split_once(':') {
        Some((operator, time)) if matches!(operator.chars().count(), 2 | 3) => (operator, time),
        _ => ("eq", value),
    };
    let at_ms = parse_ms(time).ok_or_else(|| ApiError::malformed("Timestamp not in expected format"))?;
    let operator = match operator {
        "lt" => Operator::Less,
        "lte" => Operator::LessOrEqual,
        "gt" => Operator::Greater,
        "gte" => Operator::GreaterOrEqual,
        "eq" => Operator::Equal,
        "neq" => Operator::NotEqual,
        unknown => {
            return Err(ApiError::BadRequest(format!(
                "The given operator {unknown} is not valid. It must be one of the following: 'eq', 'neq', 'lt', \
                 'lte', 'gt', or 'gte'."
            )));
        }
    };
    Ok((operator, at_ms))
}

#[cfg(test)]
mod tests {
    use super::*;
    use keyraft_proto::identity::Password;

    fn passes(query: &str, expires_ms: Option<u64>) -> bool {
        let password = Some(Password { expires_ms, ..Password::default() });
        let user = User { password, ..User::default() };
        ExpiryFilter::parse(&Query::parse(query)).unwrap().passes(&user)
    }

    #[test]
    fn times_are_compared_as_the_operator_says() {
        let at = 1_700_000_000_000;
        for (operator, before, same, after) in [
            ("lt:", true, false, false),
            ("lte:", true, true, false),
            ("gt:", false, false, true),
            ("gte:", false, true, true),
            ("eq:", false, true, false),
            ("", false, true, false),
            ("neq:", true, false, true),
        ] {
            let query = format!("password_expires_at={operator}2023-11-14T22:13:20Z");
            let found = [at - 1, at, at + 1].map(|expires_ms| passes(&query, Some(expires_ms)));
            assert_eq!(found, [before, same, after], "{operator}");
            assert!(!passes(&query, None), "{operator}");
        }
        assert!(passes("name=x", None));
    }

    #[test]
    fn a_bad_time_or_operator_is_refused() {
        let error = |value: &str| {
            let query = Query::parse(&format!("password_expires_at={value}"));
            ExpiryFilter::parse(&query).unwrap_err().to_string()
        };
        assert!(error("xx:2030-01-01T00:00:00Z").starts_with("The given operator xx is not valid."));
        assert!(error("lt:soon").starts_with("Timestamp not in expected format."));
        assert!(error("soon").starts_with("Timestamp not in expected format."));
    }
}
