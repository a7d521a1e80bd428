//! `keyraft bootstrap`

use std::io::Read;
use std::path::{Path, PathBuf};

use clap::Args;
use keyraft::config::Config;
use keyraft::ops::admin::{BootstrapRequest, Secret};

use super::admin_client::AdminClient;
use super::failure::Failure;
use super::output;

/// Make the first user: an admin user, its project and roles, and the identity service.
///
/// Run it once, on any node of a running cluster, as the user that runs the node. It does what
/// `keystone-manage bootstrap` does: the domain Default, the user and project admin in it, the roles
/// admin, manager, member, reader and service, and an endpoint of the identity service for each URL
/// given. It may be run again: what exists stays, and the password of the user is set anew.
#[derive(Debug, Args)]
pub struct BootstrapArgs {
    /// The configuration of the node to ask, as given to `keyraft serve`
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// A file that holds the password in its first line, `-` for standard input; it goes before
    /// --bootstrap-password
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// The password; other users of this machine can see it while the command runs, so prefer the
    /// variable or --password-file
    #[arg(long, value_name = "PASSWORD", env = "OS_BOOTSTRAP_PASSWORD", hide_env_values = true)]
    bootstrap_password: Option<String>,
    /// Name of the admin user
    #[arg(long, value_name = "NAME", env = "OS_BOOTSTRAP_USERNAME", default_value = "admin")]
    bootstrap_username: String,
    /// Name of the admin project
    #[arg(long, value_name = "NAME", env = "OS_BOOTSTRAP_PROJECT_NAME", default_value = "admin")]
    bootstrap_project_name: String,
    /// Name of the admin role
    #[arg(long, value_name = "NAME", env = "OS_BOOTSTRAP_ROLE_NAME", default_value = "admin")]
    bootstrap_role_name: String,
    /// Name of the identity service
    #[arg(long, value_name = "NAME", env = "OS_BOOTSTRAP_SERVICE_NAME", default_value = "keystone")]
    bootstrap_service_name: String,
    /// Region of the endpoints, such as RegionOne
    #[arg(long, value_name = "ID", env = "OS_BOOTSTRAP_REGION_ID")]
    bootstrap_region_id: Option<String>,
    /// URL of the public endpoint, such as `$(public_endpoint)s/v3`, which each node replaces by its
    /// own node.public_endpoint
    #[arg(long, value_name = "URL", env = "OS_BOOTSTRAP_PUBLIC_URL")]
    bootstrap_public_url: Option<String>,
    /// URL of the internal endpoint
    #[arg(long, value_name = "URL", env = "OS_BOOTSTRAP_INTERNAL_URL")]
    bootstrap_internal_url: Option<String>,
    /// URL of the admin endpoint
    #[arg(long, value_name = "URL", env = "OS_BOOTSTRAP_ADMIN_URL")]
    bootstrap_admin_url: Option<String>,
    /// Protect the roles from change and removal, the default
    #[arg(long, overrides_with = "no_immutable_roles")]
    immutable_roles: bool,
    /// Leave the roles open to change and removal
    #[arg(long)]
    no_immutable_roles: bool,
}

/// A password file is not read beyond this length.
const MAX_PASSWORD_FILE_BYTES: u64 = 64 * 1024;

pub fn run(args: &BootstrapArgs) -> Result<(), Failure> {
    let request = request(args)?;
    let config = Config::load(&args.config)?;
    let client = AdminClient::new(&config.admin_socket());
    super::block_on(async { client.bootstrap(&request).await.map_err(Failure::from) })?;
    output::line(format_args!(
        "The user {} and the project {} are ready.",
        request.username, request.project_name
    ))
}

fn request(args: &BootstrapArgs) -> Result<BootstrapRequest, Failure> {
    Ok(BootstrapRequest {
        username: args.bootstrap_username.clone(),
        password: password(args)?,
        project_name: args.bootstrap_project_name.clone(),
        role_name: args.bootstrap_role_name.clone(),
        service_name: args.bootstrap_service_name.clone(),
        region_id: args.bootstrap_region_id.clone(),
        public_url: args.bootstrap_public_url.clone(),
        internal_url: args.bootstrap_internal_url.clone(),
        admin_url: args.bootstrap_admin_url.clone(),
        immutable_roles: args.immutable_roles || !args.no_immutable_roles,
    })
}

fn password(args: &BootstrapArgs) -> Result<Secret, Failure> {
    let password = match (&args.password_file, &args.bootstrap_password) {
        (Some(file), _) => first_line(file)?,
        (None, Some(password)) => password.clone(),
        (None, None) => {
            let reason = "give the password: --password-file, OS_BOOTSTRAP_PASSWORD or --bootstrap-password";
            return Err(Failure::usage(reason));
        }
    };
    if password.is_empty() {
        return Err(Failure::usage("the password is empty"));
    }
    Ok(Secret::from(password))
}

fn first_line(file: &Path) -> Result<String, Failure> {
    let mut text = String::new();
    let read = if file == Path::new("-") {
        std::io::stdin().lock().take(MAX_PASSWORD_FILE_BYTES).read_to_string(&mut text)
    } else {
        std::fs::File::open(file)
            .and_then(|file| file.take(MAX_PASSWORD_FILE_BYTES).read_to_string(&mut text))
    };
    read.map_err(|error| Failure::usage(error).within(format!("cannot read {}", file.display())))?;
    Ok(text.lines().next().unwrap_or_default().to_owned())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: BootstrapArgs,
    }

    fn args(line: &str) -> BootstrapArgs {
        Line::parse_from(line.split_whitespace()).args
    }

    #[test]
    fn names_default_to_those_of_keystone() {
        let request = request(&args("bootstrap --config f --bootstrap-password s3cret")).unwrap();
        assert_eq!(request.password.expose(), "s3cret");
        assert_eq!(
            [&request.username, &request.project_name, &request.role_name, &request.service_name],
            ["admin", "admin", "admin", "keystone"]
        );
        assert!(request.immutable_roles && request.region_id.is_none());
        assert!(!format!("{request:?}").contains("s3cret"));
    }

    #[test]
    fn of_two_options_about_roles_the_later_holds() {
        let line = "bootstrap --config f --bootstrap-password p";
        assert!(!request(&args(&format!("{line} --no-immutable-roles"))).unwrap().immutable_roles);
        let both = format!("{line} --no-immutable-roles --immutable-roles");
        assert!(request(&args(&both)).unwrap().immutable_roles);
    }

    #[test]
    fn the_password_file_gives_its_first_line() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "s3 cret\nrest\n").unwrap();
        let file_option = format!("--password-file {}", file.path().display());
        let line = format!("bootstrap --config f --bootstrap-password other {file_option}");
        assert_eq!(request(&args(&line)).unwrap().password.expose(), "s3 cret");
        std::fs::write(file.path(), "\n").unwrap();
        assert!(request(&args(&line)).is_err());
    }

    #[test]
    fn a_missing_password_is_a_usage_error() {
        let error = request(&args("bootstrap --config f")).unwrap_err();
        assert!(error.to_string().contains("OS_BOOTSTRAP_PASSWORD"), "{error}");
    }
}
