//! What a file may hold, and how a mistake in it is reported.

use std::path::Path;

use super::Config;

const REQUIRED: &str = "[node]\nid = 1\n[cluster]\npeers = [\n{ id = 0, address = 'a:5100' },\n\
    { id = 1, address = 'b:5100' },\n]\n";

fn error_of(text: &str) -> String {
    Config::parse(Path::new("k.toml"), text).expect_err("the text holds a mistake").to_string()
}

#[test]
fn the_required_keys_suffice() {
    let config = Config::parse(Path::new("k.toml"), REQUIRED).unwrap();
    assert_eq!(config.node.id, 1);
    assert_eq!(config.token.expiration_s, 3600);
    assert_eq!(config.cluster.peers[1].address.to_string(), "b:5100");
}

#[test]
fn an_unknown_key_is_named_with_its_line() {
    let error = error_of(&format!("{REQUIRED}[token]\nexpiration_s = 60\nexpiratoin_s = 60\n"));
    assert!(error.starts_with("k.toml:10: token.expiratoin_s: unknown"), "{error}");
    let error = error_of(&format!("{REQUIRED}[tokens]\n"));
    assert!(error.starts_with("k.toml:8: tokens: unknown"), "{error}");
    let error = error_of("[node]\nid = 0\n[cluster]\npeers = [{ id = 0, address = 'a:1', port = 1 }]");
    assert!(error.starts_with("k.toml:4: cluster.peers[0].port: unknown"), "{error}");
}

#[test]
fn a_missing_key_is_named() {
    let error = error_of("[node]\n[cluster]\npeers = []\n");
    assert!(error.starts_with("k.toml:1: node.id: missing"), "{error}");
    let error = error_of("[node]\nid = 0\n[cluster]\npeers = [{ id = 0 }]\n");
    assert!(error.starts_with("k.toml:4: cluster.peers[0].address: missing"), "{error}");
    let error = error_of("[node]\nid = 0\n");
    assert!(error.contains(": cluster: missing"), "{error}");
}

#[test]
fn a_value_of_the_wrong_type_is_named() {
    let error = error_of(&format!("{REQUIRED}[token]\nexpiration_s = 'long'\n"));
    assert!(error.starts_with("k.toml:9: token.expiration_s: invalid type"), "{error}");
    let error = error_of(&REQUIRED.replace("b:5100", "b"));
    assert!(error.starts_with("k.toml:6: cluster.peers[1].address: "), "{error}");
    let error = error_of(&format!("{REQUIRED}[http]\ntrusted_proxies = ['10.0.0.1', 'proxy']\n"));
    assert!(error.starts_with("k.toml:9: http.trusted_proxies[1]: "), "{error}");
}

#[test]
fn a_value_out_of_range_is_named_with_its_line() {
    let error = error_of(&format!("{REQUIRED}[token]\nexpiration_s = 0\n"));
    assert!(error.starts_with("k.toml:9: token.expiration_s: "), "{error}");
    let error = error_of(&REQUIRED.replace("{ id = 1,", "{ id = 0,"));
    assert!(error.starts_with("k.toml:6: cluster.peers[1].id: "), "{error}");
    let error = error_of(&REQUIRED.replace("\nid = 1", "\nid = 7"));
    assert!(error.starts_with("k.toml:2: node.id: "), "{error}");
    let error = error_of(&REQUIRED.replace("[cluster]", "[cluster]\nheartbeat_ms = 1000"));
    assert!(error.contains(": cluster.election_timeout_min_ms: "), "{error}");
    for body_timeout_s in [0, 3601] {
        let error = error_of(&format!("{REQUIRED}[http]\nbody_timeout_s = {body_timeout_s}\n"));
        assert!(error.starts_with("k.toml:9: http.body_timeout_s: "), "{error}");
    }
    for digest_interval_ms in [99, 3_600_001] {
        let section = format!("[cluster]\ndigest_interval_ms = {digest_interval_ms}");
        let error = error_of(&REQUIRED.replace("[cluster]", &section));
        assert!(error.starts_with("k.toml:4: cluster.digest_interval_ms: "), "{error}");
    }
}

#[test]
fn the_hash_algorithms_have_the_names_of_keystone() {
    for name in ["bcrypt", "bcrypt_sha256", "scrypt", "pbkdf2_sha512"] {
        let text = format!("{REQUIRED}[identity]\npassword_hash_algorithm = '{name}'\n");
        Config::parse(Path::new("k.toml"), &text).unwrap();
    }
    let error = error_of(&format!("{REQUIRED}[identity]\npassword_hash_algorithm = 'md5'\n"));
    assert!(error.starts_with("k.toml:9: identity.password_hash_algorithm: "), "{error}");
    let error = error_of(&format!("{REQUIRED}[identity]\npassword_hash_rounds = 32\n"));
    assert!(error.starts_with("k.toml:9: identity.password_hash_rounds: "), "{error}");
}

#[test]
fn half_an_admin_project_is_refused() {
    let error = error_of(&format!("{REQUIRED}[resource]\nadmin_project_name = 'admin'\n"));
    assert!(error.starts_with("k.toml:9: resource.admin_project_name: "), "{error}");
    let error = error_of(&format!("{REQUIRED}[resource]\nadmin_project_domain_name = 'Default'\n"));
    assert!(error.starts_with("k.toml:9: resource.admin_project_domain_name: "), "{error}");
}

#[test]
fn a_rule_for_passwords_that_cannot_be_is_named() {
    for (value, reason) in [
        ("password_regex = '('", "password_regex: "),
        ("lockout_failure_attempts = 0", "lockout_failure_attempts: "),
        ("lockout_duration_s = 0", "lockout_duration_s: "),
        ("unique_last_password_count = 101", "unique_last_password_count: "),
        ("minimum_password_age_days = 3\npassword_expires_days = 3", "minimum_password_age_days: "),
    ] {
        let error = error_of(&format!("{REQUIRED}[security_compliance]\n{value}\n"));
        assert!(error.starts_with(&format!("k.toml:9: security_compliance.{reason}")), "{error}");
    }
}

#[test]
fn broken_toml_is_reported_with_its_line() {
    let error = error_of("[node]\nid = \n");
    assert!(error.starts_with("k.toml:2: "), "{error}");
    assert!(!error.contains('\n'), "one line: {error}");
}

#[test]
fn relative_paths_are_taken_from_the_folder_of_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.toml");
    std::fs::write(
        &path,
        REQUIRED.replace("[node]", "[node]\ndata_dir = '.'\ncluster_key_file = '../k'")
            + "[policy]\npolicy_file = 'p.yaml'\npolicy_dirs = ['d']\n",
    )
    .unwrap();
    let config = Config::load(&path).unwrap();
    assert_eq!(config.node.data_dir, folder.path());
    assert_eq!(config.node.cluster_key_file, folder.path().join("../k"));
    assert_eq!(config.policy.policy_file, Some(folder.path().join("p.yaml")));
    assert_eq!(config.policy.policy_dirs, [folder.path().join("d")]);
    assert_eq!(config.admin_socket(), folder.path().join("admin.sock"));
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let error = Config::load(Path::new("/nowhere/k.toml")).unwrap_err().to_string();
    assert!(error.contains("/nowhere/k.toml"), "{error}");
}
