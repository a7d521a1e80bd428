//! `/v3/endpoints`

use keyraft_proto::identity as proto;
use proto::NullableString;
use proto::command::Kind as Command;
use serde_json::{Map, Value, json};

use crate::http::answer::add_extra;
use crate::http::list::Section;
use crate::http::operation::{self, Operation};
use crate::http::schema::{Field, Kind, Schema, check_query, field, nullable, text};
use crate::http::{Answer, ApiError, Call, Fields, List, created, no_content, ok};
use crate::policy::{Rule, Target};

const LIST: List = List {
    collection: "endpoints",
    filters: &["interface", "service_id", "region_id"],
    section: Some(Section::Catalog),
    is_capped: false,
};

const TEXT: Kind = Kind::Text { min: 0, max: usize::MAX, must_have_text: false };
const INTERFACE: Kind = Kind::OneOf(&["admin", "internal", "public"]);

const LIST_QUERY: &[Field] = &[field("interface", INTERFACE)];

const CREATE: Schema = Schema {
    wrapper: "endpoint",
    fields: &[
        nullable("id", TEXT),
        field("enabled", Kind::StrictBoolean),
        field("interface", INTERFACE),
        nullable("region_id", TEXT),
        nullable("region", TEXT),
        field("service_id", TEXT),
        field("url", Kind::Url),
        field("name", TEXT),
        text("description"),
    ],
    required: &["interface", "service_id", "url"],
    allows_extra: true,
    needs_property: false,
};

const UPDATE: Schema = Schema { required: &[], needs_property: true, ..CREATE };

/// The JSON of an endpoint. `region` is the deprecated name of `region_id`.
#[must_use]
pub fn render(call: &Call, endpoint: &proto::Endpoint) -> Value {
    let mut object = Map::new();
    object.insert("id".into(), json!(endpoint.id));
    object.insert("interface".into(), json!(endpoint.interface));
    object.insert("region_id".into(), json!(endpoint.region_id));
    object.insert("region".into(), json!(endpoint.region_id));
    object.insert("service_id".into(), json!(endpoint.service_id));
    object.insert("url".into(), json!(endpoint.url));
    object.insert("enabled".into(), json!(endpoint.enabled));
    object.insert("links".into(), json!({ "self": call.link(&format!("endpoints/{}", endpoint.id)) }));
    add_extra(&mut object, &endpoint.extra);
    Value::Object(object)
}

/// The region that a body names, and whether it is to be made if it does not exist: that is so for the deprecated
/// attribute `region`, which counts only without a `region_id`.
fn region(fields: &mut Fields) -> (Option<NullableString>, bool) {
    let region_id = fields.nullable("region_id");
    let deprecated = fields.text("region");
    match (region_id, deprecated) {
        (Some(NullableString { value: None }) | None, Some(region)) => {
            (Some(NullableString { value: Some(region) }), true)
        }
        (region_id, _) => (region_id, false),
    }
}

/// What may be done on all of them.
pub fn on_all() -> Vec<Operation> {
    vec![
        operation::get(list, "List endpoints").rule(Rule::ListEndpoints).query(LIST_QUERY).list(&LIST),
        operation::post(create, "Create an endpoint")
            .rule(Rule::CreateEndpoint)
            .body(&CREATE)
            .object("endpoint"),
    ]
}

/// What may be done on one.
pub fn on_one() -> Vec<Operation> {
    vec![
        operation::get(show, "Show an endpoint").rule(Rule::GetEndpoint).object("endpoint"),
        operation::patch(update, "Change an endpoint")
            .rule(Rule::UpdateEndpoint)
            .body(&UPDATE)
            .object("endpoint"),
        operation::delete(delete, "Delete an endpoint").rule(Rule::DeleteEndpoint),
    ]
}

fn find(call: &Call) -> Result<&proto::Endpoint, ApiError> {
    let id = call.parameter("endpoint_id");
    let endpoint = call.state().catalog.endpoints.get(id);
    endpoint.map(|endpoint| &**endpoint).ok_or_else(|| ApiError::missing("endpoint", id))
}

/// Lists the endpoints.
/// Policy: `identity:list_endpoints`.
///
/// # Errors
/// 400 for a bad page or interface, 401, 403.
pub async fn list(call: Call) -> Answer {
    check_query(&call.query, LIST_QUERY)?;
    call.caller()?.enforce(Rule::ListEndpoints, &Target::new())?;
    let rows = call.state().catalog.endpoints.values().map(|endpoint| render(&call, endpoint));
    Ok(ok(&LIST.render(&call, rows)?))
}

/// Creates an endpoint.
/// Policy: `identity:create_endpoint`.
///
/// # Errors
/// 400, also for a missing service or region and for a URL with a bad substitution, 401, 403.
pub async fn create(call: Call) -> Answer {
    // Keystone's schema lets an empty body pass, so that the caller is looked at first.
    if call.json().is_empty() {
        call.caller()?.enforce(Rule::CreateEndpoint, &Target::new())?;
    }
    let mut fields = Fields::new(call.object(&CREATE)?);
    call.caller()?.enforce(Rule::CreateEndpoint, &Target::new())?;
    // The server chooses ids; one in the body is ignored, and so is one of old.
    fields.ignore(&["id", "legacy_endpoint_id"]);
    let (region_id, create_region) = region(&mut fields);
    let endpoint = proto::Endpoint {
        id: call.new_id(),
        service_id: fields.text("service_id").unwrap_or_default(),
        interface: fields.text("interface").unwrap_or_default(),
        region_id: region_id.and_then(|region| region.value),
        url: fields.text("url").unwrap_or_default(),
        enabled: fields.boolean("enabled").unwrap_or(true),
        extra: fields.extra_of_create(),
    };
    let command = proto::CreateEndpoint { endpoint: Some(endpoint), create_region };
    let endpoint = call.write(Command::CreateEndpoint(command)).await?;
    Ok(created(&json!({ "endpoint": render(&call, &endpoint) })))
}

/// Shows an endpoint.
/// Policy: `identity:get_endpoint`.
///
/// # Errors
/// 401, 403, 404.
pub async fn show(call: Call) -> Answer {
    call.caller()?.enforce(Rule::GetEndpoint, &Target::new())?;
    Ok(ok(&json!({ "endpoint": render(&call, find(&call)?) })))
}

/// Changes an endpoint.
/// Policy: `identity:update_endpoint`.
///
/// # Errors
/// 400, also for a missing service or region, 401, 403, 404.
pub async fn update(call: Call) -> Answer {
    let id = call.parameter("endpoint_id").to_owned();
    let mut fields = Fields::new(call.object(&UPDATE)?);
    call.caller()?.enforce(Rule::UpdateEndpoint, &Target::new())?;
    fields.check_id(&id)?;
    find(&call)?;
    fields.ignore(&["legacy_endpoint_id"]);
    let (region_id, create_region) = region(&mut fields);
    let command = proto::UpdateEndpoint {
        id,
        service_id: fields.text("service_id"),
        interface: fields.text("interface"),
        region_id,
        url: fields.text("url"),
        enabled: fields.boolean("enabled"),
        extra: fields.extra(),
        create_region,
    };
    let endpoint = call.write(Command::UpdateEndpoint(command)).await?;
    Ok(ok(&json!({ "endpoint": render(&call, &endpoint) })))
}

/// Deletes an endpoint.
/// Policy: `identity:delete_endpoint`.
///
/// # Errors
/// 401, 403, 404.
pub async fn delete(call: Call) -> Answer {
    call.caller()?.enforce(Rule::DeleteEndpoint, &Target::new())?;
    let id = find(&call)?.id.clone();
    call.run(Command::DeleteEndpoint(proto::DeleteEndpoint { id })).await?;
    Ok(no_content())
}
