//! What the parser refuses, and that nothing makes it panic.

use proptest::prelude::*;

use super::super::parse::{MAX_CHECK_BYTES, MAX_NESTING, parse_text};
use super::*;

#[test]
fn what_cannot_be_read_is_refused_with_its_place() {
    let not_a_check = |position, word: &str| ParseError::NotACheck { position, word: word.to_owned() };
    let unexpected = |position, word: &str| ParseError::Unexpected { position, word: word.to_owned() };
    let kind = |position, kind: &str| ParseError::Kind { position, kind: kind.to_owned() };
    for (text, error) in [
        (" ", ParseError::UnexpectedEnd { position: 1 }),
        ("role", not_a_check(0, "role")),
        ("@ or (role)", not_a_check(6, "role")),
        ("@ or 'role:a'", not_a_check(5, "'role:a'")),
        ("role:a  role:b", unexpected(8, "role:b")),
        ("@ or", ParseError::UnexpectedEnd { position: 4 }),
        ("(@", ParseError::UnexpectedEnd { position: 2 }),
        ("@))", unexpected(1, ")")),
        ("(@ @)", unexpected(3, "@")),
        ("é:é or or", unexpected(9, "or")),
        ("((and @))", unexpected(2, "and")),
        ("()", unexpected(1, ")")),
        ("@ or :x", kind(5, "")),
        ("'a:'a", kind(0, "'a")),
        ("(1,2):x", kind(1, "1,2)")),
        ("@ and http://x/%(a)s", ParseError::RemoteCheck { position: 6, kind: "http".to_owned() }),
        ("https://x", ParseError::RemoteCheck { position: 0, kind: "https".to_owned() }),
        ("not a:%(b)d", ParseError::Template { position: 4, template: "%(b)d".to_owned() }),
        (
            "token.expires_at:x",
            ParseError::UnsupportedAttribute { position: 0, path: "token.expires_at".to_owned() },
        ),
    ] {
        assert_eq!(parse_text(text), Err(error), "{text}");
    }
}

#[test]
fn nesting_is_accepted_up_to_its_limit() {
    let nested = |depth: usize| format!("{}@{}", "(".repeat(depth), ")".repeat(depth));
    assert!(parse_text(&nested(MAX_NESTING - 1)).is_ok());
    let too_deep = ParseError::TooDeep { position: MAX_NESTING };
    assert_eq!(parse_text(&nested(MAX_NESTING)), Err(too_deep));
    assert!(matches!(parse_text(&"not ".repeat(10_000)), Err(ParseError::TooDeep { .. })));
}

#[test]
fn a_text_is_accepted_up_to_its_length_limit() {
    let role = format!("role:{}", "a".repeat(MAX_CHECK_BYTES - 5));
    assert!(parse_text(&role).is_ok());
    let longer = format!("{role}a");
    assert_eq!(parse_text(&longer), Err(ParseError::TooLong { length_bytes: MAX_CHECK_BYTES + 1 }));
}

/// A boolean expression and its value, written with as few parentheses as precedence allows.
fn expression() -> impl Strategy<Value = (String, bool, u8)> {
    let leaf = any::<bool>().prop_map(|value| (if value { "@" } else { "!" }.to_owned(), value, 3));
    let wrap = |(text, value, level): (String, bool, u8), least: u8| {
        (if level < least { format!("({text})") } else { text }, value)
    };
    leaf.prop_recursive(5, 40, 2, move |inner| {
        prop_oneof![
            inner.clone().prop_map(move |operand| {
                let (text, value) = wrap(operand, 2);
                (format!("not {text}"), !value, 2)
            }),
            (inner.clone(), inner.clone()).prop_map(move |(left, right)| {
                let ((left, one), (right, other)) = (wrap(left, 1), wrap(right, 1));
                (format!("{left} and {right}"), one && other, 1)
            }),
            (inner.clone(), inner).prop_map(move |(left, right)| {
                let ((left, one), (right, other)) = (wrap(left, 0), wrap(right, 0));
                (format!("{left} or {right}"), one || other, 0)
            }),
        ]
    })
}

proptest! {
    #[test]
    fn arbitrary_text_never_panics(text in "\\PC*") {
        let _ = parse_text(&text);
    }

    #[test]
    fn arbitrary_sequences_of_the_languages_words_never_panic(
        words in prop::collection::vec(
            prop::sample::select(vec![
                "(", ")", "and", "or", "not", "@", "!", " ", ":", "%", "%(a)s", "'", "\"", "a:b",
                "role:", "rule:x", "None:", "token.", "é", "\t",
            ]),
            0..60,
        )
    ) {
        let _ = parse_text(&words.concat());
        let _ = parse_text(&words.join(" "));
        let _ = CheckText::Lists(words.iter().map(|word| Alternative::One((*word).to_owned())).collect())
            .parse();
    }

    #[test]
    fn operators_bind_as_written((text, value, _) in expression()) {
        let policy = with_overrides(&overrides(&[(UNSCOPED_RULE.name(), &text)])).unwrap();
        prop_assert_eq!(is_allowed(&policy, UNSCOPED_RULE, &ADMIN), value, "{}", text);
    }
}
