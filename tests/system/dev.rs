//! `keyraft dev` as a user meets it: real processes on real ports.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Output, Stdio};
use std::time::Duration;

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::support::{
    Client, DevProcess, Ports, ServeProcess, is_running, keyraft, password_login, scoped, signal, step_of,
    wait_until,
};

const LIMIT: Duration = Duration::from_secs(30);

#[test]
fn a_cluster_starts_survives_and_stops_as_the_help_promises() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let arguments =
        ["--admin-password", "first", "--set", "token.expiration_s=900", "--set", "log.level=info"];
    let mut dev = DevProcess::start(folder, &arguments);
    let openrc = step_of("a_cluster_gets_ready", || {
        let ready = dev.wait_ready();
        assert!(ready.contains(&format!("{}/v3", dev.url(0))) && ready.contains("3 nodes"), "{ready}");
        assert!(ready.contains("openrc"), "{ready}");
        assert!(pids(&dev).into_iter().all(is_running));
        let openrc = std::fs::read_to_string(folder.join("openrc")).unwrap();
        assert!(openrc.contains("OS_USERNAME='admin'") && openrc.contains("OS_PASSWORD='first'"), "{openrc}");
        openrc
    });
    step_of("status_shows_all_nodes_and_one_leader", || shows_all_nodes_and_one_leader(&dev));
    step_of("keys_are_rotated_and_listed_without_their_secrets", || rotates_keys(&dev));
    step_of("a_folder_in_use_is_one_line_that_names_the_process", || {
        let refused = keyraft(&["dev", "--data-dir", folder.to_str().unwrap()]);
        let error = one_line(&refused, 1);
        assert!(error.contains(&format!("is in use by process {}", dev.id())), "{error}");
    });
    let mut restarted = step_of("a_killed_node_is_reported_and_comes_back_by_its_own_configuration", || {
        let before = pids(&dev);
        signal(before[1], Signal::KILL);
        let report = dev.wait_error_line("node 1 (");
        assert!(
            report.contains("was killed by signal 9") && report.contains("node-1/config.toml"),
            "{report}"
        );
        assert!(is_running(before[0]) && is_running(before[2]));
        let restarted = ServeProcess::start(&dev.config_file(1), Stdio::null());
        wait_until("node 1 responds", LIMIT, || keyraft(&["status", "--url", &dev.url(1)]).status.success());
        assert_eq!(dev.node_pid(1), restarted.id());
        restarted
    });
    step_of("a_cluster_stops_cleanly_on_sigint", || {
        let [first, _, third] = pids(&dev);
        assert_eq!(stop(&mut dev), Some(0));
        assert!(!is_running(first) && !is_running(third), "a child is left");
        assert_eq!(restarted.stop().code(), Some(0));
    });
    step_of("a_folder_that_exists_takes_no_other_options", || {
        let other = ["dev", "--data-dir", folder.to_str().unwrap(), "--set", "token.expiration_s=901"];
        let error = one_line(&keyraft(&other), 2);
        assert!(error.contains("it was made without --set token.expiration_s=901"), "{error}");
    });
    step_of("a_second_start_resumes_and_leaves_the_password_alone", || {
        dev.start_again(&["--set", "token.expiration_s=900"]);
        assert!(dev.wait_ready().contains("3 nodes"));
        assert_eq!(std::fs::read_to_string(folder.join("openrc")).unwrap(), openrc);
    });
    assert_eq!(stop(&mut dev), Some(0));
    step_of("the_sigint_of_a_terminal_reaches_the_parent_alone", || {
        dev.start_again_in_its_own_group();
        dev.wait_ready();
        let before: Vec<_> = (0..3).map(|number| log(&dev, number).len()).collect();
        dev.interrupt_group();
        assert_eq!(dev.wait_exit().code(), Some(0));
        for (number, before) in (0..3).zip(before) {
            let log = &log(&dev, number)[before..];
            assert!(log.contains(r#""signal":"SIGTERM""#) && !log.contains("SIGINT"), "{log}");
        }
    });
    step_of("the_nodes_die_with_a_parent_that_is_killed", || {
        dev.start_again(&[]);
        dev.wait_ready();
        let pids = pids(&dev);
        dev.kill();
        wait_until("the nodes are gone", LIMIT, || !pids.into_iter().any(is_running));
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn one_node_with_all_defaults_is_ready_and_its_openrc_logs_in() {
    let folder = tempfile::tempdir().unwrap();
    let dev = DevProcess::start(folder.path(), &["--nodes", "1", "--set", "identity.password_hash_rounds=4"]);
    let ready = dev.wait_ready();
    assert!(ready.contains("1 node"), "{ready}");
    assert!(!dev.node_folder(1).exists());
    let openrc = std::fs::read_to_string(folder.path().join("openrc")).unwrap();
    let variable = |name: &str| {
        let start = format!("export {name}='");
        let value = openrc.lines().find_map(|line| line.strip_prefix(&start)?.strip_suffix('\''));
        value.unwrap_or_else(|| panic!("no {name} in {openrc}")).to_owned()
    };
    let user = json!({"name": variable("OS_USERNAME"), "domain": {"name": variable("OS_USER_DOMAIN_NAME")}});
    let project =
        json!({"name": variable("OS_PROJECT_NAME"), "domain": {"name": variable("OS_PROJECT_DOMAIN_NAME")}});
    let url = variable("OS_AUTH_URL");
    let login = scoped(password_login(user, &variable("OS_PASSWORD")), json!({"project": project}));
    Client::anonymous().log_in(url.trim_end_matches("/v3"), &login).await;
}

#[test]
fn a_busy_port_is_one_line_that_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let ports = Ports::reserve();
    let _busy = TcpListener::bind(("127.0.0.1", ports.http_port + 101)).unwrap();
    let (dir, port) = (folder.path().to_str().unwrap(), ports.http_port.to_string());
    let error = one_line(&keyraft(&["dev", "--data-dir", dir, "--http-port", &port]), 1);
    let busy = format!("port {} (the cluster service of node 1)", ports.http_port + 101);
    assert!(error.contains(&busy), "{error}");
}

#[test]
fn a_configuration_with_a_mistake_is_one_line_that_names_the_key() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config.toml");
    std::fs::write(&file, "[node]\nid = 0\n[cluster]\npeers = [{ id = 0, address = 'here' }]\n").unwrap();
    let error = one_line(&keyraft(&["serve", "--config", file.to_str().unwrap()]), 2);
    assert!(error.contains("config.toml:4: cluster.peers[0].address: "), "{error}");
}

#[test]
fn an_option_with_a_mistake_is_one_line_that_names_the_key_and_leaves_no_folder() {
    let folder = tempfile::tempdir().unwrap();
    let data_dir = folder.path().join("data");
    let dir = data_dir.to_str().unwrap();
    for (option, reason) in [
        ("token.expiratoin_s=15", "--set: token.expiratoin_s: unknown key"),
        ("token.expiration_s=long", "--set: token.expiration_s: invalid type"),
        ("cluster.listen=127.0.0.1:1", "--set: cluster.listen: keyraft dev chooses it"),
        ("expiration_s", "--set: \"expiration_s\" is not of the form section.key=value"),
    ] {
        let error = one_line(&keyraft(&["dev", "--data-dir", dir, "--set", option]), 2);
        assert!(error.contains(reason), "{error}");
        assert!(!Path::new(dir).exists(), "{option} left a folder");
    }
}

fn stop(dev: &mut DevProcess) -> Option<i32> {
    dev.interrupt();
    dev.wait_exit().code()
}

fn pids(dev: &DevProcess) -> [u32; 3] {
    [0, 1, 2].map(|number| dev.node_pid(number))
}

fn log(dev: &DevProcess, number: u64) -> String {
    std::fs::read_to_string(dev.log_file(number)).unwrap()
}

fn shows_all_nodes_and_one_leader(dev: &DevProcess) {
    let shown = keyraft(&["status", "--json", "--url", &dev.url(1)]);
    assert!(shown.status.success());
    let status: Value = serde_json::from_slice(&shown.stdout).unwrap();
    let nodes = status["nodes"].as_array().unwrap();
    assert_eq!(nodes.iter().map(|node| node["number"].as_u64().unwrap()).collect::<Vec<_>>(), [0, 1, 2]);
    let leaders: Vec<_> = nodes.iter().filter(|node| node["role"] == "leader").collect();
    assert_eq!(leaders.len(), 1, "{status}");
    assert_eq!(leaders[0]["number"], status["leader"]);
    assert_eq!(nodes[1]["address"], format!("127.0.0.1:{}", dev.http_port(101)));
}

fn rotates_keys(dev: &DevProcess) {
    let config = dev.config_file(0);
    let primary = |command: &str| {
        let shown = keyraft(&["fernet", command, "--json", "--config", config.to_str().unwrap()]);
        assert!(shown.status.success(), "{}", String::from_utf8_lossy(&shown.stderr));
        let keys: Value = serde_json::from_slice(&shown.stdout).unwrap();
        let keys = keys["keys"].as_array().unwrap().clone();
        keys.iter().find(|key| key["role"] == "primary").unwrap()["number"].as_u64().unwrap()
    };
    let before = primary("list");
    let rotated = primary("rotate");
    assert!(rotated > before);
    assert_eq!(primary("list"), rotated);
}

/// The only line of a command that was refused with this code.
fn one_line(refused: &Output, code: i32) -> String {
    assert_eq!(refused.status.code(), Some(code));
    assert!(refused.stdout.is_empty());
    let error = String::from_utf8(refused.stderr.clone()).unwrap();
    assert_eq!(error.lines().count(), 1, "{error}");
    error
}
