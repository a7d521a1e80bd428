//! `apply`: from a state and a command to the next state and an answer.

use bytes::Bytes;
use keyraft_cluster::{Application, LogMoment, Row, RowChange, RowError};
use keyraft_proto::identity as proto;
use prost::Message;
use proto::answer::Result as AnswerResult;
use proto::command::Kind;

use super::table::{Record, load_row};
use super::{CommandError, State, Transaction};
use crate::{assignment, bootstrap, catalog, identity, keys, resource, revoke, role};

/// The tables that this version can load.
const TABLES: [u8; 13] = [
    proto::Project::TABLE,
    proto::User::TABLE,
    proto::Group::TABLE,
    proto::Membership::TABLE,
    proto::Role::TABLE,
    proto::ImpliedRole::TABLE,
    proto::Assignment::TABLE,
    proto::Region::TABLE,
    proto::Service::TABLE,
    proto::Endpoint::TABLE,
    proto::RevocationEvent::TABLE,
    proto::FernetKeySet::TABLE,
    proto::ActivityWatch::TABLE,
];

/// The identity service as a replicated application.
#[derive(Debug, Default, Clone, Copy)]
pub struct Identity;

impl Application for Identity {
    type State = State;

    fn empty(&self) -> State {
        State::default()
    }

    fn knows_table(&self, table: u8) -> bool {
        TABLES.contains(&table)
    }

    fn load(&self, rows: &mut dyn Iterator<Item = Row>) -> Result<State, RowError> {
        let mut state = State::default();
        for row in rows {
            load(&mut state, &row)?;
        }
        Ok(state)
    }

    fn rows<'a>(&'a self, state: &'a State) -> Box<dyn Iterator<Item = Row> + Send + 'a> {
        Box::new(
            (state.resource.projects.rows())
                .chain(state.identity.users.rows())
                .chain(state.identity.groups.rows())
                .chain(state.identity.memberships.rows())
                .chain(state.role.roles.rows())
                .chain(state.role.implied_roles.rows())
                .chain(state.assignment.assignments.rows())
                .chain(state.catalog.regions.rows())
                .chain(state.catalog.services.rows())
                .chain(state.catalog.endpoints.rows())
                .chain(state.revoke.events.rows())
                .chain(state.keys.fernet.rows())
                .chain(state.identity.activity_watch.rows()),
        )
    }

    fn apply(
        &self,
        state: &mut State,
        moment: LogMoment,
        command: &[u8],
        changes: &mut Vec<RowChange>,
    ) -> Bytes {
        let result = proto::Command::decode(command)
            .ok()
            .and_then(|command| command.kind)
            .ok_or(CommandError::Unknown)
            .and_then(|kind| {
                let mut transaction = Transaction::begin(state, moment);
                let record = run(&mut transaction, kind)?;
                let (next, rows) = transaction.commit();
                *state = next;
                changes.extend(rows);
                Ok(record)
            });
        let result = match result {
            Ok(record) => AnswerResult::Done(record),
            Err(error) => AnswerResult::Rejected(error.into()),
        };
        proto::Answer { result: Some(result) }.encode_to_vec().into()
    }
}

/// Reads the answer of a command: the encoded record that it made or changed, or its refusal.
///
/// # Errors
/// The refusal. An answer that cannot be read counts as [`CommandError::Unknown`].
pub fn decode_answer(answer: &[u8]) -> Result<Bytes, CommandError> {
    match proto::Answer::decode(answer).ok().and_then(|answer| answer.result) {
        Some(AnswerResult::Done(record)) => Ok(record),
        Some(AnswerResult::Rejected(rejection)) => Err(rejection.into()),
        None => Err(CommandError::Unknown),
    }
}

fn load(state: &mut State, row: &Row) -> Result<(), RowError> {
    let value = row.value.as_slice();
    match row.key.first().copied() {
        Some(proto::Project::TABLE) => load_row::<proto::Project>(state, value),
        Some(proto::User::TABLE) => load_row::<proto::User>(state, value),
        Some(proto::Group::TABLE) => load_row::<proto::Group>(state, value),
        Some(proto::Membership::TABLE) => load_row::<proto::Membership>(state, value),
        Some(proto::Role::TABLE) => load_row::<proto::Role>(state, value),
        Some(proto::ImpliedRole::TABLE) => load_row::<proto::ImpliedRole>(state, value),
        Some(proto::Assignment::TABLE) => load_row::<proto::Assignment>(state, value),
        Some(proto::Region::TABLE) => load_row::<proto::Region>(state, value),
        Some(proto::Service::TABLE) => load_row::<proto::Service>(state, value),
        Some(proto::Endpoint::TABLE) => load_row::<proto::Endpoint>(state, value),
        Some(proto::RevocationEvent::TABLE) => load_row::<proto::RevocationEvent>(state, value),
        Some(proto::FernetKeySet::TABLE) => load_row::<proto::FernetKeySet>(state, value),
        Some(proto::ActivityWatch::TABLE) => load_row::<proto::ActivityWatch>(state, value),
        other => Err(RowError { table: other.unwrap_or(0), reason: "unknown table".into() }),
    }
}

/// The encoded form of the record that a command made or changed.
fn made<R: Message>(record: R) -> Bytes {
    record.encode_to_vec().into()
}

fn nothing(_: ()) -> Bytes {
    Bytes::new()
}

fn run(tx: &mut Transaction, kind: Kind) -> Result<Bytes, CommandError> {
    match kind {
        Kind::CreateProject(command) => resource::commands::create(tx, command).map(made),
        Kind::UpdateProject(command) => resource::commands::update(tx, command).map(made),
        Kind::AddProjectTag(command) => resource::commands::tags::add(tx, command).map(nothing),
        Kind::RemoveProjectTag(command) => resource::commands::tags::remove(tx, command).map(nothing),
        Kind::DeleteProject(command) => resource::commands::delete(tx, &command).map(nothing),
        Kind::CreateUser(command) => identity::commands::create_user(tx, command).map(made),
        Kind::UpdateUser(command) => identity::commands::update_user(tx, command).map(made),
        Kind::DeleteUser(command) => identity::commands::delete_user(tx, &command).map(nothing),
        Kind::ChangePassword(command) => identity::commands::login::change_password(tx, command).map(nothing),
        Kind::RecordFailedLogin(command) => {
            identity::commands::login::record_failed(tx, command).map(nothing)
        }
        Kind::RecordLogin(command) => identity::commands::login::record(tx, command).map(nothing),
        Kind::WatchActivity(command) => identity::commands::login::watch_activity(tx, &command).map(nothing),
        Kind::UpgradePasswordHash(command) => {
            identity::commands::upgrade::upgrade_password_hash(tx, command).map(nothing)
        }
        Kind::CreateGroup(command) => identity::commands::create_group(tx, command).map(made),
        Kind::UpdateGroup(command) => identity::commands::update_group(tx, command).map(made),
        Kind::DeleteGroup(command) => identity::commands::delete_group(tx, &command).map(nothing),
        Kind::AddUserToGroup(command) => identity::commands::add_user_to_group(tx, command).map(nothing),
        Kind::RemoveUserFromGroup(command) => {
            identity::commands::remove_user_from_group(tx, command).map(nothing)
        }
        Kind::CreateRole(command) => role::commands::create(tx, command).map(made),
        Kind::UpdateRole(command) => role::commands::update(tx, command).map(made),
        Kind::DeleteRole(command) => role::commands::delete(tx, &command).map(nothing),
        Kind::CreateImpliedRole(command) => role::commands::create_implied(tx, command).map(nothing),
        Kind::DeleteImpliedRole(command) => role::commands::delete_implied(tx, command).map(nothing),
        Kind::CreateGrant(command) => assignment::commands::create_grant(tx, command).map(nothing),
        Kind::RevokeGrant(command) => assignment::commands::revoke_grant(tx, command).map(nothing),
        Kind::CreateRegion(command) => catalog::commands::create_region(tx, command).map(made),
        Kind::UpdateRegion(command) => catalog::commands::update_region(tx, command).map(made),
        Kind::DeleteRegion(command) => catalog::commands::delete_region(tx, &command).map(nothing),
        Kind::CreateService(command) => catalog::commands::create_service(tx, command).map(made),
        Kind::UpdateService(command) => catalog::commands::update_service(tx, command).map(made),
        Kind::DeleteService(command) => catalog::commands::delete_service(tx, &command).map(nothing),
        Kind::CreateEndpoint(command) => catalog::commands::create_endpoint(tx, command).map(made),
        Kind::UpdateEndpoint(command) => catalog::commands::update_endpoint(tx, command).map(made),
        Kind::DeleteEndpoint(command) => catalog::commands::delete_endpoint(tx, &command).map(nothing),
        Kind::RevokeToken(command) => revoke::commands::revoke_token(tx, command).map(nothing),
        Kind::RevokeUserTokens(command) => revoke::commands::revoke_user_tokens(tx, command).map(nothing),
        Kind::PurgeRevocationEvents(command) => revoke::commands::purge(tx, &command).map(nothing),
        Kind::Bootstrap(command) => bootstrap::commands::bootstrap(tx, command).map(nothing),
        Kind::SetUpFernetKeys(command) => keys::commands::set_up(tx, command).map(nothing),
        Kind::RotateFernetKeys(command) => keys::commands::rotate(tx, command).map(nothing),
        Kind::ReplaceFernetKeys(command) => keys::commands::replace(tx, command).map(nothing),
        Kind::RetireFernetKeys(command) => keys::commands::retire(tx, &command).map(nothing),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_known_tables_are_those_that_can_be_loaded() {
        for table in 0..=u8::MAX {
            let loaded = load(&mut State::default(), &Row { key: vec![table], value: Vec::new() });
            let is_unknown = loaded.is_err_and(|error| error.reason == "unknown table");
            assert_eq!(Identity.knows_table(table), !is_unknown, "table {table}");
        }
    }
}
