//! The parsed form of a policy check, and the parsing of its smallest piece, `kind:match`.

use super::attribute::{Attribute, PathError};
use super::parse::ParseError;
use super::template::Template;

/// A check tree. `R` is how a reference to another rule is held: by name as parsed, by index once
/// all rules are loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Check<R> {
    /// `@` and the empty rule.
    Always,
    /// `!`.
    Never,
    /// `not`.
    Not(Box<Check<R>>),
    /// `and`: holds when every part does.
    All(Vec<Check<R>>),
    /// `or`: holds when some part does.
    Any(Vec<Check<R>>),
    /// `rule:NAME`.
    Rule(R),
    /// `role:NAME`, compared without regard to case.
    Role(Template),
    /// `'text':TEMPLATE`, `None:TEMPLATE`, `True:TEMPLATE`, `7:TEMPLATE`.
    Literal {
        /// The literal as Python's `str()` prints it.
        value: Box<str>,
        /// What it must equal.
        template: Template,
    },
    /// `user_id:TEMPLATE` and every other attribute of the caller.
    Attribute {
        /// What is read from the credentials.
        attribute: Attribute,
        /// Its name, as written.
        path: Box<str>,
        /// What it must equal.
        template: Template,
    },
}

/// A reference to a rule as written, before it is resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reference {
    pub(super) name: String,
    /// Byte offset in the text that holds it.
    pub(super) position: usize,
}

impl Check<Reference> {
    /// Parses one `kind:match`, `@` or `!` that starts at byte `position`.
    pub(super) fn parse(word: &str, position: usize) -> Result<Self, ParseError> {
        match word {
            "@" => return Ok(Check::Always),
            "!" => return Ok(Check::Never),
            _ => {}
        }
        let Some((kind, text)) = word.split_once(':') else {
            return Err(ParseError::NotACheck { position, word: word.to_owned() });
        };
        let template = || {
            Template::parse(text).ok_or_else(|| ParseError::Template { position, template: text.to_owned() })
        };
        match kind {
            // The name is taken as it stands: oslo.policy substitutes nothing in it.
            "rule" => Ok(Check::Rule(Reference { name: text.to_owned(), position })),
            "role" => Ok(Check::Role(template()?)),
            "http" | "https" => Err(ParseError::RemoteCheck { position, kind: kind.to_owned() }),
            _ => match literal(kind) {
                Some(value) => Ok(Check::Literal { value: value.into(), template: template()? }),
                None => match Attribute::from_path(kind) {
                    Ok(attribute) => {
                        Ok(Check::Attribute { attribute, path: kind.into(), template: template()? })
                    }
                    Err(PathError::Malformed) => Err(ParseError::Kind { position, kind: kind.to_owned() }),
                    Err(PathError::Unsupported) => {
                        Err(ParseError::UnsupportedAttribute { position, path: kind.to_owned() })
                    }
                },
            },
        }
    }
}

impl<R> Check<R> {
    /// The same tree with every reference replaced by what `resolve` makes of it.
    pub(super) fn try_map<S, E>(self, resolve: &mut impl FnMut(R) -> Result<S, E>) -> Result<Check<S>, E> {
        Ok(match self {
            Check::Always => Check::Always,
            Check::Never => Check::Never,
            Check::Not(inner) => Check::Not(Box::new(inner.try_map(resolve)?)),
            Check::All(parts) => {
                Check::All(parts.into_iter().map(|part| part.try_map(resolve)).collect::<Result<_, E>>()?)
            }
            Check::Any(parts) => {
                Check::Any(parts.into_iter().map(|part| part.try_map(resolve)).collect::<Result<_, E>>()?)
            }
            Check::Rule(reference) => Check::Rule(resolve(reference)?),
            Check::Role(template) => Check::Role(template),
            Check::Literal { value, template } => Check::Literal { value, template },
            Check::Attribute { attribute, path, template } => Check::Attribute { attribute, path, template },
        })
    }

    /// Calls `visit` for this check and every check below it, references not followed.
    pub(super) fn visit<E>(&self, visit: &mut impl FnMut(&Check<R>) -> Result<(), E>) -> Result<(), E> {
        visit(self)?;
        match self {
            Check::Not(inner) => inner.visit(visit),
            Check::All(parts) | Check::Any(parts) => parts.iter().try_for_each(|part| part.visit(visit)),
            _ => Ok(()),
        }
    }
}

/// What a Python literal prints as, or `None` when `kind` is an attribute path.
///
/// oslo.policy accepts any Python literal. Policies use quoted words, whole numbers, booleans and
/// `None`; the others (tuples, floats, escapes) are refused later as malformed paths.
fn literal(kind: &str) -> Option<&str> {
    if matches!(kind, "None" | "True" | "False") {
        return Some(kind);
    }
    for quote in ['\'', '"'] {
        let inner = kind.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote));
        if let Some(inner) = inner {
            return (!inner.contains([quote, '\\', '\n', '\r'])).then_some(inner);
        }
    }
    let digits = kind.strip_prefix('-').unwrap_or(kind);
    let is_canonical = kind == "0" || !digits.starts_with('0');
    (is_canonical && !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())).then_some(kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_print_as_python_prints_them() {
        for (kind, value) in [
            ("None", Some("None")),
            ("True", Some("True")),
            ("'member'", Some("member")),
            ("\"member\"", Some("member")),
            ("''", Some("")),
            ("'it\"s'", Some("it\"s")),
            ("0", Some("0")),
            ("-12", Some("-12")),
            ("007", None),
            ("-", None),
            ("'", None),
            ("'a\\x41'", None),
            ("none", None),
            ("user_id", None),
        ] {
            assert_eq!(literal(kind), value, "{kind}");
        }
    }

    #[test]
    fn a_colon_in_the_match_belongs_to_the_match() {
        let check = Check::parse("role:compute:admin", 0).unwrap();
        assert_eq!(check, Check::Role(Template::parse("compute:admin").unwrap()));
    }
}
