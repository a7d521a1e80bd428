//! `keyraft status`

use std::time::Duration;

use clap::Args;
use keyraft::ops::status::{ClusterStatus, STATUS_PATH};
use reqwest::StatusCode;
use serde_json::Value;

use super::failure::Failure;
use super::{output, table};

/// Show the cluster as one node sees it: leader, term, and how far each node is.
///
/// The exit code is 0 when the node answered. A node outside of `keyraft dev` wants a token, unless its
/// configuration says operations.status_without_credentials.
#[derive(Debug, Args)]
pub struct StatusArgs {
    /// The URL of the node
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:5000")]
    url: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// A token, for a node that wants one
    #[arg(long, value_name = "TOKEN", env = "OS_TOKEN", hide_env_values = true)]
    os_token: Option<String>,
}

/// How long the node may take to answer.
const TIMEOUT: Duration = Duration::from_secs(10);

pub fn run(args: &StatusArgs) -> Result<(), Failure> {
    let answer = super::block_on(fetch(args))?;
    if args.json {
        return output::line(serde_json::to_string_pretty(&answer).map_err(Failure::runtime)?);
    }
    let status: ClusterStatus =
        serde_json::from_value(answer).map_err(|error| Failure::runtime(error).within("the answer"))?;
    output::line(render(&status))
}

async fn fetch(args: &StatusArgs) -> Result<Value, Failure> {
    let base = args.url.trim_end_matches('/').trim_end_matches("/v3");
    let url = format!("{base}{STATUS_PATH}");
    let failed = |error: reqwest::Error| Failure::runtime(chain(&error)).within(&url);
    // A proxy for the web is not the way to a node.
    let client = reqwest::Client::builder().no_proxy().timeout(TIMEOUT).build().map_err(failed)?;
    let mut request = client.get(&url);
    if let Some(token) = &args.os_token {
        request = request.header("X-Auth-Token", token);
    }
    let answer = request.send().await.map_err(failed)?;
    match answer.status() {
        status if status.is_success() => answer.json().await.map_err(failed),
        StatusCode::UNAUTHORIZED => {
            Err(Failure::runtime("the node wants a token (--os-token, OS_TOKEN)").within(&url))
        }
        status => Err(Failure::runtime(format_args!("the node answered {status}")).within(&url)),
    }
}

/// The innermost causes say most: "connection refused".
fn chain(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

fn render(status: &ClusterStatus) -> String {
    let number = |value: Option<u64>| value.map_or_else(|| "-".to_owned(), |value| value.to_string());
    let heading =
        ["node", "role", "address", "last log index", "applied index", "lag", "options", "public url"];
    let mut rows = vec![heading.map(str::to_owned).to_vec()];
    for node in &status.nodes {
        rows.push(vec![
            node.number.to_string(),
            node.role.clone(),
            node.address.clone(),
            number(node.last_log_index),
            number(node.applied_index),
            number(node.lag),
            options(node.options_differ).to_owned(),
            node.public_url.clone().unwrap_or_else(|| "-".to_owned()),
        ]);
    }
    let mut text = table::render(&rows);
    for node in &status.nodes {
        if node.options_differ == Some(true) {
            let number = node.number;
            text += &format!(
                "\n\nnode {number}: options that have to be the same on all nodes are not those of the leader"
            );
        }
        if let Some(notice) = &node.notice {
            text += &format!("\n\nnode {}: {notice}", node.number);
        }
    }
    let leader = status.leader.map_or_else(|| "none".to_owned(), |leader| format!("node {leader}"));
    format!("leader: {leader}\nterm:   {}\n\n{}", status.term, text)
}

fn options(differ: Option<bool>) -> &'static str {
    match differ {
        Some(true) => "differ",
        Some(false) => "same",
        None => "-",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_out_of_reach_is_shown_without_figures() {
        let text = r#"{"leader": null, "term": 7, "nodes": [{"number": 2, "address": "a:1",
            "role": "unreachable", "last_log_index": null, "applied_index": null, "lag": null}]}"#;
        let shown = render(&serde_json::from_str(text).unwrap());
        assert!(shown.starts_with("leader: none\nterm:   7\n"), "{shown}");
        let row: Vec<_> = shown.lines().last().unwrap().split_whitespace().collect();
        assert_eq!(row, ["2", "unreachable", "a:1", "-", "-", "-", "-", "-"]);
    }

    #[test]
    fn a_node_with_other_options_is_marked_and_its_notice_is_shown() {
        let text = r#"{"leader": 1, "term": 7, "nodes": [{"number": 2, "address": "a:1", "role": "follower",
            "options_differ": true, "notice": "look at its log"}]}"#;
        let shown = render(&serde_json::from_str(text).unwrap());
        assert!(shown.contains("  differ  "), "{shown}");
        assert!(shown.contains("node 2: options that have to be the same on all nodes are not"), "{shown}");
        assert!(shown.ends_with("node 2: look at its log"), "{shown}");
    }
}
