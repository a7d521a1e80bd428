//! What is said over the admin channel.

use std::fmt;

use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop};

/// A secret text; it never shows itself in `Debug`.
#[derive(Clone, PartialEq, Eq, Deserialize, Serialize, Zeroize, ZeroizeOnDrop)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// The text in clear.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for Secret {
    fn from(clear: String) -> Self {
        Self(clear)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// `POST /bootstrap`. The names are those of the options of `keystone-manage bootstrap`.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct BootstrapRequest {
    /// Name of the admin user, in the default domain.
    pub username: String,
    /// The password it gets.
    pub password: Secret,
    /// Name of the admin project, in the default domain.
    pub project_name: String,
    /// Name of the admin role.
    pub role_name: String,
    /// Name of the identity service; it is made when a URL is given.
    pub service_name: String,
    /// Region of the endpoints.
    pub region_id: Option<String>,
    /// URL of the public endpoint; none is made without it.
    pub public_url: Option<String>,
    /// URL of the internal endpoint; none is made without it.
    pub internal_url: Option<String>,
    /// URL of the admin endpoint; none is made without it.
    pub admin_url: Option<String>,
    /// Whether the roles that it makes are immutable.
    pub immutable_roles: bool,
}

/// `POST /fernet/rotate`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RotateRequest {
    /// Whether to drop all older keys at once, and with them every token they made.
    pub compromised: bool,
}

/// The keys of Fernet tokens, without their secrets, the staged key first.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct FernetKeys {
    /// By number.
    pub keys: Vec<FernetKey>,
}

/// One key.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct FernetKey {
    /// As in Keystone's key repository: 0 is the staged key, the highest number the primary one.
    pub number: u32,
    /// What it is used for.
    pub role: FernetKeyRole,
    /// When it was made, RFC 3339.
    pub created_at: Option<String>,
    /// For a secondary key: until when tokens that it made may be valid, RFC 3339.
    pub needed_until: Option<String>,
}

/// The keys of Fernet tokens with their secrets, as files of a Keystone key repository.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct FernetKeyFiles {
    /// By number.
    pub files: Vec<FernetKeyFile>,
}

/// One file of a key repository.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct FernetKeyFile {
    /// Its name: the number of the key.
    pub name: String,
    /// What it holds: 44 characters of base64.
    pub content: Secret,
}

/// What a key is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FernetKeyRole {
    /// It decrypts, and becomes primary with the next rotation.
    Staged,
    /// It encrypts and decrypts.
    Primary,
    /// It decrypts.
    Secondary,
}

/// The body of an answer that is an error.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct ErrorBody {
    /// What went wrong, without a secret.
    pub error: String,
}
