//! Finds the line of a key, for errors found after parsing.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// The line, counted from 1, that holds the byte `offset`.
pub(super) fn line_at(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
}

/// The line of `key`, or of the innermost table around it that the text has.
pub(super) fn line_of_key(text: &str, key: &str) -> usize {
    let Ok(root) = DeTable::parse(text) else { return 1 };
    let mut line = 1;
    let mut value: Option<&Spanned<DeValue<'_>>> = None;
    for segment in segments(key) {
        let next = match (segment, value.map(Spanned::get_ref)) {
            (Segment::Name(name), None) => entry(root.get_ref(), name),
            (Segment::Name(name), Some(DeValue::Table(table))) => entry(table, name),
            (Segment::Index(index), Some(DeValue::Array(array))) => {
                array.get(index).map(|item| (item.span().start, item))
            }
            _ => None,
        };
        let Some((start, found)) = next else { break };
        line = line_at(text, start);
        value = Some(found);
    }
    line
}

fn entry<'t, 'i>(table: &'t DeTable<'i>, name: &str) -> Option<(usize, &'t Spanned<DeValue<'i>>)> {
    table.iter().find(|(key, _)| key.get_ref() == name).map(|(key, value)| (key.span().start, value))
}

enum Segment<'k> {
    Name(&'k str),
    Index(usize),
}

fn segments(key: &str) -> impl Iterator<Item = Segment<'_>> {
    key.split(['.', '[']).map(|part| match part.strip_suffix(']').map(str::parse) {
        Some(Ok(index)) => Segment::Index(index),
        _ => Segment::Name(part),
    })
}
