//! The unmodified `openstack` command against every node, and what one node has made read on another.

use crate::support::{ADMIN_PASSWORD, DevCluster, Script};

#[test]
fn the_openstack_command_works_through_every_node_and_with_one_node_dead() {
    let mut cluster = DevCluster::start();
    let urls = cluster.auth_urls();
    session(&urls);
    cluster.kill(0);
    session(&urls[1..]);
}

fn session(urls: &[String]) {
    let mut arguments: Vec<_> = urls.iter().map(String::as_str).collect();
    arguments.extend(["--password", ADMIN_PASSWORD, "--own-catalog"]);
    let output = Script::run("openstack_session.py", &arguments);
    let shown = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{shown}\n{errors}");
    assert_eq!(shown.matches("  removal").count(), urls.len(), "not all steps were done: {shown}");
}
