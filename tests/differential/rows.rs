//! The rows of Keystone's API that are compared.

use std::sync::LazyLock;

use reqwest::Method;

/// Method, path and component, one row a line.
const ROWS: &str = include_str!("rows.tsv");

/// One row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Row {
    pub method: &'static str,
    /// With `{parameter}` for any one segment.
    pub path: &'static str,
    pub component: &'static str,
}

/// All rows.
pub fn rows() -> &'static [Row] {
    static ALL: LazyLock<Vec<Row>> = LazyLock::new(read);
    &ALL
}

fn read() -> Vec<Row> {
    let lines = ROWS.lines().filter(|line| !line.starts_with('#'));
    let row = |line: &'static str| {
        let mut columns = line.split('\t');
        let mut next = || columns.next().unwrap_or_else(|| panic!("rows.tsv: {line}"));
        Row { method: next(), path: next(), component: next() }
    };
    lines.map(row).collect()
}

/// The row that a request goes to.
pub fn row_of(method: &Method, path: &str) -> Option<Row> {
    best(path, rows().iter().copied().filter(|row| row.method == method.as_str()))
}

/// The component that a request is about: that of its row, else of its path, else discovery.
pub fn component_of(method: &Method, path: &str) -> &'static str {
    let row = row_of(method, path).or_else(|| best(path, rows().iter().copied()));
    row.map_or("discovery", |row| row.component)
}

/// The row with the fewest parameters that fits.
fn best(path: &str, rows: impl Iterator<Item = Row>) -> Option<Row> {
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let path: Vec<_> = path.trim_matches('/').split('/').collect();
    let fits = |row: &Row| {
        let mut segments = path.iter();
        let mut pattern = row.path.trim_matches('/').split('/');
        let is_matched = pattern
            .all(|part| segments.next().is_some_and(|segment| part.starts_with('{') || part == *segment));
        is_matched && segments.next().is_none()
    };
    rows.filter(fits).min_by_key(|row| row.path.matches('{').count())
}

impl Row {
    /// Rows that refuse whatever is asked of them.
    pub fn is_never_a_success(&self) -> bool {
        let always_refused = ["/v3/users/{user_id}/password", "/v3/auth/tokens/OS-PKI/revoked"];
        matches!(self.method, "GET" | "HEAD") && always_refused.contains(&self.path)
    }

    /// Rows that anyone may read.
    pub fn is_never_a_failure(&self) -> bool {
        self.component == "discovery"
    }
}
