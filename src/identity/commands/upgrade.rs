//! Replacing the hash of a password by a stronger one of the same password.

use keyraft_proto::identity::{Password, UpgradePasswordHash, User};

use crate::identity::account;
use crate::state::{CommandError, Transaction};

/// Replaces the hash of a user's password, which stays the same password: it is no change of it, so neither its age
/// nor its end moves, and no token is revoked.
///
/// # Errors
/// The user is missing, or the hash that was verified is no longer the user's.
pub fn upgrade_password_hash(tx: &mut Transaction, command: UpgradePasswordHash) -> Result<(), CommandError> {
    let mut user = User::clone(&*tx.require::<User>(&command.user_id)?);
    let verified = |password: &&Password| password.sealed_hash == command.verified_sealed_hash;
    let Some(password) = account::password_of(&user).filter(verified).cloned() else {
        return Err(CommandError::Unauthorized("The password was changed meanwhile.".into()));
    };
    user.password = Some(Password { sealed_hash: command.sealed_hash, ..password });
    tx.put(user);
    Ok(())
}

#[cfg(test)]
mod tests {
    use keyraft_proto::identity as proto;
    use proto::command::Kind;

    use super::*;
    use crate::state::fixture::Deployment;

    fn deployment() -> Deployment {
        let mut deployment = Deployment::small();
        let password = Some(Password { sealed_hash: b"weak".to_vec().into(), ..Password::default() });
        let update = proto::UpdateUser { id: "u".into(), password, ..proto::UpdateUser::default() };
        deployment.run(Kind::UpdateUser(update)).unwrap();
        deployment
    }

    fn upgrade(user_id: &str, verified: &[u8]) -> Kind {
        Kind::UpgradePasswordHash(UpgradePasswordHash {
            user_id: user_id.into(),
            verified_sealed_hash: verified.to_vec().into(),
            sealed_hash: b"strong".to_vec().into(),
        })
    }

    fn user(deployment: &Deployment) -> User {
        User::clone(deployment.state.identity.users.get("u").unwrap())
    }

    #[test]
    fn the_hash_is_replaced_and_nothing_else() {
        let mut deployment = deployment();
        let before = user(&deployment);
        let events = deployment.state.revoke.events.len();
        deployment.run(upgrade("u", b"weak")).unwrap();
        let password = before.password.clone().unwrap();
        let password = Some(Password { sealed_hash: b"strong".to_vec().into(), ..password });
        assert_eq!(user(&deployment), User { password, ..before });
        assert_eq!(deployment.state.revoke.events.len(), events);
    }

    #[test]
    fn a_hash_that_is_no_longer_the_verified_one_stays() {
        let mut deployment = deployment();
        let before = user(&deployment);
        let error = deployment.run(upgrade("u", b"older")).unwrap_err();
        assert!(matches!(error, CommandError::Unauthorized(_)), "{error}");
        assert_eq!(user(&deployment), before);
        let remove = proto::UpdateUser { id: "u".into(), remove_password: true, ..Default::default() };
        deployment.run(Kind::UpdateUser(remove)).unwrap();
        assert!(deployment.run(upgrade("u", b"")).is_err());
        assert!(deployment.run(upgrade("nobody", b"weak")).is_err());
    }
}
