//! From a payload to its bytes.

use super::writer::Writer;
use super::{Federation, Payload, PayloadError, PayloadId, PayloadScope};

impl Payload {
    /// The bytes, exactly as Keystone 30 writes them. `default_domain_id` is
    /// `[identity] default_domain_id`: the one id of version 1 that need not be a UUID.
    ///
    /// # Errors
    /// [`PayloadError::DomainNotStorable`]: the scope is a domain whose id is neither a UUID nor the
    /// default. [`PayloadError::ExpiryOutOfRange`]: it expires after the year 9999.
    pub fn encode(&self, default_domain_id: &str) -> Result<Vec<u8>, PayloadError> {
        if self.expires_at_seconds > super::MAX_TIME_SECONDS {
            return Err(PayloadError::ExpiryOutOfRange);
        }
        let mut to = Writer::new();
        match &self.scope {
            PayloadScope::Unscoped => {
                self.head(&mut to, 0, 5);
                self.tail(&mut to);
            }
            PayloadScope::Domain(domain) => {
                self.head(&mut to, 1, 6);
                match domain {
                    PayloadId::Uuid(bytes) => to.bytes(bytes),
                    PayloadId::Text(text) if **text == *default_domain_id => to.text(text),
                    PayloadId::Text(_) => return Err(PayloadError::DomainNotStorable),
                }
                self.tail(&mut to);
            }
            PayloadScope::Project(project) => {
                self.head(&mut to, 2, 6);
                to.id(project);
                self.tail(&mut to);
            }
            PayloadScope::Trust { project, trust } => {
                self.head(&mut to, 3, 7);
                to.optional_id(project.as_ref());
                self.tail(&mut to);
                to.bytes(trust);
            }
            PayloadScope::FederatedUnscoped(federation) => {
                self.head(&mut to, 4, 8);
                federation.encode(&mut to);
                self.tail(&mut to);
            }
            PayloadScope::FederatedProject { project, federation } => {
                self.head(&mut to, 5, 9);
                to.id(project);
                federation.encode(&mut to);
                self.tail(&mut to);
            }
            PayloadScope::FederatedDomain { domain, federation } => {
                self.head(&mut to, 6, 9);
                to.id(domain);
                federation.encode(&mut to);
                self.tail(&mut to);
            }
            PayloadScope::Oauth1 { project, access_token } => {
                self.head(&mut to, 7, 7);
                to.id(project);
                to.id(access_token);
                self.tail(&mut to);
            }
            PayloadScope::System => {
                self.head(&mut to, 8, 6);
                to.text("all");
                self.tail(&mut to);
            }
            PayloadScope::ApplicationCredential { project, application_credential } => {
                self.head(&mut to, 9, 7);
                to.id(project);
                self.tail(&mut to);
                to.id(application_credential);
            }
            PayloadScope::Oauth2Mtls { project, domain, thumbprint } => {
                self.head(&mut to, 10, 8);
                to.optional_id(project.as_ref());
                to.optional_id(domain.as_ref());
                self.tail(&mut to);
                to.text_id(thumbprint);
            }
        }
        Ok(to.finish())
    }

    fn head(&self, to: &mut Writer, version: u64, elements: usize) {
        to.array(elements);
        to.uint(version);
        to.id(&self.user);
        to.methods(self.methods);
    }

    fn tail(&self, to: &mut Writer) {
        to.time(self.expires_at_seconds);
        to.audit(&self.audit);
    }
}

impl Federation {
    fn encode(&self, to: &mut Writer) {
        to.array(self.groups.len());
        for group in &self.groups {
            to.id(group);
        }
        to.id(&self.identity_provider);
        to.text(&self.protocol);
    }
}
