//! `/v3/regions`

use keyraft_proto::identity as proto;
use proto::command::Kind as Command;
use serde_json::{Map, Value, json};

use crate::http::answer::add_extra;
use crate::http::list::Section;
use crate::http::operation::{self, Operation};
use crate::http::schema::{Field, Kind, Schema, check_closed_query, nullable};
use crate::http::{Answer, ApiError, Call, Fields, List, created, no_content, ok};
use crate::policy::{Rule, Target};

const LIST: List = List {
    collection: "regions",
    filters: &["parent_region_id"],
    section: Some(Section::Catalog),
    is_capped: false,
};

/// A text of some characters; an id that is "" on create asks for one made by the server.
const fn id(min: usize) -> Kind {
    Kind::Text { min, max: 255, must_have_text: false }
}

const LIST_QUERY: &[Field] = &[nullable("parent_region_id", id(1))];

const CREATE: Schema = Schema {
    wrapper: "region",
    fields: &[nullable("description", id(0)), nullable("parent_region_id", id(1)), nullable("id", id(0))],
    required: &[],
    allows_extra: true,
    needs_property: false,
};

const UPDATE: Schema = Schema {
    fields: &[nullable("description", id(0)), nullable("parent_region_id", id(1)), nullable("id", id(1))],
    needs_property: true,
    ..CREATE
};

/// The JSON of a region.
#[must_use]
pub fn render(call: &Call, region: &proto::Region) -> Value {
    let mut object = Map::new();
    object.insert("id".into(), json!(region.id));
    object.insert("description".into(), json!(region.description));
    object.insert("parent_region_id".into(), json!(region.parent_region_id));
    object.insert("links".into(), json!({ "self": call.link(&format!("regions/{}", region.id)) }));
    add_extra(&mut object, &region.extra);
    Value::Object(object)
}

fn find(call: &Call) -> Result<&proto::Region, ApiError> {
    let id = call.parameter("region_id");
    call.state()
        .catalog
        .regions
        .get(id)
        .map(|region| &**region)
        .ok_or_else(|| ApiError::missing("region", id))
}

/// What may be done on all of them.
pub fn on_all() -> Vec<Operation> {
    vec![
        operation::get(list, "List regions").rule(Rule::ListRegions).query(LIST_QUERY).list(&LIST),
        operation::post(create, "Create a region")
            .rule(Rule::CreateRegion)
            .body(&CREATE)
            .object("region")
            .refers()
            .conflicts(),
    ]
}

/// What may be done on one.
pub fn on_one() -> Vec<Operation> {
    vec![
        operation::get(show, "Show a region").rule(Rule::GetRegion).object("region"),
        operation::put(create_with_id, "Create a region under this id")
            .rule(Rule::CreateRegion)
            .body(&CREATE)
            .object("region")
            .conflicts(),
        operation::patch(update, "Change a region").rule(Rule::UpdateRegion).body(&UPDATE).object("region"),
        operation::delete(delete, "Delete a region").rule(Rule::DeleteRegion),
    ]
}

/// Lists the regions. There are no pages: any parameter but the filter is refused, as in Keystone.
/// Policy: `identity:list_regions`.
///
/// # Errors
/// 400, 401, 403.
pub async fn list(call: Call) -> Answer {
    check_closed_query(&call.query, LIST_QUERY)?;
    call.caller()?.enforce(Rule::ListRegions, &Target::new())?;
    let rows = call.state().catalog.regions.values().map(|region| render(&call, region));
    Ok(ok(&LIST.render(&call, rows)?))
}

/// Creates a region; the client may choose its id.
/// Policy: `identity:create_region`.
///
/// # Errors
/// 400, 401, 403, 409 for an id that is taken.
pub async fn create(call: Call) -> Answer {
    let fields = Fields::new(CREATE.check_among_others(call.json())?);
    store(&call, fields, None).await
}

/// Creates a region under the id in the URL.
/// Policy: `identity:create_region`.
///
/// # Errors
/// 400, also when the body names another id, 401, 403, 409.
pub async fn create_with_id(call: Call) -> Answer {
    let id = call.parameter("region_id").to_owned();
    let fields = Fields::new(CREATE.check_among_others(call.json())?);
    store(&call, fields, Some(id)).await
}

async fn store(call: &Call, mut fields: Fields, id: Option<String>) -> Answer {
    call.caller()?.enforce(Rule::CreateRegion, &Target::new())?;
    let given = fields.nullable("id").map(|given| given.value);
    let id = match (id, given) {
        (Some(id), Some(given)) if given.as_ref() != Some(&id) => {
            let given = given.as_deref().unwrap_or("None");
            let message = format!("Conflicting region IDs specified: \"{id}\" != \"{given}\"");
            return Err(ApiError::BadRequest(message));
        }
        (Some(id), _) => id,
        (None, given) => given.flatten().filter(|given| !given.is_empty()).unwrap_or_else(|| call.new_id()),
    };
    let region = proto::Region {
        id,
        description: fields.text("description").unwrap_or_default(),
        parent_region_id: fields.text("parent_region_id"),
        extra: fields.extra_of_create(),
    };
    let region = call.write(Command::CreateRegion(proto::CreateRegion { region: Some(region) })).await?;
    Ok(created(&json!({ "region": render(call, &region) })))
}

/// Shows a region.
/// Policy: `identity:get_region`.
///
/// # Errors
/// 401, 403, 404.
pub async fn show(call: Call) -> Answer {
    call.caller()?.enforce(Rule::GetRegion, &Target::new())?;
    Ok(ok(&json!({ "region": render(&call, find(&call)?) })))
}

/// Changes a region.
/// Policy: `identity:update_region`.
///
/// # Errors
/// 400, 401, 403, 404.
pub async fn update(call: Call) -> Answer {
    let id = call.parameter("region_id").to_owned();
    let mut fields = Fields::new(call.object(&UPDATE)?);
    call.caller()?.enforce(Rule::UpdateRegion, &Target::new())?;
    fields.check_id(&id)?;
    find(&call)?;
    let command = proto::UpdateRegion {
        id,
        description: fields.nullable("description").map(|text| text.value.unwrap_or_default()),
        parent_region_id: fields.nullable("parent_region_id"),
        extra: fields.extra(),
    };
    let region = call.write(Command::UpdateRegion(command)).await?;
    Ok(ok(&json!({ "region": render(&call, &region) })))
}

/// Deletes a region and those below it.
/// Policy: `identity:delete_region`.
///
/// # Errors
/// 401, 403, also while an endpoint is in one of them, 404.
pub async fn delete(call: Call) -> Answer {
    call.caller()?.enforce(Rule::DeleteRegion, &Target::new())?;
    let id = find(&call)?.id.clone();
    call.run(Command::DeleteRegion(proto::DeleteRegion { id })).await?;
    Ok(no_content())
}
