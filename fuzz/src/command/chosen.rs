//! Commands made of choices.

use std::collections::BTreeMap;

use keyraft_proto::identity as proto;
use proto::NullableString;
use proto::command::Kind;

use super::super::input::Input;

const DOMAINS: &[&str] = &["d0", "d1", "", "nowhere"];
const PROJECTS: &[&str] = &["p0", "p1", "p2", "p3", "d0", "d1", ""];
const USERS: &[&str] = &["u0", "u1", "u2"];
const GROUPS: &[&str] = &["g0", "g1"];
const ROLES: &[&str] = &["r0", "r1", "r2"];
const REGIONS: &[&str] = &["a", "b", "c", ""];
const SERVICES: &[&str] = &["s0", "s1"];
const ENDPOINTS: &[&str] = &["e0", "e1"];
const NAMES: &[&str] = &["n0", "n1", "admin", " n0 ", "", "N0", "\u{e9}", "a/b"];
const URLS: &[&str] = &["http://x", "http://x/$(project_id)s", "http://x/%(tenant_id)s", "$(no)s", "%(", ""];

type Texts = BTreeMap<String, String>;

fn text(input: &mut Input<'_>) -> String {
    match input.below(4) {
        0 => String::from_utf8_lossy(input.bytes()).into_owned(),
        _ => input.of(NAMES).to_owned(),
    }
}

fn nullable(input: &mut Input<'_>, choices: &[&str]) -> NullableString {
    NullableString { value: input.maybe(|input| input.of(choices).to_owned()) }
}

fn options(input: &mut Input<'_>) -> Texts {
    let names = ["immutable", "lock_password", "ignore_password_expiry", "unknown"];
    let texts = ["true", "false", "null", "", "[[\"password\"]]", "{"];
    input.some(|input| (input.of(&names).to_owned(), input.of(&texts).to_owned())).into_iter().collect()
}

fn extra(input: &mut Input<'_>) -> Texts {
    let texts = ["null", "1", "\"x\"", "[]", "{", ""];
    input.some(|input| (text(input), input.of(&texts).to_owned())).into_iter().collect()
}

fn password(input: &mut Input<'_>) -> proto::Password {
    let sealed_hash = input.of(&["one", "two"]).as_bytes().to_vec().into();
    proto::Password { sealed_hash, expires_ms: input.maybe(Input::number), ..Default::default() }
}

fn project(input: &mut Input<'_>) -> proto::Project {
    let is_domain = input.flag();
    let id = if is_domain { input.of(DOMAINS) } else { input.of(PROJECTS) };
    proto::Project {
        id: id.into(),
        name: text(input),
        domain_id: if is_domain { String::new() } else { input.of(DOMAINS).into() },
        parent_id: if is_domain { String::new() } else { input.of(PROJECTS).into() },
        is_domain,
        enabled: !input.flag(),
        description: input.maybe(text),
        tags: input.some(text),
        options: options(input),
        extra: extra(input),
    }
}

fn user(input: &mut Input<'_>) -> proto::User {
    proto::User {
        id: input.of(USERS).into(),
        name: text(input),
        domain_id: input.of(DOMAINS).into(),
        enabled: !input.flag(),
        default_project_id: input.maybe(|input| input.of(PROJECTS).to_owned()),
        password: input.maybe(password),
        options: options(input),
        extra: extra(input),
        ..Default::default()
    }
}

fn role(input: &mut Input<'_>) -> proto::Role {
    proto::Role {
        id: input.of(ROLES).into(),
        name: text(input),
        domain_id: input.of(&["", "", "d0", "d1"]).to_owned(),
        description: input.maybe(text),
        options: options(input),
        extra: extra(input),
    }
}

fn assignment(input: &mut Input<'_>) -> proto::Assignment {
    let actor_kind = input.of(&[0, 1, 7]);
    let target_kind = input.of(&[0, 1, 2, 7]);
    proto::Assignment {
        actor_kind,
        actor_id: input.of(if actor_kind == 1 { GROUPS } else { USERS }).into(),
        target_kind,
        target_id: input.of(&["p0", "p1", "d0", "d1", "system", ""]).to_owned(),
        role_id: input.of(ROLES).into(),
        inherited: input.flag(),
    }
}

fn region(input: &mut Input<'_>) -> proto::Region {
    let parent_region_id = input.maybe(|input| input.of(REGIONS).to_owned());
    proto::Region {
        id: input.of(REGIONS).into(),
        description: text(input),
        parent_region_id,
        extra: extra(input),
    }
}

fn service(input: &mut Input<'_>) -> proto::Service {
    let r#type = text(input);
    proto::Service { id: input.of(SERVICES).into(), r#type, enabled: !input.flag(), extra: extra(input) }
}

fn endpoint(input: &mut Input<'_>) -> proto::Endpoint {
    proto::Endpoint {
        id: input.of(ENDPOINTS).into(),
        service_id: input.of(SERVICES).into(),
        interface: input.of(&["public", "admin", "internal", "other"]).to_owned(),
        region_id: input.maybe(|input| input.of(REGIONS).to_owned()),
        url: input.of(URLS).into(),
        enabled: !input.flag(),
        extra: extra(input),
    }
}

fn key_policy(input: &mut Input<'_>) -> Option<proto::KeyPolicy> {
    input.maybe(|input| proto::KeyPolicy {
        max_active_keys: input.of(&[0, 1, 3, u32::MAX]),
        expiration_ms: input.of(&[0, 1_000, 3_600_000, u64::MAX]),
        allow_expired_window_ms: input.of(&[0, 1_000, u64::MAX]),
    })
}

fn key(input: &mut Input<'_>) -> prost::bytes::Bytes {
    input.of(&["key one", "key two", ""]).as_bytes().to_vec().into()
}

/// Any command.
pub fn kind(input: &mut Input<'_>) -> Kind {
    match input.below(8) {
        0 => of_projects(input),
        1 => of_users(input),
        2 => of_groups(input),
        3 => of_roles(input),
        4 => of_the_catalog(input),
        5 => of_revocations(input),
        6 => of_keys(input),
        _ => Kind::Bootstrap(proto::Bootstrap {
            domain: input.maybe(project),
            project: input.maybe(project),
            user: input.maybe(user),
            roles: input.some(role),
            admin_role_name: text(input),
            implications: input.some(implication),
            region: input.maybe(region),
            service: input.maybe(service),
            endpoints: input.some(endpoint),
            ..Default::default()
        }),
    }
}

fn of_projects(input: &mut Input<'_>) -> Kind {
    let id: String = input.of(PROJECTS).into();
    match input.below(6) {
        0 | 1 => Kind::CreateProject(proto::CreateProject {
            project: if input.below(16) == 15 { None } else { Some(project(input)) },
            max_depth: input.of(&[5, 1, 0, u32::MAX]),
        }),
        2 => Kind::UpdateProject(proto::UpdateProject {
            id,
            is_domain: input.flag(),
            name: input.maybe(text),
            enabled: input.maybe(Input::flag),
            description: input.maybe(|input| nullable(input, NAMES)),
            tags: input.maybe(|input| proto::ProjectTags { names: input.some(text) }),
            options: options(input),
            extra: extra(input),
        }),
        3 => Kind::DeleteProject(proto::DeleteProject { id, is_domain: input.flag() }),
        4 => Kind::AddProjectTag(proto::AddProjectTag { project_id: id, tag: text(input) }),
        _ => Kind::RemoveProjectTag(proto::RemoveProjectTag { project_id: id, tag: text(input) }),
    }
}

fn of_users(input: &mut Input<'_>) -> Kind {
    let id: String = input.of(USERS).into();
    match input.below(5) {
        0 | 1 => Kind::CreateUser(proto::CreateUser { user: Some(user(input)), ..Default::default() }),
        2 => Kind::UpdateUser(proto::UpdateUser {
            id,
            name: input.maybe(text),
            enabled: input.maybe(Input::flag),
            default_project_id: input.maybe(|input| nullable(input, PROJECTS)),
            password: input.maybe(password),
            remove_password: input.flag(),
            options: options(input),
            extra: extra(input),
            ..Default::default()
        }),
        3 => Kind::ChangePassword(proto::ChangePassword {
            user_id: id,
            verified_sealed_hash: input.of(&["one", "two"]).as_bytes().to_vec().into(),
            password: input.maybe(password),
            ..Default::default()
        }),
        _ => Kind::DeleteUser(proto::DeleteUser { id }),
    }
}

fn of_groups(input: &mut Input<'_>) -> Kind {
    let id: String = input.of(GROUPS).into();
    let membership = Some(proto::Membership { group_id: id.clone(), user_id: input.of(USERS).into() });
    match input.below(6) {
        0 | 1 => {
            let (name, domain_id) = (text(input), input.of(DOMAINS).into());
            let group =
                proto::Group { id, name, domain_id, description: input.maybe(text), extra: extra(input) };
            Kind::CreateGroup(proto::CreateGroup { group: Some(group) })
        }
        2 => Kind::UpdateGroup(proto::UpdateGroup {
            id,
            name: input.maybe(text),
            description: input.maybe(|input| nullable(input, NAMES)),
            extra: extra(input),
        }),
        3 => Kind::DeleteGroup(proto::DeleteGroup { id }),
        4 => Kind::AddUserToGroup(proto::AddUserToGroup { membership }),
        _ => Kind::RemoveUserFromGroup(proto::RemoveUserFromGroup { membership }),
    }
}

fn implication(input: &mut Input<'_>) -> proto::ImpliedRole {
    proto::ImpliedRole { prior_role_id: input.of(ROLES).into(), implied_role_id: input.of(ROLES).into() }
}

fn of_roles(input: &mut Input<'_>) -> Kind {
    match input.below(9) {
        0 | 1 => Kind::CreateRole(proto::CreateRole { role: Some(role(input)) }),
        2 => Kind::UpdateRole(proto::UpdateRole {
            id: input.of(ROLES).into(),
            name: input.maybe(text),
            description: input.maybe(|input| nullable(input, NAMES)),
            options: options(input),
            extra: extra(input),
        }),
        3 => Kind::DeleteRole(proto::DeleteRole { id: input.of(ROLES).into() }),
        4 => Kind::CreateImpliedRole(proto::CreateImpliedRole { rule: Some(implication(input)) }),
        5 => Kind::DeleteImpliedRole(proto::DeleteImpliedRole { rule: Some(implication(input)) }),
        6 | 7 => Kind::CreateGrant(proto::CreateGrant { assignment: Some(assignment(input)) }),
        _ => Kind::RevokeGrant(proto::RevokeGrant { assignment: Some(assignment(input)) }),
    }
}

fn of_the_catalog(input: &mut Input<'_>) -> Kind {
    match input.below(9) {
        0 => Kind::CreateRegion(proto::CreateRegion { region: Some(region(input)) }),
        1 => Kind::UpdateRegion(proto::UpdateRegion {
            id: input.of(REGIONS).into(),
            description: input.maybe(text),
            parent_region_id: input.maybe(|input| nullable(input, REGIONS)),
            extra: extra(input),
        }),
        2 => Kind::DeleteRegion(proto::DeleteRegion { id: input.of(REGIONS).into() }),
        3 => Kind::CreateService(proto::CreateService { service: Some(service(input)) }),
        4 => Kind::UpdateService(proto::UpdateService {
            id: input.of(SERVICES).into(),
            r#type: input.maybe(text),
            enabled: input.maybe(Input::flag),
            extra: extra(input),
        }),
        5 => Kind::DeleteService(proto::DeleteService { id: input.of(SERVICES).into() }),
        6 => {
            let (endpoint, create_region) = (Some(endpoint(input)), input.flag());
            Kind::CreateEndpoint(proto::CreateEndpoint { endpoint, create_region })
        }
        7 => Kind::UpdateEndpoint(proto::UpdateEndpoint {
            id: input.of(ENDPOINTS).into(),
            service_id: input.maybe(|input| input.of(SERVICES).to_owned()),
            interface: input.maybe(text),
            region_id: input.maybe(|input| nullable(input, REGIONS)),
            url: input.maybe(|input| input.of(URLS).to_owned()),
            enabled: input.maybe(Input::flag),
            extra: extra(input),
            create_region: input.flag(),
        }),
        _ => Kind::DeleteEndpoint(proto::DeleteEndpoint { id: input.of(ENDPOINTS).into() }),
    }
}

fn of_revocations(input: &mut Input<'_>) -> Kind {
    match input.below(3) {
        0 => {
            let audit_id = input.of(&["AAECAwQFBgcICQoLDA0ODw", "", "no audit id"]).to_owned();
            Kind::RevokeToken(proto::RevokeToken { audit_id, cascade: input.flag() })
        }
        1 => Kind::RevokeUserTokens(proto::RevokeUserTokens { user_id: input.of(USERS).into() }),
        _ => Kind::PurgeRevocationEvents(proto::PurgeRevocationEvents {
            revoked_before_ms: input.of(&[0, 1_700_000_005_000, u64::MAX]),
        }),
    }
}

fn of_keys(input: &mut Input<'_>) -> Kind {
    let (sealed_primary_key, sealed_staged_key) = (key(input), key(input));
    let policy = key_policy(input);
    match input.below(5) {
        0 | 1 => {
            Kind::SetUpFernetKeys(proto::SetUpFernetKeys { sealed_primary_key, sealed_staged_key, policy })
        }
        2 => {
            let interval_ms = input.maybe(|input| input.of(&[0, 1_000, u64::MAX]));
            Kind::RotateFernetKeys(proto::RotateFernetKeys { sealed_staged_key, policy, interval_ms })
        }
        3 => Kind::ReplaceFernetKeys(proto::ReplaceFernetKeys {
            sealed_primary_key,
            sealed_staged_key,
            policy,
        }),
        _ => Kind::RetireFernetKeys(proto::RetireFernetKeys { policy }),
    }
}
