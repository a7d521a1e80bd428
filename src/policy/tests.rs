//! Decisions of whole policies: against Keystone's own engine, and what is refused at load.

mod files;
mod loading;
mod oracle;
mod parsing;

use std::collections::BTreeMap;

use super::*;

/// A rule without scope types, so that only its check decides.
const UNSCOPED_RULE: Rule = Rule::GetAuthCatalog;

fn overrides(rules: &[(&str, &str)]) -> BTreeMap<String, CheckText> {
    rules.iter().map(|(name, text)| ((*name).to_owned(), CheckText::Text((*text).to_owned()))).collect()
}

fn with_overrides(rules: &BTreeMap<String, CheckText>) -> Result<Policy, PolicyError> {
    Policy::load(rules, DefaultChecks::New)
}

fn is_allowed(policy: &Policy, rule: Rule, credentials: &Credentials<'_>) -> bool {
    policy.enforce(rule, credentials, &Target::new()).is_ok()
}

const ADMIN: Credentials<'_> = Credentials {
    is_admin: false,
    user_id: Some("u1"),
    user_domain_id: Some("d1"),
    project_id: Some("p1"),
    project_domain_id: Some("d1"),
    domain_id: None,
    system_scope: None,
    roles: &["admin"],
    is_admin_project: true,
    token: TokenAttributes {
        user_name: None,
        user_domain_name: None,
        project_name: None,
        project_domain_name: None,
        is_domain: None,
        domain_name: None,
        methods: &[],
        application_credential_id: None,
        identity_provider_id: None,
        protocol_id: None,
    },
};

#[test]
fn the_defaults_let_an_admin_through() {
    // Would fail for every rule if a built-in text could not be loaded.
    assert!(is_allowed(&Policy::defaults(), Rule::CreateUser, &ADMIN));
}

#[test]
fn every_rule_is_at_its_own_index_and_has_its_own_name() {
    let names: std::collections::BTreeSet<_> = Rule::ALL.iter().map(|rule| rule.name()).collect();
    assert_eq!(names.len(), Rule::ALL.len());
    for (index, rule) in Rule::ALL.iter().enumerate() {
        assert_eq!(*rule as usize, index);
    }
}

#[test]
fn a_token_of_another_scope_is_refused_whatever_its_roles() {
    let domain_admin =
        Credentials { project_id: None, project_domain_id: None, domain_id: Some("d1"), ..ADMIN };
    let policy = Policy::defaults();
    assert!(is_allowed(&policy, Rule::CreateService, &ADMIN));
    assert!(!is_allowed(&policy, Rule::CreateService, &domain_admin));
    assert!(is_allowed(&policy, Rule::CreateUser, &domain_admin));

    let opened = with_overrides(&overrides(&[("identity:create_service", "@")])).unwrap();
    assert!(!is_allowed(&opened, Rule::CreateService, &domain_admin), "overrides keep scope types");
}

#[test]
fn an_unscoped_token_counts_as_a_projects() {
    let unscoped = Credentials { project_id: None, project_domain_id: None, roles: &[], ..ADMIN };
    let target = Target::new().with("user_id", "u1");
    let policy = Policy::defaults();
    assert_eq!(policy.enforce(Rule::CreateApplicationCredential, &unscoped, &target), Ok(()));
}

#[test]
fn the_admin_token_passes_every_rule() {
    let closed = with_overrides(&overrides(&[("identity:create_user", "!")])).unwrap();
    let admin_token = Credentials { is_admin: true, ..Credentials::default() };
    assert!(is_allowed(&closed, Rule::CreateUser, &admin_token));
    assert!(!is_allowed(&closed, Rule::CreateUser, &ADMIN));
}

#[test]
fn a_refusal_names_the_rule_in_keystones_words() {
    let refusal =
        Policy::defaults().enforce(Rule::CreateUser, &Credentials::default(), &Target::new()).unwrap_err();
    assert_eq!(
        refusal.to_string(),
        "You are not authorized to perform the requested action: identity:create_user."
    );
}

#[test]
fn replacing_a_base_rule_changes_every_rule_that_refers_to_it() {
    let policy = with_overrides(&overrides(&[("admin_required", "role:cloud_admin")])).unwrap();
    assert!(!is_allowed(&policy, Rule::CreateUser, &ADMIN));
    let cloud_admin = Credentials { roles: &["cloud_admin"], ..ADMIN };
    assert!(is_allowed(&policy, Rule::CreateUser, &cloud_admin));
}

#[test]
fn an_override_may_read_the_request_body() {
    let policy = with_overrides(&overrides(&[(
        UNSCOPED_RULE.name(),
        "user_id:%(request_body.trust.trustor_user_id)s",
    )]))
    .unwrap();
    let body = serde_json::json!({"trust": {"trustor_user_id": "u1"}});
    let target = Target::new().with_request_body(&body);
    assert_eq!(policy.enforce(UNSCOPED_RULE, &ADMIN, &target), Ok(()));
    assert!(!is_allowed(&policy, UNSCOPED_RULE, &ADMIN));
}
