//! `/v3/OS-REVOKE/events`

use keyraft_proto::identity::RevocationEvent;
use serde_json::{Map, Value, json};

use crate::clock_text::{iso_seconds, parse_ms};
use crate::http::operation::{self, Operation};
use crate::http::{Answer, ApiError, Call, ok};
use crate::policy::{Rule, Target};

/// What may be done on revocation events.
pub fn operations() -> Vec<Operation> {
    vec![
        operation::get(list, "List the revocation events")
            .rule(Rule::ListRevokeEvents)
            .parameters(&["since"])
            .array("events"),
    ]
}

/// Lists the revocation events in their order; `?since` keeps those revoked later than that.
/// Policy: `identity:list_revoke_events`.
///
/// # Errors
/// 400 for an unreadable time, 401, 403.
pub async fn list(call: Call) -> Answer {
    call.caller()?.enforce(Rule::ListRevokeEvents, &Target::new())?;
    let since_ms = since_ms(call.query.get("since"))?;
    let events: Vec<Value> = call
        .state()
        .revoke
        .events
        .values()
        .filter(|event| is_later(event, since_ms))
        .map(|event| render(event))
        .collect();
    let links = json!({ "next": null, "self": call.link("OS-REVOKE/events"), "previous": null });
    Ok(ok(&json!({ "events": events, "links": links })))
}

fn since_ms(since: Option<&str>) -> Result<Option<u64>, ApiError> {
    match since.filter(|since| !since.is_empty()) {
        None => Ok(None),
        Some(since) => match parse_ms(since) {
            Some(since_ms) => Ok(Some(since_ms)),
            None => Err(ApiError::BadRequest(format!("invalidate date format {since}"))),
        },
    }
}

/// Events are shown, and so compared, in whole seconds.
fn is_later(event: &RevocationEvent, since_ms: Option<u64>) -> bool {
    since_ms.is_none_or(|since_ms| revoked_at_s(event) * 1000 > since_ms)
}

fn revoked_at_s(event: &RevocationEvent) -> u64 {
    event.revoked_at_ms / 1000
}

/// The JSON of an event: only what it names.
fn render(event: &RevocationEvent) -> Value {
    // With an end of life, a domain stands for the tokens scoped to it.
    let is_of_scope = event.expires_at_s.is_some();
    let domain = if is_of_scope { "domain_scope_id" } else { "domain_id" };
    let names = [
        ("user_id", &event.user_id),
        ("role_id", &event.role_id),
        (domain, &event.domain_id),
        ("project_id", &event.project_id),
        ("audit_id", &event.audit_id),
        ("audit_chain_id", &event.audit_chain_id),
        ("OS-TRUST:trust_id", &event.trust_id),
        ("OS-OAUTH1:consumer_id", &event.consumer_id),
        ("OS-OAUTH1:access_token_id", &event.access_token_id),
    ];
    let mut object: Map<String, Value> = names
        .into_iter()
        .filter_map(|(name, value)| value.as_deref().map(|value| (name.to_owned(), json!(value))))
        .collect();
    if let Some(expires_at_s) = event.expires_at_s {
        object.insert("expires_at".into(), json!(without_fraction(&iso_seconds(expires_at_s))));
    }
    object.insert("issued_before".into(), json!(iso_seconds(event.issued_before_s)));
    object.insert("revoked_at".into(), json!(iso_seconds(revoked_at_s(event))));
    Value::Object(object)
}

fn without_fraction(time: &str) -> String {
    time.replace(".000000", "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_shows_what_it_names_in_whole_seconds() {
        let event = RevocationEvent {
            user_id: Some("u".into()),
            issued_before_s: 1_700_000_000,
            revoked_at_ms: 1_700_000_000_987,
            ..RevocationEvent::default()
        };
        let shown = json!({
            "user_id": "u",
            "issued_before": "2023-11-14T22:13:20.000000Z",
            "revoked_at": "2023-11-14T22:13:20.000000Z",
        });
        assert_eq!(render(&event), shown);
    }

    #[test]
    fn a_domain_with_an_end_of_life_is_a_scope() {
        let domain_id = Some("d".to_owned());
        let event =
            RevocationEvent { domain_id, expires_at_s: Some(1_700_000_000), ..RevocationEvent::default() };
        let shown = render(&event);
        assert_eq!(shown["domain_scope_id"], "d");
        assert_eq!(shown["expires_at"], "2023-11-14T22:13:20Z");
        assert_eq!(shown.get("domain_id"), None);
    }

    #[test]
    fn since_keeps_events_of_later_seconds() {
        let event = RevocationEvent { revoked_at_ms: 1_700_000_000_987, ..RevocationEvent::default() };
        let passes = |since: &str| is_later(&event, since_ms(Some(since)).unwrap());
        assert!(passes("2023-11-14T22:13:19Z"));
        assert!(!passes("2023-11-14T22:13:20Z"));
        assert!(passes(""));
        assert_eq!(since_ms(Some("soon")).unwrap_err().to_string(), "invalidate date format soon");
    }
}
