//! What a password must match.

use std::fmt;

use fancy_regex::Regex;
use serde::{Deserialize, Serialize};

/// A regular expression for passwords, with lookaround, as Python's `re.match` takes it: the text must match it from
/// its beginning on, but may go on behind it.
///
/// A match that costs too much (`fancy_regex` bounds the steps back) is none.
#[derive(Clone, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct PasswordRegex {
    text: String,
    regex: Regex,
}

impl PasswordRegex {
    /// Whether a password matches.
    #[must_use]
    pub fn matches(&self, password: &str) -> bool {
        self.regex.is_match(password).unwrap_or(false)
    }
}

impl TryFrom<String> for PasswordRegex {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        // By itself first: `)(` is no expression, though it is one with a group around it.
        Regex::new(&text).map_err(|error| error.to_string())?;
        let regex = Regex::new(&format!(r"\A(?:{text})")).map_err(|error| error.to_string())?;
        Ok(Self { text, regex })
    }
}

impl From<PasswordRegex> for String {
    fn from(regex: PasswordRegex) -> Self {
        regex.text
    }
}

impl PartialEq for PasswordRegex {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl fmt::Debug for PasswordRegex {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.text, formatter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(regex: &str, password: &str) -> bool {
        PasswordRegex::try_from(regex.to_owned()).unwrap().matches(password)
    }

    #[test]
    fn it_is_matched_from_the_beginning_on_as_by_python() {
        let sample = r"^(?=.*\d)(?=.*[a-zA-Z]).{7,}$";
        assert!(matches(sample, "abcdef7"));
        for password in ["abcdefg", "1234567", "abcd7"] {
            assert!(!matches(sample, password), "{password}");
        }
        assert!(matches("ab|cd", "cdxx"));
        assert!(!matches("ab|cd", "xcd"));
        assert!(matches("", ""));
    }

    #[test]
    fn what_is_no_regular_expression_is_refused() {
        assert!(PasswordRegex::try_from("(".to_owned()).is_err());
        assert!(PasswordRegex::try_from(")(".to_owned()).is_err());
    }

    #[test]
    fn a_match_without_end_is_none() {
        assert!(!matches(r"(x+x+)+\1y", &"x".repeat(64)));
    }
}
