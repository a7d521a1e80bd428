//! Text into forms.

use std::iter::Peekable;
use std::str::Chars;

use crate::edn::Edn;

/// Forms nest no deeper; deeper ones are refused rather than overflow the stack.
const MAX_DEPTH: usize = 64;

/// Why a text is no EDN, or no history.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct EdnError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong there.
    pub what: String,
}

/// The forms of a text, with the line at which each begins.
///
/// # Errors
/// The text is not well-formed.
pub fn parse(text: &str) -> Result<Vec<(usize, Edn)>, EdnError> {
    let mut parser = Parser { characters: text.chars().peekable(), line: 1, depth: 0 };
    let mut forms = Vec::new();
    loop {
        parser.skip_blanks();
        let line = parser.line;
        match parser.characters.peek() {
            None => return Ok(forms),
            Some(_) => {
                if let Some(form) = parser.form()? {
                    forms.push((line, form));
                }
            }
        }
    }
}

struct Parser<'a> {
    characters: Peekable<Chars<'a>>,
    line: usize,
    depth: usize,
}

impl Parser<'_> {
    fn error<T>(&self, what: impl Into<String>) -> Result<T, EdnError> {
        Err(EdnError { line: self.line, what: what.into() })
    }

    fn next(&mut self) -> Option<char> {
        let next = self.characters.next();
        if next == Some('\n') {
            self.line += 1;
        }
        next
    }

    fn skip_blanks(&mut self) {
        while let Some(&character) = self.characters.peek() {
            if character == ';' {
                while self.characters.peek().is_some_and(|&character| character != '\n') {
                    self.next();
                }
            } else if character.is_whitespace() || character == ',' {
                self.next();
            } else {
                return;
            }
        }
    }

    /// The next form; `None` if it is one to be left out (`#_`).
    fn form(&mut self) -> Result<Option<Edn>, EdnError> {
        match self.next() {
            None => self.error("the text ends within a form"),
            Some('(') => self.forms_until(')').map(|forms| Some(Edn::List(forms))),
            Some('[') => self.forms_until(']').map(|forms| Some(Edn::List(forms))),
            Some('{') => self.map().map(Some),
            Some('"') => self.text().map(Some),
            Some('\\') => self.character().map(Some),
            Some('#') => self.dispatch(),
            Some(other @ (')' | ']' | '}')) => {
                self.error(format!("nothing is open that {other} could close"))
            }
            Some(':') => {
                let name = self.rest_of_name(String::new());
                if name.is_empty() {
                    self.error("a colon without a name")
                } else {
                    Ok(Some(Edn::Keyword(name)))
                }
            }
            Some(other) => {
                let name = self.rest_of_name(other.to_string());
                Ok(Some(named(name)))
            }
        }
    }

    fn forms_until(&mut self, close: char) -> Result<Vec<Edn>, EdnError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return self.error(format!("more than {MAX_DEPTH} forms within each other"));
        }
        let mut forms = Vec::new();
        loop {
            self.skip_blanks();
            match self.characters.peek() {
                None => return self.error(format!("the text ends before {close}")),
                Some(&character) if character == close => {
                    self.next();
                    self.depth -= 1;
                    return Ok(forms);
                }
                Some(_) => forms.extend(self.form()?),
            }
        }
    }

    fn map(&mut self) -> Result<Edn, EdnError> {
        let mut forms = self.forms_until('}')?.into_iter();
        let mut entries = Vec::new();
        while let Some(key) = forms.next() {
            let Some(value) = forms.next() else { return self.error("a map with a key that has no value") };
            entries.push((key, value));
        }
        Ok(Edn::Map(entries))
    }

    /// After a `#`: a set, a form to be left out, or a tag, of which only what is tagged counts (Jepsen
    /// writes `#jepsen.history.Op{...}`).
    fn dispatch(&mut self) -> Result<Option<Edn>, EdnError> {
        match self.characters.peek() {
            Some('{') => {
                self.next();
                self.forms_until('}').map(|forms| Some(Edn::List(forms)))
            }
            Some('_') => {
                self.next();
                self.nested()?;
                Ok(None)
            }
            _ => {
                let first = self.next().map(String::from).unwrap_or_default();
                self.rest_of_name(first);
                self.nested()
            }
        }
    }

    fn nested(&mut self) -> Result<Option<Edn>, EdnError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return self.error(format!("more than {MAX_DEPTH} forms within each other"));
        }
        self.skip_blanks();
        let form = self.form();
        self.depth -= 1;
        form
    }

    fn text(&mut self) -> Result<Edn, EdnError> {
        let mut text = String::new();
        loop {
            match self.next() {
                None => return self.error("the text ends within a string"),
                Some('"') => return Ok(Edn::Text(text)),
                Some('\\') => match self.next() {
                    Some('n') => text.push('\n'),
                    Some('r') => text.push('\r'),
                    Some('t') => text.push('\t'),
                    Some('b') => text.push('\u{8}'),
                    Some('f') => text.push('\u{c}'),
                    Some('u') => text.push(self.code_point()?),
                    Some(other @ ('"' | '\\')) => text.push(other),
                    _ => return self.error("an unknown escape in a string"),
                },
                Some(other) => text.push(other),
            }
        }
    }

    fn code_point(&mut self) -> Result<char, EdnError> {
        let mut code = 0;
        for _ in 0..4 {
            let Some(digit) = self.next().and_then(|digit| digit.to_digit(16)) else {
                return self.error("\\u wants four hexadecimal digits");
            };
            code = code * 16 + digit;
        }
        char::from_u32(code).map_or_else(|| self.error("\\u of no character"), Ok)
    }

    fn character(&mut self) -> Result<Edn, EdnError> {
        let Some(first) = self.next() else { return self.error("the text ends within a character") };
        let name = self.rest_of_name(first.to_string());
        Ok(Edn::Text(match &*name {
            "newline" => "\n".to_owned(),
            "space" => " ".to_owned(),
            "tab" => "\t".to_owned(),
            "return" => "\r".to_owned(),
            _ => name,
        }))
    }

    fn rest_of_name(&mut self, mut name: String) -> String {
        while let Some(&character) = self.characters.peek() {
            if character.is_whitespace() || ",;\"()[]{}\\".contains(character) {
                break;
            }
            name.push(character);
            self.next();
        }
        name
    }
}

fn named(name: String) -> Edn {
    match &*name {
        "nil" => return Edn::Nil,
        "true" => return Edn::Bool(true),
        "false" => return Edn::Bool(false),
        _ => {}
    }
    if let Ok(number) = name.trim_end_matches('N').parse::<i64>() {
        return Edn::Integer(number);
    }
    let digits = name.trim_start_matches(['+', '-']);
    if digits.starts_with(|first: char| first.is_ascii_digit()) {
        Edn::Decimal(name)
    } else {
        Edn::Symbol(name)
    }
}
