//! `keyraft policy check`

use std::fmt::Write;
use std::path::{Path, PathBuf};

use clap::Args;
use keyraft::policy::{AccessError, CredentialsFile, Decision, Explanation, TargetFile};

use super::super::failure::Failure;
use super::super::output;
use super::{load, scope_names};

/// Say whether a rule lets somebody do something, and why.
///
/// Each part of the rule's check is shown with the values that it compares; all parts are, also those that
/// the node would not look at because the outcome is certain before. The exit code is 0 when the rule lets
/// the caller through, 1 when it refuses, 2 when a file or an argument is wrong.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// The rule, for example identity:get_user
    #[arg(long, value_name = "RULE")]
    rule: String,
    /// Who asks, a JSON file: the body of a token as GET /v3/auth/tokens answers it, or the values that
    /// Keystone hands to oslo.policy (user_id, roles, domain_id, ...)
    #[arg(long, value_name = "FILE")]
    credentials: PathBuf,
    /// What is asked about, a JSON file: {"target": {"user": {"id": ...}}} or {"target.user.id": ...}
    #[arg(long, value_name = "FILE")]
    target: PathBuf,
    /// The configuration of the node, as given to `keyraft serve`; without it, the built-in rules
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

pub fn run(args: &CheckArgs) -> Result<(), Failure> {
    let policy = load(args.config.as_ref())?;
    let credentials = read(&args.credentials, CredentialsFile::parse)?;
    let target = read(&args.target, TargetFile::parse)?;
    let decision = credentials.with(|credentials| policy.explain(&args.rule, credentials, &target.target()));
    let decision = decision.ok_or_else(|| Failure::usage(format_args!("there is no rule {}", args.rule)))?;
    output::line(render(&decision)).map_err(Failure::usage)?;
    if decision.is_allowed {
        Ok(())
    } else {
        Err(Failure::runtime(format_args!("{} refuses", decision.rule)))
    }
}

fn read<T>(path: &Path, parse: impl Fn(&str) -> Result<T, AccessError>) -> Result<T, Failure> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| Failure::usage(error).within(format_args!("cannot read {}", path.display())))?;
    parse(&text).map_err(|error| Failure::usage(error).within(path.display()))
}

fn render(decision: &Decision) -> String {
    let outcome = if decision.is_allowed { "allowed" } else { "refused" };
    let mut lines = Lines::default();
    if decision.is_admin_token {
        lines.add(true, "is_admin", Some("the admin token passes every rule"));
    }
    let values = format!("the credentials have scope {}", decision.scope.name());
    let scopes = format!("scope: {}", scope_names(decision.scope_types));
    lines.add(decision.is_in_scope(), &scopes, Some(&values));
    lines.explain(&decision.check, "", "");
    format!("{}: {outcome}\n\n{}", decision.rule, lines.render())
}

/// Outcome, check and values of each line.
#[derive(Default)]
struct Lines(Vec<(bool, String, Option<String>)>);

impl Lines {
    fn add(&mut self, holds: bool, text: &str, values: Option<&str>) {
        self.0.push((holds, text.to_owned(), values.map(str::to_owned)));
    }

    /// `first` goes before the line of the part itself, `rest` before those of its parts.
    fn explain(&mut self, part: &Explanation, first: &str, rest: &str) {
        self.add(part.holds, &format!("{first}{}", part.text), part.values.as_deref());
        for (place, inner) in part.parts.iter().enumerate() {
            let is_last = place.saturating_add(1) == part.parts.len();
            let (branch, below) = if is_last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
            self.explain(inner, &format!("{rest}{branch}"), &format!("{rest}{below}"));
        }
    }

    fn render(&self) -> String {
        let with_values = self.0.iter().filter(|(_, _, values)| values.is_some());
        let width = with_values.map(|(_, text, _)| text.chars().count()).max().unwrap_or_default();
        let mut rendered = String::new();
        for (holds, text, values) in &self.0 {
            let mark = if *holds { "yes" } else { "no " };
            // Writing to a string cannot fail.
            let _ = match values {
                Some(values) => writeln!(rendered, "{mark}  {text:<width$}  {values}"),
                None => writeln!(rendered, "{mark}  {text}"),
            };
        }
        rendered.truncate(rendered.trim_end().len());
        rendered
    }
}

#[cfg(test)]
mod tests {
    use keyraft::policy::Policy;

    use super::*;

    #[test]
    fn a_refusal_shows_each_part_with_its_values() {
        let credentials = r#"{"user_id": "u1", "project_id": "p1", "roles": ["member", "reader"]}"#;
        let target = TargetFile::parse(r#"{"target": {"user": {"id": "u2", "domain_id": "d2"}}}"#).unwrap();
        let credentials = CredentialsFile::parse(credentials).unwrap();
        let decision = credentials
            .with(|read| Policy::defaults().explain("identity:get_user", read, &target.target()))
            .unwrap();
        let expected = "\
identity:get_user: refused

yes  scope: system, domain, project                              the credentials have scope project
no   any of
no   ├─ rule:admin_required
no   │  └─ any of
no   │     ├─ role:admin                                         roles are \"member\", \"reader\"
no   │     └─ is_admin:1                                         the credentials have no is_admin
no   ├─ all of
yes  │  ├─ role:reader                                           roles are \"member\", \"reader\"
no   │  └─ system_scope:all                                      system_scope is None
no   ├─ all of
yes  │  ├─ role:reader                                           roles are \"member\", \"reader\"
no   │  └─ token.domain.id:%(target.user.domain_id)s             the credentials have no token.domain.id, \
target.user.domain_id is \"d2\"
no   └─ user_id:%(target.user.id)s                               user_id is \"u1\", target.user.id is \"u2\"";
        let squeezed = |text: &str| {
            text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect::<Vec<_>>()
        };
        assert_eq!(squeezed(&render(&decision)), squeezed(expected));
    }
}
