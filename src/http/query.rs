//! Query strings: parameters in order, flags, and filters with comparators.

use serde_json::Value;

use super::ApiError;

/// The parameters of a query string, in order, decoded.
#[derive(Clone, Debug, Default)]
pub struct Query(Vec<(String, String)>);

impl Query {
    /// Reads a query string. What cannot be decoded is kept as well as it can be.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        Self(form_urlencoded::parse(text.as_bytes()).into_owned().collect())
    }

    /// The value of a parameter; of one that is given twice, the first.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Whether the parameter is there, with any value.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// Whether a flag is on: it is there, and not "0".
    #[must_use]
    pub fn flag(&self, name: &str) -> bool {
        self.get(name).is_some_and(|value| value != "0")
    }

    /// All parameters, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

/// The boolean that a query value stands for: everything but these is true, no value too.
#[must_use]
pub fn is_true(value: &str) -> bool {
    !matches!(value.to_ascii_lowercase().as_str(), "0" | "false" | "f" | "off" | "n" | "no")
}

/// Whether a query value says yes in so many words, as the few flags want it that are off by any other value.
#[must_use]
pub fn is_yes(value: &str) -> bool {
    matches!(value.trim().to_ascii_lowercase().as_str(), "1" | "t" | "true" | "on" | "y" | "yes")
}

/// Whether a rendered resource passes the filters of a query, of which `filterable` names the attributes.
///
/// `name=x` is exact; `name__contains`, `__startswith`, `__endswith` and their forms with `i` compare parts.
/// Unknown attributes and comparators filter nothing, as in Keystone.
#[must_use]
pub fn passes(resource: &Value, query: &Query, filterable: &[&str]) -> bool {
    passes_by(query, filterable, |attribute| match resource.get(attribute) {
        Some(Value::Bool(flag)) => Attribute::Flag(*flag),
        Some(Value::String(text)) => Attribute::Text(text),
        Some(Value::Null) | None => Attribute::Absent,
        Some(_) => Attribute::Other,
    })
}

/// An attribute of a resource, as filters see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attribute<'a> {
    /// Text.
    Text(&'a str),
    /// A boolean.
    Flag(bool),
    /// Null, or not there.
    Absent,
    /// What no filter compares.
    Other,
}

/// As [`passes`], for a resource that is not rendered: `attribute_of` gives its attributes.
#[must_use]
pub fn passes_by<'a>(
    query: &Query,
    filterable: &[&str],
    attribute_of: impl Fn(&str) -> Attribute<'a>,
) -> bool {
    query.iter().all(|(parameter, wanted)| {
        let (name, comparator) = parameter.split_once("__").unwrap_or((parameter, ""));
        if !filterable.contains(&name) {
            return true;
        }
        match attribute_of(name) {
            Attribute::Flag(flag) => !comparator.is_empty() || flag == is_true(wanted),
            Attribute::Text(text) => compare(text, comparator, wanted),
            // Not even the empty text equals null, as in SQL.
            Attribute::Absent => false,
            Attribute::Other => true,
        }
    })
}

/// Whether a query holds a filter of one of these attributes.
#[must_use]
pub fn has_filter(query: &Query, filterable: &[&str]) -> bool {
    query.iter().any(|(parameter, _)| {
        let name = parameter.split_once("__").map_or(parameter, |(name, _)| name);
        filterable.contains(&name)
    })
}

fn compare(text: &str, comparator: &str, wanted: &str) -> bool {
    let lower = || (text.to_lowercase(), wanted.to_lowercase());
    match comparator {
        "" => text == wanted,
        "contains" => text.contains(wanted),
        "startswith" => text.starts_with(wanted),
        "endswith" => text.ends_with(wanted),
        "icontains" => lower().0.contains(&lower().1),
        "istartswith" => lower().0.starts_with(&lower().1),
        "iendswith" => lower().0.ends_with(&lower().1),
        _ => true,
    }
}

/// `?limit`: how many rows a page holds.
///
/// # Errors
/// 400 when it is no positive number.
pub fn limit(query: &Query) -> Result<Option<usize>, ApiError> {
    match query.get("limit") {
        None | Some("") => Ok(None),
        Some(text) => match text.trim().parse::<i64>() {
            Ok(number) => Ok(usize::try_from(number).ok().filter(|number| *number > 0)),
            Err(_) => Err(ApiError::BadRequest(format!(
                "Invalid input for field/attribute limit. Value: {text}. '{text}' is not of type 'integer'"
            ))),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn filters_compare_as_in_keystone() {
        let user = json!({ "name": "Alice", "enabled": true, "domain_id": null, "age": 3 });
        let filterable = ["name", "enabled", "domain_id", "age"];
        for (query, expected) in [
            ("", true),
            ("name=Alice", true),
            ("name=alice", false),
            ("name=Alice&name=Bob", false),
            ("name__startswith=Al", true),
            ("name__contains=LIC", false),
            ("name__icontains=LIC", true),
            ("name__endswith=x", false),
            ("name__near=x", true),
            ("enabled=0", false),
            ("enabled=No", false),
            ("enabled", true),
            ("enabled=anything", true),
            ("domain_id=x", false),
            ("age=4", true),
            ("colour=red", true),
        ] {
            assert_eq!(passes(&user, &Query::parse(query), &filterable), expected, "{query}");
        }
    }

    #[test]
    fn a_flag_that_is_off_by_default_takes_a_plain_yes() {
        for yes in ["1", "t", "True", "on", "Y", " yes "] {
            assert!(is_yes(yes), "{yes}");
        }
        for other in ["", "0", "false", "2", "foo", "enabled"] {
            assert!(!is_yes(other), "{other}");
        }
    }

    #[test]
    fn a_limit_is_a_number() {
        let limit = |query: &str| super::limit(&Query::parse(query));
        assert_eq!(limit("limit=5").unwrap(), Some(5));
        for unlimited in ["", "limit=", "limit=0", "limit=-1"] {
            assert_eq!(limit(unlimited).unwrap(), None, "{unlimited}");
        }
        assert!(limit("limit=x").is_err());
    }
}
