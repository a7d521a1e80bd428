//! Policy files: a file loads or is refused, within bounds, and what has loaded decides the same each time.
//!
//! An input is a line for each rule, `name: check`. A line that begins with `[` and a space gives the list form, of
//! which commas separate the items and spaces what each item needs.

use std::collections::BTreeMap;

use keyraft::policy::{
    Alternative, CheckText, Credentials, DefaultChecks, Policy, Rule, Target, TokenAttributes,
};

pub fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let overrides: BTreeMap<String, CheckText> = text.lines().filter_map(rule).collect();
    if overrides.is_empty() {
        return;
    }
    let Ok(policy) = Policy::load(&overrides, DefaultChecks::New) else { return };
    let body = serde_json::json!({"user": {"name": "u", "enabled": true, "n": [1, null]}});
    for credentials in callers() {
        for target in targets(&body) {
            for name in overrides.keys() {
                let Some(rule) = Rule::ALL.iter().copied().find(|rule| rule.name() == name) else { continue };
                let decision = policy.enforce(rule, &credentials, &target);
                assert_eq!(
                    decision,
                    policy.enforce(rule, &credentials, &target),
                    "it decides the same again"
                );
                let admin = Credentials { is_admin: true, ..credentials };
                assert!(policy.enforce(rule, &admin, &target).is_ok(), "nothing stops the administrator");
            }
            // A rule that only others refer to is reached through them.
            let _ = policy.enforce(Rule::GetUser, &credentials, &target);
        }
    }
}

fn rule(line: &str) -> Option<(String, CheckText)> {
    let (name, check) = line.split_once(": ")?;
    let Some(list) = check.strip_prefix("[ ") else {
        return Some((name.to_owned(), CheckText::Text(check.to_owned())));
    };
    let item = |item: &str| {
        let parts: Vec<String> = item.split_whitespace().map(ToOwned::to_owned).collect();
        match <[String; 1]>::try_from(parts) {
            Ok([one]) => Alternative::One(one),
            Err(parts) => Alternative::All(parts),
        }
    };
    Some((name.to_owned(), CheckText::Lists(list.split(',').map(item).collect())))
}

fn callers() -> [Credentials<'static>; 3] {
    let token =
        TokenAttributes { user_name: Some("u"), is_domain: Some(false), ..TokenAttributes::default() };
    let member = Credentials {
        user_id: Some("u1"),
        user_domain_id: Some("d1"),
        project_id: Some("p1"),
        project_domain_id: Some("d1"),
        roles: &["member", "Reader", "\u{130}"],
        token,
        ..Credentials::default()
    };
    let system = Credentials { user_id: Some("u2"), system_scope: Some("all"), roles: &["admin"], ..member };
    [Credentials::default(), member, Credentials { project_id: None, project_domain_id: None, ..system }]
}

fn targets(body: &serde_json::Value) -> [Target<'_>; 2] {
    let target = Target::new()
        .with("user_id", "u1")
        .with("target.user.id", "u1")
        .with("target.user.domain_id", "d1")
        .with_optional("target.role.domain_id", None::<&str>)
        .with_flag("target.user.enabled", true)
        .with_request_body(body);
    [Target::new(), target]
}
