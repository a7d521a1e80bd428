//! The records of the catalog, and their indexes.

use std::sync::{Arc, OnceLock};

use imbl::OrdSet;
use keyraft_proto::identity::{Endpoint, Region, Service};

use super::CompiledCatalog;
use crate::state::{EndpointId, Record, RegionId, ServiceId, State, Table};

/// Regions, services and endpoints.
#[derive(Clone, Default)]
pub struct Tables {
    /// Regions by id.
    pub regions: Table<Region>,
    /// Services by id.
    pub services: Table<Service>,
    /// Endpoints by id.
    pub endpoints: Table<Endpoint>,
    /// Parent and child region.
    child_regions: OrdSet<(RegionId, RegionId)>,
    /// Region and endpoint.
    endpoints_in_region: OrdSet<(RegionId, EndpointId)>,
    /// Service and endpoint.
    endpoints_of_service: OrdSet<(ServiceId, EndpointId)>,
    /// The rendered catalog; made by the first reader after a change.
    compiled: Arc<OnceLock<CompiledCatalog>>,
}

impl Record for Region {
    const TABLE: u8 = 8;
    const ENTITY: &'static str = "region";
    type Key = RegionId;

    fn key(&self) -> RegionId {
        self.id.as_str().into()
    }

    fn table(state: &State) -> &Table<Self> {
        &state.catalog.regions
    }

    fn table_mut(state: &mut State) -> &mut Table<Self> {
        &mut state.catalog.regions
    }

    fn reindex(state: &mut State, before: Option<&Self>, after: Option<&Self>) {
        let index = &mut state.catalog.child_regions;
        if let Some((old, parent)) = before.and_then(|old| Some((old, old.parent_region_id.as_deref()?))) {
            index.remove(&(parent.into(), old.key()));
        }
        if let Some((new, parent)) = after.and_then(|new| Some((new, new.parent_region_id.as_deref()?))) {
            index.insert((parent.into(), new.key()));
        }
    }
}

impl Record for Service {
    const TABLE: u8 = 9;
    const ENTITY: &'static str = "service";
    type Key = ServiceId;

    fn key(&self) -> ServiceId {
        self.id.as_str().into()
    }

    fn table(state: &State) -> &Table<Self> {
        &state.catalog.services
    }

    fn table_mut(state: &mut State) -> &mut Table<Self> {
        &mut state.catalog.services
    }

    fn reindex(state: &mut State, _before: Option<&Self>, _after: Option<&Self>) {
        state.catalog.compiled = Arc::default();
    }
}

impl Record for Endpoint {
    const TABLE: u8 = 10;
    const ENTITY: &'static str = "endpoint";
    type Key = EndpointId;

    fn key(&self) -> EndpointId {
        self.id.as_str().into()
    }

    fn table(state: &State) -> &Table<Self> {
        &state.catalog.endpoints
    }

    fn table_mut(state: &mut State) -> &mut Table<Self> {
        &mut state.catalog.endpoints
    }

    fn reindex(state: &mut State, before: Option<&Self>, after: Option<&Self>) {
        let tables = &mut state.catalog;
        tables.compiled = Arc::default();
        if let Some(old) = before {
            tables.endpoints_of_service.remove(&(old.service_id.as_str().into(), old.key()));
            if let Some(region) = old.region_id.as_deref() {
                tables.endpoints_in_region.remove(&(region.into(), old.key()));
            }
        }
        if let Some(new) = after {
            tables.endpoints_of_service.insert((new.service_id.as_str().into(), new.key()));
            if let Some(region) = new.region_id.as_deref() {
                tables.endpoints_in_region.insert((region.into(), new.key()));
            }
        }
    }
}

impl Tables {
    /// The regions directly below a region.
    pub fn child_regions(&self, id: &str) -> impl Iterator<Item = &Arc<Region>> {
        let parent = RegionId::from(id);
        self.child_regions
            .range((parent.clone(), RegionId::from(""))..)
            .take_while(move |(above, _)| *above == parent)
            .filter_map(|(_, id)| self.regions.get(id))
    }

    /// Whether any endpoint names the region.
    #[must_use]
    pub fn region_has_endpoints(&self, id: &str) -> bool {
        let region = RegionId::from(id);
        self.endpoints_in_region
            .range((region.clone(), EndpointId::from(""))..)
            .next()
            .is_some_and(|(of, _)| *of == region)
    }

    /// The endpoints of a service, by id.
    pub fn endpoints_of_service(&self, id: &str) -> impl Iterator<Item = &Arc<Endpoint>> {
        let service = ServiceId::from(id);
        self.endpoints_of_service
            .range((service.clone(), EndpointId::from(""))..)
            .take_while(move |(of, _)| *of == service)
            .filter_map(|(_, id)| self.endpoints.get(id))
    }

    /// The catalog in the form that tokens carry, made once for each change of it.
    #[must_use]
    pub fn compiled(&self) -> &CompiledCatalog {
        self.compiled.get_or_init(|| CompiledCatalog::new(self))
    }
}
