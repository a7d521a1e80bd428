//! The state: every table of the service as one immutable value, and the commands that change it.
//!
//! A reader loads one [`State`] and sees one point in time across users, roles, catalog and
//! revocations, without a lock, for as long as it likes.

pub mod apply;
pub mod attributes;
pub mod before;
pub mod error;
#[cfg(test)]
#[allow(missing_docs)]
pub mod fixture;
pub mod ids;
pub mod table;
#[cfg(test)]
pub(crate) mod test_log;
#[cfg(test)]
pub(crate) mod test_workload;
pub mod transaction;

pub use apply::{Identity, decode_answer};
pub use before::Before;
pub use error::CommandError;
pub use ids::{DomainId, EndpointId, GroupId, ProjectId, RegionId, RoleId, ServiceId, UserId};
pub use table::{HashIndex, Record, Table};
pub use transaction::Transaction;

use crate::{assignment, catalog, identity, keys, resource, revoke, role};

/// Every table with its indexes. Persistent maps: a clone costs O(1).
#[derive(Clone, Default)]
pub struct State {
    /// Domains and projects.
    pub resource: resource::Tables,
    /// Users, groups and memberships.
    pub identity: identity::Tables,
    /// Roles and their implications.
    pub role: role::Tables,
    /// Who has which role on what.
    pub assignment: assignment::Tables,
    /// Regions, services and endpoints.
    pub catalog: catalog::Tables,
    /// Revocation events.
    pub revoke: revoke::Tables,
    /// Key sets, sealed.
    pub keys: keys::Tables,
}
