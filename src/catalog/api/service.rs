//! `/v3/services`

use keyraft_proto::identity as proto;
use proto::command::Kind as Command;
use serde_json::{Map, Value, json};

use crate::http::answer::add_extra;
use crate::http::list::Section;
use crate::http::operation::{self, Operation};
use crate::http::schema::{Kind, Schema, field};
use crate::http::{Answer, ApiError, Call, Fields, List, created, no_content, ok};
use crate::policy::{Rule, Target};

const LIST: List = List {
    collection: "services",
    filters: &["type", "name"],
    section: Some(Section::Catalog),
    is_capped: false,
};

const TEXT: Kind = Kind::Text { min: 1, max: 255, must_have_text: false };

const CREATE: Schema = Schema {
    wrapper: "service",
    fields: &[field("type", TEXT), field("name", TEXT), field("enabled", Kind::StrictBoolean)],
    required: &["type"],
    allows_extra: true,
    needs_property: false,
};

const UPDATE: Schema = Schema { required: &[], needs_property: true, ..CREATE };

/// The JSON of a service. Its name is an extra attribute, as in Keystone.
#[must_use]
pub fn render(call: &Call, service: &proto::Service) -> Value {
    let mut object = Map::new();
    object.insert("id".into(), json!(service.id));
    object.insert("type".into(), json!(service.r#type));
    object.insert("enabled".into(), json!(service.enabled));
    object.insert("links".into(), json!({ "self": call.link(&format!("services/{}", service.id)) }));
    add_extra(&mut object, &service.extra);
    Value::Object(object)
}

/// What may be done on all of them.
pub fn on_all() -> Vec<Operation> {
    vec![
        operation::get(list, "List services").rule(Rule::ListServices).list(&LIST),
        operation::post(create, "Create a service").rule(Rule::CreateService).body(&CREATE).object("service"),
    ]
}

/// What may be done on one.
pub fn on_one() -> Vec<Operation> {
    vec![
        operation::get(show, "Show a service").rule(Rule::GetService).object("service"),
        operation::patch(update, "Change a service")
            .rule(Rule::UpdateService)
            .body(&UPDATE)
            .object("service"),
        operation::delete(delete, "Delete a service").rule(Rule::DeleteService),
    ]
}

fn find(call: &Call) -> Result<&proto::Service, ApiError> {
    let id = call.parameter("service_id");
    let service = call.state().catalog.services.get(id);
    service.map(|service| &**service).ok_or_else(|| ApiError::missing("service", id))
}

/// Lists the services.
/// Policy: `identity:list_services`.
///
/// # Errors
/// 400 for a bad page, 401, 403.
pub async fn list(call: Call) -> Answer {
    call.caller()?.enforce(Rule::ListServices, &Target::new())?;
    let rows = call.state().catalog.services.values().map(|service| render(&call, service));
    Ok(ok(&LIST.render(&call, rows)?))
}

/// Creates a service; without a name it gets an empty one.
/// Policy: `identity:create_service`.
///
/// # Errors
/// 400, 401, 403.
pub async fn create(call: Call) -> Answer {
    let body = call.json();
    // Keystone's schema lets a body pass that has no service at all, so that the caller is looked at first.
    if !body.contains_key(CREATE.wrapper) {
        call.caller()?.enforce(Rule::CreateService, &Target::new())?;
    }
    let mut fields = Fields::new(CREATE.check_among_others(body)?);
    call.caller()?.enforce(Rule::CreateService, &Target::new())?;
    // The server chooses ids; one in the body is ignored.
    fields.ignore(&["id"]);
    let mut service = proto::Service {
        id: call.new_id(),
        r#type: fields.text("type").unwrap_or_default(),
        enabled: fields.boolean("enabled").unwrap_or(true),
        extra: fields.extra_of_create(),
    };
    service.extra.entry("name".into()).or_insert_with(|| json!("").to_string());
    let service = call.write(Command::CreateService(proto::CreateService { service: Some(service) })).await?;
    Ok(created(&json!({ "service": render(&call, &service) })))
}

/// Shows a service.
/// Policy: `identity:get_service`.
///
/// # Errors
/// 401, 403, 404.
pub async fn show(call: Call) -> Answer {
    call.caller()?.enforce(Rule::GetService, &Target::new())?;
    Ok(ok(&json!({ "service": render(&call, find(&call)?) })))
}

/// Changes a service.
/// Policy: `identity:update_service`.
///
/// # Errors
/// 400, 401, 403, 404.
pub async fn update(call: Call) -> Answer {
    let id = call.parameter("service_id").to_owned();
    let mut fields = Fields::new(UPDATE.check_among_others(call.json())?);
    call.caller()?.enforce(Rule::UpdateService, &Target::new())?;
    fields.check_id(&id)?;
    find(&call)?;
    let command = proto::UpdateService {
        id,
        r#type: fields.text("type"),
        enabled: fields.boolean("enabled"),
        extra: fields.extra(),
    };
    let service = call.write(Command::UpdateService(command)).await?;
    Ok(ok(&json!({ "service": render(&call, &service) })))
}

/// Deletes a service with its endpoints.
/// Policy: `identity:delete_service`.
///
/// # Errors
/// 401, 403, 404.
pub async fn delete(call: Call) -> Answer {
    call.caller()?.enforce(Rule::DeleteService, &Target::new())?;
    let id = find(&call)?.id.clone();
    call.run(Command::DeleteService(proto::DeleteService { id })).await?;
    Ok(no_content())
}
