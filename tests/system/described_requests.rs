//! Requests that schemathesis makes up from the description of the API, right ones and wrong ones: each is answered as
//! the description says, and none with a 5xx.

use std::process::Stdio;

use crate::support::{Client, DevCluster, schemathesis};

/// The environment variable that asks for a longer run, with other requests each time: examples for each operation
/// besides those that cover its description.
const EXAMPLES_VARIABLE: &str = "KEYRAFT_DESCRIBED_EXAMPLES";
/// Examples of an operation that schemathesis draws, unless the variable has another number, besides those that cover its description.
const EXAMPLES: &str = "5";

const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
                      response_schema_conformance,negative_data_rejection";
const OPTIONS: &[&str] = &[
    "--phases",
    "coverage,fuzzing",
    "--continue-on-failure",
    "--no-color",
    "--warnings",
    "off",
    "--max-redirects",
    "0",
];

#[tokio::test(flavor = "multi_thread")]
async fn requests_are_answered_as_the_description_of_the_api_says() {
    let cluster = DevCluster::start();
    let urls = cluster.urls();
    let admin = Client::admin(&urls[0]).await;
    let token = admin.token.clone().unwrap();
    let longer = std::env::var(EXAMPLES_VARIABLE).ok();
    let mut command = schemathesis();
    command.env("KEYRAFT_NODES", urls.join(" ")).env("KEYRAFT_TOKEN", &token);
    command.arg("run").arg(format!("{}/openapi.json", urls[0])).args(OPTIONS);
    command.args(["--checks", CHECKS, "--request-timeout", "10", "--suppress-health-check", "all"]);
    command.args(["--header", &format!("X-Auth-Token: {token}")]);
    command.args(["--max-examples", longer.as_deref().unwrap_or(EXAMPLES)]);
    if longer.is_none() {
        command.arg("--generation-deterministic");
    }
    let folder = tempfile::tempdir().unwrap();
    let output = command.current_dir(&folder).stdin(Stdio::null()).output().unwrap();
    let shown = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    let summary: Vec<_> = shown.lines().skip_while(|line| !line.contains(" SUMMARY ")).collect();
    eprintln!("{}", summary.join("\n"));
    assert!(output.status.success(), "{shown}\n{errors}");
    // The admin is still who it was, and the nodes agree.
    assert_eq!(admin.validate(&urls[1], &token).await.unwrap().status, 200, "the token of the admin");
    cluster.wait_same_state(0).await;
}
