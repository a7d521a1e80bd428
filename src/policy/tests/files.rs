//! What policy files may say, and how their mistakes are told.

use std::path::Path;

use super::super::files::{MAX_FILE_BYTES, MAX_FILES};
use super::*;

fn files(folder: &Path) -> PolicyFiles {
    PolicyFiles { file: Some(folder.join("policy.yaml")), ..PolicyFiles::default() }
}

fn load(text: &str) -> Result<Policy, PolicyFileError> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("policy.yaml"), text).unwrap();
    let files = files(folder.path());
    files.load(&files.read().unwrap())
}

/// What is told of a text, after the folder.
fn error_of(text: &str) -> String {
    let error = load(text).unwrap_err().to_string();
    assert!(!error.contains('\n'), "{error}");
    error.split_once("/policy.yaml").unwrap().1.to_owned()
}

#[test]
fn a_mistake_in_a_rule_is_told_with_its_line() {
    let rule = |check: &str| format!("# one\n'mine': '@'\n\n'identity:get_user':\n  {check}\n");
    assert_eq!(
        error_of(&rule("role:a or")),
        ":5: policy rule `identity:get_user`: byte 9: the text ends too early"
    );
    assert_eq!(
        error_of(&rule("http://host/%(target.user.id)s")),
        ":5: policy rule `identity:get_user`: byte 0: `http:` checks are refused, policy is evaluated in process"
    );
    assert_eq!(
        error_of(&rule("rule:onwer")),
        ":5: policy rule `identity:get_user`: byte 0: there is no rule `onwer`"
    );
    let cycle = error_of("x: '@'\nowner: 'rule:admin_or_owner'\n");
    assert!(cycle.starts_with(":2: policy rule `"), "{cycle}");
}

#[test]
fn a_file_that_is_no_map_of_names_to_checks_is_refused_with_its_line() {
    for (text, start) in [
        ("a: '@'\nb: {c: d}\n", ":2: "),
        ("a: '@'\nb: 7\n", ":2: "),
        ("a: '@'\nb: true\n", ":2: "),
        ("a: '@'\nb: [[[x:y]]]\n", ":2: "),
        ("a: '@'\nb: @\n", ":2: "),
        ("a: '@'\nb: 'x\n", ":"),
        ("- a\n", ":1: "),
        ("{\"a\": \"@\", \"b\"\n", ":"),
        ("a: '@'\n---\nb: '@'\n", ":"),
    ] {
        let error = error_of(text);
        assert!(error.starts_with(start), "{text}: {error}");
    }
    let error = error_of("a: 7\n");
    assert_eq!(error, ":1: a check is a text in quotes, or a list of texts and of lists of texts");
}

#[test]
fn what_oslo_policy_takes_for_a_rule_that_allows_everything_is_refused() {
    // An exclamation mark without quotes is a tag, and what it leaves is no value.
    for text in ["a: !\n", "a:\n", "a: null\n", "a: ~\n", "a: !!null\n", "a: !x role:b\n", "b: &b !\na: *b\n"]
    {
        let error = load(text).map(|policy| policy.rules().last().cloned());
        assert!(error.is_err(), "{text:?}: {error:?}");
    }
    for text in ["a: ''\n", "a: \"\"\n", "{\"a\":\"\"}", "b: &b ''\na: *b\n"] {
        assert_eq!(
            load(text).unwrap().rules().last().unwrap().check,
            CheckText::Text(String::new()),
            "{text:?}"
        );
    }
}

#[test]
fn a_rule_that_stands_twice_in_a_file_is_refused() {
    let error = error_of("a: '@'\nb: '@'\na: '!'\n");
    assert_eq!(error, ":3: duplicate mapping key `a` is not allowed here");
}

#[test]
fn an_empty_file_changes_nothing() {
    for text in ["", "# only a remark\n", "{}", "---\n"] {
        assert_eq!(load(text).unwrap().rules(), Policy::defaults().rules(), "{text:?}");
    }
}

#[test]
fn json_is_read_with_tabs_and_escapes() {
    let policy = load("{\n\t\"mine\":\t\"role:a\\/b\",\n\t\"other\": [[\"@\"]]\n}\n").unwrap();
    assert_eq!(policy.rules().last().unwrap().name, "other");
    let mine = policy.rules().iter().find(|rule| rule.name == "mine").unwrap();
    assert_eq!(mine.check, CheckText::Text("role:a/b".to_owned()));
}

#[test]
fn a_file_that_unfolds_without_bound_is_refused() {
    let line = |level: usize| {
        let inner = format!("*a{}", level.saturating_sub(1));
        format!("a{level}: &a{level} [{}]\n", vec![inner; 10].join(", "))
    };
    let bomb: String = (1..10).map(line).collect();
    assert!(load(&format!("a0: &a0 [x:y]\n{bomb}")).is_err());
    let long = format!("a: &a '{}'\n", "x".repeat(500_000));
    let many: String = (0..50).map(|number| format!("b{number}: *a\n")).collect();
    assert!(load(&format!("{long}{many}")).is_err());
    assert!(load(&"[".repeat(100_000)).is_err());
}

#[test]
fn a_file_or_folder_that_is_named_has_to_be_there() {
    let folder = tempfile::tempdir().unwrap();
    let error = files(folder.path()).read().unwrap_err().to_string();
    assert!(error.contains("policy.yaml: cannot be read: "), "{error}");
    std::fs::create_dir(folder.path().join("policy.yaml")).unwrap();
    let error = files(folder.path()).read().unwrap_err().to_string();
    assert!(error.ends_with("policy.yaml: cannot be read: it is not a file"), "{error}");
    let folders = PolicyFiles { folders: vec![folder.path().join("none")], ..PolicyFiles::default() };
    assert!(folders.read().unwrap_err().to_string().contains("none: cannot be read: "));
    std::fs::write(folder.path().join("latin"), [b'#', 0xe9]).unwrap();
    let latin = PolicyFiles { file: Some(folder.path().join("latin")), ..PolicyFiles::default() };
    assert!(matches!(latin.read(), Err(PolicyFileError::Read { .. })));
}

#[test]
fn files_are_bounded_in_size_and_number() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("policy.yaml");
    let bytes = usize::try_from(MAX_FILE_BYTES).unwrap();
    std::fs::write(&path, "#".repeat(bytes)).unwrap();
    assert!(files(folder.path()).read().is_ok());
    std::fs::write(&path, "#".repeat(bytes + 1)).unwrap();
    assert!(matches!(files(folder.path()).read(), Err(PolicyFileError::TooLarge { .. })));
    std::fs::remove_file(path).unwrap();
    for number in 0..=MAX_FILES {
        std::fs::write(folder.path().join(number.to_string()), "").unwrap();
    }
    let folders = PolicyFiles { folders: vec![folder.path().to_path_buf()], ..PolicyFiles::default() };
    assert!(matches!(folders.read(), Err(PolicyFileError::TooManyFiles { .. })));
    std::fs::rename(folder.path().join("0"), folder.path().join(".0")).unwrap();
    assert!(folders.read().is_ok());
}

#[test]
fn an_operator_is_told_of_rules_that_do_nothing() {
    let policy = load(
        "'identity:get_usr': '@'\n'identity:revocation_list': '@'\n'identity:create_domain': 'rule:admin_required'\n\
         'mine': '@'\n",
    );
    let warnings = policy.unwrap().warnings().join("\n");
    assert!(warnings.contains("identity:get_usr, which no request checks"), "{warnings}");
    assert!(warnings.contains("identity:revocation_list, which no request checks"), "{warnings}");
    assert!(warnings.contains("identity:create_domain with the check that is built in"), "{warnings}");
    assert_eq!(warnings.lines().count(), 3, "{warnings}");
}

#[test]
fn deprecated_checks_are_joined_to_rules_that_no_file_names() {
    let loaded = |text: &str| {
        let rules =
            if text.is_empty() { BTreeMap::new() } else { overrides(&[("identity:get_project", text)]) };
        Policy::load(&rules, DefaultChecks::NewOrDeprecated).unwrap()
    };
    let of = |policy: &Policy| {
        let rule = policy.rules().iter().find(|rule| rule.name == "identity:get_project");
        (rule.unwrap().source, policy.warnings().join(""))
    };
    let (source, warning) = of(&loaded(""));
    assert_eq!(source, RuleSource::DefaultOrDeprecated);
    assert!(warning.contains("98 rules"), "{warning}");
    let (source, warning) = of(&loaded("role:reader"));
    assert_eq!(source, RuleSource::File);
    assert!(warning.contains("97 rules"), "{warning}");
    assert!(Policy::defaults().warnings().is_empty());
}
