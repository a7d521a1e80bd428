//! Comparison with decisions recorded from Keystone; `tests/policy_oracle.py` records them.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::*;

#[derive(Deserialize)]
struct Cases {
    callers: BTreeMap<String, Caller>,
    targets: BTreeMap<String, BTreeMap<String, Value>>,
    defaults: Vec<(String, String, String, bool)>,
    deployments: Vec<Deployment>,
    language: Vec<LanguageCase>,
}

#[derive(Deserialize)]
struct Deployment {
    files: BTreeMap<String, String>,
    enforce_new_defaults: bool,
    cases: Vec<(String, String, String, bool)>,
}

#[derive(Deserialize)]
struct LanguageCase {
    check: CheckText,
    #[serde(default)]
    rules: BTreeMap<String, CheckText>,
    caller: String,
    target: String,
    /// A boolean, or "error".
    decision: Value,
}

/// A caller as it was recorded: what Keystone hands to oslo.policy, and besides what of its token is not in that.
type Caller = Map<String, Value>;

/// The caller's credentials, as a file would give them.
fn credentials(caller: &Caller) -> CredentialsFile {
    let mut plain = caller.clone();
    let mut take = |name| plain.remove(name).unwrap_or_default();
    let (methods, is_domain, credential) =
        (take("methods"), take("is_domain"), take("application_credential_id"));
    let project_id = caller.get("project_id").filter(|id| !id.is_null());
    let mut token = json!({ "application_credential": { "id": credential } });
    if methods.is_array() {
        token["methods"] = methods;
    }
    if let Some(id) = project_id {
        token["project"] = json!({ "name": id });
        token["is_domain"] = json!(is_domain == true);
    }
    plain.insert("token".into(), token);
    CredentialsFile::parse(&Value::Object(plain).to_string()).unwrap()
}

fn decide(caller: &Caller, policy: &Policy, rule: Rule, target: &BTreeMap<String, Value>) -> bool {
    let target = target.iter().fold(Target::new(), |target, (path, value)| match value {
        Value::Null => target.with_optional(path, None::<&str>),
        Value::Bool(flag) => target.with_flag(path, *flag),
        Value::String(text) => target.with(path, text),
        other => panic!("a target holds no {other}"),
    });
    credentials(caller).with(|credentials| {
        let is_allowed = policy.enforce(rule, credentials, &target).is_ok();
        let decision = policy.explain(rule.name(), credentials, &target).unwrap();
        assert_eq!(decision.is_allowed, is_allowed, "the explanation of {}: {decision:#?}", rule.name());
        is_allowed
    })
}

fn cases() -> Cases {
    serde_json::from_str(include_str!("../../../tests/policy_cases.json")).unwrap()
}

#[test]
fn default_rules_decide_as_keystone_does() {
    let Cases { callers, targets, defaults, .. } = cases();
    let policy = Policy::defaults();
    let rules: BTreeMap<&str, Rule> = Rule::ALL.iter().map(|rule| (rule.name(), *rule)).collect();
    let mut unseen = rules.clone();
    for (name, caller, target, decision) in &defaults {
        let rule = *rules.get(name.as_str()).unwrap_or_else(|| panic!("no rule {name}"));
        unseen.remove(name.as_str());
        assert_eq!(
            decide(&callers[caller], &policy, rule, &targets[target]),
            *decision,
            "{name}, {caller}, {target}"
        );
    }
    assert!(unseen.is_empty(), "no case for {unseen:?}");
}

#[test]
fn policy_files_mean_what_they_mean_to_oslo_policy() {
    let Cases { callers, targets, deployments, .. } = cases();
    let rules: BTreeMap<&str, Rule> = Rule::ALL.iter().map(|rule| (rule.name(), *rule)).collect();
    for deployment in deployments {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("policy.d")).unwrap();
        for (name, text) in &deployment.files {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        let config = crate::config::Policy {
            policy_file: Some(folder.path().join("policy.yaml")),
            policy_dirs: vec![folder.path().join("policy.d")],
            enforce_new_defaults: deployment.enforce_new_defaults,
        };
        let policy = config.files().load(&config.files().read().unwrap()).unwrap();
        for (name, caller, target, decision) in &deployment.cases {
            assert_eq!(
                decide(&callers[caller], &policy, rules[name.as_str()], &targets[target]),
                *decision,
                "{name}, {caller}, {target} with {:?}",
                deployment.files
            );
        }
    }
}

/// What oslo.policy logs as not understood and denies, or stumbles over, is refused at load here.
#[test]
fn the_language_means_what_it_means_to_oslo_policy() {
    let Cases { callers, targets, language, .. } = cases();
    let mut refused = Vec::new();
    for case in language {
        let mut rules = case.rules.clone();
        rules.insert(UNSCOPED_RULE.name().to_owned(), case.check.clone());
        match with_overrides(&rules) {
            Ok(policy) => assert_eq!(
                decide(&callers[&case.caller], &policy, UNSCOPED_RULE, &targets[&case.target]),
                case.decision,
                "{:?}, {}",
                case.check,
                case.caller
            ),
            Err(error) => {
                assert_ne!(case.decision, true, "{:?}: {error}", case.check);
                refused.push(case.check);
            }
        }
    }
    assert_eq!(refused.len(), 17, "{refused:#?}");
}
