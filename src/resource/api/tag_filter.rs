//! The filters `tags`, `tags-any`, `not-tags` and `not-tags-any` of the list of projects.

use std::collections::BTreeSet;

use keyraft_proto::identity::Project;

use crate::http::Query;

/// The parameters of a query that are filters of tags.
pub(super) const PARAMETERS: [&str; 4] = ["tags", "tags-any", "not-tags", "not-tags-any"];

/// What the tags of a project are compared with; all that are given must hold.
pub(super) struct TagFilter<'q> {
    /// It has all of these.
    all: Option<BTreeSet<&'q str>>,
    /// It has one of these.
    any: Option<BTreeSet<&'q str>>,
    /// It does not have all of these.
    not_all: Option<BTreeSet<&'q str>>,
    /// It has none of these.
    none: Option<BTreeSet<&'q str>>,
}

impl<'q> TagFilter<'q> {
    /// The filter that a query asks for.
    pub(super) fn parse(query: &'q Query) -> Self {
        let [all, any, not_all, none] =
            PARAMETERS.map(|name| query.get(name).map(|list| list.split(',').collect()));
        Self { all, any, not_all, none }
    }

    /// Whether a project passes.
    pub(super) fn passes(&self, project: &Project) -> bool {
        let own: BTreeSet<&str> = project.tags.iter().map(String::as_str).collect();
        self.all.as_ref().is_none_or(|tags| tags.is_subset(&own))
            && self.any.as_ref().is_none_or(|tags| !tags.is_disjoint(&own))
            && self.not_all.as_ref().is_none_or(|tags| !tags.is_subset(&own))
            && self.none.as_ref().is_none_or(|tags| tags.is_disjoint(&own))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_project_passes_when_its_tags_do() {
        let project = Project { tags: vec!["a".into(), "b".into()], ..Project::default() };
        for (query, passes) in [
            ("", true),
            ("tags=a,b", true),
            ("tags=a,c", false),
            ("tags=A", false),
            ("tags-any=c,b", true),
            ("tags-any=c", false),
            ("not-tags=a,b", false),
            ("not-tags=a,c", true),
            ("not-tags-any=a,c", false),
            ("not-tags-any=c,d", true),
            ("tags=a&not-tags-any=b", false),
            ("tags=a&tags-any=b&not-tags=c&not-tags-any=d", true),
        ] {
            assert_eq!(TagFilter::parse(&Query::parse(query)).passes(&project), passes, "{query}");
        }
    }
}
