//! oslo.policy's rule language: words joined by `and`, `or`, `not` and parentheses.
//!
//! `not` binds tighter than `and`, `and` tighter than `or`. Words are separated by white space;
//! parentheses count only at the ends of a word, because a template holds some of its own.
//! oslo.policy turns a text it cannot read into a rule that denies; here it is an error at load.

use std::iter::Peekable;
use std::vec::IntoIter;

use serde::{Deserialize, Serialize};

use super::check::{Check, Reference};

/// The longest check accepted, in bytes; the longest default has under 1,100.
pub(super) const MAX_CHECK_BYTES: usize = 65_536;

/// How deep parentheses and `not` may nest, which bounds the recursion of parser and evaluator.
pub(super) const MAX_NESTING: usize = 64;

/// A check as a policy file holds it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(untagged, expecting = "a check is a text in quotes, or a list of texts and of lists of texts")]
pub enum CheckText {
    /// The policy language; the empty text allows everything.
    Text(String),
    /// The older form: a list, one of whose items must hold; the empty list allows everything.
    Lists(Vec<Alternative>),
}

/// One item of the older, list form.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(untagged)]
pub enum Alternative {
    /// A single `kind:match`.
    One(String),
    /// Several, all of which must hold. An empty list is skipped.
    All(Vec<String>),
}

/// Why a check cannot be read. `position` is a byte offset in the text, or for the list form in the
/// item at fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// A word without a colon.
    #[error("byte {position}: `{word}` is not of the form `kind:match`")]
    NotACheck {
        /// Where it starts.
        position: usize,
        /// The word.
        word: String,
    },
    /// The part before the colon is neither a literal nor dotted names.
    #[error("byte {position}: `{kind}` is neither a literal nor the name of an attribute")]
    Kind {
        /// Where the check starts.
        position: usize,
        /// The part before the colon.
        kind: String,
    },
    /// An attribute that is not available to policies.
    #[error("byte {position}: policies cannot read the attribute `{path}`")]
    UnsupportedAttribute {
        /// Where the check starts.
        position: usize,
        /// The attribute.
        path: String,
    },
    /// A template with something other than `%(key)s` and `%%` after a percent sign.
    #[error("byte {position}: `{template}` may hold only %(key)s and %% after a percent sign")]
    Template {
        /// Where the check starts.
        position: usize,
        /// The part after the colon.
        template: String,
    },
    /// `http:` and `https:`, which would ask another server on every request.
    #[error("byte {position}: `{kind}:` checks are refused, policy is evaluated in process")]
    RemoteCheck {
        /// Where the check starts.
        position: usize,
        /// `http` or `https`.
        kind: String,
    },
    /// A word, operator or parenthesis where the grammar has no place for it.
    #[error("byte {position}: unexpected `{word}`")]
    Unexpected {
        /// Where it starts.
        position: usize,
        /// The word.
        word: String,
    },
    /// The text ends where a check or a closing parenthesis is due.
    #[error("byte {position}: the text ends too early")]
    UnexpectedEnd {
        /// The length of the text.
        position: usize,
    },
    /// Parentheses or `not` nested too deep.
    #[error("byte {position}: nested deeper than {MAX_NESTING} levels")]
    TooDeep {
        /// Where the limit is passed.
        position: usize,
    },
    /// A text over the limit.
    #[error("the check has {length_bytes} bytes, at most {MAX_CHECK_BYTES} are accepted")]
    TooLong {
        /// Its length.
        length_bytes: usize,
    },
}

impl CheckText {
    /// Parses either form.
    pub(super) fn parse(&self) -> Result<Check<Reference>, ParseError> {
        match self {
            CheckText::Text(text) => parse_text(text),
            CheckText::Lists(alternatives) => parse_lists(alternatives),
        }
    }
}

/// Parses the policy language.
pub(super) fn parse_text(text: &str) -> Result<Check<Reference>, ParseError> {
    if text.is_empty() {
        return Ok(Check::Always);
    }
    check_length(text.len())?;
    let mut parser = Parser { tokens: tokens(text)?.into_iter().peekable(), end: text.len() };
    let check = parser.any(0)?;
    match parser.tokens.next() {
        None => Ok(check),
        Some(token) => Err(token.unexpected()),
    }
}

fn parse_lists(alternatives: &[Alternative]) -> Result<Check<Reference>, ParseError> {
    if alternatives.is_empty() {
        return Ok(Check::Always);
    }
    let mut any = Vec::new();
    for alternative in alternatives {
        let items = match alternative {
            Alternative::One(item) if item.is_empty() => continue,
            Alternative::One(item) => std::slice::from_ref(item),
            Alternative::All(items) if items.is_empty() => continue,
            Alternative::All(items) => items.as_slice(),
        };
        let all = items
            .iter()
            .map(|item| {
                check_length(item.len())?;
                Check::parse(item, 0)
            })
            .collect::<Result<Vec<_>, _>>()?;
        any.push(join(all, Check::All));
    }
    Ok(if any.is_empty() { Check::Never } else { join(any, Check::Any) })
}

fn check_length(length_bytes: usize) -> Result<(), ParseError> {
    if length_bytes > MAX_CHECK_BYTES {
        return Err(ParseError::TooLong { length_bytes });
    }
    Ok(())
}

struct Token<'t> {
    position: usize,
    word: &'t str,
    kind: Kind,
}

enum Kind {
    Open,
    Close,
    And,
    Or,
    Not,
    Check(Check<Reference>),
}

impl Token<'_> {
    fn unexpected(&self) -> ParseError {
        ParseError::Unexpected { position: self.position, word: self.word.to_owned() }
    }
}

fn tokens(text: &str) -> Result<Vec<Token<'_>>, ParseError> {
    let mut tokens = Vec::new();
    let mut next_word = 0_usize;
    for piece in text.split_inclusive(char::is_whitespace) {
        let mut position = next_word;
        next_word = next_word.saturating_add(piece.len());

        let word = piece.trim_end();
        let body = word.trim_start_matches('(');
        for _ in body.len()..word.len() {
            tokens.push(Token { position, word: "(", kind: Kind::Open });
            position = position.saturating_add(1);
        }
        let clean = body.trim_end_matches(')');
        if !clean.is_empty() {
            let kind = operator(clean).map_or_else(|| check(body, clean, position), Ok)?;
            tokens.push(Token { position, word: clean, kind });
            position = position.saturating_add(clean.len());
        }
        for _ in clean.len()..body.len() {
            tokens.push(Token { position, word: ")", kind: Kind::Close });
            position = position.saturating_add(1);
        }
    }
    Ok(tokens)
}

fn operator(word: &str) -> Option<Kind> {
    [("and", Kind::And), ("or", Kind::Or), ("not", Kind::Not)]
        .into_iter()
        .find_map(|(name, kind)| word.eq_ignore_ascii_case(name).then_some(kind))
}

fn check(body: &str, clean: &str, position: usize) -> Result<Kind, ParseError> {
    let is_quoted = |quote| body.len() > 1 && body.starts_with(quote) && body.ends_with::<char>(quote);
    if is_quoted('\'') || is_quoted('"') {
        return Err(ParseError::NotACheck { position, word: body.to_owned() });
    }
    Check::parse(clean, position).map(Kind::Check)
}

struct Parser<'t> {
    tokens: Peekable<IntoIter<Token<'t>>>,
    /// Length of the text, reported when it ends too early.
    end: usize,
}

impl Parser<'_> {
    fn any(&mut self, depth: usize) -> Result<Check<Reference>, ParseError> {
        let mut parts = vec![self.all(depth)?];
        while self.tokens.next_if(|token| matches!(token.kind, Kind::Or)).is_some() {
            parts.push(self.all(depth)?);
        }
        Ok(join(parts, Check::Any))
    }

    fn all(&mut self, depth: usize) -> Result<Check<Reference>, ParseError> {
        let mut parts = vec![self.one(depth)?];
        while self.tokens.next_if(|token| matches!(token.kind, Kind::And)).is_some() {
            parts.push(self.one(depth)?);
        }
        Ok(join(parts, Check::All))
    }

    fn one(&mut self, depth: usize) -> Result<Check<Reference>, ParseError> {
        let Some(token) = self.tokens.next() else {
            return Err(ParseError::UnexpectedEnd { position: self.end });
        };
        if depth >= MAX_NESTING {
            return Err(ParseError::TooDeep { position: token.position });
        }
        let deeper = depth.saturating_add(1);
        match token.kind {
            Kind::Check(check) => Ok(check),
            Kind::Not => Ok(Check::Not(Box::new(self.one(deeper)?))),
            Kind::Open => {
                let inner = self.any(deeper)?;
                match self.tokens.next() {
                    Some(Token { kind: Kind::Close, .. }) => Ok(inner),
                    Some(other) => Err(other.unexpected()),
                    None => Err(ParseError::UnexpectedEnd { position: self.end }),
                }
            }
            Kind::Close | Kind::And | Kind::Or => Err(token.unexpected()),
        }
    }
}

/// A single part stands for itself.
fn join(
    mut parts: Vec<Check<Reference>>,
    joined: impl FnOnce(Vec<Check<Reference>>) -> Check<Reference>,
) -> Check<Reference> {
    match parts.pop() {
        Some(only) if parts.is_empty() => only,
        Some(last) => {
            parts.push(last);
            joined(parts)
        }
        None => joined(parts),
    }
}
