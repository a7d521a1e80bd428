//! Audit ids: the public names of tokens, safe to write down where the token itself is not.

use std::fmt;
use std::ops::Deref;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use keyraft_cluster::Random;

/// Characters of an audit id in its text form.
pub const AUDIT_ID_CHARS: usize = 22;

/// The public name of one token: 16 random bytes, shown as 22 characters of URL-safe base64.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AuditId([u8; 16]);

impl AuditId {
    /// A new id. The bytes are those of a version 4 UUID, as Keystone's are.
    #[must_use]
    pub fn generate(random: &dyn Random) -> Self {
        let mut bytes = [0; 16];
        random.fill(&mut bytes);
        Self(uuid::Builder::from_random_bytes(bytes).into_uuid().into_bytes())
    }

    /// The id with these bytes, as payloads store it.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The bytes that payloads store.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// The text form, 22 characters. It allocates nothing.
    #[must_use]
    pub fn text(&self) -> AuditIdText {
        let mut text = [0; AUDIT_ID_CHARS];
        // 16 bytes are 22 characters.
        let _ = URL_SAFE_NO_PAD.encode_slice(self.0, &mut text);
        AuditIdText(text)
    }

    /// Reads the text form. `None` unless `text` is the 22 characters of 16 bytes.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() != AUDIT_ID_CHARS {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        bytes.try_into().ok().map(Self)
    }
}

impl fmt::Display for AuditId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text())
    }
}

/// An audit id as text.
#[derive(Clone, Copy)]
pub struct AuditIdText([u8; AUDIT_ID_CHARS]);

impl Deref for AuditIdText {
    type Target = str;

    fn deref(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Debug for AuditId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AuditId({self})")
    }
}

/// The `audit_ids` of a token: its own id and, once rescoped, the id of the first token of its chain.
///
/// Revoking a chain revokes every token that names it, so the second id is always that of the
/// *first* token, however often the token was exchanged since.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuditIds {
    /// Names this token alone.
    pub own: AuditId,
    /// Names the first token of the chain; absent on that first token.
    pub chain: Option<AuditId>,
}

impl AuditIds {
    /// The ids of a token that begins a chain.
    #[must_use]
    pub fn first(random: &dyn Random) -> Self {
        Self { own: AuditId::generate(random), chain: None }
    }

    /// The ids of a token obtained by presenting the token that has `self`.
    #[must_use]
    pub fn rescoped(&self, random: &dyn Random) -> Self {
        Self { own: AuditId::generate(random), chain: Some(self.chain_id()) }
    }

    /// The id that all tokens of this chain share: that of its first token.
    #[must_use]
    pub fn chain_id(&self) -> AuditId {
        self.chain.unwrap_or(self.own)
    }

    /// The ids in the order the API shows them.
    pub fn iter(&self) -> impl Iterator<Item = AuditId> {
        std::iter::once(self.own).chain(self.chain)
    }
}

#[cfg(test)]
mod tests {
    use keyraft_cluster::SeededRandom;

    use super::*;

    #[test]
    fn an_audit_id_is_22_url_safe_characters_and_reads_back() {
        let random = SeededRandom::from_seed(1);
        for _ in 0..100 {
            let id = AuditId::generate(&random);
            let text = id.to_string();
            assert_eq!(text.len(), AUDIT_ID_CHARS);
            assert!(text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'));
            assert_eq!(AuditId::parse(&text), Some(id));
            assert_eq!(uuid::Uuid::from_bytes(*id.as_bytes()).get_version_num(), 4);
        }
    }

    #[test]
    fn other_text_is_not_an_audit_id() {
        for text in
            ["", "AAECAwQFBgcICQoLDA0OD", "AAECAwQFBgcICQoLDA0ODwA", "AAECAwQFBgcICQoLDA0O=w", "äääääääääää"]
        {
            assert_eq!(AuditId::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_rescoped_token_names_the_first_token_of_its_chain() {
        let random = SeededRandom::from_seed(2);
        let first = AuditIds::first(&random);
        let second = first.rescoped(&random);
        let third = second.rescoped(&random);
        assert_eq!(first.iter().collect::<Vec<_>>(), [first.own]);
        assert_eq!(second.chain, Some(first.own));
        assert_eq!(third.chain, Some(first.own));
        assert_eq!(third.iter().collect::<Vec<_>>(), [third.own, first.own]);
        assert_ne!(second.own, third.own);
        assert_eq!(third.chain_id(), first.chain_id());
    }
}
