//! `DIR/openrc`: what a shell tells OpenStack clients.

use std::fmt::Write;

/// Assignments for a shell that log the admin user in at `auth_url`.
pub fn text(auth_url: &str, username: &str, password: &str, project: &str, region: &str) -> String {
    let variables = [
        ("OS_AUTH_URL", auth_url),
        ("OS_IDENTITY_API_VERSION", "3"),
        ("OS_AUTH_TYPE", "password"),
        ("OS_USERNAME", username),
        ("OS_PASSWORD", password),
        ("OS_USER_DOMAIN_NAME", "Default"),
        ("OS_PROJECT_NAME", project),
        ("OS_PROJECT_DOMAIN_NAME", "Default"),
        ("OS_REGION_NAME", region),
    ];
    let mut text = String::from("# Written by keyraft dev. To use it: source this file.\n");
    for (name, value) in variables {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "export {name}={}", quoted(value));
    }
    text
}

/// One word of a POSIX shell: a quote ends the quoting, stands for itself, and starts it again.
fn quoted(value: &str) -> String {
    format!("'{}'", value.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    #[test]
    fn a_shell_reads_every_password_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("openrc");
        for password in ["keyraft", "it's $HOME `id` \"x\" \\ !", "'", "two\nlines"] {
            let text = super::text("http://127.0.0.1:5000/v3", "admin", password, "admin", "RegionOne");
            std::fs::write(&path, text).unwrap();
            let script = format!(". {} && printf '%s|%s' \"$OS_PASSWORD\" \"$OS_AUTH_URL\"", path.display());
            let shown = Command::new("sh").args(["-c", &script]).output().unwrap();
            let expected = format!("{password}|http://127.0.0.1:5000/v3");
            assert_eq!(String::from_utf8(shown.stdout).unwrap(), expected);
        }
    }
}
