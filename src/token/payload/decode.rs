//! From bytes to a payload.

use super::reader::Reader;
use super::{Federation, Payload, PayloadError, PayloadId, PayloadScope};

impl Payload {
    /// Reads the bytes of a payload of any version, written by Keystone or by Keyraft.
    /// `default_domain_id` is `[identity] default_domain_id`.
    ///
    /// # Errors
    /// The bytes are not such a payload. They never cause a panic, nor more memory than a small multiple
    /// of their length.
    pub fn decode(bytes: &[u8], default_domain_id: &str) -> Result<Self, PayloadError> {
        let mut from = Reader::new(bytes);
        let elements = from.array("payload")?;
        let version = from.uint("version")?;
        let Some(expected) = elements_of(version) else { return Err(PayloadError::UnknownVersion(version)) };
        if elements != expected {
            return Err(PayloadError::UnexpectedLength { expected: "payload", found: elements });
        }
        let payload = Self::body(&mut from, version, default_domain_id)?;
        from.end()?;
        Ok(payload)
    }

    fn body(from: &mut Reader<'_>, version: u64, default_domain_id: &str) -> Result<Self, PayloadError> {
        let user = from.id("user")?;
        let methods = from.methods()?;
        let (scope, expires_at_seconds, audit) = match version {
            0 => (PayloadScope::Unscoped, from.time()?, from.audit()?),
            1 => (PayloadScope::Domain(bare_domain(from, default_domain_id)?), from.time()?, from.audit()?),
            2 => (PayloadScope::Project(from.id("project")?), from.time()?, from.audit()?),
            3 => {
                let project = from.optional_id("project")?;
                let (expires_at_seconds, audit) = (from.time()?, from.audit()?);
                (PayloadScope::Trust { project, trust: from.uuid("trust")? }, expires_at_seconds, audit)
            }
            4 => (PayloadScope::FederatedUnscoped(Federation::decode(from)?), from.time()?, from.audit()?),
            5 => {
                let (project, federation) = (from.id("project")?, Federation::decode(from)?);
                (PayloadScope::FederatedProject { project, federation }, from.time()?, from.audit()?)
            }
            6 => {
                let (domain, federation) = (from.id("domain")?, Federation::decode(from)?);
                (PayloadScope::FederatedDomain { domain, federation }, from.time()?, from.audit()?)
            }
            7 => {
                let (project, access_token) = (from.id("project")?, from.id("access token")?);
                (PayloadScope::Oauth1 { project, access_token }, from.time()?, from.audit()?)
            }
            8 => {
                if from.text("system")? != "all" {
                    return Err(PayloadError::UnknownSystem);
                }
                (PayloadScope::System, from.time()?, from.audit()?)
            }
            9 => {
                let project = from.id("project")?;
                let (expires_at_seconds, audit) = (from.time()?, from.audit()?);
                let application_credential = from.id("application credential")?;
                (
                    PayloadScope::ApplicationCredential { project, application_credential },
                    expires_at_seconds,
                    audit,
                )
            }
            10 => {
                let (project, domain) = (from.optional_id("project")?, from.optional_id("domain")?);
                let (expires_at_seconds, audit) = (from.time()?, from.audit()?);
                let thumbprint = from.id("thumbprint")?.to_string();
                (PayloadScope::Oauth2Mtls { project, domain, thumbprint }, expires_at_seconds, audit)
            }
            unknown => return Err(PayloadError::UnknownVersion(unknown)),
        };
        Ok(Self { user, methods, expires_at_seconds, audit, scope })
    }
}

/// Elements of the array, the version included.
fn elements_of(version: u64) -> Option<usize> {
    match version {
        0 => Some(5),
        1 | 2 | 8 => Some(6),
        3 | 7 | 9 => Some(7),
        4 | 10 => Some(8),
        5 | 6 => Some(9),
        _ => None,
    }
}

/// The domain of version 1: the text of the default domain, or 16 bytes.
fn bare_domain(from: &mut Reader<'_>, default_domain_id: &str) -> Result<PayloadId, PayloadError> {
    let bytes = from.bytes("domain")?;
    if bytes == default_domain_id.as_bytes() {
        return Ok(PayloadId::Text(default_domain_id.into()));
    }
    bytes.try_into().map(PayloadId::Uuid).map_err(|_| PayloadError::DomainNotStorable)
}

impl Federation {
    fn decode(from: &mut Reader<'_>) -> Result<Self, PayloadError> {
        Ok(Self {
            groups: from.ids("group")?,
            identity_provider: from.id("identity provider")?,
            protocol: from.text("protocol")?.to_owned(),
        })
    }
}
