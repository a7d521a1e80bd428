//! The records of domains and projects, and their indexes.

use std::sync::Arc;

use imbl::{OrdMap, OrdSet};
use keyraft_proto::identity::Project;

use crate::state::{Before, DomainId, ProjectId, Record, State, Table};

/// Projects, with the domains among them.
#[derive(Clone, Default)]
pub struct Tables {
    /// All of them by id.
    pub projects: Table<Project>,
    /// By domain ("" for domains themselves) and name.
    by_name: OrdMap<(Arc<str>, Arc<str>), ProjectId>,
    /// Parent and child.
    children: OrdSet<(ProjectId, ProjectId)>,
    /// Ids of the domains.
    domains: OrdSet<DomainId>,
}

impl Record for Project {
    const TABLE: u8 = 1;
    const ENTITY: &'static str = "project";
    const IS_HASHED: bool = true;
    type Key = ProjectId;

    fn key(&self) -> ProjectId {
        self.id.as_str().into()
    }

    fn table(state: &State) -> &Table<Self> {
        &state.resource.projects
    }

    fn table_mut(state: &mut State) -> &mut Table<Self> {
        &mut state.resource.projects
    }

    fn reindex(state: &mut State, before: Option<&Self>, after: Option<&Self>) {
        let tables = &mut state.resource;
        if let Some(old) = before {
            tables.by_name.remove(&name_key(&old.domain_id, &old.name));
            tables.children.remove(&(old.parent_id.as_str().into(), old.key()));
            tables.domains.remove(&old.key());
        }
        if let Some(new) = after {
            tables.by_name.insert(name_key(&new.domain_id, &new.name), new.key());
            if new.is_domain {
                tables.domains.insert(new.key());
            } else {
                tables.children.insert((new.parent_id.as_str().into(), new.key()));
            }
        }
    }
}

fn name_key(domain_id: &str, name: &str) -> (Arc<str>, Arc<str>) {
    (domain_id.into(), name.into())
}

impl Tables {
    /// The domain with this id.
    #[must_use]
    pub fn domain(&self, id: &str) -> Option<&Arc<Project>> {
        self.projects.get(id).filter(|project| project.is_domain)
    }

    /// The domain with this name.
    #[must_use]
    pub fn domain_by_name(&self, name: &str) -> Option<&Arc<Project>> {
        self.by_name.get(&name_key("", name)).and_then(|id| self.projects.get(id))
    }

    /// The project with this name in a domain.
    #[must_use]
    pub fn project_by_name(&self, domain_id: &str, name: &str) -> Option<&Arc<Project>> {
        self.by_name.get(&name_key(domain_id, name)).and_then(|id| self.projects.get(id))
    }

    /// The projects of a domain, by name.
    pub fn projects_in_domain(&self, domain_id: &str) -> impl Iterator<Item = &Arc<Project>> {
        let domain: Arc<str> = domain_id.into();
        self.by_name
            .range((Arc::clone(&domain), Arc::from(""))..)
            .take_while(move |((of, _), _)| *of == domain)
            .filter_map(|(_, id)| self.projects.get(id))
    }

    /// All domains, by id.
    pub fn domains(&self) -> impl Iterator<Item = &Arc<Project>> {
        self.domains.iter().filter_map(|id| self.projects.get(id))
    }

    /// The projects directly below a project or domain, by id.
    pub fn children(&self, parent_id: &str) -> impl Iterator<Item = &Arc<Project>> {
        self.children
            .range(Before(parent_id)..)
            .take_while(move |(above, _)| above.as_str() == parent_id)
            .filter_map(|(_, id)| self.projects.get(id))
    }

    /// All projects below a project or domain, parents before children.
    #[must_use]
    pub fn subtree(&self, id: &str) -> Vec<Arc<Project>> {
        let mut found: Vec<Arc<Project>> = self.children(id).cloned().collect();
        let mut next = 0;
        while let Some(project) = found.get(next).cloned() {
            found.extend(self.children(&project.id).cloned());
            next += 1;
        }
        found
    }

    /// The projects and at last the domain above a project, nearest first.
    #[must_use]
    pub fn parents(&self, project: &Project) -> Vec<Arc<Project>> {
        let mut above = Vec::new();
        let mut parent_id = &project.parent_id;
        while let Some(parent) = self.projects.get(parent_id.as_str()) {
            parent_id = &parent.parent_id;
            above.push(Arc::clone(parent));
        }
        above
    }
}

#[cfg(test)]
mod tests {
    use crate::state::{Identity, test_workload};
    use keyraft_cluster::Application;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(test_workload::config())]

        #[test]
        fn the_indexes_agree_with_a_rebuild(commands in test_workload::commands()) {
            let log = test_workload::log_of(commands);
            let (kept, rebuilt) = (&log.state.resource, log.reloaded().resource);
            prop_assert_eq!(&kept.by_name, &rebuilt.by_name);
            prop_assert_eq!(&kept.children, &rebuilt.children);
            prop_assert_eq!(&kept.domains, &rebuilt.domains);
            prop_assert_eq!(kept.by_name.len(), kept.projects.len());
            prop_assert_eq!(kept.children.len() + kept.domains.len(), kept.projects.len());
        }

        #[test]
        fn every_project_stands_below_its_domain(commands in test_workload::commands()) {
            let log = test_workload::log_of(commands);
            let resource = &log.state.resource;
            for project in resource.projects.values().filter(|project| !project.is_domain) {
                let above = resource.parents(project);
                prop_assert_eq!(&above.last().unwrap().id, &project.domain_id);
                prop_assert!(above.len() <= 2, "the tree is too deep");
            }
        }

        #[test]
        fn the_rows_of_a_state_are_those_on_disk_and_load_as_the_same(commands in test_workload::commands()) {
            let log = test_workload::log_of(commands);
            let rows = |state| Identity.rows(state).map(|row| (row.key, row.value)).collect::<Vec<_>>();
            let on_disk: Vec<_> = log.rows.clone().into_iter().collect();
            let mut kept = rows(&log.state);
            kept.sort();
            prop_assert_eq!(&kept, &on_disk);
            let mut loaded = rows(&log.reloaded());
            loaded.sort();
            prop_assert_eq!(&loaded, &on_disk);
        }
    }
}
