use keyraft_cluster::LogMoment;
use keyraft_proto::identity::NullableString;

use super::*;
use crate::state::State;

fn begin() -> Transaction {
    let mut tx = Transaction::begin(&State::default(), LogMoment { log_time_ms: 1, log_index: 1 });
    for id in ["s", "t"] {
        create_service(
            &mut tx,
            CreateService { service: Some(Service { id: id.into(), ..Service::default() }) },
        )
        .unwrap();
    }
    tx
}

fn region(tx: &mut Transaction, id: &str, parent: Option<&str>) -> Result<Region, CommandError> {
    let parent_region_id = parent.map(str::to_owned);
    create_region(
        tx,
        CreateRegion { region: Some(Region { id: id.into(), parent_region_id, ..Region::default() }) },
    )
}

fn move_region(tx: &mut Transaction, id: &str, parent: Option<&str>) -> Result<Region, CommandError> {
    let parent = NullableString { value: parent.map(str::to_owned) };
    update_region(
        tx,
        UpdateRegion { id: id.into(), parent_region_id: Some(parent), ..UpdateRegion::default() },
    )
}

fn endpoint(id: &str, url: &str, region: Option<&str>) -> Endpoint {
    Endpoint {
        id: id.into(),
        service_id: "s".into(),
        url: url.into(),
        region_id: region.map(str::to_owned),
        ..Endpoint::default()
    }
}

fn add(tx: &mut Transaction, endpoint: Endpoint, create_region: bool) -> Result<Endpoint, CommandError> {
    create_endpoint(tx, CreateEndpoint { endpoint: Some(endpoint), create_region })
}

#[test]
fn regions_form_a_tree() {
    let mut tx = begin();
    assert!(matches!(region(&mut tx, "a", Some("a")), Err(CommandError::NotFound { .. })));
    region(&mut tx, "a", None).unwrap();
    region(&mut tx, "b", Some("a")).unwrap();
    region(&mut tx, "c", Some("b")).unwrap();
    for parent in ["a", "b", "c"] {
        let error = move_region(&mut tx, "a", Some(parent)).unwrap_err();
        assert_eq!(
            error,
            CommandError::Invalid(
                "The specified parent region a would create a circular region hierarchy.".into()
            )
        );
    }
    move_region(&mut tx, "c", None).unwrap();
    move_region(&mut tx, "a", Some("c")).unwrap();
    let error = region(&mut tx, "a", None).unwrap_err();
    assert_eq!(error.to_string(), "Conflict occurred attempting to store region - Duplicate ID, a..");
}

#[test]
fn a_region_goes_with_those_below_it_unless_an_endpoint_is_in_one() {
    let mut tx = begin();
    for (id, parent) in [("a", None), ("b", Some("a")), ("c", Some("b")), ("other", None)] {
        region(&mut tx, id, parent).unwrap();
    }
    add(&mut tx, endpoint("1", "http://h", Some("c")), false).unwrap();
    let delete = DeleteRegion { id: "a".into() };
    assert!(matches!(delete_region(&mut tx, &delete), Err(CommandError::Forbidden(_))));
    assert_eq!(tx.catalog.regions.len(), 4);
    delete_endpoint(&mut tx, &DeleteEndpoint { id: "1".into() }).unwrap();
    delete_region(&mut tx, &delete).unwrap();
    assert_eq!(tx.catalog.regions.values().map(|region| region.id.as_str()).collect::<Vec<_>>(), ["other"]);
}

#[test]
fn an_endpoint_needs_a_service_a_region_and_a_good_url() {
    let mut tx = begin();
    let message = |result: Result<Endpoint, CommandError>| result.unwrap_err().to_string();
    let bad = message(add(&mut tx, endpoint("1", "http://h/$(x)s", Some("r")), false));
    assert_eq!(bad, "Cannot create an endpoint with an invalid URL: http://h/$(x)s.");
    let bad = message(add(&mut tx, endpoint("1", "http://h", Some("r")), false));
    assert!(
        bad.starts_with("Expecting to find endpoint region_id in region table. The server could"),
        "{bad}"
    );
    let orphan = Endpoint { service_id: "none".into(), ..endpoint("1", "http://h", Some("r")) };
    let bad = message(add(&mut tx, orphan, true));
    assert!(bad.starts_with("Expecting to find endpoint service_id in service table. The server"), "{bad}");
    assert!(tx.catalog.regions.is_empty());
    add(&mut tx, endpoint("1", "http://h", None), false).unwrap();
    add(&mut tx, endpoint("2", "http://h", Some("r")), true).unwrap();
    add(&mut tx, endpoint("3", "http://h", Some("r")), true).unwrap();
    assert_eq!(tx.catalog.regions.len(), 1);
}

#[test]
fn a_moved_endpoint_leaves_its_old_service_and_region() {
    let mut tx = begin();
    add(&mut tx, endpoint("1", "http://h", Some("r")), true).unwrap();
    let command = UpdateEndpoint {
        id: "1".into(),
        service_id: Some("t".into()),
        region_id: Some(NullableString { value: None }),
        url: Some("http://h/$(x)s".into()),
        ..UpdateEndpoint::default()
    };
    let updated = update_endpoint(&mut tx, command).unwrap();
    assert_eq!((updated.region_id, updated.url.as_str()), (None, "http://h/$(x)s"));
    assert!(!tx.catalog.region_has_endpoints("r"));
    delete_service(&mut tx, &DeleteService { id: "s".into() }).unwrap();
    assert_eq!(tx.catalog.endpoints.len(), 1);
    delete_service(&mut tx, &DeleteService { id: "t".into() }).unwrap();
    assert!(tx.catalog.endpoints.is_empty());
}

#[test]
fn attributes_that_an_update_leaves_out_stay_and_null_stays_as_null() {
    let mut tx = begin();
    let patch = |name: &str, value: &str| UpdateService {
        id: "s".into(),
        extra: [(name.to_owned(), value.to_owned())].into(),
        ..UpdateService::default()
    };
    update_service(&mut tx, patch("name", r#""n""#)).unwrap();
    update_service(&mut tx, patch("other", "null")).unwrap();
    let extra = &tx.catalog.services.get("s").unwrap().extra;
    assert_eq!(extra.get("name").map(String::as_str), Some(r#""n""#));
    assert_eq!(extra.get("other").map(String::as_str), Some("null"));
}
