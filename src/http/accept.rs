//! `Accept`: which of the forms that there are a client likes best, as Keystone's framework decides it.

use std::cmp::Reverse;

use axum::http::{HeaderMap, header};

/// One range of an `Accept` header.
struct Range {
    /// Type, subtype and parameters, in lower case.
    parts: Vec<String>,
    quality: f64,
}

impl Range {
    /// Reads a range; none for one with an unreadable quality.
    fn parse(text: &str) -> Option<Self> {
        let mut pieces = text.split(';').map(|piece| piece.trim().to_lowercase());
        let media_type = pieces.next()?;
        let mut quality = 1.0;
        let mut parts: Vec<String> = media_type.split('/').map(str::to_owned).collect();
        for piece in pieces {
            match piece.strip_prefix("q=") {
                Some(number) => quality = number.trim().parse().ok().filter(|q| (0.0..=1.0).contains(q))?,
                None => parts.push(piece),
            }
        }
        Some(Self { parts, quality })
    }

    /// The more of it is no wildcard, the better.
    fn specificity(&self) -> Vec<bool> {
        self.parts.iter().map(|part| part != "*").collect()
    }

    fn matches(&self, form: &str) -> bool {
        let Some((form_type, form_subtype)) = form.split_once('/') else { return false };
        match self.parts.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
            ["*", "*", ..] => true,
            [kind, "*", ..] => *kind == form_type,
            [kind, subtype] => *kind == form_type && *subtype == form_subtype,
            _ => false,
        }
    }
}

/// The form that the client likes best; none if it takes none of them, and the first if it does not say.
#[must_use]
pub fn best<'f>(headers: &HeaderMap, forms: &[&'f str]) -> Option<&'f str> {
    let texts: Vec<&str> =
        headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok()).collect();
    let text = texts.join(",");
    if text.is_empty() {
        return forms.first().copied();
    }
    let mut ranges: Vec<Range> = text.split(',').filter_map(Range::parse).collect();
    ranges.sort_by(|one, other| {
        let by_quality = other.quality.total_cmp(&one.quality);
        Reverse(one.specificity()).cmp(&Reverse(other.specificity())).then(by_quality)
    });
    let mut found: Option<(&str, f64, Vec<bool>)> = None;
    for form in forms {
        let Some(range) = ranges.iter().find(|range| range.matches(form)) else { continue };
        let is_better = found.as_ref().is_none_or(|(_, quality, specificity)| {
            range.quality > *quality || (range.quality >= *quality && range.specificity() > *specificity)
        });
        if range.quality > 0.0 && is_better {
            found = Some((form, range.quality, range.specificity()));
        }
    }
    found.map(|(form, _, _)| form)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The cases were put to Keystone.
    #[test]
    fn the_form_is_the_one_that_keystone_gives() {
        const JSON: &str = "application/json";
        const HOME: &str = "application/json-home";
        for (accept, form) in [
            ("application/json-home", Some(HOME)),
            ("application/json-home, application/json", Some(JSON)),
            ("application/json;q=0.5, application/json-home", Some(HOME)),
            ("*/*", Some(JSON)),
            ("application/*", Some(JSON)),
            ("text/html", None),
            ("application/json-home;q=0", None),
            ("application/json-home;q=0.2, */*;q=0.1", Some(HOME)),
            ("foo", None),
            ("application/json-home;x=1", None),
            ("APPLICATION/JSON-HOME", Some(HOME)),
            ("application/json-home;q=abc", None),
            ("application/json-home;q=1.5, application/json", Some(JSON)),
            ("application/json;q=0, */*", Some(HOME)),
            ("", Some(JSON)),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT, accept.parse().unwrap());
            assert_eq!(best(&headers, &[JSON, HOME]), form, "{accept}");
        }
        assert_eq!(best(&HeaderMap::new(), &[JSON, HOME]), Some(JSON));
    }
}
