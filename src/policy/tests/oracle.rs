//! Comparison with decisions recorded from Keystone; `tests/policy_oracle.py` records them.

use serde::Deserialize;
use serde_json::Value;

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

#[derive(Deserialize)]
struct Caller {
    user_id: Option<String>,
    user_domain_id: Option<String>,
    project_id: Option<String>,
    project_domain_id: Option<String>,
    domain_id: Option<String>,
    system_scope: Option<String>,
    #[serde(default)]
    roles: Vec<String>,
    #[serde(default)]
    methods: Vec<String>,
    is_admin_project: Option<bool>,
    is_domain: Option<bool>,
    application_credential_id: Option<String>,
}

impl Caller {
    fn decide(&self, policy: &Policy, rule: Rule, target: &BTreeMap<String, Value>) -> bool {
        let roles: Vec<&str> = self.roles.iter().map(String::as_str).collect();
        let methods: Vec<&str> = self.methods.iter().map(String::as_str).collect();
        let credentials = Credentials {
            is_admin: false,
            user_id: self.user_id.as_deref(),
            user_domain_id: self.user_domain_id.as_deref(),
            project_id: self.project_id.as_deref(),
            project_domain_id: self.project_domain_id.as_deref(),
            domain_id: self.domain_id.as_deref(),
            system_scope: self.system_scope.as_deref(),
            roles: &roles,
            is_admin_project: self.is_admin_project.unwrap_or(true),
            token: TokenAttributes {
                project_name: self.project_id.as_deref(),
                is_domain: self.project_id.as_ref().map(|_| self.is_domain.unwrap_or(false)),
                methods: &methods,
                application_credential_id: self.application_credential_id.as_deref(),
                ..TokenAttributes::default()
            },
        };
        let target = target.iter().fold(Target::new(), |target, (path, value)| match value {
            Value::Null => target.with_optional(path, None::<&str>),
            Value::Bool(flag) => target.with_flag(path, *flag),
            Value::String(text) => target.with(path, text),
            other => panic!("a target holds no {other}"),
        });
        let is_allowed = policy.enforce(rule, &credentials, &target).is_ok();
        let decision = policy.explain(rule.name(), &credentials, &target).unwrap();
        assert_eq!(decision.is_allowed, is_allowed, "the explanation of {}: {decision:#?}", rule.name());
        is_allowed
    }
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
            callers[caller].decide(&policy, rule, &targets[target]),
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
                callers[caller].decide(&policy, rules[name.as_str()], &targets[target]),
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
                callers[&case.caller].decide(&policy, UNSCOPED_RULE, &targets[&case.target]),
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
