//! The right side of a check: text with `%(key)s` places filled from the target.

use std::borrow::Cow;
use std::fmt;

use super::target::Target;

/// A parsed template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Template(Box<[Part]>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(Box<str>),
    Key(Box<str>),
}

impl Template {
    /// Parses Python's `%` formatting, of which policies use `%(key)s` and `%%`. `None` for any
    /// other conversion, which oslo.policy would answer with an exception on every request.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut parts = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('%') {
            plain.push_str(before);
            if let Some(after) = after.strip_prefix('%') {
                plain.push('%');
                rest = after;
                continue;
            }
            let (key, after) = split_key(after.strip_prefix('(')?)?;
            if !plain.is_empty() {
                parts.push(Part::Text(std::mem::take(&mut plain).into()));
            }
            parts.push(Part::Key(key.into()));
            rest = after.strip_prefix('s')?;
        }
        plain.push_str(rest);
        if !plain.is_empty() {
            parts.push(Part::Text(plain.into()));
        }
        Some(Self(parts.into()))
    }

    /// The text with every key replaced, or `None` when the target lacks one of them; a check
    /// with such a template does not hold. Allocates only when text and keys are mixed.
    pub(super) fn render<'a>(&'a self, target: &'a Target<'_>) -> Option<Cow<'a, str>> {
        match &*self.0 {
            [] => Some(Cow::Borrowed("")),
            [part] => part.render(target),
            parts => {
                let mut text = String::new();
                for part in parts {
                    text.push_str(&part.render(target)?);
                }
                Some(Cow::Owned(text))
            }
        }
    }
}

impl Template {
    /// The keys that it takes from the target, in order.
    pub(super) fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|part| match part {
            Part::Key(key) => Some(&**key),
            Part::Text(_) => None,
        })
    }
}

/// As a policy file has it.
impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|part| match part {
            Part::Text(text) => f.write_str(&text.replace('%', "%%")),
            Part::Key(key) => write!(f, "%({key})s"),
        })
    }
}

impl Part {
    fn render<'a>(&'a self, target: &'a Target<'_>) -> Option<Cow<'a, str>> {
        match self {
            Part::Text(text) => Some(Cow::Borrowed(text)),
            Part::Key(key) => target.get(key),
        }
    }
}

/// Splits at the parenthesis that closes the key; Python lets keys hold balanced ones.
fn split_key(text: &str) -> Option<(&str, &str)> {
    let mut open = 1_usize;
    for (at, character) in text.char_indices() {
        match character {
            '(' => open = open.saturating_add(1),
            ')' => open = open.saturating_sub(1),
            _ => {}
        }
        if open == 0 {
            let (key, rest) = text.split_at_checked(at)?;
            return Some((key, rest.strip_prefix(')')?));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(text: &str, target: &Target<'_>) -> Option<String> {
        Template::parse(text).unwrap().render(target).map(Cow::into_owned)
    }

    #[test]
    fn keys_are_replaced_and_percent_signs_unescaped() {
        let target = Target::new().with("a.b", "x").with_optional("none", None::<&str>);
        assert_eq!(rendered("%(a.b)s", &target).unwrap(), "x");
        assert_eq!(rendered("<%(a.b)s-%(none)s>", &target).unwrap(), "<x-None>");
        assert_eq!(rendered("100%%", &target).unwrap(), "100%");
        assert_eq!(rendered("", &target).unwrap(), "");
        assert_eq!(rendered("%(a.b)s%(missing)s", &target), None);
    }

    #[test]
    fn a_template_is_shown_as_it_was_written() {
        for text in ["", "x", "%(a.b)s", "<%(a)s-%(b)s>", "100%%"] {
            assert_eq!(Template::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(Template::parse("%(a)s%%%(b)s").unwrap().keys().collect::<Vec<_>>(), ["a", "b"]);
    }

    #[test]
    fn other_conversions_are_refused() {
        for text in ["%", "%s", "%(a", "%(a)", "%(a)d", "%(a)5s", "%(a(b)s", "x%-"] {
            assert_eq!(Template::parse(text), None, "{text}");
        }
    }
}
