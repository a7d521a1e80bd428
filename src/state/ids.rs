//! Identifiers as types, so that a user's id is never taken for a project's.

use std::borrow::Borrow;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;
use std::sync::Arc;

/// The id of an entity of kind `K`: up to 64 characters, not always a UUID.
///
/// A clone costs one reference count: the persistent maps clone their keys.
pub struct Id<K>(Arc<str>, PhantomData<fn() -> K>);

impl<K> Id<K> {
    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<K> From<&str> for Id<K> {
    fn from(text: &str) -> Self {
        Self(Arc::from(text), PhantomData)
    }
}

impl<K> Clone for Id<K> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0), PhantomData)
    }
}

impl<K> PartialEq for Id<K> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl<K> Eq for Id<K> {}

impl<K> PartialOrd for Id<K> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<K> Ord for Id<K> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.cmp(&other.0)
    }
}

/// As its text does, so that either finds the other.
impl<K> Hash for Id<K> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl<K> Borrow<str> for Id<K> {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl<K> fmt::Debug for Id<K> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.0)
    }
}

impl<K> fmt::Display for Id<K> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.0)
    }
}

/// The kinds of entity that have ids.
pub mod kind {
    /// A project or a domain: Keystone keeps both under one kind of id.
    pub enum Project {}
    /// A user.
    pub enum User {}
    /// A group of users.
    pub enum Group {}
    /// A role.
    pub enum Role {}
    /// A region of the catalog.
    pub enum Region {}
    /// A service of the catalog.
    pub enum Service {}
    /// An endpoint of the catalog.
    pub enum Endpoint {}
}

/// Id of a project; a domain is a project too.
pub type ProjectId = Id<kind::Project>;
/// Id of a domain.
pub type DomainId = Id<kind::Project>;
/// Id of a user.
pub type UserId = Id<kind::User>;
/// Id of a group.
pub type GroupId = Id<kind::Group>;
/// Id of a role.
pub type RoleId = Id<kind::Role>;
/// Id of a region.
pub type RegionId = Id<kind::Region>;
/// Id of a service.
pub type ServiceId = Id<kind::Service>;
/// Id of an endpoint.
pub type EndpointId = Id<kind::Endpoint>;
