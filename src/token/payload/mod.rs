//! What a Fernet token says: one msgpack array, its first element the version of its layout.
//!
//! ```text
//! version  scope                       elements after the version
//!    0     none                        user methods expiry audit
//!    1     domain                      user methods DOMAIN expiry audit
//!    2     project                     user methods project expiry audit
//!    3     trust                       user methods project expiry audit TRUST
//!    4     none, federated             user methods groups idp protocol expiry audit
//!    5     project, federated          user methods project groups idp protocol expiry audit
//!    6     domain, federated           user methods domain groups idp protocol expiry audit
//!    7     project, OAuth1             user methods project access-token expiry audit
//!    8     system                      user methods "all" expiry audit
//!    9     project, app. credential    user methods project expiry audit application-credential
//!   10     project, OAuth2 mTLS        user methods project domain expiry audit thumbprint
//! ```
//!
//! Lower-case ids are pairs `[is_uuid, value]`; `TRUST` is 16 bare bytes, and `DOMAIN` is 16 bare bytes
//! or the bare text of `[identity] default_domain_id`. The time of issue is not in here: it is in the
//! envelope (see [`super::fernet`]). The bytes are those of Keystone 30.

mod decode;
mod encode;
mod id;
mod methods;
mod reader;
mod receipt;
mod writer;

pub use id::{PayloadId, UuidBytes, parse_uuid};
pub use methods::{MAX_METHODS, MethodList, MethodListError, MethodMask};
pub use receipt::ReceiptPayload;

use super::audit::AuditIds;

/// The last second of the year 9999. Later times have no text form in the API.
pub const MAX_TIME_SECONDS: u64 = 253_402_300_799;

/// Everything a token says, except when it was issued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payload {
    /// Who the token speaks for.
    pub user: PayloadId,
    /// How the user authenticated.
    pub methods: MethodMask,
    /// When the token ends, in seconds since the epoch.
    pub expires_at_seconds: u64,
    /// The public names of the token and of its chain.
    pub audit: AuditIds,
    /// What the token reaches, and by whose grant. It decides the version of the layout.
    pub scope: PayloadScope,
}

/// What a token reaches, and by whose grant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PayloadScope {
    /// Nothing.
    Unscoped,
    /// A domain. A text id can only be the default domain's.
    Domain(PayloadId),
    /// A project.
    Project(PayloadId),
    /// What a trust delegates.
    Trust {
        /// The project of the trust, if it names one.
        project: Option<PayloadId>,
        /// The trust.
        trust: UuidBytes,
    },
    /// Nothing; the user comes from an identity provider.
    FederatedUnscoped(Federation),
    /// A project; the user comes from an identity provider.
    FederatedProject {
        /// The project.
        project: PayloadId,
        /// Where the user comes from.
        federation: Federation,
    },
    /// A domain; the user comes from an identity provider.
    FederatedDomain {
        /// The domain.
        domain: PayloadId,
        /// Where the user comes from.
        federation: Federation,
    },
    /// What an OAuth1 access token delegates.
    Oauth1 {
        /// The project of the access token.
        project: PayloadId,
        /// The access token.
        access_token: PayloadId,
    },
    /// The whole system.
    System,
    /// What an application credential delegates.
    ApplicationCredential {
        /// The project of the application credential.
        project: PayloadId,
        /// The application credential.
        application_credential: PayloadId,
    },
    /// What an OAuth2 client reaches, with its certificate only.
    Oauth2Mtls {
        /// The project, if any.
        project: Option<PayloadId>,
        /// The domain, if any.
        domain: Option<PayloadId>,
        /// The thumbprint of the certificate, as text.
        thumbprint: String,
    },
}

/// Where a federated user comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Federation {
    /// The groups that the mapping put the user in.
    pub groups: Vec<PayloadId>,
    /// The identity provider.
    pub identity_provider: PayloadId,
    /// The protocol, for example `saml2`.
    pub protocol: String,
}

/// Why bytes are not a payload, or a payload has no bytes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PayloadError {
    /// The bytes end inside an element.
    #[error("the payload ends inside {expected}")]
    Truncated {
        /// What was being read.
        expected: &'static str,
    },
    /// An element has another type than its place demands.
    #[error("the payload has type {found:#04x} in place of {expected}")]
    UnexpectedType {
        /// What was being read.
        expected: &'static str,
        /// The first byte found.
        found: u8,
    },
    /// An element has another length than its place demands.
    #[error("the payload has {found} elements or bytes in place of {expected}")]
    UnexpectedLength {
        /// What was being read.
        expected: &'static str,
        /// The length found.
        found: usize,
    },
    /// A text element is not UTF-8.
    #[error("{expected} is not UTF-8")]
    NotUtf8 {
        /// What was being read.
        expected: &'static str,
    },
    /// An id that must be there is null.
    #[error("the {expected} is null")]
    MissingId {
        /// What was being read.
        expected: &'static str,
    },
    /// The version is none of those known.
    #[error("payload version {0} is not known")]
    UnknownVersion(u64),
    /// The expiry is not a number, or lies before 1970 or after 9999.
    #[error("the expiry is not a time between 1970 and 9999")]
    ExpiryOutOfRange,
    /// The system scope is not `all`.
    #[error("the system scope is not \"all\"")]
    UnknownSystem,
    /// A domain-scoped payload holds only UUIDs and the default domain's id.
    #[error("the domain id is neither a UUID nor the default domain")]
    DomainNotStorable,
    /// There are bytes after the payload.
    #[error("{0} bytes follow the payload")]
    TrailingBytes(usize),
}

#[cfg(test)]
mod tests;
