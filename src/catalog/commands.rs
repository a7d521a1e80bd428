//! The writes on regions, services and endpoints.

use keyraft_proto::identity::{
    CreateEndpoint, CreateRegion, CreateService, DeleteEndpoint, DeleteRegion, DeleteService, Endpoint,
    Region, Service, UpdateEndpoint, UpdateRegion, UpdateService,
};

use super::url;
use crate::state::attributes::merge_extra;
use crate::state::{CommandError, Record, Transaction};

/// Creates a region.
///
/// # Errors
/// The id is taken, or the parent is missing.
pub fn create_region(tx: &mut Transaction, command: CreateRegion) -> Result<Region, CommandError> {
    let region = command.region.unwrap_or_default();
    if tx.catalog.regions.contains(region.id.as_str()) {
        let detail = format!("Duplicate ID, {}..", region.id);
        return Err(CommandError::Conflict { entity: "region".into(), detail });
    }
    check_parent(tx, &region)?;
    tx.put(region.clone());
    Ok(region)
}

/// The regions above a new or changed region exist, and it is not among them.
///
/// # Errors
/// One is missing, or the regions would form a circle.
pub(crate) fn check_parent(tx: &Transaction, region: &Region) -> Result<(), CommandError> {
    let mut parent_id = region.parent_region_id.clone();
    while let Some(id) = parent_id {
        let parent = tx.require::<Region>(&id)?;
        if id == region.id {
            return Err(CommandError::Invalid(format!(
                "The specified parent region {id} would create a circular region hierarchy."
            )));
        }
        parent_id = parent.parent_region_id.clone();
    }
    Ok(())
}

/// Changes a region.
///
/// # Errors
/// The region or its new parent is missing, or the regions would form a circle.
pub fn update_region(tx: &mut Transaction, command: UpdateRegion) -> Result<Region, CommandError> {
    let mut region = Region::clone(&*tx.require::<Region>(&command.id)?);
    if let Some(description) = command.description {
        region.description = description;
    }
    if let Some(parent) = command.parent_region_id {
        region.parent_region_id = parent.value;
        check_parent(tx, &region)?;
    }
    merge_extra(&mut region.extra, command.extra);
    tx.put(region.clone());
    Ok(region)
}

/// Deletes a region and those below it.
///
/// # Errors
/// It is missing, or an endpoint is in one of them.
pub fn delete_region(tx: &mut Transaction, command: &DeleteRegion) -> Result<(), CommandError> {
    let region = tx.require::<Region>(&command.id)?;
    let mut tree = vec![region];
    let mut next = 0;
    while let Some(region) = tree.get(next).cloned() {
        if tx.catalog.region_has_endpoints(&region.id) {
            return Err(CommandError::Forbidden(format!(
                "Unable to delete region {} because it or its child regions have associated endpoints.",
                command.id
            )));
        }
        tree.extend(tx.catalog.child_regions(&region.id).cloned());
        next += 1;
    }
    for region in tree.iter().rev() {
        tx.delete::<Region>(&region.key());
    }
    Ok(())
}

/// Creates a service.
///
/// # Errors
/// The id is taken.
pub fn create_service(tx: &mut Transaction, command: CreateService) -> Result<Service, CommandError> {
    let service = command.service.unwrap_or_default();
    if tx.catalog.services.contains(service.id.as_str()) {
        return Err(CommandError::duplicate_id("service", &service.id));
    }
    tx.put(service.clone());
    Ok(service)
}

/// Changes a service.
///
/// # Errors
/// It is missing.
pub fn update_service(tx: &mut Transaction, command: UpdateService) -> Result<Service, CommandError> {
    let mut service = Service::clone(&*tx.require::<Service>(&command.id)?);
    if let Some(kind) = command.r#type {
        service.r#type = kind;
    }
    if let Some(enabled) = command.enabled {
        service.enabled = enabled;
    }
    merge_extra(&mut service.extra, command.extra);
    tx.put(service.clone());
    Ok(service)
}

/// Deletes a service with its endpoints.
///
/// # Errors
/// It is missing.
pub fn delete_service(tx: &mut Transaction, command: &DeleteService) -> Result<(), CommandError> {
    let service = tx.require::<Service>(&command.id)?;
    let endpoints: Vec<_> =
        tx.catalog.endpoints_of_service(&service.id).map(|endpoint| endpoint.key()).collect();
    for endpoint in &endpoints {
        tx.delete::<Endpoint>(endpoint);
    }
    tx.delete::<Service>(&service.key());
    Ok(())
}

/// Creates an endpoint, and its region if the command says so.
///
/// # Errors
/// The id is taken, the service or region is missing, or the URL is malformed.
pub fn create_endpoint(tx: &mut Transaction, command: CreateEndpoint) -> Result<Endpoint, CommandError> {
    let endpoint = command.endpoint.unwrap_or_default();
    if tx.catalog.endpoints.contains(endpoint.id.as_str()) {
        return Err(CommandError::duplicate_id("endpoint", &endpoint.id));
    }
    url::parse(&endpoint.url).map_err(|error| CommandError::Invalid(error.to_string()))?;
    check_references(tx, &endpoint, command.create_region)?;
    tx.put(endpoint.clone());
    Ok(endpoint)
}

/// An endpoint names something that is not there.
fn unknown(what: &str, table: &str) -> CommandError {
    CommandError::Invalid(format!(
        "Expecting to find endpoint {what} in {table} table. The server could not comply with the request since it \
         is either malformed or otherwise incorrect. The client is assumed to be in error."
    ))
}

/// Checks what an endpoint refers to, and makes its region if that is asked for.
fn check_references(
    tx: &mut Transaction,
    endpoint: &Endpoint,
    creates_region: bool,
) -> Result<(), CommandError> {
    let missing_region = endpoint.region_id.as_deref().filter(|region| !tx.catalog.regions.contains(*region));
    if missing_region.is_some() && !creates_region {
        return Err(unknown("region_id", "region"));
    }
    if !tx.catalog.services.contains(endpoint.service_id.as_str()) {
        return Err(unknown("service_id", "service"));
    }
    if let Some(region) = missing_region {
        tx.put(Region { id: region.into(), ..Region::default() });
    }
    Ok(())
}

/// Changes an endpoint. As in Keystone its new URL may be malformed; the catalog then leaves the endpoint out.
///
/// # Errors
/// It, the service or the region is missing.
pub fn update_endpoint(tx: &mut Transaction, command: UpdateEndpoint) -> Result<Endpoint, CommandError> {
    let mut endpoint = Endpoint::clone(&*tx.require::<Endpoint>(&command.id)?);
    if let Some(service_id) = command.service_id {
        endpoint.service_id = service_id;
    }
    if let Some(interface) = command.interface {
        endpoint.interface = interface;
    }
    if let Some(region) = command.region_id {
        endpoint.region_id = region.value;
    }
    if let Some(url) = command.url {
        endpoint.url = url;
    }
    if let Some(enabled) = command.enabled {
        endpoint.enabled = enabled;
    }
    check_references(tx, &endpoint, command.create_region)?;
    merge_extra(&mut endpoint.extra, command.extra);
    tx.put(endpoint.clone());
    Ok(endpoint)
}

/// Deletes an endpoint.
///
/// # Errors
/// It is missing.
pub fn delete_endpoint(tx: &mut Transaction, command: &DeleteEndpoint) -> Result<(), CommandError> {
    let endpoint = tx.require::<Endpoint>(&command.id)?;
    tx.delete::<Endpoint>(&endpoint.key());
    Ok(())
}

#[cfg(test)]
mod tests;
