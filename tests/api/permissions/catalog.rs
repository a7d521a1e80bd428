//! `/v3/regions`, `/v3/services` and `/v3/endpoints`

use serde_json::{Value, json};

use super::row::{Row, Step, changes, creates, deletes, puts, reads};
use super::{ADMINS_BUT_OF_DOMAIN, SYSTEM_ADMIN, SYSTEM_READERS};
use crate::world::{Request, post};

pub fn regions() -> Vec<Row> {
    const ONE: &str = "/v3/regions/{region_id}";
    let some = || json!({"region": {"description": "some"}});
    vec![
        reads("/v3/regions").rule("identity:list_regions").any_token().bad_query("name=n", "name"),
        creates("/v3/regions", some())
            .rule("identity:create_region")
            .allows(ADMINS_BUT_OF_DOMAIN)
            .bad(json!({"region": {"description": 5}}), "description")
            .bad(json!({"region": {"parent_region_id": ""}}), "parent_region_id")
            .case("below one that there is not", SYSTEM_ADMIN, below_nothing, 404, "region")
            .case("under an id that is taken", SYSTEM_ADMIN, like_first, 409, "RegionOne"),
        reads(ONE).with("region_id", "RegionOne").rule("identity:get_region").any_token(),
        changes(ONE, some())
            .given("region_id", "/v3/regions", some())
            .rule("identity:update_region")
            .allows(ADMINS_BUT_OF_DOMAIN)
            .bad(json!({"region": {}}), "region")
            .bad(json!({"region": {"description": 5}}), "description"),
        deletes(ONE)
            .given("region_id", "/v3/regions", some())
            .rule("identity:delete_region")
            .allows(ADMINS_BUT_OF_DOMAIN),
        puts(ONE)
            .with("region_id", "region{n}")
            .body(some())
            .status(201)
            .missing("region_id", 201)
            .rule("identity:create_region")
            .allows(ADMINS_BUT_OF_DOMAIN)
            .bad(json!({"region": {"id": "another"}}), "another"),
    ]
}

fn below_nothing(request: Request) -> Request {
    request.body(json!({"region": {"parent_region_id": super::NOTHING}}))
}

fn like_first(request: Request) -> Request {
    request.body(json!({"region": {"id": "RegionOne"}}))
}

fn service() -> Value {
    json!({"service": {"type": "compute", "name": "some"}})
}

pub fn services() -> Vec<Row> {
    const ONE: &str = "/v3/services/{service_id}";
    vec![
        reads("/v3/services")
            .rule("identity:list_services")
            .allows(ADMINS_BUT_OF_DOMAIN)
            .allows(SYSTEM_READERS),
        creates("/v3/services", service())
            .rule("identity:create_service")
            .allows(ADMINS_BUT_OF_DOMAIN)
            .bad(json!({"service": {"name": "n"}}), "type")
            .bad(json!({"service": {"type": 5}}), "type")
            .bad(json!({"service": {"type": "t", "enabled": "true"}}), "enabled")
            // The caller is looked at before a body without a service.
            .case("without a service", "project_member", without_body, 403, "identity:create_service")
            .case("without a service", SYSTEM_ADMIN, without_body, 400, "service"),
        reads(ONE)
            .given("service_id", "/v3/services", service())
            .rule("identity:get_service")
            .allows(ADMINS_BUT_OF_DOMAIN)
            .allows(SYSTEM_READERS),
        changes(ONE, json!({"service": {"type": "other"}}))
            .given("service_id", "/v3/services", service())
            .rule("identity:update_service")
            .allows(ADMINS_BUT_OF_DOMAIN)
            .bad(json!({"service": {}}), "service")
            .bad(json!({"service": {"type": ""}}), "type"),
        deletes(ONE)
            .given("service_id", "/v3/services", service())
            .rule("identity:delete_service")
            .allows(ADMINS_BUT_OF_DOMAIN),
    ]
}

fn without_body(mut request: Request) -> Request {
    request.body = None;
    request
}

pub fn endpoints() -> Vec<Row> {
    const ONE: &str = "/v3/endpoints/{endpoint_id}";
    let some = || {
        json!({"endpoint": {
            "service_id": "{service}", "interface": "public", "url": "http://some.test/", "region_id": "RegionOne",
        }})
    };
    let with_service = |row: Row| row.before(Step::Make("service", post("/v3/services", service())));
    let given = |row: Row| with_service(row).given("endpoint_id", "/v3/endpoints", some());
    vec![
        reads("/v3/endpoints")
            .rule("identity:list_endpoints")
            .allows(ADMINS_BUT_OF_DOMAIN)
            .allows(SYSTEM_READERS)
            .bad_query("interface=private", "interface"),
        with_service(creates("/v3/endpoints", some()))
            .rule("identity:create_endpoint")
            .allows(ADMINS_BUT_OF_DOMAIN)
            .bad(json!({"endpoint": {"interface": "public", "url": "http://some.test/"}}), "service_id")
            .bad(
                json!({"endpoint": {"interface": "private", "service_id": "{service}", "url": "http://x/"}}),
                "interface",
            )
            .case("of a service that there is not", SYSTEM_ADMIN, of_no_service, 400, "service")
            // The caller is looked at before an empty body.
            .case("without a body", "project_member", without_body, 403, "identity:create_endpoint")
            .case("without a body", SYSTEM_ADMIN, without_body, 400, "endpoint"),
        given(reads(ONE)).rule("identity:get_endpoint").allows(ADMINS_BUT_OF_DOMAIN).allows(SYSTEM_READERS),
        given(changes(ONE, json!({"endpoint": {"interface": "admin"}})))
            .rule("identity:update_endpoint")
            .allows(ADMINS_BUT_OF_DOMAIN)
            .bad(json!({"endpoint": {}}), "endpoint")
            .bad(json!({"endpoint": {"interface": "private"}}), "interface")
            .bad(json!({"endpoint": {"enabled": "true"}}), "enabled"),
        given(deletes(ONE)).rule("identity:delete_endpoint").allows(ADMINS_BUT_OF_DOMAIN),
    ]
}

fn of_no_service(request: Request) -> Request {
    request
        .body(json!({"endpoint": {"service_id": super::NOTHING, "interface": "public", "url": "http://x/"}}))
}
