//! Receipts: what a client that has to combine methods holds between one and the next.
//!
//! Receipts are sealed with the keys of tokens, as by Keystone's default, where both repositories are one folder:
//! one replicated repository and one rotation serve both, and a Keystone with the same keys reads our receipts and
//! we read its. A receipt never passes for a token nor a token for a receipt, as their contents differ in form.

use std::sync::Arc;

use keyraft_cluster::Random;
use keyraft_proto::identity::{Project, User};
use serde_json::{Value, json};

use crate::clock_text::iso_seconds;
use crate::token::fernet::KeyRing;
use crate::token::payload::{MethodList, MethodMask, PayloadError, PayloadId, ReceiptPayload};

/// A log-in that has succeeded so far and needs more methods.
#[derive(Debug, Clone)]
pub struct Receipt {
    /// Who logs in.
    pub user: Arc<User>,
    /// The user's domain.
    pub user_domain: Arc<Project>,
    /// What has succeeded.
    pub methods: MethodMask,
    /// The user's rules that these methods have begun to meet.
    pub required: Vec<MethodMask>,
    /// Seconds since the epoch.
    pub issued_at_s: u64,
    /// Seconds since the epoch.
    pub expires_at_s: u64,
}

impl Receipt {
    /// The text that the client sends with its next method.
    ///
    /// # Errors
    /// It expires after the year 9999.
    pub fn seal(&self, ring: &KeyRing, random: &dyn Random) -> Result<String, PayloadError> {
        let payload = ReceiptPayload {
            user: PayloadId::from(self.user.id.as_str()),
            methods: self.methods,
            expires_at_seconds: self.expires_at_s,
        };
        Ok(ring.seal(random, self.issued_at_s, &payload.encode()?))
    }

    /// The JSON of the answer.
    #[must_use]
    pub fn render(&self, methods: &MethodList) -> Value {
        let names = |mask: MethodMask| methods.names(mask).collect::<Vec<_>>();
        let (user, domain) = (&self.user, &self.user_domain);
        json!({
            "receipt": {
                "methods": names(self.methods),
                "user": {
                    "id": user.id,
                    "name": user.name,
                    "domain": { "id": domain.id, "name": domain.name },
                },
                "expires_at": iso_seconds(self.expires_at_s),
                "issued_at": iso_seconds(self.issued_at_s),
            },
            "required_auth_methods": self.required.iter().map(|rule| names(*rule)).collect::<Vec<_>>(),
        })
    }
}

/// The methods that a receipt vouches for; none if it is not a receipt, is over, or is another user's.
#[must_use]
pub fn methods_of(ring: &KeyRing, text: &str, user_id: &str, now_s: u64) -> Option<MethodMask> {
    let opened = ring.open(text).ok()?;
    let payload = ReceiptPayload::decode(&opened.plaintext).ok()?;
    (payload.user.is(user_id) && now_s < payload.expires_at_seconds).then_some(payload.methods)
}

#[cfg(test)]
mod tests {
    use keyraft_cluster::SeededRandom;

    use super::*;
    use crate::token::fernet::FernetKey;

    const USER: &str = "0123456789abcdef0123456789abcdef";
    const PASSWORD: MethodMask = MethodMask(2);

    fn receipt() -> Receipt {
        let user = User { id: USER.into(), name: "u".into(), ..User::default() };
        let domain = Project { id: "d".into(), name: "D".into(), ..Project::default() };
        Receipt {
            user: Arc::new(user),
            user_domain: Arc::new(domain),
            methods: PASSWORD,
            required: vec![MethodMask(2 | 4)],
            issued_at_s: 1_700_000_000,
            expires_at_s: 1_700_000_300,
        }
    }

    #[test]
    fn a_receipt_vouches_for_its_methods_to_its_user_until_its_end() {
        let random = SeededRandom::from_seed(1);
        let ring = |random: &SeededRandom| KeyRing::new([(1, FernetKey::generate(random))]).unwrap();
        let (ours, other) = (ring(&random), ring(&random));
        let text = receipt().seal(&ours, &random).unwrap();
        let read = |text: &str, user_id: &str, now_s: u64| methods_of(&ours, text, user_id, now_s);
        assert_eq!(read(&text, USER, 1_700_000_299), Some(PASSWORD));
        assert_eq!(read(&text, USER, 1_700_000_300), None);
        assert_eq!(read(&text, "other", 1_700_000_000), None);
        assert_eq!(read(&text[..text.len() - 4], USER, 1_700_000_000), None);
        assert_eq!(methods_of(&other, &text, USER, 1_700_000_000), None);
        assert_eq!(read("", USER, 1_700_000_000), None);
    }

    #[test]
    fn the_answer_says_what_has_succeeded_and_what_is_required() {
        let methods = MethodList::new(["external", "password", "token"]).unwrap();
        assert_eq!(
            receipt().render(&methods),
            json!({
                "receipt": {
                    "methods": ["password"],
                    "user": { "id": USER, "name": "u", "domain": { "id": "d", "name": "D" } },
                    "expires_at": "2023-11-14T22:18:20.000000Z",
                    "issued_at": "2023-11-14T22:13:20.000000Z",
                },
                "required_auth_methods": [["token", "password"]],
            })
        );
    }
}
