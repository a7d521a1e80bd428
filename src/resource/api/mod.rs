//! Routes of domains and projects.

pub mod domain;
mod hierarchy;
pub mod project;
pub mod project_object;
pub mod tag;
mod tag_filter;
