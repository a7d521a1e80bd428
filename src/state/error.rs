//! Why a command was refused, as it travels in the log's answers.

use keyraft_proto::identity as proto;
use proto::rejection::Kind;

/// The refusal of a command: decided in `apply`, so it is the same on every node.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// The command comes from a newer version of Keyraft than this node's.
    #[error("unknown command")]
    Unknown,
    /// Something that the command names does not exist.
    #[error("Could not find {entity}: {id}.")]
    NotFound {
        /// What was looked for.
        entity: String,
        /// Its id.
        id: String,
    },
    /// The name or id is taken.
    #[error("Conflict occurred attempting to store {entity} - {detail}")]
    Conflict {
        /// What was to be stored.
        entity: String,
        /// Which value is taken.
        detail: String,
    },
    /// The state of things forbids it, whoever asks.
    #[error("{0}")]
    Forbidden(String),
    /// A value that is wrong given the state of things.
    #[error("{0}")]
    Invalid(String),
    /// What the caller proved is no longer so.
    #[error("{0}")]
    Unauthorized(String),
}

impl CommandError {
    /// A name that is taken within a domain.
    #[must_use]
    pub fn duplicate_name(entity: &str, name: &str, domain_id: Option<&str>) -> Self {
        let detail = match domain_id {
            Some(domain) => format!("Duplicate entry found with name {name} at domain ID {domain}."),
            None => format!("Duplicate entry found with name {name}."),
        };
        Self::Conflict { entity: entity.into(), detail }
    }

    /// An id that is taken.
    #[must_use]
    pub fn duplicate_id(entity: &str, id: &str) -> Self {
        Self::Conflict { entity: entity.into(), detail: format!("Duplicate ID, {id}.") }
    }

    /// A record that carries the option `immutable`.
    #[must_use]
    pub fn immutable(entity: &str, id: &str, is_deletion: bool) -> Self {
        let verb = if is_deletion { "delete" } else { "update" };
        // The backquote that is never closed is Keystone's.
        Self::Forbidden(format!(
            "Unable to {verb} immutable {entity} resource: `{id}. Set resource option \"immutable\" to false first."
        ))
    }
}

impl From<CommandError> for proto::Rejection {
    fn from(error: CommandError) -> Self {
        let (kind, entity, detail) = match error {
            CommandError::Unknown => (Kind::UnknownCommand, String::new(), String::new()),
            CommandError::NotFound { entity, id } => (Kind::NotFound, entity, id),
            CommandError::Conflict { entity, detail } => (Kind::Conflict, entity, detail),
            CommandError::Forbidden(detail) => (Kind::Forbidden, String::new(), detail),
            CommandError::Invalid(detail) => (Kind::Invalid, String::new(), detail),
            CommandError::Unauthorized(detail) => (Kind::Unauthorized, String::new(), detail),
        };
        Self { kind: kind.into(), entity, detail }
    }
}

impl From<proto::Rejection> for CommandError {
    fn from(rejection: proto::Rejection) -> Self {
        let kind = rejection.kind();
        let proto::Rejection { entity, detail, .. } = rejection;
        match kind {
            Kind::UnknownCommand => Self::Unknown,
            Kind::NotFound => Self::NotFound { entity, id: detail },
            Kind::Conflict => Self::Conflict { entity, detail },
            Kind::Forbidden => Self::Forbidden(detail),
            Kind::Invalid => Self::Invalid(detail),
            Kind::Unauthorized => Self::Unauthorized(detail),
        }
    }
}
